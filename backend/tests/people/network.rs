//! Connections that break at the worst moment.

use secure_chat_shared::client::api::{Action, Failure, MessageState, Session};
use secure_chat_shared::codec::Bytes;
use secure_chat_shared::crypto::signing::Algorithm::{Dsa, RsaPss};
use secure_chat_shared::protocol::{GetEntries, Request};

use super::common::TestApp;
use super::local;
use super::person::{PASSWORD, Person};
use super::socket::Given;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_replaced_unheard_loses_neither_message_nor_session() {
    local(async {
        let app = TestApp::full().await;
        let mut alice = Person::register(app.address, "alice", 1, RsaPss).await;
        let mut bob = Person::register(app.address, "bob", 2, Dsa).await;
        let id = alice.begins_with(&["bob"], "").await;
        bob.joins(id).await;
        // She acts, and takes entries, on a socket that has not resumed her session.
        alice.reconnects_unheard(app.address).await;
        alice.writes(id, "still mine").await;
        assert_eq!(
            alice.page.borrow().messages(id)[0].state,
            MessageState::Pending
        );
        let rename = Action::Rename {
            conversation: id,
            title: "new".into(),
        };
        assert_eq!(alice.does(rename).await, Err(Failure::Offline));
        alice.ticks().await;
        assert!(matches!(
            alice.page.borrow().session,
            Some(Session::SignedIn(_))
        ));
        alice.hears_of_reconnecting().await;
        alice.reads(id, &["still mine"]).await;
        bob.reads(id, &["still mine"]).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_half_read_and_then_taken_back_leaves_nothing() {
    local(async {
        let app = TestApp::full().await;
        let mut alice = Person::register(app.address, "alice", 1, RsaPss).await;
        let mut bob = Person::register(app.address, "bob", 2, Dsa).await;
        let mut broken = 1;
        bob.is_lied_to(move |given| match given {
            Given::Reply { op, .. } if op == GetEntries::OP && broken > 0 => {
                broken -= 1;
                Some(Given::Reply {
                    op,
                    body: Bytes(Vec::new()),
                })
            }
            given => Some(given),
        });
        let id = alice.begins_with(&["bob"], "").await;
        bob.until("the log was not read", |page| !page.notices.is_empty())
            .await;
        assert!(bob.page.borrow().conversations.is_empty());
        let mut bob = bob.reload().await;
        assert!(bob.page.borrow().conversations.is_empty());
        let user = bob.user();
        let remove = Action::Remove {
            conversation: id,
            user,
        };
        alice.does(remove).await.unwrap();
        bob.connect(app.address).await;
        assert!(bob.page.borrow().conversations.is_empty());
        let bob = bob.reload().await;
        assert!(bob.page.borrow().conversations.is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_heard_of_twice_is_resumed_twice() {
    local(async {
        let app = TestApp::full().await;
        let mut alice = Person::register(app.address, "alice", 1, RsaPss).await;
        let mut bob = Person::register(app.address, "bob", 2, Dsa).await;
        let id = alice.begins_with(&["bob"], "").await;
        bob.joins(id).await;
        // Two connections broke and came while she was busy: what she hears first is old already.
        alice.reconnects_unheard(app.address).await;
        alice.hears_of_reconnecting().await;
        alice.hears_of_reconnecting().await;
        assert_eq!(alice.page.borrow().notices, []);
        alice.writes(id, "here").await;
        bob.reads(id, &["here"]).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_waits_where_only_the_logs_beginning_was_read() {
    local(async {
        let app = TestApp::full().await;
        let mut alice = Person::register(app.address, "alice", 1, RsaPss).await;
        let mut bob = Person::register(app.address, "bob", 2, Dsa).await;
        let mut again = Person::sign_in(app.address, "alice", PASSWORD)
            .await
            .unwrap();
        let mut asked = 0;
        again.is_lied_to(move |given| match given {
            Given::Reply { op, body } if op == GetEntries::OP => {
                asked += 1;
                // Entry 0 comes by itself; what follows does not.
                let body = if asked == 2 { Bytes(Vec::new()) } else { body };
                Some(Given::Reply { op, body })
            }
            given => Some(given),
        });
        let id = alice.begins_with(&["bob"], "").await;
        again
            .until("the log was not read", |page| !page.notices.is_empty())
            .await;
        again.does(Action::Open(id)).await.unwrap();
        again.reconnects_unheard(app.address).await;
        again.writes(id, "soon").await;
        assert_eq!(
            again.page.borrow().messages(id)[0].state,
            MessageState::Pending
        );
        again.hears_of_reconnecting().await;
        again.reads(id, &["soon"]).await;
        bob.joins(id).await;
        bob.reads(id, &["soon"]).await;
    })
    .await;
}
