//! Conversations whose keys the server makes.

#![allow(clippy::unwrap_used, clippy::panic)] // in helpers too

mod common;

use common::TestApp;
use common::log::{Log, accept, draft_in};
use common::managed::{app_with_key, converse_managed, hear, place_key, server_spki};
use common::talk::{all_entries, entry_event, newest_key};
use secure_chat::{StartError, run};
use secure_chat_shared::client::native::test_keys;
use secure_chat_shared::ids::Epoch;
use secure_chat_shared::log::entry::assemble_server;
use secure_chat_shared::log::{Act, Entry, Mode};
use secure_chat_shared::protocol::*;
use tokio::net::TcpListener;

#[tokio::test]
async fn the_server_makes_a_key_at_every_change_of_who_may_read() {
    let mut app = app_with_key().await;
    let mut alice = app.with_user("alice").await;
    let mut bob = app.with_user("bob").await;
    let mut carol = app.with_user("carol").await;
    let mut phone = alice.resume(&app).await;
    let key = alice.socket.call(&GetManagedKey).await.unwrap();
    assert_eq!(key.spki.0, server_spki());

    let mut log = converse_managed(&mut alice, &[&bob.person]).await;
    assert_eq!(log.tree.size(), 3);
    let first = newest_key(&mut alice, &log).await;
    assert_eq!(newest_key(&mut bob, &log).await, first);
    for user in [&mut bob, &mut phone] {
        assert_eq!(entry_event(user).await.number, 1);
        assert_eq!(entry_event(user).await.number, 2);
    }

    // Accepting asks for no key.
    log.accept(&mut bob).await;
    assert_eq!(log.state.epoch().unwrap().epoch, Epoch(1));
    log.say(&mut bob).await;

    // An invitation does; it is answered before anything else, and the author hears of it too.
    let (act, wraps) = log.invite(&[&carol.person]);
    let invite = log.state_entry(&bob.person, act);
    log.append(&mut bob, invite, wraps).await;
    hear(&mut bob, &mut log).await;
    let second = newest_key(&mut alice, &log).await;
    assert_ne!(second, first);
    for user in [&mut bob, &mut carol] {
        assert_eq!(newest_key(user, &log).await, second);
    }
    log.accept(&mut carol).await;

    // So does leaving; who left does not hear of it, and gets no wrap.
    let leave = log.state_entry(&bob.person, Act::Leave);
    let left = log.append(&mut bob, leave, Vec::new()).await;
    while entry_event(&mut carol).await.number + 1 < log.tree.size() {}
    hear(&mut carol, &mut log).await;
    let third = newest_key(&mut alice, &log).await;
    assert_ne!(third, second);
    assert_eq!(newest_key(&mut carol, &log).await, third);
    let get = GetWrap {
        conversation: log.id(),
        epoch: Epoch(3),
    };
    assert_eq!(bob.socket.refusal(&get).await, ErrorCode::NotFound);

    // And removing. A message goes on under the new key.
    let (act, wraps) = log.remove(&carol.person);
    let remove = log.state_entry(&alice.person, act);
    log.append(&mut alice, remove, wraps).await;
    let gone = entry_event(&mut carol).await;
    assert_eq!(gone.number + 1, log.tree.size());
    while entry_event(&mut alice).await.number < log.tree.size() - 2 {}
    hear(&mut alice, &mut log).await;
    assert_ne!(newest_key(&mut alice, &log).await, third);
    log.say(&mut alice).await;

    // Everybody who reads it from the start comes to the same.
    let entries = all_entries(&mut alice, &log).await;
    let mut read = begun(&entries);
    for at in &entries[1..] {
        read.take_at(at);
    }
    assert_eq!(read.tree, log.tree);
    for (user, until) in [(&mut bob, left.number), (&mut carol, gone.number)] {
        user.socket.call(&GetPresence).await.unwrap();
        while let Some(event) = user.socket.kept_event() {
            let later = matches!(&event, Event::Entry { entry, .. } if entry.number > until);
            assert!(!later, "{event:?}");
        }
    }
}

#[tokio::test]
async fn what_is_not_the_servers_key_or_deed_is_refused() {
    let mut app = app_with_key().await;
    let mut alice = app.with_user("alice").await;
    let bob = app.with_user("bob").await;
    let other = test_keys::set(2).unwrap().rsa_signing.spki().unwrap();
    let (request, _) = draft_in(
        Mode::ServerManaged(other.into()),
        &alice.person,
        &[&bob.person],
    );
    assert_eq!(
        alice.socket.refusal(&request).await,
        ErrorCode::InvalidEntry
    );

    let mut log = converse_managed(&mut alice, &[&bob.person]).await;
    let (act, wraps) = log.epoch();
    let epoch = log.state_entry(&alice.person, act);
    let refused = alice.socket.refusal(&log.request(epoch, wraps)).await;
    assert_eq!(refused, ErrorCode::InvalidEntry);
    let entries = all_entries(&mut alice, &log).await;
    let Stored::Whole(bytes) = &entries[2].entry else {
        panic!("purged")
    };
    let Entry::Server(announced) = Entry::parse(bytes).unwrap() else {
        panic!("not the server's")
    };
    let again = assemble_server(announced.header_bytes.0, announced.signature);
    let refused = alice.socket.refusal(&log.request(again, Vec::new())).await;
    assert_eq!(refused, ErrorCode::NotAllowed);
    log.say(&mut alice).await;
}

#[tokio::test]
async fn the_same_again_gets_the_same_answer() {
    let mut app = app_with_key().await;
    let mut alice = app.with_user("alice").await;
    let mut bob = app.with_user("bob").await;
    let mode = Mode::ServerManaged(server_spki().into());
    let (create, mut log) = draft_in(mode, &alice.person, &[&bob.person]);
    let first = alice.socket.call(&create).await.unwrap();
    let again = alice.socket.call(&create).await.unwrap();
    assert_eq!((first.number, first.time), (again.number, again.time));
    log.take(&create.invite);
    hear(&mut alice, &mut log).await;
    log.accept(&mut bob).await;
    let leave = log.state_entry(&bob.person, Act::Leave);
    let request = log.request(leave, Vec::new());
    let first = bob.socket.call(&request).await.unwrap();
    let again = bob.socket.call(&request).await.unwrap();
    assert_eq!((first.number, first.time), (again.number, again.time));
    assert_eq!(first.number, 4);
}

#[tokio::test]
async fn messages_that_come_between_do_not_matter() {
    let mut app = app_with_key().await;
    let mut alice = app.with_user("alice").await;
    let mut bob = app.with_user("bob").await;
    let carol = app.with_user("carol").await;
    let mut log = converse_managed(&mut alice, &[&bob.person]).await;
    log.accept(&mut bob).await;
    // The announcement that was made early is for another tree if any message comes first.
    let (act, _) = log.invite(&[&carol.person]);
    let invite = log.state_entry(&bob.person, act);
    let request = log.request(invite, Vec::new());
    let mut asked = Vec::new();
    for _ in 0..30 {
        let message = log.request(log.message(&alice.person, |_| {}), Vec::new());
        let body = secure_chat_shared::codec::encode(&message);
        asked.push(alice.socket.ask(Append::OP, body).await);
    }
    let (appended, answers) = tokio::join!(bob.socket.call(&request), alice.socket.answers(&asked));
    let invited_at = appended.unwrap().number;
    for answer in answers {
        match answer {
            Ok(_) => {}
            Err(error) => assert_eq!(error.code, ErrorCode::StaleEpoch),
        }
    }
    let entries = all_entries(&mut alice, &log).await;
    let mut read = begun(&entries);
    for at in &entries[1..] {
        read.take_at(at);
    }
    let record = read.state.epoch().unwrap();
    assert_eq!((record.epoch, record.number), (Epoch(2), invited_at + 1));
    newest_key(&mut alice, &read).await;
}

#[tokio::test]
async fn without_its_key_the_server_does_not_start() {
    let mut app = app_with_key().await;
    let mut alice = app.with_user("alice").await;
    let bob = app.with_user("bob").await;
    let mut log = converse_managed(&mut alice, &[&bob.person]).await;
    app.stop().await;
    let file = app.data().join("managed-signing-key");
    std::fs::remove_file(&file).unwrap();
    let refused = start_error(&app).await;
    assert!(refused.contains("restore it from its backup"), "{refused}");

    // With it everything goes on.
    place_key(app.data());
    app.start().await;
    let mut bob = bob.resume(&app).await;
    let entry = log.state_entry(&bob.person, accept());
    log.append(&mut bob, entry, Vec::new()).await;
    let leave = log.state_entry(&bob.person, Act::Leave);
    log.append(&mut bob, leave, Vec::new()).await;
    let mut alice = alice.resume(&app).await;
    let entries = all_entries(&mut alice, &log).await;
    log.take_at(entries.last().unwrap());
    newest_key(&mut alice, &log).await;
}

async fn start_error(app: &TestApp) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    match run(listener, app.config.clone(), std::future::ready(())).await {
        Err(error @ StartError::ManagedKey(_)) => error.to_string(),
        other => panic!("not refused for its key: {other:?}"),
    }
}

/// The log as its first entry makes it.
fn begun(entries: &[EntryAt]) -> Log {
    let Stored::Whole(bytes) = &entries[0].entry else {
        panic!("purged")
    };
    Log::from_create(bytes)
}
