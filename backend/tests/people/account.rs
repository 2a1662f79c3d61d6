//! An account that survives: a second browser, a new password, a new recovery code, a lost password, the end.

use secure_chat_shared::client::api::{
    Action, Answer, Failure, MessageState, Notice, Password, Registration, Session, TypedCode,
};
use secure_chat_shared::client::platform::{Keys, Platform, Socket, Store, Table};
use secure_chat_shared::crypto::signing::Algorithm::{Dsa, RsaPss};
use secure_chat_shared::ids::{ConversationId, UserId};
use secure_chat_shared::protocol::{
    DeleteAccount, ErrorCode, LoginFinish, PublishIdentity, ReplaceFinish, ReplaceStart, Request,
};

use super::common::TestApp;
use super::keys::member;
use super::local;
use super::page::Page;
use super::person::{PASSWORD, Person};
use super::socket::{Fate, Given};

/// What a password is changed to.
pub const NEW_PASSWORD: &str = "another horse, another battery";

pub fn password(text: &str) -> Password {
    Password(text.into())
}

pub fn change_password(keep_sessions: bool) -> Action {
    Action::ChangePassword {
        old: password(PASSWORD),
        new: password(NEW_PASSWORD),
        keep_sessions,
    }
}

pub fn fetch(text: &str) -> Action {
    Action::FetchKeys {
        password: password(text),
    }
}

pub fn recover(name: &str, code: &str) -> Action {
    Action::Recover {
        name: name.into(),
        code: TypedCode(code.into()),
        password: password(NEW_PASSWORD),
    }
}

pub fn code_of(person: &Person) -> String {
    person.page.borrow().recovery_code.clone().unwrap()
}

pub fn is_outdated(page: &Page) -> bool {
    matches!(&page.session, Some(Session::SignedIn(me)) if me.outdated)
}

pub fn is_ended(page: &Page) -> bool {
    matches!(page.session, Some(Session::SignedOut { ended: true }))
}

pub fn mark(user: UserId) -> Action {
    let verified = true;
    Action::MarkVerified { user, verified }
}

pub async fn is_code_of(person: &mut Person, code: &str) -> Result<bool, Failure> {
    let code = TypedCode(code.into());
    match person.does(Action::CheckRecoveryCode { code }).await? {
        Answer::Checked(is_it) => Ok(is_it),
        other => panic!("not checked: {other:?}"),
    }
}

/// Alice and bob, who has been verified by her, in a conversation with a message of each.
pub async fn a_pair(app: &TestApp) -> (Person, Person, ConversationId) {
    let mut alice = Person::register(app.address, "alice", 1, RsaPss).await;
    let mut bob = Person::register(app.address, "bob", 2, Dsa).await;
    let id = alice.begins_with(&["bob"], "ours").await;
    bob.joins(id).await;
    alice.sees_members(id, &["alice", "bob"]).await;
    alice.writes(id, "one").await;
    bob.reads(id, &["one"]).await;
    bob.writes(id, "two").await;
    alice.reads(id, &["one", "two"]).await;
    alice.does(mark(bob.user())).await.unwrap();
    alice.ticks().await;
    (alice, bob, id)
}

/// Somebody on a fresh device, connected and not signed in.
pub async fn on_a_fresh_device(app: &TestApp, name: &str) -> Person {
    use secure_chat_shared::client::native::{MemoryStore, NativeKeys};
    let mut person = Person::on_device(name, NativeKeys::new(), MemoryStore::new()).await;
    person.connect(app.address).await;
    person
}

/// What alice's account in [`a_pair`] is in any browser: the history, the mark, and that she can write.
async fn is_all_there(alice: &mut Person, bob: &mut Person, id: ConversationId, text: &str) {
    let before = ["one", "two"];
    alice.does(Action::Open(id)).await.unwrap();
    assert_eq!(alice.page.borrow().texts(id), before);
    assert_eq!(alice.sees(id).title, "ours");
    assert!(member(&alice.page.borrow(), id, "bob").verified);
    alice.writes(id, text).await;
    bob.reads(id, &["one", "two", text]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_browser_has_everything_and_the_first_is_told() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, mut bob, id) = a_pair(&app).await;
        let mut second = Person::sign_in(app.address, "alice", PASSWORD)
            .await
            .unwrap();
        alice
            .until("somebody signed in", |page| {
                page.notices.iter().any(|notice| {
                    matches!(notice, Notice::SignedInElsewhere { browser, time }
                        if browser == "A test on this machine" && time.0 > 0)
                })
            })
            .await;
        is_all_there(&mut second, &mut bob, id, "from the second").await;
        alice.reads(id, &["one", "two", "from the second"]).await;
        {
            let page = alice.page.borrow();
            assert!(page.messages(id).last().unwrap().own);
        }
        // She writes in both.
        alice.writes(id, "from the first").await;
        let all = ["one", "two", "from the second", "from the first"];
        second.reads(id, &all).await;
        bob.reads(id, &all).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_browser_decides_the_others_see_at_once() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, bob, id) = a_pair(&app).await;
        let mut second = Person::sign_in(app.address, "alice", PASSWORD)
            .await
            .unwrap();
        let user = bob.user();
        let verified = false;
        let unmark = Action::MarkVerified { user, verified };
        second.does(unmark).await.unwrap();
        second.ticks().await;
        alice
            .until("the mark is gone", |page| !member(page, id, "bob").verified)
            .await;
        // The newest: create, invite, accept, and two messages.
        let (conversation, number) = (id, 4);
        let read = Action::MarkRead {
            conversation,
            number,
        };
        alice.does(read).await.unwrap();
        alice.ticks().await;
        second
            .until("it is read", |page| page.conversations[&id].read == number)
            .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn browsers_that_write_at_once_lose_nothing() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, bob, id) = a_pair(&app).await;
        let carol = Person::register(app.address, "carol", 3, RsaPss).await;
        let dora = Person::register(app.address, "dora", 5, RsaPss).await;
        alice.invites(id, &["carol", "dora"]).await;
        let mut second = Person::sign_in(app.address, "alice", PASSWORD)
            .await
            .unwrap();
        alice.ticks().await;
        second.ticks().await;
        // Neither has heard of the other when it writes.
        let (user, blocked) = (bob.user(), true);
        alice.does(Action::Block { user, blocked }).await.unwrap();
        alice.does(mark(carol.user())).await.unwrap();
        second.does(mark(dora.user())).await.unwrap();
        alice.ticks().await;
        second.ticks().await;
        let all = |page: &Page| {
            page.blocked.len() == 1
                && ["bob", "carol", "dora"]
                    .iter()
                    .all(|name| member(page, id, name).verified)
        };
        alice.until("what both decided", all).await;
        second.until("what both decided", all).await;
        let third = Person::sign_in(app.address, "alice", PASSWORD).await;
        assert!(all(&third.unwrap().page.borrow()));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_password_ends_the_other_sessions() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, mut bob, id) = a_pair(&app).await;
        let code = code_of(&alice);
        let mut second = Person::sign_in(app.address, "alice", PASSWORD)
            .await
            .unwrap();
        let wrong = Action::ChangePassword {
            old: password("not hers at all"),
            new: password(NEW_PASSWORD),
            keep_sessions: false,
        };
        assert_eq!(second.does(wrong).await, Err(Failure::WrongPassword));
        let weak = Action::ChangePassword {
            old: password(PASSWORD),
            new: password("password"),
            keep_sessions: false,
        };
        assert_eq!(second.does(weak).await, Err(Failure::WeakPassword));
        second.does(change_password(false)).await.unwrap();
        assert_ne!(code_of(&second), code);
        alice.until("the session is over", is_ended).await;
        let store = &alice.device().store;
        let left = store.scan(Table::Meta, &[], None, false, usize::MAX).await;
        assert!(left.unwrap().is_empty());
        let old = Person::sign_in(app.address, "alice", PASSWORD).await;
        assert_eq!(old.err(), Some(Failure::WrongCredentials));
        let mut third = Person::sign_in(app.address, "alice", NEW_PASSWORD)
            .await
            .unwrap();
        is_all_there(&mut third, &mut bob, id, "with the new password").await;
        // The one that changed it goes on, also after a reload.
        let mut second = second.reload().await;
        second.connect(app.address).await;
        assert!(!is_outdated(&second.page.borrow()));
        second.does(Action::Open(id)).await.unwrap();
        second
            .reads(id, &["one", "two", "with the new password"])
            .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kept_browser_goes_on_with_the_new_password() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, mut bob, id) = a_pair(&app).await;
        let mut second = Person::sign_in(app.address, "alice", PASSWORD)
            .await
            .unwrap();
        let mut away = Person::sign_in(app.address, "alice", PASSWORD)
            .await
            .unwrap();
        away.disconnect().await;
        second.does(change_password(true)).await.unwrap();
        alice.until("the password is new", is_outdated).await;
        away.connect(app.address).await;
        for person in [&mut alice, &mut away] {
            assert!(is_outdated(&person.page.borrow()));
            let notices = &person.page.borrow().notices;
            let told = notices
                .iter()
                .filter(|told| **told == Notice::PasswordChanged);
            assert_eq!(told.count(), 1);
        }
        // What is written waits.
        alice.writes(id, "waits").await;
        let state = |alice: &Person| {
            let page = alice.page.borrow();
            page.messages(id).last().unwrap().state.clone()
        };
        assert_eq!(state(&alice), MessageState::Pending);
        let old = alice.does(fetch(PASSWORD)).await;
        assert_eq!(old, Err(Failure::WrongPassword));
        alice.does(fetch(NEW_PASSWORD)).await.unwrap();
        assert!(!is_outdated(&alice.page.borrow()));
        bob.reads(id, &["one", "two", "waits"]).await;
        // The synced state opens in both again.
        let user = bob.user();
        let verified = false;
        let unmark = Action::MarkVerified { user, verified };
        alice.does(unmark).await.unwrap();
        alice.ticks().await;
        second
            .until("the mark is gone", |page| !member(page, id, "bob").verified)
            .await;
        away.does(fetch(NEW_PASSWORD)).await.unwrap();
        away.does(Action::Open(id)).await.unwrap();
        away.reads(id, &["one", "two", "waits"]).await;
        assert!(!member(&away.page.borrow(), id, "bob").verified);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_other_browsers_wrote_is_lost_by_a_new_password() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, bob, id) = a_pair(&app).await;
        let mut second = Person::sign_in(app.address, "alice", PASSWORD)
            .await
            .unwrap();
        // One writes what the other has not heard of when it replaces the password.
        let (user, blocked) = (bob.user(), true);
        second.does(Action::Block { user, blocked }).await.unwrap();
        second.ticks().await;
        alice.does(change_password(true)).await.unwrap();
        let third = Person::sign_in(app.address, "alice", NEW_PASSWORD)
            .await
            .unwrap();
        assert_eq!(third.page.borrow().blocked.len(), 1);
        assert!(member(&third.page.borrow(), id, "bob").verified);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_between_confirming_and_replacing_is_kept() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, bob, id) = a_pair(&app).await;
        let mut second = Person::sign_in(app.address, "alice", PASSWORD)
            .await
            .unwrap();
        let (user, blocked) = (bob.user(), true);
        second.does(Action::Block { user, blocked }).await.unwrap();
        // The first attempt is told that another browser came first, which by then is true.
        let mut second = Some(second);
        let (sender, mut asked) = tokio::sync::mpsc::unbounded_channel();
        alice.is_meddled_with(move |op, body| {
            if op == ReplaceFinish::OP && sender.send(()).is_ok() {
                let text = "another browser wrote";
                let error = secure_chat_shared::protocol::RequestError::new(
                    ErrorCode::StaleGeneration,
                    text,
                );
                return Fate::Refused(error);
            }
            Fate::Done(body)
        });
        let writing = async {
            asked.recv().await.unwrap();
            let mut second = second.take().unwrap();
            second.ticks().await;
            asked.close();
        };
        let (changed, ()) = tokio::join!(alice.does(change_password(true)), writing);
        changed.unwrap();
        let third = Person::sign_in(app.address, "alice", NEW_PASSWORD)
            .await
            .unwrap();
        assert_eq!(third.page.borrow().blocked.len(), 1);
        assert!(member(&third.page.borrow(), id, "bob").verified);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recovery_code_is_checked_and_replaced() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, _bob, _id) = a_pair(&app).await;
        let mut second = Person::sign_in(app.address, "alice", PASSWORD)
            .await
            .unwrap();
        let old = code_of(&alice);
        let typed = old.to_lowercase().replace('-', " ");
        assert_eq!(is_code_of(&mut alice, &typed).await, Ok(true));
        assert_eq!(is_code_of(&mut second, &old).await, Ok(true));
        assert_eq!(is_code_of(&mut alice, "no code").await, Ok(false));
        let make = |text| Action::NewRecoveryCode {
            password: password(text),
        };
        let wrong = alice.does(make("not hers at all")).await;
        assert_eq!(wrong, Err(Failure::WrongPassword));
        assert_eq!(code_of(&alice), old);
        alice.does(make(PASSWORD)).await.unwrap();
        let new = code_of(&alice);
        assert_ne!(new, old);
        assert_eq!(is_code_of(&mut alice, &old).await, Ok(false));
        assert_eq!(is_code_of(&mut alice, &new).await, Ok(true));
        // It waits to be saved, as after registration.
        let alice = alice.reload().await;
        assert_eq!(code_of(&alice), new);
        second.until("the password is asked for", is_outdated).await;
        assert_eq!(is_code_of(&mut second, &new).await, Err(Failure::Outdated));
        second.does(fetch(PASSWORD)).await.unwrap();
        assert_eq!(is_code_of(&mut second, &new).await, Ok(true));
        let mut lost = on_a_fresh_device(&app, "alice").await;
        let refused = lost.does(recover("alice", &old)).await;
        assert_eq!(refused, Err(Failure::WrongRecoveryCode));
        lost.does(recover("alice", &new)).await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_recovery_code_replaces_a_lost_password() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, mut bob, id) = a_pair(&app).await;
        let code = code_of(&alice);
        let mut lost = on_a_fresh_device(&app, "alice").await;
        let other = code_of(&bob);
        for (name, code) in [
            ("alice", other.as_str()),
            ("nobody-here", &code),
            ("!", &code),
            ("alice", "nonsense"),
        ] {
            let refused = lost.does(recover(name, code)).await;
            assert_eq!(refused, Err(Failure::WrongRecoveryCode), "{name}");
        }
        let weak = Action::Recover {
            name: "alice".into(),
            code: TypedCode(code.clone()),
            password: password("alice"),
        };
        assert_eq!(lost.does(weak).await, Err(Failure::WeakPassword));
        lost.does(recover("Alice", &code)).await.unwrap();
        is_all_there(&mut lost, &mut bob, id, "found again").await;
        alice.until("the session is over", is_ended).await;
        let new = code_of(&lost);
        assert_ne!(new, code);
        assert_eq!(is_code_of(&mut lost, &new).await, Ok(true));
        let old = Person::sign_in(app.address, "alice", PASSWORD).await;
        assert_eq!(old.err(), Some(Failure::WrongCredentials));
        let again = Person::sign_in(app.address, "alice", NEW_PASSWORD).await;
        assert_eq!(again.unwrap().user(), lost.user());
        let mut late = on_a_fresh_device(&app, "alice").await;
        let refused = late.does(recover("alice", &code)).await;
        assert_eq!(refused, Err(Failure::WrongRecoveryCode));
        let lost = lost.reload().await;
        assert_eq!(code_of(&lost), new, "until it was saved");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_keys_that_the_account_ever_had_are_recovered() {
    local(async {
        use super::keys::change;
        use secure_chat_shared::client::api::KeyChange;
        let app = TestApp::full().await;
        let (mut alice, mut bob, id) = a_pair(&app).await;
        alice.will_make(5);
        alice.does(change(KeyChange::Rotate)).await.unwrap();
        let code = code_of(&alice);
        let mut lost = on_a_fresh_device(&app, "alice").await;
        lost.does(recover("alice", &code)).await.unwrap();
        is_all_there(&mut lost, &mut bob, id, "by the newest keys").await;
        // And once more with what recovery has made.
        let code = code_of(&lost);
        let mut again = on_a_fresh_device(&app, "alice").await;
        again.does(recover("alice", &code)).await.unwrap();
        again.does(Action::Open(id)).await.unwrap();
        let texts = ["one", "two", "by the newest keys"];
        assert_eq!(again.page.borrow().texts(id), texts);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_loses_no_recovery_code() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, mut bob, id) = a_pair(&app).await;
        let old = code_of(&alice);
        alice
            .does(Action::RecoveryCodeSeen { saved: true })
            .await
            .unwrap();
        alice.is_lied_to(|given| match given {
            Given::Reply { op, .. } if op == ReplaceFinish::OP => None,
            given => Some(given),
        });
        let changed = alice.does(change_password(true)).await;
        assert_eq!(changed, Err(Failure::Offline));
        assert_eq!(code_of(&alice), old);
        alice.disconnect().await;
        let mut alice = alice.reload().await;
        alice.connect(app.address).await;
        assert!(is_outdated(&alice.page.borrow()));
        alice.does(fetch(NEW_PASSWORD)).await.unwrap();
        let new = code_of(&alice);
        assert_ne!(new, old);
        assert_eq!(is_code_of(&mut alice, &new).await, Ok(true));
        is_all_there(&mut alice, &mut bob, id, "all is well").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_request_changes_nothing() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, mut bob, id) = a_pair(&app).await;
        let old = code_of(&alice);
        alice.is_meddled_with(|op, body| match op {
            ReplaceFinish::OP => Fate::Lost,
            _ => Fate::Done(body),
        });
        let changed = alice.does(change_password(true)).await;
        assert_eq!(changed, Err(Failure::Offline));
        alice.is_told_the_truth();
        alice.disconnect().await;
        alice.connect(app.address).await;
        assert!(!is_outdated(&alice.page.borrow()));
        assert_eq!(is_code_of(&mut alice, &old).await, Ok(true));
        is_all_there(&mut alice, &mut bob, id, "as before").await;
        alice.does(change_password(true)).await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sessions_token_alone_replaces_nothing() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, _bob, _id) = a_pair(&app).await;
        let code = code_of(&alice);
        // What her browser asks once the password was proven, as somebody with nothing but the token could repeat it.
        let asked = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
        let seen = std::rc::Rc::clone(&asked);
        alice.is_meddled_with(move |op, body| {
            if [ReplaceStart::OP, ReplaceFinish::OP, PublishIdentity::OP].contains(&op) {
                seen.borrow_mut().push((op, body));
                return Fate::Lost;
            }
            Fate::Done(body)
        });
        alice.will_make(5);
        let rotate = super::keys::change(secure_chat_shared::client::api::KeyChange::Rotate);
        alice.does(rotate).await.unwrap_err();
        alice.does(change_password(false)).await.unwrap_err();
        alice.is_told_the_truth();
        alice.disconnect().await;
        alice.connect(app.address).await;
        let asked = asked.take();
        let ops: Vec<u16> = asked.iter().map(|(op, _)| *op).collect();
        assert_eq!(ops, [PublishIdentity::OP, ReplaceStart::OP]);
        for (op, body) in asked {
            let refused = alice.device().socket().call(op, body.0).await;
            let code = refused.unwrap_err().code();
            assert_eq!(code, Some(ErrorCode::WrongState), "{op}");
        }
        let refused = alice.asks(&DeleteAccount).await.unwrap_err();
        assert_eq!(refused.code(), Some(ErrorCode::WrongState));
        assert_eq!(is_code_of(&mut alice, &code).await, Ok(true));
        let again = Person::sign_in(app.address, "alice", PASSWORD).await;
        assert!(again.is_ok());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_account_leaves_logs_that_verify() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, mut bob, id) = a_pair(&app).await;
        let mut second = Person::sign_in(app.address, "alice", PASSWORD)
            .await
            .unwrap();
        let mut carol = Person::register(app.address, "carol", 3, RsaPss).await;
        let unanswered = carol.begins_with(&["alice"], "").await;
        alice
            .until("an invitation is there", |page| {
                page.conversations.contains_key(&unanswered)
            })
            .await;
        let delete = |text| Action::DeleteAccount {
            password: password(text),
        };
        let wrong = alice.does(delete("not hers at all")).await;
        assert_eq!(wrong, Err(Failure::WrongPassword));
        bob.sees_members(id, &["alice", "bob"]).await;
        alice.does(delete(PASSWORD)).await.unwrap();
        assert_eq!(
            alice.page.borrow().session,
            Some(Session::SignedOut { ended: false })
        );
        assert!(alice.page.borrow().conversations.is_empty());
        assert_eq!(alice.keys().load().await, Ok(None));
        for table in Table::ALL {
            let store = &alice.device().store;
            let left = store.scan(table, &[], None, false, usize::MAX).await;
            assert!(left.unwrap().is_empty(), "{table:?}");
        }
        second.until("the session is over", is_ended).await;
        bob.sees_members(id, &["bob"]).await;
        carol.sees_members(unanswered, &["carol"]).await;
        let gone = Person::sign_in(app.address, "alice", PASSWORD).await;
        assert_eq!(gone.err(), Some(Failure::WrongCredentials));
        let invite = Action::Invite {
            conversation: id,
            people: vec!["alice".into()],
        };
        let nobody = Err(Failure::NoSuchPerson("alice".into()));
        assert_eq!(bob.does(invite).await, nobody);
        // Who was here before and who comes later read on, with her messages proven.
        bob.writes(id, "alone").await;
        bob.invites(id, &["carol"]).await;
        carol.joins(id).await;
        bob.sees_members(id, &["bob", "carol"]).await;
        carol.writes(id, "not alone").await;
        bob.reads(id, &["one", "two", "alone", "not alone"]).await;
        let mut new = Person::sign_in(app.address, "bob", PASSWORD).await.unwrap();
        new.does(Action::Open(id)).await.unwrap();
        new.reads(id, &["one", "two", "alone", "not alone"]).await;
        {
            let page = new.page.borrow();
            let messages = page.messages(id);
            assert_eq!(messages[0].author_name, "alice");
            assert!(messages.iter().all(|message| message.proof.is_some()));
            assert!(page.conversations[&id].blocked.is_none());
        }
        // Nobody takes her place.
        let mut other = on_a_fresh_device(&app, "alice").await;
        let register = Action::Register {
            name: "alice".into(),
            password: password(PASSWORD),
            algorithm: RsaPss,
            code: None,
        };
        assert_eq!(other.does(register).await, Err(Failure::NameTaken));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_passwords_are_told_until_they_were_seen() {
    local(async {
        let app = TestApp::full().await;
        let mut alice = Person::register(app.address, "alice", 1, RsaPss).await;
        let mut thief = on_a_fresh_device(&app, "alice").await;
        for _ in 0..5 {
            let sign_in = Action::SignIn {
                name: "alice".into(),
                password: password("not hers at all"),
            };
            let wrong = thief.does(sign_in).await;
            assert_eq!(wrong, Err(Failure::WrongCredentials));
        }
        // The last one, like each before the next, was given up once its answer was known.
        thief.disconnect().await;
        let failed = |page: &Page| match &page.session {
            Some(Session::SignedIn(me)) => me.failed_sign_ins,
            _ => None,
        };
        alice
            .until("wrong passwords were tried", |page| failed(page).is_some())
            .await;
        let (count, last) = failed(&alice.page.borrow()).unwrap();
        assert!(count == 5 && last.0 > 0, "{count} {last:?}");
        let mut alice = alice.reload().await;
        alice.connect(app.address).await;
        assert!(failed(&alice.page.borrow()).is_some());
        alice.does(Action::AcknowledgeFailed).await.unwrap();
        assert_eq!(failed(&alice.page.borrow()), None);
        alice.disconnect().await;
        alice.connect(app.address).await;
        assert_eq!(failed(&alice.page.borrow()), None);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_other_session_ends_at_once() {
    local(async {
        let app = TestApp::full().await;
        let mut alice = Person::register(app.address, "alice", 1, RsaPss).await;
        let mut others = Vec::new();
        for _ in 0..2 {
            let other = Person::sign_in(app.address, "alice", PASSWORD).await;
            others.push(other.unwrap());
        }
        alice.does(Action::RevokeOthers).await.unwrap();
        for other in &mut others {
            other.until("the session is over", is_ended).await;
        }
        let Answer::Sessions(left) = alice.does(Action::Sessions).await.unwrap() else {
            panic!("no sessions")
        };
        assert!(left.len() == 1 && left[0].this, "{left:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_says_whom_it_takes() {
    local(async {
        for (registration, code, failure) in [
            (
                Registration::Closed,
                None,
                Some(Failure::RegistrationClosed),
            ),
            (Registration::ByCode, None, Some(Failure::CodeNeeded)),
            (
                Registration::ByCode,
                Some("nonsense".to_owned()),
                Some(Failure::CodeWrong),
            ),
            (Registration::Open, None, None),
        ] {
            let app = TestApp::with(|config| config.registration = registration).await;
            let keys = secure_chat_shared::client::native::test_keys::set(1).unwrap();
            let mut alice = on_a_fresh_device(&app, "alice").await;
            alice.keys().provide(keys);
            let said = alice.does(Action::ServerInfo).await;
            assert_eq!(said, Ok(Answer::Registration(registration)));
            let register = Action::Register {
                name: "alice".into(),
                password: password(PASSWORD),
                algorithm: RsaPss,
                code,
            };
            assert_eq!(alice.does(register).await.err(), failure);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signing_in_needs_no_look_up_of_oneself() {
    local(async {
        let app = TestApp::full().await;
        let _alice = Person::register(app.address, "alice", 1, RsaPss).await;
        let mut second = on_a_fresh_device(&app, "alice").await;
        let asked = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
        let seen = std::rc::Rc::clone(&asked);
        second.is_meddled_with(move |op, body| {
            seen.borrow_mut().push(op);
            Fate::Done(body)
        });
        let sign_in = Action::SignIn {
            name: "alice".into(),
            password: password(PASSWORD),
        };
        second.does(sign_in).await.unwrap();
        let asked = asked.take();
        assert!(asked.contains(&LoginFinish::OP), "{asked:?}");
        assert!(
            !asked.contains(&secure_chat_shared::protocol::LookupUsers::OP),
            "{asked:?}"
        );
    })
    .await;
}
