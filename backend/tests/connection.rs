//! The socket itself: handshake, frames that are none, limits, silence, and the server's end.

mod common;

use std::time::Duration;

use common::log::converse;
use common::socket::{Socket, request};
use common::{Person, TestApp};
use secure_chat::{Rate, StartError, run};
use secure_chat_shared::codec::{self, Bytes};
use secure_chat_shared::protocol::*;
use tokio::io::AsyncReadExt;
use tokio_tungstenite::tungstenite::{Error, Message};

#[tokio::test]
async fn the_handshake_asks_for_subprotocol_and_origin() {
    let app = TestApp::with(|config| config.origins = vec!["https://chat.example".into()]).await;
    let own = format!("http://{}", app.address);
    let far = "https://evil.example";
    for (protocol, origin, status) in [
        (None, None, Some(400)),
        (Some("chat.v1"), None, Some(400)),
        (Some(SUBPROTOCOL), Some(far), Some(403)),
        (Some(SUBPROTOCOL), Some(own.as_str()), None),
        (Some(SUBPROTOCOL), Some("https://chat.example"), None),
        (Some("chat.v9, secure-chat.v1"), None, None),
    ] {
        let mut request = request(app.address);
        for (name, value) in [("sec-websocket-protocol", protocol), ("origin", origin)] {
            if let Some(value) = value {
                request.headers_mut().insert(name, value.parse().unwrap());
            }
        }
        match (Socket::connect_with(app.address, request).await, status) {
            (Ok(mut socket), None) => {
                assert_eq!(socket.refusal(&GetState).await, ErrorCode::NotSignedIn);
            }
            (Err(Error::Http(response)), Some(status)) => assert_eq!(response.status(), status),
            (Ok(_), Some(_)) => panic!("{protocol:?} {origin:?} was let in"),
            (Err(error), _) => panic!("{protocol:?} {origin:?}: {error}"),
        }
    }
}

#[tokio::test]
async fn frames_that_are_none_close_the_socket() {
    let app = TestApp::full().await;
    let frame = |body: Vec<u8>| ClientFrame {
        id: 1,
        op: GetState::OP,
        body: body.into(),
    };
    let mut trailing = codec::encode(&frame(Vec::new()));
    trailing.push(0);
    for (message, code) in [
        (Message::text("hello"), close_code::MALFORMED),
        (Message::binary(vec![0xff, 0xff]), close_code::MALFORMED),
        (Message::binary(Vec::new()), close_code::MALFORMED),
        (Message::binary(trailing), close_code::MALFORMED),
        (
            Message::binary(codec::encode(&frame(vec![0; MAX_FRAME_BEFORE_SIGN_IN]))),
            close_code::TOO_LARGE,
        ),
        (
            Message::binary(vec![0; MAX_FRAME + 1]),
            close_code::TOO_LARGE,
        ),
    ] {
        let mut socket = app.socket().await;
        socket.send(message).await;
        assert_eq!(socket.closed().await, code);
    }
    assert_eq!(
        app.socket().await.refusal(&GetState).await,
        ErrorCode::NotSignedIn
    );
}

#[tokio::test]
async fn unknown_operations_and_malformed_bodies_are_refused_and_the_socket_goes_on() {
    let mut app = TestApp::full().await;
    let mut alice = app.with_user("alice").await;
    for (op, body, code) in [
        (999, Vec::new(), ErrorCode::UnknownOperation),
        (0, Vec::new(), ErrorCode::UnknownOperation),
        (Append::OP, Vec::new(), ErrorCode::Malformed),
        (Append::OP, vec![0xff; 100], ErrorCode::Malformed),
        (
            GetEntries::OP,
            codec::encode(&GetState),
            ErrorCode::Malformed,
        ),
        (
            Lookup::OP,
            codec::encode(&(Bytes(vec![1]),)),
            ErrorCode::Malformed,
        ),
    ] {
        let id = alice.socket.ask(op, body).await;
        let error = alice.socket.answer(id).await.unwrap_err();
        assert_eq!(error.code, code, "operation {op}");
    }
    alice.socket.call(&GetState).await.unwrap();
}

#[tokio::test]
async fn a_signed_in_socket_may_send_more_but_not_anything() {
    let mut app = TestApp::full().await;
    let mut alice = app.with_user("alice").await;
    let large = PutState {
        expected: 1,
        sealed: vec![1; 2 * MAX_FRAME_BEFORE_SIGN_IN].into(),
    };
    alice.socket.call(&large).await.unwrap();
    alice
        .socket
        .send(Message::binary(vec![0; MAX_FRAME + 1]))
        .await;
    assert_eq!(alice.socket.closed().await, close_code::TOO_LARGE);
    alice
        .resume(&app)
        .await
        .socket
        .call(&GetState)
        .await
        .unwrap();
}

#[tokio::test]
async fn too_many_frames_close_the_socket() {
    let app = TestApp::with(|config| config.limits.frames = Rate::new(5, 0.01)).await;
    let mut socket = app.socket().await;
    for _ in 0..6 {
        socket.ask(GetState::OP, codec::encode(&GetState)).await;
    }
    assert_eq!(socket.closed().await, close_code::RATE);
}

#[tokio::test]
async fn more_than_may_be_unanswered_waits_and_is_answered() {
    let mut app = TestApp::full().await;
    let mut alice = app.with_user("alice").await;
    let mut ids = Vec::new();
    for _ in 0..4 * MAX_IN_FLIGHT {
        ids.push(
            alice
                .socket
                .ask(GetState::OP, codec::encode(&GetState))
                .await,
        );
    }
    assert!(
        alice
            .socket
            .answers(&ids)
            .await
            .into_iter()
            .all(|answer| answer.is_ok())
    );
}

#[tokio::test]
async fn a_silent_socket_is_pinged_and_closed() {
    let app = TestApp::with(|config| config.limits.idle = Duration::from_millis(300)).await;
    let mut deaf = app.socket().await.into_inner();
    // Read below the WebSocket, so that no ping is answered.
    let mut raw = Vec::new();
    deaf.get_mut().read_to_end(&mut raw).await.unwrap();
    assert_eq!(raw[..2], [0x89, 0], "a ping");
    let code = close_code::IDLE.to_be_bytes();
    assert!(
        raw.ends_with(&[0x88, 2, code[0], code[1]]),
        "a close: {raw:?}"
    );
}

#[tokio::test]
async fn a_socket_that_answers_pings_stays() {
    let app = TestApp::with(|config| config.limits.idle = Duration::from_secs(2)).await;
    let mut listener = app.socket().await;
    let mut deaf = app.socket().await.into_inner();
    let mut raw = Vec::new();
    // Whoever reads answers pings; by the time that the deaf socket is gone, the other would be too.
    tokio::select! {
        _ = deaf.get_mut().read_to_end(&mut raw) => {}
        frame = listener.frame() => panic!("{frame:?}"),
    }
    assert_eq!(listener.refusal(&GetState).await, ErrorCode::NotSignedIn);
}

#[tokio::test]
async fn a_queue_that_overflows_closes_its_socket_and_nothing_is_lost() {
    let mut app = TestApp::with(|config| config.limits.queue_bytes = 20_000).await;
    let mut alice = app.with_user("alice").await;
    let mut bob = app.with_user("bob").await;
    let mut log = converse(&mut alice, &[&bob.person]).await;
    log.accept(&mut bob).await;
    let small = log.message(&alice.person, |_| {});
    let secure_chat_shared::log::Entry::Message(message) =
        secure_chat_shared::log::Entry::parse(&small).unwrap()
    else {
        panic!("no message")
    };
    let header = message.header_bytes.0;
    let large = secure_chat_shared::log::entry::assemble_message(header, vec![7; 100_000]);
    log.append(&mut alice, large, Vec::new()).await;
    assert_eq!(bob.socket.closed().await, close_code::SLOW);

    let mut bob = bob.resume(&app).await;
    let request = GetEntries {
        conversation: log.id(),
        from: 0,
        limit: MAX_PAGE,
    };
    assert_eq!(bob.socket.call(&request).await.unwrap().entries.len(), 4);
    log.say(&mut alice).await;
    assert!(matches!(
        bob.socket
            .event_where(|event| match event {
                Event::Entry { entry, .. } => Some(entry.number),
                _ => None,
            })
            .await,
        4
    ));
}

#[tokio::test]
async fn the_server_says_goodbye() {
    let mut app = TestApp::full().await;
    let mut alice = app.with_user("alice").await;
    let mut fresh = app.socket().await;
    let stopping = app.tell_to_stop();
    assert_eq!(alice.socket.closed().await, close_code::GOING_AWAY);
    assert_eq!(fresh.closed().await, close_code::GOING_AWAY);
    stopping.await.unwrap();
    assert!(tokio::net::TcpStream::connect(app.address).await.is_err());
    app.start().await;
    alice
        .resume(&app)
        .await
        .socket
        .call(&GetState)
        .await
        .unwrap();
}

#[tokio::test]
async fn there_are_only_so_many_sockets() {
    let app = TestApp::with(|config| config.limits.sockets = 1).await;
    let first = app.socket().await;
    let mut second = request(app.address);
    second
        .headers_mut()
        .insert("sec-websocket-protocol", SUBPROTOCOL.parse().unwrap());
    match Socket::connect_with(app.address, second).await {
        Err(Error::Http(response)) => assert_eq!(response.status(), 503),
        _ => panic!("let in"),
    }
    drop(first);
}

#[tokio::test]
async fn two_servers_do_not_share_a_data_folder() {
    let app = TestApp::full().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let second = run(listener, app.config.clone(), std::future::pending()).await;
    assert!(matches!(second, Err(StartError::InUse(_))));
}

#[tokio::test]
async fn accounts_without_the_opaque_setup_are_not_served() {
    let mut app = TestApp::full().await;
    let alice = Person::new("alice", 1)
        .register(app.socket().await)
        .await
        .unwrap();
    app.stop().await;
    let setup = app.data().join("opaque-server-setup");
    let kept = std::fs::read(&setup).unwrap();
    std::fs::remove_file(&setup).unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let without = run(listener, app.config.clone(), std::future::pending()).await;
    assert!(matches!(without, Err(StartError::OpaqueSetup(_))));
    std::fs::write(&setup, kept).unwrap();
    app.start().await;
    alice.log_in(&app).await;
}

#[cfg(unix)]
#[tokio::test]
async fn the_files_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let app = TestApp::full().await;
    for file in [
        "secure-chat.db",
        "secure-chat.db-wal",
        "opaque-server-setup",
    ] {
        let mode = std::fs::metadata(app.data().join(file))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
}
