//! A person: the real client core with native keys, on a real socket, and the page that it would show.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use futures::{SinkExt, StreamExt};
use secure_chat_shared::client::Client;
use secure_chat_shared::client::api::{
    self, Action, Answer, Command, Connection, Conversation, Failure, Message, Notice, Outcome,
    Password, Row, RowBody, RowKey, Session,
};
use secure_chat_shared::client::native::{MemoryStore, NativeKeys, test_keys};
use secure_chat_shared::client::platform::{CallError, Platform, Socket};
use secure_chat_shared::codec::{self, Bytes};
use secure_chat_shared::crypto::signing::Algorithm;
use secure_chat_shared::ids::{ConversationId, MessageId, Timestamp, UserId};
use secure_chat_shared::protocol::{ClientFrame, Event, PresenceStatus, SUBPROTOCOL, ServerFrame};
use tokio::sync::{mpsc, oneshot};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::Message as Frame;

/// How long anything may take before a test gives up. Only ever reached by a failing test.
const PATIENCE: Duration = Duration::from_secs(60);

/// Password of everybody.
pub const PASSWORD: &str = "correct horse battery staple";

/// What the socket's reader hands on.
enum Inbound {
    Event(Box<Event>),
    Closed,
}

/// What the server gives, before the client sees it.
pub enum Given {
    /// The answer to operation `op`.
    Reply { op: u16, body: Bytes },
    /// Something unasked.
    Event(Box<Event>),
}

/// A server that lies: it may alter what is given, or keep it back.
pub type Lie = Box<dyn FnMut(Given) -> Option<Given>>;

/// A connection that can be made, cut and made again.
#[derive(Clone)]
pub struct NativeSocket {
    inner: Rc<SocketInner>,
}

struct SocketInner {
    outgoing: RefCell<Option<mpsc::UnboundedSender<Frame>>>,
    waiting: RefCell<HashMap<u32, Waiting>>,
    lie: RefCell<Option<Lie>>,
    next: Cell<u32>,
    inbound: mpsc::UnboundedSender<Inbound>,
}

/// The operation that was asked, and who waits for its answer.
type Waiting = (u16, oneshot::Sender<Result<Bytes, CallError>>);

impl SocketInner {
    fn told(&self, given: Given) -> Option<Given> {
        match &mut *self.lie.borrow_mut() {
            Some(lie) => lie(given),
            None => Some(given),
        }
    }
}

impl Socket for NativeSocket {
    async fn call(&self, op: u16, body: Vec<u8>) -> Result<Bytes, CallError> {
        let id = self.inner.next.get();
        self.inner.next.set(id + 1);
        let (sender, receiver) = oneshot::channel();
        self.inner.waiting.borrow_mut().insert(id, (op, sender));
        let frame = codec::encode(&ClientFrame {
            id,
            op,
            body: Bytes(body),
        });
        let sent = match &*self.inner.outgoing.borrow() {
            Some(outgoing) => outgoing.send(Frame::Binary(frame.into())).is_ok(),
            None => false,
        };
        if !sent {
            self.inner.waiting.borrow_mut().remove(&id);
            return Err(CallError::Disconnected);
        }
        receiver.await.unwrap_or(Err(CallError::Disconnected))
    }
}

impl NativeSocket {
    fn new(inbound: mpsc::UnboundedSender<Inbound>) -> Self {
        let inner = SocketInner {
            outgoing: RefCell::new(None),
            waiting: RefCell::new(HashMap::new()),
            lie: RefCell::new(None),
            next: Cell::new(0),
            inbound,
        };
        Self {
            inner: Rc::new(inner),
        }
    }

    async fn connect(&self, address: SocketAddr) {
        let mut request = format!("ws://{address}/ws").into_client_request().unwrap();
        let headers = request.headers_mut();
        headers.insert(
            "sec-websocket-protocol",
            HeaderValue::from_static(SUBPROTOCOL),
        );
        headers.insert(
            "origin",
            HeaderValue::from_str(&format!("http://{address}")).unwrap(),
        );
        let (stream, _) = tokio_tungstenite::connect_async(request).await.unwrap();
        let (mut sink, mut source) = stream.split();
        let (outgoing, mut frames) = mpsc::unbounded_channel::<Frame>();
        *self.inner.outgoing.borrow_mut() = Some(outgoing);
        tokio::task::spawn_local(async move {
            while let Some(frame) = frames.recv().await {
                if sink.send(frame).await.is_err() {
                    break;
                }
            }
            let _ = sink.close().await;
        });
        let inner = Rc::clone(&self.inner);
        tokio::task::spawn_local(async move {
            while let Some(Ok(frame)) = source.next().await {
                let Frame::Binary(bytes) = frame else {
                    continue;
                };
                let waiting = |id: u32| inner.waiting.borrow_mut().remove(&id);
                match codec::decode::<ServerFrame>(&bytes).unwrap() {
                    ServerFrame::Reply { id, body } => {
                        let Some((op, sender)) = waiting(id) else {
                            continue;
                        };
                        if let Some(Given::Reply { body, .. }) =
                            inner.told(Given::Reply { op, body })
                        {
                            let _ = sender.send(Ok(body));
                        }
                    }
                    ServerFrame::Refused { id, error } => {
                        if let Some((_, sender)) = waiting(id) {
                            let _ = sender.send(Err(error.into()));
                        }
                    }
                    ServerFrame::Event(event) => {
                        if let Some(Given::Event(event)) = inner.told(Given::Event(Box::new(event)))
                        {
                            let _ = inner.inbound.send(Inbound::Event(event));
                        }
                    }
                }
            }
            inner.waiting.borrow_mut().clear();
            *inner.outgoing.borrow_mut() = None;
            let _ = inner.inbound.send(Inbound::Closed);
        });
    }

    /// From now on the server lies.
    fn lie(&self, lie: Lie) {
        *self.inner.lie.borrow_mut() = Some(lie);
    }

    /// Closes the connection from this side.
    fn cut(&self) {
        *self.inner.outgoing.borrow_mut() = None;
    }
}

/// Where a native client runs.
pub struct Device {
    pub keys: NativeKeys,
    pub store: MemoryStore,
    socket: NativeSocket,
}

impl Platform for Device {
    type Keys = NativeKeys;
    type Store = MemoryStore;
    type Socket = NativeSocket;

    fn keys(&self) -> &NativeKeys {
        &self.keys
    }

    fn store(&self) -> &MemoryStore {
        &self.store
    }

    fn socket(&self) -> &NativeSocket {
        &self.socket
    }

    fn now(&self) -> Timestamp {
        let since = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap();
        Timestamp(since.as_millis().try_into().unwrap())
    }

    fn label(&self) -> String {
        "A test on this machine".into()
    }
}

/// What a page would show.
#[derive(Default)]
pub struct Page {
    pub session: Option<Session>,
    pub connection: Option<Connection>,
    pub conversations: BTreeMap<ConversationId, Conversation>,
    pub rows: BTreeMap<(ConversationId, RowKey), Row>,
    pub presence: BTreeMap<UserId, PresenceStatus>,
    pub notices: Vec<Notice>,
    pub recovery_code: Option<String>,
    answers: HashMap<u64, Outcome>,
}

impl Page {
    fn take(&mut self, event: api::Event) {
        match event {
            api::Event::Done { ticket, result } => {
                self.answers.insert(ticket, result);
            }
            api::Event::Session(session) => self.session = Some(session),
            api::Event::Connection(connection) => self.connection = Some(connection),
            api::Event::Conversation(conversation) => {
                self.conversations.insert(conversation.id, conversation);
            }
            api::Event::ConversationGone(id) => {
                self.conversations.remove(&id);
                self.rows.retain(|(conversation, _), _| *conversation != id);
            }
            api::Event::Rows {
                conversation, rows, ..
            } => {
                for row in rows {
                    self.rows.insert((conversation, row.key), row);
                }
            }
            api::Event::RowGone { conversation, id } => {
                self.rows.retain(|(at, key), row| {
                    let is_it = matches!(&row.body, RowBody::Message(message) if message.id == id);
                    *at != conversation || !matches!(key, RowKey::Pending(_)) || !is_it
                });
            }
            api::Event::Presence { user, status } => {
                self.presence.insert(user, status);
            }
            api::Event::Notice(notice) => self.notices.push(notice),
            api::Event::RecoveryCode(code) => self.recovery_code = Some(code),
            api::Event::Progress(_) | api::Event::Arrived { .. } | api::Event::Blocked(_) => {}
        }
    }

    /// Messages of a conversation in their order.
    pub fn messages(&self, conversation: ConversationId) -> Vec<&Message> {
        self.rows_of(conversation)
            .filter_map(|row| match &row.body {
                RowBody::Message(message) => Some(message),
                _ => None,
            })
            .collect()
    }

    /// Texts of a conversation in their order.
    pub fn texts(&self, conversation: ConversationId) -> Vec<&str> {
        self.messages(conversation)
            .iter()
            .map(|message| message.text.as_str())
            .collect()
    }

    /// Rows of a conversation in their order.
    pub fn rows_of(&self, conversation: ConversationId) -> impl Iterator<Item = &Row> {
        self.rows
            .iter()
            .filter(move |((at, _), _)| *at == conversation)
            .map(|(_, row)| row)
    }
}

/// Somebody in front of a page.
pub struct Person {
    pub name: String,
    pub page: Rc<RefCell<Page>>,
    client: Client<Device>,
    inbound: mpsc::UnboundedReceiver<Inbound>,
    ticket: u64,
}

impl Person {
    /// A new person with a fresh account, signed in. `n` picks the ready-made keys.
    pub async fn register(address: SocketAddr, name: &str, n: usize, algorithm: Algorithm) -> Self {
        let keys = NativeKeys::with_keys(test_keys::set(n).unwrap());
        let mut person = Self::on_device(name, keys, MemoryStore::new()).await;
        person.connect(address).await;
        let register = Action::Register {
            name: name.into(),
            password: Password(PASSWORD.into()),
            algorithm,
        };
        person.does(register).await.unwrap();
        person
    }

    /// Signs in on a fresh device.
    pub async fn sign_in(address: SocketAddr, name: &str, password: &str) -> Result<Self, Failure> {
        Self::sign_in_lied_to(address, name, password, Some).await
    }

    /// Signs in on a fresh device, to a server that lies.
    pub async fn sign_in_lied_to(
        address: SocketAddr,
        name: &str,
        password: &str,
        lie: impl FnMut(Given) -> Option<Given> + 'static,
    ) -> Result<Self, Failure> {
        let mut person = Self::on_device(name, NativeKeys::new(), MemoryStore::new()).await;
        person.is_lied_to(lie);
        person.connect(address).await;
        let password = Password(password.into());
        person
            .does(Action::SignIn {
                name: name.into(),
                password,
            })
            .await?;
        Ok(person)
    }

    /// Starts a client on a device as it is.
    pub async fn on_device(name: &str, keys: NativeKeys, store: MemoryStore) -> Self {
        let (sender, inbound) = mpsc::unbounded_channel();
        let page = Rc::new(RefCell::new(Page::default()));
        let shown = Rc::clone(&page);
        let device = Device {
            keys,
            store,
            socket: NativeSocket::new(sender),
        };
        let emit = Box::new(move |event| shown.borrow_mut().take(event));
        let mut client = Client::new(device, emit);
        client.start().await;
        Self {
            name: name.into(),
            page,
            client,
            inbound,
            ticket: 0,
        }
    }

    /// The page was reloaded: a new client on the same device, not yet connected.
    pub async fn reload(self) -> Self {
        let Device {
            keys,
            store,
            socket,
        } = self.client.platform();
        socket.cut();
        let (keys, store) = (keys.clone(), store.clone());
        Self::on_device(&self.name, keys, store).await
    }

    pub async fn connect(&mut self, address: SocketAddr) {
        self.client.platform().socket.connect(address).await;
        self.client.connected().await;
    }

    /// Whatever the server gives this person from now on goes through `lie`.
    pub fn is_lied_to(&mut self, lie: impl FnMut(Given) -> Option<Given> + 'static) {
        self.client.platform().socket.lie(Box::new(lie));
    }

    /// What waits is tried again, and what browsers share is written.
    pub async fn ticks(&mut self) {
        self.client.tick().await;
    }

    /// Cuts the connection and waits until it is gone.
    pub async fn disconnect(&mut self) {
        self.client.platform().socket.cut();
        self.await_disconnect().await;
    }

    /// Waits until the server has gone.
    pub async fn await_disconnect(&mut self) {
        self.until("the connection is gone", |page| {
            matches!(page.connection, Some(Connection::Reconnecting { .. }))
        })
        .await;
    }

    /// Does something and waits for the answer.
    pub async fn does(&mut self, action: Action) -> Result<Answer, Failure> {
        self.ticket += 1;
        let ticket = self.ticket;
        let doing = self.client.command(Command { ticket, action });
        tokio::time::timeout(PATIENCE, doing)
            .await
            .expect("an answer to the command");
        let answer = self.page.borrow_mut().answers.remove(&ticket);
        match answer.expect("every command is answered") {
            Outcome::Ok(answer) => Ok(answer),
            Outcome::Failed(failure) => Err(failure),
        }
    }

    /// Takes what comes in until the page shows what is waited for.
    pub async fn until(&mut self, what: &str, shown: impl Fn(&Page) -> bool) {
        let waiting = async {
            while !shown(&self.page.borrow()) {
                match self
                    .inbound
                    .recv()
                    .await
                    .expect("the socket's reader lives")
                {
                    Inbound::Event(event) => self.client.event(*event).await,
                    Inbound::Closed => self.client.disconnected(Some(1000)),
                }
            }
        };
        if tokio::time::timeout(PATIENCE, waiting).await.is_err() {
            let page = self.page.borrow();
            let texts: Vec<_> = page.rows.values().collect();
            panic!(
                "{} never saw that {what}; rows: {texts:#?}; {:#?}",
                self.name, page.conversations
            );
        }
    }

    pub async fn begins_with(&mut self, people: &[&str], title: &str) -> ConversationId {
        let people = people.iter().map(|name| (*name).to_owned()).collect();
        let create = Action::CreateConversation {
            people,
            title: title.into(),
            managed: false,
        };
        let Answer::Conversation(id) = self.does(create).await.unwrap() else {
            panic!("no conversation")
        };
        self.does(Action::Open(id)).await.unwrap();
        id
    }

    /// Waits for an invitation and accepts it.
    pub async fn joins(&mut self, id: ConversationId) {
        self.until("an invitation is there", |page| {
            page.conversations.contains_key(&id)
        })
        .await;
        self.does(Action::Accept(id)).await.unwrap();
        self.does(Action::Open(id)).await.unwrap();
    }

    pub async fn writes(&mut self, conversation: ConversationId, text: &str) {
        let id = MessageId(secure_chat_shared::crypto::random::bytes());
        self.does(Action::Send {
            conversation,
            id,
            text: text.into(),
        })
        .await
        .unwrap();
    }

    /// Waits until the page shows exactly these texts, all of them sent.
    pub async fn reads(&mut self, conversation: ConversationId, texts: &[&str]) {
        let what = format!("the messages are {texts:?}");
        self.until(&what, |page| {
            let messages = page.messages(conversation);
            page.texts(conversation) == texts
                && messages
                    .iter()
                    .all(|message| message.state == api::MessageState::Sent)
        })
        .await;
    }

    pub fn user(&self) -> UserId {
        match &self.page.borrow().session {
            Some(Session::SignedIn(me)) => me.user,
            other => panic!("{} is not signed in: {other:?}", self.name),
        }
    }

    /// A conversation as shown.
    pub fn sees(&self, id: ConversationId) -> Conversation {
        self.page.borrow().conversations[&id].clone()
    }
}
