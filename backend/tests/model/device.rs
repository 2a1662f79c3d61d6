//! What a simulated browser runs on: its requests wait until the schedule lets them through, and its clock is the
//! schedule's.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use secure_chat_shared::client::native::{MemoryStore, NativeKeys};
use secure_chat_shared::client::platform::{CallError, Platform, Socket};
use secure_chat_shared::codec::Bytes;
use secure_chat_shared::ids::{ConversationId, Timestamp};

/// The time of a schedule, in milliseconds, the same for everybody and moved by the schedule alone.
#[derive(Clone)]
pub struct Clock(Rc<Cell<u64>>);

impl Default for Clock {
    fn default() -> Self {
        Self(Rc::new(Cell::new(1_800_000_000_000)))
    }
}

impl Clock {
    /// Now.
    pub fn now(&self) -> Timestamp {
        Timestamp(self.0.get())
    }

    /// Time passes.
    pub fn pass(&self, millis: u64) {
        self.0.set(self.0.get() + millis);
    }
}

/// A request as the client made it.
pub struct Asked {
    pub op: u16,
    pub body: Vec<u8>,
}

/// Holds a client's request until it is answered. Clones are the same.
#[derive(Clone, Default)]
pub struct Gate(Rc<RefCell<Turn>>);

#[derive(Default)]
enum Turn {
    #[default]
    Nothing,
    Asked(Asked),
    Taken,
    Answered(Result<Bytes, CallError>),
}

impl Gate {
    /// Whether a request waits.
    pub fn waits(&self) -> bool {
        matches!(*self.0.borrow(), Turn::Asked(_))
    }

    /// The request that waits, to be answered next.
    pub fn take(&self) -> Asked {
        match self.0.replace(Turn::Taken) {
            Turn::Asked(asked) => asked,
            _ => panic!("no request waits"),
        }
    }

    /// Answers the request that was taken.
    pub fn answer(&self, result: Result<Bytes, CallError>) {
        let before = self.0.replace(Turn::Answered(result));
        assert!(matches!(before, Turn::Taken), "no request was taken");
    }
}

impl Socket for Gate {
    async fn call(&self, op: u16, body: Vec<u8>) -> Result<Bytes, CallError> {
        let before = self.0.replace(Turn::Asked(Asked { op, body }));
        assert!(matches!(before, Turn::Nothing), "two requests at once");
        // Nobody is woken: the schedule polls whom it has answered.
        poll_fn(|_| match self.0.take() {
            Turn::Answered(result) => Poll::Ready(result),
            waiting => {
                self.0.replace(waiting);
                Poll::Pending
            }
        })
        .await
    }

    fn hang_up(&self) {
        panic!("no schedule locks a device");
    }
}

/// Where a client runs.
pub struct Device {
    pub keys: NativeKeys,
    pub store: MemoryStore,
    pub gate: Gate,
    pub clock: Clock,
    /// Which conversation the page shows.
    pub wanted: Rc<Cell<Option<ConversationId>>>,
}

impl Platform for Device {
    type Keys = NativeKeys;
    type Store = MemoryStore;
    type Socket = Gate;

    fn keys(&self) -> &NativeKeys {
        &self.keys
    }

    fn store(&self) -> &MemoryStore {
        &self.store
    }

    fn wanted(&self) -> Option<ConversationId> {
        self.wanted.get()
    }

    fn screen(&self) -> u64 {
        // The logs of schedules are short.
        3
    }

    fn socket(&self) -> &Gate {
        &self.gate
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn label(&self) -> String {
        "A simulated browser".into()
    }
}
