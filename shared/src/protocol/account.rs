//! Registration, login, sessions, the synced state, the directory, presence.

use minicbor::{Decode, Encode};

use crate::codec::Bytes;
use crate::crypto::account::{NewAccount, ReplacedSecrets, Vault, VaultKeys};
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
    /// The invitation code, where the server asks for one ([`Registration::ByCode`]); used up by [`RegisterFinish`].
    #[n(2)]
    pub code: Option<String>,
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
    /// The user's session that this browser had before it was locked: it gets a new token and stays the same session.
    /// One that has ended, or never was the user's, makes no difference.
    #[n(2)]
    pub continues: Option<SessionId>,
}

/// Reply to [`LoginFinish`]: the session, and what opens with the password.
#[derive(Debug, Clone, Encode, Decode)]
pub struct LoggedIn {
    /// The session.
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
    /// Statements that versions of the identity are compromised.
    #[n(4)]
    pub compromised: Vec<Bytes>,
    /// Wrong passwords before this right one.
    #[n(5)]
    pub failed: Option<FailedSignIns>,
    /// How often the account's secrets were replaced: 0 at first.
    #[n(6)]
    pub secrets: u32,
}

/// Wrong passwords and recovery codes for an account since the last success, or since the user was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct FailedSignIns {
    /// How many, at least 1.
    #[n(0)]
    pub count: u32,
    /// When the last one was.
    #[n(1)]
    pub last: Timestamp,
}

/// The user has seen [`FailedSignIns`]: they are counted anew from here.
#[derive(Debug, Clone, Encode, Decode)]
pub struct AcknowledgeFailed;

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
    /// As in [`LoggedIn`].
    #[n(4)]
    pub failed: Option<FailedSignIns>,
    /// As in [`LoggedIn`].
    #[n(5)]
    pub secrets: u32,
}

/// First step of proving the password again on a signed-in socket: OPAQUE `KE1`.
#[derive(Debug, Clone, Encode, Decode)]
pub struct ConfirmStart {
    /// OPAQUE `KE1`.
    #[n(0)]
    pub ke1: Bytes,
}

/// Second step: OPAQUE `KE3`. Allows one [`PublishIdentity`], [`ReplaceFinish`] or [`DeleteAccount`] on this socket.
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
    /// As in [`LoggedIn`].
    #[n(3)]
    pub secrets: u32,
    /// The synced state.
    #[n(4)]
    pub state: SealedState,
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

/// First step of replacing the account's secrets (a new password, a new recovery code): OPAQUE `RegistrationRequest`.
/// On a socket that has just answered [`ConfirmFinish`], whose permission it leaves for [`ReplaceFinish`].
#[derive(Debug, Clone, Encode, Decode)]
pub struct ReplaceStart {
    /// OPAQUE `RegistrationRequest`.
    #[n(0)]
    pub request: Bytes,
}

/// Reply to [`ReplaceStart`].
#[derive(Debug, Clone, Encode, Decode)]
pub struct ReplaceStarted {
    /// OPAQUE `RegistrationResponse`.
    #[n(0)]
    pub response: Bytes,
}

/// Second step: all secrets at once. `StaleGeneration` if the synced state moved on, `StaleIdentity` if the vault's
/// versions are not exactly the identity's.
#[derive(Debug, Clone, Encode, Decode)]
pub struct ReplaceFinish {
    /// What takes the place of the old.
    #[n(0)]
    pub secrets: ReplacedSecrets,
    /// The generation of the synced state that the new one follows.
    #[n(1)]
    pub expected: u64,
    /// Whether the user's other sessions go on; they need the new password to open the new vault.
    #[n(2)]
    pub keep_sessions: bool,
}

/// First step of recovery: proves the recovery code. Unknown names and wrong codes get one answer.
#[derive(Clone, Encode, Decode)]
pub struct RecoverStart {
    /// Who.
    #[n(0)]
    pub name: UserName,
    /// What the recovery code gives for the server, 32 bytes.
    #[n(1)]
    pub auth: Bytes,
    /// OPAQUE `RegistrationRequest` for the new password.
    #[n(2)]
    pub request: Bytes,
}

impl std::fmt::Debug for RecoverStart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RecoverStart")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// Reply to [`RecoverStart`]: what opens with the recovery code.
#[derive(Debug, Clone, Encode, Decode)]
pub struct RecoverStarted {
    /// OPAQUE `RegistrationResponse`.
    #[n(0)]
    pub response: Bytes,
    /// Whose account it is.
    #[n(1)]
    pub user: UserId,
    /// Every version of the user's own identity, oldest first, as signed.
    #[n(2)]
    pub identities: Vec<Bytes>,
    /// The vault.
    #[n(3)]
    pub vault: Vault,
    /// The synced state.
    #[n(4)]
    pub state: SealedState,
    /// Statements that versions of the identity are compromised.
    #[n(5)]
    pub compromised: Vec<Bytes>,
    /// As in [`LoggedIn`].
    #[n(6)]
    pub secrets: u32,
}

/// Second step: as [`ReplaceFinish`], on the socket that asked [`RecoverStart`]. Ends every session and begins one.
#[derive(Debug, Clone, Encode, Decode)]
pub struct RecoverFinish {
    /// What takes the place of the old.
    #[n(0)]
    pub secrets: ReplacedSecrets,
    /// The generation of the synced state that the new one follows.
    #[n(1)]
    pub expected: u64,
    /// As in [`RegisterFinish`].
    #[n(2)]
    pub browser: String,
}

/// Asks for what the recovery code opens, so that a client can tell whether a code is the account's.
#[derive(Debug, Clone, Encode, Decode)]
pub struct GetRecoverySeal;

/// Reply to [`GetRecoverySeal`]: two fields of [`Vault`].
#[derive(Debug, Clone, Encode, Decode)]
pub struct RecoverySeal {
    /// K_priv under the KEK of the recovery code.
    #[n(0)]
    pub priv_by_recovery: Bytes,
    /// K_state under K_priv.
    #[n(1)]
    pub state_key: Bytes,
}

/// Deletes the account: everything of it but its name and id, which stay taken, and what it wrote. On a socket that has
/// just answered [`ConfirmFinish`].
#[derive(Debug, Clone, Encode, Decode)]
pub struct DeleteAccount;

/// Asks what this server offers.
#[derive(Debug, Clone, Encode, Decode)]
pub struct GetServerInfo;

/// Reply to [`GetServerInfo`].
#[derive(Debug, Clone, Encode, Decode)]
pub struct ServerInfo {
    /// Who may register.
    #[n(0)]
    pub registration: Registration,
}

/// Who may register on a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum Registration {
    /// Anybody.
    #[n(0)]
    Open,
    /// Whoever has an invitation code from the operator.
    #[n(1)]
    ByCode,
    /// Nobody.
    #[n(2)]
    Closed,
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
    /// Where it was last connected from.
    #[n(5)]
    pub place: Place,
}

/// Where a browser is, as far as its network address tells the server.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Place {
    /// The server does not know.
    #[n(0)]
    Unknown,
    /// On the machine that the server runs on.
    #[n(1)]
    ThisMachine,
    /// In the same private network as the server.
    #[n(2)]
    PrivateNetwork,
    /// Elsewhere, at this address.
    #[n(3)]
    Internet(#[n(0)] String),
}

/// Ends one of the user's sessions; its sockets are told and closed.
#[derive(Debug, Clone, Encode, Decode)]
pub struct RevokeSession {
    /// Which one.
    #[n(0)]
    pub session: SessionId,
}

/// Ends all of the user's sessions but the asking one; their sockets are told and closed.
#[derive(Debug, Clone, Encode, Decode)]
pub struct RevokeOthers;

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
