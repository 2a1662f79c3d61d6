//! A locked device: the keys are gone, what was not sent is not, and the password brings all of it back.

use secure_chat_shared::client::api::{Action, Answer, Failure, KeyChange, Notice, Session};
use secure_chat_shared::client::platform::{Keys, Store, Table, Write};
use secure_chat_shared::client::records;
use secure_chat_shared::codec::{self, Bytes};
use secure_chat_shared::ids::ConversationId;
use secure_chat_shared::protocol::PresenceStatus;

use super::account::{
    NEW_PASSWORD, a_pair, change_password, code_of, is_ended, is_outdated, mark, password, recover,
};
use super::common::TestApp;
use super::keys::member;
use super::local;
use super::page::Page;
use super::person::{PASSWORD, Person};

fn unlock(text: &str) -> Action {
    Action::Unlock {
        password: password(text),
    }
}

fn is_locked(page: &Page) -> bool {
    matches!(&page.session, Some(Session::Locked { name }) if name == "alice")
}

/// Leaves a draft and a message that was not sent, and locks.
async fn locks(alice: &mut Person, conversation: ConversationId) {
    alice.disconnect().await;
    alice.writes(conversation, "typed offline").await;
    let text = "half a sen".to_owned();
    let draft = Action::Draft { conversation, text };
    alice.does(draft).await.unwrap();
    alice.does(Action::Lock).await.unwrap();
    let page = alice.page.borrow();
    assert!(is_locked(&page) && page.conversations.is_empty());
}

async fn has_kept(
    alice: &mut Person,
    bob: &mut Person,
    id: ConversationId,
    between: &[&'static str],
) {
    alice.does(Action::Open(id)).await.unwrap();
    assert_eq!(alice.sees(id).draft, "half a sen");
    assert!(member(&alice.page.borrow(), id, "bob").verified);
    let texts = [&["one", "two"][..], between, &["typed offline"]].concat();
    alice.reads(id, &texts).await;
    bob.reads(id, &texts).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_not_sent_outlasts_a_lock() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, mut bob, id) = a_pair(&app).await;
        locks(&mut alice, id).await;
        assert_eq!(alice.keys().load().await, Ok(None));
        let list = alice.does(Action::Sessions).await;
        assert_eq!(list, Err(Failure::NotSignedIn));
        // Reloaded, it is locked still.
        let mut alice = alice.reload().await;
        assert!(is_locked(&alice.page.borrow()));
        let offline = alice.does(unlock(PASSWORD)).await;
        assert_eq!(offline, Err(Failure::Offline));
        bob.writes(id, "while it was locked").await;
        alice.connect(app.address).await;
        assert!(is_locked(&alice.page.borrow()));
        for _ in 0..2 {
            let wrong = alice.does(unlock("not hers at all")).await;
            assert_eq!(wrong, Err(Failure::WrongPassword));
            assert!(is_locked(&alice.page.borrow()));
        }
        alice.does(unlock(PASSWORD)).await.unwrap();
        has_kept(&mut alice, &mut bob, id, &["while it was locked"]).await;
        let mut alice = alice.reload().await;
        alice.connect(app.address).await;
        alice.writes(id, "as ever").await;
        bob.until("a message", |page| page.texts(id).contains(&"as ever"))
            .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_leaves_the_server_and_keeps_the_session() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, mut bob, id) = a_pair(&app).await;
        let mut second = Person::sign_in(app.address, "alice", PASSWORD)
            .await
            .unwrap();
        let Answer::Sessions(before) = second.does(Action::Sessions).await.unwrap() else {
            panic!("no sessions")
        };
        let old = account(&alice).await;
        second.disconnect().await;
        alice.does(Action::Lock).await.unwrap();
        alice.await_disconnect().await;
        let user = old.user;
        bob.until("she is gone", |page| {
            matches!(page.presence.get(&user), Some(PresenceStatus::Offline(_)))
        })
        .await;
        second.connect(app.address).await;
        alice.connect(app.address).await;
        // Nobody signs in here as somebody else, or with the token that was.
        let sign_in = Action::SignIn {
            name: "bob".into(),
            password: password(PASSWORD),
        };
        assert_eq!(alice.does(sign_in).await, Err(Failure::WrongState));
        alice.does(unlock(PASSWORD)).await.unwrap();
        let new = account(&alice).await;
        assert_eq!(new.session, old.session);
        assert_ne!(new.token, old.token);
        let Answer::Sessions(after) = second.does(Action::Sessions).await.unwrap() else {
            panic!("no sessions")
        };
        assert_eq!(after.len(), before.len());
        alice.writes(id, "unlocked").await;
        second.does(Action::Open(id)).await.unwrap();
        second.reads(id, &["one", "two", "unlocked"]).await;
        let notices = &second.page.borrow().notices;
        let told = |notice: &Notice| matches!(notice, Notice::SignedInElsewhere { .. });
        assert!(!notices.iter().any(told), "{notices:?}");
    })
    .await;
}

async fn account(person: &Person) -> records::AccountRecord {
    let store = &person.device().store;
    let bytes = store.get(Table::Meta, records::ACCOUNT).await.unwrap();
    codec::decode(&bytes.unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_that_was_cut_short_is_finished() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, mut bob, id) = a_pair(&app).await;
        alice.disconnect().await;
        alice.writes(id, "typed offline").await;
        let text = "half a sen".to_owned();
        let conversation = id;
        let draft = Action::Draft { conversation, text };
        alice.does(draft).await.unwrap();
        // The token is forgotten, and the browser closed before the keys were gone.
        let mut record = account(&alice).await;
        record.token = Bytes(Vec::new());
        let write = Write {
            table: Table::Meta,
            key: records::ACCOUNT.to_vec(),
            value: Some(codec::encode(&record)),
        };
        alice.device().store.write(vec![write]).await.unwrap();
        let mut alice = alice.reload().await;
        assert!(is_locked(&alice.page.borrow()));
        assert_eq!(alice.keys().load().await, Ok(None));
        alice.connect(app.address).await;
        alice.does(unlock(PASSWORD)).await.unwrap();
        has_kept(&mut alice, &mut bob, id, &[]).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_that_are_made_during_a_lock_are_there_after_it() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, mut bob, id) = a_pair(&app).await;
        let mut second = Person::sign_in(app.address, "alice", PASSWORD)
            .await
            .unwrap();
        locks(&mut alice, id).await;
        second.will_make(5);
        let rotate = super::keys::change(KeyChange::Rotate);
        second.does(rotate).await.unwrap();
        alice.connect(app.address).await;
        alice.does(unlock(PASSWORD)).await.unwrap();
        assert!(!is_outdated(&alice.page.borrow()));
        has_kept(&mut alice, &mut bob, id, &[]).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_that_was_replaced_during_a_lock_builds_the_store_again() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, _bob, id) = a_pair(&app).await;
        let mut second = Person::sign_in(app.address, "alice", PASSWORD)
            .await
            .unwrap();
        locks(&mut alice, id).await;
        second.does(change_password(true)).await.unwrap();
        second.writes(id, "elsewhere").await;
        alice.connect(app.address).await;
        let old = alice.does(unlock(PASSWORD)).await;
        assert_eq!(old, Err(Failure::WrongPassword));
        alice.does(unlock(NEW_PASSWORD)).await.unwrap();
        assert!(alice.page.borrow().notices.contains(&Notice::StoreRebuilt));
        alice.does(Action::Open(id)).await.unwrap();
        alice.reads(id, &["one", "two", "elsewhere"]).await;
        assert!(member(&alice.page.borrow(), id, "bob").verified);
        let alice = alice.reload().await;
        assert_eq!(alice.sees(id).title, "ours");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_recovery_code_unlocks_too() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, mut bob, id) = a_pair(&app).await;
        let mut second = Person::sign_in(app.address, "alice", PASSWORD)
            .await
            .unwrap();
        let (code, other) = (code_of(&alice), code_of(&bob));
        locks(&mut alice, id).await;
        alice.connect(app.address).await;
        let foreign = alice.does(recover("bob", &other)).await;
        assert_eq!(foreign, Err(Failure::WrongState));
        let wrong = alice.does(recover("alice", &other)).await;
        assert_eq!(wrong, Err(Failure::WrongRecoveryCode));
        assert!(is_locked(&alice.page.borrow()));
        alice.does(recover("alice", &code)).await.unwrap();
        assert_ne!(code_of(&alice), code);
        has_kept(&mut alice, &mut bob, id, &[]).await;
        second.until("the session is over", is_ended).await;
        // It is the new password that unlocks from now on.
        let draft = Action::Draft {
            conversation: id,
            text: "half a sen".into(),
        };
        alice.does(draft).await.unwrap();
        alice.does(Action::Lock).await.unwrap();
        alice.await_disconnect().await;
        let mut alice = alice.reload().await;
        alice.connect(app.address).await;
        let old = alice.does(unlock(PASSWORD)).await;
        assert_eq!(old, Err(Failure::WrongPassword));
        alice.does(unlock(NEW_PASSWORD)).await.unwrap();
        assert_eq!(alice.sees(id).draft, "half a sen");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_device_can_be_emptied() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, _bob, id) = a_pair(&app).await;
        locks(&mut alice, id).await;
        alice.does(Action::SignOut).await.unwrap();
        let out = Some(Session::SignedOut { ended: false });
        assert_eq!(alice.page.borrow().session, out);
        for table in Table::ALL {
            let store = &alice.device().store;
            let left = store.scan(table, &[], None, false, usize::MAX).await;
            assert!(left.unwrap().is_empty(), "{table:?}");
        }
        assert_eq!(alice.keys().locked().await, Ok(None));
        let mut alice = alice.reload().await;
        alice.connect(app.address).await;
        let sign_in = Action::SignIn {
            name: "alice".into(),
            password: password(PASSWORD),
        };
        alice.does(sign_in).await.unwrap();
        assert!(member(&alice.page.borrow(), id, "bob").verified);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_ended_during_a_lock_begins_anew() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, mut bob, id) = a_pair(&app).await;
        let mut second = Person::sign_in(app.address, "alice", PASSWORD)
            .await
            .unwrap();
        let before = account(&alice).await.session;
        locks(&mut alice, id).await;
        second.does(Action::RevokeOthers).await.unwrap();
        alice.connect(app.address).await;
        alice.does(unlock(PASSWORD)).await.unwrap();
        assert_ne!(account(&alice).await.session, before);
        has_kept(&mut alice, &mut bob, id, &[]).await;
        alice.does(mark(bob.user())).await.unwrap();
    })
    .await;
}
