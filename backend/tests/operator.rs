//! The operator's commands, run as a process of its own beside a running server.

#![allow(clippy::unwrap_used, clippy::panic)] // in helpers too

mod common;

use common::operator::{fails, runs};
use common::secrets::begin_recovery;
use common::{PASSWORD, Person, Socket, TestApp, begin_registration, log_in};
use secure_chat_shared::crypto::opaque::ClientRegistration;
use secure_chat_shared::protocol::*;

/// Registers with a code.
async fn register_with(
    mut socket: Socket,
    person: &Person,
    code: Option<&str>,
) -> Result<SignedIn, RequestError> {
    let (registration, request) = ClientRegistration::start(PASSWORD).unwrap();
    let start = RegisterStart {
        name: person.name.clone(),
        request: request.into(),
        code: code.map(Into::into),
    };
    let started = socket.call(&start).await?;
    let (record, _) = registration.finish(PASSWORD, &started.response).unwrap();
    let finish = RegisterFinish {
        record: record.into(),
        account: person.account(),
        browser: "Test".into(),
    };
    socket.call(&finish).await
}

fn code<T>(result: Result<T, RequestError>) -> Option<ErrorCode> {
    result.err().map(|error| error.code)
}

#[tokio::test]
async fn a_disabled_account_is_signed_out_within_seconds_and_stays_out() {
    let mut app = TestApp::full().await;
    let mut alice = app.with_user("alice").await;
    let mut bob = app.with_user("bob").await;
    let name = alice.person.name.clone();
    let data = app.data().to_owned();
    let text = runs(&data, &["user", "disable", " Alice "]).await;
    assert!(text.contains("sessions ended: 1"), "{text}");
    // The server hears of it by itself.
    assert_eq!(alice.socket.closed().await, close_code::SESSION_ENDED);
    assert!(matches!(alice.socket.event().await, Event::SessionEnded));
    let resume = Resume {
        token: alice.token.clone(),
    };
    let mut fresh = app.socket().await;
    assert_eq!(fresh.refusal(&resume).await, ErrorCode::SessionEnded);
    // Only the right password learns why.
    let refused = log_in(&mut fresh, &name, PASSWORD).await;
    assert_eq!(code(refused), Some(ErrorCode::AccountDisabled));
    let refused = log_in(&mut fresh, &name, "wrong-kestrel").await;
    assert_eq!(code(refused), Some(ErrorCode::WrongCredentials));
    let refused = begin_recovery(&mut fresh, &name, &alice.person.code).await;
    assert_eq!(code(refused), Some(ErrorCode::AccountDisabled));
    bob.socket.call(&GetState).await.unwrap();

    let list = runs(&data, &["user", "list"]).await;
    let lines: Vec<&str> = list.lines().collect();
    assert_eq!(lines.len(), 3);
    assert!(lines[1].starts_with("alice") && lines[1].ends_with("0  disabled"));
    assert!(lines[2].starts_with("bob") && lines[2].ends_with(" 1"));

    runs(&data, &["user", "enable", "alice"]).await;
    let logged_in = log_in(&mut fresh, &name, PASSWORD).await.unwrap();
    assert_eq!(logged_in.state.generation, 1, "nothing was lost");
    let error = fails(&data, &["user", "disable", "nobody"]).await;
    assert!(error.contains("nobody has the name nobody"), "{error}");
    let error = fails(&data, &["user", "disable", "no/body"]).await;
    assert!(error.contains("is no user name"), "{error}");
}

#[tokio::test]
async fn an_account_is_deleted_and_its_name_released_only_if_asked() {
    let mut app = TestApp::full().await;
    let mut alice = app.with_user("alice").await;
    let data = app.data().to_owned();
    let text = runs(&data, &["user", "delete", "alice"]).await;
    assert!(text.contains("stays taken"), "{text}");
    assert_eq!(alice.socket.closed().await, close_code::SESSION_ENDED);
    let mut fresh = app.socket().await;
    let refused = log_in(&mut fresh, &alice.person.name, PASSWORD).await;
    assert_eq!(code(refused), Some(ErrorCode::WrongCredentials));
    let other = Person::new("alice", 2);
    let refused = begin_registration(&mut fresh, &other.name).await;
    assert_eq!(code(refused), Some(ErrorCode::NameTaken));
    fails(&data, &["user", "delete", "alice"]).await;

    let text = runs(&data, &["user", "delete", "alice", "--release-name"]).await;
    assert!(text.contains("may be taken"), "{text}");
    other.register(app.socket().await).await.unwrap();
    // The id never is.
    let again = Person::of(alice.id(), "carol", 3);
    let refused = again.register(app.socket().await).await;
    assert_eq!(code(refused), Some(ErrorCode::NameTaken));
}

#[tokio::test]
async fn a_code_lets_as_many_register_as_it_says() {
    let mut app = TestApp::with(|config| config.registration = Registration::ByCode).await;
    let info = app.socket().await.call(&GetServerInfo).await.unwrap();
    assert_eq!(info.registration, Registration::ByCode);
    let data = app.data().to_owned();
    let text = runs(&data, &["invite-code", "--uses", "2"]).await;
    let invitation = text.trim();
    let [alice, bob, carol, dave] =
        [("alice", 1), ("bob", 2), ("carol", 3), ("dave", 4)].map(|(name, n)| Person::new(name, n));
    for (given, refused) in [
        (None, ErrorCode::CodeNeeded),
        (Some("0000-0000-0000-0000"), ErrorCode::CodeWrong),
        (Some(""), ErrorCode::CodeWrong),
    ] {
        let answer = register_with(app.socket().await, &alice, given).await;
        assert_eq!(code(answer), Some(refused), "{given:?}");
    }
    let typed = invitation.to_lowercase().replace('-', " ");
    register_with(app.socket().await, &alice, Some(&typed))
        .await
        .unwrap();
    // A registration that fails uses nothing up.
    let refused = register_with(app.socket().await, &alice, Some(invitation)).await;
    assert_eq!(code(refused), Some(ErrorCode::NameTaken));
    // Of two who hold the last use at once, one gets it.
    let (one, other) = tokio::join!(
        register_with(app.socket().await, &bob, Some(invitation)),
        register_with(app.socket().await, &carol, Some(invitation)),
    );
    let late = [code(one), code(other)];
    assert!(
        late == [None, Some(ErrorCode::CodeWrong)] || late == [Some(ErrorCode::CodeWrong), None],
        "{late:?}"
    );
    // A code is kept over a restart, and not as it is.
    let text = runs(&data, &["invite-code", "--days", "1"]).await;
    app.stop().await;
    let kept = std::fs::read(data.join("secure-chat.db")).unwrap();
    let holds = |text: &str| kept.windows(text.len()).any(|w| w == text.as_bytes());
    assert!(!holds(text.trim()) && !holds(&text.trim().replace('-', "")));
    app.start().await;
    register_with(app.socket().await, &dave, Some(text.trim()))
        .await
        .unwrap();
    fails(&data, &["invite-code", "--uses", "0"]).await;
}

#[tokio::test]
async fn an_open_server_says_so_and_wants_no_code() {
    let app = TestApp::full().await;
    let info = app.socket().await.call(&GetServerInfo).await.unwrap();
    assert_eq!(info.registration, Registration::Open);
    let alice = Person::new("alice", 1);
    register_with(app.socket().await, &alice, Some("anything"))
        .await
        .unwrap();
}

#[tokio::test]
async fn commands_say_where_there_is_nothing() {
    let empty = tempfile::tempdir().unwrap();
    for command in [&["user", "list"][..], &["invite-code"], &["backup", "/x"]] {
        let error = fails(empty.path(), command).await;
        assert!(error.contains("there is no database in"), "{error}");
    }
    assert_eq!(std::fs::read_dir(empty.path()).unwrap().count(), 0);
}
