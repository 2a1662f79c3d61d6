//! Server-managed conversations as a client sees them.

use std::path::Path;

use secure_chat_shared::client::native::test_keys;
use secure_chat_shared::log::Mode;
use secure_chat_shared::protocol::GetManagedKey;

use super::log::{Log, draft_in};
use super::talk::entry_event;
use super::{Person, TestApp, User};

/// Which set of test keys the server signs with.
pub const SERVER_KEYS: usize = 7;

/// A server that need not make its key first.
pub async fn app_with_key() -> TestApp {
    TestApp::with(|config| place_key(&config.data)).await
}

/// Puts a ready key into a data folder.
pub fn place_key(data: &Path) {
    let [_, signing, _] = test_keys::pkcs8(SERVER_KEYS);
    std::fs::write(data.join("managed-signing-key"), signing).unwrap();
}

/// The public half of that key.
pub fn server_spki() -> Vec<u8> {
    let keys = test_keys::set(SERVER_KEYS).unwrap();
    keys.rsa_signing.spki().unwrap()
}

/// Begins a conversation whose keys the server makes; up to its first announcement.
pub async fn converse_managed(creator: &mut User, invited: &[&Person]) -> Log {
    let key = creator.socket.call(&GetManagedKey).await.unwrap();
    let mode = Mode::ServerManaged(key.spki);
    let (request, mut log) = draft_in(mode, &creator.person, invited);
    let appended = creator.socket.call(&request).await.unwrap();
    assert_eq!(appended.number, 1);
    log.take(&request.invite);
    hear(creator, &mut log).await;
    log
}

/// The next entry that somebody hears of is the server's announcement.
pub async fn hear(user: &mut User, log: &mut Log) {
    assert!(log.state.awaits_server);
    log.take_at(&entry_event(user).await);
    assert!(!log.state.awaits_server);
}
