//! New versions of an identity: who may publish one, and who hears of it.

#![allow(clippy::unwrap_used)] // in helpers too

mod common;

use std::slice;

use common::log::converse;
use common::talk::entry_event;
use common::{PASSWORD, Person, TestApp, User, confirm};
use secure_chat::Rate;
use secure_chat_shared::codec::Bytes;
use secure_chat_shared::crypto::opaque::ClientLogin;
use secure_chat_shared::protocol::*;

/// Published on a socket whose user has just proven the password.
async fn publish(user: &mut User, next: &Person) {
    confirm(&mut user.socket, PASSWORD).await.unwrap();
    user.socket.call(&next.publish()).await.unwrap();
}

#[tokio::test]
async fn a_new_version_comes_into_the_directory_and_the_vault() {
    let mut app = TestApp::full().await;
    let mut alice = app.with_user("alice").await;
    let mut bob = app.with_user("bob").await;
    let mut phone = alice.resume(&app).await;
    let first = Bytes::from(alice.person.signed.bytes());

    let confirmed = confirm(&mut alice.socket, PASSWORD).await.unwrap();
    assert_eq!(confirmed.identities, slice::from_ref(&first));
    assert_eq!(confirmed.vault.keys.len(), 1);
    assert_eq!(confirmed.compromised, [] as [Bytes; 0]);

    let second = alice.person.renewed(5);
    let request = second.publish();
    alice.socket.call(&request).await.unwrap();
    let told = phone.socket.event().await;
    assert!(matches!(told, Event::IdentityPublished(2)), "{told:?}");
    assert!(alice.socket.kept_event().is_none());

    let both = vec![first, Bytes::from(second.signed.bytes())];
    let by_name = LookupNames {
        names: vec![alice.person.name.clone(), Person::new("nobody", 3).name],
    };
    let found = bob.socket.call(&by_name).await.unwrap().people;
    assert_eq!((found.len(), found[0].user), (1, alice.id()));
    assert_eq!(found[0].identities, both);
    let resume = Resume {
        token: alice.token.clone(),
    };
    let resumed = app.socket().await.call(&resume).await.unwrap();
    assert_eq!(resumed.identity_version, 2);
    let again = confirm(&mut alice.socket, PASSWORD).await.unwrap();
    assert_eq!(again.identities, both);
    assert_eq!(again.vault.keys[0], confirmed.vault.keys[0]);
    assert_eq!(again.vault.keys[1..], [request.keys]);
}

#[tokio::test]
async fn a_confirmation_allows_one_version_on_its_socket() {
    let mut app = TestApp::full().await;
    let mut alice = app.with_user("alice").await;
    let mut phone = alice.resume(&app).await;
    let second = alice.person.renewed(5).publish();
    let code = |error: RequestError| error.code;

    assert_eq!(alice.socket.refusal(&second).await, ErrorCode::WrongState);
    let wrong = confirm(&mut alice.socket, "wrong-kestrel").await;
    assert_eq!(wrong.map_err(code).err(), Some(ErrorCode::WrongCredentials));
    assert_eq!(alice.socket.refusal(&second).await, ErrorCode::WrongState);
    let (_, ke1) = ClientLogin::start(PASSWORD).unwrap();
    let start = ConfirmStart { ke1: ke1.into() };
    let finish = ConfirmFinish {
        ke3: vec![7; 64].into(),
    };
    assert_eq!(alice.socket.refusal(&finish).await, ErrorCode::WrongState);

    // Given, and taken back by beginning anew; on another socket it never was.
    confirm(&mut alice.socket, PASSWORD).await.unwrap();
    alice.socket.call(&start).await.unwrap();
    assert_eq!(alice.socket.refusal(&second).await, ErrorCode::WrongState);
    confirm(&mut alice.socket, PASSWORD).await.unwrap();
    assert_eq!(phone.socket.refusal(&second).await, ErrorCode::WrongState);

    // Used up by what is refused too.
    let mut refused = second.clone();
    refused.keys.version = 3;
    assert_eq!(alice.socket.refusal(&refused).await, ErrorCode::Malformed);
    assert_eq!(alice.socket.refusal(&second).await, ErrorCode::WrongState);
    confirm(&mut alice.socket, PASSWORD).await.unwrap();
    alice.socket.call(&second).await.unwrap();
    let third = alice.person.renewed(5).renewed(6).publish();
    assert_eq!(alice.socket.refusal(&third).await, ErrorCode::WrongState);

    // It ends with the session.
    confirm(&mut alice.socket, PASSWORD).await.unwrap();
    alice.socket.call(&SignOut).await.unwrap();
    assert_eq!(alice.socket.refusal(&third).await, ErrorCode::NotSignedIn);
}

#[tokio::test]
async fn confirmations_count_as_attempts() {
    let mut app = TestApp::with(|config| {
        config.limits.logins_per_name = Rate::new(2, 0.001);
    })
    .await;
    let mut alice = app.with_user("alice").await;
    for _ in 0..2 {
        confirm(&mut alice.socket, "wrong-kestrel")
            .await
            .unwrap_err();
    }
    let error = confirm(&mut alice.socket, PASSWORD).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::TooMany);
    assert!(error.retry_after_ms.is_some());
}

#[tokio::test]
async fn what_does_not_follow_is_refused() {
    let mut app = TestApp::full().await;
    let mut alice = app.with_user("alice").await;
    let second = alice.person.renewed(5);
    let stranger = Person::new("mallory", 6).renewed(5);
    type Change<'a> = Box<dyn Fn(&mut PublishIdentity) + 'a>;
    let cases: Vec<(Change, ErrorCode)> = vec![
        (
            Box::new(|r| r.identity = alice.person.signed.bytes().into()),
            ErrorCode::StaleIdentity,
        ),
        (
            Box::new(|r| *r = second.renewed(6).publish()),
            ErrorCode::StaleIdentity,
        ),
        (
            Box::new(|r| r.identity = stranger.signed.bytes().into()),
            ErrorCode::InvalidIdentity,
        ),
        (
            Box::new(|r| *r.identity.0.last_mut().unwrap() ^= 1),
            ErrorCode::InvalidIdentity,
        ),
        (
            Box::new(|r| r.keys.encryption = Bytes::default()),
            ErrorCode::Malformed,
        ),
        (
            Box::new(|r| r.keys.dsa_signing = vec![1; 9_000].into()),
            ErrorCode::TooLarge,
        ),
        (
            Box::new(|r| r.compromised = Some(second.compromised())),
            ErrorCode::InvalidIdentity,
        ),
        (
            Box::new(|r| {
                let mut statement = alice.person.compromised();
                *statement.0.last_mut().unwrap() ^= 1;
                r.compromised = Some(statement);
            }),
            ErrorCode::InvalidIdentity,
        ),
    ];
    let mut requests = Vec::new();
    for (change, code) in &cases {
        let mut request = second.publish();
        change(&mut request);
        requests.push((request, *code));
    }
    drop(cases);
    for (number, (request, code)) in requests.iter().enumerate() {
        confirm(&mut alice.socket, PASSWORD).await.unwrap();
        assert_eq!(alice.socket.refusal(request).await, *code, "case {number}");
    }
    publish(&mut alice, &second).await;
}

#[tokio::test]
async fn of_two_browsers_that_publish_at_once_one_does() {
    let mut app = TestApp::full().await;
    let mut alice = app.with_user("alice").await;
    let mut phone = alice.resume(&app).await;
    confirm(&mut alice.socket, PASSWORD).await.unwrap();
    confirm(&mut phone.socket, PASSWORD).await.unwrap();
    let (one, other) = (alice.person.renewed(5), alice.person.renewed(6));
    let (one, other) = (one.publish(), other.publish());
    let (first, second) = tokio::join!(alice.socket.call(&one), phone.socket.call(&other));
    let refused = [first.err(), second.err()];
    let codes: Vec<ErrorCode> = refused.iter().flatten().map(|error| error.code).collect();
    assert_eq!(codes, [ErrorCode::StaleIdentity]);
}

#[tokio::test]
async fn a_compromised_version_is_told_with_the_chain() {
    let mut app = TestApp::full().await;
    let mut alice = app.with_user("alice").await;
    let mut bob = app.with_user("bob").await;
    let second = alice.person.renewed(5);
    let statement = alice.person.compromised();
    let mut request = second.publish();
    request.compromised = Some(statement.clone());
    confirm(&mut alice.socket, PASSWORD).await.unwrap();
    alice.socket.call(&request).await.unwrap();
    let name = alice.person.name.clone();
    let found = bob.socket.call(&Lookup { name }).await.unwrap();
    assert_eq!(found.compromised, slice::from_ref(&statement));
    assert_eq!(found.identities.len(), 2);
    let confirmed = confirm(&mut alice.socket, PASSWORD).await.unwrap();
    assert_eq!(confirmed.compromised, [statement]);
}

#[tokio::test]
async fn the_new_version_comes_into_force_in_a_conversation() {
    let mut app = TestApp::full().await;
    let mut alice = app.with_user("alice").await;
    let mut bob = app.with_user("bob").await;
    let mut log = converse(&mut alice, &[&bob.person]).await;
    log.accept(&mut bob).await;
    let (second, third) = (bob.person.renewed(5), bob.person.renewed(5).renewed(6));
    publish(&mut bob, &second).await;
    publish(&mut bob, &third).await;

    // Not the newest, and not all between.
    for (version, code) in [
        (&second, ErrorCode::StaleIdentity),
        (&third, ErrorCode::InvalidEntry),
    ] {
        let (act, wraps) = log.identity(&[version]);
        let entry = log.state_entry(&bob.person, act);
        assert_eq!(bob.socket.refusal(&log.request(entry, wraps)).await, code);
    }
    let (act, wraps) = log.identity(&[&second, &third]);
    let entry = log.state_entry(&bob.person, act);
    log.append(&mut bob, entry, wraps).await;
    bob.person = third;
    log.say(&mut bob).await;
    assert_eq!(entry_event(&mut alice).await.number, 2);
    assert_eq!(entry_event(&mut alice).await.number, 3);
    assert_eq!(entry_event(&mut alice).await.number, 4);
    assert_eq!(log.state.people[&bob.id()].identity, bob.person.signed);
}
