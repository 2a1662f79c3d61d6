//! Entries that the server refuses, each with its error; and it goes on.

mod common;

use common::log::{self, accept, draft};
use common::talk::{all_entries, together};
use common::{Person, TestApp};
use secure_chat_shared::codec::Bytes;
use secure_chat_shared::ids::*;
use secure_chat_shared::log::{Entry, Mode};
use secure_chat_shared::protocol::*;

#[tokio::test]
async fn bad_messages_are_refused_and_the_next_good_one_taken() {
    let mut app = TestApp::full().await;
    let (mut alice, mut bob, mut log) = together(&mut app).await;
    let mut carol = app.with_user("carol").await;
    log.say(&mut alice).await;

    let by_bob = log.message(&bob.person, |_| {});
    let cases = [
        ("by somebody else", by_bob, ErrorCode::NotAllowed),
        (
            "stale epoch",
            log.message(&alice.person, |header| header.epoch = Epoch(7)),
            ErrorCode::StaleEpoch,
        ),
        (
            "false root",
            log.message(&alice.person, |header| header.view.root = Root([7; 32])),
            ErrorCode::FalseView,
        ),
        (
            "false root of an earlier size",
            log.message(&alice.person, |header| header.view.size -= 1),
            ErrorCode::FalseView,
        ),
        (
            "a view beyond the end",
            log.message(&alice.person, |header| header.view.size += 1),
            ErrorCode::FalseView,
        ),
        (
            "another conversation",
            log.message(&alice.person, |header| {
                header.conversation = ConversationId([7; 32])
            }),
            ErrorCode::InvalidEntry,
        ),
        (
            "another identity",
            log.message(&alice.person, |header| {
                header.identity = IdentityHash([7; 32])
            }),
            ErrorCode::StaleIdentity,
        ),
        (
            "another version",
            log.message(&alice.person, |header| header.version = 2),
            ErrorCode::InvalidEntry,
        ),
        ("no entry", vec![1, 2, 3], ErrorCode::InvalidEntry),
        ("nothing", Vec::new(), ErrorCode::InvalidEntry),
    ];
    for (what, entry, code) in cases {
        let request = log.request(entry, Vec::new());
        assert_eq!(alice.socket.refusal(&request).await, code, "{what}");
    }
    let good = log.message(&alice.person, |_| {});
    let wraps = vec![Bytes(vec![1; 384])];
    let with_wraps = log.request(good.clone(), wraps);
    assert_eq!(
        alice.socket.refusal(&with_wraps).await,
        ErrorCode::InvalidWraps
    );
    let mut large = vec![0x83, 2, 0x5a];
    large.resize(MAX_MESSAGE_ENTRY + 1, 0);
    assert_eq!(
        alice.socket.refusal(&log.request(large, Vec::new())).await,
        ErrorCode::TooLarge
    );

    let elsewhere = Append {
        conversation: ConversationId([7; 32]),
        entry: good.clone().into(),
        wraps: Vec::new(),
    };
    assert_eq!(alice.socket.refusal(&elsewhere).await, ErrorCode::NotFound);
    let outsider = log.request(log.message(&carol.person, |_| {}), Vec::new());
    assert_eq!(carol.socket.refusal(&outsider).await, ErrorCode::NotAllowed);
    let request = GetEntries {
        conversation: log.id(),
        from: 0,
        limit: 1,
    };
    assert_eq!(carol.socket.refusal(&request).await, ErrorCode::NotFound);

    log.append(&mut alice, good, Vec::new()).await;
    log.say(&mut bob).await;
}

#[tokio::test]
async fn the_same_message_again_gets_the_same_answer_again() {
    let mut app = TestApp::full().await;
    let (mut alice, mut bob, mut log) = together(&mut app).await;
    let id = MessageId([5; 16]);
    let entry = log.message(&alice.person, |header| header.id = id);
    let first = log.append(&mut alice, entry.clone(), Vec::new()).await;
    log.say(&mut bob).await;
    // Not even a new epoch changes what was answered.
    let (act, wraps) = log.epoch();
    let epoch = log.state_entry(&alice.person, act);
    log.append(&mut alice, epoch, wraps).await;
    let again = alice
        .socket
        .call(&log.request(entry, Vec::new()))
        .await
        .unwrap();
    assert_eq!((again.number, again.time), (first.number, first.time));

    let other = log.message(&alice.person, |header| header.id = id);
    let refused = alice.socket.refusal(&log.request(other, Vec::new())).await;
    assert_eq!(refused, ErrorCode::DuplicateId);
    // Ids are each author's own.
    let same_id = log.message(&bob.person, |header| header.id = id);
    log.append(&mut bob, same_id, Vec::new()).await;
    let numbers: Vec<u64> = all_entries(&mut alice, &log)
        .await
        .iter()
        .map(|at| at.number)
        .collect();
    assert_eq!(numbers, [0, 1, 2, 3, 4, 5, 6]);
}

#[tokio::test]
async fn bad_state_entries_are_refused() {
    let mut app = TestApp::full().await;
    let (mut alice, mut bob, mut log) = together(&mut app).await;
    let mut carol = app.with_user("carol").await;
    let stranger = Person::new("stranger", 7);

    // Somebody was faster.
    let late = log.clone();
    let (act, wraps) = log.epoch();
    let epoch = log.state_entry(&alice.person, act);
    log.append(&mut alice, epoch.clone(), wraps.clone()).await;
    let (act, late_wraps) = late.epoch();
    let conflicting = late.request(late.state_entry(&bob.person, act), late_wraps);
    assert_eq!(bob.socket.refusal(&conflicting).await, ErrorCode::Conflict);
    // The same bytes again are no conflict.
    let again = alice.socket.call(&log.request(epoch, wraps)).await.unwrap();
    assert_eq!(again.number, 3);

    let (act, wraps) = log.epoch();
    let mut forged = log.state_entry(&alice.person, act);
    *forged.last_mut().unwrap() ^= 1;
    let refused = alice.socket.refusal(&log.request(forged, wraps)).await;
    assert_eq!(refused, ErrorCode::InvalidSignature);

    let (act, wraps) = log.epoch();
    let mut header = log.header(&alice.person, act);
    header.view.root = Root([7; 32]);
    let refused = alice
        .socket
        .refusal(&log.request(log::signed(&alice.person, &header), wraps))
        .await;
    assert_eq!(refused, ErrorCode::FalseView);

    let (act, mut wraps) = log.epoch();
    let entry = log.state_entry(&alice.person, act);
    wraps.swap(0, 1);
    let swapped = log.request(entry.clone(), wraps.clone());
    assert_eq!(
        alice.socket.refusal(&swapped).await,
        ErrorCode::InvalidWraps
    );
    wraps.pop();
    let missing = log.request(entry, wraps);
    assert_eq!(
        alice.socket.refusal(&missing).await,
        ErrorCode::InvalidWraps
    );

    let (act, wraps) = log.invite(&[&stranger]);
    let refused = alice
        .socket
        .refusal(&log.request(log.state_entry(&alice.person, act), wraps))
        .await;
    assert_eq!(refused, ErrorCode::StaleIdentity, "not in the directory");

    let (act, wraps) = log.remove(&alice.person);
    let refused = bob
        .socket
        .refusal(&log.request(log.state_entry(&bob.person, act), wraps))
        .await;
    assert_eq!(refused, ErrorCode::NotAllowed, "bob is no admin");
    let joining = log.request(log.state_entry(&carol.person, accept()), Vec::new());
    assert_eq!(
        carol.socket.refusal(&joining).await,
        ErrorCode::NotAllowed,
        "never invited"
    );

    let mut large = vec![0x83, 1, 0x5a];
    large.resize(MAX_STATE_ENTRY + 1, 0);
    assert_eq!(
        alice.socket.refusal(&log.request(large, Vec::new())).await,
        ErrorCode::TooLarge
    );
    log.say(&mut alice).await;
}

#[tokio::test]
async fn a_conversation_begins_whole_or_not_at_all() {
    let mut app = TestApp::full().await;
    let mut alice = app.with_user("alice").await;
    let mut bob = app.with_user("bob").await;
    let (good, _) = draft(&alice.person, &[&bob.person]);

    assert_eq!(
        bob.socket.refusal(&good).await,
        ErrorCode::NotAllowed,
        "alice's, sent by bob"
    );
    let mut swapped = good.clone();
    swapped.wraps.swap(0, 1);
    assert_eq!(
        alice.socket.refusal(&swapped).await,
        ErrorCode::InvalidWraps
    );
    let mut forged = good.clone();
    *forged.invite.0.last_mut().unwrap() ^= 1;
    assert_eq!(
        alice.socket.refusal(&forged).await,
        ErrorCode::InvalidSignature
    );
    let (other, _) = draft(&alice.person, &[&bob.person]);
    let mixed = CreateConversation {
        create: other.create,
        ..good.clone()
    };
    assert_ne!(alice.socket.refusal(&mixed).await, ErrorCode::Internal);
    let twice = CreateConversation {
        invite: good.create.clone(),
        ..good.clone()
    };
    assert_eq!(alice.socket.refusal(&twice).await, ErrorCode::FalseView);
    let (strange, _) = draft(&alice.person, &[&Person::new("stranger", 7)]);
    assert_eq!(
        alice.socket.refusal(&strange).await,
        ErrorCode::StaleIdentity
    );
    let spki = alice.person.signed.identity().rsa_signing.clone();
    let managed = log::create_entry(&alice.person, Mode::ServerManaged(spki));
    let managed = CreateConversation {
        create: managed.into(),
        ..good.clone()
    };
    assert_eq!(
        alice.socket.refusal(&managed).await,
        ErrorCode::InvalidEntry
    );
    assert!(
        alice
            .socket
            .call(&ListConversations)
            .await
            .unwrap()
            .conversations
            .is_empty()
    );

    let first = alice.socket.call(&good).await.unwrap();
    let again = alice.socket.call(&good).await.unwrap();
    assert_eq!((again.number, again.time), (first.number, first.time));
    let id = ConversationId::from(Entry::parse(&good.create).unwrap().hash());
    let heads = bob
        .socket
        .call(&ListConversations)
        .await
        .unwrap()
        .conversations;
    assert_eq!((heads.len(), heads[0].id, heads[0].view.size), (1, id, 2));
}
