//! Messages that nobody wrote like that.

use secure_chat_shared::client::api::{MessageState, Reason};
use secure_chat_shared::crypto::random;
use secure_chat_shared::ids::{ConversationId, Epoch, MessageId, Timestamp};
use secure_chat_shared::log::entry::assemble_message;

use super::insider::{gives_next, room};
use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_altered_message_is_marked_and_the_next_entry_stops_the_log() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, mut bob, id) = a_pair(&app).await;
        let mut once = true;
        bob.is_lied_to(altering(move |at| {
            if std::mem::take(&mut once)
                && let Stored::Whole(bytes) = &mut at.entry
            {
                *bytes.0.last_mut().unwrap() ^= 1;
            }
        }));
        alice.writes(id, "true").await;
        bob.until("a marked row", |page| reasons(page, id) == [Reason::Seal])
            .await;
        assert_eq!(bob.page.borrow().texts(id), ["first"]);
        alice.writes(id, "next").await;
        bob.until("an alarm", |page| is_stopped(page, id)).await;
        assert_eq!(bob.page.borrow().texts(id), ["first"]);
        let answer = bob.does(Action::Leave(id)).await;
        assert_eq!(
            answer,
            Err(Failure::LogBroken),
            "nothing goes out of a stopped log"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_in_another_members_name_is_marked() {
    local(async {
        let app = TestApp::full().await;
        let (alice, mut bob, mallory, id) = a_circle(&app).await;
        let before = sight(&bob, id);
        let alice = Insider::of(&alice, 1, id).await.keys;
        let mallory = Insider::of(&mallory, 4, id).await;
        let forged = mallory.message("by alice", |header, inner| {
            header.sender = alice.id;
            header.identity = alice.signed.hash();
            inner.algorithm = alice.signed.identity().algorithm;
        });
        gives_next(&bob, id, forged).await;
        sees_marked(&mut bob, id, &before, &[Reason::Signature]).await;
        // As oneself, too.
        let bobs = Insider::of(&bob, 2, id).await;
        let mut mallory = mallory;
        mallory.log = bobs.log.clone();
        let forged = mallory.message("by bob", |header, inner| {
            header.sender = bobs.keys.id;
            header.identity = bobs.keys.signed.hash();
            inner.algorithm = bobs.algorithm;
        });
        gives_next(&bob, id, forged).await;
        let marks = [Reason::Signature, Reason::Signature];
        sees_marked(&mut bob, id, &before, &marks).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_with_another_sender_in_its_header_is_marked() {
    local(async {
        let app = TestApp::full().await;
        let (alice, mut bob, mallory, id) = a_circle(&app).await;
        let before = sight(&bob, id);
        let (sender, insider) = (alice.user(), Insider::of(&mallory, 4, id).await);
        // The server alone, which has the sealed bytes and no key: it rewrites what is in clear.
        let true_one = insider.message("by mallory", |_, _| {});
        let Ok(Entry::Message(mut message)) = Entry::parse(&true_one) else {
            panic!("no message")
        };
        message.header.sender = sender;
        message.header.identity = Insider::of(&alice, 1, id).await.keys.signed.hash();
        let header = codec::encode(&message.header);
        let forged = Bytes(assemble_message(header, message.sealed.0));
        gives_next(&bob, id, forged).await;
        sees_marked(&mut bob, id, &before, &[Reason::Seal]).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_by_another_algorithm_than_its_authors_is_marked() {
    local(async {
        let app = TestApp::full().await;
        let (_alice, mut bob, mallory, id) = a_circle(&app).await;
        let before = sight(&bob, id);
        let mut insider = Insider::of(&mallory, 4, id).await;
        assert_eq!(insider.algorithm, RsaPss);
        insider.algorithm = Dsa;
        // The signature holds, by a key of hers, but not by the one that she chose to sign with.
        gives_next(&bob, id, insider.message("by DSA", |_, _| {})).await;
        sees_marked(&mut bob, id, &before, &[Reason::Signature]).await;
        insider.log = Insider::of(&bob, 2, id).await.log;
        let claimed = insider.message("claimed", |_, inner| inner.algorithm = RsaPss);
        gives_next(&bob, id, claimed).await;
        let marks = [Reason::Signature, Reason::Signature];
        sees_marked(&mut bob, id, &before, &marks).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_under_an_older_epoch_is_marked() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, mut bob, mallory, id) = a_circle(&app).await;
        let _carol = Person::register(app.address, "carol", 3, RsaPss).await;
        alice.invites(id, &["carol"]).await;
        let is_rekeyed = |page: &Page| page.conversations[&id].epoch == Epoch(2);
        bob.until("a new key is there", is_rekeyed).await;
        let before = sight(&bob, id);
        let mut mallory = mallory;
        mallory.until("a new key is there", is_rekeyed).await;
        let insider = Insider::of(&mallory, 4, id).await;
        let first = insider.log.state.epochs[0].clone();
        let old = insider.message("under the first key", |header, _| {
            header.epoch = first.epoch;
            header.announcement = first.entry;
        });
        gives_next(&bob, id, old).await;
        sees_marked(&mut bob, id, &before, &[Reason::Seal]).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_under_a_key_that_nobody_announced_stops_the_log() {
    local(async {
        let app = TestApp::full().await;
        let (alice, mut bob, id) = a_pair(&app).await;
        let before = sight(&bob, id);
        let insider = Insider::of(&alice, 1, id).await;
        let true_one = insider.message("ahead", |_, _| {});
        let Ok(Entry::Message(mut message)) = Entry::parse(&true_one) else {
            panic!("no message")
        };
        message.header.epoch = Epoch(2);
        message.header.announcement.0[0] ^= 1;
        let header = codec::encode(&message.header);
        let ahead = Bytes(assemble_message(header, message.sealed.0));
        gives_next(&bob, id, ahead).await;
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_whose_author_had_not_seen_its_key_is_marked() {
    local(async {
        let app = TestApp::full().await;
        let (alice, mut bob, id) = a_pair(&app).await;
        let before = sight(&bob, id);
        let insider = Insider::of(&alice, 1, id).await;
        let current = insider.log.state.epoch().unwrap().clone();
        let early = insider.message("too early", |header, _| header.view = current.view);
        gives_next(&bob, id, early).await;
        sees_marked(&mut bob, id, &before, &[Reason::View]).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_names_another_conversation_is_marked() {
    local(async {
        let app = TestApp::full().await;
        let (alice, mut bob, id) = a_pair(&app).await;
        let before = sight(&bob, id);
        let insider = Insider::of(&alice, 1, id).await;
        let elsewhere = insider.message("elsewhere", |header, _| {
            header.conversation = ConversationId(random::bytes());
        });
        gives_next(&bob, id, elsewhere).await;
        sees_marked(&mut bob, id, &before, &[Reason::Signature]).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_message_under_the_same_id_is_marked() {
    local(async {
        let app = TestApp::full().await;
        let (alice, mut bob, id) = a_pair(&app).await;
        let insider = Insider::of(&alice, 1, id).await;
        let known = alice.page.borrow().messages(id)[0].id;
        let before = sight(&bob, id);
        let other = insider.message("not the first", |header, _| header.id = known);
        gives_next(&bob, id, other).await;
        sees_marked(&mut bob, id, &before, &[Reason::Conflict]).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_message_under_the_same_id_on_the_same_page_is_marked() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, mut bob, id) = a_pair(&app).await;
        bob.disconnect().await;
        let insider = Insider::of(&alice, 1, id).await;
        let same = MessageId(random::bytes());
        let two = ["one", "other"].map(|text| insider.message(text, |header, _| header.id = same));
        let size = room(&bob, id).await.frontier.size();
        let two: Vec<_> = (size..)
            .zip(two)
            .map(|(number, entry)| EntryAt {
                number,
                time: Timestamp(1),
                entry: Stored::Whole(entry),
            })
            .collect();
        bob.is_lied_to(altering_replies::<GetEntries>(move |page| {
            let is_first = page.entries.first().is_some_and(|at| at.number == size);
            page.entries.clear();
            page.size = size + 2;
            if is_first {
                page.entries.clone_from(&two);
            }
        }));
        alice.writes(id, "what the server keeps back").await;
        bob.connect(app.address).await;
        bob.until("a marked row", |page| !reasons(page, id).is_empty())
            .await;
        assert_eq!(reasons(&bob.page.borrow(), id), [Reason::Conflict]);
        assert_eq!(bob.page.borrow().texts(id), ["first", "one"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_entry_is_marked() {
    local(async {
        let app = TestApp::full().await;
        let (_alice, mut bob, id) = a_pair(&app).await;
        let before = sight(&bob, id);
        gives_next(&bob, id, Bytes(b"nothing".to_vec())).await;
        sees_marked(&mut bob, id, &before, &[Reason::Malformed]).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ones_own_message_altered_on_its_way_back_still_waits() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, mut bob, id) = a_pair(&app).await;
        let taken = Rc::new(RefCell::new(None));
        let kept = Rc::clone(&taken);
        bob.is_meddled_with(move |op, body| {
            if op != Append::OP {
                return Fate::Done(body);
            }
            let append: Append = codec::decode(&body).unwrap();
            *kept.borrow_mut() = Some(append.entry);
            Fate::Lost
        });
        bob.writes(id, "mine").await;
        let mut altered: Bytes = taken.borrow_mut().take().unwrap();
        *altered.0.last_mut().unwrap() ^= 1;
        gives_next(&bob, id, altered).await;
        bob.until("a marked row", |page| reasons(page, id) == [Reason::Seal])
            .await;
        let states: Vec<_> = bob
            .page
            .borrow()
            .messages(id)
            .iter()
            .map(|message| (message.text.clone(), message.state.clone()))
            .collect();
        let expected = [
            ("first".to_owned(), MessageState::Sent),
            ("mine".to_owned(), MessageState::Pending),
        ];
        assert_eq!(states, expected);
        let size = room(&bob, id).await.frontier.size();
        assert_eq!(size, room(&alice, id).await.frontier.size() + 1);
        // What he has is no longer what everybody has: the next entry says so.
        alice.writes(id, "next").await;
        bob.is_told_the_truth();
        bob.until("an alarm", |page| is_stopped(page, id)).await;
    })
    .await;
}
