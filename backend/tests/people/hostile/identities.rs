//! Public keys that are not those of whoever they are said to be.

use secure_chat_shared::client::api::{Action, Answer, Failure, KeyChange, Notice, Password};
use secure_chat_shared::crypto::identity::SignedIdentity;
use secure_chat_shared::ids::{Timestamp, UserId};
use secure_chat_shared::log::act::{Invite, NewIdentity};
use secure_chat_shared::log::{Act, Announcement};
use secure_chat_shared::protocol::{Appended, CreateConversation, Found, LookupNames};

use super::super::common;
use super::super::person::PASSWORD;
use super::insider::{account, compromised, gives_next, impostor, successor};
use super::newcomers::serving;
use super::*;

/// The directory's answer about one person is altered.
fn about(
    user: UserId,
    mut alter: impl FnMut(&mut Found) + 'static,
) -> impl FnMut(Given) -> Option<Given> {
    altering_replies::<LookupNames>(move |found| {
        let mut people = found.people.iter_mut();
        if let Some(found) = people.find(|found| found.user == user) {
            alter(found);
        }
    })
}

fn bytes(signed: &SignedIdentity) -> Bytes {
    signed.bytes().into()
}

/// The person is not begun a conversation with, for this reason; nothing is sent.
async fn is_not_invited(inviter: &mut Person, name: &str, why: impl Fn(&Failure) -> bool) {
    let sent = Rc::new(RefCell::new(0));
    let count = Rc::clone(&sent);
    inviter.is_meddled_with(move |op, body| {
        if op == CreateConversation::OP {
            *count.borrow_mut() += 1;
        }
        Fate::Done(body)
    });
    let answer = inviter.does(begin(name)).await;
    assert!(answer.as_ref().is_err_and(why), "{answer:?}");
    assert_eq!(*sent.borrow(), 0, "no key is wrapped for anybody");
}

async fn safety_number(person: &mut Person, user: UserId) -> String {
    let changed = false;
    let ask = Action::SafetyNumber { user, changed };
    match person.does(ask).await.unwrap() {
        Answer::SafetyNumber(number) => number,
        other => panic!("{other:?}"),
    }
}

fn rotate() -> Action {
    Action::ChangeKeys {
        password: Password(PASSWORD.into()),
        change: KeyChange::Rotate,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_else_under_the_name_asked_for_is_not_invited() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, bob, id) = a_pair(&app).await;
        let before = sight(&alice, id);
        let mallory = Person::register(app.address, "mallory", 4, RsaPss).await;
        let hers = account(&mallory).await;
        alice.is_lied_to(about(bob.user(), move |found| {
            found.user = hers.user;
            found.identities = vec![bytes(&hers.identity)];
        }));
        is_not_invited(&mut alice, "bob", |failure| {
            matches!(failure, Failure::Server(_))
        })
        .await;
        assert_eq!(sight(&alice, id), before);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_keys_that_nothing_old_has_signed_are_not_invited() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, bob, id) = a_pair(&app).await;
        let user = bob.user();
        let other = impostor(&account(&bob).await.identity, 6);
        alice.is_lied_to(about(user, move |found| {
            found.identities = vec![bytes(&other.signed)];
        }));
        let changed = Failure::IdentityChanged(user, "bob".into());
        is_not_invited(&mut alice, "bob", |failure| *failure == changed).await;
        // Where his old keys are in force, nothing has changed.
        alice.is_told_the_truth();
        alice.writes(id, "second").await;
        alice.reads(id, &["first", "second"]).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_successor_that_the_version_before_did_not_sign_is_nonsense() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, bob, id) = a_pair(&app).await;
        let first = account(&bob).await.identity;
        let thief = common::Person::new("thief", 6);
        let forged = successor(&first, &thief.keys, 6);
        let mut insider = Insider::of(&bob, 2, id).await;
        alice.is_lied_to(about(bob.user(), {
            let forged = forged.signed.clone();
            move |found| found.identities.push(bytes(&forged))
        }));
        is_not_invited(&mut alice, "bob", |failure| {
            matches!(failure, Failure::Server(_))
        })
        .await;
        assert_eq!(alice.sees(id).blocked, None);

        let before = sight(&alice, id);
        let mut readers = insider.readers();
        readers.retain(|signed| *signed != first);
        readers.push(forged.signed.clone());
        let (announcement, _) = insider.announcement(&readers, "ours", |_, _| {});
        let new = NewIdentity {
            versions: vec![forged.signed],
            announcement: Some(announcement),
        };
        insider.keys.keys = forged.keys;
        gives_next(&alice, id, insider.entry(Act::Identity(new), |_| {})).await;
        is_stopped_because(&mut alice, id, &before, "signature does not hold").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_older_than_those_known_are_not_invited() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, mut bob, id) = a_pair(&app).await;
        bob.will_make(6);
        bob.does(rotate()).await.unwrap();
        bob.writes(id, "with new keys").await;
        alice.reads(id, &["first", "with new keys"]).await;
        let user = bob.user();
        alice.is_lied_to(about(user, |found| found.identities.truncate(1)));
        let changed = Failure::IdentityChanged(user, "bob".into());
        is_not_invited(&mut alice, "bob", |failure| *failure == changed).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_swapped_at_first_contact_show_in_the_safety_number() {
    local(async {
        let app = TestApp::full().await;
        let mut alice = Person::register(app.address, "alice", 1, RsaPss).await;
        let mut bob = Person::register(app.address, "bob", 2, Dsa).await;
        let (to_alice, to_bob) = (alice.user(), bob.user());
        let of_alice = begin("alice");
        bob.does(of_alice).await.unwrap();
        let other = impostor(&account(&bob).await.identity, 6);
        alice.is_lied_to(about(to_bob, move |found| {
            found.identities = vec![bytes(&other.signed)];
        }));
        alice.is_meddled_with(|op, body| match op {
            CreateConversation::OP => Fate::Answered(Bytes(codec::encode(&Appended {
                number: 1,
                time: Timestamp(1),
            }))),
            _ => Fate::Done(body),
        });
        alice.does(begin("bob")).await.unwrap();
        let hers = safety_number(&mut alice, to_bob).await;
        let his = safety_number(&mut bob, to_alice).await;
        assert_ne!(hers, his);
    })
    .await;
}

/// Mallory invites somebody with an identity that is not theirs, and the server lets it pass, for bob to see.
async fn invites_falsely(
    mallory: &Person,
    bob: &Person,
    id: ConversationId,
    falsely: &SignedIdentity,
) {
    let mut insider = Insider::of(mallory, 4, id).await;
    let mut readers = insider.readers();
    readers.push(falsely.clone());
    let (announcement, _) = insider.announcement(&readers, "ours", |_, _| {});
    let act = invitation(falsely, announcement);
    gives_next(bob, id, insider.entry(act, |_| {})).await;
}

fn invitation(of: &SignedIdentity, announcement: Announcement) -> Act {
    Act::Invite(Invite {
        people: vec![of.clone()],
        link_proofs: Vec::new(),
        announcement: Some(announcement),
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_swapped_in_an_invitation_stop_writing() {
    local(async {
        let app = TestApp::full().await;
        let (_alice, mut bob, mallory, id) = a_circle(&app).await;
        let carol = Person::register(app.address, "carol", 3, RsaPss).await;
        bob.does(begin("carol")).await.unwrap();
        let other = impostor(&account(&carol).await.identity, 6);
        invites_falsely(&mallory, &bob, id, &other.signed).await;
        waits_for_a_decision(&mut bob, id, "carol").await;
        assert_eq!(sight(&bob, id).texts, ["first", "not yet"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_account_under_a_known_name_stops_writing() {
    local(async {
        let app = TestApp::full().await;
        let (_alice, mut bob, mallory, id) = a_circle(&app).await;
        let carol = Person::register(app.address, "carol", 3, RsaPss).await;
        bob.does(begin("carol")).await.unwrap();
        let other = common::Person::new("carol", 6);
        assert_ne!(other.id, carol.user());
        invites_falsely(&mallory, &bob, id, &other.signed).await;
        waits_for_a_decision(&mut bob, id, "carol").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_by_another_account_under_a_known_name_stops_writing() {
    local(async {
        let app = TestApp::full().await;
        let (_alice, mut bob, id) = a_pair(&app).await;
        let before = sight(&bob, id);
        let other = common::Person::new("alice", 6);
        let his = Insider::of(&bob, 2, id).await.keys;
        let (request, _) = common::log::draft(&other, &[&his]);
        let forged = serving(&mut bob, vec![request.create, request.invite]);
        bob.until("an invitation is there", |page| {
            page.conversations.contains_key(&forged)
        })
        .await;
        let user = other.id;
        let changed = Failure::IdentityChanged(user, "alice".into());
        assert_eq!(bob.does(Action::Accept(forged)).await, Err(changed));
        assert_eq!(sight(&bob, id), before);
        assert_eq!(bob.sees(id).blocked, None);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_with_keys_that_are_not_ones_own_stops_the_log() {
    local(async {
        let app = TestApp::full().await;
        let (alice, mut bob, id) = a_pair(&app).await;
        let hers = Insider::of(&alice, 1, id).await.keys;
        let other = impostor(&account(&bob).await.identity, 6);
        let (request, _) = common::log::draft(&hers, &[&other]);
        let forged = serving(&mut bob, vec![request.create, request.invite]);
        bob.until("an alarm", |page| is_stopped(page, forged)).await;
        let appended = appended(&mut bob);
        let answer = bob.does(Action::Accept(forged)).await;
        assert_eq!(answer, Err(Failure::LogBroken));
        assert!(appended.borrow().is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forged_statement_that_keys_are_compromised_is_nonsense() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, bob, id) = a_pair(&app).await;
        let thief = common::Person::new("thief", 6);
        let forged = compromised(&account(&bob).await.identity, &thief.keys);
        alice.is_lied_to(about(bob.user(), {
            let forged = Bytes(codec::encode(&forged));
            move |found| found.compromised.push(forged.clone())
        }));
        is_not_invited(&mut alice, "bob", |failure| {
            matches!(failure, Failure::Server(_))
        })
        .await;
        assert_eq!(alice.sees(id).blocked, None);
        let before = sight(&alice, id);
        let insider = Insider::of(&bob, 2, id).await;
        gives_next(&alice, id, insider.entry(Act::Compromised(forged), |_| {})).await;
        is_stopped_because(&mut alice, id, &before, "signature does not hold").await;
        let said = Notice::Compromised("bob".into());
        assert!(!alice.page.borrow().notices.contains(&said));
    })
    .await;
}

/// A stated limit: what is kept from everywhere is not known. It holds from when it arrives, from anywhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_kept_back_is_noticed_once_it_arrives() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, mut bob, id) = a_pair(&app).await;
        alice.is_lied_to(keeping_entries_back());
        bob.will_make(6);
        let change = Action::ChangeKeys {
            password: Password(PASSWORD.into()),
            change: KeyChange::Compromised,
        };
        bob.does(change).await.unwrap();
        alice.is_lied_to({
            let mut keep_entries = keeping_entries_back();
            let mut keep_statements = about(bob.user(), |found| found.compromised.clear());
            move |given| keep_entries(given).and_then(&mut keep_statements)
        });
        let other = alice.begins_with(&["bob"], "").await;
        assert_eq!(alice.sees(other).blocked, None);

        alice.disconnect().await;
        alice.is_told_the_truth();
        alice.connect(app.address).await;
        alice.sees_members(id, &["alice"]).await;
        let said = Notice::Compromised("bob".into());
        assert!(alice.page.borrow().notices.contains(&said));
        waits_for_a_decision(&mut alice, other, "bob").await;
    })
    .await;
}
