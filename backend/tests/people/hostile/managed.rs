//! A server that does more with the keys it makes than it may, or less.

use secure_chat_shared::client::api::{Answer, MessageState, Reason};
use secure_chat_shared::crypto::epoch::{EpochContext, EpochKey};
use secure_chat_shared::log::Act;
use secure_chat_shared::log::entry::{ServerHeader, assemble_server, server_signing_payload};
use secure_chat_shared::log::tree::wrap_proofs;
use secure_chat_shared::protocol::{GetWrap, WrapFor};

use super::super::common;
use super::super::common::managed::{SERVER_KEYS, app_with_key};
use super::insider::{gives, gives_next, wrapped};
use super::*;

/// Alice, bob and carol in a conversation whose key the server makes.
async fn a_managed_trio(app: &TestApp) -> (Person, Person, Person, ConversationId) {
    let mut alice = Person::register(app.address, "alice", 1, RsaPss).await;
    let mut bob = Person::register(app.address, "bob", 2, Dsa).await;
    let mut carol = Person::register(app.address, "carol", 3, RsaPss).await;
    let create = Action::CreateConversation {
        people: vec!["bob".into(), "carol".into()],
        title: "ours".into(),
        managed: true,
    };
    let Answer::Conversation(id) = alice.does(create).await.unwrap() else {
        panic!("no conversation")
    };
    alice.does(Action::Open(id)).await.unwrap();
    bob.joins(id).await;
    carol.joins(id).await;
    alice.writes(id, "first").await;
    for person in [&mut alice, &mut bob, &mut carol] {
        person.sees_members(id, &["alice", "bob", "carol"]).await;
        person.reads(id, &["first"]).await;
    }
    (alice, bob, carol, id)
}

/// The server's announcement of a fresh key as `insider`'s log stands, signed by these keys, and its altered wraps.
fn announced(
    insider: &mut Insider,
    by: &common::Person,
    alter: impl FnOnce(&EpochContext, &mut Vec<Bytes>),
) -> (Bytes, Vec<Bytes>) {
    let readers = insider.readers();
    let (mut announcement, wraps) = insider.announcement(&readers, "", alter);
    announcement.title = None;
    let (id, view) = (insider.log.id(), insider.log.tree.view());
    let header = ServerHeader::new(id, view, insider.log.state.last, announcement);
    let header = codec::encode(&header);
    let signature = by.sign(&server_signing_payload(&header));
    (Bytes(assemble_server(header, signature)), wraps)
}

/// Bob hears that carol leaves, and nothing more of what is true. Whose log it is: alice's, as far as he knows.
async fn carol_leaves(
    alice: &Person,
    bob: &mut Person,
    carol: &Person,
    id: ConversationId,
) -> Insider {
    let mut insider = Insider::of(alice, 1, id).await;
    let leave = Insider::of(carol, 3, id).await.entry(Act::Leave, |_| {});
    insider.log.take(&leave);
    bob.is_lied_to(keeping_entries_back());
    gives_next(bob, id, leave).await;
    bob.sees_members(id, &["alice", "bob"]).await;
    insider
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_a_member_announces_where_the_server_makes_them_stops_the_log() {
    local(async {
        let app = app_with_key().await;
        let (alice, mut bob, _carol, id) = a_managed_trio(&app).await;
        let before = sight(&bob, id);
        let mut insider = Insider::of(&alice, 1, id).await;
        let readers = insider.readers();
        let (announcement, _) = insider.announcement(&readers, "ours", |_, _| {});
        let entry = insider.entry(Act::Epoch(announcement), |_| {});
        gives_next(&bob, id, entry).await;
        is_stopped_because(&mut bob, id, &before, "the server makes the keys here").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_nothing_asked_for_stops_the_log() {
    local(async {
        let app = app_with_key().await;
        let (alice, mut bob, _carol, id) = a_managed_trio(&app).await;
        let before = sight(&bob, id);
        let mut insider = Insider::of(&alice, 1, id).await;
        let server = common::Person::new("server", SERVER_KEYS);
        let (entry, _) = announced(&mut insider, &server, |_, _| {});
        gives_next(&bob, id, entry).await;
        is_stopped_because(&mut bob, id, &before, "nothing asked for").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_announced_by_another_server_stops_the_log() {
    local(async {
        let app = app_with_key().await;
        let (alice, mut bob, carol, id) = a_managed_trio(&app).await;
        let mut insider = carol_leaves(&alice, &mut bob, &carol, id).await;
        let before = sight(&bob, id);
        let other = common::Person::new("server", 5);
        let (entry, _) = announced(&mut insider, &other, |_, _| {});
        gives_next(&bob, id, entry).await;
        is_stopped_because(&mut bob, id, &before, "signature does not hold").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_the_server_gives_one_member_alone_opens_nothing() {
    local(async {
        let app = app_with_key().await;
        let (alice, mut bob, carol, id) = a_managed_trio(&app).await;
        let mut insider = carol_leaves(&alice, &mut bob, &carol, id).await;
        let before = sight(&bob, id);
        let server = common::Person::new("server", SERVER_KEYS);
        let readers = insider.readers();
        let user = bob.user();
        let place = readers
            .iter()
            .position(|signed| signed.identity().user == user);
        let place = place.unwrap();
        let (entry, wraps) = announced(&mut insider, &server, |context, wraps| {
            wraps[place] = wrapped(&readers[place], &EpochKey::make(), context);
        });
        let wrap = WrapFor {
            wrap: wraps[place].clone(),
            index: place as u64,
            proof: Bytes(wrap_proofs(&wraps).swap_remove(place)),
        };
        bob.is_meddled_with(move |op, body| match op {
            GetWrap::OP => Fate::Answered(Bytes(codec::encode(&wrap))),
            Append::OP => Fate::Lost,
            _ => Fate::Done(body),
        });
        gives_next(&bob, id, entry.clone()).await;
        insider.log.take(&entry);
        let message = insider.message("under another key", |_, _| {});
        gives(&bob, id, insider.log.tree.size(), message);
        sees_marked(&mut bob, id, &before, &[Reason::NoKey]).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_the_server_keeps_back_is_waited_for() {
    local(async {
        let app = app_with_key().await;
        let (alice, mut bob, carol, id) = a_managed_trio(&app).await;
        carol_leaves(&alice, &mut bob, &carol, id).await;
        let appended = appended(&mut bob);
        bob.writes(id, "not for carol").await;
        bob.ticks().await;
        // She who has left knows the only key that there is.
        assert!(appended.borrow().is_empty(), "nothing goes out");
        let page = bob.page.borrow();
        let state = &page.messages(id).last().unwrap().state;
        assert_eq!(*state, MessageState::Pending);
    })
    .await;
}
