//! A person: the real client core on a connection of its own.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use secure_chat_shared::client::Client;
use secure_chat_shared::client::api::{Action, Answer, Command, Event, Outcome, Password};
use secure_chat_shared::client::native::{MemoryStore, NativeKeys, test_keys};
use secure_chat_shared::client::platform::Platform;
use secure_chat_shared::crypto::random;
use secure_chat_shared::crypto::signing::Algorithm;
use secure_chat_shared::ids::{ConversationId, MessageId, Timestamp};
use secure_chat_shared::protocol;
use tokio::sync::mpsc;

use crate::Result;
use crate::socket::LoadSocket;

/// Everybody's password.
pub const PASSWORD: &str = "plain oysters measure nine winters";

/// Where a client of this program runs.
struct Device {
    keys: NativeKeys,
    store: MemoryStore,
    socket: LoadSocket,
    ahead: Rc<Cell<Duration>>,
}

impl Platform for Device {
    type Keys = NativeKeys;
    type Store = MemoryStore;
    type Socket = LoadSocket;

    fn keys(&self) -> &NativeKeys {
        &self.keys
    }

    fn store(&self) -> &MemoryStore {
        &self.store
    }

    fn socket(&self) -> &LoadSocket {
        &self.socket
    }

    fn now(&self) -> Timestamp {
        let since = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default() + self.ahead.get();
        Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    fn label(&self) -> String {
        "Load test".into()
    }
}

/// Somebody signed in.
pub struct Person {
    client: Client<Device>,
    socket: LoadSocket,
    inbound: mpsc::UnboundedReceiver<protocol::Event>,
    answer: Rc<RefCell<Option<Outcome>>>,
    ahead: Rc<Cell<Duration>>,
    ticket: u64,
}

impl Person {
    /// Makes an account, with ready-made keys: making them is not what is measured.
    pub async fn register(address: SocketAddr, name: &str, n: usize) -> Result<Self> {
        let (socket, inbound) = LoadSocket::connect(address).await?;
        let ahead = Rc::new(Cell::new(Duration::ZERO));
        let device = Device {
            keys: NativeKeys::with_keys(test_keys::set(n % test_keys::COUNT)?),
            store: MemoryStore::new(),
            socket: socket.clone(),
            ahead: Rc::clone(&ahead),
        };
        let answer = Rc::new(RefCell::new(None));
        let answered = Rc::clone(&answer);
        let emit = Box::new(move |event| {
            if let Event::Done { result, .. } = event {
                *answered.borrow_mut() = Some(result);
            }
        });
        let mut client = Client::new(device, emit);
        client.start().await;
        client.connected().await;
        let mut person = Self {
            client,
            socket,
            inbound,
            answer,
            ahead,
            ticket: 0,
        };
        let algorithm = if n.is_multiple_of(2) {
            Algorithm::RsaPss
        } else {
            Algorithm::Dsa
        };
        person
            .does(Action::Register {
                name: name.into(),
                password: Password(PASSWORD.into()),
                algorithm,
                code: None,
            })
            .await?;
        Ok(person)
    }

    /// Does something to the end.
    pub async fn does(&mut self, action: Action) -> Result<Answer> {
        self.ticket += 1;
        let ticket = self.ticket;
        self.client.command(Command { ticket, action }).await;
        match self.answer.borrow_mut().take() {
            Some(Outcome::Ok(answer)) => Ok(answer),
            Some(Outcome::Failed(failure)) => Err(format!("{failure:?}").into()),
            None => Err("a command without an answer".into()),
        }
    }

    /// Takes what has come in.
    pub async fn catches_up(&mut self) {
        while let Ok(event) = self.inbound.try_recv() {
            self.client.event(event).await;
        }
    }

    /// Writes a message.
    pub async fn writes(&mut self, conversation: ConversationId) -> Result {
        let id = MessageId(random::bytes());
        let text = "as long as a message is".into();
        self.does(Action::Send {
            conversation,
            id,
            text,
        })
        .await
        .map(|_| ())
    }

    /// Sets this person's clock ahead of the server's: far enough, and every key is old.
    pub fn is_ahead(&self, time: Duration) {
        self.ahead.set(time);
    }

    /// Bytes of frames sent so far.
    pub fn sent(&self) -> usize {
        self.socket.sent()
    }
}

/// Accounts, with nobody signed in afterwards.
pub async fn register_many(address: SocketAddr, prefix: &str, count: usize) -> Result {
    for n in 1..=count {
        Person::register(address, &format!("{prefix}{n}"), n).await?;
    }
    Ok(())
}
