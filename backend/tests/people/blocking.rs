//! Blocking somebody: what they do tells nobody here, in any of one's browsers, until it is taken back.

use secure_chat_shared::client::api::{Action, Failure, Standing};
use secure_chat_shared::crypto::signing::Algorithm::{Dsa, RsaPss};
use secure_chat_shared::ids::UserId;

use super::common::TestApp;
use super::local;
use super::person::{PASSWORD, Person};

fn block(user: UserId, blocked: bool) -> Action {
    Action::Block { user, blocked }
}

fn blocked_names(person: &Person) -> Vec<String> {
    let page = person.page.borrow();
    let people = page.blocked.iter();
    people.map(|person| person.name.clone()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invitations_by_somebody_blocked_are_not_shown() {
    local(async {
        let app = TestApp::full().await;
        let mut alice = Person::register(app.address, "alice", 1, RsaPss).await;
        let mut bob = Person::register(app.address, "bob", 2, Dsa).await;
        let mut carol = Person::register(app.address, "carol", 3, RsaPss).await;
        let itself = bob.user();
        assert_eq!(
            bob.does(block(itself, true)).await,
            Err(Failure::WrongState)
        );
        let shown = alice.begins_with(&["bob"], "before").await;
        bob.until("an invitation", |page| {
            page.conversations.contains_key(&shown)
        })
        .await;
        bob.does(block(alice.user(), true)).await.unwrap();
        assert_eq!(blocked_names(&bob), ["alice"]);
        assert!(bob.page.borrow().conversations.is_empty());
        let hidden = alice.begins_with(&["bob"], "after").await;
        alice.writes(hidden, "do you hear me?").await;
        // Carol's comes after it: what is not shown by then is hidden.
        let other = carol.begins_with(&["bob"], "").await;
        bob.joins(other).await;
        assert_eq!(bob.page.borrow().conversations.len(), 1);
        assert!(bob.page.borrow().arrived.is_empty());

        let mut bob = bob.reload().await;
        assert_eq!(blocked_names(&bob), ["alice"]);
        assert_eq!(bob.page.borrow().conversations.len(), 1);
        bob.connect(app.address).await;
        assert_eq!(bob.page.borrow().conversations.len(), 1);
        bob.does(block(alice.user(), false)).await.unwrap();
        assert!(blocked_names(&bob).is_empty());
        assert_eq!(bob.page.borrow().conversations.len(), 3);
        let invited = bob.sees(hidden);
        assert!(matches!(&invited.standing, Standing::Invited { by, .. } if by == "alice"));
        assert_eq!((invited.unread, invited.title.as_str()), (1, "after"));
        bob.joins(hidden).await;
        bob.reads(hidden, &["do you hear me?"]).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_by_somebody_blocked_are_kept_and_tell_nobody() {
    local(async {
        let app = TestApp::full().await;
        let mut alice = Person::register(app.address, "alice", 1, RsaPss).await;
        let mut bob = Person::register(app.address, "bob", 2, Dsa).await;
        let mut carol = Person::register(app.address, "carol", 3, RsaPss).await;
        let id = alice.begins_with(&["bob", "carol"], "").await;
        bob.joins(id).await;
        carol.joins(id).await;
        alice.writes(id, "one").await;
        bob.reads(id, &["one"]).await;
        let unread = |person: &Person| person.sees(id).unread;
        let last = |person: &Person| person.sees(id).last.map(|line| line.text);
        assert_eq!((unread(&bob), last(&bob)), (1, Some("one".into())));
        bob.does(block(alice.user(), true)).await.unwrap();
        assert_eq!((unread(&bob), last(&bob)), (0, None));
        alice.writes(id, "two").await;
        carol.reads(id, &["one", "two"]).await;
        carol.writes(id, "three").await;
        bob.reads(id, &["one", "two", "three"]).await;
        assert_eq!(bob.page.borrow().arrived, ["one", "three"]);
        assert_eq!((unread(&bob), last(&bob)), (1, Some("three".into())));
        alice.writes(id, "four").await;
        bob.reads(id, &["one", "two", "three", "four"]).await;
        assert_eq!((unread(&bob), last(&bob)), (1, Some("three".into())));
        bob.does(block(alice.user(), false)).await.unwrap();
        assert_eq!((unread(&bob), last(&bob)), (4, Some("four".into())));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_blocked_is_so_in_every_browser() {
    local(async {
        let app = TestApp::full().await;
        let mut alice = Person::register(app.address, "alice", 1, RsaPss).await;
        let mut bob = Person::register(app.address, "bob", 2, Dsa).await;
        let id = alice.begins_with(&["bob"], "").await;
        let is_shown = |person: &Person| person.page.borrow().conversations.contains_key(&id);
        bob.until("an invitation", |page| page.conversations.contains_key(&id))
            .await;
        let mut second = Person::sign_in(app.address, "bob", PASSWORD).await.unwrap();
        assert!(is_shown(&second));
        // Offline, and told to the others when it is back, over a reload.
        second.disconnect().await;
        second.does(block(alice.user(), true)).await.unwrap();
        assert!(!is_shown(&second));
        let mut second = second.reload().await;
        second.connect(app.address).await;
        second.ticks().await;
        assert!(is_shown(&bob));
        bob.disconnect().await;
        bob.connect(app.address).await;
        assert!(!is_shown(&bob));
        assert_eq!(blocked_names(&bob), ["alice"]);
        let third = Person::sign_in(app.address, "bob", PASSWORD).await.unwrap();
        assert!(!is_shown(&third));
        assert_eq!(blocked_names(&third), ["alice"]);

        bob.does(block(alice.user(), false)).await.unwrap();
        bob.ticks().await;
        second.disconnect().await;
        second.connect(app.address).await;
        assert!(is_shown(&second));
        assert!(blocked_names(&second).is_empty());
    })
    .await;
}
