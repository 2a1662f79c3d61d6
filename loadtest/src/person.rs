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
use secure_chat_shared::protocol::{self, Append, SignedIn};
use tokio::sync::mpsc;
use tokio::task::LocalSet;

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

    /// Accepts an invitation, as soon as it has come.
    pub async fn accepts(&mut self, conversation: ConversationId) -> Result {
        while self.does(Action::Accept(conversation)).await.is_err() {
            let event = self.inbound.recv().await;
            let event = event.ok_or("the connection was lost before the invitation came")?;
            self.client.event(event).await;
        }
        Ok(())
    }

    /// Writes a message.
    pub async fn writes(&mut self, conversation: ConversationId) -> Result {
        self.says(conversation, "as long as a message is".into())
            .await
    }

    /// Writes a message that says this.
    pub async fn says(&mut self, conversation: ConversationId, text: String) -> Result {
        let id = MessageId(random::bytes());
        self.does(Action::Send {
            conversation,
            id,
            text,
        })
        .await
        .map(|_| ())
    }

    /// Begins a conversation.
    pub async fn begins(&mut self, people: &[String]) -> Result<ConversationId> {
        let create = Action::CreateConversation {
            people: people.to_vec(),
            title: "measured".into(),
            managed: false,
        };
        match self.does(create).await? {
            Answer::Conversation(id) => Ok(id),
            _ => Err("no conversation".into()),
        }
    }

    /// Signs and seals so many messages of so many bytes, ready to be appended, without sending them. They all name
    /// the log as this person knows it, as messages of people who write at once do.
    pub async fn seals(
        &mut self,
        conversation: ConversationId,
        count: usize,
        bytes: usize,
    ) -> Result<Vec<Append>> {
        self.socket.hold_back();
        for _ in 0..count {
            let id = MessageId(random::bytes());
            let text = "m".repeat(bytes);
            let send = Action::Send {
                conversation,
                id,
                text,
            };
            self.does(send).await?;
            self.does(Action::Discard { conversation, id }).await?;
        }
        let sealed = self.socket.let_go();
        if sealed.len() == count {
            Ok(sealed)
        } else {
            Err(format!("{} of {count} messages were sealed", sealed.len()).into())
        }
    }

    /// The session, to be resumed elsewhere.
    pub fn session(&self) -> Result<SignedIn> {
        self.socket.session().ok_or_else(|| "not signed in".into())
    }

    /// The connection.
    pub fn socket(&self) -> &LoadSocket {
        &self.socket
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

/// Accounts PREFIX1, PREFIX2, ... with nobody connected afterwards: their sessions, in this order. Uses every core that
/// we may use: most of it is Argon2id.
pub fn register_many(address: SocketAddr, prefix: &str, count: usize) -> Result<Vec<SignedIn>> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let register = |thread: usize| {
        let numbers = (1..=count).skip(thread).step_by(threads);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| error.to_string())?;
        let registering = async {
            let mut sessions = Vec::new();
            for n in numbers {
                let person = Person::register(address, &format!("{prefix}{n}"), n).await?;
                sessions.push((n, person.session()?));
            }
            Ok::<_, Box<dyn std::error::Error>>(sessions)
        };
        LocalSet::new()
            .block_on(&runtime, registering)
            .map_err(|error| error.to_string())
    };
    let mut sessions = Vec::new();
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|thread| scope.spawn(move || register(thread)))
            .collect();
        for thread in running {
            let registered = thread.join().map_err(|_| "a thread panicked")?;
            sessions.extend(registered?);
        }
        Ok::<_, Box<dyn std::error::Error>>(())
    })?;
    sessions.sort_by_key(|(n, _)| *n);
    Ok(sessions.into_iter().map(|(_, session)| session).collect())
}
