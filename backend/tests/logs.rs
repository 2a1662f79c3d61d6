//! The log at its most verbose holds no secret and no content.
//!
//! One test in a binary of its own: its subscriber is the whole process's, worker threads and all.

#![allow(clippy::unwrap_used)] // in helpers too

mod common;

use std::io;
use std::sync::{Arc, Mutex};

use common::log::converse;
use common::{PASSWORD, TestApp, log_in};
use secure_chat_shared::protocol::*;
use tracing_subscriber::layer::SubscriberExt;

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn nothing_secret_is_logged() {
    let written = Written::default();
    let writer = written.clone();
    let layer = secure_chat::logs::layer("trace", move || writer.clone()).unwrap();
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer)).unwrap();

    let mut app = TestApp::full().await;
    let mut alice = app.with_user("alice-canary").await;
    let mut bob = app.with_user("bob-canary").await;
    let wrong = log_in(&mut app.socket().await, &bob.person.name, "wrong-canary").await;
    assert!(wrong.is_err());
    let mut phone = alice.log_in(&app).await;
    let mut log = converse(&mut alice, &[&bob.person]).await;
    log.accept(&mut bob).await;
    let message = log.message(&alice.person, |_| {});
    log.append(&mut alice, message.clone(), Vec::new()).await;
    let forged = log.message(&alice.person, |header| header.epoch.0 = 9);
    assert!(
        alice
            .socket
            .call(&log.request(forged, Vec::new()))
            .await
            .is_err()
    );
    let put = PutState {
        expected: 1,
        sealed: message.clone().into(),
    };
    phone.socket.call(&put).await.unwrap();
    phone
        .socket
        .call(&RevokeSession {
            session: alice.session,
        })
        .await
        .unwrap();
    app.stop().await;

    let log = written.0.lock().unwrap().clone();
    let text = String::from_utf8_lossy(&log);
    assert!(text.contains("signed in"), "the log is looked at: {text}");
    let setup = std::fs::read(app.data().join("opaque-server-setup")).unwrap();
    for secret in [
        &alice.token[..],
        &phone.token,
        &message[message.len() - 64..],
        &setup[..32],
    ] {
        for shown in renderings(secret) {
            assert!(!text.contains(&shown), "{shown}");
        }
        assert!(!log.windows(secret.len()).any(|window| window == secret));
    }
    for word in [PASSWORD, "canary", "INSERT", "SELECT"] {
        assert!(!text.contains(word), "{word}");
    }
}

/// How a piece of the bytes would look in a log: hexadecimal, and as Rust shows a list.
fn renderings(secret: &[u8]) -> Vec<String> {
    let piece = &secret[..8];
    let hex: String = piece.iter().map(|byte| format!("{byte:02x}")).collect();
    let list = format!("{piece:?}");
    vec![
        hex.to_uppercase(),
        hex,
        list.trim_matches(['[', ']']).to_owned(),
    ]
}
