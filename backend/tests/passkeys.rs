//! Passkeys over a real socket: a second factor after the password, and a way to unlock.

#![allow(clippy::unwrap_used)] // in the helpers as in the tests themselves

mod common;

use common::passkey::SoftPasskey;
use common::socket::request;
use common::{PASSWORD, Socket, TestApp, User, confirm, log_in};
use secure_chat_shared::codec::Bytes;
use secure_chat_shared::crypto::opaque::ClientLogin;
use secure_chat_shared::ids::{SessionId, UserName};
use secure_chat_shared::protocol::*;

/// What somebody answers to the server's options, given the true passkey.
type Answer = Box<dyn FnOnce(&mut SoftPasskey, &str) -> String>;

const ORIGIN: &str = "https://chat.example.org";

#[tokio::test]
async fn the_password_alone_signs_no_new_browser_in() {
    let (app, mut alice, mut passkey) = with_passkey(None).await;
    let name = alice.person.name.clone();
    let mut socket = from_page(&app, ORIGIN).await;
    let error = log_in(&mut socket, &name, PASSWORD).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::SecondFactorNeeded);
    assert_eq!(socket.refusal(&ListSessions).await, ErrorCode::NotSignedIn);
    let sessions = alice.socket.call(&ListSessions).await.unwrap().sessions;
    assert_eq!(sessions.len(), 1, "no session has begun");

    let options = socket.call(&FactorStart).await.unwrap().options;
    let response = passkey.answer(&options);
    let logged_in = socket.call(&FactorFinish { response }).await.unwrap();
    assert_eq!(logged_in.signed_in.user, alice.id());
    let sessions = socket.call(&ListSessions).await.unwrap().sessions;
    assert_eq!(sessions.len(), 2);

    let wrong = log_in(&mut from_page(&app, ORIGIN).await, &name, "wrong-kestrel").await;
    let code = wrong.unwrap_err().code;
    assert_eq!(
        code,
        ErrorCode::WrongCredentials,
        "the password comes first"
    );
}

#[tokio::test]
async fn an_answer_that_is_not_the_passkeys_is_refused() {
    let (app, alice, mut passkey) = with_passkey(None).await;
    let name = alice.person.name.clone();

    let mut elsewhere = from_page(&app, ORIGIN).await;
    let other = asked(&mut elsewhere, &name).await;
    let another_challenge = passkey.answer(&other);
    let cases: [(&str, Answer); 5] = [
        ("another challenge", Box::new(|_, _| another_challenge)),
        (
            "another key under the same id",
            Box::new(|passkey, options| passkey.forged().answer(options)),
        ),
        (
            "another passkey",
            Box::new(|_, options| SoftPasskey::new(ORIGIN).answer(options)),
        ),
        (
            "an owner who was not verified",
            Box::new(|passkey, options| {
                passkey.verifies = false;
                let response = passkey.answer(options);
                passkey.verifies = true;
                response
            }),
        ),
        (
            "a page of another host",
            Box::new(|passkey, options| {
                passkey.origin = "https://chat.example.net".into();
                let response = passkey.answer(options);
                passkey.origin = ORIGIN.into();
                response
            }),
        ),
    ];
    for (what, answer) in cases {
        let mut socket = from_page(&app, ORIGIN).await;
        let options = asked(&mut socket, &name).await;
        let response = answer(&mut passkey, &options);
        let code = socket.refusal(&FactorFinish { response }).await;
        assert_eq!(code, ErrorCode::PasskeyRefused, "{what}");
        let right = passkey.answer(&options);
        let again = FactorFinish { response: right };
        let code = socket.refusal(&again).await;
        assert_eq!(code, ErrorCode::WrongState, "{what}: one answer is all");
        assert_eq!(socket.refusal(&ListSessions).await, ErrorCode::NotSignedIn);
    }

    let mut socket = from_page(&app, ORIGIN).await;
    let options = asked(&mut socket, &name).await;
    let response = passkey.answer(&options);
    socket.call(&FactorFinish { response }).await.unwrap();
}

#[tokio::test]
async fn a_token_alone_adds_and_removes_none() {
    let (app, alice, _) = with_passkey(None).await;
    let mut socket = from_page(&app, ORIGIN).await;
    let token = alice.token.clone();
    socket.call(&Resume { token }).await.unwrap();
    let passkeys = socket.call(&ListPasskeys).await.unwrap().passkeys;
    let id = passkeys[0].id.clone();
    assert_eq!(socket.refusal(&PasskeyStart).await, ErrorCode::WrongState);
    let finish = PasskeyFinish {
        response: "{}".into(),
        name: String::new(),
        priv_by_passkey: None,
    };
    assert_eq!(socket.refusal(&finish).await, ErrorCode::WrongState);
    let remove = RemovePasskey { id };
    assert_eq!(socket.refusal(&remove).await, ErrorCode::WrongState);

    confirm(&mut socket, PASSWORD).await.unwrap();
    socket.call(&remove).await.unwrap();
    let name = &alice.person.name;
    log_in(&mut app.socket().await, name, PASSWORD)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_browser_that_was_locked_is_unlocked_without_the_password() {
    let sealed = Bytes(vec![7; 61]);
    let (app, alice, mut passkey) = with_passkey(Some(sealed.clone())).await;
    let session = alice.session;
    let mut socket = from_page(&app, ORIGIN).await;
    let unknown = UnlockStart {
        session: SessionId([9; 16]),
    };
    assert_eq!(socket.refusal(&unknown).await, ErrorCode::NotFound);
    let options = socket.call(&UnlockStart { session }).await.unwrap().options;
    let finish = FactorFinish {
        response: passkey.answer(&options),
    };
    let code = socket.refusal(&finish).await;
    assert_eq!(code, ErrorCode::WrongState, "no password came before");
    let finish = UnlockFinish {
        response: passkey.answer(&options),
        browser: "Test".into(),
    };
    let unlocked = socket.call(&finish).await.unwrap();
    assert_eq!(unlocked.priv_by_passkey, sealed);
    assert_eq!(unlocked.logged_in.signed_in.session, session);
    assert_ne!(unlocked.logged_in.signed_in.token, alice.token);
    let old = Resume {
        token: alice.token.clone(),
    };
    let code = app.socket().await.refusal(&old).await;
    assert_eq!(code, ErrorCode::SessionEnded, "the old token is no use");

    // A session that has ended is unlocked no more.
    socket.call(&SignOut).await.unwrap();
    let mut socket = from_page(&app, ORIGIN).await;
    let code = socket.refusal(&UnlockStart { session }).await;
    assert_eq!(code, ErrorCode::NotFound);
}

#[tokio::test]
async fn a_passkey_without_prf_unlocks_nothing() {
    let (app, alice, _) = with_passkey(None).await;
    let mut socket = from_page(&app, ORIGIN).await;
    let session = alice.session;
    let code = socket.refusal(&UnlockStart { session }).await;
    assert_eq!(code, ErrorCode::NotFound);
}

#[tokio::test]
async fn a_browser_that_is_only_locked_needs_its_password_alone() {
    let (app, alice, _) = with_passkey(None).await;
    let mut socket = app.socket().await;
    let (login, ke1) = ClientLogin::start(PASSWORD).unwrap();
    let start = LoginStart {
        name: alice.person.name.clone(),
        ke1: ke1.into(),
    };
    let started = socket.call(&start).await.unwrap();
    let (ke3, _) = login.finish(PASSWORD, &started.ke2).unwrap();
    let finish = LoginFinish {
        ke3: ke3.into(),
        browser: "Test".into(),
        continues: Some(alice.session),
    };
    let logged_in = socket.call(&finish).await.unwrap();
    assert_eq!(logged_in.signed_in.session, alice.session);
}

#[tokio::test]
async fn passkeys_need_a_page_of_a_host_with_a_name() {
    let mut app = TestApp::full().await;
    let alice = app.with_user("alice").await;
    let own = format!("http://{}", app.address);
    for origin in [None, Some(own.as_str())] {
        let mut socket = match origin {
            None => app.socket().await,
            Some(origin) => from_page(&app, origin).await,
        };
        let token = alice.token.clone();
        socket.call(&Resume { token }).await.unwrap();
        confirm(&mut socket, PASSWORD).await.unwrap();
        let code = socket.refusal(&PasskeyStart).await;
        assert_eq!(code, ErrorCode::PasskeyRefused, "{origin:?}");
    }
}

/// A server, somebody with an account there, and their passkey.
async fn with_passkey(priv_by_passkey: Option<Bytes>) -> (TestApp, User, SoftPasskey) {
    let mut app = TestApp::with(|config| config.origins = vec![ORIGIN.into()]).await;
    let alice = app.with_user("alice").await;
    let mut passkey = SoftPasskey::new(ORIGIN);
    let mut socket = from_page(&app, ORIGIN).await;
    let token = alice.token.clone();
    socket.call(&Resume { token }).await.unwrap();
    confirm(&mut socket, PASSWORD).await.unwrap();
    let options = socket.call(&PasskeyStart).await.unwrap().options;
    let finish = PasskeyFinish {
        response: passkey.make(&options),
        name: "Laptop".into(),
        priv_by_passkey: priv_by_passkey.clone(),
    };
    socket.call(&finish).await.unwrap();
    let kept = socket.call(&ListPasskeys).await.unwrap().passkeys;
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].name, "Laptop");
    assert_eq!(kept[0].unlocks, priv_by_passkey.is_some());
    (app, alice, passkey)
}

/// The options of a log-in whose password was right.
async fn asked(socket: &mut Socket, name: &UserName) -> String {
    let error = log_in(socket, name, PASSWORD).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::SecondFactorNeeded);
    socket.call(&FactorStart).await.unwrap().options
}

/// A socket that a page of this origin has opened.
async fn from_page(app: &TestApp, origin: &str) -> Socket {
    let mut request = request(app.address);
    let headers = request.headers_mut();
    headers.insert("sec-websocket-protocol", SUBPROTOCOL.parse().unwrap());
    headers.insert("origin", origin.parse().unwrap());
    Socket::connect_with(app.address, request).await.unwrap()
}
