//! A deleted account: gone, its name taken, its words in others' logs as true as before.

#![allow(clippy::unwrap_used, clippy::panic)] // in helpers too

mod common;

use common::log::{Log, converse, draft};
use common::secrets::begin_recovery;
use common::talk::{all_entries, together};
use common::{PASSWORD, Person, TestApp, confirm, log_in};
use sea_orm::{ConnectionTrait, Statement};
use secure_chat_shared::protocol::*;

/// How many rows of a table hold these bytes anywhere in a column.
async fn rows(app: &TestApp, table: &str, column: &str, bytes: &[u8]) -> usize {
    let file = app.data().join("secure-chat.db");
    let url = format!("sqlite://{}?mode=ro", file.display());
    let database = sea_orm::Database::connect(url).await.unwrap();
    let backend = database.get_database_backend();
    let sql = format!("SELECT {column} FROM {table} WHERE {column} = $1");
    let statement = Statement::from_sql_and_values(backend, sql, [bytes.to_vec().into()]);
    let found = database.query_all_raw(statement).await.unwrap().len();
    database.close().await.unwrap();
    found
}

#[tokio::test]
async fn a_deleted_account_is_gone_and_its_name_stays_taken() {
    let mut app = TestApp::full().await;
    let (mut alice, mut bob, log) = together(&mut app).await;
    let mut phone = alice.log_in(&app).await;
    let (id, name) = (alice.id(), alice.person.name.clone());
    for (table, column) in [
        ("users", "id"),
        ("identities", "user_id"),
        ("wraps", "user_id"),
    ] {
        assert_eq!(rows(&app, table, column, &id.0).await, 1, "{table}");
    }
    assert_eq!(rows(&app, "sessions", "user_id", &id.0).await, 2);

    assert_eq!(
        alice.socket.refusal(&DeleteAccount).await,
        ErrorCode::WrongState
    );
    confirm(&mut alice.socket, PASSWORD).await.unwrap();
    alice.socket.call(&DeleteAccount).await.unwrap();
    assert_eq!(phone.socket.closed().await, close_code::SESSION_ENDED);
    let refused = alice.socket.refusal(&GetState).await;
    assert_eq!(refused, ErrorCode::NotSignedIn);
    for (table, column) in [
        ("users", "id"),
        ("identities", "user_id"),
        ("wraps", "user_id"),
        ("sessions", "user_id"),
    ] {
        assert_eq!(rows(&app, table, column, &id.0).await, 0, "{table}");
    }
    // Somebody else's are still there.
    assert_eq!(rows(&app, "wraps", "user_id", &bob.id().0).await, 1);

    let mut fresh = app.socket().await;
    for token in [&alice.token, &phone.token] {
        let token = token.clone();
        let refused = fresh.refusal(&Resume { token }).await;
        assert_eq!(refused, ErrorCode::SessionEnded);
    }
    // Login and recovery know the name as little as any that never was.
    let error = log_in(&mut fresh, &name, PASSWORD).await.unwrap_err();
    let nobody = log_in(&mut fresh, &Person::new("nobody", 3).name, PASSWORD).await;
    assert_eq!(error, nobody.unwrap_err());
    let recovery = begin_recovery(&mut fresh, &name, &alice.person.code).await;
    assert_eq!(recovery.err(), Some(error));

    // The directory and presence know nobody.
    let lookup = Lookup { name: name.clone() };
    assert_eq!(bob.socket.refusal(&lookup).await, ErrorCode::NotFound);
    let names = LookupNames { names: vec![name] };
    assert_eq!(bob.socket.call(&names).await.unwrap().people.len(), 0);
    let users = LookupUsers { users: vec![id] };
    assert_eq!(bob.socket.call(&users).await.unwrap().people.len(), 0);
    assert_eq!(bob.socket.call(&GetPresence).await.unwrap().people, []);
    // Nobody takes the name, one that looks like it, or the id; after a restart neither.
    app.stop().await;
    app.start().await;
    for person in [
        Person::new("alice", 3),
        Person::new("a1ice", 4),
        Person::of(id, "carol", 5),
    ] {
        let refused = person.register(app.socket().await).await;
        let code = refused.err().map(|error| error.code);
        assert_eq!(code, Some(ErrorCode::NameTaken));
    }
    let mut bob = bob.resume(&app).await;
    assert_eq!(all_entries(&mut bob, &log).await.len(), 3);
}

#[tokio::test]
async fn logs_with_somebody_who_is_gone_verify_and_go_on() {
    let mut app = TestApp::full().await;
    let (mut alice, mut bob, mut log) = together(&mut app).await;
    let carol = app.with_user("carol").await;
    log.say(&mut alice).await;
    log.say(&mut bob).await;
    confirm(&mut alice.socket, PASSWORD).await.unwrap();
    alice.socket.call(&DeleteAccount).await.unwrap();

    // From nothing but the log: every signature, alice's too, with the identities inside it.
    let entries = all_entries(&mut bob, &log).await;
    let Stored::Whole(create) = &entries[0].entry else {
        panic!("purged")
    };
    let mut read = Log::from_create(create);
    for entry in &entries[1..] {
        read.take_at(entry);
    }
    assert_eq!(read.tree.view(), log.tree.view());
    // bob writes on, invites, and removes whoever is gone as an admin would; nobody can invite them again.
    log.say(&mut bob).await;
    let (act, wraps) = log.invite(&[&carol.person]);
    let entry = log.state_entry(&bob.person, act);
    log.append(&mut bob, entry, wraps).await;
    let (draft, _) = draft(&bob.person, &[&alice.person]);
    let refused = bob.socket.refusal(&draft).await;
    assert_eq!(refused, ErrorCode::StaleIdentity);
    converse(&mut bob, &[&carol.person]).await;
}
