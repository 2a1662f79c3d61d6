//! The browser as the client core sees it.

use std::cell::Cell;
use std::rc::Rc;

use gloo_timers::future::TimeoutFuture;
use secure_chat_shared::client::platform::Platform;
use secure_chat_shared::ids::{ConversationId, Timestamp};

use super::browser;
use super::device::Device;
use super::keys::BrowserKeys;
use super::socket::BrowserSocket;
use super::store::BrowserStore;

/// The conversation that a page has last asked for.
pub type Wanted = Rc<Cell<Option<ConversationId>>>;

/// [`Platform`] of a web worker.
pub struct BrowserPlatform {
    keys: BrowserKeys,
    store: BrowserStore,
    socket: BrowserSocket,
    wanted: Wanted,
}

impl BrowserPlatform {
    /// Keys and records of this device, and a connection that somebody else runs.
    pub fn new(device: Rc<Device>, socket: BrowserSocket, wanted: Wanted) -> Self {
        let keys = BrowserKeys::new(Rc::clone(&device));
        Self {
            keys,
            store: BrowserStore::new(device),
            socket,
            wanted,
        }
    }
}

impl Platform for BrowserPlatform {
    type Keys = BrowserKeys;
    type Store = BrowserStore;
    type Socket = BrowserSocket;

    fn keys(&self) -> &BrowserKeys {
        &self.keys
    }

    fn store(&self) -> &BrowserStore {
        &self.store
    }

    fn socket(&self) -> &BrowserSocket {
        &self.socket
    }

    fn now(&self) -> Timestamp {
        // Whole milliseconds after 1970, far below 2^53.
        Timestamp(js_sys::Date::now() as u64)
    }

    fn label(&self) -> String {
        browser::label()
    }

    async fn pause(&self) {
        TimeoutFuture::new(0).await;
    }

    fn wanted(&self) -> Option<ConversationId> {
        self.wanted.get()
    }
}
