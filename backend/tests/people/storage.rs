//! A device whose storage takes nothing more.

use secure_chat_shared::client::api::{Action, Failure, Notice};

use super::common::TestApp;
use super::local;
use super::person::a_pair;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_full_store_refused_comes_once_there_is_room() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, mut bob, first) = a_pair(&app, "first").await;
        let second = alice.begins_with(&["bob"], "second").await;
        bob.joins(second).await;
        alice.sees_members(second, &["alice", "bob"]).await;
        for id in [first, second] {
            alice.writes(id, "before").await;
            bob.reads(id, &["before"]).await;
        }
        bob.disconnect().await;
        for id in [first, second] {
            alice.writes(id, "one").await;
            alice.writes(id, "two").await;
        }
        let third = alice.begins_with(&["bob"], "third").await;

        let told = bob.page.borrow().arrived.clone();
        bob.device().store.set_full(true);
        bob.connect(app.address).await;
        let trouble = |notice: &Notice| matches!(notice, Notice::Trouble(Failure::Storage(_)));
        assert!(bob.page.borrow().notices.iter().any(trouble));
        for id in [first, second] {
            assert_eq!(bob.page.borrow().texts(id), ["before"]);
        }
        assert!(!bob.page.borrow().conversations.contains_key(&third));
        // Live ones are refused as well, and are no gap later.
        alice.writes(first, "three").await;
        bob.ticks().await;
        assert_eq!(bob.page.borrow().texts(first), ["before"]);
        assert_eq!(bob.page.borrow().arrived, told);

        bob.device().store.set_full(false);
        bob.disconnect().await;
        bob.connect(app.address).await;
        bob.reads(first, &["before", "one", "two", "three"]).await;
        bob.reads(second, &["before", "one", "two"]).await;
        assert_eq!(bob.sees(first).unread, 4);
        // One that was to be entered meanwhile is entered as a whole.
        bob.joins(third).await;
        alice.sees_members(third, &["alice", "bob"]).await;
        alice.writes(third, "welcome").await;
        bob.reads(third, &["welcome"]).await;
        bob.writes(second, "thanks").await;
        alice
            .reads(second, &["before", "one", "two", "thanks"])
            .await;
        bob = bob.reload().await;
        bob.does(Action::Open(first)).await.unwrap();
        bob.reads(first, &["before", "one", "two", "three"]).await;
    })
    .await;
}
