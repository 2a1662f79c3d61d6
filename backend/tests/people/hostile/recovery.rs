//! Lies to somebody who unlocks, recovers, or replaces what opens the account.

use secure_chat_shared::client::api::{Answer, Session, TypedCode};
use secure_chat_shared::client::platform::Keys;
use secure_chat_shared::crypto::account::Vault;
use secure_chat_shared::protocol::{
    ConfirmFinish, GetRecoverySeal, GetState, LoggedIn, LoginFinish, RecoverFinish, RecoverStart,
    RecoverStarted, RecoverySeal, ReplaceFinish, Resume, SealedState,
};

use super::super::account::{
    NEW_PASSWORD, change_password, code_of, fetch, is_outdated, on_a_fresh_device, password,
    recover,
};
use super::super::person::PASSWORD;
use super::insider::{account, compromised, impostor};
use super::*;

fn unlock() -> Action {
    Action::Unlock {
        password: password(PASSWORD),
    }
}

fn is_locked(page: &Page) -> bool {
    matches!(page.session, Some(Session::Locked { .. }))
}

fn is_out(page: &Page) -> bool {
    matches!(page.session, Some(Session::SignedOut { .. }))
}

/// Bob writes something that his other browsers are to know, so that the server has a newer state than this one.
async fn state_before(bob: &mut Person, id: ConversationId) -> SealedState {
    bob.ticks().await;
    let before = bob.asks(&GetState).await.unwrap();
    let (conversation, number) = (id, bob.sees(id).read + 3);
    let read = Action::MarkRead {
        conversation,
        number,
    };
    bob.does(read).await.unwrap();
    bob.ticks().await;
    before
}

/// What a server does to something that it gives.
type Altering<T> = Box<dyn Fn(&mut T)>;

/// Swaps blobs of a vault: of purposes, and with those of somebody else.
fn swaps(other: Vault) -> Vec<Altering<Vault>> {
    let foreign = other.clone();
    vec![
        Box::new(|vault| {
            std::mem::swap(&mut vault.priv_by_password, &mut vault.priv_by_recovery);
        }),
        Box::new(|vault| {
            let keys = &mut vault.keys[0];
            std::mem::swap(&mut keys.encryption, &mut keys.rsa_signing);
        }),
        Box::new(|vault| vault.state_key = vault.priv_by_password.clone()),
        Box::new(move |vault| vault.state_key = other.state_key.clone()),
        Box::new(move |vault| *vault = foreign.clone()),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn swapped_blobs_of_a_vault_open_nothing() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, bob, _id) = a_pair(&app).await;
        let seen = Rc::new(RefCell::new(None));
        let kept = Rc::clone(&seen);
        alice.is_lied_to(altering_replies::<ConfirmFinish>(move |confirmed| {
            *kept.borrow_mut() = Some(confirmed.vault.clone());
        }));
        alice.does(fetch(PASSWORD)).await.unwrap();
        let hers: Vault = seen.take().unwrap();
        let code = code_of(&bob);
        for swap in swaps(hers.clone()) {
            let lie =
                altering_replies::<LoginFinish>(move |given: &mut LoggedIn| swap(&mut given.vault));
            let answer = Person::sign_in_lied_to(app.address, "bob", PASSWORD, lie).await;
            let failure = answer.err();
            assert!(matches!(failure, Some(Failure::Server(_))), "{failure:?}");
        }
        for swap in swaps(hers) {
            let mut lost = on_a_fresh_device(&app, "bob").await;
            lost.is_lied_to(altering_replies::<RecoverStart>(
                move |given: &mut RecoverStarted| swap(&mut given.vault),
            ));
            let finished = asked_to_finish(&mut lost);
            let answer = lost.does(recover("bob", &code)).await;
            assert!(matches!(answer, Err(Failure::Server(_))), "{answer:?}");
            assert!(!*finished.borrow() && is_out(&lost.page.borrow()));
            assert_eq!(lost.keys().load().await, Ok(None));
        }
    })
    .await;
}

/// Whether somebody goes on to replace the account's secrets.
fn asked_to_finish(person: &mut Person) -> Rc<RefCell<bool>> {
    let asked = Rc::new(RefCell::new(false));
    let seen = Rc::clone(&asked);
    person.is_meddled_with(move |op, body| {
        *seen.borrow_mut() |= [RecoverFinish::OP, ReplaceFinish::OP].contains(&op);
        Fate::Done(body)
    });
    asked
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_the_persons_own_is_not_recovered() {
    local(async {
        let app = TestApp::full().await;
        let (alice, mut bob, id) = a_pair(&app).await;
        let (code, hers) = (code_of(&bob), alice.user());
        let first = account(&bob).await.identity;
        let other = impostor(&first, 7);
        let forged = Bytes(codec::encode(&compromised(&first, &other.keys)));
        let old = state_before(&mut bob, id).await;
        let lies: Vec<Altering<RecoverStarted>> = vec![
            Box::new(move |given| given.user = hers),
            Box::new(move |given| given.identities = vec![other.signed.bytes().into()]),
            Box::new(|given| given.identities.clear()),
            Box::new(|given| given.identities.push(given.identities[0].clone())),
            Box::new(|given| given.vault.keys.clear()),
            Box::new(move |given| given.compromised.push(forged.clone())),
            Box::new(|given| given.state.generation += 1),
            Box::new(move |given| given.state.sealed = old.sealed.clone()),
        ];
        for lie in lies {
            let mut lost = on_a_fresh_device(&app, "bob").await;
            lost.is_lied_to(altering_replies::<RecoverStart>(lie));
            let finished = asked_to_finish(&mut lost);
            let answer = lost.does(recover("bob", &code)).await;
            assert!(matches!(answer, Err(Failure::Server(_))), "{answer:?}");
            assert!(!*finished.borrow() && is_out(&lost.page.borrow()));
            assert_eq!(lost.keys().load().await, Ok(None));
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_browser_takes_nothing_older() {
    local(async {
        let app = TestApp::full().await;
        let (alice, mut bob, id) = a_pair(&app).await;
        let (code, hers) = (code_of(&bob), alice.user());
        let old = state_before(&mut bob, id).await;
        bob.does(Action::Lock).await.unwrap();
        bob.await_disconnect().await;
        bob.connect(app.address).await;
        // An older state is told at unlocking, and nothing is built on it in recovery.
        let older = old.clone();
        bob.is_lied_to(altering_replies::<RecoverStart>(move |given| {
            given.state = older.clone();
        }));
        let finished = asked_to_finish(&mut bob);
        let answer = bob.does(recover("bob", &code)).await;
        assert!(matches!(answer, Err(Failure::Server(_))), "{answer:?}");
        assert!(!*finished.borrow() && is_locked(&bob.page.borrow()));
        bob.is_lied_to(altering_replies::<LoginFinish>(move |given| {
            given.signed_in.user = hers;
        }));
        let answer = bob.does(unlock()).await;
        assert!(matches!(answer, Err(Failure::Server(_))), "{answer:?}");
        assert!(is_locked(&bob.page.borrow()));
        bob.disconnect().await;
        bob.connect(app.address).await;
        bob.is_lied_to(altering_replies::<LoginFinish>(move |given| {
            given.state = old.clone();
        }));
        bob.does(unlock()).await.unwrap();
        let told = |page: &Page| {
            page.notices.iter().any(|notice| {
                matches!(notice, secure_chat_shared::client::api::Notice::Trouble(
                    Failure::Server(text)) if text.contains("older"))
            })
        };
        assert!(told(&bob.page.borrow()));
        assert_eq!(sight(&bob, id).title, "ours");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secrets_are_replaced_on_an_older_account() {
    local(async {
        let app = TestApp::full().await;
        let (_alice, mut bob, id) = a_pair(&app).await;
        let old = state_before(&mut bob, id).await;
        bob.is_lied_to(altering_replies::<ConfirmFinish>(move |given| {
            given.state = old.clone();
        }));
        let finished = asked_to_finish(&mut bob);
        for action in [change_password(true), fetch(PASSWORD)] {
            let answer = bob.does(action).await;
            assert!(matches!(answer, Err(Failure::Server(_))), "{answer:?}");
        }
        assert!(!*finished.borrow());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_code_is_not_said_to_be_right() {
    local(async {
        let app = TestApp::full().await;
        let (_alice, mut bob, _id) = a_pair(&app).await;
        let code = code_of(&bob);
        let old: RecoverySeal = bob.asks(&GetRecoverySeal).await.unwrap();
        bob.does(change_password(true)).await.unwrap();
        bob.is_lied_to(altering_replies::<GetRecoverySeal>(move |given| {
            *given = old.clone();
        }));
        let code = TypedCode(code);
        let checked = bob.does(Action::CheckRecoveryCode { code }).await;
        assert_eq!(checked, Ok(Answer::Checked(false)));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_false_number_for_replaced_secrets_costs_a_password_and_no_code() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, mut bob, id) = a_pair(&app).await;
        let old = code_of(&bob);
        bob.is_lied_to(altering_replies::<ReplaceFinish>(|given| {
            given.generation += 1;
        }));
        let answer = bob.does(change_password(true)).await;
        assert!(matches!(answer, Err(Failure::Server(_))), "{answer:?}");
        assert_eq!(code_of(&bob), old);
        bob.is_told_the_truth();
        bob.disconnect().await;
        bob.connect(app.address).await;
        assert!(is_outdated(&bob.page.borrow()));
        bob.does(fetch(NEW_PASSWORD)).await.unwrap();
        assert_ne!(code_of(&bob), old);
        // Secrets that nobody replaced: the password shows it.
        bob.disconnect().await;
        bob.is_lied_to(altering_replies::<Resume>(|given| given.secrets += 5));
        bob.connect(app.address).await;
        assert!(is_outdated(&bob.page.borrow()));
        bob.does(fetch(NEW_PASSWORD)).await.unwrap();
        assert!(!is_outdated(&bob.page.borrow()));
        bob.writes(id, "still here").await;
        alice.reads(id, &["first", "still here"]).await;
    })
    .await;
}
