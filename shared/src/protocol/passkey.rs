//! Passkeys (WebAuthn): a second factor after the password, and, with the PRF extension, a way to unlock.
//!
//! Options and responses are the JSON of Web Authentication Level 3, section 5.1: what
//! `PublicKeyCredential.parseCreationOptionsFromJSON`, `parseRequestOptionsFromJSON` and `toJSON` take and give.

use minicbor::{Decode, Encode};

use super::LoggedIn;
use crate::codec::Bytes;
use crate::ids::{SessionId, Timestamp};

/// Begins making a passkey. On a socket that has just answered `ConfirmFinish`; leaves its permission unused.
#[derive(Debug, Clone, Encode, Decode)]
pub struct PasskeyStart;

/// Reply to [`PasskeyStart`], [`FactorStart`] and [`UnlockStart`].
#[derive(Debug, Clone, Encode, Decode)]
pub struct PasskeyOptions {
    /// `PublicKeyCredentialCreationOptionsJSON`, or `PublicKeyCredentialRequestOptionsJSON`.
    #[n(0)]
    pub options: String,
}

/// Keeps the passkey that was made. From then on, the password alone signs no new browser in. After
/// [`PasskeyStart`]; uses the permission up.
#[derive(Debug, Clone, Encode, Decode)]
pub struct PasskeyFinish {
    /// `RegistrationResponseJSON`.
    #[n(0)]
    pub response: String,
    /// What its owner calls it, at most [`super::MAX_PASSKEY_NAME`] characters.
    #[n(1)]
    pub name: String,
    /// K_priv under the KEK of the passkey's PRF, where it has one.
    #[n(2)]
    pub priv_by_passkey: Option<Bytes>,
}

/// Asks for the user's passkeys.
#[derive(Debug, Clone, Encode, Decode)]
pub struct ListPasskeys;

/// Reply to [`ListPasskeys`].
#[derive(Debug, Clone, Encode, Decode)]
pub struct Passkeys {
    /// Oldest first.
    #[n(0)]
    pub passkeys: Vec<PasskeyInfo>,
}

/// One passkey.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct PasskeyInfo {
    /// Its credential id.
    #[n(0)]
    pub id: Bytes,
    /// What its owner calls it.
    #[n(1)]
    pub name: String,
    /// When it was made.
    #[n(2)]
    pub created: Timestamp,
    /// When it was last used here.
    #[n(3)]
    pub last_used: Option<Timestamp>,
    /// Whether it unlocks: it has a PRF, and the account's secrets have not been replaced since.
    #[n(4)]
    pub unlocks: bool,
}

/// Forgets a passkey. After `ConfirmFinish`, whose permission it uses up.
#[derive(Debug, Clone, Encode, Decode)]
pub struct RemovePasskey {
    /// Which.
    #[n(0)]
    pub id: Bytes,
}

/// Goes on with a login that was refused with `SecondFactorNeeded`, on the same socket.
#[derive(Debug, Clone, Encode, Decode)]
pub struct FactorStart;

/// Ends that login. Its reply is that of `LoginFinish`.
#[derive(Debug, Clone, Encode, Decode)]
pub struct FactorFinish {
    /// `AuthenticationResponseJSON`.
    #[n(0)]
    pub response: String,
}

/// Begins to unlock a browser by passkey, without the password.
#[derive(Debug, Clone, Encode, Decode)]
pub struct UnlockStart {
    /// The session of the locked browser, which only it and the server know.
    #[n(0)]
    pub session: SessionId,
}

/// Unlocks: the session goes on with a new token. After [`UnlockStart`].
#[derive(Debug, Clone, Encode, Decode)]
pub struct UnlockFinish {
    /// `AuthenticationResponseJSON`.
    #[n(0)]
    pub response: String,
    /// As in `LoginFinish`.
    #[n(1)]
    pub browser: String,
}

/// Reply to [`UnlockFinish`].
#[derive(Debug, Clone, Encode, Decode)]
pub struct Unlocked {
    /// As after a login.
    #[n(0)]
    pub logged_in: LoggedIn,
    /// The credential id of the passkey that was used.
    #[n(1)]
    pub passkey: Bytes,
    /// What its PRF opens.
    #[n(2)]
    pub priv_by_passkey: Bytes,
}
