//! A person: the real client core with native keys, on a real socket, and the page that it would show.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use secure_chat_shared::client::Client;
use secure_chat_shared::client::api::{
    self, Action, Answer, Command, Connection, Conversation, Failure, Outcome, Password, Session,
    Standing,
};
use secure_chat_shared::client::native::{MemoryStore, NativeKeys, test_keys};
use secure_chat_shared::client::platform::{CallError, Platform, Socket};
use secure_chat_shared::codec::Bytes;
use secure_chat_shared::crypto::signing::Algorithm;
use secure_chat_shared::ids::{ConversationId, MessageId, Timestamp, UserId};
use secure_chat_shared::protocol::{self, Request};
use tokio::sync::mpsc;

use crate::common::TestApp;
use crate::page::Page;
use crate::socket::{Fate, Given, Inbound, NativeSocket};
use crate::wire;

/// How long anything may take before a test gives up. Only ever reached by a failing test.
const PATIENCE: Duration = Duration::from_secs(60);

/// Password of everybody.
pub const PASSWORD: &str = "correct horse battery staple";

/// Where a native client runs.
pub struct Device {
    pub keys: NativeKeys,
    pub store: MemoryStore,
    socket: NativeSocket,
    wanted: Cell<Option<ConversationId>>,
    screen: Cell<u64>,
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

    fn wanted(&self) -> Option<ConversationId> {
        self.wanted.get()
    }

    fn screen(&self) -> u64 {
        self.screen.get()
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
            code: None,
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
        let socket = NativeSocket::new(sender);
        socket.listen(wire::listener());
        let device = Device {
            keys,
            store,
            socket,
            wanted: Cell::default(),
            screen: Cell::new(40),
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

    /// The page shows a conversation, of which so many entries fill its screen, whatever the client is at.
    pub fn wants(&self, id: ConversationId, screen: u64) {
        self.device().wanted.set(Some(id));
        self.device().screen.set(screen);
    }

    /// What lies where the client runs.
    pub fn device(&self) -> &Device {
        self.client.platform()
    }

    /// The next fresh keys that this device makes are the ready-made set `n`.
    pub fn will_make(&self, n: usize) {
        let keys = test_keys::set(n).unwrap();
        self.client.platform().keys.provide(keys);
    }

    /// The keys of this device.
    pub fn keys(&self) -> NativeKeys {
        self.client.platform().keys.clone()
    }

    /// The page was reloaded: a new client on the same device, not yet connected.
    pub async fn reload(self) -> Self {
        let Device {
            keys,
            store,
            socket,
            ..
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

    /// Whatever this person asks of the server from now on goes through `meddling`.
    pub fn is_meddled_with(&mut self, meddling: impl FnMut(u16, Bytes) -> Fate + 'static) {
        self.client.platform().socket.meddle(Box::new(meddling));
    }

    /// The server is honest to this person again.
    pub fn is_told_the_truth(&mut self) {
        self.client.platform().socket.tell_the_truth();
    }

    /// The server says something of its own to this person.
    pub fn is_told(&self, event: protocol::Event) {
        self.client.platform().socket.inject(event);
    }

    /// Asks the server for something that the client core would not.
    pub async fn asks<R: Request>(&self, request: &R) -> Result<R::Reply, CallError> {
        self.device().socket.request(request).await
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

    /// The connection breaks and is there again, and the client has heard of neither.
    pub async fn reconnects_unheard(&mut self, address: SocketAddr) {
        let socket = self.client.platform().socket.clone();
        socket.cut();
        while !matches!(self.inbound.recv().await, Some(Inbound::Closed)) {}
        socket.connect(address).await;
    }

    /// The client hears of it.
    pub async fn hears_of_reconnecting(&mut self) {
        self.client.disconnected(Some(1000));
        self.client.connected().await;
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

    pub async fn invites(&mut self, conversation: ConversationId, people: &[&str]) {
        let people = people.iter().map(|name| (*name).to_owned()).collect();
        let invite = Action::Invite {
            conversation,
            people,
        };
        self.does(invite).await.unwrap();
    }

    /// Waits until exactly these are in, all of them accepted.
    pub async fn sees_members(&mut self, id: ConversationId, names: &[&str]) {
        let what = format!("the members are {names:?}");
        self.until(&what, |page| {
            page.conversations.get(&id).is_some_and(|conversation| {
                let members = &conversation.members;
                let mut here: Vec<_> = members.iter().map(|member| &member.name).collect();
                let mut wanted = names.to_vec();
                here.sort();
                wanted.sort_unstable();
                here == wanted && members.iter().all(|member| !member.invited)
            })
        })
        .await;
    }

    /// Waits for an invitation and accepts it.
    pub async fn joins(&mut self, id: ConversationId) {
        self.until("an invitation is there", |page| {
            let conversation = page.conversations.get(&id);
            conversation.is_some_and(|shown| matches!(shown.standing, Standing::Invited { .. }))
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

/// Alice, who signs with RSA-PSS, and bob, who signs with DSA, in a conversation with this title.
pub async fn a_pair(app: &TestApp, title: &str) -> (Person, Person, ConversationId) {
    let mut alice = Person::register(app.address, "alice", 1, Algorithm::RsaPss).await;
    let mut bob = Person::register(app.address, "bob", 2, Algorithm::Dsa).await;
    let id = alice.begins_with(&["bob"], title).await;
    bob.joins(id).await;
    alice.sees_members(id, &["alice", "bob"]).await;
    (alice, bob, id)
}
