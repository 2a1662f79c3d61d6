//! Keys that are not the conversation's, or not any more.

use std::collections::BTreeSet;

use secure_chat_shared::client::api::{Failure, MessageState};
use secure_chat_shared::ids::Epoch;
use secure_chat_shared::log::entry::{ServerHeader, assemble_server, server_signing_payload};
use secure_chat_shared::protocol::{ErrorCode, RequestError};

use super::super::common;
use super::insider::gives_next;
use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_announcement_given_again_stops_the_log() {
    local(async {
        let app = TestApp::full().await;
        let (_alice, mut bob, id) = a_pair(&app).await;
        let before = sight(&bob, id);
        let request = GetEntries {
            conversation: id,
            from: 1,
            limit: 1,
        };
        let page = bob.asks(&request).await.unwrap();
        gives_next(&bob, id, whole(&page.entries[0]).clone()).await;
        is_stopped_because(&mut bob, id, &before, "another state entry came first").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_announcement_by_the_server_in_an_end_to_end_conversation_stops_the_log() {
    local(async {
        let app = TestApp::full().await;
        let (alice, mut bob, id) = a_pair(&app).await;
        let before = sight(&bob, id);
        let mut insider = Insider::of(&alice, 1, id).await;
        let server = common::Person::new("server", 5);
        let readers = insider.readers();
        let (mut announcement, _) = insider.announcement(&readers, "ours", |_, _| {});
        announcement.title = None;
        let (view, last) = (insider.log.tree.view(), insider.log.state.last);
        let header = codec::encode(&ServerHeader::new(id, view, last, announcement));
        let signature = server.sign(&server_signing_payload(&header));
        let entry = Bytes(assemble_server(header, signature));
        gives_next(&bob, id, entry).await;
        is_stopped_because(&mut bob, id, &before, "makes no keys here").await;
    })
    .await;
}

/// Refuses every append for this reason.
fn refusing(code: ErrorCode) -> (Rc<RefCell<Vec<Append>>>, impl FnMut(u16, Bytes) -> Fate) {
    let tried = Rc::new(RefCell::new(Vec::new()));
    let seen = Rc::clone(&tried);
    let refuse = move |op, body: Bytes| {
        if op != Append::OP {
            return Fate::Done(body);
        }
        seen.borrow_mut().push(codec::decode(&body).unwrap());
        Fate::Refused(RequestError::new(code, "try again"))
    };
    (tried, refuse)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_is_not_signed_anew_because_the_server_says_so() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, mut bob, id) = a_pair(&app).await;
        for code in [
            ErrorCode::StaleEpoch,
            ErrorCode::EpochDue,
            ErrorCode::StaleIdentity,
            ErrorCode::Conflict,
            ErrorCode::DuplicateId,
        ] {
            let (tried, refuse) = refusing(code);
            alice.is_meddled_with(refuse);
            alice.writes(id, "once signed").await;
            let entries: BTreeSet<Vec<u8>> = tried
                .borrow()
                .iter()
                .map(|append| append.entry.0.clone())
                .collect();
            assert!(tried.borrow().len() > 1, "it is tried again");
            assert_eq!(entries.len(), 1, "as the same bytes");
            let state = alice
                .page
                .borrow()
                .messages(id)
                .last()
                .unwrap()
                .state
                .clone();
            assert_eq!(state, MessageState::Pending);
            alice.is_told_the_truth();
            alice.ticks().await;
        }
        let texts = ["once signed"; 5];
        bob.reads(id, &[&["first"][..], &texts].concat()).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_was_once_in_a_request_is_in_no_other() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, _bob, id) = a_pair(&app).await;
        let _carol = Person::register(app.address, "carol", 3, RsaPss).await;
        let (tried, refuse) = refusing(ErrorCode::Conflict);
        alice.is_meddled_with(refuse);
        let invite = Action::Invite {
            conversation: id,
            people: vec!["carol".into()],
        };
        let answer = alice.does(invite).await;
        assert!(matches!(answer, Err(Failure::Server(_))), "{answer:?}");
        let tried = tried.borrow();
        assert!(tried.len() > 1, "it is tried again");
        let announced: Vec<_> = tried
            .iter()
            .map(|append| {
                let entry = Entry::parse(&append.entry).unwrap();
                entry.announcement().unwrap().clone()
            })
            .collect();
        for (i, one) in announced.iter().enumerate() {
            assert_eq!(one.epoch, Epoch(2));
            for other in &announced[..i] {
                assert_ne!(one.commitment, other.commitment);
                assert_ne!(one.wraps, other.wraps);
                assert_ne!(one.title, other.title);
            }
        }
    })
    .await;
}
