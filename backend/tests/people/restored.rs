//! A server restored from a backup: its people give back what it has lost.

use std::path::PathBuf;

use secure_chat_shared::client::api::{
    Action, Answer, Blocked, Deed, Failure, MessageState, Notice, Reason, RowBody, Standing,
};
use secure_chat_shared::crypto::signing::Algorithm::{Dsa, RsaPss};
use secure_chat_shared::ids::ConversationId;

use super::common::TestApp;
use super::local;
use super::page::Page;
use super::person::{PASSWORD, Person};

/// Copies of the files in a server's data folder, while it is stopped.
struct Backup(Vec<(PathBuf, Vec<u8>)>);

impl Backup {
    fn of(app: &TestApp) -> Self {
        let files = std::fs::read_dir(app.data()).unwrap();
        let files = files.map(|file| file.unwrap().path());
        Self(
            files
                .filter(|path| path.is_file())
                .map(|path| (path.clone(), std::fs::read(path).unwrap()))
                .collect(),
        )
    }

    fn restore(&self, app: &TestApp) {
        for file in std::fs::read_dir(app.data()).unwrap() {
            let path = file.unwrap().path();
            if path.is_file() {
                std::fs::remove_file(path).unwrap();
            }
        }
        for (path, bytes) in &self.0 {
            std::fs::write(path, bytes).unwrap();
        }
    }
}

/// Stops the server, and starts it again after `meanwhile`; everybody hears that it went.
async fn restart(app: &mut TestApp, people: &mut [&mut Person], meanwhile: impl FnOnce(&TestApp)) {
    app.stop().await;
    meanwhile(app);
    app.start().await;
    for person in people {
        person.await_disconnect().await;
    }
}

fn gave_back(person: &Person) -> u64 {
    let page = person.page.borrow();
    let notices = page.notices.iter();
    notices
        .map(|notice| match notice {
            Notice::GaveBack(entries) => *entries,
            _ => 0,
        })
        .sum()
}

fn reasons(page: &Page, id: ConversationId) -> Vec<Reason> {
    let rows = page.rows_of(id).filter_map(|row| match &row.body {
        RowBody::Invalid(row) => Some(row.reason),
        _ => None,
    });
    rows.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_lost_comes_back_and_new_devices_read_it() {
    local(async {
        let mut app = TestApp::full().await;
        let mut alice = Person::register(app.address, "alice", 1, RsaPss).await;
        let mut bob = Person::register(app.address, "bob", 2, Dsa).await;
        let mut carol = Person::register(app.address, "carol", 3, RsaPss).await;
        let id = alice.begins_with(&["bob"], "a title").await;
        bob.joins(id).await;
        alice.sees_members(id, &["alice", "bob"]).await;
        alice.writes(id, "before").await;
        bob.reads(id, &["before"]).await;
        let mut backup = Backup(Vec::new());
        let everybody = &mut [&mut alice, &mut bob, &mut carol];
        restart(&mut app, everybody, |app| backup = Backup::of(app)).await;
        for person in [&mut alice, &mut bob, &mut carol] {
            person.connect(app.address).await;
        }

        bob.writes(id, "after").await;
        alice.reads(id, &["before", "after"]).await;
        alice.invites(id, &["carol"]).await;
        carol.joins(id).await;
        alice.sees_members(id, &["alice", "bob", "carol"]).await;
        alice.writes(id, "with carol").await;
        carol.reads(id, &["with carol"]).await;
        bob.reads(id, &["before", "after", "with carol"]).await;
        let other = bob.begins_with(&["alice"], "another").await;
        alice.joins(other).await;
        bob.sees_members(other, &["alice", "bob"]).await;
        alice.writes(other, "all of it is lost").await;
        bob.reads(other, &["all of it is lost"]).await;
        let lost = 4;

        let everybody = &mut [&mut alice, &mut bob, &mut carol];
        restart(&mut app, everybody, |app| backup.restore(app)).await;
        // She is not known to be in any conversation, and has nothing from before her invitation to give back.
        carol.connect(app.address).await;
        carol.writes(id, "patience").await;
        carol.ticks().await;
        let state = carol.page.borrow().messages(id)[1].state.clone();
        assert_eq!(state, MessageState::Pending);
        let leave = carol.does(Action::Leave(id)).await;
        assert!(matches!(leave, Err(Failure::Server(_))), "{leave:?}");
        alice.connect(app.address).await;
        assert_eq!(
            gave_back(&alice),
            lost,
            "a message, an invitation, an answer, a message"
        );
        let all = ["before", "after", "with carol", "patience"];
        carol.reads(id, &all[2..]).await;
        alice.reads(id, &all).await;
        // What bob alone can give back, since he began it.
        bob.connect(app.address).await;
        assert_eq!(gave_back(&bob), 4);
        bob.reads(id, &all).await;
        bob.writes(other, "but it came back").await;
        alice
            .reads(other, &["all of it is lost", "but it came back"])
            .await;
        for person in [&alice, &bob, &carol] {
            let page = person.page.borrow();
            assert!(
                page.conversations
                    .values()
                    .all(|shown| shown.blocked.is_none())
            );
            assert_eq!(page.conversations[&id].standing, Standing::Member);
        }

        // The keys that were wrapped since the backup are lost, and handed again.
        let mut again = Person::sign_in(app.address, "bob", PASSWORD).await.unwrap();
        for conversation in [id, other] {
            again.does(Action::Open(conversation)).await.unwrap();
        }
        assert_eq!(again.page.borrow().texts(id), ["before", "after"]);
        assert_eq!(reasons(&again.page.borrow(), id), [Reason::NoKey; 2]);
        let answered = |page: &Page, id| {
            page.rows_of(id).any(|row| {
                matches!(&row.body, RowBody::Happened(done) if matches!(done.what, Deed::Rewrapped(_)))
            })
        };
        bob.until("his other browser has got both", |page| {
            answered(page, id) && answered(page, other)
        })
        .await;
        again.reads(id, &all).await;
        again
            .reads(other, &["all of it is lost", "but it came back"])
            .await;
        assert_eq!(again.sees(id).title, "a title");
        assert_eq!(again.sees(other).title, "another");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_server_that_went_on_without_them_is_a_fork() {
    local(async {
        let mut app = TestApp::full().await;
        let mut alice = Person::register(app.address, "alice", 1, RsaPss).await;
        let mut bob = Person::register(app.address, "bob", 2, Dsa).await;
        let id = alice.begins_with(&["bob"], "").await;
        bob.joins(id).await;
        alice.sees_members(id, &["alice", "bob"]).await;
        let mut backup = Backup(Vec::new());
        let everybody = &mut [&mut alice, &mut bob];
        restart(&mut app, everybody, |app| backup = Backup::of(app)).await;
        alice.connect(app.address).await;
        for text in ["one", "two", "three"] {
            alice.writes(id, text).await;
        }
        alice.reads(id, &["one", "two", "three"]).await;
        restart(&mut app, &mut [&mut alice], |app| backup.restore(app)).await;
        // He was away, and knows of nothing that is lost.
        bob.connect(app.address).await;
        bob.writes(id, "something else").await;
        bob.reads(id, &["something else"]).await;
        alice.connect(app.address).await;
        assert!(matches!(
            alice.sees(id).blocked,
            Some(Blocked::LogBroken(_))
        ));
        assert_eq!(gave_back(&alice), 0);
        assert_eq!(alice.page.borrow().texts(id), ["one", "two", "three"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_has_left_gives_back_what_the_server_answered_to_others() {
    local(async {
        let mut app = TestApp::full().await;
        let mut alice = Person::register(app.address, "alice", 1, RsaPss).await;
        let mut bob = Person::register(app.address, "bob", 2, Dsa).await;
        let mut carol = Person::register(app.address, "carol", 3, RsaPss).await;
        let mut ids = Vec::new();
        for title in ["heard", "unheard"] {
            let create = Action::CreateConversation {
                people: vec!["bob".into(), "carol".into()],
                title: title.into(),
                managed: true,
            };
            let Answer::Conversation(id) = alice.does(create).await.unwrap() else {
                panic!("no conversation")
            };
            alice.does(Action::Open(id)).await.unwrap();
            bob.joins(id).await;
            carol.joins(id).await;
            ids.push(id);
        }
        let [heard, unheard] = ids[..] else {
            panic!("two were begun")
        };
        let mut backup = None;
        let mut everybody = [&mut alice, &mut bob, &mut carol];
        restart(&mut app, &mut everybody, |app| {
            backup = Some(Backup::of(app));
        })
        .await;
        for person in everybody {
            person.connect(app.address).await;
        }
        // He hears no answer to his leaving; of one, the others hear.
        bob.does(Action::Leave(heard)).await.unwrap();
        for person in [&mut alice, &mut carol] {
            person.sees_members(heard, &["alice", "carol"]).await;
            person.writes(heard, "without him").await;
            person.disconnect().await;
        }
        bob.does(Action::Leave(unheard)).await.unwrap();
        restart(&mut app, &mut [&mut bob], |app| {
            backup.take().unwrap().restore(app);
        })
        .await;

        for person in [&mut bob, &mut alice, &mut carol] {
            person.connect(app.address).await;
        }
        assert_eq!(gave_back(&bob), 2);
        for id in [heard, unheard] {
            alice.writes(id, "back again").await;
            for person in [&mut alice, &mut carol] {
                person.sees_members(id, &["alice", "carol"]).await;
                person
                    .until("the message is there", |page| {
                        page.texts(id)
                            .last()
                            .is_some_and(|text| *text == "back again")
                    })
                    .await;
                assert_eq!(person.sees(id).blocked, None);
            }
        }
    })
    .await;
}
