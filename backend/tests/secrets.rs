//! An account's secrets replaced by the password and by the recovery code, and what a session alone never gets at.

#![allow(clippy::unwrap_used, clippy::panic)] // in helpers too

mod common;

use common::secrets::{NEW_PASSWORD, begin_recovery, begin_replacing, recover, replace, secrets};
use common::{PASSWORD, Person, Socket, TestApp, confirm, log_in};
use secure_chat::Rate;
use secure_chat_shared::codec::{self, Bytes};
use secure_chat_shared::crypto::opaque::{ClientLogin, ClientRegistration};
use secure_chat_shared::crypto::recovery::RecoveryCode;
use secure_chat_shared::ids::UserName;
use secure_chat_shared::protocol::*;

/// The code of the refusal.
fn code<T>(result: Result<T, RequestError>) -> ErrorCode {
    match result {
        Ok(_) => panic!("not refused"),
        Err(error) => error.code,
    }
}

/// A login begun with a password, and the proof for its second step.
async fn begin_login(socket: &mut Socket, name: &UserName, password: &str) -> Vec<u8> {
    let (login, ke1) = ClientLogin::start(password).unwrap();
    let name = name.clone();
    let ke1 = ke1.into();
    let started = socket.call(&LoginStart { name, ke1 }).await.unwrap();
    login.finish(password, &started.ke2).unwrap().0
}

#[tokio::test]
async fn a_session_alone_changes_neither_password_nor_code_nor_identity_nor_deletes() {
    let mut app = TestApp::full().await;
    let mut alice = app.with_user("alice").await;
    let next = alice.person.renewed(5);
    let other = RecoveryCode::make();
    let record = {
        // A record that is well-formed, from a registration that goes nowhere.
        let name = UserName::parse("nobody").unwrap();
        common::begin_registration(&mut app.socket().await, &name)
            .await
            .unwrap()
    };
    let finish = ReplaceFinish {
        secrets: secrets(record, &[1], &other),
        expected: 1,
        keep_sessions: false,
    };
    let (_, request) = ClientRegistration::start(NEW_PASSWORD).unwrap();
    let start = ReplaceStart {
        request: request.into(),
    };

    let mut resumed = alice.resume(&app).await.socket;
    for wrong_first in [false, true] {
        if wrong_first {
            let refused = confirm(&mut resumed, "wrong-kestrel").await;
            assert_eq!(code(refused), ErrorCode::WrongCredentials);
        }
        assert_eq!(resumed.refusal(&start).await, ErrorCode::WrongState);
        assert_eq!(resumed.refusal(&finish).await, ErrorCode::WrongState);
        assert_eq!(resumed.refusal(&DeleteAccount).await, ErrorCode::WrongState);
        let publish = resumed.refusal(&next.publish()).await;
        assert_eq!(publish, ErrorCode::WrongState);
    }
    // Confirmed, but without the first step; and that uses the confirmation up.
    confirm(&mut resumed, PASSWORD).await.unwrap();
    assert_eq!(resumed.refusal(&finish).await, ErrorCode::WrongState);
    assert_eq!(resumed.refusal(&start).await, ErrorCode::WrongState);
    // A confirmation is its own socket's.
    confirm(&mut alice.socket, PASSWORD).await.unwrap();
    assert_eq!(resumed.refusal(&start).await, ErrorCode::WrongState);

    // All is as it was: what there is to read is sealed, and the password and the code are the same.
    let seal = resumed.call(&GetRecoverySeal).await.unwrap();
    let mut fresh = app.socket().await;
    let logged_in = log_in(&mut fresh, &alice.person.name, PASSWORD).await;
    let logged_in = logged_in.unwrap();
    assert_eq!((logged_in.secrets, logged_in.state.generation), (0, 1));
    assert_eq!(logged_in.identities.len(), 1);
    assert_eq!(seal.priv_by_recovery, logged_in.vault.priv_by_recovery);
    assert_eq!(seal.state_key, logged_in.vault.state_key);
    let mut fresh = app.socket().await;
    let recovered = begin_recovery(&mut fresh, &alice.person.name, &alice.person.code);
    recovered.await.unwrap();
}

#[tokio::test]
async fn a_new_password_ends_the_other_sessions_and_the_old_one() {
    let mut app = TestApp::full().await;
    let mut laptop = app.with_user("alice").await;
    let mut phone = laptop.log_in(&app).await;
    let name = laptop.person.name.clone();
    let new_code = RecoveryCode::make();

    let confirmed = confirm(&mut laptop.socket, PASSWORD).await.unwrap();
    assert_eq!((confirmed.secrets, confirmed.state.generation), (0, 1));
    let record = begin_replacing(&mut laptop.socket).await.unwrap();
    let request = ReplaceFinish {
        secrets: secrets(record, &[1], &new_code),
        expected: 1,
        keep_sessions: false,
    };
    let written = laptop.socket.call(&request).await.unwrap();
    assert_eq!(written.generation, 2);
    assert_eq!(
        laptop.socket.refusal(&request).await,
        ErrorCode::WrongState,
        "the confirmation is used up"
    );
    assert_eq!(phone.socket.closed().await, close_code::SESSION_ENDED);
    let resume = Resume { token: phone.token };
    let mut fresh = app.socket().await;
    assert_eq!(fresh.refusal(&resume).await, ErrorCode::SessionEnded);

    let refused = log_in(&mut fresh, &name, PASSWORD).await;
    assert_eq!(code(refused), ErrorCode::WrongCredentials);
    let old_code = &laptop.person.code;
    let refused = begin_recovery(&mut fresh, &name, old_code).await;
    assert_eq!(code(refused), ErrorCode::WrongCredentials);
    let logged_in = log_in(&mut fresh, &name, NEW_PASSWORD).await.unwrap();
    assert_eq!(logged_in.vault, request.secrets.vault);
    assert_eq!(logged_in.state.sealed, request.secrets.state);
    assert_eq!((logged_in.state.generation, logged_in.secrets), (2, 1));
    let mut fresh = app.socket().await;
    begin_recovery(&mut fresh, &name, &new_code).await.unwrap();
    // The session that did it goes on.
    let mut fresh = app.socket().await;
    let token = laptop.token.clone();
    let resumed = fresh.call(&Resume { token }).await.unwrap();
    assert_eq!(resumed.secrets, 1);
}

#[tokio::test]
async fn sessions_that_are_kept_hear_of_a_new_password_and_confirm_that_one() {
    let mut app = TestApp::full().await;
    let mut laptop = app.with_user("alice").await;
    let mut phone = laptop.log_in(&app).await;
    confirm(&mut laptop.socket, PASSWORD).await.unwrap();
    replace(&mut laptop.socket, &RecoveryCode::make(), 1, true)
        .await
        .unwrap();
    let told = phone.socket.event().await;
    assert!(
        matches!(told, Event::SecretsReplaced { secrets: 1 }),
        "{told:?}"
    );
    let refused = confirm(&mut phone.socket, PASSWORD).await;
    assert_eq!(code(refused), ErrorCode::WrongCredentials);
    let confirmed = confirm(&mut phone.socket, NEW_PASSWORD).await.unwrap();
    assert_eq!((confirmed.secrets, confirmed.state.generation), (1, 2));
    // And what it wrote under the old state's key follows nothing.
    let late = PutState {
        expected: 1,
        sealed: common::blob(),
    };
    let refused = phone.socket.refusal(&late).await;
    assert_eq!(refused, ErrorCode::StaleGeneration);
}

#[tokio::test]
async fn nothing_that_was_proven_with_the_old_secrets_counts_any_more() {
    let mut app = TestApp::full().await;
    let mut laptop = app.with_user("alice").await;
    let name = laptop.person.name.clone();
    let next = laptop.person.renewed(5);
    let mut replacing = laptop.resume(&app).await.socket;
    confirm(&mut replacing, PASSWORD).await.unwrap();
    let record = begin_replacing(&mut replacing).await.unwrap();
    let mut publishing = laptop.resume(&app).await.socket;
    confirm(&mut publishing, PASSWORD).await.unwrap();
    let mut deleting = laptop.resume(&app).await.socket;
    confirm(&mut deleting, PASSWORD).await.unwrap();
    let mut confirming = laptop.resume(&app).await.socket;
    let (login, ke1) = ClientLogin::start(PASSWORD).unwrap();
    let ke1 = ke1.into();
    let started = confirming.call(&ConfirmStart { ke1 }).await.unwrap();
    let (ke3, _) = login.finish(PASSWORD, &started.ke2).unwrap();
    let confirmation = ConfirmFinish { ke3: ke3.into() };
    let mut logging_in = app.socket().await;
    let login = LoginFinish {
        ke3: begin_login(&mut logging_in, &name, PASSWORD).await.into(),
        browser: String::new(),
        continues: None,
    };
    let mut recovering = app.socket().await;
    let (_, recovery) = begin_recovery(&mut recovering, &name, &laptop.person.code)
        .await
        .unwrap();

    confirm(&mut laptop.socket, PASSWORD).await.unwrap();
    let new_code = RecoveryCode::make();
    replace(&mut laptop.socket, &new_code, 1, true)
        .await
        .unwrap();

    let finish = ReplaceFinish {
        secrets: secrets(record, &[1], &RecoveryCode::make()),
        expected: 2,
        keep_sessions: false,
    };
    assert_eq!(replacing.refusal(&finish).await, ErrorCode::WrongState);
    let publish = publishing.refusal(&next.publish()).await;
    assert_eq!(publish, ErrorCode::WrongState);
    assert_eq!(
        deleting.refusal(&DeleteAccount).await,
        ErrorCode::WrongState
    );
    let refused = confirming.refusal(&confirmation).await;
    assert_eq!(refused, ErrorCode::WrongCredentials);
    let refused = logging_in.refusal(&login).await;
    assert_eq!(refused, ErrorCode::WrongCredentials);
    let finish = RecoverFinish {
        secrets: secrets(recovery, &[1], &RecoveryCode::make()),
        expected: 2,
        browser: String::new(),
    };
    let refused = recovering.refusal(&finish).await;
    assert_eq!(refused, ErrorCode::WrongCredentials);
    // The account is the one that the laptop made of it.
    let mut fresh = app.socket().await;
    begin_recovery(&mut fresh, &name, &new_code).await.unwrap();
}

#[tokio::test]
async fn new_secrets_follow_the_newest_state_and_identity() {
    let mut app = TestApp::full().await;
    let mut laptop = app.with_user("alice").await;
    let mut phone = laptop.log_in(&app).await;
    let code = RecoveryCode::make();
    let put = |expected| PutState {
        expected,
        sealed: common::blob(),
    };
    // The phone was faster with its state.
    confirm(&mut laptop.socket, PASSWORD).await.unwrap();
    let record = begin_replacing(&mut laptop.socket).await.unwrap();
    phone.socket.call(&put(1)).await.unwrap();
    let mut request = ReplaceFinish {
        secrets: secrets(record, &[1], &code),
        expected: 1,
        keep_sessions: true,
    };
    let refused = laptop.socket.refusal(&request).await;
    assert_eq!(refused, ErrorCode::StaleGeneration);
    request.expected = u64::MAX;
    confirm(&mut laptop.socket, PASSWORD).await.unwrap();
    begin_replacing(&mut laptop.socket).await.unwrap();
    let refused = laptop.socket.refusal(&request).await;
    assert_eq!(refused, ErrorCode::StaleGeneration);

    // The phone was faster with a new identity; neither its keys alone nor invented ones will do.
    let second = laptop.person.renewed(5);
    confirm(&mut phone.socket, PASSWORD).await.unwrap();
    phone.socket.call(&second.publish()).await.unwrap();
    for (versions, fits) in [
        (&[1][..], false),
        (&[2], false),
        (&[1, 2, 3], false),
        (&[2, 1], false),
        (&[1, 2], true),
    ] {
        confirm(&mut laptop.socket, PASSWORD).await.unwrap();
        let record = begin_replacing(&mut laptop.socket).await.unwrap();
        let request = ReplaceFinish {
            secrets: secrets(record, versions, &code),
            expected: 2,
            keep_sessions: true,
        };
        let answer = laptop.socket.call(&request).await;
        let code = answer.err().map(|error| error.code);
        let refused = (!fits).then_some(ErrorCode::StaleIdentity);
        assert_eq!(code, refused, "{versions:?}");
    }
    // What the phone had confirmed before is void; with the new password it rotates again.
    confirm(&mut phone.socket, NEW_PASSWORD).await.unwrap();
    let third = second.renewed(6);
    phone.socket.call(&third.publish()).await.unwrap();
    let confirmed = confirm(&mut phone.socket, NEW_PASSWORD).await.unwrap();
    assert_eq!(confirmed.vault.keys.len(), 3);
}

#[tokio::test]
async fn of_everything_written_at_once_exactly_one_comes_first() {
    let app = TestApp::with(|config| {
        config.limits.logins_per_name = Rate::new(1_000, 1_000.0);
    })
    .await;
    for (round, name) in ["alice", "bob", "carol", "dave"].into_iter().enumerate() {
        let person = Person::new(name, 1 + round);
        let next = person.renewed(5).publish();
        let mut laptop = person.register(app.socket().await).await.unwrap();
        let (mut phone, mut tablet) = (laptop.resume(&app).await, laptop.resume(&app).await);
        for user in [&mut laptop, &mut phone] {
            confirm(&mut user.socket, PASSWORD).await.unwrap();
        }
        let record = begin_replacing(&mut laptop.socket).await.unwrap();
        let replace = ReplaceFinish {
            secrets: secrets(record, &[1], &RecoveryCode::make()),
            expected: 1,
            keep_sessions: true,
        };
        let put = PutState {
            expected: 1,
            sealed: common::blob(),
        };
        let (replaced, published, put) = tokio::join!(
            laptop.socket.call(&replace),
            phone.socket.call(&next),
            tablet.socket.call(&put),
        );
        // Whatever the order: no state is lost, and no keys are under a K_priv that is gone.
        let confirmed = match &replaced {
            Ok(_) => {
                assert_eq!(code(put), ErrorCode::StaleGeneration);
                assert_eq!(code(published), ErrorCode::WrongState);
                confirm(&mut tablet.socket, NEW_PASSWORD).await.unwrap()
            }
            Err(error) => {
                let stale = [ErrorCode::StaleGeneration, ErrorCode::StaleIdentity];
                assert!(stale.contains(&error.code), "{error}");
                assert!(put.is_ok() || published.is_ok());
                confirm(&mut tablet.socket, PASSWORD).await.unwrap()
            }
        };
        assert_eq!(confirmed.vault.keys.len(), confirmed.identities.len());
        assert_eq!(confirmed.state.generation, 2);
    }
}

#[tokio::test]
async fn the_recovery_code_replaces_a_lost_password_once() {
    let mut app = TestApp::full().await;
    let mut alice = app.with_user("alice").await;
    let name = alice.person.name.clone();
    let new_code = RecoveryCode::make();
    let mut fresh = app.socket().await;
    let (started, record) = begin_recovery(&mut fresh, &name, &alice.person.code)
        .await
        .unwrap();
    assert_eq!(started.user, alice.id());
    assert_eq!(
        started.identities,
        [Bytes::from(alice.person.signed.bytes())]
    );
    assert_eq!((started.state.generation, started.secrets), (1, 0));
    let seal = alice.socket.call(&GetRecoverySeal).await.unwrap();
    assert_eq!(started.vault.priv_by_recovery, seal.priv_by_recovery);
    // Nobody is signed in by that yet.
    assert_eq!(fresh.refusal(&GetState).await, ErrorCode::NotSignedIn);
    let request = RecoverFinish {
        secrets: secrets(record, &[1], &new_code),
        expected: 1,
        browser: "Firefox".into(),
    };
    let signed_in = fresh.call(&request).await.unwrap();
    assert_eq!(signed_in.user, alice.id());
    assert_eq!(alice.socket.closed().await, close_code::SESSION_ENDED);
    let sessions = fresh.call(&ListSessions).await.unwrap().sessions;
    assert_eq!(sessions.len(), 1);
    assert_eq!(sessions[0].id, signed_in.session);
    let state = fresh.call(&GetState).await.unwrap();
    assert_eq!(
        (state.generation, state.sealed),
        (2, request.secrets.state.clone())
    );

    let mut other = app.socket().await;
    let refused = recover(&mut other, &name, &alice.person.code, &new_code).await;
    assert_eq!(code(refused), ErrorCode::WrongCredentials);
    let refused = log_in(&mut other, &name, PASSWORD).await;
    assert_eq!(code(refused), ErrorCode::WrongCredentials);
    log_in(&mut other, &name, NEW_PASSWORD).await.unwrap();
    let mut third = app.socket().await;
    let last = RecoveryCode::make();
    recover(&mut third, &name, &new_code, &last).await.unwrap();
}

#[tokio::test]
async fn a_wrong_recovery_code_and_an_unknown_name_get_the_same_answer() {
    let mut app = TestApp::with(|config| {
        config.limits.logins_per_name = Rate::new(3, 0.001);
    })
    .await;
    let alice = app.with_user("alice").await;
    let nobody = UserName::parse("nobody").unwrap();
    let mut fresh = app.socket().await;
    let (_, request) = ClientRegistration::start(NEW_PASSWORD).unwrap();
    let mut answers = Vec::new();
    for name in [&alice.person.name, &nobody] {
        let request = RecoverStart {
            name: name.clone(),
            auth: vec![7; 32].into(),
            request: request.clone().into(),
        };
        for _ in 0..3 {
            answers.push(fresh.call(&request).await.unwrap_err());
        }
        let fourth = fresh.call(&request).await.unwrap_err();
        assert_eq!(fourth.code, ErrorCode::TooMany);
        assert!(fourth.retry_after_ms.is_some());
    }
    assert_eq!(answers[0].code, ErrorCode::WrongCredentials);
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    // These buckets are their own: the password is taken still, and says what was tried.
    let logged_in = log_in(&mut fresh, &alice.person.name, PASSWORD)
        .await
        .unwrap();
    assert_eq!(logged_in.failed.map(|failed| failed.count), Some(3));

    let short = RecoverStart {
        name: nobody,
        auth: vec![7; 31].into(),
        request: request.into(),
    };
    let mut fresh = app.socket().await;
    assert_eq!(fresh.refusal(&short).await, ErrorCode::Malformed);
}

#[tokio::test]
async fn recovery_steps_out_of_order_are_refused() {
    let mut app = TestApp::full().await;
    let mut alice = app.with_user("alice").await;
    let name = alice.person.name.clone();
    let mut fresh = app.socket().await;
    let (_, record) = begin_recovery(&mut fresh, &name, &alice.person.code)
        .await
        .unwrap();
    let finish = RecoverFinish {
        secrets: secrets(record, &[1], &RecoveryCode::make()),
        expected: 1,
        browser: String::new(),
    };
    assert_eq!(
        app.socket().await.refusal(&finish).await,
        ErrorCode::WrongState
    );
    assert_eq!(alice.socket.refusal(&finish).await, ErrorCode::WrongState);
    let refused = begin_recovery(&mut alice.socket, &name, &alice.person.code).await;
    assert_eq!(code(refused), ErrorCode::WrongState);
    // A step that fails is used up, whatever was wrong with it.
    let stale = RecoverFinish {
        expected: 7,
        ..finish.clone()
    };
    let refused = fresh.refusal(&stale).await;
    assert_eq!(refused, ErrorCode::StaleGeneration);
    assert_eq!(fresh.refusal(&finish).await, ErrorCode::WrongState);
}

#[tokio::test]
async fn bad_secrets_are_refused_whole() {
    let mut app = TestApp::with(|config| {
        config.limits.logins_per_name = Rate::new(1_000, 1_000.0);
    })
    .await;
    let mut alice = app.with_user("alice").await;
    type Change = fn(&mut ReplaceFinish);
    let cases: [(Change, ErrorCode); 6] = [
        (
            |r| r.secrets.record = vec![1; 10].into(),
            ErrorCode::Malformed,
        ),
        (
            |r| r.secrets.vault.priv_by_recovery = Bytes::default(),
            ErrorCode::Malformed,
        ),
        (
            |r| r.secrets.vault.keys[0].encryption = vec![1; 9_000].into(),
            ErrorCode::TooLarge,
        ),
        (
            |r| r.secrets.state = vec![1; MAX_STATE + 1].into(),
            ErrorCode::TooLarge,
        ),
        (
            |r| r.secrets.recovery_verifier = vec![1; 31].into(),
            ErrorCode::Malformed,
        ),
        (|r| r.secrets.vault.keys.clear(), ErrorCode::StaleIdentity),
    ];
    for (number, (change, refused)) in cases.into_iter().enumerate() {
        confirm(&mut alice.socket, PASSWORD).await.unwrap();
        let record = begin_replacing(&mut alice.socket).await.unwrap();
        let mut request = ReplaceFinish {
            secrets: secrets(record, &[1], &RecoveryCode::make()),
            expected: 1,
            keep_sessions: false,
        };
        change(&mut request);
        let answer = alice.socket.refusal(&request).await;
        assert_eq!(answer, refused, "case {number}");
    }
    let mut fresh = app.socket().await;
    let logged_in = log_in(&mut fresh, &alice.person.name, PASSWORD).await;
    assert_eq!(logged_in.unwrap().secrets, 0);
}

#[test]
fn a_recovery_request_does_not_show_its_proof() {
    let request = RecoverStart {
        name: UserName::parse("alice").unwrap(),
        auth: vec![171; 32].into(),
        request: Bytes::default(),
    };
    assert!(!codec::encode(&request).is_empty());
    let shown = format!("{request:?}");
    assert!(!shown.contains("171") && !shown.contains("abab"), "{shown}");
}
