//! Registration, log-in, sessions, the synced state and the directory, over a real socket.

mod common;

use common::{PASSWORD, Person, TestApp, begin_registration, log_in};
use secure_chat::Rate;
use secure_chat_shared::codec::Bytes;
use secure_chat_shared::crypto::opaque::{ClientLogin, ClientRegistration};
use secure_chat_shared::ids::{SessionId, UserId, UserName};
use secure_chat_shared::protocol::*;

#[tokio::test]
async fn somebody_registers_signs_in_again_and_resumes() {
    let mut app = TestApp::full().await;
    let alice = app.with_user("alice").await;

    let mut socket = app.socket().await;
    let logged_in = log_in(&mut socket, &alice.person.name, PASSWORD)
        .await
        .unwrap();
    assert_eq!(logged_in.signed_in.user, alice.id());
    assert_ne!(logged_in.signed_in.session, alice.session);
    assert_ne!(logged_in.signed_in.token, alice.token);
    assert_eq!(
        logged_in.identities,
        [Bytes::from(alice.person.signed.bytes())]
    );
    assert_eq!(logged_in.state.generation, 1);
    assert_eq!(logged_in.vault.keys.len(), 1);

    app.stop().await;
    app.start().await;
    let mut resumed = alice.resume(&app).await;
    let sessions = resumed.socket.call(&ListSessions).await.unwrap().sessions;
    assert_eq!(sessions.len(), 2);
    assert!(
        sessions
            .iter()
            .all(|session| session.this == (session.id == alice.session))
    );
    let again = log_in(&mut app.socket().await, &alice.person.name, PASSWORD)
        .await
        .unwrap();
    assert_eq!(again.vault, logged_in.vault, "the restart keeps everything");
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_name_get_the_same_answers() {
    let mut app = TestApp::full().await;
    let alice = app.with_user("alice").await;
    let nobody = UserName::parse("nobody").unwrap();
    let mut answers = Vec::new();
    for (name, password) in [(&alice.person.name, "wrong-kestrel"), (&nobody, PASSWORD)] {
        let mut socket = app.socket().await;
        let (_, ke1) = ClientLogin::start(password).unwrap();
        let started = socket
            .call(&LoginStart {
                name: name.clone(),
                ke1: ke1.into(),
            })
            .await
            .unwrap();
        let finish = LoginFinish {
            ke3: vec![7; 64].into(),
            browser: String::new(),
            continues: None,
        };
        let error = socket.call(&finish).await.unwrap_err();
        answers.push((started.ke2.len(), error));
        // And the server goes on with this socket.
        assert!(
            log_in(&mut socket, &alice.person.name, PASSWORD)
                .await
                .is_ok()
        );
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0].1.code, ErrorCode::WrongCredentials);
}

#[tokio::test]
async fn names_are_taken_once_and_so_are_those_that_look_alike() {
    let mut app = TestApp::full().await;
    app.with_user("bob").await;
    for (name, code) in [
        ("bob", ErrorCode::NameTaken),
        ("b0b", ErrorCode::NameTaken),
        ("b\u{43e}b", ErrorCode::NameRefused),
    ] {
        let person = Person::new(name, 3);
        let refused = person.register(app.socket().await).await;
        assert_eq!(refused.err().map(|error| error.code), Some(code), "{name}");
    }
}

#[tokio::test]
async fn of_two_who_register_one_name_at_once_one_gets_it() {
    let app = TestApp::full().await;
    let (one, other) = (Person::new("alice", 1), Person::new("alice", 2));
    let (mut first, mut second) = (app.socket().await, app.socket().await);
    let record = begin_registration(&mut first, &one.name).await.unwrap();
    let late = begin_registration(&mut second, &other.name).await.unwrap();
    let finish = |record, person: &Person| RegisterFinish {
        record,
        account: person.account(),
        browser: "Test".into(),
    };
    first.call(&finish(record, &one)).await.unwrap();
    assert_eq!(
        second.refusal(&finish(late, &other)).await,
        ErrorCode::NameTaken
    );
}

#[tokio::test]
async fn a_bad_account_is_refused_whole() {
    let app = TestApp::full().await;
    let alice = Person::new("alice", 1);
    let mallory = Person::new("mallory", 2);
    type Change = Box<dyn Fn(&mut RegisterFinish)>;
    let cases: Vec<(Change, ErrorCode)> = vec![
        (
            Box::new(|r| r.record = vec![1; 10].into()),
            ErrorCode::Malformed,
        ),
        (
            Box::new(|r| r.account.identity = vec![1; 10].into()),
            ErrorCode::InvalidIdentity,
        ),
        (
            Box::new(move |r| r.account.identity = mallory.signed.bytes().into()),
            ErrorCode::InvalidIdentity,
        ),
        (
            Box::new(|r| *r.account.identity.0.last_mut().unwrap() ^= 1),
            ErrorCode::InvalidIdentity,
        ),
        (
            Box::new(|r| r.account.vault.keys.clear()),
            ErrorCode::Malformed,
        ),
        (
            Box::new(|r| r.account.vault.keys[0].version = 2),
            ErrorCode::Malformed,
        ),
        (
            Box::new(|r| r.account.vault.state_key = Bytes::default()),
            ErrorCode::Malformed,
        ),
        (
            Box::new(|r| r.account.vault.state_key = vec![1; 9_000].into()),
            ErrorCode::TooLarge,
        ),
        (
            Box::new(|r| r.account.recovery_verifier = vec![1; 31].into()),
            ErrorCode::Malformed,
        ),
    ];
    let mut socket = app.socket().await;
    for (number, (change, code)) in cases.into_iter().enumerate() {
        let record = begin_registration(&mut socket, &alice.name).await.unwrap();
        let mut request = RegisterFinish {
            record,
            account: alice.account(),
            browser: "Test".into(),
        };
        change(&mut request);
        assert_eq!(socket.refusal(&request).await, code, "case {number}");
        // The step is used up, whatever came of it.
        assert_eq!(socket.refusal(&request).await, ErrorCode::WrongState);
    }
    alice.register(socket).await.unwrap();
}

#[tokio::test]
async fn steps_out_of_order_are_refused() {
    let mut app = TestApp::full().await;
    let mut alice = app.with_user("alice").await;
    let name = alice.person.name.clone();
    let (_, ke1) = ClientLogin::start(PASSWORD).unwrap();
    let (_, registration) = ClientRegistration::start(PASSWORD).unwrap();
    let login_start = LoginStart {
        name: name.clone(),
        ke1: ke1.into(),
    };
    let register_start = RegisterStart {
        name,
        request: registration.into(),
        code: None,
    };
    let login_finish = LoginFinish {
        ke3: vec![7; 64].into(),
        browser: String::new(),
        continues: None,
    };
    let resume = Resume {
        token: alice.token.clone(),
    };

    let mut fresh = app.socket().await;
    assert_eq!(fresh.refusal(&login_finish).await, ErrorCode::WrongState);
    let garbage = LoginStart {
        ke1: vec![1; 5].into(),
        ..login_start.clone()
    };
    assert_eq!(fresh.refusal(&garbage).await, ErrorCode::Malformed);
    let garbage = Resume {
        token: vec![1; 5].into(),
    };
    assert_eq!(fresh.refusal(&garbage).await, ErrorCode::Malformed);
    let unknown = Resume {
        token: vec![1; 32].into(),
    };
    assert_eq!(fresh.refusal(&unknown).await, ErrorCode::SessionEnded);

    assert_eq!(
        alice.socket.refusal(&login_start).await,
        ErrorCode::WrongState
    );
    assert_eq!(
        alice.socket.refusal(&register_start).await,
        ErrorCode::WrongState
    );
    // The socket's own session may be resumed again; another may not.
    alice.socket.call(&resume).await.unwrap();
    let mut other = alice.log_in(&app).await;
    assert_eq!(other.socket.refusal(&resume).await, ErrorCode::WrongState);
    fresh.call(&resume).await.unwrap();
}

#[tokio::test]
async fn everything_else_asks_for_signing_in() {
    let app = TestApp::full().await;
    let mut socket = app.socket().await;
    macro_rules! refused {
        ($($request:expr),* $(,)?) => {
            $(assert_eq!(socket.refusal(&$request).await, ErrorCode::NotSignedIn);)*
        };
    }
    let conversation = secure_chat_shared::ids::ConversationId([1; 32]);
    let entry = Bytes::from(vec![1]);
    refused![
        SignOut,
        ListSessions,
        RevokeSession {
            session: SessionId([1; 16])
        },
        PutState {
            expected: 1,
            sealed: entry.clone()
        },
        GetState,
        ConfirmStart { ke1: entry.clone() },
        ConfirmFinish { ke3: entry.clone() },
        Person::new("nobody", 3).renewed(4).publish(),
        ReplaceStart {
            request: entry.clone()
        },
        RevokeOthers,
        DeleteAccount,
        GetRecoverySeal,
        AcknowledgeFailed,
        Lookup {
            name: UserName::parse("alice").unwrap()
        },
        LookupUsers { users: Vec::new() },
        LookupNames { names: Vec::new() },
        CreateConversation {
            create: entry.clone(),
            invite: entry.clone(),
            wraps: Vec::new()
        },
        Append {
            conversation,
            entry,
            wraps: Vec::new()
        },
        ListConversations,
        GetAnchor {
            conversation,
            after: None,
            size: None
        },
        GetEntries {
            conversation,
            from: 0,
            limit: 1
        },
        GetWrap {
            conversation,
            epoch: secure_chat_shared::ids::Epoch::FIRST
        },
        GetManagedKey,
        Reupload {
            conversation,
            from: 0,
            entries: Vec::new()
        },
        GetPresence,
    ];
}

#[tokio::test]
async fn a_revoked_session_is_told_and_closed_and_cannot_resume() {
    let mut app = TestApp::full().await;
    let mut laptop = app.with_user("alice").await;
    let mut phone = laptop.log_in(&app).await;
    let unknown = RevokeSession {
        session: SessionId([1; 16]),
    };
    assert_eq!(laptop.socket.refusal(&unknown).await, ErrorCode::NotFound);
    let mut bob = app.with_user("bob").await;
    let foreign = RevokeSession {
        session: phone.session,
    };
    assert_eq!(bob.socket.refusal(&foreign).await, ErrorCode::NotFound);

    laptop
        .socket
        .call(&RevokeSession {
            session: phone.session,
        })
        .await
        .unwrap();
    assert_eq!(phone.socket.closed().await, close_code::SESSION_ENDED);
    assert!(matches!(phone.socket.event().await, Event::SessionEnded));
    let resume = Resume { token: phone.token };
    assert_eq!(
        app.socket().await.refusal(&resume).await,
        ErrorCode::SessionEnded
    );
    assert_eq!(
        laptop
            .socket
            .call(&ListSessions)
            .await
            .unwrap()
            .sessions
            .len(),
        1
    );
}

#[tokio::test]
async fn signing_out_ends_the_session_and_leaves_the_socket() {
    let mut app = TestApp::full().await;
    let mut alice = app.with_user("alice").await;
    let mut tab = alice.resume(&app).await;
    alice.socket.call(&SignOut).await.unwrap();
    assert_eq!(tab.socket.closed().await, close_code::SESSION_ENDED);
    assert_eq!(
        alice.socket.refusal(&ListSessions).await,
        ErrorCode::NotSignedIn
    );
    let resume = Resume { token: alice.token };
    assert_eq!(alice.socket.refusal(&resume).await, ErrorCode::SessionEnded);
    log_in(&mut alice.socket, &alice.person.name, PASSWORD)
        .await
        .unwrap();
}

#[tokio::test]
async fn the_synced_state_is_swapped_by_generation() {
    let mut app = TestApp::full().await;
    let mut laptop = app.with_user("alice").await;
    let mut phone = laptop.log_in(&app).await;
    let put = |expected, byte: u8| PutState {
        expected,
        sealed: vec![byte; 10].into(),
    };
    assert_eq!(laptop.socket.call(&put(1, 1)).await.unwrap().generation, 2);
    assert_eq!(
        phone.socket.refusal(&put(1, 2)).await,
        ErrorCode::StaleGeneration
    );
    assert_eq!(
        phone.socket.refusal(&put(u64::MAX, 2)).await,
        ErrorCode::StaleGeneration
    );
    let state = phone.socket.call(&GetState).await.unwrap();
    assert_eq!((state.generation, state.sealed), (2, vec![1; 10].into()));
    let large = PutState {
        expected: 2,
        sealed: vec![1; MAX_STATE + 1].into(),
    };
    assert_eq!(phone.socket.refusal(&large).await, ErrorCode::TooLarge);
    let largest = PutState {
        expected: 2,
        sealed: vec![1; MAX_STATE].into(),
    };
    assert_eq!(phone.socket.call(&largest).await.unwrap().generation, 3);
}

#[tokio::test]
async fn the_directory_knows_who_has_registered() {
    let mut app = TestApp::full().await;
    let mut alice = app.with_user("alice").await;
    let bob = app.with_user("bob").await;
    let found = alice
        .socket
        .call(&Lookup {
            name: bob.person.name.clone(),
        })
        .await
        .unwrap();
    assert_eq!(found.user, bob.id());
    assert_eq!(found.identities, [Bytes::from(bob.person.signed.bytes())]);
    assert_eq!(found.presence, None, "they share nothing");
    let nobody = Lookup {
        name: UserName::parse("nobody").unwrap(),
    };
    assert_eq!(alice.socket.refusal(&nobody).await, ErrorCode::NotFound);

    let users = vec![alice.id(), bob.id(), UserId([9; 16])];
    let people = alice
        .socket
        .call(&LookupUsers { users })
        .await
        .unwrap()
        .people;
    assert_eq!(people.len(), 2);
    let many = LookupUsers {
        users: vec![UserId([9; 16]); MAX_READERS + 1],
    };
    assert_eq!(alice.socket.refusal(&many).await, ErrorCode::TooLarge);
}

#[tokio::test]
async fn attempts_are_counted() {
    let mut app = TestApp::with(|config| {
        config.limits.logins_per_name = Rate::new(2, 0.1);
        config.limits.registrations_per_address = Rate::new(1, 0.1);
    })
    .await;
    let alice = app.with_user("alice").await;
    let mut socket = app.socket().await;
    for _ in 0..2 {
        let error = log_in(&mut socket, &alice.person.name, "wrong-kestrel")
            .await
            .unwrap_err();
        assert_eq!(error.code, ErrorCode::WrongCredentials);
    }
    for name in ["alice", "nobody", "nobody", "nobody"] {
        let name = UserName::parse(name).unwrap();
        let Err(error) = log_in(&mut socket, &name, PASSWORD).await else {
            panic!("signed in")
        };
        if error.code == ErrorCode::TooMany {
            assert!(
                error
                    .retry_after_ms
                    .is_some_and(|wait| (1..=10_000).contains(&wait))
            );
        } else {
            assert_eq!(
                (name.as_str(), error.code),
                ("nobody", ErrorCode::WrongCredentials)
            );
        }
    }
    let refused = Person::new("bob", 2).register(app.socket().await).await;
    assert_eq!(
        refused.err().map(|error| error.code),
        Some(ErrorCode::TooMany)
    );
}

#[tokio::test]
async fn registration_can_be_closed() {
    let app = TestApp::with(|config| config.registration = Registration::Closed).await;
    let refused = Person::new("alice", 1).register(app.socket().await).await;
    assert_eq!(
        refused.err().map(|error| error.code),
        Some(ErrorCode::RegistrationClosed)
    );
}
