//! Entries given back to a server that lost them.

#![allow(clippy::unwrap_used, clippy::panic)] // in helpers too

mod common;

use common::log::{Log, accept, converse, draft, draft_in};
use common::managed::{app_with_key, converse_managed, server_spki};
use common::talk::{all_entries, entry_event, newest_key, together};
use common::{Person, TestApp, User};
use secure_chat_shared::codec::Bytes;
use secure_chat_shared::ids::Epoch;
use secure_chat_shared::log::{Act, Mode};
use secure_chat_shared::protocol::*;

/// A log with its exact bytes: what a client keeps.
struct Kept {
    log: Log,
    entries: Vec<Bytes>,
}

impl Kept {
    /// Made without a server.
    fn made(request: &CreateConversation, log: Log) -> Self {
        let mut kept = Self {
            log,
            entries: vec![request.create.clone()],
        };
        kept.take(&request.invite);
        kept
    }

    /// As the server has it.
    async fn read(user: &mut User, log: &Log) -> Self {
        let entries = all_entries(user, log).await.into_iter().map(whole);
        Self {
            log: log.clone(),
            entries: entries.collect(),
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.log.take(bytes);
        self.entries.push(bytes.into());
    }

    fn act(&mut self, author: &Person, act: Act) {
        let entry = self.log.state_entry(author, act);
        self.take(&entry);
    }

    fn say(&mut self, author: &Person) {
        let message = self.log.message(author, |_| {});
        self.take(&message);
    }

    fn from(&self, from: usize) -> Reupload {
        Reupload {
            conversation: self.log.id(),
            from: from as u64,
            entries: self.entries[from..].to_vec(),
        }
    }

    fn size(&self) -> u64 {
        self.entries.len() as u64
    }
}

fn whole(at: EntryAt) -> Bytes {
    match at.entry {
        Stored::Whole(bytes) => bytes,
        Stored::Purged(_) => panic!("purged"),
    }
}

#[tokio::test]
async fn a_server_restored_from_its_backup_gets_back_what_it_lost() {
    let mut app = TestApp::full().await;
    let (mut alice, bob, mut log) = together(&mut app).await;
    let carol = app.with_user("carol").await;
    log.say(&mut alice).await;
    app.stop().await;
    let (file, backup) = (
        app.data().join("secure-chat.db"),
        app.data().join("backup.db"),
    );
    std::fs::copy(&file, &backup).unwrap();

    app.start().await;
    let (mut alice, mut bob) = (alice.resume(&app).await, bob.resume(&app).await);
    let mut carol = carol.resume(&app).await;
    let (act, wraps) = log.invite(&[&carol.person]);
    let invite = log.state_entry(&alice.person, act);
    log.append(&mut alice, invite, wraps).await;
    log.accept(&mut carol).await;
    log.say(&mut carol).await;
    log.say(&mut alice).await;
    let kept = Kept::read(&mut bob, &log).await;
    app.stop().await;
    std::fs::copy(&backup, &file).unwrap();

    app.start().await;
    let (mut alice, mut bob) = (alice.resume(&app).await, bob.resume(&app).await);
    let heads = bob.socket.call(&ListConversations).await.unwrap();
    assert_eq!(heads.conversations[0].view.size, 4);
    // Carol's own invitation is among what was lost. Bob gives some that the server has; a second time, all are.
    let mut carol = carol.resume(&app).await;
    let given = carol.socket.call(&kept.from(4)).await.unwrap();
    assert_eq!(given.size, kept.size());
    for from in [2, 0] {
        let given = bob.socket.call(&kept.from(from)).await.unwrap();
        assert_eq!(given.size, kept.size());
    }
    for (number, entry) in kept.entries.iter().enumerate().skip(4) {
        let told = entry_event(&mut alice).await;
        assert_eq!((told.number, whole(told)), (number as u64, entry.clone()));
    }
    let again = Kept::read(&mut alice, &log).await;
    assert_eq!(again.entries, kept.entries);
    let heads = bob.socket.call(&ListConversations).await.unwrap();
    assert_eq!(heads.conversations[0].view, log.tree.view());

    // The wraps are gone: that is what faults are for. All else goes on.
    let wrap = GetWrap {
        conversation: log.id(),
        epoch: Epoch(2),
    };
    assert_eq!(carol.socket.refusal(&wrap).await, ErrorCode::NotFound);
    let fault = log.state_entry(&carol.person, Act::Fault(Epoch(2)));
    log.append(&mut carol, fault, Vec::new()).await;
    log.say(&mut carol).await;
}

#[tokio::test]
async fn a_log_that_the_server_never_saw_is_taken_from_its_beginning() {
    let mut app = TestApp::full().await;
    let mut alice = app.with_user("alice").await;
    let mut bob = app.with_user("bob").await;
    let mut carol = app.with_user("carol").await;
    // Lost with the rest: dave had registered after the backup.
    let dave = Person::new("dave", 4);
    let (request, log) = draft(&alice.person, &[&bob.person, &dave]);
    let mut kept = Kept::made(&request, log);
    kept.act(&bob.person, accept());
    kept.act(&dave, accept());
    kept.say(&dave);
    kept.act(&alice.person, Act::Leave);

    assert_eq!(bob.socket.refusal(&kept.from(1)).await, ErrorCode::NotFound);
    assert_eq!(
        carol.socket.refusal(&kept.from(0)).await,
        ErrorCode::NotFound
    );
    let mut short = kept.from(0);
    short.entries.truncate(1);
    assert_eq!(bob.socket.refusal(&short).await, ErrorCode::InvalidEntry);
    let mut other = kept.from(0);
    other.conversation.0[0] ^= 1;
    assert_eq!(bob.socket.refusal(&other).await, ErrorCode::InvalidEntry);

    let given = bob.socket.call(&kept.from(0)).await.unwrap();
    assert_eq!(given.size, kept.size());
    assert_eq!(entry_event(&mut alice).await.number, 1);
    let read = Kept::read(&mut bob, &kept.log).await;
    assert_eq!(read.entries, kept.entries);
    // Who may read is noted as when it was new.
    let heads = alice.socket.call(&ListConversations).await.unwrap();
    assert!(heads.conversations.is_empty());
    let (act, wraps) = kept.log.epoch();
    let epoch = kept.log.state_entry(&bob.person, act);
    kept.log.append(&mut bob, epoch, wraps).await;
    kept.log.say(&mut bob).await;
}

#[tokio::test]
async fn what_is_not_the_log_is_refused_whole() {
    let mut app = TestApp::full().await;
    let mut alice = app.with_user("alice").await;
    let mut bob = app.with_user("bob").await;
    let mut mallory = app.with_user("mallory").await;
    let mut log = converse(&mut alice, &[&bob.person]).await;
    log.accept(&mut bob).await;
    let kept = Kept::read(&mut alice, &log).await;
    let with = |make: &dyn Fn(&mut Kept)| {
        let mut more = Kept {
            log: kept.log.clone(),
            entries: kept.entries.clone(),
        };
        make(&mut more);
        more.from(kept.entries.len())
    };
    let mut different = kept.from(1);
    different.entries[1] = kept.entries[0].clone();
    let mut gap = with(&|more| more.say(&bob.person));
    gap.from += 1;
    let unsigned = with(&|more| {
        let mut entry = more.log.state_entry(&bob.person, Act::Leave);
        *entry.last_mut().unwrap() ^= 1;
        more.entries.push(entry.into());
    });
    let false_view = with(&|more| {
        let message = more
            .log
            .message(&bob.person, |header| header.view.root.0[0] ^= 1);
        more.entries.push(message.into());
    });
    let stale = with(&|more| {
        let message = more.log.message(&bob.person, |header| header.epoch.0 += 1);
        more.entries.push(message.into());
    });
    let foreign = with(&|more| {
        let message = more.log.message(&mallory.person, |_| {});
        more.entries.push(message.into());
    });
    let twice = with(&|more| {
        let message = more.log.message(&bob.person, |_| {});
        more.entries.push(message.clone().into());
        more.entries.push(message.into());
    });
    // Whoever makes up an identity for somebody could write in their name.
    let made_up = with(&|more| {
        let double = Person::of(mallory.id(), "mallory", 6);
        let (act, _) = more.log.invite(&[&double]);
        more.act(&alice.person, act);
    });
    let cases = [
        (different, ErrorCode::Conflict),
        (gap, ErrorCode::NotFound),
        (unsigned, ErrorCode::InvalidSignature),
        (false_view, ErrorCode::FalseView),
        (stale, ErrorCode::StaleEpoch),
        (foreign, ErrorCode::NotAllowed),
        (twice, ErrorCode::DuplicateId),
        (made_up, ErrorCode::StaleIdentity),
    ];
    for (number, (mut request, code)) in cases.into_iter().enumerate() {
        assert_eq!(alice.socket.refusal(&request).await, code, "case {number}");
        // With something good before it nothing is kept either.
        if request.from == kept.size() {
            let good = log.message(&bob.person, |_| {});
            request.entries.insert(0, good.into());
            assert_eq!(alice.socket.refusal(&request).await, code, "case {number}");
        }
        assert_eq!(all_entries(&mut alice, &log).await.len(), 3);
    }
    let good = with(&|more| more.say(&bob.person));
    assert_eq!(mallory.socket.refusal(&good).await, ErrorCode::NotFound);
    let taken = alice.socket.call(&good).await.unwrap();
    assert_eq!(taken.size, 4);
    assert_eq!(entry_event(&mut bob).await.number, 1);
    assert_eq!(entry_event(&mut bob).await.number, 3);
}

#[tokio::test]
async fn a_newer_identity_than_the_directory_has_is_taken_if_it_follows() {
    let mut app = TestApp::full().await;
    let mut alice = app.with_user("alice").await;
    let bob = app.with_user("bob").await;
    // Published after the backup.
    let newer = bob.person.renewed(5);
    let (request, log) = draft(&alice.person, &[&newer]);
    let kept = Kept::made(&request, log);
    let given = alice.socket.call(&kept.from(0)).await.unwrap();
    assert_eq!(given.size, 2);
}

#[tokio::test]
async fn announcements_of_the_server_are_given_back_or_made_anew() {
    let mut app = app_with_key().await;
    let mut alice = app.with_user("alice").await;
    let mut bob = app.with_user("bob").await;
    let log = converse_managed(&mut alice, &[&bob.person]).await;
    let kept = Kept::read(&mut alice, &log).await;

    // Another server with the same key, to which all of it is new.
    let mut other = app_with_key().await;
    let mut alice = register(&mut other, alice.person).await;
    let mut bob_there = register(&mut other, bob.person.clone()).await;
    let given = alice.socket.call(&kept.from(0)).await.unwrap();
    assert_eq!(given.size, 3);
    let read = Kept::read(&mut alice, &log).await;
    assert_eq!(read.entries, kept.entries);

    // What nobody had heard the answer to is answered, to everybody, when somebody asks who is still in.
    let mut more = read;
    let decline = more.log.state_entry(&bob.person, Act::Decline);
    more.take(&decline);
    let given = bob_there.socket.call(&more.from(3)).await.unwrap();
    assert_eq!(given.size, 4);
    let asks = more.from(4);
    let gone = bob_there.socket.call(&asks).await.unwrap();
    assert_eq!(gone.size, 4);
    let answered = alice.socket.call(&asks).await.unwrap();
    assert_eq!(answered.size, 5);
    let again = alice.socket.call(&asks).await.unwrap();
    assert_eq!(again.size, 5);
    let mut log = more.log;
    let before = entry_event(&mut alice).await;
    assert_eq!((before.number, whole(before)), (3, decline.into()));
    log.take_at(&entry_event(&mut alice).await);
    newest_key(&mut alice, &log).await;

    // A key of another server is none of ours.
    let foreign = Mode::ServerManaged(alice.person.keys.rsa_signing.spki().unwrap().into());
    assert_ne!(foreign, Mode::ServerManaged(server_spki().into()));
    let (request, log) = draft_in(foreign, &alice.person, &[&bob.person]);
    let kept = Kept::made(&request, log);
    assert_eq!(
        bob.socket.refusal(&kept.from(0)).await,
        ErrorCode::InvalidEntry
    );
}

async fn register(app: &mut TestApp, person: Person) -> User {
    person.register(app.socket().await).await.unwrap()
}
