//! A thousand wrong passwords: for one account from everywhere, and for everybody from one address.

#![allow(clippy::unwrap_used, clippy::panic)] // in helpers too

mod common;

use common::{PASSWORD, Socket, TestApp, confirm, log_in};
use secure_chat::Rate;
use secure_chat_shared::crypto::opaque::ClientLogin;
use secure_chat_shared::ids::UserName;
use secure_chat_shared::protocol::*;

const ATTEMPTS: usize = 1_000;
const PER_DAY: f64 = 1.0 / 86_400.0;

/// What became of some wrong passwords.
#[derive(Default)]
struct Tried {
    wrong: u32,
    too_many: u32,
}

impl Tried {
    /// Tries one: what the server does is what counts, so this side spares itself the stretching.
    async fn one(&mut self, socket: &mut Socket, name: &UserName) {
        let (_, ke1) = ClientLogin::start("wrong-kestrel").unwrap();
        let request = LoginStart {
            name: name.clone(),
            ke1: ke1.into(),
        };
        match socket.call(&request).await {
            Err(error) => {
                assert_eq!(error.code, ErrorCode::TooMany, "{error}");
                assert!(error.retry_after_ms.is_some_and(|wait| wait > 0));
                self.too_many += 1;
            }
            Ok(_) => {
                let request = LoginFinish {
                    ke3: vec![7; 64].into(),
                    browser: String::new(),
                    continues: None,
                };
                let refused = socket.refusal(&request).await;
                assert_eq!(refused, ErrorCode::WrongCredentials);
                self.wrong += 1;
            }
        }
    }

    /// That as many were looked at as a full bucket lets through.
    fn were_throttled(&self, burst: u32) {
        assert_eq!(self.wrong, burst);
        assert_eq!((self.wrong + self.too_many) as usize, ATTEMPTS);
    }
}

/// A server behind a proxy, whose buckets do not fill while a test runs, however slow the machine.
async fn server() -> TestApp {
    TestApp::with(|config| {
        config.behind_proxy = true;
        config.limits.logins_per_name = Rate::new(10, PER_DAY);
        config.limits.logins_per_address = Rate::new(100, PER_DAY);
    })
    .await
}

#[tokio::test]
async fn a_thousand_for_one_account_from_many_addresses() {
    let mut app = server().await;
    let mut alice = app.with_user("alice").await;
    let bob = app.with_user("bob").await;
    let name = alice.person.name.clone();
    let mut tried = Tried::default();
    for attacker in 0..20 {
        let mut socket = app.socket_from(&format!("203.0.113.{attacker}")).await;
        for _ in 0..ATTEMPTS / 20 {
            tried.one(&mut socket, &name).await;
        }
    }
    tried.were_throttled(10);

    // The owner was told while it went on.
    let told = |event| match event {
        Event::FailedSignIns { failed } => Some(failed.count),
        _ => None,
    };
    assert_eq!(alice.socket.event_where(told).await, 5);
    assert_eq!(alice.socket.event_where(told).await, 10);
    // Others sign in as ever, also from an attacker's address.
    let mut shared = app.socket_from("203.0.113.0").await;
    log_in(&mut shared, &bob.person.name, PASSWORD)
        .await
        .unwrap();
    // So does the owner from where a browser of hers is, and there she can prove her password.
    confirm(&mut alice.socket, PASSWORD).await.unwrap();
    let mut home = app.socket().await;
    log_in(&mut home, &name, PASSWORD).await.unwrap();
    // From elsewhere she has to wait.
    let mut elsewhere = app.socket_from("198.51.100.1").await;
    let refused = log_in(&mut elsewhere, &name, PASSWORD).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::TooMany);
}

#[tokio::test]
async fn a_thousand_from_one_address_for_many_accounts() {
    let mut app = server().await;
    let alice = app.with_user("alice").await;
    let mut tried = Tried::default();
    // On several sockets: one alone may not send so many frames in so short a time.
    for first in (0..ATTEMPTS).step_by(100) {
        let mut attacker = app.socket_from("203.0.113.1").await;
        for attempt in first..first + 100 {
            let name = if attempt % 200 == 0 {
                alice.person.name.clone()
            } else {
                UserName::parse(&format!("somebody-{attempt}")).unwrap()
            };
            tried.one(&mut attacker, &name).await;
        }
    }
    tried.were_throttled(100);
    // Signed in or not, nobody gets further from there.
    let mut socket = app.socket_from("203.0.113.1").await;
    let refused = log_in(&mut socket, &alice.person.name, PASSWORD).await;
    assert_eq!(refused.unwrap_err().code, ErrorCode::TooMany);
    // Everybody else does, and hears of what was tried on them.
    let mut elsewhere = app.socket_from("198.51.100.1").await;
    let logged_in = log_in(&mut elsewhere, &alice.person.name, PASSWORD).await;
    let failed = logged_in.unwrap().failed.map(|failed| failed.count);
    assert_eq!(failed, Some(1));
}
