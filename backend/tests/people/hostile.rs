//! A server that lies at the socket, to the real client core: each lie is noticed, and nothing false is shown.

use std::cell::RefCell;
use std::rc::Rc;

use secure_chat_shared::client::api::{
    Action, Blocked, Failure, MessageState, Notice, Reason, RowBody,
};
use secure_chat_shared::codec::{self, Bytes};
use secure_chat_shared::crypto::signing::Algorithm::{Dsa, RsaPss};
use secure_chat_shared::ids::ConversationId;
use secure_chat_shared::log::Entry;
use secure_chat_shared::protocol::{
    Conversations, Entries, EntryAt, Event, FoundMany, GetEntries, GetWrap, ListConversations,
    LookupNames, Request, Resume, Resumed, Stored, WrapFor,
};

use super::common::TestApp;
use super::local;
use super::page::Page;
use super::person::{PASSWORD, Person};
use super::socket::Given;

/// Alice and bob in a conversation, each having read a first message.
async fn a_pair(app: &TestApp) -> (Person, Person, ConversationId) {
    let mut alice = Person::register(app.address, "alice", 1, RsaPss).await;
    let mut bob = Person::register(app.address, "bob", 2, Dsa).await;
    let id = alice.begins_with(&["bob"], "").await;
    bob.joins(id).await;
    alice
        .until("bob is in", |page| {
            page.conversations[&id].members.iter().all(|m| !m.invited)
        })
        .await;
    alice.writes(id, "first").await;
    bob.reads(id, &["first"]).await;
    (alice, bob, id)
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
    matches!(page.conversations[&id].blocked, Some(Blocked::LogBroken(_)))
}

fn reasons(page: &Page, id: ConversationId) -> Vec<Reason> {
    page.rows_of(id)
        .filter_map(|row| match &row.body {
            RowBody::Invalid(row) => Some(row.reason),
            _ => None,
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_altered_message_is_marked_and_the_next_entry_stops_the_log() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, mut bob, id) = a_pair(&app).await;
        let mut once = true;
        bob.is_lied_to(altering(move |at| {
            if std::mem::take(&mut once)
                && let Stored::Whole(bytes) = &mut at.entry
            {
                *bytes.0.last_mut().unwrap() ^= 1;
            }
        }));
        alice.writes(id, "true").await;
        bob.until("a marked row", |page| reasons(page, id) == [Reason::Seal])
            .await;
        assert_eq!(bob.page.borrow().texts(id), ["first"]);
        alice.writes(id, "next").await;
        bob.until("an alarm", |page| is_stopped(page, id)).await;
        assert_eq!(bob.page.borrow().texts(id), ["first"]);
        let answer = bob.does(Action::Leave(id)).await;
        assert_eq!(
            answer,
            Err(Failure::LogBroken),
            "nothing goes out of a stopped log"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_dropped_in_the_middle_stops_the_log() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, mut bob, id) = a_pair(&app).await;
        let mut dropped = None;
        bob.is_lied_to(move |given| match given {
            Given::Event(mut event) => {
                if let Event::Entry { entry, .. } = &mut *event {
                    let first = *dropped.get_or_insert(entry.number);
                    if entry.number == first {
                        return None;
                    }
                    entry.number -= 1;
                }
                Some(Given::Event(event))
            }
            given => Some(given),
        });
        alice.writes(id, "dropped").await;
        alice.writes(id, "next").await;
        bob.until("an alarm", |page| is_stopped(page, id)).await;
        assert_eq!(bob.page.borrow().texts(id), ["first"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_is_not_shown_and_forks_the_log() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, mut bob, id) = a_pair(&app).await;
        let mut seen = Vec::new();
        bob.is_lied_to(altering(move |at| {
            seen.push(at.entry.clone());
            if seen.len() == 2 {
                at.entry = seen[0].clone();
            }
        }));
        alice.writes(id, "second").await;
        bob.reads(id, &["first", "second"]).await;
        let before = bob.sees(id).head_code;
        alice.writes(id, "third").await;
        bob.until("the replay is in his tree", |page| {
            page.conversations[&id].head_code != before
        })
        .await;
        assert_eq!(bob.page.borrow().texts(id), ["first", "second"]);
        // Two histories of the same size: what bob writes now names a view that no honest log has.
        bob.writes(id, "mine").await;
        let state = bob.page.borrow().messages(id)[2].state.clone();
        assert_eq!(state, MessageState::Failed(Failure::LogBroken));
        alice.writes(id, "fourth").await;
        bob.until("an alarm", |page| is_stopped(page, id)).await;
        assert_eq!(bob.page.borrow().texts(id), ["first", "second", "mine"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removal_kept_back_stops_the_log() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, mut bob, id) = a_pair(&app).await;
        let mut carol = Person::register(app.address, "carol", 3, RsaPss).await;
        alice
            .does(Action::Invite {
                conversation: id,
                people: vec!["carol".into()],
            })
            .await
            .unwrap();
        carol.joins(id).await;
        for person in [&mut alice, &mut bob] {
            person
                .until("carol is in", |page| {
                    let members = &page.conversations[&id].members;
                    members.len() == 3 && members.iter().all(|member| !member.invited)
                })
                .await;
        }
        // The server would have bob go on writing to carol: it hides her removal behind its true hash.
        bob.is_lied_to(altering(|at| {
            if !is_message(at) {
                let hash = secure_chat_shared::log::tree::leaf_hash(whole(at));
                at.entry = Stored::Purged(hash);
            }
        }));
        let user = carol.user();
        alice
            .does(Action::Remove {
                conversation: id,
                user,
            })
            .await
            .unwrap();
        alice.writes(id, "among us").await;
        bob.until("an alarm", |page| is_stopped(page, id)).await;
        assert_eq!(bob.page.borrow().texts(id), ["first"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_swapped_wrap_opens_nothing() {
    local(async {
        let app = TestApp::full().await;
        let mut alice = Person::register(app.address, "alice", 1, RsaPss).await;
        let mut bob = Person::register(app.address, "bob", 2, Dsa).await;
        bob.is_lied_to(|given| match given {
            Given::Reply {
                op: GetWrap::OP,
                body,
            } => {
                let mut wrap: WrapFor = codec::decode(&body).unwrap();
                wrap.wrap.0[5] ^= 1;
                Some(Given::Reply {
                    op: GetWrap::OP,
                    body: Bytes(codec::encode(&wrap)),
                })
            }
            given => Some(given),
        });
        let id = alice.begins_with(&["bob"], "a title").await;
        alice.writes(id, "sealed").await;
        bob.joins(id).await;
        bob.until("a marked row", |page| reasons(page, id) == [Reason::NoKey])
            .await;
        assert_eq!(bob.sees(id).title, "");
        assert!(bob.page.borrow().texts(id).is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_swapped_identity_is_not_invited() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, _bob, _) = a_pair(&app).await;
        let mallory = Person::register(app.address, "mallory", 4, RsaPss).await;
        drop(mallory);
        let found = Rc::new(RefCell::new(None::<Bytes>));
        let kept = Rc::clone(&found);
        let other = alice.does(Action::CreateConversation {
            people: vec!["mallory".into()],
            title: String::new(),
            managed: false,
        });
        other.await.unwrap();
        // Whoever is asked for, mallory is given.
        alice.is_lied_to(move |given| match given {
            Given::Reply {
                op: LookupNames::OP,
                body,
            } => {
                let mut kept = kept.borrow_mut();
                let answer = kept.get_or_insert(body).clone();
                Some(Given::Reply {
                    op: LookupNames::OP,
                    body: answer,
                })
            }
            given => Some(given),
        });
        let begin = |name: &str| Action::CreateConversation {
            people: vec![name.into()],
            title: String::new(),
            managed: false,
        };
        alice.does(begin("mallory")).await.unwrap();
        let answer = alice.does(begin("bob")).await;
        assert!(
            matches!(
                answer,
                Err(Failure::Server(_) | Failure::IdentityChanged(..))
            ),
            "{answer:?}"
        );
        let given: FoundMany = codec::decode(found.borrow().as_ref().unwrap()).unwrap();
        assert_ne!(given.people.len(), 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shortened_log_is_noticed_on_a_new_device() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, mut bob, id) = a_pair(&app).await;
        alice.writes(id, "seen by the old device").await;
        bob.reads(id, &["first", "seen by the old device"]).await;
        let last = 5;
        bob.does(Action::MarkRead {
            conversation: id,
            number: last,
        })
        .await
        .unwrap();
        bob.ticks().await;
        let shortened = |given| match given {
            Given::Reply {
                op: GetEntries::OP,
                body,
            } => {
                let mut page: Entries = codec::decode(&body).unwrap();
                page.entries.retain(|at| at.number < 4);
                Some(Given::Reply {
                    op: GetEntries::OP,
                    body: Bytes(codec::encode(&page)),
                })
            }
            given => Some(given),
        };
        let new = Person::sign_in_lied_to(app.address, "bob", PASSWORD, shortened)
            .await
            .unwrap();
        assert!(is_stopped(&new.page.borrow(), id));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_cut_short_and_an_older_vault_are_noticed() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, mut bob, id) = a_pair(&app).await;
        alice
            .does(Action::MarkRead {
                conversation: id,
                number: 2,
            })
            .await
            .unwrap();
        bob.does(Action::MarkRead {
            conversation: id,
            number: 3,
        })
        .await
        .unwrap();
        bob.ticks().await;
        bob.disconnect().await;
        bob.is_lied_to(|given| match given {
            Given::Reply {
                op: ListConversations::OP,
                body,
            } => {
                let mut list: Conversations = codec::decode(&body).unwrap();
                list.conversations[0].view.size -= 1;
                Some(Given::Reply {
                    op: ListConversations::OP,
                    body: Bytes(codec::encode(&list)),
                })
            }
            Given::Reply {
                op: Resume::OP,
                body,
            } => {
                let mut resumed: Resumed = codec::decode(&body).unwrap();
                resumed.state_generation -= 1;
                Some(Given::Reply {
                    op: Resume::OP,
                    body: Bytes(codec::encode(&resumed)),
                })
            }
            given => Some(given),
        });
        bob.connect(app.address).await;
        assert!(is_stopped(&bob.page.borrow(), id));
        let told = bob.page.borrow().notices.iter().any(|notice| {
            matches!(notice, Notice::Trouble(Failure::Server(text)) if text.contains("older"))
        });
        assert!(told, "the older vault");
    })
    .await;
}
