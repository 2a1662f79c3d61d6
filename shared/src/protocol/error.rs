//! Why a request was refused.

use minicbor::{Decode, Encode};

use crate::log::Refusal;

/// A refused request: a code to act on, and a sentence for logs and developers (never for telling cases apart).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, thiserror::Error)]
#[error("{code:?}: {detail}")]
pub struct RequestError {
    /// What the client can act on.
    #[n(0)]
    pub code: ErrorCode,
    /// A sentence in English.
    #[n(1)]
    pub detail: String,
    /// After how many milliseconds the same request may succeed ([`ErrorCode::TooMany`]).
    #[n(2)]
    pub retry_after_ms: Option<u64>,
}

impl RequestError {
    /// An error without a time to wait.
    pub fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            retry_after_ms: None,
        }
    }
}

impl From<Refusal> for RequestError {
    fn from(refusal: Refusal) -> Self {
        let code = match refusal {
            Refusal::Conflict => ErrorCode::Conflict,
            Refusal::NotMember | Refusal::NotAllowed => ErrorCode::NotAllowed,
            Refusal::StaleEpoch => ErrorCode::StaleEpoch,
            Refusal::EpochDue => ErrorCode::EpochDue,
            Refusal::StaleIdentity => ErrorCode::StaleIdentity,
            Refusal::FalseView => ErrorCode::FalseView,
            Refusal::Invalid(_) => ErrorCode::InvalidEntry,
        };
        Self::new(code, refusal.to_string())
    }
}

/// What a client can act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum ErrorCode {
    /// No operation has this number.
    #[n(0)]
    UnknownOperation,
    /// The body is not what the operation takes.
    #[n(1)]
    Malformed,
    /// Sign in first.
    #[n(2)]
    NotSignedIn,
    /// Already signed in on this socket, or the step before is missing.
    #[n(3)]
    WrongState,
    /// Name unknown, or password or recovery code wrong: the same answer for all.
    #[n(4)]
    WrongCredentials,
    /// The session token is unknown or has ended.
    #[n(5)]
    SessionEnded,
    /// The name is taken, or too easily mistaken for one that is.
    #[n(6)]
    NameTaken,
    /// The name is not allowed.
    #[n(7)]
    NameRefused,
    /// The server does not take registrations.
    #[n(8)]
    RegistrationClosed,
    /// Too many attempts; wait as long as `retry_after_ms` says.
    #[n(9)]
    TooMany,
    /// No such user, conversation, entry or wrap, or none that the asker may see.
    #[n(10)]
    NotFound,
    /// The asker is no member of the conversation, or may not do this in it.
    #[n(11)]
    NotAllowed,
    /// A state entry came between the author's view and now: catch up and try again with a fresh key.
    #[n(12)]
    Conflict,
    /// The message's epoch is no longer current: catch up, sign anew under the same message id.
    #[n(13)]
    StaleEpoch,
    /// An epoch is due before messages or a rename are taken.
    #[n(14)]
    EpochDue,
    /// The entry's view is not one of this log.
    #[n(15)]
    FalseView,
    /// An identity in the entry is not the one in force.
    #[n(16)]
    StaleIdentity,
    /// The same message id came before with other bytes.
    #[n(17)]
    DuplicateId,
    /// The entry breaks a rule of the log.
    #[n(18)]
    InvalidEntry,
    /// The wraps do not fit the announcement.
    #[n(19)]
    InvalidWraps,
    /// A signature does not verify.
    #[n(20)]
    InvalidSignature,
    /// The identity in a registration is not well-formed or not signed.
    #[n(21)]
    InvalidIdentity,
    /// Another browser wrote a newer generation.
    #[n(22)]
    StaleGeneration,
    /// Larger than a stated limit.
    #[n(23)]
    TooLarge,
    /// The server failed; the detail holds an id that its operator can look up.
    #[n(24)]
    Internal,
    /// The server takes registrations with an invitation code only.
    #[n(25)]
    CodeNeeded,
    /// The invitation code is unknown, used up or too old.
    #[n(26)]
    CodeWrong,
    /// The password was right, but the operator has disabled the account.
    #[n(27)]
    AccountDisabled,
    /// The password was right, but the account asks for a passkey too.
    #[n(28)]
    SecondFactorNeeded,
    /// The passkey's response does not hold, or passkeys cannot be used from here.
    #[n(29)]
    PasskeyRefused,
}
