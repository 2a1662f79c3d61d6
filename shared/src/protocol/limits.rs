//! Limits that both sides know.

/// Largest frame of a socket that has not signed in, bytes.
pub const MAX_FRAME_BEFORE_SIGN_IN: usize = 64 * 1024;
/// Largest frame, bytes: an `invite` of 499 people fits, with their identities (3.1 kB each) and all wraps.
pub const MAX_FRAME: usize = 3 * 1024 * 1024;
/// Largest `message` entry, bytes.
pub const MAX_MESSAGE_ENTRY: usize = 160 * 1024;
/// Largest state entry without its wraps, bytes (500 embedded identities fit).
pub const MAX_STATE_ENTRY: usize = 2 * 1024 * 1024;
/// Most people who may read one conversation.
pub const MAX_READERS: usize = 500;
/// Most entries in one page of [`super::GetEntries`]; a page also ends before [`MAX_FRAME`].
pub const MAX_PAGE: u32 = 200;
/// Most versions of one identity: all of them are handed out together, and the vault has keys for each.
pub const MAX_IDENTITY_VERSIONS: u32 = 256;
/// Largest synced state record, bytes.
pub const MAX_STATE: usize = 512 * 1024;
/// Most requests that a client may have unanswered on one socket.
pub const MAX_IN_FLIGHT: usize = 64;
/// A client that has nothing to say sends a WebSocket ping or any request at least this often; the server pings too.
pub const IDLE_TIMEOUT_SECS: u64 = 75;
/// Most characters of what its owner calls a passkey.
pub const MAX_PASSKEY_NAME: usize = 64;
/// Most passkeys of one account.
pub const MAX_PASSKEYS: usize = 20;
