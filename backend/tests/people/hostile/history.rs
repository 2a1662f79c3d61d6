//! Logs that are not the one that everybody else has.

use secure_chat_shared::client::api::{Failure, MessageState, Reason};
use secure_chat_shared::ids::Timestamp;
use secure_chat_shared::protocol::{Appended, ListConversations};

use super::super::person::PASSWORD;
use super::insider::{gives, gives_next, room};
use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_dropped_in_the_middle_stops_the_log() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, mut bob, id) = a_pair(&app).await;
        let mut dropped = None;
        bob.is_lied_to(move |given| match given {
            Given::Event(mut event) => {
                if let Event::Entry { entry, .. } = &mut *event {
                    let first = *dropped.get_or_insert(entry.number);
                    if entry.number == first {
                        return None;
                    }
                    entry.number -= 1;
                }
                Some(Given::Event(event))
            }
            given => Some(given),
        });
        alice.writes(id, "dropped").await;
        alice.writes(id, "next").await;
        bob.until("an alarm", |page| is_stopped(page, id)).await;
        assert_eq!(bob.page.borrow().texts(id), ["first"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_is_not_shown_and_forks_the_log() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, mut bob, id) = a_pair(&app).await;
        let mut seen = Vec::new();
        bob.is_lied_to(altering(move |at| {
            seen.push(at.entry.clone());
            if seen.len() == 2 {
                at.entry = seen[0].clone();
            }
        }));
        alice.writes(id, "second").await;
        bob.reads(id, &["first", "second"]).await;
        let before = bob.sees(id).head_code;
        alice.writes(id, "third").await;
        bob.until("the replay is in his tree", |page| {
            page.conversations[&id].head_code != before
        })
        .await;
        assert_eq!(bob.page.borrow().texts(id), ["first", "second"]);
        // Two histories of the same size: what bob writes now names a view that no honest log has.
        bob.writes(id, "mine").await;
        let state = bob.page.borrow().messages(id)[2].state.clone();
        assert_eq!(state, MessageState::Failed(Failure::LogBroken));
        alice.writes(id, "fourth").await;
        bob.until("an alarm", |page| is_stopped(page, id)).await;
        assert_eq!(bob.page.borrow().texts(id), ["first", "second", "mine"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_in_another_order_stop_the_log() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, mut bob, id) = a_pair(&app).await;
        let before = sight(&bob, id);
        // The first is held back until the second has taken its place.
        let mut held = None;
        bob.is_lied_to(move |given| match given {
            Given::Event(event) => match *event {
                Event::Entry {
                    conversation,
                    mut entry,
                } => {
                    if held.is_none() {
                        held = Some(entry);
                        return None;
                    }
                    entry.number -= 1;
                    Some(Given::Event(Box::new(Event::Entry {
                        conversation,
                        entry,
                    })))
                }
                event => Some(Given::Event(Box::new(event))),
            },
            given => Some(given),
        });
        alice.writes(id, "first of two").await;
        alice.writes(id, "second of two").await;
        is_stopped_because(&mut bob, id, &before, "left out").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_on_two_branches_are_stopped_by_each_others_next_entry() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, mut bob, mut mallory, id) = a_circle(&app).await;
        // What bob writes is said to be taken, and given to nobody.
        bob.is_meddled_with(|op, body| {
            if op != Append::OP {
                return Fate::Done(body);
            }
            let append: Append = codec::decode(&body).unwrap();
            let number = Entry::parse(&append.entry).unwrap().view().size;
            let time = Timestamp(1);
            Fate::Answered(Bytes(codec::encode(&Appended { number, time })))
        });
        bob.is_lied_to(keeping_entries_back());
        bob.writes(id, "on another branch").await;
        alice.writes(id, "on a branch").await;
        mallory.reads(id, &["first", "on a branch"]).await;
        mallory.writes(id, "second on it").await;
        alice
            .reads(id, &["first", "on a branch", "second on it"])
            .await;
        bob.reads(id, &["first", "on another branch"]).await;
        let (hers, his) = (sight(&alice, id), sight(&bob, id));
        // Each is given what was written on the other branch, in the place where it would come.
        let place = room(&mallory, id).await.frontier.size() - 1;
        let page = mallory
            .asks(&GetEntries {
                conversation: id,
                from: place,
                limit: 1,
            })
            .await
            .unwrap();
        let theirs = whole(&page.entries[0]).clone();
        gives(&bob, id, place, theirs);
        is_stopped_because(&mut bob, id, &his, "another history").await;
        alice
            .reads(id, &["first", "on a branch", "second on it"])
            .await;
        let hers = Sight {
            texts: sight(&alice, id).texts,
            ..hers
        };
        let mut insider = Insider::of(&mallory, 4, id).await;
        insider.log.tree = room(&bob, id).await.frontier;
        let on_his = insider.message("after bob's", |_, _| {});
        gives_next(&alice, id, on_his).await;
        is_stopped_because(&mut alice, id, &hers, "another history").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_browsers_of_one_person_on_two_branches_are_stopped() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, mut bob, mallory, id) = a_circle(&app).await;
        let mut second = Person::sign_in(app.address, "bob", PASSWORD).await.unwrap();
        second.does(Action::Open(id)).await.unwrap();
        let insider = Insider::of(&mallory, 4, id).await;
        second.is_lied_to(keeping_entries_back());
        gives_next(&second, id, insider.message("for this browser", |_, _| {})).await;
        second.reads(id, &["first", "for this browser"]).await;
        alice.writes(id, "for the other").await;
        bob.reads(id, &["first", "for the other"]).await;
        let before = sight(&bob, id);
        second.ticks().await;
        is_stopped_because(&mut bob, id, &before, "another browser").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_browser_has_seen_is_not_kept_back() {
    local(async {
        let app = TestApp::full().await;
        let (_alice, mut bob, mallory, id) = a_circle(&app).await;
        let mut second = Person::sign_in(app.address, "bob", PASSWORD).await.unwrap();
        second.does(Action::Open(id)).await.unwrap();
        let before = sight(&bob, id);
        let insider = Insider::of(&mallory, 4, id).await;
        gives_next(&second, id, insider.message("for this browser", |_, _| {})).await;
        second.reads(id, &["first", "for this browser"]).await;
        second.ticks().await;
        is_stopped_because(&mut bob, id, &before, "another browser").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_entry_where_another_browser_has_one_stops_the_log() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, mut bob, mallory, id) = a_circle(&app).await;
        let mut second = Person::sign_in(app.address, "bob", PASSWORD).await.unwrap();
        second.does(Action::Open(id)).await.unwrap();
        let insider = Insider::of(&mallory, 4, id).await;
        gives_next(&second, id, insider.message("for this browser", |_, _| {})).await;
        second.reads(id, &["first", "for this browser"]).await;
        second.ticks().await;
        // Not told of it, it learns when it writes itself; the entry that comes then is another one.
        bob.is_lied_to(|given| match given {
            Given::Event(event) if matches!(*event, Event::StateWritten { .. }) => None,
            given => Some(given),
        });
        let (user, verified) = (alice.user(), true);
        let mark = Action::MarkVerified { user, verified };
        bob.does(mark).await.unwrap();
        bob.ticks().await;
        assert!(!is_stopped(&bob.page.borrow(), id));
        alice.writes(id, "for the other").await;
        bob.until("an alarm", |page| is_stopped(page, id)).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_entry_in_the_place_of_one_held_stops_the_log() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, mut bob, mallory, id) = a_circle(&app).await;
        let insider = Insider::of(&mallory, 4, id).await;
        let place = insider.log.tree.size();
        alice.writes(id, "second").await;
        bob.reads(id, &["first", "second"]).await;
        let before = sight(&bob, id);
        gives(&bob, id, place, insider.message("instead", |_, _| {}));
        is_stopped_because(&mut bob, id, &before, "in the place of one").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shorter_log_that_is_another_stops() {
    local(async {
        let app = TestApp::full().await;
        let (_alice, mut bob, id) = a_pair(&app).await;
        let before = sight(&bob, id);
        bob.disconnect().await;
        bob.is_lied_to(altering_replies::<ListConversations>(|list| {
            list.conversations[0].view.size -= 1;
        }));
        bob.connect(app.address).await;
        is_stopped_because(&mut bob, id, &before, "another history").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_with_another_head_stops() {
    local(async {
        let app = TestApp::full().await;
        let (_alice, mut bob, id) = a_pair(&app).await;
        let before = sight(&bob, id);
        bob.disconnect().await;
        bob.is_lied_to(altering_replies::<ListConversations>(|list| {
            list.conversations[0].view.root.0[0] ^= 1;
        }));
        bob.connect(app.address).await;
        is_stopped_because(&mut bob, id, &before, "another history").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_lie_stays_as_evidence() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, mut bob, id) = a_pair(&app).await;
        let insider = Insider::of(&alice, 1, id).await;
        let forged = insider.message("forged", |header, _| header.view.root.0[0] ^= 1);
        gives_next(&bob, id, forged.clone()).await;
        bob.until("an alarm", |page| is_stopped(page, id)).await;
        let evidence = room(&bob, id).await.broken.unwrap();
        assert_eq!(evidence.entry, forged);
        assert_eq!(evidence.own_root, Some(insider.log.tree.root()));
        // Later lies are not told in its place.
        alice.writes(id, "next").await;
        bob.disconnect().await;
        bob.is_lied_to(altering_replies::<ListConversations>(|list| {
            list.conversations[0].view.size = 1;
        }));
        bob.connect(app.address).await;
        let mut bob = bob.reload().await;
        bob.connect(app.address).await;
        let kept = room(&bob, id).await.broken.unwrap();
        assert_eq!((kept.reason, kept.entry), (evidence.reason, forged));
    })
    .await;
}

/// A stated limit: nothing proves that there is more. The short codes of the log's head differ.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_newest_entries_kept_back_show_in_the_head_code() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, mut bob, id) = a_pair(&app).await;
        bob.is_lied_to(keeping_entries_back());
        assert_eq!(alice.sees(id).head_code, bob.sees(id).head_code);
        alice.writes(id, "kept back").await;
        bob.disconnect().await;
        bob.connect(app.address).await;
        assert_eq!(bob.sees(id).blocked, None);
        assert_eq!(bob.page.borrow().texts(id), ["first"]);
        assert_ne!(alice.sees(id).head_code, bob.sees(id).head_code);
        bob.is_told_the_truth();
        alice.writes(id, "next").await;
        bob.reads(id, &["first", "kept back", "next"]).await;
        assert_eq!(alice.sees(id).head_code, bob.sees(id).head_code);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_said_to_be_purged_keeps_its_place() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, mut bob, id) = a_pair(&app).await;
        let before = sight(&bob, id);
        let mut once = true;
        bob.is_lied_to(altering(move |at| {
            if std::mem::take(&mut once) {
                at.entry = Stored::Purged(at.entry.leaf());
            }
        }));
        alice.writes(id, "hidden").await;
        sees_marked(&mut bob, id, &before, &[Reason::Purged]).await;
        alice.writes(id, "next").await;
        bob.reads(id, &["first", "next"]).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entries_moved_from_another_conversation_stop_the_log() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, mut bob, id) = a_pair(&app).await;
        let other = alice.begins_with(&["bob"], "another").await;
        bob.joins(other).await;
        alice.sees_members(other, &["alice", "bob"]).await;
        alice.writes(other, "said elsewhere").await;
        let rename = Action::Rename {
            conversation: other,
            title: "renamed".into(),
        };
        alice.does(rename).await.unwrap();
        let page = alice
            .asks(&GetEntries {
                conversation: other,
                from: 3,
                limit: 2,
            })
            .await
            .unwrap();
        let [message, rename] = &page.entries[..] else {
            panic!("{page:?}")
        };
        assert!(is_message(message) && !is_message(rename));
        for (person, entry) in [(&mut bob, message), (&mut alice, rename)] {
            let before = sight(person, id);
            gives_next(person, id, whole(entry).clone()).await;
            is_stopped_because(person, id, &before, "another history").await;
        }
    })
    .await;
}
