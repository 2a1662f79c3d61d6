//! A simulated browser: the real client core, fed one input at a time as the engine of the web client feeds it, and
//! the page that it would show.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use secure_chat_shared::client::Client;
use secure_chat_shared::client::api::{
    self, Action, Blocked, Command, Failure, Notice, Outcome, Reason, RowBody,
};
use secure_chat_shared::client::native::{MemoryStore, NativeKeys};
use secure_chat_shared::ids::{ConversationId, UserId};
use secure_chat_shared::protocol::{EntryAt, Event};
use tokio::sync::mpsc;

use crate::device::{Clock, Device, Gate};
use crate::page::Page;
use crate::socket::{Inbound, NativeSocket};

/// How long the server may take for anything. Only ever reached by a failing schedule.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// What the connection tells the client, in its order.
#[derive(Debug, Clone)]
pub enum Signal {
    Connected,
    Disconnected,
    Event(Box<Event>),
}

/// What pages may have to show in a schedule, though nobody lies.
#[derive(Debug, Clone, Copy, Default)]
pub struct Expects {
    /// The server has lost wraps: keys are missing until somebody hands them again.
    pub missing_keys: bool,
    /// The server was restored from a backup: it lacks what it had.
    pub rollback: bool,
    /// Somebody declares keys compromised: others have to accept the new ones.
    pub resets: bool,
}

/// What a client is fed.
#[derive(Debug, Clone)]
pub enum Input {
    /// The page is opened.
    Start,
    Command(Action),
    Signal(Signal),
    Tick,
}

/// An input that the client is done with.
pub struct Finished {
    pub input: Input,
    /// How a command went.
    pub outcome: Option<Outcome>,
}

struct Running {
    future: Pin<Box<dyn Future<Output = Client<Device>>>>,
    input: Input,
    ticket: u64,
}

/// A browser of somebody.
pub struct Browser {
    pub name: String,
    pub user: UserId,
    pub keys: NativeKeys,
    pub store: MemoryStore,
    pub page: Rc<RefCell<Page>>,
    pub gate: Gate,
    pub socket: NativeSocket,
    /// Which conversation the page shows.
    pub wanted: Rc<Cell<Option<ConversationId>>>,
    /// The network carries its socket.
    pub connected: bool,
    /// The server knows whose socket it is.
    pub attached: bool,
    /// What the client has not heard of yet.
    pub signals: VecDeque<Signal>,
    /// What its page may have to show all the same.
    pub expects: Expects,
    /// What a page should never have to show in a schedule without lies.
    alarms: Rc<RefCell<Vec<String>>>,
    clock: Clock,
    inbound: mpsc::UnboundedReceiver<Inbound>,
    /// Entries that the server has told of on this socket.
    told: BTreeSet<(ConversationId, u64)>,
    /// Identity versions that the server has told of on this socket.
    published: BTreeSet<u32>,
    client: Option<Client<Device>>,
    running: Option<Running>,
    ticket: u64,
}

impl Browser {
    /// A browser that is not open.
    pub fn new(
        name: String,
        user: UserId,
        keys: NativeKeys,
        store: MemoryStore,
        clock: Clock,
    ) -> Self {
        let (sender, inbound) = mpsc::unbounded_channel();
        Self {
            name,
            user,
            keys,
            store,
            page: Rc::default(),
            gate: Gate::default(),
            socket: NativeSocket::new(sender),
            wanted: Rc::default(),
            connected: false,
            attached: false,
            signals: VecDeque::new(),
            expects: Expects::default(),
            alarms: Rc::default(),
            clock,
            inbound,
            told: BTreeSet::new(),
            published: BTreeSet::new(),
            client: None,
            running: None,
            ticket: 0,
        }
    }

    /// Opens the page on what the device has stored.
    pub fn start(&mut self) {
        assert!(self.client.is_none() && self.running.is_none());
        self.page = Rc::default();
        self.gate = Gate::default();
        // What was only in memory is lost with the page.
        self.keys = self.keys.snapshot();
        let device = Device {
            keys: self.keys.clone(),
            store: self.store.clone(),
            gate: self.gate.clone(),
            clock: self.clock.clone(),
            wanted: Rc::clone(&self.wanted),
        };
        let (page, alarms, expects) =
            (Rc::clone(&self.page), Rc::clone(&self.alarms), self.expects);
        let emit = Box::new(move |event| {
            let mut page = page.borrow_mut();
            alarms.borrow_mut().extend(alarm(expects, &page, &event));
            page.take(event);
        });
        self.client = Some(Client::new(device, emit));
        self.begin(Input::Start);
    }

    /// Ends at once whatever runs: the page is closed, or the browser has crashed.
    pub async fn close(&mut self) {
        self.cut().await;
        self.client = None;
        self.running = None;
        self.signals.clear();
    }

    /// Whether it is open and waits for an input.
    pub fn is_idle(&self) -> bool {
        self.client.is_some()
    }

    /// Whether the client is at work.
    pub fn is_busy(&self) -> bool {
        self.running.is_some()
    }

    /// Feeds the client.
    pub fn begin(&mut self, input: Input) {
        let mut client = self.client.take().expect("the client is idle");
        self.ticket += 1;
        let ticket = self.ticket;
        let fed = input.clone();
        let future = Box::pin(async move {
            match fed {
                Input::Start => client.start().await,
                Input::Command(action) => client.command(Command { ticket, action }).await,
                Input::Signal(Signal::Connected) => client.connected().await,
                Input::Signal(Signal::Disconnected) => client.disconnected(Some(1000)),
                Input::Signal(Signal::Event(event)) => client.event(*event).await,
                Input::Tick => client.tick().await,
            }
            client
        });
        self.running = Some(Running {
            future,
            input,
            ticket,
        });
    }

    /// Lets the client work until it waits for an answer or is done.
    pub fn proceed(&mut self) -> Option<Finished> {
        let running = self.running.as_mut().expect("the client is at work");
        match running
            .future
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
        {
            Poll::Pending => {
                assert!(self.gate.waits(), "the client waits for something else");
                None
            }
            Poll::Ready(client) => {
                let Running { input, ticket, .. } = self.running.take().expect("it ran");
                self.client = Some(client);
                let outcome = self.page.borrow_mut().answers.remove(&ticket);
                assert_eq!(outcome.is_some(), matches!(input, Input::Command(_)));
                Some(Finished { input, outcome })
            }
        }
    }

    /// What it is at.
    pub fn doing(&self) -> Option<&Input> {
        self.running.as_ref().map(|running| &running.input)
    }

    /// What the page should not have had to show.
    pub fn alarm(&self) -> Option<String> {
        self.alarms.borrow().first().cloned()
    }

    /// The network is there; the client hears of it in its turn.
    pub async fn connect(&mut self, address: SocketAddr) {
        assert!(!self.connected);
        self.socket.connect(address).await;
        self.connected = true;
        self.signals.push_back(Signal::Connected);
    }

    /// The network is gone; the client hears of it in its turn.
    pub async fn cut(&mut self) {
        if !self.connected {
            return;
        }
        self.socket.cut();
        let ending = async { while self.take_in().await {} };
        tokio::time::timeout(PATIENCE, ending)
            .await
            .expect("the server lets the socket go");
        self.connected = false;
        self.attached = false;
        self.told.clear();
        self.published.clear();
        self.signals.push_back(Signal::Disconnected);
    }

    /// Waits until the server has told of an entry.
    pub async fn is_told(&mut self, id: ConversationId, number: u64) -> Result<(), String> {
        while !self.told.contains(&(id, number)) {
            let taken = tokio::time::timeout(PATIENCE, self.take_in()).await;
            if taken != Ok(true) {
                return Err(format!("{} is not told of entry {number}", self.name));
            }
        }
        Ok(())
    }

    /// Waits until the server has told of a new version of the user's identity.
    pub async fn is_told_of_version(&mut self, version: u32) -> Result<(), String> {
        while !self.published.contains(&version) {
            let taken = tokio::time::timeout(PATIENCE, self.take_in()).await;
            if taken != Ok(true) {
                return Err(format!("{} is not told of version {version}", self.name));
            }
        }
        Ok(())
    }

    /// Takes one thing that came in; `false` where the socket has ended.
    async fn take_in(&mut self) -> bool {
        match self.inbound.recv().await {
            None | Some(Inbound::Closed) => false,
            Some(Inbound::Event(event)) => {
                match &*event {
                    // When these come is up to the server; they change nothing but what is shown of somebody.
                    Event::Presence(_) => return true,
                    Event::Entry {
                        conversation,
                        entry: EntryAt { number, .. },
                    } => {
                        self.told.insert((*conversation, *number));
                    }
                    Event::IdentityPublished(version) => {
                        self.published.insert(*version);
                    }
                    Event::SessionEnded
                    | Event::SignedInElsewhere { .. }
                    | Event::FailedSignIns { .. }
                    | Event::StateWritten { .. }
                    | Event::SecretsReplaced { .. } => {}
                }
                self.signals.push_back(Signal::Event(event));
                true
            }
        }
    }
}

/// What a page should never have to show in a schedule without lies.
fn alarm(expects: Expects, page: &Page, event: &api::Event) -> Option<String> {
    match event {
        api::Event::Rows { rows, .. } => rows
            .iter()
            .find(|row| match &row.body {
                RowBody::Invalid(invalid) => {
                    !(expects.missing_keys && invalid.reason == Reason::NoKey)
                }
                _ => false,
            })
            .map(|row| format!("a row that is not rendered: {row:?}")),
        api::Event::Conversation(conversation) => conversation
            .blocked
            .as_ref()
            .filter(|blocked| {
                !(expects.resets && matches!(blocked, Blocked::IdentityChanged { .. }))
            })
            .map(|blocked| format!("a conversation is blocked: {blocked:?}")),
        api::Event::Notice(Notice::Trouble(failure)) => {
            let is_expected = match failure {
                Failure::Offline => true,
                Failure::Server(_) => expects.rollback,
                _ => false,
            };
            (!is_expected).then(|| format!("trouble: {failure:?}"))
        }
        api::Event::Notice(Notice::StoreRebuilt) => Some("the store was rebuilt".into()),
        api::Event::Session(api::Session::Unsupported(why)) => Some(format!("unsupported: {why}")),
        api::Event::Session(api::Session::SignedOut { .. }) => {
            let was_in = matches!(page.session, Some(api::Session::SignedIn(_)));
            was_in.then(|| "signed out".into())
        }
        _ => None,
    }
}
