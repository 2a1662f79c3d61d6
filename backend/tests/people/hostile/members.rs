//! Members whom nobody added, and members whom nobody dropped.

use secure_chat_shared::client::api::{Action, Failure, Reason};
use secure_chat_shared::client::native::test_keys;
use secure_chat_shared::codec::{self, Bytes};
use secure_chat_shared::ids::Timestamp;
use secure_chat_shared::log::Act;
use secure_chat_shared::protocol::Appended;

use super::super::common;
use super::insider::gives_next;
use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_that_the_server_forges_stops_the_log() {
    local(async {
        let app = TestApp::full().await;
        let (alice, mut bob, id) = a_pair(&app).await;
        let before = sight(&bob, id);
        let mut server = Insider::of(&alice, 1, id).await;
        server.keys.keys = test_keys::set(6).unwrap();
        let spy = common::Person::new("spy", 7);
        let (act, _) = server.log.invite(&[&spy]);
        gives_next(&bob, id, server.entry(act, |_| {})).await;
        is_stopped_because(&mut bob, id, &before, "signature does not hold").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_by_a_member_of_another_conversation_stops_the_log() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, mut bob, id) = a_pair(&app).await;
        let mut mallory = Person::register(app.address, "mallory", 4, RsaPss).await;
        let other = alice.begins_with(&["mallory"], "").await;
        mallory.joins(other).await;
        let before = sight(&bob, id);
        let mut insider = Insider::of(&bob, 2, id).await;
        insider.keys = Insider::of(&mallory, 4, other).await.keys;
        let spy = common::Person::new("spy", 7);
        let (act, _) = insider.log.invite(&[&spy]);
        gives_next(&bob, id, insider.entry(act, |_| {})).await;
        is_stopped_because(&mut bob, id, &before, "no member").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_slipped_into_an_announcement_stops_the_log() {
    local(async {
        let app = TestApp::full().await;
        let (_alice, mut bob, mallory, id) = a_circle(&app).await;
        let before = sight(&bob, id);
        let mut mallory = Insider::of(&mallory, 4, id).await;
        let mut readers = mallory.readers();
        readers.push(common::Person::new("spy", 7).signed);
        let (announcement, _) = mallory.announcement(&readers, "ours", |_, _| {});
        let entry = mallory.entry(Act::Epoch(announcement), |_| {});
        gives_next(&bob, id, entry).await;
        is_stopped_because(&mut bob, id, &before, "other readers").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leave_that_the_server_forges_stops_the_log() {
    local(async {
        let app = TestApp::full().await;
        let (alice, mut bob, id) = a_pair(&app).await;
        let before = sight(&bob, id);
        let mut server = Insider::of(&alice, 1, id).await;
        server.keys.keys = test_keys::set(6).unwrap();
        gives_next(&bob, id, server.entry(Act::Leave, |_| {})).await;
        is_stopped_because(&mut bob, id, &before, "signature does not hold").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removal_by_somebody_who_is_no_admin_stops_the_log() {
    local(async {
        let app = TestApp::full().await;
        let (alice, mut bob, mallory, id) = a_circle(&app).await;
        let before = sight(&bob, id);
        let mallory = Insider::of(&mallory, 4, id).await;
        let alice = Insider::of(&alice, 1, id).await.keys;
        let (act, _) = mallory.log.remove(&alice);
        gives_next(&bob, id, mallory.entry(act, |_| {})).await;
        is_stopped_because(&mut bob, id, &before, "may not do this").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removal_kept_back_stops_the_log() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, mut bob, carol, id) = with_carol(&app).await;
        let before = sight(&bob, id);
        // The server would have bob go on writing to carol: it hides her removal behind its true hash.
        bob.is_lied_to(altering(|at| {
            if !is_message(at) {
                at.entry = Stored::Purged(at.entry.leaf());
            }
        }));
        let (conversation, user) = (id, carol.user());
        let remove = Action::Remove { conversation, user };
        alice.does(remove).await.unwrap();
        alice.writes(id, "among us").await;
        is_stopped_because(
            &mut bob,
            id,
            &before,
            "change of this conversation's members",
        )
        .await;
    })
    .await;
}

/// Alice, bob and carol, who is to be removed.
async fn with_carol(app: &TestApp) -> (Person, Person, Person, ConversationId) {
    let (mut alice, mut bob, id) = a_pair(app).await;
    let mut carol = Person::register(app.address, "carol", 3, RsaPss).await;
    alice.invites(id, &["carol"]).await;
    carol.joins(id).await;
    alice.sees_members(id, &["alice", "bob", "carol"]).await;
    bob.sees_members(id, &["alice", "bob", "carol"]).await;
    (alice, bob, carol, id)
}

/// Says that what is appended was taken, at the number that `place` makes of its author's.
fn taking_nothing(place: impl Fn(u64) -> u64 + 'static) -> impl FnMut(u16, Bytes) -> Fate {
    move |op, body| {
        if op != Append::OP {
            return Fate::Done(body);
        }
        let append: Append = codec::decode(&body).unwrap();
        let appended = Appended {
            number: place(Entry::parse(&append.entry).unwrap().view().size),
            time: Timestamp(1),
        };
        Fate::Answered(Bytes(codec::encode(&appended)))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removal_that_was_only_said_to_be_taken_stops_the_log() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, mut bob, carol, id) = with_carol(&app).await;
        let (conversation, user) = (id, carol.user());
        alice.is_meddled_with(taking_nothing(|number| number));
        let remove = Action::Remove { conversation, user };
        alice.does(remove).await.unwrap();
        alice.is_told_the_truth();
        let before = sight(&alice, id);
        bob.writes(id, "to all three").await;
        is_stopped_because(&mut alice, id, &before, "in the place of one").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removal_that_was_taken_nowhere_is_not_said_to_be_done() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, _bob, carol, id) = with_carol(&app).await;
        let before = sight(&alice, id);
        let (conversation, user) = (id, carol.user());
        for place in [|_| 0, |number| number - 1, |number| number + 1] {
            alice.is_meddled_with(taking_nothing(place));
            let answer = alice.does(Action::Remove { conversation, user }).await;
            assert!(matches!(answer, Err(Failure::Server(_))), "{answer:?}");
            assert_eq!(sight(&alice, id), before);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_somebody_removed_writes_under_the_old_head_is_marked() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, mut bob, mallory, id) = a_circle(&app).await;
        let insider = Insider::of(&mallory, 4, id).await;
        let (conversation, user) = (id, mallory.user());
        let remove = Action::Remove { conversation, user };
        alice.does(remove).await.unwrap();
        bob.sees_members(id, &["alice", "bob"]).await;
        let before = sight(&bob, id);
        gives_next(&bob, id, insider.message("still here", |_, _| {})).await;
        sees_marked(&mut bob, id, &before, &[Reason::Signature]).await;
        alice.writes(id, "next").await;
        is_stopped_because(&mut bob, id, &before, "in the place of one").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_somebody_removed_changes_under_the_old_head_stops_the_log() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, mut bob, mallory, id) = a_circle(&app).await;
        let insider = Insider::of(&mallory, 4, id).await;
        let (conversation, user) = (id, mallory.user());
        let remove = Action::Remove { conversation, user };
        alice.does(remove).await.unwrap();
        bob.sees_members(id, &["alice", "bob"]).await;
        let before = sight(&bob, id);
        let spy = common::Person::new("spy", 7);
        let (act, _) = insider.log.invite(&[&spy]);
        gives_next(&bob, id, insider.entry(act, |_| {})).await;
        is_stopped_because(&mut bob, id, &before, "another state entry came first").await;
    })
    .await;
}
