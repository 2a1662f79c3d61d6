//! Conversations of as many people as there may be: created, re-keyed and entered within the limits of frames.
//!
//! Prints what it takes (`--nocapture`); asserts no times, which are the machine's.

#![allow(clippy::unwrap_used, clippy::panic)] // in helpers too

mod common;

use std::time::Instant;

use common::log::{Log, draft, draft_in};
use common::managed::{hear, place_key, server_spki};
use common::talk::{entry_event, newest_key};
use common::{Person, TestApp, User};
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use secure_chat::Storage;
use secure_chat_shared::client::native::test_keys;
use secure_chat_shared::codec;
use secure_chat_shared::crypto::identity::{Identity, SignedIdentity};
use secure_chat_shared::crypto::random;
use secure_chat_shared::crypto::recovery::RecoveryCode;
use secure_chat_shared::crypto::signing::{Algorithm, Signature};
use secure_chat_shared::ids::{UserId, UserName};
use secure_chat_shared::log::{Act, Mode};
use secure_chat_shared::protocol::*;

#[tokio::test]
async fn five_hundred_people_fit() {
    let mut app = TestApp::with(|config| place_key(&config.data)).await;
    let alice = app.with_user("alice").await;
    let zoe = app.with_user("zoe").await;
    let last = app.with_user("last").await;
    app.stop().await;
    let mut people = write_people(&app, MAX_READERS - 2).await;
    people.push(last.person.clone());
    let everybody: Vec<&Person> = people.iter().collect();
    app.start().await;
    let (mut alice, mut last) = (alice.resume(&app).await, last.resume(&app).await);
    let mut zoe = zoe.resume(&app).await;

    let names = people.iter().map(|person| person.name.clone());
    let names = LookupNames {
        names: names.collect(),
    };
    let found = timed("looking 499 people up", &mut alice, &names).await;
    assert_eq!(found.people.len(), people.len());

    let (request, mut log) = draft(&alice.person, &everybody);
    timed("creating it, end-to-end", &mut alice, &request).await;
    log.take_unverified(&request.invite);
    assert_eq!(entry_event(&mut last).await.number, 1);
    append(&mut alice, &mut log, "re-keying it", |log| log.epoch()).await;
    assert_eq!(entry_event(&mut last).await.number, 2);

    // Invited again and again: what a newcomer replays is more than a frame.
    let others = &everybody[..everybody.len() - 1];
    let (again, once) = ("inviting 498 again", "taking 498 invitations back");
    append(&mut alice, &mut log, once, |log| log.uninvite(others)).await;
    append(&mut alice, &mut log, again, |log| log.invite(others)).await;
    append(&mut alice, &mut log, once, |log| log.uninvite(others)).await;
    append(&mut alice, &mut log, again, |log| log.invite(others)).await;
    append(&mut alice, &mut log, "taking one back", |log| {
        log.uninvite(&everybody[..1])
    })
    .await;
    let before = log.clone();
    append(&mut alice, &mut log, "inviting one", |log| {
        log.invite(&[&zoe.person])
    })
    .await;
    enter(&mut zoe, &before).await;

    // The same where the server makes the keys.
    let mode = Mode::ServerManaged(server_spki().into());
    let (request, mut log) = draft_in(mode, &alice.person, &everybody);
    timed("creating it, server-managed", &mut alice, &request).await;
    log.take_unverified(&request.invite);
    hear(&mut alice, &mut log).await;
    let key = newest_key(&mut alice, &log).await;
    assert_eq!(newest_key(&mut last, &log).await, key);

    append(
        &mut alice,
        &mut log,
        "taking one back, server-managed",
        |log| log.uninvite(&everybody[..1]),
    )
    .await;
    hear(&mut alice, &mut log).await;
    assert_ne!(newest_key(&mut last, &log).await, key);
}

/// Puts so many people into the database. What they have signed is noise: the directory holds what was verified, so
/// that nobody verifies it again.
async fn write_people(app: &TestApp, count: usize) -> Vec<Person> {
    let Storage::Sqlite(file) = &app.config.storage else {
        panic!("another database")
    };
    let url = format!("sqlite://{}", file.display());
    let database = sea_orm::Database::connect(url).await.unwrap();
    let keys: Vec<_> = (0..test_keys::COUNT)
        .map(|n| test_keys::set(n).unwrap())
        .collect();
    let mut people = Vec::new();
    for number in 0..count {
        let keys = keys[number % keys.len()].clone();
        let public = keys.public().unwrap();
        let identity = Identity {
            user: UserId(random::bytes()),
            name: UserName::parse(&name_of(number)).unwrap(),
            version: 1,
            previous: None,
            encryption: public.encryption.into(),
            rsa_signing: public.rsa_signing.into(),
            dsa_signing: public.dsa_signing.into(),
            algorithm: Algorithm::RsaPss,
        };
        let noise = |length| Signature::from(vec![7; length]);
        let signed = SignedIdentity::assemble(identity.body(), noise(384), noise(71), None);
        let signed = signed.unwrap();
        let id = identity.user.0.to_vec();
        let name = identity.name.as_str();
        for (sql, values) in [
            (
                "INSERT INTO users (id, name, skeleton, opaque_record, vault, recovery_verifier, \
                 state_generation, state, created) VALUES ($1, $2, $2, x'', x'', x'', 1, x'', 0)",
                vec![id.clone().into(), name.into()],
            ),
            (
                "INSERT INTO identities (user_id, version, bytes) VALUES ($1, 1, $2)",
                vec![id.into(), signed.bytes().into()],
            ),
        ] {
            let statement = Statement::from_sql_and_values(DbBackend::Sqlite, sql, values);
            database.execute_raw(statement).await.unwrap();
        }
        people.push(Person {
            name: identity.name,
            id: identity.user,
            keys,
            signed,
            code: RecoveryCode::make(),
        });
    }
    database.close().await.unwrap();
    people
}

/// Names of letters that no two of look alike.
fn name_of(number: usize) -> String {
    let letters = b"abcdefghjk";
    let digits = [number / 100, number / 10 % 10, number % 10];
    let name: String = digits
        .iter()
        .map(|digit| char::from(letters[*digit]))
        .collect();
    format!("p-{name}")
}

/// Calls and prints time and bytes both ways.
async fn timed<R: Request>(what: &str, user: &mut User, request: &R) -> R::Reply {
    let body = codec::encode(request);
    let sent = body.len();
    assert!(sent < MAX_FRAME, "{what}: {sent} bytes");
    let started = Instant::now();
    let id = user.socket.ask(R::OP, body).await;
    let answer = user.socket.answer(id).await.unwrap();
    let took = started.elapsed();
    println!(
        "{what}: {took:.0?}, {sent} bytes sent, {} received",
        answer.len()
    );
    codec::decode(&answer).unwrap()
}

/// Appends what `make` says, as [`timed`].
async fn append(
    user: &mut User,
    log: &mut Log,
    what: &str,
    make: impl Fn(&Log) -> (Act, Vec<codec::Bytes>),
) {
    let (act, wraps) = make(log);
    let entry = log.state_entry(&user.person, act);
    let request = log.request(entry, wraps);
    timed(what, user, &request).await;
    log.take_unverified(&request.entry);
}

/// Replays what came before one's invitation, page by page, to what it was then.
async fn enter(newcomer: &mut User, before: &Log) {
    let mut read: Option<Log> = None;
    let mut after = None;
    let mut pages = 0;
    loop {
        let conversation = before.id();
        let request = GetAnchor {
            conversation,
            after,
            size: None,
        };
        let anchor = timed("a page of what came before", newcomer, &request).await;
        assert!(codec::encode(&anchor).len() < MAX_FRAME);
        assert_eq!(anchor.size, before.tree.size());
        assert_eq!(anchor.peaks, before.tree.peaks());
        pages += 1;
        after = anchor.state.last().map(|at| at.number);
        for at in anchor.state {
            match (&mut read, &at.entry) {
                (Some(read), Stored::Whole(bytes)) => read.take_unverified(bytes),
                (None, Stored::Whole(create)) => read = Some(Log::from_create(create)),
                (_, Stored::Purged(_)) => panic!("purged"),
            }
        }
        if !anchor.more {
            break;
        }
    }
    assert!(pages > 1, "one page holds it all: this shows nothing");
    let read = read.unwrap();
    assert_eq!(read.tree, before.tree);
    assert_eq!(read.state.readers(), before.state.readers());
}
