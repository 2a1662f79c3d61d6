//! Two browsers of one person: what one of them learns or decides holds in the other.

use secure_chat_shared::client::api::{Action, KeyChange};
use secure_chat_shared::crypto::signing::Algorithm::{Dsa, RsaPss};
use secure_chat_shared::ids::UserId;

use super::common::TestApp;
use super::keys::{change, member, number};
use super::local;
use super::person::{PASSWORD, Person};

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
