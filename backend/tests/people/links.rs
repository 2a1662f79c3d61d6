//! Invite links: who followed one is verified by it once they meet, and so is its owner; a link serves once.

use std::cell::RefCell;
use std::rc::Rc;

use secure_chat_shared::client::api::{Action, Answer, Blocked, Failure, KeyChange, Notice};
use secure_chat_shared::codec::{self, Bytes};
use secure_chat_shared::crypto::link::Link;
use secure_chat_shared::crypto::signing::Algorithm::{Dsa, RsaPss};
use secure_chat_shared::ids::{ConversationId, IdentityHash, UserName};
use secure_chat_shared::log::{Act, Entry};
use secure_chat_shared::protocol::{Event, FoundMany, LookupNames, Request, Stored};

use super::common::TestApp;
use super::keys::{accept, change, member};
use super::local;
use super::page::Page;
use super::person::{PASSWORD, Person};
use super::socket::Given;

async fn makes_link(person: &mut Person) -> String {
    match person.does(Action::MakeLink).await {
        Ok(Answer::Link(fragment)) => fragment,
        other => panic!("no link: {other:?}"),
    }
}

fn follow(fragment: &str) -> Action {
    Action::FollowLink {
        fragment: fragment.into(),
    }
}

async fn follows_link_of(person: &mut Person, owner: &Person, fragment: &str) {
    let answer = person.does(follow(fragment)).await;
    let user = owner.user();
    let name = owner.name.clone();
    assert_eq!(answer, Ok(Answer::LinkOwner { user, name }));
}

/// Whether somebody is verified there by a link.
fn is_by_link(page: &Page, id: ConversationId, name: &str) -> bool {
    let member = member(page, id, name);
    member.verified && member.by_link
}

fn told_of(page: &Page, name: &str) -> usize {
    let notice = Notice::VerifiedByLink(name.into());
    page.notices.iter().filter(|said| **said == notice).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_followed_a_link_answers_with_an_invitation() {
    local(async {
        let app = TestApp::full().await;
        let mut alice = Person::register(app.address, "alice", 1, RsaPss).await;
        let mut bob = Person::register(app.address, "bob", 2, Dsa).await;
        let mut carol = Person::register(app.address, "carol", 3, RsaPss).await;
        let fragment = makes_link(&mut alice).await;
        follows_link_of(&mut bob, &alice, &fragment).await;
        let id = bob.begins_with(&["alice", "carol"], "").await;
        assert!(is_by_link(&bob.page.borrow(), id, "alice"));
        alice.joins(id).await;
        carol.joins(id).await;
        assert!(is_by_link(&alice.page.borrow(), id, "bob"));
        assert_eq!(told_of(&alice.page.borrow(), "bob"), 1);
        assert!(!member(&alice.page.borrow(), id, "carol").verified);
        assert!(!member(&carol.page.borrow(), id, "bob").verified);
        assert_eq!(told_of(&carol.page.borrow(), "bob"), 0);

        // Comparing numbers is stronger, and the link does not weaken it.
        let (user, verified) = (bob.user(), true);
        let mark = |verified| Action::MarkVerified { user, verified };
        alice.does(mark(verified)).await.unwrap();
        let bob_there = member(&alice.page.borrow(), id, "bob");
        assert!(bob_there.verified && !bob_there.by_link);
        alice.does(mark(false)).await.unwrap();
        let bob_there = member(&alice.page.borrow(), id, "bob");
        assert!(!bob_there.verified && !bob_there.by_link && !bob_there.rotated);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_followed_a_link_answers_when_its_owner_came_first() {
    local(async {
        let app = TestApp::full().await;
        let mut alice = Person::register(app.address, "alice", 1, RsaPss).await;
        let mut bob = Person::register(app.address, "bob", 2, Dsa).await;
        let fragment = makes_link(&mut alice).await;
        let id = alice.begins_with(&["bob"], "").await;
        follows_link_of(&mut bob, &alice, &fragment).await;
        assert!(!member(&alice.page.borrow(), id, "bob").verified);
        bob.joins(id).await;
        assert!(is_by_link(&bob.page.borrow(), id, "alice"));
        alice
            .until("bob is verified", |page| is_by_link(page, id, "bob"))
            .await;
        assert_eq!(told_of(&alice.page.borrow(), "bob"), 1);
        let alice = alice.reload().await;
        assert!(is_by_link(&alice.page.borrow(), id, "bob"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_serves_once_and_is_answered_once() {
    local(async {
        let app = TestApp::full().await;
        let mut alice = Person::register(app.address, "alice", 1, RsaPss).await;
        let mut bob = Person::register(app.address, "bob", 2, Dsa).await;
        let mut carol = Person::register(app.address, "carol", 3, RsaPss).await;
        let fragment = makes_link(&mut alice).await;
        follows_link_of(&mut bob, &alice, &fragment).await;
        follows_link_of(&mut carol, &alice, &fragment).await;
        let answers = Rc::new(RefCell::new(Vec::new()));
        let seen = Rc::clone(&answers);
        alice.is_lied_to(move |given| {
            if let Given::Event(event) = &given
                && let Event::Entry { entry, .. } = &**event
                && let Stored::Whole(bytes) = &entry.entry
                && let Ok(Entry::State(entry)) = Entry::parse(bytes)
                && let Act::Invite(invite) = &entry.header.act
            {
                seen.borrow_mut().push(invite.link_proofs.len());
            }
            Some(given)
        });
        let with_bob = bob.begins_with(&["alice"], "").await;
        alice.joins(with_bob).await;
        let with_carol = carol.begins_with(&["alice"], "").await;
        alice.joins(with_carol).await;
        let again = bob.begins_with(&["alice"], "").await;
        alice.joins(again).await;
        assert!(is_by_link(&alice.page.borrow(), with_bob, "bob"));
        assert!(is_by_link(&alice.page.borrow(), again, "bob"));
        assert!(!member(&alice.page.borrow(), with_carol, "carol").verified);
        assert_eq!(told_of(&alice.page.borrow(), "carol"), 0);
        assert!(is_by_link(&carol.page.borrow(), with_carol, "alice"));
        assert_eq!(*answers.borrow(), [1, 1, 0]);
        // A second link serves carol.
        let fragment = makes_link(&mut alice).await;
        follows_link_of(&mut carol, &alice, &fragment).await;
        let again = carol.begins_with(&["alice"], "").await;
        alice.joins(again).await;
        assert!(is_by_link(&alice.page.borrow(), with_carol, "carol"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_browser_of_the_owner_checks_an_answer() {
    local(async {
        let app = TestApp::full().await;
        let mut alice = Person::register(app.address, "alice", 1, RsaPss).await;
        let mut bob = Person::register(app.address, "bob", 2, Dsa).await;
        // This browser is connected, and not told of the link that the other one makes.
        let mut second = Person::sign_in(app.address, "alice", PASSWORD)
            .await
            .unwrap();
        let fragment = makes_link(&mut alice).await;
        alice.disconnect().await;
        follows_link_of(&mut bob, &alice, &fragment).await;
        let id = bob.begins_with(&["alice"], "").await;
        second.joins(id).await;
        assert!(is_by_link(&second.page.borrow(), id, "bob"));
        assert_eq!(told_of(&second.page.borrow(), "bob"), 1);
        second.ticks().await;
        let (user, verified) = (bob.user(), false);
        let unmark = Action::MarkVerified { user, verified };
        second.does(unmark).await.unwrap();
        second.ticks().await;
        // The link is used up for the browser that made it, too: it does not verify him again.
        alice.connect(app.address).await;
        assert!(!member(&alice.page.borrow(), id, "bob").verified);
        assert_eq!(told_of(&alice.page.borrow(), "bob"), 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn links_outlive_new_keys_but_no_compromised_ones() {
    local(async {
        let app = TestApp::full().await;
        let mut alice = Person::register(app.address, "alice", 1, RsaPss).await;
        let mut bob = Person::register(app.address, "bob", 2, Dsa).await;
        let fragment = makes_link(&mut alice).await;
        alice.will_make(5);
        alice.does(change(KeyChange::Rotate)).await.unwrap();
        follows_link_of(&mut bob, &alice, &fragment).await;
        bob.will_make(6);
        bob.does(change(KeyChange::Rotate)).await.unwrap();
        let id = bob.begins_with(&["alice"], "").await;
        alice.joins(id).await;
        assert!(is_by_link(&alice.page.borrow(), id, "bob"));
        // The link names an earlier version of hers, which the newest follows.
        let alice_there = member(&bob.page.borrow(), id, "alice");
        assert!(alice_there.rotated && !alice_there.verified && !alice_there.by_link);
        assert!(bob.sees(id).blocked.is_none());

        let mut carol = Person::register(app.address, "carol", 3, RsaPss).await;
        let fragment = makes_link(&mut alice).await;
        alice.will_make(7);
        alice.does(change(KeyChange::Compromised)).await.unwrap();
        assert_eq!(carol.does(follow(&fragment)).await, Err(Failure::BadLink));
        assert_eq!(bob.does(follow(&fragment)).await, Err(Failure::BadLink));
        // A link that names the new keys helps once somebody has accepted them.
        let fragment = makes_link(&mut alice).await;
        let (user, name) = (alice.user(), "alice".to_owned());
        let changed = Failure::IdentityChanged(user, name);
        assert_eq!(bob.does(follow(&fragment)).await, Err(changed));
        bob.does(accept(user)).await.unwrap();
        follows_link_of(&mut bob, &alice, &fragment).await;
        let id = bob.begins_with(&["alice"], "").await;
        assert!(is_by_link(&bob.page.borrow(), id, "alice"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_that_is_not_whole_or_not_true_verifies_nobody() {
    local(async {
        let app = TestApp::full().await;
        let mut alice = Person::register(app.address, "alice", 1, RsaPss).await;
        let mut bob = Person::register(app.address, "bob", 2, Dsa).await;
        let fragment = makes_link(&mut alice).await;
        assert_eq!(alice.does(follow(&fragment)).await, Err(Failure::BadLink));
        let cut = &fragment[..fragment.len() - 4];
        assert_eq!(bob.does(follow(cut)).await, Err(Failure::BadLink));
        let link = Link::from_fragment(&fragment).unwrap();
        let other = Link {
            identity: IdentityHash([7; 32]),
            ..link.clone()
        };
        let other = other.to_fragment();
        assert_eq!(bob.does(follow(&other)).await, Err(Failure::BadLink));
        let nobody = Link {
            name: UserName::parse("nobody").unwrap(),
            ..link
        };
        let refused = bob.does(follow(&nobody.to_fragment())).await;
        assert_eq!(refused, Err(Failure::NoSuchPerson("nobody".into())));
        let id = bob.begins_with(&["alice"], "").await;
        assert!(!member(&bob.page.borrow(), id, "alice").verified);
        // The same, where she is pinned already.
        assert_eq!(bob.does(follow(&other)).await, Err(Failure::BadLink));
        assert!(!member(&bob.page.borrow(), id, "alice").verified);
        alice.joins(id).await;
        assert!(!member(&alice.page.borrow(), id, "bob").verified);
        bob.disconnect().await;
        assert_eq!(bob.does(Action::MakeLink).await, Err(Failure::Offline));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_leads_to_another_account_is_a_change() {
    local(async {
        let app = TestApp::full().await;
        let mut alice = Person::register(app.address, "alice", 1, RsaPss).await;
        let mut bob = Person::register(app.address, "bob", 2, Dsa).await;
        let id = alice.begins_with(&["bob"], "").await;
        bob.joins(id).await;
        alice.sees_members(id, &["alice", "bob"]).await;
        // Somebody else has the name elsewhere, and the server hands them out for bob.
        let elsewhere = TestApp::full().await;
        let mut other = Person::register(elsewhere.address, "bob", 4, RsaPss).await;
        let fragment = makes_link(&mut other).await;
        let mut witness = Person::register(elsewhere.address, "witness", 3, RsaPss).await;
        let found = Rc::new(RefCell::new(None::<Bytes>));
        let kept = Rc::clone(&found);
        witness.is_lied_to(move |given| {
            if let Given::Reply {
                op: LookupNames::OP,
                body,
            } = &given
            {
                *kept.borrow_mut() = Some(body.clone());
            }
            Some(given)
        });
        follows_link_of(&mut witness, &other, &fragment).await;
        alice.is_lied_to(move |given| match given {
            Given::Reply {
                op: LookupNames::OP,
                body,
            } => {
                let asked: FoundMany = codec::decode(&body).unwrap();
                assert_eq!(asked.people.len(), 1);
                let body = found.borrow().clone().unwrap();
                let op = LookupNames::OP;
                Some(Given::Reply { op, body })
            }
            given => Some(given),
        });
        let user = other.user();
        let changed = Failure::IdentityChanged(user, "bob".into());
        assert_eq!(alice.does(follow(&fragment)).await, Err(changed));
        assert!(alice.sees(id).blocked.is_none(), "bob is who he was");
        // The person decides that this is bob from now on: whoever was is not.
        alice.does(accept(user)).await.unwrap();
        follows_link_of(&mut alice, &other, &fragment).await;
        let blocked = Blocked::IdentityChanged {
            user: bob.user(),
            name: "bob".into(),
            compromised: false,
        };
        assert_eq!(alice.sees(id).blocked, Some(blocked));
        let back = accept(bob.user());
        alice.does(back).await.unwrap();
        assert!(alice.sees(id).blocked.is_none());
        let alice = alice.reload().await;
        assert!(alice.sees(id).blocked.is_none());
    })
    .await;
}
