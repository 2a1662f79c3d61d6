//! The client core against a server that says anything: it never panics, and shows nothing that was not said.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::{Arc, OnceLock};

use futures::executor::block_on;
use secure_chat_shared::client::Client;
use secure_chat_shared::client::api::{
    Action, Answer, Command, Event as Shown, Outcome, Password, Row, RowBody,
};
use secure_chat_shared::client::native::{Memo, MemoryStore, NativeKeys, test_keys};
use secure_chat_shared::client::platform::{CallError, Platform, Socket};
use secure_chat_shared::codec::{self, Bytes};
use secure_chat_shared::crypto::signing::Algorithm;
use secure_chat_shared::ids::{ConversationId, MessageId, Timestamp, UserId, UserName};
use secure_chat_shared::protocol::{EntryAt, ErrorCode, Event, RequestError};

use crate::server::Server;

const TITLE: &str = "a title";
const SAID: [&str; 4] = ["hello", "hi", "what else", "nothing"];
/// What the person of the device types while the server lies.
const TYPED: &str = "typed meanwhile";
/// Steps of one run: each costs milliseconds.
const STEPS: usize = 24;

/// A client that has seen a part of a conversation goes on with a server whose every answer the bytes choose.
pub fn client(data: &[u8]) {
    let Some((&first, script)) = data.split_first() else {
        return;
    };
    let template = template();
    let scene = &template.scenes[usize::from(first) % template.scenes.len()];
    block_on(play(template, scene, Script::new(script)));
}

/// What the bytes say, one decision after the other.
struct Script {
    bytes: Vec<u8>,
    next: usize,
}

impl Script {
    fn new(bytes: &[u8]) -> Self {
        Self {
            bytes: bytes.to_vec(),
            next: 0,
        }
    }

    fn is_over(&self) -> bool {
        self.next >= self.bytes.len()
    }

    fn byte(&mut self) -> u8 {
        let byte = self.bytes.get(self.next).copied().unwrap_or(0);
        self.next += 1;
        byte
    }

    fn some(&mut self) -> Vec<u8> {
        let length = usize::from(self.byte());
        let end = self.bytes.len().min(self.next + length);
        let bytes = self.bytes.get(self.next..end).unwrap_or_default().to_vec();
        self.next = end.max(self.next);
        bytes
    }

    /// A few bytes of it are others, or it is cut short.
    fn altered(&mut self, mut bytes: Vec<u8>) -> Vec<u8> {
        for _ in 0..=self.byte() % 3 {
            let place = usize::from(self.byte()) | usize::from(self.byte()) << 8;
            let with = self.byte();
            if bytes.is_empty() {
                break;
            }
            let place = place % bytes.len();
            match with {
                0 => bytes.truncate(place),
                with => bytes[place] ^= with,
            }
        }
        bytes
    }
}

/// Where somebody stands before the bytes take over.
struct Scene {
    name: UserName,
    user: UserId,
    keys: NativeKeys,
    store: MemoryStore,
}

struct Template {
    /// When everything has been said.
    server: Server,
    conversation: ConversationId,
    scenes: Vec<Scene>,
}

/// Asks an honest server, or, while a script says so, gets what that says.
#[derive(Clone)]
struct Wire {
    name: UserName,
    server: Rc<RefCell<Server>>,
    script: Option<Rc<RefCell<Script>>>,
}

impl Socket for Wire {
    async fn call(&self, op: u16, body: Vec<u8>) -> Result<Bytes, CallError> {
        let honest = |body: &[u8]| self.server.borrow_mut().answer(&self.name, op, body);
        let Some(script) = &self.script else {
            return Ok(Bytes(honest(&body)?));
        };
        let mut script = script.borrow_mut();
        if script.is_over() {
            return Err(CallError::Disconnected);
        }
        match script.byte() {
            0..=159 => Ok(Bytes(honest(&body)?)),
            160..=219 => {
                let answer = honest(&body)?;
                Ok(Bytes(script.altered(answer)))
            }
            220..=235 => {
                let code: ErrorCode = codec::decode(&codec::encode(&(script.byte() % 30)))
                    .map_err(|_| CallError::BadReply)?;
                Err(RequestError::new(code, "no").into())
            }
            236..=243 => Err(CallError::Disconnected),
            _ => Ok(Bytes(script.some())),
        }
    }

    fn hang_up(&self) {}
}

struct Device {
    keys: NativeKeys,
    store: MemoryStore,
    wire: Wire,
    /// Which conversation the page shows.
    wanted: Option<ConversationId>,
}

impl Platform for Device {
    type Keys = NativeKeys;
    type Store = MemoryStore;
    type Socket = Wire;

    fn keys(&self) -> &NativeKeys {
        &self.keys
    }

    fn store(&self) -> &MemoryStore {
        &self.store
    }

    fn socket(&self) -> &Wire {
        &self.wire
    }

    fn now(&self) -> Timestamp {
        Timestamp(1_700_000_100_000)
    }

    fn label(&self) -> String {
        "fuzzed".into()
    }

    fn wanted(&self) -> Option<ConversationId> {
        self.wanted
    }

    fn screen(&self) -> u64 {
        2
    }
}

/// How many messages were shown.
async fn play(template: &Template, scene: &Scene, script: Script) -> usize {
    let script = Rc::new(RefCell::new(script));
    let shown = Rc::new(Cell::new(0));
    let device = Device {
        keys: scene.keys.snapshot(),
        store: scene.store.snapshot(),
        wire: Wire {
            name: scene.name.clone(),
            server: Rc::new(RefCell::new(template.server.clone())),
            script: Some(Rc::clone(&script)),
        },
        wanted: Some(template.conversation),
    };
    let me = scene.user;
    let count = Rc::clone(&shown);
    let emit = move |event| count.set(count.get() + judge(me, &event));
    let mut client = Client::new(device, Box::new(emit));
    client.start().await;
    // Rows come to a page that looks at them; who holds no conversation yet may not.
    let open = Command {
        ticket: u64::MAX,
        action: Action::Open(template.conversation),
    };
    client.command(open).await;
    client.connected().await;
    for ticket in 0..STEPS {
        if script.borrow().is_over() {
            break;
        }
        let kind = script.borrow_mut().byte();
        match kind {
            0..=95 => {
                let entry = entry(template, &mut script.borrow_mut());
                client.event(entry).await;
            }
            96..=127 => {
                let told = codec::decode(&script.borrow_mut().some());
                if let Ok(event) = told {
                    client.event(event).await;
                }
            }
            128..=207 => {
                let action = action(template, me, &mut script.borrow_mut());
                let ticket = u64::try_from(ticket).expect("few");
                client.command(Command { ticket, action }).await;
            }
            208..=231 => client.tick().await,
            _ => {
                client.disconnected(None);
                client.connected().await;
            }
        }
    }
    shown.get()
}

/// An entry that was written, or what was made of one, at its place or another.
fn entry(template: &Template, script: &mut Script) -> Event {
    let entries = template.server.entries(&template.conversation);
    let at = &entries[usize::from(script.byte()) % entries.len()];
    let event = |entry: EntryAt| Event::Entry {
        conversation: template.conversation,
        entry,
    };
    match script.byte() {
        0..=127 => event(at.clone()),
        128..=159 => event(EntryAt {
            number: script.byte().into(),
            ..at.clone()
        }),
        _ => {
            let altered = script.altered(codec::encode(&event(at.clone())));
            codec::decode(&altered).unwrap_or(Event::SessionEnded)
        }
    }
}

fn action(template: &Template, me: UserId, script: &mut Script) -> Action {
    let conversation = template.conversation;
    let mut others = template.scenes.iter().map(|scene| scene.user);
    let user = others.find(|user| *user != me).unwrap_or(me);
    match script.byte() % 16 {
        0 => Action::Open(conversation),
        1 => Action::Older {
            conversation,
            before: script.byte().into(),
        },
        2 => Action::MarkRead {
            conversation,
            number: script.byte().into(),
        },
        3 => Action::SafetyNumber {
            user,
            changed: script.byte() > 127,
        },
        4 => Action::MarkVerified {
            user,
            verified: script.byte() > 127,
        },
        5 => Action::Accept(conversation),
        6 => Action::Decline(conversation),
        7 => Action::Leave(conversation),
        8 => Action::Remove { conversation, user },
        9 => Action::Rename {
            conversation,
            title: TITLE.into(),
        },
        10 => Action::Invite {
            conversation,
            people: vec!["alice".into(), "bob".into()],
        },
        11 => Action::AcceptIdentity {
            user,
            compared: script.byte() > 127,
        },
        12 => Action::ShareHistory { conversation, user },
        13 => Action::Sessions,
        14 => Action::Hello,
        _ => Action::Send {
            conversation,
            id: MessageId([script.byte(); 16]),
            text: TYPED.into(),
        },
    }
}

/// Nothing is shown that nobody said. How many messages there were.
fn judge(me: UserId, event: &Shown) -> usize {
    match event {
        Shown::Rows { rows, .. } => {
            return rows.iter().filter(|row| judge_row(me, row)).count();
        }
        Shown::Arrived { text, .. } => assert!(SAID.contains(&text.as_str()), "{text:?} arrived"),
        Shown::Conversation(conversation) => {
            let title = conversation.title.as_str();
            assert!(title.is_empty() || title == TITLE, "{title:?} as title");
        }
        _ => {}
    }
    0
}

/// Whether it is a message.
fn judge_row(me: UserId, row: &Row) -> bool {
    if let RowBody::Message(message) = &row.body {
        let text = message.text.as_str();
        let own = message.author == me;
        assert_eq!(message.own, own);
        assert!(
            SAID.contains(&text) || own && text == TYPED,
            "{text:?} by {}",
            message.author_name
        );
        assert!(message.proof.is_some() || own, "{text:?} without a proof");
    }
    matches!(row.body, RowBody::Message(_))
}

/// Two people who have talked, at several moments: made once, honestly.
fn template() -> &'static Template {
    static TEMPLATE: OnceLock<Template> = OnceLock::new();
    TEMPLATE.get_or_init(|| block_on(make()))
}

struct Somebody {
    client: Client<Device>,
    done: Rc<RefCell<Option<Outcome>>>,
    server: Rc<RefCell<Server>>,
    name: UserName,
    user: UserId,
    tickets: u64,
    told: BTreeSet<u64>,
}

impl Somebody {
    async fn register(
        name: &str,
        n: usize,
        algorithm: Algorithm,
        server: &Rc<RefCell<Server>>,
        memo: &Arc<Memo>,
    ) -> Self {
        let keys = NativeKeys::with_keys(test_keys::set(n).unwrap());
        let typed = name.to_owned();
        let name = UserName::parse(name).unwrap();
        let device = Device {
            keys: keys.remembering(Arc::clone(memo)),
            store: MemoryStore::new(),
            wire: Wire {
                name: name.clone(),
                server: Rc::clone(server),
                script: None,
            },
            wanted: None,
        };
        let done = Rc::new(RefCell::new(None));
        let outcome = Rc::clone(&done);
        let emit = move |event| {
            if let Shown::Done { result, .. } = event {
                *outcome.borrow_mut() = Some(result);
            }
        };
        let mut client = Client::new(device, Box::new(emit));
        client.start().await;
        client.connected().await;
        let mut somebody = Self {
            client,
            done,
            server: Rc::clone(server),
            name,
            user: UserId([0; 16]),
            tickets: 0,
            told: BTreeSet::new(),
        };
        let register = Action::Register {
            name: typed,
            password: Password("correct horse battery staple".into()),
            algorithm,
            code: None,
        };
        somebody.does(register).await;
        let keys = &somebody.client.platform().keys;
        use secure_chat_shared::client::platform::Keys;
        somebody.user = keys.load().await.unwrap().unwrap();
        somebody
    }

    async fn does(&mut self, action: Action) -> Answer {
        self.tickets += 1;
        let ticket = self.tickets;
        self.client.command(Command { ticket, action }).await;
        match self.done.borrow_mut().take() {
            Some(Outcome::Ok(answer)) => answer,
            other => panic!("{other:?}"),
        }
    }

    /// Hears of whatever is new in a log.
    async fn hears(&mut self, conversation: ConversationId) {
        let entries = self.server.borrow().entries(&conversation).to_vec();
        for entry in entries {
            if self.told.insert(entry.number) && entry.number > 0 {
                let event = Event::Entry {
                    conversation,
                    entry,
                };
                self.client.event(event).await;
            }
        }
    }

    async fn says(&mut self, conversation: ConversationId, place: u8) {
        let text = SAID[usize::from(place)].into();
        let id = MessageId([200 + place; 16]);
        self.does(Action::Send {
            conversation,
            id,
            text,
        })
        .await;
    }

    fn scene(&self) -> Scene {
        let device = self.client.platform();
        Scene {
            name: self.name.clone(),
            user: self.user,
            keys: device.keys.snapshot(),
            store: device.store.snapshot(),
        }
    }
}

async fn make() -> Template {
    let server = Rc::new(RefCell::new(Server::new()));
    let memo = Arc::new(Memo::default());
    let mut alice = Somebody::register("alice", 1, Algorithm::RsaPss, &server, &memo).await;
    let mut bob = Somebody::register("bob", 2, Algorithm::Dsa, &server, &memo).await;
    let mut scenes = Vec::new();
    let create = Action::CreateConversation {
        people: vec!["bob".into()],
        title: TITLE.into(),
        managed: false,
    };
    let Answer::Conversation(conversation) = alice.does(create).await else {
        panic!("no conversation");
    };
    // Somebody who has heard of nothing yet.
    scenes.push(bob.scene());
    bob.hears(conversation).await;
    bob.does(Action::Accept(conversation)).await;
    alice.says(conversation, 0).await;
    alice.hears(conversation).await;
    bob.hears(conversation).await;
    bob.says(conversation, 1).await;
    // One who lacks the end, one who has all of it so far.
    scenes.push(alice.scene());
    scenes.push(bob.scene());
    alice.hears(conversation).await;
    bob.hears(conversation).await;
    alice.says(conversation, 2).await;
    bob.hears(conversation).await;
    bob.says(conversation, 3).await;
    alice.hears(conversation).await;
    let server = server.borrow().clone();
    let entries = server.entries(&conversation).len();
    assert!(entries >= 7, "{entries} entries");
    Template {
        server,
        conversation,
        scenes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_honest_server_is_believed() {
        let template = template();
        let shown = template.scenes.iter().map(|scene| {
            let script = Script::new(&[0; 200]);
            block_on(play(template, scene, script))
        });
        let shown: Vec<usize> = shown.collect();
        // Also by whoever only now enters the conversation, and had asked for it before it was there.
        let is_all_said = |shown: &usize| *shown >= SAID.len();
        assert!(shown.iter().all(is_all_said), "{shown:?}");
    }

    #[test]
    #[should_panic(expected = "never said")]
    fn what_nobody_said_is_noticed() {
        judge(
            UserId([1; 16]),
            &Shown::Arrived {
                conversation: ConversationId([1; 32]),
                author: "bob".into(),
                text: "never said".into(),
            },
        );
    }
}
