//! New versions of one's own keys: what others see of them, and what one's other browsers do.

use secure_chat_shared::client::api::{
    Action, Algorithm, Answer, Blocked, Deed, Failure, KeyChange, Member, Notice, Password,
    RowBody, Session, Standing,
};
use secure_chat_shared::crypto::signing::Algorithm::{Dsa, RsaPss};
use secure_chat_shared::ids::{ConversationId, UserId};

use super::common::TestApp;
use super::local;
use super::page::Page;
use super::person::{PASSWORD, Person, a_pair};

pub fn change(change: KeyChange) -> Action {
    Action::ChangeKeys {
        password: Password(PASSWORD.into()),
        change,
    }
}

/// Accepts a changed identity without comparing it.
pub fn accept(user: UserId) -> Action {
    let compared = false;
    Action::AcceptIdentity { user, compared }
}

/// A safety number: of what somebody is known by, or of what waits for a decision.
pub async fn number(person: &mut Person, with: UserId, changed: bool) -> Result<String, Failure> {
    let user = with;
    match person.does(Action::SafetyNumber { user, changed }).await? {
        Answer::SafetyNumber(number) => Ok(number),
        other => panic!("no number: {other:?}"),
    }
}

pub fn member(page: &Page, id: ConversationId, name: &str) -> Member {
    let members = &page.conversations[&id].members;
    members
        .iter()
        .find(|member| member.name == name)
        .unwrap()
        .clone()
}

fn algorithms(page: &Page, id: ConversationId) -> Vec<Algorithm> {
    let messages = page.messages(id);
    messages
        .iter()
        .map(|message| message.proof.as_ref().unwrap().algorithm)
        .collect()
}

fn happened(page: &Page, id: ConversationId, what: &Deed) -> bool {
    page.rows_of(id)
        .any(|row| matches!(&row.body, RowBody::Happened(happened) if happened.what == *what))
}

fn is_outdated(page: &Page) -> bool {
    matches!(&page.session, Some(Session::SignedIn(me)) if me.outdated)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_algorithm_changes_in_every_conversation_at_once() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, mut bob, id) = a_pair(&app, "two of us").await;
        let other = bob.begins_with(&["alice"], "another").await;
        alice.joins(other).await;
        let user = alice.user();
        let verified = true;
        let mark = Action::MarkVerified { user, verified };
        bob.does(mark).await.unwrap();
        alice.writes(id, "by RSA").await;
        bob.reads(id, &["by RSA"]).await;

        let wrong = Action::ChangeKeys {
            password: Password("not hers at all".into()),
            change: KeyChange::Algorithm(Dsa),
        };
        assert_eq!(alice.does(wrong).await, Err(Failure::WrongPassword));
        alice.does(change(KeyChange::Algorithm(Dsa))).await.unwrap();
        alice.writes(id, "by DSA").await;
        alice.writes(other, "here too").await;
        bob.reads(id, &["by RSA", "by DSA"]).await;
        bob.reads(other, &["here too"]).await;
        let page = bob.page.borrow();
        assert_eq!(algorithms(&page, id), [RsaPss, Dsa]);
        assert_eq!(algorithms(&page, other), [Dsa]);
        assert!(happened(&page, id, &Deed::Switched(Dsa)));
        assert!(!happened(&page, id, &Deed::Rotated));
        assert!(page.conversations[&id].blocked.is_none());
        assert_eq!(page.conversations[&other].title, "another");
        let told = Notice::RotatedSinceVerified("alice".into());
        assert!(page.notices.contains(&told));
        let alice_there = member(&page, id, "alice");
        assert!(alice_there.rotated && !alice_there.verified);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fresh_keys_reach_the_other_browsers_with_the_password() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, mut bob, id) = a_pair(&app, "two of us").await;
        alice.writes(id, "before").await;
        bob.reads(id, &["before"]).await;
        let mut second = Person::sign_in(app.address, "alice", PASSWORD)
            .await
            .unwrap();
        second.does(Action::Open(id)).await.unwrap();
        second.reads(id, &["before"]).await;

        alice.will_make(5);
        alice.does(change(KeyChange::Rotate)).await.unwrap();
        second.until("newer keys are there", is_outdated).await;
        bob.writes(id, "to the new keys").await;
        alice.reads(id, &["before", "to the new keys"]).await;
        // What is written meanwhile waits, and nothing is marked as unreadable.
        second.writes(id, "typed too early").await;
        second.ticks().await;
        let mut second = second.reload().await;
        second.connect(app.address).await;
        assert!(is_outdated(&second.page.borrow()));
        second.does(Action::Open(id)).await.unwrap();
        assert_eq!(
            second.page.borrow().texts(id),
            ["before", "typed too early"]
        );
        let wrong = Action::FetchKeys {
            password: Password("not hers at all".into()),
        };
        assert_eq!(second.does(wrong).await, Err(Failure::WrongPassword));
        let fetch = Action::FetchKeys {
            password: Password(PASSWORD.into()),
        };
        second.does(fetch).await.unwrap();
        let all = ["before", "to the new keys", "typed too early"];
        for person in [&mut second, &mut alice, &mut bob] {
            person.reads(id, &all).await;
        }
        assert!(!is_outdated(&second.page.borrow()));
        // Both versions' keys are in the vault: a third browser reads what either was given.
        let mut third = Person::sign_in(app.address, "alice", PASSWORD)
            .await
            .unwrap();
        third.does(Action::Open(id)).await.unwrap();
        third.reads(id, &all).await;
        third.writes(id, "from the third").await;
        bob.reads(id, &[&all[..], &["from the third"]].concat())
            .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_keys_that_the_log_tells_of_first_are_asked_for() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, mut bob, id) = a_pair(&app, "two of us").await;
        let _carol = Person::register(app.address, "carol", 3, RsaPss).await;
        let rename = Action::Rename {
            conversation: id,
            title: "by another browser".into(),
        };
        let invite = Action::Invite {
            conversation: id,
            people: vec!["carol".into()],
        };
        let mut others = Vec::new();
        for action in [invite, Action::Leave(id), rename.clone()] {
            let other = Person::sign_in(app.address, "alice", PASSWORD).await;
            others.push((other.unwrap(), action));
        }
        alice.will_make(5);
        alice.does(change(KeyChange::Rotate)).await.unwrap();
        alice.writes(id, "with the new keys").await;
        // None of them has heard of it when it finds the log changed.
        for (other, action) in &mut others {
            let done = other.does(action.clone()).await;
            assert_eq!(done, Err(Failure::Outdated), "{action:?}");
            assert!(is_outdated(&other.page.borrow()));
            // What was written with the new keys waits for them, and is not marked.
            other.does(Action::Open(id)).await.unwrap();
            let page = other.page.borrow();
            assert!(
                !page
                    .rows_of(id)
                    .any(|row| matches!(row.body, RowBody::Invalid(_)))
            );
        }
        let fetch = Action::FetchKeys {
            password: Password(PASSWORD.into()),
        };
        let (mut other, _) = others.remove(0);
        other.does(fetch).await.unwrap();
        other.does(Action::Open(id)).await.unwrap();
        other.reads(id, &["with the new keys"]).await;
        other.does(rename).await.unwrap();
        bob.until("the title is new", |page| {
            page.conversations[&id].title == "by another browser"
        })
        .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conversation_is_not_begun_with_keys_that_another_browser_has_replaced() {
    local(async {
        let app = TestApp::full().await;
        let mut alice = Person::register(app.address, "alice", 1, RsaPss).await;
        let _bob = Person::register(app.address, "bob", 2, Dsa).await;
        let other = Person::sign_in(app.address, "alice", PASSWORD).await;
        let mut other = other.unwrap();
        alice.will_make(5);
        alice.does(change(KeyChange::Rotate)).await.unwrap();
        for managed in [false, true] {
            let create = Action::CreateConversation {
                people: vec!["bob".into()],
                title: String::new(),
                managed,
            };
            // It has not heard of them, only that some identity is not the newest.
            let done = other.does(create).await;
            assert_eq!(done, Err(Failure::Outdated), "{managed}");
            assert!(is_outdated(&other.page.borrow()));
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_browsers_that_change_keys_at_once_one_asks_for_the_others() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, mut bob, id) = a_pair(&app, "two of us").await;
        let other = Person::sign_in(app.address, "alice", PASSWORD).await;
        let mut other = other.unwrap();
        let to_dsa = || change(KeyChange::Algorithm(Dsa));
        let (here, there) = tokio::join!(alice.does(to_dsa()), other.does(to_dsa()));
        let (mut first, mut second) = match (&here, &there) {
            (Ok(_), Err(Failure::Outdated)) => (alice, other),
            (Err(Failure::Outdated), Ok(_)) => (other, alice),
            both => panic!("{both:?}"),
        };
        assert!(is_outdated(&second.page.borrow()));
        let fetch = Action::FetchKeys {
            password: Password(PASSWORD.into()),
        };
        second.does(fetch).await.unwrap();
        first.writes(id, "from one").await;
        second.writes(id, "from the other").await;
        for person in [&mut first, &mut second, &mut bob] {
            person.does(Action::Open(id)).await.unwrap();
            person.until("both", |page| page.texts(id).len() == 2).await;
            assert_eq!(algorithms(&person.page.borrow(), id), [Dsa, Dsa]);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_of_keys_given_up_twice_since_is_declined() {
    local(async {
        let app = TestApp::full().await;
        let mut alice = Person::register(app.address, "alice", 1, RsaPss).await;
        let mut bob = Person::register(app.address, "bob", 2, Dsa).await;
        let id = alice.begins_with(&["bob"], "a title").await;
        // He has not heard of it yet.
        for keys in [5, 6] {
            bob.will_make(keys);
            bob.does(change(KeyChange::Compromised)).await.unwrap();
        }
        assert!(!bob.page.borrow().conversations.contains_key(&id));
        bob.until("the invitation", |page| {
            page.conversations.contains_key(&id)
        })
        .await;
        bob.ticks().await;
        alice.sees_members(id, &["alice"]).await;
        assert!(alice.sees(id).blocked.is_none());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_finds_new_keys_and_old_ones_alike() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, mut bob, id) = a_pair(&app, "two of us").await;
        let mut carol = Person::register(app.address, "carol", 3, RsaPss).await;
        let before = carol.begins_with(&["alice", "bob"], "before").await;
        alice.joins(before).await;
        bob.joins(before).await;
        bob.disconnect().await;
        carol.will_make(6);
        carol.does(change(KeyChange::Rotate)).await.unwrap();
        // Bob sees the new version first where she is invited with it, before he has read that it follows.
        alice.sees_members(before, &["alice", "bob", "carol"]).await;
        alice.invites(id, &["carol"]).await;
        bob.connect(app.address).await;
        carol.joins(id).await;
        carol.writes(id, "hello").await;
        for person in [&mut alice, &mut bob] {
            person.reads(id, &["hello"]).await;
            assert!(person.sees(id).blocked.is_none());
            assert!(person.sees(before).blocked.is_none());
        }
        let mut again = Person::sign_in(app.address, "bob", PASSWORD).await.unwrap();
        again.does(Action::Open(id)).await.unwrap();
        again.reads(id, &["hello"]).await;
        assert!(again.sees(before).blocked.is_none());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compromised_keys_end_every_membership_and_are_not_followed() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, mut bob, id) = a_pair(&app, "two of us").await;
        let mut carol = Person::register(app.address, "carol", 3, RsaPss).await;
        alice.invites(id, &["carol"]).await;
        carol.joins(id).await;
        carol.disconnect().await;
        bob.will_make(7);
        bob.does(change(KeyChange::Compromised)).await.unwrap();
        assert_eq!(bob.sees(id).standing, Standing::Former);
        alice.sees_members(id, &["alice", "carol"]).await;
        let said = Notice::Compromised("bob".into());
        assert!(alice.page.borrow().notices.contains(&said));
        assert!(happened(&alice.page.borrow(), id, &Deed::Compromised));
        alice.writes(id, "without bob").await;
        assert_eq!(bob.page.borrow().texts(id), Vec::<&str>::new());

        let user = bob.user();
        let invite = || Action::Invite {
            conversation: id,
            people: vec!["bob".into()],
        };
        let refused = Failure::IdentityChanged(user, "bob".into());
        assert_eq!(alice.does(invite()).await, Err(refused));
        // What she compares is what she would accept; what he shows is what he has now.
        let to_alice = number(&mut bob, alice.user(), false).await;
        assert_ne!(number(&mut alice, user, false).await, to_alice);
        assert_eq!(number(&mut alice, user, true).await, to_alice);
        let compared = true;
        let accept_compared = Action::AcceptIdentity { user, compared };
        alice.does(accept_compared).await.unwrap();
        assert_eq!(number(&mut alice, user, false).await, to_alice);
        alice.does(invite()).await.unwrap();
        bob.joins(id).await;
        assert!(member(&alice.page.borrow(), id, "bob").verified);
        bob.writes(id, "with new keys").await;
        alice.reads(id, &["without bob", "with new keys"]).await;

        // Carol has not decided: she reads, but hands nothing to keys that she has not accepted.
        carol.connect(app.address).await;
        carol.reads(id, &["without bob", "with new keys"]).await;
        let blocked = Blocked::IdentityChanged {
            user,
            name: "bob".into(),
            compromised: true,
        };
        assert_eq!(carol.sees(id).blocked, Some(blocked));
        carol.writes(id, "waits").await;
        carol.ticks().await;
        assert_eq!(carol.page.borrow().messages(id).last().unwrap().proof, None);
        let to_carol = number(&mut bob, carol.user(), false).await;
        assert_eq!(number(&mut carol, user, true).await, to_carol);
        carol.does(accept(user)).await.unwrap();
        assert!(!member(&carol.page.borrow(), id, "bob").verified);
        let all = ["without bob", "with new keys", "waits"];
        carol.reads(id, &all).await;
        alice.reads(id, &all).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conversation_that_was_left_asks_for_no_decision_about_keys() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, mut bob, id) = a_pair(&app, "two of us").await;
        let left = alice.begins_with(&["bob"], "soon left").await;
        bob.joins(left).await;
        alice.does(Action::Leave(left)).await.unwrap();
        bob.sees_members(left, &["bob"]).await;
        bob.will_make(7);
        bob.does(change(KeyChange::Compromised)).await.unwrap();
        alice.sees_members(id, &["alice"]).await;
        let user = bob.user();
        let invite = Action::Invite {
            conversation: id,
            people: vec!["bob".into()],
        };
        let refused = Failure::IdentityChanged(user, "bob".into());
        assert_eq!(alice.does(invite).await, Err(refused));
        alice.does(accept(user)).await.unwrap();
        // There he still has the keys of then: nothing to go back to.
        assert_eq!(alice.sees(left).blocked, None);
        let again = alice.does(accept(user)).await;
        assert_eq!(again, Err(Failure::WrongState));
        alice.invites(id, &["bob"]).await;
        bob.joins(id).await;
        alice.writes(id, "under new keys").await;
        bob.reads(id, &["under new keys"]).await;
    })
    .await;
}
