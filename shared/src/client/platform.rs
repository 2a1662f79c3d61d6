//! What the client core asks of the place where it runs: keys, a store, a socket, a clock.
//!
//! The browser's are in `frontend/src/engine`; the native ones ([`super::native`]) serve tests and the load generator.
//! Futures are not `Send`: a client lives on one thread.

#![allow(async_fn_in_trait)]

use crate::codec::{self, Bytes};
use crate::crypto::account::{Vault, VaultKeys};
use crate::crypto::epoch::EpochKey;
use crate::crypto::opaque::ExportKey;
use crate::crypto::recovery::RecoveryCode;
use crate::crypto::secret::Secret32;
use crate::crypto::signing::{Algorithm, Claim, Signature};
use crate::ids::{ConversationId, Timestamp, UserId};
use crate::protocol::{ErrorCode, Request, RequestError};

/// Everything a client runs on.
pub trait Platform: 'static {
    /// Private keys and bulk public-key operations.
    type Keys: Keys;
    /// Durable records.
    type Store: Store;
    /// The server.
    type Socket: Socket;

    /// Keys.
    fn keys(&self) -> &Self::Keys;
    /// Store.
    fn store(&self) -> &Self::Store;
    /// Socket.
    fn socket(&self) -> &Self::Socket;
    /// Wall clock.
    fn now(&self) -> Timestamp;
    /// What the session list calls this device ("Firefox on Linux"), at most 64 characters.
    fn label(&self) -> String;
    /// Called between long pieces of work, so that the thread can do something else.
    async fn pause(&self) {}
    /// The conversation that a page has last asked for, also where the client is still at work on something else and
    /// has not been given that command yet: what is shown of it comes first.
    fn wanted(&self) -> Option<ConversationId> {
        None
    }
    /// How many entries fill a page's screen, amply.
    fn screen(&self) -> u64 {
        40
    }
}

/// The steps of [`Keys::make`], in order, for a progress list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyStep {
    /// The RSA encryption key is there.
    Encryption,
    /// The RSA and DSA signing keys are there.
    Signing,
    /// Everything is sealed and stored.
    Sealed,
}

/// Public halves, SubjectPublicKeyInfo DER.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKeys {
    /// RSA-3072, for OAEP.
    pub encryption: Vec<u8>,
    /// RSA-3072, for PSS.
    pub rsa_signing: Vec<u8>,
    /// DSA-3072/256.
    pub dsa_signing: Vec<u8>,
}

/// What [`Keys::make`] leaves to upload.
#[derive(Debug, Clone)]
pub struct MadeKeys {
    /// For the identity.
    pub public: PublicKeys,
    /// For the server.
    pub vault: Vault,
}

/// What [`Keys::renew`] leaves to publish.
#[derive(Debug, Clone)]
pub struct Renewed {
    /// For the identity.
    pub public: PublicKeys,
    /// For the vault; names the version.
    pub keys: VaultKeys,
}

/// What [`Keys::replace`] leaves to upload.
#[derive(Debug, Clone)]
pub struct Replaced {
    /// The new vault.
    pub vault: Vault,
    /// The synced state, sealed under the new K_state.
    pub state: Vec<u8>,
}

/// What opens an account once [`Keys::replace`] has replaced what did before.
#[derive(Clone, Copy)]
pub struct NewSecrets<'a> {
    /// Of the new password.
    pub export_key: &'a ExportKey,
    /// The new one.
    pub recovery: &'a RecoveryCode,
    /// The synced state, in clear.
    pub state: &'a [u8],
}

/// What became of a locked device's records when its keys came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Records {
    /// Nothing was locked, or they can be read again.
    Kept,
    /// The account's secrets were replaced meanwhile: they open under nothing any more and are gone.
    Lost,
}

/// What opens a vault.
#[derive(Clone, Copy)]
pub enum Unlock<'a> {
    /// The password, through OPAQUE.
    Password(&'a ExportKey),
    /// The recovery code.
    Recovery(&'a RecoveryCode),
    /// A passkey.
    Passkey {
        /// What its PRF gave ([`crate::crypto::vault::passkey_prf_input`]).
        prf: &'a Secret32,
        /// K_priv, as [`Keys::seal_for_passkey`] sealed it.
        sealed: &'a [u8],
    },
}

/// Why an operation with keys failed. Unwrapping, opening and unsealing fail all alike.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeysError {
    /// No keys of this user are on this device.
    #[error("no keys on this device")]
    Missing,
    /// The input does not open under the key.
    #[error("does not open")]
    DoesNotOpen,
    /// The platform's cryptography or store failed; the text says how.
    #[error("the platform failed: {0}")]
    Platform(String),
}

/// Private-key operations of the signed-in user, and public-key operations in bulk.
///
/// An implementation keeps the keys of every identity version that the vault holds; the caller names the version.
pub trait Keys {
    /// Makes identity version 1's three key pairs, K_priv and K_state, wraps them, stores them on this device for
    /// `user` (replacing what was there) and forgets K_priv.
    async fn make(
        &self,
        user: UserId,
        export_key: &ExportKey,
        recovery: &RecoveryCode,
        step: &dyn Fn(KeyStep),
    ) -> Result<MadeKeys, KeysError>;

    /// Opens a vault, stores the keys on this device for `user` and forgets K_priv. `public` holds, for each entry of
    /// `vault.keys`, the public keys of that version: every private key is checked against its public half.
    ///
    /// The store's records stay if they are this user's: those of a locked device can be read again if the store's key
    /// opens under the vault's K_state; else, as those of anybody else, they are gone.
    async fn open(
        &self,
        user: UserId,
        unlock: Unlock<'_>,
        vault: &Vault,
        public: &[PublicKeys],
    ) -> Result<Records, KeysError>;

    /// Loads what this device holds, after a reload; `None` where it holds nothing. `public` as in [`Keys::open`]
    /// is not needed: what was stored was checked.
    async fn load(&self) -> Result<Option<UserId>, KeysError>;

    /// Removes every key from memory and device, and whatever [`Keys::lock`] left.
    async fn wipe(&self) -> Result<(), KeysError>;

    /// Makes the keys of the version after the vault's last, sealed under K_priv, and holds them in memory: they sign
    /// from now on, and come to stay with [`Keys::adopt`]. `fresh` makes three new pairs, else the last version's are
    /// sealed again under the new number. `vault` and `public` as in [`Keys::open`], which this does first.
    async fn renew(
        &self,
        user: UserId,
        export_key: &ExportKey,
        vault: &Vault,
        public: &[PublicKeys],
        fresh: bool,
    ) -> Result<Renewed, KeysError>;

    /// Makes a new K_priv and K_state, and seals every private key of the vault anew (under the same versions), and
    /// the synced state under the new K_state. The device, which holds `user`'s keys, goes on with the old K_state until
    /// [`Keys::adopt`]. `unlock`, `vault` and `public` as in [`Keys::open`].
    async fn replace(
        &self,
        user: UserId,
        unlock: Unlock<'_>,
        vault: &Vault,
        public: &[PublicKeys],
        new: NewSecrets<'_>,
    ) -> Result<Replaced, KeysError>;

    /// Stores what [`Keys::renew`] made as this device's newest version, or the K_state that [`Keys::replace`] made.
    async fn adopt(&self) -> Result<(), KeysError>;

    /// Takes every key out of memory and off the device. The store's records stay, and so does what opens them: the
    /// store's key, sealed under K_state. `clear` stays readable, in clear: [`Keys::locked`].
    async fn lock(&self, clear: &[u8]) -> Result<(), KeysError>;

    /// What [`Keys::lock`] left; `None` where nothing is locked.
    async fn locked(&self) -> Result<Option<Vec<u8>>, KeysError>;

    /// Whether a recovery code opens the K_priv under which this device's own K_state is sealed. A server that keeps
    /// an older pair of blobs gets no "yes" for an older code.
    async fn check_recovery(
        &self,
        user: UserId,
        code: &RecoveryCode,
        priv_by_recovery: &[u8],
        state_key: &[u8],
    ) -> Result<bool, KeysError>;

    /// Seals K_priv for a passkey that has a PRF.
    async fn seal_for_passkey(
        &self,
        user: UserId,
        unlock: Unlock<'_>,
        vault: &Vault,
        prf: &Secret32,
    ) -> Result<Vec<u8>, KeysError>;

    /// Makes ready to sign with a version's key, where that takes a while at the first time. Signing works without.
    async fn prepare(&self, _version: u32, _algorithm: Algorithm) {}

    /// Signs with the signing key of an identity version. The message is what [`Claim::message`] describes.
    async fn sign(
        &self,
        version: u32,
        algorithm: Algorithm,
        message: &[u8],
    ) -> Result<Signature, KeysError>;

    /// Opens an RSA-OAEP-SHA256 wrap addressed to identity version `version` under `label`.
    async fn unwrap(&self, version: u32, wrap: &[u8], label: &[u8]) -> Result<EpochKey, KeysError>;

    /// Encrypts an epoch key to somebody's public encryption key (SPKI, validated by the caller): 384 bytes.
    async fn wrap(&self, spki: &[u8], key: &EpochKey, label: &[u8]) -> Result<Vec<u8>, KeysError>;

    /// Whether each claim holds, in order.
    async fn verify(&self, claims: &[Claim]) -> Result<Vec<bool>, KeysError>;

    /// Seals the synced state under K_state: [`crate::crypto::vault`]'s blob with purpose `State`.
    async fn seal_state(&self, plaintext: &[u8]) -> Result<Vec<u8>, KeysError>;

    /// Opens the synced state.
    async fn open_state(&self, sealed: &[u8]) -> Result<Vec<u8>, KeysError>;
}

/// A table of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Table {
    /// Single records: session, settings.
    Meta,
    /// A conversation's state, by conversation id.
    Conversations,
    /// Verified entries for display, by conversation id and number (8 bytes, big-endian).
    Entries,
    /// The exact bytes of those entries, under the same keys.
    Log,
    /// Epoch keys, by conversation id and epoch (4 bytes, big-endian).
    Epochs,
    /// What is still to be sent, by a counter (8 bytes, big-endian).
    Outbox,
    /// Pinned identities, by user id.
    Pins,
}

impl Table {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Meta,
        Self::Conversations,
        Self::Entries,
        Self::Log,
        Self::Epochs,
        Self::Outbox,
        Self::Pins,
    ];

    /// Name on disk.
    pub fn name(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Conversations => "conversations",
            Self::Entries => "entries",
            Self::Log => "log",
            Self::Epochs => "epochs",
            Self::Outbox => "outbox",
            Self::Pins => "pins",
        }
    }
}

/// A write: `None` deletes.
#[derive(Debug, Clone)]
pub struct Write {
    /// Where.
    pub table: Table,
    /// Under which key.
    pub key: Vec<u8>,
    /// What.
    pub value: Option<Vec<u8>>,
}

/// The store failed; nothing of the transaction was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The device refuses more data.
    #[error("the browser's storage is full")]
    Full,
    /// A record does not open or decode: the store was altered or is broken.
    #[error("a stored record is damaged")]
    Damaged,
    /// Anything else.
    #[error("the store failed: {0}")]
    Platform(String),
}

/// Durable records, sealed: associated data names user, table and record key.
pub trait Store {
    /// One record.
    async fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// Records by their keys, in their order, as they were at one moment: asking for each alone takes many times as long.
    async fn get_many(
        &self,
        table: Table,
        keys: &[Vec<u8>],
    ) -> Result<Vec<Option<Vec<u8>>>, StoreError>;

    /// Records whose key starts with `prefix`, ascending by key (descending if `newest_first`), at most `limit`,
    /// beginning after `after` (exclusive, in the direction of the scan).
    async fn scan(
        &self,
        table: Table,
        prefix: &[u8],
        after: Option<&[u8]>,
        newest_first: bool,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Vec<u8>)>, StoreError>;

    /// Begins to make writes, all or nothing. What is returned waits until they are durable; they go on without being
    /// waited for, and whatever is asked of the store later finds them made.
    fn begin(
        &self,
        writes: Vec<Write>,
    ) -> impl Future<Output = Result<(), StoreError>> + use<Self> + 'static;

    /// All or nothing, durable when it returns.
    async fn write(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        self.begin(writes).await
    }

    /// Empties every table.
    async fn clear(&self) -> Result<(), StoreError>;
}

/// Why a request got no reply of its type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// No connection, or it broke before the answer: whether the server acted is not known.
    #[error("not connected")]
    Disconnected,
    /// The server's definite no.
    #[error(transparent)]
    Refused(#[from] RequestError),
    /// The reply is not of its type: a broken or hostile server.
    #[error("the server's reply is malformed")]
    BadReply,
}

impl CallError {
    /// The server's code, if it answered.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Refused(error) => Some(error.code),
            _ => None,
        }
    }
}

/// One connection to the server. Events do not come this way: whoever runs the socket hands them to the client.
pub trait Socket {
    /// Sends operation `op` and waits for its answer.
    async fn call(&self, op: u16, body: Vec<u8>) -> Result<Bytes, CallError>;

    /// Breaks the connection, so that the server takes whoever was signed in for gone. Whoever runs the socket says
    /// so ([`super::Client::disconnected`]) and connects again.
    fn hang_up(&self);

    /// Sends a typed request and waits for its typed reply.
    async fn request<R: Request>(&self, request: &R) -> Result<R::Reply, CallError> {
        let body = self.call(R::OP, codec::encode(request)).await?;
        codec::decode(&body).map_err(|_| CallError::BadReply)
    }
}
