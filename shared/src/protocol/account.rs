//! Registration, login, sessions, the synced state, the directory, presence.

use minicbor::{Decode, Encode};

use crate::codec::Bytes;
use crate::crypto::account::{NewAccount, Vault, VaultKeys};
use crate::ids::{SessionId, Timestamp, UserId, UserName};

/// A success that carries nothing.
#[derive(Debug, Clone, Encode, Decode)]
pub struct Done;

/// First step of registration: OPAQUE `RegistrationRequest` (RFC 9807, section 5).
#[derive(Debug, Clone, Encode, Decode)]
pub struct RegisterStart {
    /// The name asked for.
    #[n(0)]
    pub name: UserName,
    /// OPAQUE `RegistrationRequest`.
    #[n(1)]
    pub request: Bytes,
}

/// Reply to [`RegisterStart`].
#[derive(Debug, Clone, Encode, Decode)]
pub struct RegisterStarted {
    /// OPAQUE `RegistrationResponse`.
    #[n(0)]
    pub response: Bytes,
}

/// Second step: everything that an account is, in one transaction. On the socket that asked [`RegisterStart`].
#[derive(Debug, Clone, Encode, Decode)]
pub struct RegisterFinish {
    /// OPAQUE `RegistrationRecord`.
    #[n(0)]
    pub record: Bytes,
    /// Identity, vault and recovery verifier. Its identity names the name of the first step.
    #[n(1)]
    pub account: NewAccount,
    /// What the session list calls this browser ("Firefox on Linux"), at most 64 characters.
    #[n(2)]
    pub browser: String,
}

/// A session has begun.
#[derive(Clone, Encode, Decode)]
pub struct SignedIn {
    /// Resumes the session on later sockets. 32 random bytes; the server keeps its SHA-256.
    #[n(0)]
    pub token: Bytes,
    /// The session's id in the list.
    #[n(1)]
    pub session: SessionId,
    /// Who signed in.
    #[n(2)]
    pub user: UserId,
}

impl std::fmt::Debug for SignedIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignedIn")
            .field("session", &self.session)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// First step of login: OPAQUE `KE1`. Unknown names get a reply like any other.
#[derive(Debug, Clone, Encode, Decode)]
pub struct LoginStart {
    /// Who.
    #[n(0)]
    pub name: UserName,
    /// OPAQUE `KE1`.
    #[n(1)]
    pub ke1: Bytes,
}

/// Reply to [`LoginStart`].
#[derive(Debug, Clone, Encode, Decode)]
pub struct LoginStarted {
    /// OPAQUE `KE2`.
    #[n(0)]
    pub ke2: Bytes,
}

/// Second step of login: OPAQUE `KE3`. On the socket that asked [`LoginStart`].
#[derive(Debug, Clone, Encode, Decode)]
pub struct LoginFinish {
    /// OPAQUE `KE3`.
    #[n(0)]
    pub ke3: Bytes,
    /// As in [`RegisterFinish`].
    #[n(1)]
    pub browser: String,
}

/// Reply to [`LoginFinish`]: the session, and what opens with the password.
#[derive(Debug, Clone, Encode, Decode)]
pub struct LoggedIn {
    /// The new session.
    #[n(0)]
    pub signed_in: SignedIn,
    /// Every version of the user's own identity, oldest first, as signed.
    #[n(1)]
    pub identities: Vec<Bytes>,
    /// The vault.
    #[n(2)]
    pub vault: Vault,
    /// The synced state.
    #[n(3)]
    pub state: SealedState,
}

/// Continues a session on a new socket.
#[derive(Clone, Encode, Decode)]
pub struct Resume {
    /// From [`SignedIn`].
    #[n(0)]
    pub token: Bytes,
}

impl std::fmt::Debug for Resume {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Resume")
    }
}

/// Reply to [`Resume`].
#[derive(Debug, Clone, Encode, Decode)]
pub struct Resumed {
    /// Whose session it is.
    #[n(0)]
    pub user: UserId,
    /// The session's id in the list.
    #[n(1)]
    pub session: SessionId,
    /// The newest generation of the synced state.
    #[n(2)]
    pub state_generation: u64,
    /// The newest version of the user's identity.
    #[n(3)]
    pub identity_version: u32,
}

/// First step of proving the password again on a signed-in socket: OPAQUE `KE1`.
#[derive(Debug, Clone, Encode, Decode)]
pub struct ConfirmStart {
    /// OPAQUE `KE1`.
    #[n(0)]
    pub ke1: Bytes,
}

/// Second step: OPAQUE `KE3`. Allows one [`PublishIdentity`] on this socket.
#[derive(Debug, Clone, Encode, Decode)]
pub struct ConfirmFinish {
    /// OPAQUE `KE3`.
    #[n(0)]
    pub ke3: Bytes,
}

/// Reply to [`ConfirmFinish`]: what opens with the password.
#[derive(Debug, Clone, Encode, Decode)]
pub struct Confirmed {
    /// Every version of the user's own identity, oldest first, as signed.
    #[n(0)]
    pub identities: Vec<Bytes>,
    /// The vault.
    #[n(1)]
    pub vault: Vault,
    /// Statements that versions of it are compromised.
    #[n(2)]
    pub compromised: Vec<Bytes>,
}

/// Puts the next version of the user's identity into force and its keys into the vault, in one transaction. On a
/// socket that has just answered [`ConfirmFinish`].
#[derive(Debug, Clone, Encode, Decode)]
pub struct PublishIdentity {
    /// The next version, as signed.
    #[n(0)]
    pub identity: Bytes,
    /// Its private keys, sealed under K_priv.
    #[n(1)]
    pub keys: VaultKeys,
    /// CBOR of [`crate::crypto::identity::Compromised`] about the version before, where that one is in other hands.
    #[n(2)]
    pub compromised: Option<Bytes>,
}

/// Ends this session.
#[derive(Debug, Clone, Encode, Decode)]
pub struct SignOut;

/// Asks for the user's sessions.
#[derive(Debug, Clone, Encode, Decode)]
pub struct ListSessions;

/// Reply to [`ListSessions`].
#[derive(Debug, Clone, Encode, Decode)]
pub struct Sessions {
    /// All that have not ended.
    #[n(0)]
    pub sessions: Vec<SessionInfo>,
}

/// One signed-in browser.
#[derive(Debug, Clone, Encode, Decode)]
pub struct SessionInfo {
    /// Its id.
    #[n(0)]
    pub id: SessionId,
    /// What it called itself.
    #[n(1)]
    pub browser: String,
    /// When it signed in.
    #[n(2)]
    pub created: Timestamp,
    /// When it was last connected.
    #[n(3)]
    pub last_seen: Timestamp,
    /// Whether it is the asking one.
    #[n(4)]
    pub this: bool,
}

/// Ends one of the user's sessions; its sockets are told and closed.
#[derive(Debug, Clone, Encode, Decode)]
pub struct RevokeSession {
    /// Which one.
    #[n(0)]
    pub session: SessionId,
}

/// Writes the synced state (sealed under K_state), if nobody wrote since `expected`.
#[derive(Debug, Clone, Encode, Decode)]
pub struct PutState {
    /// The generation that this one follows; else `StaleGeneration`.
    #[n(0)]
    pub expected: u64,
    /// The sealed record, at most [`super::MAX_STATE`] bytes.
    #[n(1)]
    pub sealed: Bytes,
}

/// Reply to [`PutState`].
#[derive(Debug, Clone, Encode, Decode)]
pub struct StateGeneration {
    /// The generation just written.
    #[n(0)]
    pub generation: u64,
}

/// Reads the synced state.
#[derive(Debug, Clone, Encode, Decode)]
pub struct GetState;

/// Reply to [`GetState`].
#[derive(Debug, Clone, Encode, Decode)]
pub struct SealedState {
    /// 1 from registration on, one more with every write.
    #[n(0)]
    pub generation: u64,
    /// The sealed record.
    #[n(1)]
    pub sealed: Bytes,
}

/// Asks the directory for somebody by name.
#[derive(Debug, Clone, Encode, Decode)]
pub struct Lookup {
    /// Normalised name.
    #[n(0)]
    pub name: UserName,
}

/// Reply to [`Lookup`].
#[derive(Debug, Clone, Encode, Decode)]
pub struct Found {
    /// Their id.
    #[n(0)]
    pub user: UserId,
    /// Every version of their identity, oldest first, as signed.
    #[n(1)]
    pub identities: Vec<Bytes>,
    /// Online or since when not, where the asker shares a conversation with them.
    #[n(2)]
    pub presence: Option<Presence>,
    /// CBOR of [`crate::crypto::identity::Compromised`]: statements about versions of it.
    #[n(3)]
    pub compromised: Vec<Bytes>,
}

/// Asks the directory for several people by name.
#[derive(Debug, Clone, Encode, Decode)]
pub struct LookupNames {
    /// Normalised names, at most [`super::MAX_READERS`].
    #[n(0)]
    pub names: Vec<UserName>,
}

/// Asks the directory for people by id.
#[derive(Debug, Clone, Encode, Decode)]
pub struct LookupUsers {
    /// At most [`super::MAX_READERS`].
    #[n(0)]
    pub users: Vec<UserId>,
}

/// Reply to [`LookupUsers`] and [`LookupNames`]; whoever is unknown is left out.
#[derive(Debug, Clone, Encode, Decode)]
pub struct FoundMany {
    /// In no particular order.
    #[n(0)]
    pub people: Vec<Found>,
}

/// Asks for the presence of everybody with whom the asker shares a conversation.
#[derive(Debug, Clone, Encode, Decode)]
pub struct GetPresence;

/// Reply to [`GetPresence`].
#[derive(Debug, Clone, Encode, Decode)]
pub struct PresenceList {
    /// One for each person.
    #[n(0)]
    pub people: Vec<Presence>,
}

/// Whether somebody is there. The server's claim, not signed.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Presence {
    /// Who.
    #[n(0)]
    pub user: UserId,
    /// What is known.
    #[n(1)]
    pub status: PresenceStatus,
}

/// States of presence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum PresenceStatus {
    /// At least one socket is signed in.
    #[n(0)]
    Online,
    /// Connected, but not in use.
    #[n(1)]
    Away,
    /// Not connected; since when, where known.
    #[n(2)]
    Offline(#[n(0)] Option<Timestamp>),
}
