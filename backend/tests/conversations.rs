//! Conversations over a real socket: writing, reading, coming and going, and who hears of it.

#![allow(clippy::unwrap_used, clippy::panic)] // in helpers too

mod common;

use common::TestApp;
use common::User;
use common::log::{accept, converse};
use common::talk::{all_entries, entry_event, together};
use secure_chat_shared::codec::Bytes;
use secure_chat_shared::ids::*;
use secure_chat_shared::log::act::{Drop, Share};
use secure_chat_shared::log::tree::{self, Frontier};
use secure_chat_shared::log::{Act, Entry};
use secure_chat_shared::protocol::*;

async fn presence_of(user: &mut User, of: UserId) -> PresenceStatus {
    user.socket
        .event_where(|event| match event {
            Event::Presence(presence) if presence.user == of => Some(presence.status),
            _ => None,
        })
        .await
}

#[tokio::test]
async fn two_people_write_and_a_restart_keeps_it() {
    let mut app = TestApp::full().await;
    let (mut alice, mut bob, mut log) = together(&mut app).await;
    let mut written = Vec::new();
    for turn in 0..6 {
        let (from, to) = if turn % 2 == 0 {
            (&mut alice, &mut bob)
        } else {
            (&mut bob, &mut alice)
        };
        let appended = log.say(from).await;
        let heard = entry_event(to).await;
        assert_eq!((heard.number, heard.time), (appended.number, appended.time));
        written.push(heard);
    }
    let before = all_entries(&mut bob, &log).await;
    assert_eq!(before.len(), 9);
    assert_eq!(
        before[3..].iter().map(|at| &at.entry).collect::<Vec<_>>(),
        written.iter().map(|at| &at.entry).collect::<Vec<_>>()
    );

    app.stop().await;
    app.start().await;
    let (mut alice, mut bob) = (alice.resume(&app).await, bob.resume(&app).await);
    let after = all_entries(&mut bob, &log).await;
    assert_eq!(
        before.iter().map(|at| &at.entry).collect::<Vec<_>>(),
        after.iter().map(|at| &at.entry).collect::<Vec<_>>()
    );
    let heads = alice
        .socket
        .call(&ListConversations)
        .await
        .unwrap()
        .conversations;
    assert_eq!(heads.len(), 1);
    assert_eq!((heads[0].id, heads[0].view), (log.id(), log.tree.view()));
    // The tree goes on from what is on disk.
    log.say(&mut alice).await;
    assert_eq!(entry_event(&mut bob).await.number, 9);
    let heads = bob
        .socket
        .call(&ListConversations)
        .await
        .unwrap()
        .conversations;
    assert_eq!(heads[0].view, log.tree.view());
}

#[tokio::test]
async fn a_newcomer_starts_from_an_anchor() {
    let mut app = TestApp::full().await;
    let (mut alice, _bob, mut log) = together(&mut app).await;
    for _ in 0..5 {
        log.say(&mut alice).await;
    }
    let mut carol = app.with_user("carol").await;
    let get_anchor = GetAnchor {
        conversation: log.id(),
        after: None,
        size: None,
    };
    assert_eq!(carol.socket.refusal(&get_anchor).await, ErrorCode::NotFound);
    let from_further_on = GetAnchor {
        size: Some(1),
        ..get_anchor.clone()
    };
    let refusal = carol.socket.refusal(&from_further_on).await;
    assert_eq!(refusal, ErrorCode::NotFound);

    let (act, wraps) = log.invite(&[&carol.person]);
    let view = log.tree.view();
    let invite = log.state_entry(&alice.person, act);
    let given = wraps.clone();
    log.append(&mut alice, invite, wraps).await;
    assert_eq!(entry_event(&mut carol).await.number, 8);

    let all = all_entries(&mut alice, &log).await;
    let anchor = carol.socket.call(&get_anchor).await.unwrap();
    assert_eq!(anchor.size, view.size);
    let mut tree = Frontier::from_peaks(anchor.size, anchor.peaks).unwrap();
    assert_eq!(tree.view(), view);
    let numbers: Vec<u64> = anchor.state.iter().map(|at| at.number).collect();
    assert_eq!(numbers, [0, 1, 2]);
    assert!(!anchor.more);
    let rest = GetAnchor {
        conversation: log.id(),
        after: Some(1),
        size: None,
    };
    let rest = carol.socket.call(&rest).await.unwrap();
    assert_eq!((rest.state.len(), rest.state[0].number), (1, 2));
    assert_eq!((rest.size, rest.more), (view.size, false));
    let to = |size| GetAnchor {
        conversation: log.id(),
        after: Some(0),
        size: Some(size),
    };
    let early = carol.socket.call(&to(7)).await.unwrap();
    assert_eq!((early.state.len(), early.size, early.more), (2, 7, false));
    let seven = Frontier::from_peaks(7, early.peaks).unwrap();
    let root = (0..7).fold(Frontier::default(), |mut tree, number| {
        let Stored::Whole(bytes) = &all[number].entry else {
            panic!("purged")
        };
        tree.append(tree::leaf_hash(bytes));
        tree
    });
    assert_eq!(seven, root);
    // With her own invitation.
    let newest = carol.socket.call(&to(9)).await.unwrap();
    assert_eq!(newest.state.last().unwrap().number, 8);
    assert_eq!(carol.socket.refusal(&to(10)).await, ErrorCode::NotFound);
    let request = GetEntries {
        conversation: log.id(),
        from: anchor.size,
        limit: 10,
    };
    let page = carol.socket.call(&request).await.unwrap();
    assert_eq!((page.entries.len(), page.size), (1, 9));
    for at in &page.entries {
        let Stored::Whole(bytes) = &at.entry else {
            panic!("purged")
        };
        tree.append(tree::leaf_hash(bytes));
    }
    assert_eq!(tree, log.tree);

    // Her wrap, and nobody else's, is proven to be the announced one.
    let epoch = Epoch(2);
    let record = log.state.epoch_record(epoch).unwrap();
    let request = GetWrap {
        conversation: log.id(),
        epoch,
    };
    let mut seen = Vec::new();
    for user in [&mut alice, &mut carol] {
        let wrap = user.socket.call(&request).await.unwrap();
        assert_eq!(wrap.wrap, given[wrap.index as usize]);
        assert!(tree::verify_inclusion(
            &record.wraps,
            record.readers,
            wrap.index,
            &wrap.wrap,
            &wrap.proof
        ));
        seen.push(wrap.index);
    }
    assert_ne!(seen[0], seen[1]);
    let earlier = GetWrap {
        conversation: log.id(),
        epoch: Epoch::FIRST,
    };
    assert_eq!(carol.socket.refusal(&earlier).await, ErrorCode::NotFound);
    let creator = alice.socket.call(&get_anchor).await.unwrap();
    assert_eq!(
        (creator.size, creator.state.len(), creator.peaks.len()),
        (0, 0, 0)
    );
}

#[tokio::test]
async fn whoever_goes_reads_what_came_before_and_an_epoch_is_due() {
    let mut app = TestApp::full().await;
    let (mut alice, mut bob, mut log) = together(&mut app).await;
    let leave = log.state_entry(&bob.person, Act::Leave);
    log.append(&mut bob, leave, Vec::new()).await;
    assert_eq!(entry_event(&mut alice).await.number, 3);

    let too_early = log.request(log.message(&alice.person, |_| {}), Vec::new());
    assert_eq!(alice.socket.refusal(&too_early).await, ErrorCode::EpochDue);
    let (act, wraps) = log.epoch();
    let epoch = log.state_entry(&alice.person, act);
    log.append(&mut alice, epoch, wraps).await;
    log.say(&mut alice).await;

    let too_late = log.request(log.message(&bob.person, |_| {}), Vec::new());
    assert_eq!(bob.socket.refusal(&too_late).await, ErrorCode::NotAllowed);
    let request = GetEntries {
        conversation: log.id(),
        from: 0,
        limit: MAX_PAGE,
    };
    let page = bob.socket.call(&request).await.unwrap();
    assert_eq!((page.size, page.entries.last().unwrap().number), (4, 3));
    assert!(
        bob.socket
            .call(&ListConversations)
            .await
            .unwrap()
            .conversations
            .is_empty()
    );

    // And may come back.
    let (act, wraps) = log.invite(&[&bob.person]);
    let invite = log.state_entry(&alice.person, act);
    log.append(&mut alice, invite, wraps).await;
    assert_eq!(
        entry_event(&mut bob).await.number,
        6,
        "nothing from while he was away"
    );
    assert_eq!(
        bob.socket
            .call(&ListConversations)
            .await
            .unwrap()
            .conversations
            .len(),
        1
    );
    assert_eq!(bob.socket.call(&request).await.unwrap().size, 7);
}

#[tokio::test]
async fn somebody_removed_hears_of_it_and_of_nothing_after() {
    let mut app = TestApp::full().await;
    let (mut alice, mut bob, mut log) = together(&mut app).await;
    let (act, wraps) = log.remove(&bob.person);
    let remove = log.state_entry(&alice.person, act);
    log.append(&mut alice, remove, wraps).await;
    log.say(&mut alice).await;
    assert_eq!(entry_event(&mut bob).await.number, 3);
    // Were there another event, it would come before this answer.
    bob.socket.call(&GetState).await.unwrap();
    let mut rest = Vec::new();
    while let Some(event) = bob.socket.kept_event() {
        rest.push(event);
    }
    assert!(
        !rest
            .iter()
            .any(|event| matches!(event, Event::Entry { .. }))
    );
}

#[tokio::test]
async fn earlier_epochs_are_shared_by_wraps() {
    let mut app = TestApp::full().await;
    let (mut alice, _bob, mut log) = together(&mut app).await;
    let mut carol = app.with_user("carol").await;
    let (act, wraps) = log.invite(&[&carol.person]);
    let invite = log.state_entry(&alice.person, act);
    log.append(&mut alice, invite, wraps).await;
    let wraps = vec![Bytes(vec![3; 384])];
    let share = Act::Share(Share {
        user: carol.id(),
        identity: carol.person.signed.hash(),
        epochs: vec![Epoch::FIRST],
        wraps: tree::wraps_root(&wraps),
    });
    let entry = log.state_entry(&alice.person, share);
    let none = log.request(entry.clone(), Vec::new());
    assert_eq!(alice.socket.refusal(&none).await, ErrorCode::InvalidWraps);
    log.append(&mut alice, entry, wraps.clone()).await;
    let request = GetWrap {
        conversation: log.id(),
        epoch: Epoch::FIRST,
    };
    assert_eq!(carol.socket.call(&request).await.unwrap().wrap, wraps[0]);
}

#[tokio::test]
async fn presence_goes_to_those_who_share_a_conversation() {
    let mut app = TestApp::full().await;
    let mut alice = app.with_user("alice").await;
    let mut bob = app.with_user("bob").await;
    assert!(
        alice
            .socket
            .call(&GetPresence)
            .await
            .unwrap()
            .people
            .is_empty()
    );
    let log = converse(&mut alice, &[&bob.person]).await;
    // From the invitation on, both ways.
    assert_eq!(
        presence_of(&mut alice, bob.id()).await,
        PresenceStatus::Online
    );
    assert_eq!(
        presence_of(&mut bob, alice.id()).await,
        PresenceStatus::Online
    );

    // Only the last socket's end is one.
    let second = bob.resume(&app).await;
    drop(second);
    let (id, token, person, session) = (bob.id(), bob.token, bob.person, bob.session);
    drop(bob.socket);
    let PresenceStatus::Offline(Some(at)) = presence_of(&mut alice, id).await else {
        panic!("bob is not offline")
    };
    let people = alice.socket.call(&GetPresence).await.unwrap().people;
    assert_eq!(
        people,
        [Presence {
            user: id,
            status: PresenceStatus::Offline(Some(at))
        }]
    );
    let found = alice
        .socket
        .call(&Lookup {
            name: person.name.clone(),
        })
        .await
        .unwrap();
    assert_eq!(
        found.presence.unwrap().status,
        PresenceStatus::Offline(Some(at))
    );

    let mut socket = app.socket().await;
    socket
        .call(&Resume {
            token: token.clone(),
        })
        .await
        .unwrap();
    assert_eq!(presence_of(&mut alice, id).await, PresenceStatus::Online);
    let mut bob = User {
        person,
        socket,
        token,
        session,
    };
    let decline = log.state_entry(&bob.person, Act::Decline);
    bob.socket
        .call(&log.request(decline, Vec::new()))
        .await
        .unwrap();
    assert!(
        bob.socket
            .call(&GetPresence)
            .await
            .unwrap()
            .people
            .is_empty()
    );
}

#[tokio::test]
async fn many_at_once_are_committed_together_and_in_order() {
    let mut app = TestApp::full().await;
    let (mut alice, mut bob, mut log) = together(&mut app).await;
    // Pipelined on one socket: numbers come in the order sent.
    let entries: Vec<Vec<u8>> = (0..50)
        .map(|_| log.message(&alice.person, |_| {}))
        .collect();
    let mut asked = Vec::new();
    for entry in &entries {
        let request = log.request(entry.clone(), Vec::new());
        let body = secure_chat_shared::codec::encode(&request);
        asked.push(alice.socket.ask(Append::OP, body).await);
    }
    for (number, id) in asked.into_iter().enumerate() {
        let body = alice.socket.answer(id).await.unwrap();
        let appended: Appended = secure_chat_shared::codec::decode(&body).unwrap();
        assert_eq!(appended.number, 3 + number as u64);
    }
    for entry in &entries {
        let at = entry_event(&mut bob).await;
        assert_eq!(at.entry, Stored::Whole(entry.clone().into()));
        log.take_at(&at);
    }
    // One bad one among good ones takes none of them with it.
    let bad = log.message(&alice.person, |header| header.epoch = Epoch(9));
    let mixed = [
        log.message(&alice.person, |_| {}),
        bad,
        log.message(&alice.person, |_| {}),
    ];
    let mut asked = Vec::new();
    for entry in mixed {
        let request = log.request(entry, Vec::new());
        let body = secure_chat_shared::codec::encode(&request);
        asked.push(alice.socket.ask(Append::OP, body).await);
    }
    let mut answers = alice.socket.answers(&asked).await;
    let last = answers.pop().unwrap();
    assert!(last.is_ok());
    assert_eq!(
        answers.pop().unwrap().unwrap_err().code,
        ErrorCode::StaleEpoch
    );
    assert!(answers.pop().unwrap().is_ok());
    assert_eq!(all_entries(&mut bob, &log).await.len(), 55);
}

#[tokio::test]
async fn pages_end_where_a_frame_does() {
    let mut app = TestApp::full().await;
    let (mut alice, _bob, mut log) = together(&mut app).await;
    // Enough for one page and a half.
    let large = MAX_FRAME * 3 / 2 / MAX_MESSAGE_ENTRY;
    for _ in 0..large {
        let mut entry = log.message(&alice.person, |_| {});
        // The same header before a seal as large as is allowed.
        let parsed = Entry::parse(&entry).unwrap();
        let Entry::Message(message) = parsed else {
            panic!("no message")
        };
        let header = message.header_bytes.0;
        let room = MAX_MESSAGE_ENTRY - header.len() - 16;
        entry = secure_chat_shared::log::entry::assemble_message(header, vec![7; room]);
        log.append(&mut alice, entry, Vec::new()).await;
    }
    let size = 3 + large as u64;
    let mut from = 0;
    let mut pages = 0;
    while from < size {
        let request = GetEntries {
            conversation: log.id(),
            from,
            limit: MAX_PAGE,
        };
        let page = alice.socket.call(&request).await.unwrap();
        assert_eq!((page.size, page.entries[0].number), (size, from));
        from += page.entries.len() as u64;
        pages += 1;
    }
    assert_eq!((from, pages), (size, 2));
    let beyond = GetEntries {
        conversation: log.id(),
        from: u64::MAX,
        limit: u32::MAX,
    };
    assert!(alice.socket.call(&beyond).await.unwrap().entries.is_empty());
    let none = GetEntries {
        conversation: log.id(),
        from: 0,
        limit: 0,
    };
    assert!(alice.socket.call(&none).await.unwrap().entries.is_empty());
}

#[tokio::test]
async fn an_invitation_is_taken_back() {
    let mut app = TestApp::full().await;
    let mut alice = app.with_user("alice").await;
    let mut bob = app.with_user("bob").await;
    let carol = app.with_user("carol").await;
    let mut log = converse(&mut alice, &[&bob.person, &carol.person]).await;
    let (act, wraps) = log.remove(&bob.person);
    let Act::Remove(Drop {
        users,
        announcement,
    }) = act
    else {
        panic!("no removal")
    };
    let entry = log.state_entry(
        &alice.person,
        Act::Uninvite(Drop {
            users,
            announcement,
        }),
    );
    log.append(&mut alice, entry, wraps).await;
    assert_eq!(entry_event(&mut bob).await.number, 1);
    assert_eq!(entry_event(&mut bob).await.number, 2);
    let late = log.request(log.state_entry(&bob.person, accept()), Vec::new());
    assert_eq!(bob.socket.refusal(&late).await, ErrorCode::NotAllowed);
}
