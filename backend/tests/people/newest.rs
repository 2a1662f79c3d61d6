//! What a page waits for comes first: its conversation, and of a long log the newest entries.

use std::cell::RefCell;
use std::rc::Rc;

use secure_chat_shared::client::api::{Action, Blocked, Password, Standing};
use secure_chat_shared::client::native::{MemoryStore, NativeKeys};
use secure_chat_shared::codec::{self, Bytes};
use secure_chat_shared::ids::ConversationId;
use secure_chat_shared::log::tree::Frontier;
use secure_chat_shared::protocol::{
    Conversations, Entries, EntryAt, GetEntries, ListConversations, Request,
};

use super::common::TestApp;
use super::local;
use super::person::{PASSWORD, Person, a_pair};
use super::socket::{Fate, Given};

/// Entries that fill the screen.
const SCREEN: u64 = 3;
const ALL: [&str; 8] = ["1", "2", "3", "4", "5", "6", "7", "8"];
/// Where the newest of them begin: after the creation, the invitation and its acceptance.
const FIRST: u64 = 3 + 8 - SCREEN;

/// Alice and bob, to whom she has written.
async fn a_long_log(app: &TestApp) -> (Person, Person, ConversationId) {
    let (mut alice, mut bob, id) = a_pair(app, "ours").await;
    for text in ALL {
        alice.writes(id, text).await;
    }
    bob.reads(id, &ALL).await;
    (alice, bob, id)
}

/// What a page showed whenever entries were asked for: from which number, and which texts.
type Seen = Rc<RefCell<Vec<(u64, Vec<String>)>>>;

/// Notes what the page shows; the connection breaks when entries are asked for from where it `holds` no more.
fn watch(person: &mut Person, id: ConversationId, holds: impl Fn(u64) -> bool + 'static) -> Seen {
    let seen = Seen::default();
    let (noted, page) = (Rc::clone(&seen), Rc::clone(&person.page));
    person.is_meddled_with(move |op, body| {
        if op != GetEntries::OP {
            return Fate::Done(body);
        }
        let request: GetEntries = codec::decode(&body).unwrap();
        let texts = page.borrow();
        let texts = texts.texts(id).into_iter().map(str::to_owned).collect();
        noted.borrow_mut().push((request.from, texts));
        match holds(request.from) {
            true => Fate::Done(body),
            false => Fate::Lost,
        }
    });
    seen
}

fn seen(seen: &Seen) -> Vec<(u64, Vec<String>)> {
    seen.borrow().clone()
}

fn shown(from: u64, texts: &[&str]) -> (u64, Vec<String>) {
    (from, texts.iter().map(|text| (*text).to_owned()).collect())
}

/// Bob with a new browser, whose page is at the conversation.
async fn on_a_new_device(id: ConversationId) -> Person {
    let person = Person::on_device("bob", NativeKeys::new(), MemoryStore::new()).await;
    person.wants(id, SCREEN);
    person
}

async fn signs_in(person: &mut Person, app: &TestApp) {
    person.connect(app.address).await;
    let (name, password) = (person.name.clone(), Password(PASSWORD.into()));
    // Whether it also came to an end of reading is not its matter.
    let _ = person.does(Action::SignIn { name, password }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_newest_is_shown_before_the_rest() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, mut bob, id) = a_long_log(&app).await;
        let mut again = on_a_new_device(id).await;
        let seen_again = watch(&mut again, id, |_| true);
        signs_in(&mut again, &app).await;
        let newest = &ALL[ALL.len() - SCREEN as usize..];
        assert_eq!(seen(&seen_again), [shown(FIRST, &[]), shown(1, newest)]);
        again.reads(id, &ALL).await;
        let conversation = again.sees(id);
        assert_eq!(conversation.standing, Standing::Member);
        assert_eq!((&*conversation.title, conversation.unread), ("ours", 8));

        // On a device that has some of it, too.
        bob.disconnect().await;
        for text in ["9", "10", "11", "12"] {
            alice.writes(id, text).await;
        }
        bob = bob.reload().await;
        bob.wants(id, SCREEN);
        let seen_later = watch(&mut bob, id, |_| true);
        bob.connect(app.address).await;
        let newest = ["10", "11", "12"];
        assert_eq!(
            seen(&seen_later),
            [shown(FIRST + 4, &[]), shown(FIRST + SCREEN, &newest)]
        );
        let all = [&ALL[..], &["9", "10", "11", "12"]].concat();
        bob.reads(id, &all).await;
        alice.writes(id, "13").await;
        bob.reads(id, &[&all[..], &["13"]].concat()).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_conversation_that_a_page_shows_is_read_first() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, mut bob, first) = a_pair(&app, "first").await;
        let second = alice.begins_with(&["bob"], "second").await;
        bob.joins(second).await;
        alice.sees_members(second, &["alice", "bob"]).await;
        for wanted in [first, second] {
            bob.disconnect().await;
            for id in [first, second] {
                alice.writes(id, "news").await;
            }
            bob = bob.reload().await;
            bob.wants(wanted, SCREEN);
            let asked = Rc::new(RefCell::new(Vec::new()));
            let noted = Rc::clone(&asked);
            bob.is_meddled_with(move |op, body| {
                if op == GetEntries::OP {
                    let request: GetEntries = codec::decode(&body).unwrap();
                    noted.borrow_mut().push(request.conversation);
                }
                Fate::Done(body)
            });
            bob.connect(app.address).await;
            assert_eq!(asked.borrow()[0], wanted);
            assert_eq!(asked.borrow().len(), 2);
            // Without having been opened by a command.
            assert_eq!(bob.page.borrow().texts(wanted).last(), Some(&"news"));
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_shown_first_goes_with_the_connection_and_comes_again() {
    local(async {
        let app = TestApp::full().await;
        let (_alice, _bob, id) = a_long_log(&app).await;
        let mut again = on_a_new_device(id).await;
        let seen_again = watch(&mut again, id, |from| from == FIRST);
        signs_in(&mut again, &app).await;
        let newest = &ALL[ALL.len() - SCREEN as usize..];
        assert_eq!(seen(&seen_again), [shown(FIRST, &[]), shown(1, newest)]);
        // Nothing is shown for long that this device does not hold.
        assert_eq!(again.page.borrow().texts(id), [""; 0]);
        assert!(!again.page.borrow().conversations.contains_key(&id));
        again.disconnect().await;
        let seen_again = watch(&mut again, id, |_| true);
        again.connect(app.address).await;
        assert_eq!(seen(&seen_again), [shown(FIRST, &[]), shown(1, newest)]);
        again.reads(id, &ALL).await;
        assert_eq!(again.sees(id).standing, Standing::Member);
    })
    .await;
}

/// What a server makes of a page.
type Lie = fn(&mut Entries);

/// Alters pages of entries.
fn altering_pages(alter: impl Fn(&mut Entries) + 'static) -> impl FnMut(Given) -> Option<Given> {
    move |given| match given {
        Given::Reply {
            op: GetEntries::OP,
            body,
        } => {
            let mut page: Entries = codec::decode(&body).unwrap();
            alter(&mut page);
            let (op, body) = (GetEntries::OP, Bytes(codec::encode(&page)));
            Some(Given::Reply { op, body })
        }
        given => Some(given),
    }
}

fn begins_at(page: &Entries, number: u64) -> bool {
    page.entries.first().is_some_and(|at| at.number == number)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn newest_entries_that_are_not_the_logs_are_not_shown() {
    local(async {
        let app = TestApp::full().await;
        let (_alice, _bob, id) = a_long_log(&app).await;
        let lies: [Lie; 3] = [
            |page| {
                page.entries.remove(1);
            },
            |page| page.entries.swap(0, 1),
            |page| {
                page.entries[1].entry = page.entries[0].entry.clone();
            },
        ];
        for lie in lies {
            let mut again = on_a_new_device(id).await;
            let seen_again = watch(&mut again, id, |_| true);
            again.is_lied_to(altering_pages(move |page| {
                if begins_at(page, FIRST) {
                    lie(page);
                }
            }));
            signs_in(&mut again, &app).await;
            assert_eq!(seen(&seen_again), [shown(FIRST, &[]), shown(1, &[])]);
            again.reads(id, &ALL).await;
            again.disconnect().await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_history_than_the_newest_entries_were_shown_in_stops_the_log() {
    local(async {
        let app = TestApp::full().await;
        let (_alice, _bob, id) = a_long_log(&app).await;
        let lies: [(Lie, &str); 4] = [
            (|page| page.entries.swap_numbers(4, 5), "left out"),
            (
                |page| {
                    page.entries.retain(|at| at.number < 7);
                    page.size = 7;
                },
                FIRST_OTHERWISE,
            ),
            (
                |page| {
                    page.entries.retain(|at| at.number < 7);
                    page.size = 0;
                },
                FIRST_OTHERWISE,
            ),
            (replay_at_the_end, FIRST_OTHERWISE),
        ];
        for (lie, reason) in lies {
            let mut again = on_a_new_device(id).await;
            again.is_lied_to(altering_pages(move |page| {
                if begins_at(page, 1) {
                    lie(page);
                }
            }));
            signs_in(&mut again, &app).await;
            is_stopped_because(&again, id, reason);
            assert!(!again.page.borrow().texts(id).contains(&"8"));
        }
    })
    .await;
}

const FIRST_OTHERWISE: &str = "newest messages first";

/// The last entry is an older one again: each entry is as it should be, and the tree is another.
fn replay_at_the_end(page: &mut Entries) {
    let older = page.entries[4].entry.clone();
    page.entries.last_mut().unwrap().entry = older;
}

fn is_stopped_because(person: &Person, id: ConversationId, reason: &str) {
    match &person.sees(id).blocked {
        Some(Blocked::LogBroken(why)) => assert!(why.contains(reason), "{why}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_history_on_the_next_connection_stops_the_log_too() {
    local(async {
        let app = TestApp::full().await;
        let (_alice, _bob, id) = a_long_log(&app).await;
        let mut again = on_a_new_device(id).await;
        let seen_again = watch(&mut again, id, |from| from == FIRST);
        signs_in(&mut again, &app).await;
        assert_eq!(seen(&seen_again).len(), 2);
        again.disconnect().await;
        again = again.reload().await;
        again.is_lied_to(altering_pages(|page| {
            if begins_at(page, 1) {
                replay_at_the_end(page);
            }
        }));
        again.connect(app.address).await;
        is_stopped_because(&again, id, FIRST_OTHERWISE);
    })
    .await;
}

trait SwapNumbers {
    fn swap_numbers(&mut self, a: u64, b: u64);
}

impl SwapNumbers for Vec<EntryAt> {
    /// Two entries in each other's place.
    fn swap_numbers(&mut self, a: u64, b: u64) {
        let place = |number| self.iter().position(|at| at.number == number).unwrap();
        let (a, b) = (place(a), place(b));
        let (first, second) = (self[a].entry.clone(), self[b].entry.clone());
        (self[a].entry, self[b].entry) = (second, first);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_message_that_comes_again_is_not_shown_as_the_newest() {
    local(async {
        let app = TestApp::full().await;
        let (alice, _bob, id) = a_long_log(&app).await;
        let everything = GetEntries {
            conversation: id,
            from: 0,
            limit: 200,
        };
        let entries = alice.asks(&everything).await.unwrap().entries;
        // One from before what is shown first, and one of that, in a page of its own.
        for older in [4, 10] {
            let mut tree = Frontier::default();
            for at in &entries {
                tree.append(at.entry.leaf());
            }
            let mut replay = entries[older].clone();
            replay.number = tree.size();
            tree.append(replay.entry.leaf());
            let (view, end) = (tree.view(), replay.number);

            let mut again = on_a_new_device(id).await;
            let seen_again = watch(&mut again, id, |_| true);
            let mut adding = altering_pages(move |page| {
                if !begins_at(page, FIRST + 1) {
                    page.entries.push(replay.clone());
                }
                page.size += 1;
            });
            again.is_lied_to(move |given| match given {
                Given::Reply {
                    op: ListConversations::OP,
                    body,
                } => {
                    let mut list: Conversations = codec::decode(&body).unwrap();
                    list.conversations[0].view = view;
                    let (op, body) = (ListConversations::OP, Bytes(codec::encode(&list)));
                    Some(Given::Reply { op, body })
                }
                given => adding(given),
            });
            signs_in(&mut again, &app).await;
            let asked = [
                shown(FIRST + 1, &[]),
                shown(end, &[]),
                shown(1, &["7", "8"]),
            ];
            assert_eq!(seen(&seen_again), asked);
            again.reads(id, &ALL).await;
            again.disconnect().await;
        }
    })
    .await;
}
