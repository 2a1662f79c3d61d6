//! Lies to somebody about what is their own: the session, the vault, the keys.

use secure_chat_shared::client::api::{Failure, KeyChange, Notice, Password, Session, Standing};
use secure_chat_shared::client::native::test_keys;
use secure_chat_shared::crypto::identity::Compromised;
use secure_chat_shared::protocol::{ConfirmFinish, GetState, PutState, Resume, SealedState};

use super::super::person::PASSWORD;
use super::insider::{account, compromised, impostor};
use super::*;

fn change(change: KeyChange) -> Action {
    Action::ChangeKeys {
        password: Password(PASSWORD.into()),
        change,
    }
}

fn fetch() -> Action {
    Action::FetchKeys {
        password: Password(PASSWORD.into()),
    }
}

fn is_outdated(page: &Page) -> bool {
    matches!(&page.session, Some(Session::SignedIn(me)) if me.outdated)
}

/// Whether something that the server said was told to be wrong, in words with these.
fn is_told(page: &Page, words: &str) -> bool {
    page.notices.iter().any(
        |notice| matches!(notice, Notice::Trouble(Failure::Server(text)) if text.contains(words)),
    )
}

/// Marks something, which is written for one's other browsers.
async fn writes_state(person: &mut Person, conversation: ConversationId, number: u64) {
    let read = Action::MarkRead {
        conversation,
        number,
    };
    person.does(read).await.unwrap();
    person.ticks().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_vault_state_is_told_and_not_taken() {
    local(async {
        let app = TestApp::full().await;
        let (_alice, mut bob, id) = a_pair(&app).await;
        writes_state(&mut bob, id, 2).await;
        bob.disconnect().await;
        bob.is_lied_to(altering_replies::<Resume>(|resumed| {
            resumed.state_generation -= 1;
        }));
        bob.connect(app.address).await;
        assert!(is_told(&bob.page.borrow(), "older"));
        let asked = Rc::new(RefCell::new(0));
        let count = Rc::clone(&asked);
        bob.is_meddled_with(move |op, body| {
            *count.borrow_mut() += u32::from([GetState::OP, PutState::OP].contains(&op));
            Fate::Done(body)
        });
        writes_state(&mut bob, id, 3).await;
        assert_eq!(*asked.borrow(), 0, "nothing is read, nor written over it");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_vault_state_under_a_newer_number_is_told_and_not_taken() {
    local(async {
        let app = TestApp::full().await;
        let (_alice, mut bob, id) = a_pair(&app).await;
        writes_state(&mut bob, id, 2).await;
        let old: SealedState = bob.asks(&GetState).await.unwrap();
        writes_state(&mut bob, id, 3).await;
        bob.disconnect().await;
        let mut higher = altering_replies::<Resume>(|resumed| resumed.state_generation += 1);
        let mut older = altering_replies::<GetState>(move |state| {
            state.generation += 1;
            state.sealed = old.sealed.clone();
        });
        bob.is_lied_to(move |given| higher(given).and_then(&mut older));
        bob.connect(app.address).await;
        assert!(is_told(&bob.page.borrow(), "older"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_false_number_for_what_was_just_written_is_not_believed() {
    local(async {
        let app = TestApp::full().await;
        let (_alice, mut bob, id) = a_pair(&app).await;
        bob.is_lied_to(altering_replies::<PutState>(|written| {
            written.generation = u64::MAX;
        }));
        writes_state(&mut bob, id, 2).await;
        bob.is_told_the_truth();
        // The true one goes on: it is neither older than what was said, nor written over.
        bob.disconnect().await;
        bob.connect(app.address).await;
        writes_state(&mut bob, id, 3).await;
        assert!(!is_told(&bob.page.borrow(), "older"));
        let new = Person::sign_in(app.address, "bob", PASSWORD).await.unwrap();
        assert_eq!(new.sees(id).read, 3);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_elses_session_is_not_resumed() {
    local(async {
        let app = TestApp::full().await;
        let (alice, mut bob, id) = a_pair(&app).await;
        let before = sight(&bob, id);
        let other = alice.user();
        bob.disconnect().await;
        bob.is_lied_to(altering_replies::<Resume>(move |resumed| {
            resumed.user = other;
        }));
        bob.connect(app.address).await;
        assert!(is_told(&bob.page.borrow(), "somebody else"));
        let appended = appended(&mut bob);
        bob.writes(id, "to nobody").await;
        assert!(appended.borrow().is_empty());
        assert_eq!(sight(&bob, id).members, before.members);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_false_version_of_ones_own_identity_is_told() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, mut bob, id) = a_pair(&app).await;
        bob.will_make(6);
        bob.does(change(KeyChange::Rotate)).await.unwrap();
        bob.disconnect().await;
        bob.is_lied_to(altering_replies::<Resume>(|resumed| {
            resumed.identity_version = 1;
        }));
        bob.connect(app.address).await;
        assert!(is_told(&bob.page.borrow(), "identity"));
        bob.writes(id, "by the newest keys").await;
        alice.reads(id, &["first", "by the newest keys"]).await;

        // One that nobody made: what is written waits for the password, which shows that there is none.
        bob.disconnect().await;
        bob.is_lied_to(altering_replies::<Resume>(|resumed| {
            resumed.identity_version = 3;
        }));
        bob.connect(app.address).await;
        assert!(is_outdated(&bob.page.borrow()));
        let appended = appended(&mut bob);
        bob.writes(id, "waits").await;
        bob.ticks().await;
        assert!(appended.borrow().is_empty());
        bob.does(fetch()).await.unwrap();
        assert!(!is_outdated(&bob.page.borrow()));
        alice
            .reads(id, &["first", "by the newest keys", "waits"])
            .await;
    })
    .await;
}

/// Bob's second browser, which knows that the first has made new keys; those are in force nowhere yet.
async fn a_second_browser(app: &TestApp, bob: &mut Person) -> Person {
    let second = Person::sign_in(app.address, "bob", PASSWORD).await.unwrap();
    bob.is_meddled_with(|op, body| match op {
        Append::OP => Fate::Lost,
        _ => Fate::Done(body),
    });
    bob.will_make(6);
    bob.does(change(KeyChange::Rotate)).await.unwrap_err();
    let mut second = second;
    second.until("newer keys are there", is_outdated).await;
    second
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forged_statement_about_ones_own_keys_ends_nothing() {
    local(async {
        let app = TestApp::full().await;
        let (_alice, mut bob, id) = a_pair(&app).await;
        let first = account(&bob).await.identity;
        let mut second = a_second_browser(&app, &mut bob).await;
        let newest = account(&bob).await.identity;
        let thief = test_keys::set(7).unwrap();
        // Of the version before only its own owner could say so, of the newest nobody has: the first would end the
        // membership with it, the second without a word.
        for of in [first, newest] {
            let forged: Compromised = compromised(&of, &thief);
            let forged = Bytes(codec::encode(&forged));
            second.is_lied_to(altering_replies::<ConfirmFinish>(move |confirmed| {
                confirmed.compromised.push(forged.clone());
            }));
            let appended = appended(&mut second);
            let answer = second.does(fetch()).await;
            assert!(matches!(answer, Err(Failure::Server(_))), "{answer:?}");
            assert!(appended.borrow().is_empty());
        }
        second.is_told_the_truth();
        second.does(fetch()).await.unwrap();
        assert_eq!(second.sees(id).standing, Standing::Member);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_that_ended_no_membership_yet_is_made_good_in_a_new_browser() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, mut bob, id) = a_pair(&app).await;
        // The server takes the statement, lets it into no log, and ends the session.
        bob.is_meddled_with(|op, body| match op {
            Append::OP => Fate::Lost,
            _ => Fate::Done(body),
        });
        bob.will_make(6);
        bob.does(change(KeyChange::Compromised)).await.unwrap_err();
        bob.is_told(Event::SessionEnded);
        bob.until("the session is over", |page| {
            matches!(page.session, Some(Session::SignedOut { ended: true }))
        })
        .await;
        let new = Person::sign_in(app.address, "bob", PASSWORD).await.unwrap();
        assert_eq!(new.sees(id).standing, Standing::Former);
        alice.sees_members(id, &["alice"]).await;
        let said = Notice::Compromised("bob".into());
        assert!(alice.page.borrow().notices.contains(&said));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vault_that_lacks_keys_replaces_none() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, mut bob, id) = a_pair(&app).await;
        bob.will_make(6);
        bob.does(change(KeyChange::Rotate)).await.unwrap();
        for from in [0, 1] {
            bob.is_lied_to(altering_replies::<ConfirmFinish>(move |confirmed| {
                confirmed.vault.keys.remove(from);
            }));
            for action in [fetch(), change(KeyChange::Algorithm(RsaPss))] {
                let answer = bob.does(action).await;
                assert!(matches!(answer, Err(Failure::Server(_))), "{answer:?}");
            }
        }
        bob.is_told_the_truth();
        bob.writes(id, "with all keys").await;
        alice.reads(id, &["first", "with all keys"]).await;
        let mut bob = bob.reload().await;
        bob.connect(app.address).await;
        bob.does(Action::Open(id)).await.unwrap();
        bob.reads(id, &["first", "with all keys"]).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_keys_than_those_that_follow_are_not_taken_for_ones_own() {
    local(async {
        let app = TestApp::full().await;
        let (_alice, mut bob, _id) = a_pair(&app).await;
        bob.will_make(6);
        bob.does(change(KeyChange::Rotate)).await.unwrap();
        let mine = account(&bob).await;
        let other = impostor(&mine.identity, 7);
        bob.is_lied_to(altering_replies::<ConfirmFinish>(move |confirmed| {
            confirmed.identities = vec![other.signed.bytes().into()];
            confirmed.vault.keys.truncate(1);
        }));
        let answer = bob.does(fetch()).await;
        assert!(matches!(answer, Err(Failure::Server(_))), "{answer:?}");
        bob.is_lied_to(altering_replies::<ConfirmFinish>(|confirmed| {
            confirmed.identities.truncate(1);
            confirmed.vault.keys.truncate(1);
        }));
        let answer = bob.does(fetch()).await;
        assert!(matches!(answer, Err(Failure::Server(_))), "{answer:?}");
        assert_eq!(account(&bob).await.identity, mine.identity);
    })
    .await;
}
