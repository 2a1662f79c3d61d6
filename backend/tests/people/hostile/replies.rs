//! Answers that are none, or are to something else.

use secure_chat_shared::client::api::{Connection, Failure, Notice};
use secure_chat_shared::protocol::{
    GetAnchor, GetPresence, GetWrap, ListConversations, LookupNames, Resume,
};

use super::*;

/// Answers one kind of request with what `instead` makes of the true answer.
fn instead(
    of: u16,
    mut instead: impl FnMut(Bytes) -> Bytes + 'static,
) -> impl FnMut(Given) -> Option<Given> {
    move |given| match given {
        Given::Reply { op, body } if op == of => {
            let body = instead(body);
            Some(Given::Reply { op, body })
        }
        given => Some(given),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_of_another_kind_is_told_and_changes_nothing() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, mut bob, id) = a_pair(&app).await;
        bob.disconnect().await;
        alice.writes(id, "meanwhile").await;
        let before = sight(&bob, id);
        for op in [
            Resume::OP,
            GetPresence::OP,
            ListConversations::OP,
            GetEntries::OP,
        ] {
            for wrong in [&b""[..], b"\xff", b"\x80", b"\x83\x00\x01\x02", b"\xa0"] {
                bob.page.borrow_mut().notices.clear();
                bob.is_lied_to(instead(op, |_| Bytes(wrong.to_vec())));
                bob.connect(app.address).await;
                let told = Notice::Trouble(Failure::Server("a reply is malformed".into()));
                assert_eq!(bob.page.borrow().notices, [told], "{op} {wrong:?}");
                assert_eq!(sight(&bob, id), before);
                assert_eq!(bob.sees(id).blocked, None);
                bob.disconnect().await;
            }
        }
        bob.is_told_the_truth();
        bob.connect(app.address).await;
        bob.reads(id, &["first", "meanwhile"]).await;
        assert_eq!(bob.page.borrow().connection, Some(Connection::Online));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_of_another_kind_lets_nobody_in() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, _bob, id) = a_pair(&app).await;
        let _carol = Person::register(app.address, "carol", 3, RsaPss).await;
        let before = sight(&alice, id);
        for op in [LookupNames::OP, Append::OP] {
            alice.is_lied_to(instead(op, |_| Bytes(b"\x81\x80\x80".to_vec())));
            let invite = Action::Invite {
                conversation: id,
                people: vec!["carol".into()],
            };
            let answer = alice.does(invite).await;
            assert!(matches!(answer, Err(Failure::Server(_))), "{answer:?}");
            assert_eq!(sight(&alice, id), before);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_of_another_kind_enters_nothing() {
    local(async {
        let app = TestApp::full().await;
        let mut alice = Person::register(app.address, "alice", 1, RsaPss).await;
        let mut bob = Person::register(app.address, "bob", 2, Dsa).await;
        let id = alice.begins_with(&["bob"], "a title").await;
        bob.disconnect().await;
        for op in [GetAnchor::OP, GetWrap::OP] {
            bob.is_lied_to(instead(op, |_| Bytes(b"\x00".to_vec())));
            bob.connect(app.address).await;
            let title = |page: &Page| page.conversations.get(&id).map(|shown| shown.title.clone());
            assert!(title(&bob.page.borrow()).is_none_or(|title| title.is_empty()));
            bob.disconnect().await;
        }
        bob.is_told_the_truth();
        bob.connect(app.address).await;
        bob.joins(id).await;
        assert_eq!(bob.sees(id).title, "a title");
    })
    .await;
}
