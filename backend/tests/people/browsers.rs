//! Two browsers of one person: what one of them learns or decides holds in the other.

use std::cell::RefCell;
use std::rc::Rc;

use futures::FutureExt;
use secure_chat_shared::client::api::{Action, Blocked, Failure, KeyChange, Notice, Standing};
use secure_chat_shared::client::platform::Keys;
use secure_chat_shared::codec::{self, Bytes};
use secure_chat_shared::crypto::signing::Algorithm::{Dsa, RsaPss};
use secure_chat_shared::crypto::vault::VaultState;
use secure_chat_shared::ids::{ConversationId, Root, Timestamp, UserId, UserName, View};
use secure_chat_shared::protocol::{GetState, Request, SealedState};

use super::common::TestApp;
use super::keys::{accept, change, member, number};
use super::local;
use super::person::{PASSWORD, Person};
use super::socket::Given;

fn mark(user: UserId, verified: bool) -> Action {
    Action::MarkVerified { user, verified }
}

async fn reconnects(person: &mut Person, app: &TestApp) {
    person.disconnect().await;
    person.connect(app.address).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mark_that_is_taken_back_stays_so() {
    local(async {
        let app = TestApp::full().await;
        let mut alice = Person::register(app.address, "alice", 1, RsaPss).await;
        let bob = Person::register(app.address, "bob", 2, Dsa).await;
        let id = alice.begins_with(&["bob"], "").await;
        let verified = |person: &Person| member(&person.page.borrow(), id, "bob").verified;
        // Decided offline, and not lost by a reload before it could be told.
        alice.disconnect().await;
        alice.does(mark(bob.user(), true)).await.unwrap();
        let mut alice = alice.reload().await;
        alice.connect(app.address).await;
        alice.ticks().await;
        let mut second = Person::sign_in(app.address, "alice", PASSWORD)
            .await
            .unwrap();
        assert!(verified(&second));
        second.does(mark(bob.user(), false)).await.unwrap();
        second.ticks().await;
        assert!(verified(&alice));
        reconnects(&mut alice, &app).await;
        assert!(!verified(&alice));
        alice.ticks().await;
        reconnects(&mut second, &app).await;
        assert!(!verified(&second));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_that_was_away_follows_what_another_followed() {
    local(async {
        let app = TestApp::full().await;
        let mut alice = Person::register(app.address, "alice", 1, RsaPss).await;
        let mut bob = Person::register(app.address, "bob", 2, Dsa).await;
        let id = alice.begins_with(&["bob"], "").await;
        bob.joins(id).await;
        alice.sees_members(id, &["alice", "bob"]).await;
        let mut second = Person::sign_in(app.address, "bob", PASSWORD).await.unwrap();
        second.does(mark(alice.user(), true)).await.unwrap();
        second.ticks().await;
        bob.disconnect().await;
        for n in [5, 6] {
            alice.will_make(n);
            alice.does(change(KeyChange::Rotate)).await.unwrap();
        }
        let versions = "both versions are in force";
        second
            .until(versions, |page| {
                member(page, id, "alice").rotated && page.conversations[&id].epoch.0 == 3
            })
            .await;
        second.does(mark(alice.user(), true)).await.unwrap();
        second.ticks().await;
        // Its vault knows the newest version before its logs come to the one between, which is no contradiction.
        bob.connect(app.address).await;
        let alice_there = member(&bob.page.borrow(), id, "alice");
        assert!(alice_there.verified && !alice_there.rotated);
        assert!(bob.sees(id).blocked.is_none());
        bob.writes(id, "to the newest").await;
        alice
            .until("a message", |page| page.texts(id) == ["to the newest"])
            .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn safety_numbers_are_of_the_identities_in_force() {
    local(async {
        let app = TestApp::full().await;
        let mut alice = Person::register(app.address, "alice", 1, RsaPss).await;
        let mut bob = Person::register(app.address, "bob", 2, Dsa).await;
        let id = alice.begins_with(&["bob"], "").await;
        bob.joins(id).await;
        alice.sees_members(id, &["alice", "bob"]).await;
        let (to_alice, to_bob) = (alice.user(), bob.user());
        let before = number(&mut alice, to_bob, false).await;
        assert_eq!(number(&mut bob, to_alice, false).await, before);
        bob.does(mark(to_alice, true)).await.unwrap();
        alice.will_make(5);
        alice.does(change(KeyChange::Rotate)).await.unwrap();
        bob.until("the new version", |page| member(page, id, "alice").rotated)
            .await;
        let after = number(&mut alice, to_bob, false).await;
        assert_ne!(after, before);
        assert_eq!(number(&mut bob, to_alice, false).await, after);
        bob.does(mark(to_alice, true)).await.unwrap();
        bob.does(change(KeyChange::Algorithm(RsaPss)))
            .await
            .unwrap();
        alice.does(mark(to_bob, true)).await.unwrap();
        alice
            .until("his new version", |page| member(page, id, "bob").rotated)
            .await;
        let both = number(&mut alice, to_bob, false).await;
        assert_ne!(both, after);
        assert_eq!(number(&mut bob, to_alice, false).await, both);
        // A new browser of hers shows the same.
        let mut second = Person::sign_in(app.address, "alice", PASSWORD)
            .await
            .unwrap();
        assert_eq!(number(&mut second, to_bob, false).await, both);
    })
    .await;
}

/// From now on the synced state that the server gives this browser goes through `alter`, as another browser of the
/// same person could have written it.
fn another_browser_wrote(person: &mut Person, alter: impl Fn(&mut VaultState) + 'static) {
    let keys = person.keys();
    person.is_lied_to(move |given| match given {
        Given::Reply {
            op: GetState::OP,
            body,
        } => {
            let mut given: SealedState = codec::decode(&body).unwrap();
            let opened = keys
                .open_state(&given.sealed)
                .now_or_never()
                .unwrap()
                .unwrap();
            let mut stamped: (u64, VaultState) = codec::decode(&opened).unwrap();
            alter(&mut stamped.1);
            let state = codec::encode(&stamped);
            given.sealed = Bytes(keys.seal_state(&state).now_or_never().unwrap().unwrap());
            Some(Given::Reply {
                op: GetState::OP,
                body: Bytes(codec::encode(&given)),
            })
        }
        given => Some(given),
    });
}

/// Alice and bob in a conversation; alice has a second browser, which has written a newer state than the first knows.
async fn two_browsers(app: &TestApp) -> (Person, Person, Person, ConversationId) {
    let mut alice = Person::register(app.address, "alice", 1, RsaPss).await;
    let mut bob = Person::register(app.address, "bob", 2, Dsa).await;
    let id = alice.begins_with(&["bob"], "").await;
    bob.joins(id).await;
    bob.writes(id, "first").await;
    alice.reads(id, &["first"]).await;
    alice.ticks().await;
    let mut second = Person::sign_in(app.address, "alice", PASSWORD)
        .await
        .unwrap();
    second.does(mark(bob.user(), true)).await.unwrap();
    second.ticks().await;
    (alice, second, bob, id)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn news_of_a_state_that_was_overtaken_is_no_rollback() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, mut second, mut bob, id) = two_browsers(&app).await;
        // She writes after the other browser, before she hears that it wrote.
        let block = |blocked| Action::Block {
            user: bob.user(),
            blocked,
        };
        let (block, unblock) = (block(true), block(false));
        alice.does(block).await.unwrap();
        alice.ticks().await;
        alice.does(unblock).await.unwrap();
        bob.writes(id, "second").await;
        alice.reads(id, &["first", "second"]).await;
        let trouble = |notice: &Notice| matches!(notice, Notice::Trouble(_));
        assert!(!alice.page.borrow().notices.iter().any(trouble));
        alice.does(mark(bob.user(), false)).await.unwrap();
        alice.ticks().await;
        reconnects(&mut second, &app).await;
        assert!(!member(&second.page.borrow(), id, "bob").verified);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_history_in_another_browser_stops_the_log() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, _, _, id) = two_browsers(&app).await;
        another_browser_wrote(&mut alice, move |state| {
            let size = state.views[&id].size - 1;
            let root = Root([7; 32]);
            state.views.insert(id, View { size, root });
        });
        reconnects(&mut alice, &app).await;
        let blocked = alice.sees(id).blocked;
        assert!(
            matches!(blocked, Some(Blocked::LogBroken(_))),
            "{blocked:?}"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_of_two_people_in_two_browsers_has_to_be_decided() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, _, bob, id) = two_browsers(&app).await;
        let other = UserId([7; 16]);
        let name = UserName::parse("bob").unwrap();
        another_browser_wrote(&mut alice, move |state| {
            let met = [(other, Timestamp(0))].into();
            state.names.insert(name.clone(), met);
        });
        reconnects(&mut alice, &app).await;
        let failure = Failure::IdentityChanged(other, "bob".into());
        let said = Notice::Trouble(failure);
        assert!(alice.page.borrow().notices.contains(&said));
        let user = bob.user();
        let blocked = Blocked::IdentityChanged {
            user,
            name: "bob".into(),
            compromised: false,
        };
        assert_eq!(alice.sees(id).blocked, Some(blocked));
        alice.does(accept(user)).await.unwrap();
        assert!(alice.sees(id).blocked.is_none());
        // The other browser still says so, but the decision is later.
        alice.ticks().await;
        reconnects(&mut alice, &app).await;
        assert!(alice.sees(id).blocked.is_none());
        assert!(member(&alice.page.borrow(), id, "bob").verified);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_contested_can_be_removed_undecided() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, _, mut bob, id) = two_browsers(&app).await;
        let name = UserName::parse("bob").unwrap();
        another_browser_wrote(&mut alice, move |state| {
            let met = [(UserId([7; 16]), Timestamp(0))].into();
            state.names.insert(name.clone(), met);
        });
        reconnects(&mut alice, &app).await;
        assert!(alice.sees(id).blocked.is_some());
        // Nothing else that hands out a key goes on before it is decided.
        let (conversation, user) = (id, bob.user());
        let title = "another".to_owned();
        let rename = Action::Rename {
            conversation,
            title,
        };
        let refused = alice.does(rename).await;
        assert_eq!(refused, Err(Failure::IdentityChanged(user, "bob".into())));
        let remove = Action::Remove { conversation, user };
        alice.does(remove).await.unwrap();
        alice.sees_members(id, &["alice"]).await;
        assert!(alice.sees(id).blocked.is_none());
        bob.until("he is out", |page| {
            page.conversations[&id].standing == Standing::Former
        })
        .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_later_version_wrote_is_not_lost() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, mut second, bob, _) = two_browsers(&app).await;
        another_browser_wrote(&mut alice, |state| {
            state.rest.insert(4711, Bytes(vec![0x18, 42]));
        });
        reconnects(&mut alice, &app).await;
        let (user, blocked) = (bob.user(), true);
        let block = Action::Block { user, blocked };
        alice.does(block).await.unwrap();
        alice.ticks().await;
        let seen = Rc::new(RefCell::new(None));
        let kept = Rc::clone(&seen);
        another_browser_wrote(&mut second, move |state| {
            *kept.borrow_mut() = Some(state.rest.clone());
        });
        reconnects(&mut second, &app).await;
        assert_eq!(second.page.borrow().blocked.len(), 1);
        let rest = seen.borrow().clone().unwrap();
        assert_eq!(rest, [(4711, Bytes(vec![0x18, 42]))].into());
    })
    .await;
}
