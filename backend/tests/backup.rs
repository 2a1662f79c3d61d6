//! Backups made while people write, restored into an empty folder; and what they give away.

#![allow(clippy::unwrap_used, clippy::panic)] // in helpers too

mod common;

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use common::log::Log;
use common::managed::{app_with_key, converse_managed};
use common::operator::{fails, runs};
use common::talk::together;
use common::{PASSWORD, TestApp, User, confirm, log_in};
use sea_orm::{ConnectionTrait, Statement};
use secure_chat::Storage;
use secure_chat_shared::crypto::opaque::{ClientLogin, ServerSetup};
use secure_chat_shared::ids::UserName;
use secure_chat_shared::protocol::*;

const SETUP: &str = "opaque-server-setup";

/// Writes until told to stop; counts what was acknowledged.
async fn write_on(alice: &mut User, log: &mut Log, acknowledged: &AtomicUsize, stop: &AtomicBool) {
    while !stop.load(Ordering::SeqCst) {
        log.say(alice).await;
        acknowledged.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn a_backup_made_while_people_write_holds_all_that_was_acknowledged() {
    let mut app = TestApp::full().await;
    let (mut alice, mut bob, mut log) = together(&mut app).await;
    let places = tempfile::tempdir().unwrap();
    let data = app.data().to_owned();
    let (acknowledged, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let backups = async {
        let mut made = Vec::new();
        for number in 0..3 {
            let file = places.path().join(format!("backup-{number}"));
            let before = acknowledged.load(Ordering::SeqCst);
            let text = runs(&data, &["backup", file.to_str().unwrap()]).await;
            assert!(text.contains("Accounts: 2"), "{text}");
            assert!(
                text.contains(&format!("{}.{SETUP}", file.display())),
                "{text}"
            );
            made.push((file, before));
        }
        stop.store(true, Ordering::SeqCst);
        made
    };
    let (made, ()) = tokio::join!(
        backups,
        write_on(&mut alice, &mut log, &acknowledged, &stop)
    );
    let all = all_of(&mut bob, &log).await;
    assert_eq!(all.len(), 3 + acknowledged.load(Ordering::SeqCst));
    let (_, last) = made.last().unwrap();
    assert!(*last > 0, "nothing was written meanwhile");

    for (number, (file, before)) in made.iter().enumerate() {
        let folder = places.path().join(format!("restored-{number}"));
        let text = runs(&folder, &["restore", file.to_str().unwrap()]).await;
        assert!(text.contains("Accounts: 2"), "{text}");
        let restored = TestApp::with(|config| {
            config.storage = Storage::Sqlite(folder.join("secure-chat.db"));
            config.data = folder.clone();
        })
        .await;
        let mut bob = bob.resume(&restored).await;
        let entries = all_of(&mut bob, &log).await;
        assert!(entries.len() >= 3 + before, "{} of {before}", entries.len());
        assert_eq!(entries, all[..entries.len()]);
        // The log goes on, the wraps are there, and passwords are those of before.
        let Stored::Whole(create) = &entries[0] else {
            panic!("purged")
        };
        let mut read = Log::from_create(create);
        for entry in &entries[1..] {
            let Stored::Whole(bytes) = entry else {
                panic!("purged")
            };
            read.take(bytes);
        }
        read.say(&mut bob).await;
        common::talk::newest_wrap(&mut bob, &read).await;
        let mut fresh = restored.socket().await;
        log_in(&mut fresh, &alice.person.name, PASSWORD)
            .await
            .unwrap();
    }
}

/// The whole log, page by page.
async fn all_of(user: &mut User, log: &Log) -> Vec<Stored> {
    let mut all: Vec<Stored> = Vec::new();
    loop {
        let request = GetEntries {
            conversation: log.id(),
            from: all.len() as u64,
            limit: MAX_PAGE,
        };
        let page = user.socket.call(&request).await.unwrap().entries;
        if page.is_empty() {
            return all;
        }
        all.extend(page.into_iter().map(|at| at.entry));
    }
}

#[tokio::test]
async fn nothing_is_overwritten_and_nothing_half_is_restored() {
    let mut app = TestApp::full().await;
    app.with_user("alice").await;
    let places = tempfile::tempdir().unwrap();
    let data = app.data().to_owned();
    let file = places.path().join("backup");
    let name = file.to_str().unwrap();
    runs(&data, &["backup", name]).await;
    #[cfg(unix)]
    for file in [file.clone(), places.path().join(format!("backup.{SETUP}"))] {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", file.display());
    }
    let error = fails(&data, &["backup", name]).await;
    assert!(error.contains("is there already"), "{error}");
    let error = fails(&data, &["restore", name]).await;
    assert!(error.contains("is not empty"), "{error}");

    let folder = places.path().join("restored");
    let setup = places.path().join(format!("backup.{SETUP}"));
    let (kept, whole) = (fs::read(&setup).unwrap(), fs::read(&file).unwrap());
    let nothing_there = |error: String, word: &str| {
        assert!(error.contains(word), "{error}");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0, "{error}");
    };
    fs::remove_file(&setup).unwrap();
    nothing_there(fails(&folder, &["restore", name]).await, "is missing");
    fs::write(&setup, &kept[1..]).unwrap();
    nothing_there(
        fails(&folder, &["restore", name]).await,
        "is no whole backup",
    );
    fs::write(&setup, &kept).unwrap();
    for damaged in [&whole[..whole.len() / 2], &b"not a database"[..], b""] {
        fs::write(&file, damaged).unwrap();
        nothing_there(
            fails(&folder, &["restore", name]).await,
            "is no whole backup",
        );
    }
    fs::write(&file, &whole).unwrap();
    runs(&folder, &["restore", name]).await;
    let mut names: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["lock", SETUP, "secure-chat.db"]);
}

#[tokio::test]
async fn the_key_of_managed_conversations_is_backed_up_apart_and_asked_for() {
    let mut app = app_with_key().await;
    let mut alice = app.with_user("alice").await;
    let bob = app.with_user("bob").await;
    converse_managed(&mut alice, &[&bob.person]).await;
    let places = tempfile::tempdir().unwrap();
    let data = app.data().to_owned();
    let file = places.path().join("backup");
    let name = file.to_str().unwrap();
    runs(&data, &["backup", name]).await;
    let key = places.path().join("backup.managed-signing-key");
    let kept = fs::read(&key).unwrap();
    let folder = places.path().join("restored");
    fs::remove_file(&key).unwrap();
    let error = fails(&folder, &["restore", name]).await;
    assert!(error.contains("is missing"), "{error}");
    fs::write(&key, kept).unwrap();
    runs(&folder, &["restore", name]).await;
}

/// Whether any 16 bytes of `secret` in a row are in a file.
fn holds(file: &Path, secret: &[u8]) -> bool {
    let bytes = fs::read(file).unwrap();
    let parts: std::collections::HashSet<&[u8]> = secret.windows(16).collect();
    bytes.windows(16).any(|window| parts.contains(window))
}

/// Whether a guess is confirmed by what an attacker has.
fn guess(setup: &ServerSetup, record: &[u8], name: &UserName, password: &str) -> bool {
    let (login, ke1) = ClientLogin::start(password).unwrap();
    let (_, ke2) = setup.login_start(Some(record), name, &ke1).unwrap();
    login.finish(password, &ke2).is_ok()
}

#[tokio::test]
async fn database_and_backup_confirm_no_guess_without_the_setup() {
    let mut app = TestApp::full().await;
    let (mut alice, _bob, mut log) = together(&mut app).await;
    confirm(&mut alice.socket, PASSWORD).await.unwrap();
    log.say(&mut alice).await;
    let places = tempfile::tempdir().unwrap();
    let data = app.data().to_owned();
    let file = places.path().join("backup");
    runs(&data, &["backup", file.to_str().unwrap()]).await;
    let secret = fs::read(data.join(SETUP)).unwrap();

    // The setup is in none of the files but its own.
    let database = ["secure-chat.db", "secure-chat.db-wal"].map(|name| data.join(name));
    for path in database.iter().chain([&file]) {
        assert!(!holds(path, &secret), "{}", path.display());
    }
    let apart = places.path().join(format!("backup.{SETUP}"));
    assert!(holds(&apart, &secret), "the search would find it");

    // What the backup has of alice confirms the right password to whoever has the setup; to whoever has not, the right
    // one is like any other.
    let url = format!("sqlite://{}?mode=ro", file.display());
    let opened = sea_orm::Database::connect(url).await.unwrap();
    let statement = Statement::from_string(
        opened.get_database_backend(),
        "SELECT opaque_record FROM users WHERE name = 'alice'",
    );
    let row = opened.query_one_raw(statement).await.unwrap().unwrap();
    let record: Vec<u8> = row.try_get_by_index(0).unwrap();
    let name = &alice.person.name;
    let setup = ServerSetup::from_bytes(&secret).unwrap();
    assert!(guess(&setup, &record, name, PASSWORD));
    assert!(!guess(&setup, &record, name, "wrong-kestrel"));
    let without = ServerSetup::make();
    assert!(!guess(&without, &record, name, PASSWORD));
    assert!(!guess(&without, &record, name, "wrong-kestrel"));
}

#[tokio::test]
async fn an_account_that_is_gone_is_not_in_the_files_either() {
    let mut app = TestApp::full().await;
    let mut alice = app.with_user("alice").await;
    let confirmed = confirm(&mut alice.socket, PASSWORD).await.unwrap();
    let vault = confirmed.vault.priv_by_password;
    alice.socket.call(&DeleteAccount).await.unwrap();
    let data = app.data().to_owned();
    let places = tempfile::tempdir().unwrap();
    let file = places.path().join("backup");
    runs(&data, &["backup", file.to_str().unwrap()]).await;
    app.stop().await;
    // Once the server has stopped there is no write-ahead log any more.
    for path in [data.join("secure-chat.db"), file] {
        assert!(!holds(&path, &vault), "{}", path.display());
    }
}
