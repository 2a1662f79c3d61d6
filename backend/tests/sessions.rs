//! A user's browsers: what they hear of each other, how one goes on after it was locked, where they are.

#![allow(clippy::unwrap_used, clippy::panic)] // in helpers too

mod common;

use common::{PASSWORD, TestApp, User, confirm, log_in};
use secure_chat::Rate;
use secure_chat_shared::crypto::opaque::ClientLogin;
use secure_chat_shared::ids::SessionId;
use secure_chat_shared::protocol::*;

/// Signs in as a browser that was locked in this session.
async fn unlock(app: &TestApp, user: &User, continues: SessionId) -> (SignedIn, common::Socket) {
    let mut socket = app.socket().await;
    let (login, ke1) = ClientLogin::start(PASSWORD).unwrap();
    let name = user.person.name.clone();
    let ke1 = ke1.into();
    let started = socket.call(&LoginStart { name, ke1 }).await.unwrap();
    let (ke3, _) = login.finish(PASSWORD, &started.ke2).unwrap();
    let request = LoginFinish {
        ke3: ke3.into(),
        browser: "Unlocked".into(),
        continues: Some(continues),
    };
    let logged_in = socket.call(&request).await.unwrap();
    (logged_in.signed_in, socket)
}

async fn sessions(socket: &mut common::Socket) -> Vec<SessionInfo> {
    socket.call(&ListSessions).await.unwrap().sessions
}

#[tokio::test]
async fn a_new_sign_in_is_told_to_the_other_browsers() {
    let mut app = TestApp::full().await;
    let mut laptop = app.with_user("alice").await;
    let mut bob = app.with_user("bob").await;
    let mut phone = laptop.log_in(&app).await;
    let Event::SignedInElsewhere { session } = laptop.socket.event().await else {
        panic!("something else")
    };
    assert_eq!(
        (session.id, session.browser),
        (phone.session, "Test".into())
    );
    assert_eq!((session.this, session.place), (false, Place::ThisMachine));
    let listed = sessions(&mut phone.socket).await;
    assert!(listed.iter().any(|other| {
        (other.id, other.created, other.this) == (session.id, session.created, true)
    }));
    // A session that is resumed is no new one; and none of it is for the new browser itself, or for others.
    let _tab = laptop.resume(&app).await;
    for user in [&mut laptop, &mut phone, &mut bob] {
        user.socket.call(&GetPresence).await.unwrap();
        assert!(user.socket.kept_event().is_none());
    }
}

#[tokio::test]
async fn a_browser_that_was_locked_goes_on_in_its_session_with_a_new_token() {
    let mut app = TestApp::full().await;
    let mut laptop = app.with_user("alice").await;
    let mut phone = laptop.log_in(&app).await;
    laptop.socket.event().await;
    let before = sessions(&mut laptop.socket).await;

    let (signed_in, mut unlocked) = unlock(&app, &phone, phone.session).await;
    assert_eq!(signed_in.session, phone.session);
    assert_ne!(signed_in.token, phone.token);
    let after = sessions(&mut unlocked).await;
    assert_eq!(after.len(), 2);
    for (before, after) in before.iter().zip(&after) {
        assert_eq!((before.id, before.created), (after.id, after.created));
        let renewed = after.id == phone.session;
        assert_eq!(after.browser, if renewed { "Unlocked" } else { "Test" });
    }
    let mut fresh = app.socket().await;
    let token = phone.token.clone();
    let refused = fresh.refusal(&Resume { token }).await;
    assert_eq!(refused, ErrorCode::SessionEnded);
    let token = signed_in.token;
    let resumed = fresh.call(&Resume { token }).await.unwrap();
    assert_eq!(resumed.session, phone.session);
    laptop.socket.call(&GetPresence).await.unwrap();
    assert!(laptop.socket.kept_event().is_none(), "it is no new sign-in");

    // A session that has ended, or is somebody else's, makes no difference.
    let bob = app.with_user("bob").await;
    let session = phone.session;
    laptop
        .socket
        .call(&RevokeSession { session })
        .await
        .unwrap();
    assert_eq!(phone.socket.closed().await, close_code::SESSION_ENDED);
    for session in [phone.session, bob.session, SessionId([1; 16])] {
        let (signed_in, _socket) = unlock(&app, &phone, session).await;
        assert_ne!(signed_in.session, session);
        assert_eq!(signed_in.user, laptop.id());
        let told = laptop.socket.event().await;
        assert!(matches!(told, Event::SignedInElsewhere { .. }), "{told:?}");
    }
    bob.resume(&app).await;
}

#[tokio::test]
async fn all_other_sessions_end_at_once() {
    let mut app = TestApp::full().await;
    let mut laptop = app.with_user("alice").await;
    let mut tab = laptop.resume(&app).await;
    let mut phone = laptop.log_in(&app).await;
    let mut tablet = laptop.log_in(&app).await;
    let mut bob = app.with_user("bob").await;
    laptop.socket.call(&RevokeOthers).await.unwrap();
    for other in [&mut phone, &mut tablet] {
        assert_eq!(other.socket.closed().await, close_code::SESSION_ENDED);
        let token = other.token.clone();
        let refused = app.socket().await.refusal(&Resume { token }).await;
        assert_eq!(refused, ErrorCode::SessionEnded);
    }
    assert_eq!(sessions(&mut tab.socket).await.len(), 1);
    assert_eq!(sessions(&mut bob.socket).await.len(), 1);
    assert_eq!(
        app.socket().await.refusal(&RevokeOthers).await,
        ErrorCode::NotSignedIn
    );
}

#[tokio::test]
async fn a_written_state_is_told_to_the_other_browsers() {
    let mut app = TestApp::full().await;
    let mut laptop = app.with_user("alice").await;
    let mut phone = laptop.resume(&app).await;
    let put = |expected| PutState {
        expected,
        sealed: common::blob(),
    };
    laptop.socket.call(&put(1)).await.unwrap();
    let told = phone.socket.event().await;
    assert!(
        matches!(told, Event::StateWritten { generation: 2 }),
        "{told:?}"
    );
    let refused = laptop.socket.refusal(&put(1)).await;
    assert_eq!(refused, ErrorCode::StaleGeneration);
    phone.socket.call(&put(2)).await.unwrap();
    assert!(phone.socket.kept_event().is_none(), "nothing was written");
    let told = laptop.socket.event().await;
    assert!(
        matches!(told, Event::StateWritten { generation: 3 }),
        "{told:?}"
    );
}

#[tokio::test]
async fn the_list_says_where_sessions_were_last() {
    let mut app = TestApp::with(|config| config.behind_proxy = true).await;
    let alice = app.with_user("alice").await;
    let mut socket = app.socket_from("192.0.2.7").await;
    log_in(&mut socket, &alice.person.name, PASSWORD)
        .await
        .unwrap();
    let place = |list: &[SessionInfo], this: bool| {
        let found = list.iter().find(|session| session.this == this);
        found.unwrap().place.clone()
    };
    let list = sessions(&mut socket).await;
    assert_eq!(place(&list, true), Place::Internet("192.0.2.7".into()));
    assert_eq!(place(&list, false), Place::ThisMachine);
    // The first one comes back from elsewhere. Its address was queued before the list is asked for.
    let mut moved = app.socket_from("10.0.0.8").await;
    let token = alice.token.clone();
    moved.call(&Resume { token }).await.unwrap();
    moved.call(&AcknowledgeFailed).await.unwrap();
    let list = sessions(&mut moved).await;
    assert_eq!(place(&list, true), Place::PrivateNetwork);
}

#[tokio::test]
async fn wrong_passwords_are_told_and_counted_until_they_were_seen() {
    let mut app = TestApp::with(|config| {
        config.limits.logins_per_name = Rate::new(1_000, 1_000.0);
    })
    .await;
    let mut laptop = app.with_user("alice").await;
    let name = laptop.person.name.clone();
    let mut stranger = app.socket().await;
    for _ in 0..4 {
        log_in(&mut stranger, &name, "wrong-kestrel")
            .await
            .unwrap_err();
    }
    let refused = confirm(&mut laptop.socket, "wrong-kestrel").await;
    assert_eq!(refused.unwrap_err().code, ErrorCode::WrongCredentials);
    let told = |event| match event {
        Event::FailedSignIns { failed } => Some(failed),
        _ => None,
    };
    let five = laptop.socket.event_where(told).await;
    assert_eq!(five.count, 5);
    for _ in 0..5 {
        log_in(&mut stranger, &name, "wrong-kestrel")
            .await
            .unwrap_err();
    }
    let ten = laptop.socket.event_where(told).await;
    assert_eq!(ten.count, 10);
    assert!(ten.last >= five.last);

    let resume = Resume {
        token: laptop.token.clone(),
    };
    let resumed = app.socket().await.call(&resume).await.unwrap();
    assert_eq!(resumed.failed, Some(ten));
    laptop.socket.call(&AcknowledgeFailed).await.unwrap();
    let resumed = app.socket().await.call(&resume).await.unwrap();
    assert_eq!(resumed.failed, None);

    // A right password brings those before it, and sets them back.
    log_in(&mut stranger, &name, "wrong-kestrel")
        .await
        .unwrap_err();
    let logged_in = log_in(&mut stranger, &name, PASSWORD).await.unwrap();
    assert_eq!(logged_in.failed.map(|failed| failed.count), Some(1));
    let mut fresh = app.socket().await;
    let logged_in = log_in(&mut fresh, &name, PASSWORD).await.unwrap();
    assert_eq!(logged_in.failed, None);
    // So does one that is confirmed.
    confirm(&mut fresh, "wrong-kestrel").await.unwrap_err();
    let unknown = SessionId([1; 16]);
    let queued_behind = RevokeSession { session: unknown };
    let refused = fresh.refusal(&queued_behind).await;
    assert_eq!(refused, ErrorCode::NotFound);
    let resumed = app.socket().await.call(&resume).await.unwrap();
    assert_eq!(resumed.failed.map(|failed| failed.count), Some(1));
    confirm(&mut fresh, PASSWORD).await.unwrap();
    let resumed = app.socket().await.call(&resume).await.unwrap();
    assert_eq!(resumed.failed, None);
}
