//! Everything that can go wrong inside the client, told apart by what is done about it.

use super::api::Failure;
use super::platform::{CallError, KeysError, StoreError};
use crate::protocol::{ErrorCode, RequestError};

/// Why something could not be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trouble {
    /// No connection, or it broke: try again when it is back.
    Offline,
    /// The server's definite no.
    Refused(RequestError),
    /// The server's reply is nonsense.
    BadReply(&'static str),
    /// Keys failed.
    Keys(KeysError),
    /// The store failed.
    Store(StoreError),
    /// What the person must hear.
    Tell(Failure),
}

impl From<CallError> for Trouble {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Disconnected => Self::Offline,
            // The socket broke and another is there, of which the client has not heard yet: it resumes when it does.
            CallError::Refused(error) if error.code == ErrorCode::NotSignedIn => Self::Offline,
            CallError::Refused(error) => Self::Refused(error),
            CallError::BadReply => Self::BadReply("a reply is malformed"),
        }
    }
}

impl From<KeysError> for Trouble {
    fn from(error: KeysError) -> Self {
        Self::Keys(error)
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Tell(failure)
    }
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Offline => Self::Offline,
            Trouble::Refused(error) => from_refusal(error),
            Trouble::BadReply(what) => Self::Server(what.into()),
            Trouble::Keys(error) => Self::Internal(error.to_string()),
            Trouble::Store(error) => Self::Storage(error.to_string()),
            Trouble::Tell(failure) => failure,
        }
    }
}

fn from_refusal(error: RequestError) -> Failure {
    match error.code {
        ErrorCode::WrongCredentials => Failure::WrongCredentials,
        ErrorCode::NameTaken => Failure::NameTaken,
        ErrorCode::NameRefused => Failure::NameRefused(error.detail),
        ErrorCode::RegistrationClosed => Failure::RegistrationClosed,
        ErrorCode::TooMany => Failure::TooMany(error.retry_after_ms.unwrap_or(1000)),
        ErrorCode::NotAllowed | ErrorCode::NotFound => Failure::NotAllowed,
        ErrorCode::TooLarge => Failure::TooLarge,
        ErrorCode::NotSignedIn | ErrorCode::SessionEnded => Failure::NotSignedIn,
        ErrorCode::FalseView => Failure::LogBroken,
        ErrorCode::CodeNeeded => Failure::CodeNeeded,
        ErrorCode::CodeWrong => Failure::CodeWrong,
        ErrorCode::AccountDisabled => Failure::AccountDisabled,
        ErrorCode::SecondFactorNeeded => Failure::SecondFactor,
        ErrorCode::PasskeyRefused => Failure::PasskeyRefused,
        _ => Failure::Server(error.detail),
    }
}
