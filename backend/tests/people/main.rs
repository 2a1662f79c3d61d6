//! People talk: the real client core against the real server.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests

mod account;
mod blocking;
mod browsers;
#[path = "../common/mod.rs"]
mod common;
mod exports;
mod healing;
mod history;
mod hostile;
mod keys;
mod links;
mod locking;
mod managed;
mod network;
mod newest;
mod page;
mod person;
mod restored;
mod secrecy;
mod sharing;
mod socket;
mod storage;
mod wire;

use common::TestApp;
use person::{PASSWORD, Person, a_pair};
use secure_chat_shared::client::api::{
    Action, Blocked, Deed, Failure, Notice, RowBody, RowKey, Session, Standing,
};
use secure_chat_shared::crypto::signing::Algorithm::{Dsa, RsaPss};
use secure_chat_shared::ids::ConversationId;
use secure_chat_shared::protocol::PresenceStatus;
use tokio::task::LocalSet;

/// Clients live on one thread. Whatever passed between them and the server was of the protocol's schema.
async fn local(test: impl Future<Output = ()>) {
    LocalSet::new().run_until(test).await;
    wire::assert_all_inside();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_people_talk() {
    local(async {
        let app = TestApp::full().await;
        let mut alice = Person::register(app.address, "alice", 1, RsaPss).await;
        let mut bob = Person::register(app.address, "bob", 2, Dsa).await;
        let id = alice.begins_with(&["Bob"], "a title").await;
        bob.joins(id).await;
        assert_eq!(bob.sees(id).title, "a title");
        alice.writes(id, "hello").await;
        bob.reads(id, &["hello"]).await;
        bob.writes(id, "hi").await;
        for person in [&mut alice, &mut bob] {
            person.reads(id, &["hello", "hi"]).await;
            let page = person.page.borrow();
            let proofs: Vec<_> = page
                .messages(id)
                .iter()
                .map(|message| message.proof.as_ref().unwrap().algorithm)
                .collect();
            assert_eq!(proofs, [RsaPss, Dsa]);
        }
        let hers = keys::number(&mut alice, bob.user(), false).await.unwrap();
        let his = keys::number(&mut bob, alice.user(), false).await.unwrap();
        assert_eq!(hers, his);
        assert_eq!(alice.sees(id).head_code, bob.sees(id).head_code);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_keeps_everything() {
    local(async {
        let app = TestApp::full().await;
        let mut alice = Person::register(app.address, "alice", 1, RsaPss).await;
        let mut bob = Person::register(app.address, "bob", 2, Dsa).await;
        let id = alice.begins_with(&["bob"], "").await;
        bob.joins(id).await;
        alice.writes(id, "before").await;
        bob.reads(id, &["before"]).await;

        let mut bob = bob.reload().await;
        assert!(matches!(
            bob.page.borrow().session,
            Some(Session::SignedIn(_))
        ));
        bob.does(Action::Open(id)).await.unwrap();
        assert_eq!(
            bob.page.borrow().texts(id),
            ["before"],
            "without a connection"
        );
        alice.writes(id, "while away").await;
        bob.writes(id, "typed offline").await;
        bob.connect(app.address).await;
        bob.reads(id, &["before", "while away", "typed offline"])
            .await;
        alice
            .reads(id, &["before", "while away", "typed offline"])
            .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn looking_back_leads_past_what_was_said_without_one() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, mut bob, id) = a_pair(&app, "").await;
        alice.writes(id, "with bob").await;
        bob.reads(id, &["with bob"]).await;
        let remove = Action::Remove {
            conversation: id,
            user: bob.user(),
        };
        alice.does(remove).await.unwrap();
        // More than two pages.
        for n in 0..150 {
            alice.writes(id, &format!("{n}, without bob")).await;
        }
        alice.invites(id, &["bob"]).await;
        bob.joins(id).await;
        alice.writes(id, "with bob again").await;
        bob.until("the new message is there", |page| {
            page.texts(id).contains(&"with bob again")
        })
        .await;

        let mut bob = bob.reload().await;
        bob.does(Action::Open(id)).await.unwrap();
        assert_eq!(bob.page.borrow().texts(id), ["with bob again"]);
        looks_back(&mut bob, id).await;
        assert_eq!(bob.page.borrow().texts(id), ["with bob", "with bob again"]);
        assert!(!bob.page.borrow().more[&id]);

        // Nothing is lost between the pages of somebody who may read all of it.
        let mut alice = alice.reload().await;
        alice.does(Action::Open(id)).await.unwrap();
        while alice.page.borrow().more[&id] {
            looks_back(&mut alice, id).await;
        }
        let page = alice.page.borrow();
        let said = (0..150).map(|n| format!("{n}, without bob"));
        let texts: Vec<_> = ["with bob".to_owned()]
            .into_iter()
            .chain(said)
            .chain(["with bob again".to_owned()])
            .collect();
        assert_eq!(page.texts(id), texts);
    })
    .await;
}

/// Asks for what is older than the oldest row.
async fn looks_back(person: &mut Person, conversation: ConversationId) {
    let oldest = person
        .page
        .borrow()
        .rows_of(conversation)
        .next()
        .unwrap()
        .key;
    let RowKey::Number(before) = oldest else {
        panic!("{oldest:?}")
    };
    let older = Action::Older {
        conversation,
        before,
    };
    person.does(older).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restarted_server_loses_nothing_and_repeats_nothing() {
    local(async {
        let mut app = TestApp::full().await;
        let mut alice = Person::register(app.address, "alice", 1, RsaPss).await;
        let mut bob = Person::register(app.address, "bob", 2, RsaPss).await;
        let id = alice.begins_with(&["bob"], "").await;
        bob.joins(id).await;
        alice.writes(id, "one").await;
        bob.reads(id, &["one"]).await;
        app.stop().await;
        app.start().await;
        alice.await_disconnect().await;
        bob.await_disconnect().await;
        alice.writes(id, "two").await;
        assert_eq!(alice.page.borrow().texts(id), ["one", "two"], "pending");
        bob.connect(app.address).await;
        alice.connect(app.address).await;
        alice.reads(id, &["one", "two"]).await;
        bob.reads(id, &["one", "two"]).await;
        bob.writes(id, "three").await;
        alice.reads(id, &["one", "two", "three"]).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_offline_finds_it_on_return() {
    local(async {
        let app = TestApp::full().await;
        let mut bob = Person::register(app.address, "bob", 2, Dsa).await;
        bob.disconnect().await;
        let mut alice = Person::register(app.address, "alice", 1, RsaPss).await;
        let id = alice.begins_with(&["bob"], "").await;
        let told = Notice::OfflineWillBeTold(vec!["bob".into()]);
        assert!(alice.page.borrow().notices.contains(&told));
        alice.writes(id, "are you there?").await;
        bob.connect(app.address).await;
        assert!(matches!(&bob.sees(id).standing, Standing::Invited { by, .. } if by == "alice"));
        assert_eq!(bob.sees(id).unread, 1);
        let bob_id = bob.user();
        alice
            .until("bob is online", |page| {
                page.presence.get(&bob_id) == Some(&PresenceStatus::Online)
            })
            .await;
        bob.joins(id).await;
        bob.reads(id, &["are you there?"]).await;
        bob.disconnect().await;
        let is_off = |status: Option<&PresenceStatus>| {
            matches!(status, Some(PresenceStatus::Offline(Some(_))))
        };
        alice
            .until("bob went", |page| is_off(page.presence.get(&bob_id)))
            .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_leaves_reads_no_further_and_whoever_comes_reads_nothing_before() {
    local(async {
        let app = TestApp::full().await;
        let mut alice = Person::register(app.address, "alice", 1, RsaPss).await;
        let mut bob = Person::register(app.address, "bob", 2, Dsa).await;
        let mut carol = Person::register(app.address, "carol", 3, RsaPss).await;
        let id = alice.begins_with(&["bob"], "three of us").await;
        bob.joins(id).await;
        alice.writes(id, "before carol").await;
        bob.reads(id, &["before carol"]).await;
        alice
            .does(Action::Invite {
                conversation: id,
                people: vec!["carol".into()],
            })
            .await
            .unwrap();
        carol.joins(id).await;
        bob.writes(id, "after carol").await;
        carol.reads(id, &["after carol"]).await;
        assert_eq!(carol.sees(id).title, "three of us");
        bob.until("carol is in", |page| {
            page.conversations[&id].members.len() == 3
        })
        .await;

        bob.does(Action::Leave(id)).await.unwrap();
        assert_eq!(bob.sees(id).standing, Standing::Former);
        let still_in = |page: &page::Page| page.conversations[&id].members.len() == 2;
        alice.until("bob has left", still_in).await;
        carol.until("bob has left", still_in).await;
        alice.writes(id, "without bob").await;
        carol.reads(id, &["after carol", "without bob"]).await;
        assert_eq!(bob.page.borrow().texts(id), ["before carol", "after carol"]);
        let refused = bob.does(Action::Send {
            conversation: id,
            id: secure_chat_shared::ids::MessageId([1; 16]),
            text: "let me in".into(),
        });
        assert_eq!(refused.await, Err(Failure::NotAllowed));

        carol.does(Action::Leave(id)).await.unwrap();
        let left = |row: &secure_chat_shared::client::api::Row| {
            matches!(&row.body, RowBody::Happened(happened)
                if happened.what == Deed::Left && happened.actor == "carol")
        };
        alice
            .until("carol has left", |page| page.rows_of(id).any(left))
            .await;
        alice.writes(id, "alone").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_who_act_at_once_end_on_one_log() {
    local(async {
        let app = TestApp::full().await;
        let mut alice = Person::register(app.address, "alice", 1, RsaPss).await;
        let mut bob = Person::register(app.address, "bob", 2, Dsa).await;
        let mut carol = Person::register(app.address, "carol", 3, RsaPss).await;
        let mut dave = Person::register(app.address, "dave", 4, RsaPss).await;
        let id = alice.begins_with(&["bob"], "").await;
        bob.joins(id).await;
        // Alice has not yet heard that bob accepted, nor bob of alice's invitation.
        let invite = |name: &str| Action::Invite {
            conversation: id,
            people: vec![name.into()],
        };
        let (by_alice, by_bob) =
            futures::join!(alice.does(invite("carol")), bob.does(invite("dave")));
        by_alice.unwrap();
        by_bob.unwrap();
        carol.joins(id).await;
        dave.joins(id).await;
        for person in [&mut alice, &mut bob, &mut carol, &mut dave] {
            person
                .until("all four are in", |page| {
                    page.conversations[&id]
                        .members
                        .iter()
                        .filter(|member| !member.invited)
                        .count()
                        == 4
                })
                .await;
        }
        let codes: Vec<_> = [&alice, &bob, &carol, &dave]
            .map(|person| person.sees(id).head_code)
            .into();
        assert!(codes.iter().all(|code| *code == codes[0]), "{codes:?}");
        dave.writes(id, "hello all").await;
        for person in [&mut alice, &mut bob, &mut carol] {
            person.reads(id, &["hello all"]).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn declining_leaves_nothing_behind() {
    local(async {
        let app = TestApp::full().await;
        let mut alice = Person::register(app.address, "alice", 1, RsaPss).await;
        let mut bob = Person::register(app.address, "bob", 2, Dsa).await;
        let id = alice.begins_with(&["bob"], "").await;
        bob.until("an invitation is there", |page| {
            page.conversations.contains_key(&id)
        })
        .await;
        bob.does(Action::Decline(id)).await.unwrap();
        assert!(bob.page.borrow().conversations.is_empty());
        alice
            .until("bob declined", |page| {
                page.conversations[&id].members.len() == 1
            })
            .await;
        let again = bob.reload().await;
        assert!(again.page.borrow().conversations.is_empty());
        // She may ask again, and he may change his mind.
        let mut bob = again;
        bob.connect(app.address).await;
        alice
            .does(Action::Invite {
                conversation: id,
                people: vec!["bob".into()],
            })
            .await
            .unwrap();
        bob.joins(id).await;
        alice.writes(id, "welcome").await;
        bob.reads(id, &["welcome"]).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_vault_opens_on_another_device() {
    local(async {
        let app = TestApp::full().await;
        let mut alice = Person::register(app.address, "alice", 1, RsaPss).await;
        let mut bob = Person::register(app.address, "bob", 2, Dsa).await;
        let id = alice.begins_with(&["bob"], "kept").await;
        bob.joins(id).await;
        bob.writes(id, "from the old device").await;
        alice.reads(id, &["from the old device"]).await;
        let wrong = Person::sign_in(app.address, "bob", "correct horse battery stapler").await;
        assert_eq!(wrong.err(), Some(Failure::WrongCredentials));
        let nobody = Person::sign_in(app.address, "nobody", PASSWORD).await;
        assert_eq!(nobody.err(), Some(Failure::WrongCredentials));
        let mut again = Person::sign_in(app.address, "bob", PASSWORD).await.unwrap();
        again.does(Action::Open(id)).await.unwrap();
        again.reads(id, &["from the old device"]).await;
        assert_eq!(again.sees(id).title, "kept");
        again.writes(id, "from the new device").await;
        for person in [&mut alice, &mut bob] {
            person
                .reads(id, &["from the old device", "from the new device"])
                .await;
        }
        assert!(alice.sees(id).blocked.is_none());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn verified_marks_survive() {
    local(async {
        let app = TestApp::full().await;
        let mut alice = Person::register(app.address, "alice", 1, RsaPss).await;
        let bob = Person::register(app.address, "bob", 2, Dsa).await;
        let id = alice.begins_with(&["bob"], "").await;
        let user = bob.user();
        alice
            .does(Action::MarkVerified {
                user,
                verified: true,
            })
            .await
            .unwrap();
        let verified = |person: &Person| {
            person
                .sees(id)
                .members
                .iter()
                .any(|member| member.user == user && member.verified)
        };
        assert!(verified(&alice));
        // What was decided does not wait for the next tick.
        let again = Person::sign_in(app.address, "alice", PASSWORD).await;
        assert!(verified(&again.unwrap()));
        let alice = alice.reload().await;
        assert!(verified(&alice));
        assert!(!matches!(
            alice.sees(id).blocked,
            Some(Blocked::IdentityChanged { .. })
        ));
    })
    .await;
}
