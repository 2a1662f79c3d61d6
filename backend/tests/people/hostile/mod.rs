//! A server that lies at the socket, to the real client core: each lie is noticed, and nothing false is shown.
//!
//! `docs/THREAT_MODEL.md` lists every test here. Some lies need a member who helps the server: an [`Insider`].
//!
//! - [`members`]: adds or drops somebody; [`identities`]: swaps public keys; [`own_account`], [`recovery`]: lies about one's own
//! - [`history`]: replays, reorders, drops, truncates, forks; [`newcomers`]: the same to who has nothing to compare with
//! - [`messages`], [`envelopes`], [`epochs`]: swaps or alters what is sealed, and the keys it is sealed under
//! - [`managed`]: does more or less than it may where it makes the keys
//! - [`replies`]: answers with something else

mod envelopes;
mod epochs;
mod history;
mod identities;
mod insider;
mod managed;
mod members;
mod messages;
mod newcomers;
mod own_account;
mod recovery;
mod replies;

use std::cell::RefCell;
use std::rc::Rc;

use secure_chat_shared::client::api::{Action, Blocked, Failure, MessageState, Reason, RowBody};
use secure_chat_shared::codec::{self, Bytes};
use secure_chat_shared::crypto::signing::Algorithm::{Dsa, RsaPss};
use secure_chat_shared::ids::ConversationId;
use secure_chat_shared::log::Entry;
use secure_chat_shared::protocol::{Append, Entries, EntryAt, Event, GetEntries, Request, Stored};

use super::common::TestApp;
use super::local;
use super::page::Page;
use super::person::Person;
use super::socket::{Fate, Given};
use insider::Insider;

/// Alice and bob in a conversation, each having read a first message.
async fn a_pair(app: &TestApp) -> (Person, Person, ConversationId) {
    let mut alice = Person::register(app.address, "alice", 1, RsaPss).await;
    let mut bob = Person::register(app.address, "bob", 2, Dsa).await;
    let id = alice.begins_with(&["bob"], "ours").await;
    bob.joins(id).await;
    alice.sees_members(id, &["alice", "bob"]).await;
    alice.writes(id, "first").await;
    bob.reads(id, &["first"]).await;
    (alice, bob, id)
}

/// The same with mallory, an ordinary member who will help the server, and has the fourth set of test keys.
async fn a_circle(app: &TestApp) -> (Person, Person, Person, ConversationId) {
    let mut alice = Person::register(app.address, "alice", 1, RsaPss).await;
    let mut bob = Person::register(app.address, "bob", 2, Dsa).await;
    let mut mallory = Person::register(app.address, "mallory", 4, RsaPss).await;
    let id = alice.begins_with(&["bob", "mallory"], "ours").await;
    bob.joins(id).await;
    mallory.joins(id).await;
    alice.writes(id, "first").await;
    for person in [&mut alice, &mut bob, &mut mallory] {
        person.sees_members(id, &["alice", "bob", "mallory"]).await;
        person.reads(id, &["first"]).await;
    }
    (alice, bob, mallory, id)
}

/// Alters the replies to one kind of request.
fn altering_replies<R: Request>(
    mut alter: impl FnMut(&mut R::Reply) + 'static,
) -> impl FnMut(Given) -> Option<Given> {
    move |given| match given {
        Given::Reply { op, body } if op == R::OP => {
            let mut reply: R::Reply = codec::decode(&body).unwrap();
            alter(&mut reply);
            let body = Bytes(codec::encode(&reply));
            Some(Given::Reply { op, body })
        }
        given => Some(given),
    }
}

/// Alters live entries and pages alike.
fn altering(mut alter: impl FnMut(&mut EntryAt) + 'static) -> impl FnMut(Given) -> Option<Given> {
    move |given| match given {
        Given::Event(mut event) => {
            if let Event::Entry { entry, .. } = &mut *event {
                alter(entry);
            }
            Some(Given::Event(event))
        }
        Given::Reply {
            op: GetEntries::OP,
            body,
        } => {
            let mut page: Entries = codec::decode(&body).unwrap();
            page.entries.iter_mut().for_each(&mut alter);
            Some(Given::Reply {
                op: GetEntries::OP,
                body: Bytes(codec::encode(&page)),
            })
        }
        given => Some(given),
    }
}

/// Gives no entries, neither live nor by the page.
fn keeping_entries_back() -> impl FnMut(Given) -> Option<Given> {
    |given| match given {
        Given::Event(event) => match *event {
            Event::Entry { .. } => None,
            event => Some(Given::Event(Box::new(event))),
        },
        given => altering_replies::<GetEntries>(|page| page.entries.clear())(given),
    }
}

fn whole(at: &EntryAt) -> &Bytes {
    match &at.entry {
        Stored::Whole(bytes) => bytes,
        Stored::Purged(_) => panic!("nothing is purged here"),
    }
}

fn is_message(at: &EntryAt) -> bool {
    matches!(Entry::parse(whole(at)), Ok(Entry::Message(_)))
}

fn is_stopped(page: &Page, id: ConversationId) -> bool {
    let shown = page.conversations.get(&id);
    shown.is_some_and(|shown| matches!(shown.blocked, Some(Blocked::LogBroken(_))))
}

fn reasons(page: &Page, id: ConversationId) -> Vec<Reason> {
    page.rows_of(id)
        .filter_map(|row| match &row.body {
            RowBody::Invalid(row) => Some(row.reason),
            _ => None,
        })
        .collect()
}

/// What a person sees of a conversation and believes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Sight {
    title: String,
    /// Name, whether invited, whether admin.
    members: Vec<(String, bool, bool)>,
    texts: Vec<String>,
}

fn sight(person: &Person, id: ConversationId) -> Sight {
    let shown = person.sees(id);
    let members = shown.members.into_iter();
    Sight {
        title: shown.title,
        members: members
            .map(|member| (member.name, member.invited, member.admin))
            .collect(),
        texts: person
            .page
            .borrow()
            .texts(id)
            .into_iter()
            .map(str::to_owned)
            .collect(),
    }
}

/// Everything that this person appends from now on.
fn appended(person: &mut Person) -> Rc<RefCell<Vec<Append>>> {
    let appended = Rc::new(RefCell::new(Vec::new()));
    let seen = Rc::clone(&appended);
    person.is_meddled_with(move |op, body| {
        if op == Append::OP {
            seen.borrow_mut().push(codec::decode(&body).unwrap());
        }
        Fate::Done(body)
    });
    appended
}

/// The person sees that the log is stopped, and why. What was shown stays, and nothing goes out.
async fn is_stopped_because(person: &mut Person, id: ConversationId, before: &Sight, why: &str) {
    person.until("an alarm", |page| is_stopped(page, id)).await;
    let Some(Blocked::LogBroken(reason)) = person.sees(id).blocked else {
        panic!("not stopped")
    };
    assert!(reason.contains(why), "{reason}");
    assert_eq!(sight(person, id), *before);
    let appended = appended(person);
    person.writes(id, "into the void").await;
    let page = person.page.borrow();
    let state = &page.messages(id).last().unwrap().state;
    assert_eq!(*state, MessageState::Failed(Failure::LogBroken));
    assert!(appended.borrow().is_empty(), "nothing goes out");
}

/// The person sees marked rows for these reasons, and otherwise what they saw.
async fn sees_marked(person: &mut Person, id: ConversationId, before: &Sight, marks: &[Reason]) {
    let what = format!("the marked rows are {marks:?}");
    person.until(&what, |page| reasons(page, id) == marks).await;
    assert_eq!(sight(person, id), *before);
    assert_eq!(person.sees(id).blocked, None);
}

/// The person sees that somebody's keys changed. What they write waits, and goes to nobody.
async fn waits_for_a_decision(person: &mut Person, id: ConversationId, name: &str) {
    let asks = |page: &Page| {
        let shown = page.conversations.get(&id);
        shown.is_some_and(|shown| {
            matches!(&shown.blocked, Some(Blocked::IdentityChanged { name: who, .. }) if who == name)
        })
    };
    let what = format!("{name}'s keys changed");
    person.until(&what, asks).await;
    let appended = appended(person);
    person.writes(id, "not yet").await;
    person.ticks().await;
    let state = person
        .page
        .borrow()
        .messages(id)
        .last()
        .unwrap()
        .state
        .clone();
    assert_eq!(state, MessageState::Pending);
    assert!(appended.borrow().is_empty(), "nothing goes out");
}

fn begin(name: &str) -> Action {
    Action::CreateConversation {
        people: vec![name.into()],
        title: String::new(),
        managed: false,
    }
}
