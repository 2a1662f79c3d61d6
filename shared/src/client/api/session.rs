//! Who is signed in, and how well the server is reached.

use minicbor::{Decode, Encode};

#[cfg(doc)]
use super::Action;
use super::Algorithm;
use crate::ids::{Timestamp, UserId};

/// Who is signed in.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum Session {
    /// The engine is starting.
    #[n(0)]
    Starting,
    /// Nobody.
    #[n(1)]
    SignedOut {
        /// The server ended the session (revoked); said once.
        #[n(0)]
        ended: bool,
    },
    /// Somebody.
    #[n(2)]
    SignedIn(#[n(0)] Me),
    /// The engine cannot run here; the text names what is missing.
    #[n(3)]
    Unsupported(#[n(0)] String),
    /// Somebody whose keys are not here: the password brings them back.
    #[n(4)]
    Locked {
        /// Whose data it is.
        #[n(0)]
        name: String,
    },
}

/// The signed-in person.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Me {
    /// Id.
    #[n(0)]
    pub user: UserId,
    /// Name.
    #[n(1)]
    pub name: String,
    /// How messages are signed.
    #[n(2)]
    pub algorithm: Algorithm,
    /// Fingerprint of the identity, hex.
    #[n(3)]
    pub fingerprint: String,
    /// Whether the recovery code still waits to be saved.
    #[n(4)]
    pub recovery_pending: bool,
    /// Version of the identity.
    #[n(5)]
    pub version: u32,
    /// Another browser has made newer keys, or replaced the password: messages wait until the password brings them here.
    #[n(6)]
    pub outdated: bool,
    /// How often a wrong password or code was tried since the last success or [`Action::AcknowledgeFailed`], and when
    /// last. The server's claim.
    #[n(7)]
    pub failed_sign_ins: Option<(u32, Timestamp)>,
}

/// Steps of the progress lists, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum Step {
    /// The password's part is done.
    #[n(0)]
    Password,
    /// The encryption key is there.
    #[n(1)]
    EncryptionKey,
    /// The signing keys are there.
    #[n(2)]
    SigningKeys,
    /// Sealed and stored here.
    #[n(3)]
    Sealed,
    /// The server has it.
    #[n(4)]
    Registered,
}

/// State of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum Connection {
    /// Connecting for the first time.
    #[n(0)]
    Connecting,
    /// Connected, fetching what was missed.
    #[n(1)]
    CatchingUp,
    /// Connected and caught up.
    #[n(2)]
    Online,
    /// Not connected; the next attempt in so many milliseconds.
    #[n(3)]
    Reconnecting {
        /// Milliseconds.
        #[n(0)]
        in_ms: u32,
    },
}
