//! What happened in a conversation, in sentences.

use std::cell::Cell;
use std::rc::Rc;

use secure_chat_shared::client::api::{Action, Answer, Deed, Failure, Happened, RowBody, RowKey};
use secure_chat_shared::codec::{self, Bytes};
use secure_chat_shared::crypto::signing::Algorithm::{Dsa, RsaPss};
use secure_chat_shared::ids::ConversationId;
use secure_chat_shared::protocol::{Anchor, GetAnchor, Request};

use super::common::TestApp;
use super::local;
use super::page::Page;
use super::person::{PASSWORD, Person};
use super::socket::Given;

/// Who did what, with the number of its entry.
async fn history(person: &mut Person, id: ConversationId) -> Vec<(u64, Happened)> {
    let Answer::History(rows) = person.does(Action::History(id)).await.unwrap() else {
        panic!("no history")
    };
    rows.into_iter()
        .map(|row| match (row.key, row.body) {
            (RowKey::Number(number), RowBody::Happened(happened)) if row.time.0 > 0 => {
                (number, happened)
            }
            other => panic!("{other:?}"),
        })
        .collect()
}

fn told(history: &[(u64, Happened)]) -> Vec<(&str, Deed)> {
    let told = history
        .iter()
        .map(|(_, happened)| (happened.actor.as_str(), happened.what.clone()));
    told.collect()
}

fn deeds(page: &Page, id: ConversationId) -> Vec<&Deed> {
    let rows = page.rows_of(id).filter_map(|row| match &row.body {
        RowBody::Happened(happened) => Some(&happened.what),
        _ => None,
    });
    rows.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newcomer_knows_what_happened_before_but_not_what_was_said() {
    local(async {
        let app = TestApp::full().await;
        let mut alice = Person::register(app.address, "alice", 1, RsaPss).await;
        let mut bob = Person::register(app.address, "bob", 2, Dsa).await;
        let mut carol = Person::register(app.address, "carol", 3, RsaPss).await;
        let id = alice.begins_with(&["bob"], "two of us").await;
        let title = "only us".to_owned();
        alice
            .does(Action::Rename {
                conversation: id,
                title,
            })
            .await
            .unwrap();
        bob.joins(id).await;
        alice.sees_members(id, &["alice", "bob"]).await;
        alice.writes(id, "before carol").await;
        let (user, admin) = (bob.user(), true);
        let promote = Action::SetAdmin {
            conversation: id,
            user,
            admin,
        };
        alice.does(promote).await.unwrap();
        alice.invites(id, &["carol"]).await;
        carol.joins(id).await;
        for person in [&mut alice, &mut bob] {
            person.sees_members(id, &["alice", "bob", "carol"]).await;
        }

        let named = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let mut expected = vec![
            ("alice", Deed::Created),
            ("alice", Deed::Invited(named(&["bob"]))),
            ("alice", Deed::Renamed("only us".into())),
            ("bob", Deed::Accepted),
            ("alice", Deed::Promoted("bob".into())),
            ("alice", Deed::Invited(named(&["carol"]))),
            ("carol", Deed::Accepted),
        ];
        let of_alice = history(&mut alice, id).await;
        assert_eq!(told(&of_alice), expected);
        let numbers: Vec<u64> = of_alice.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, [0, 1, 2, 3, 5, 6, 7], "a message is number 4");
        let (_, accepted) = &of_alice[3];
        assert_eq!((accepted.own, accepted.algorithm), (false, Dsa));
        assert!(of_alice[0].1.own);

        // She may not read the name of that time, but who changed it.
        expected[2].1 = Deed::RenamedSealed;
        let of_carol = history(&mut carol, id).await;
        assert_eq!(told(&of_carol), expected);
        assert_eq!(
            deeds(&carol.page.borrow(), id),
            [&expected[5].1, &Deed::Accepted],
            "among the messages only what she was there for"
        );
        assert_eq!(carol.sees(id).title, "only us");

        let mut carol = carol.reload().await;
        assert_eq!(history(&mut carol, id).await, of_carol, "and offline");
        let mut again = Person::sign_in(app.address, "carol", PASSWORD)
            .await
            .unwrap();
        assert_eq!(
            history(&mut again, id).await,
            of_carol,
            "and on a new device"
        );
        let foreign = again.does(Action::History(ConversationId([7; 32]))).await;
        assert_eq!(foreign, Err(Failure::NotAllowed));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_before_is_read_in_pages() {
    local(async {
        let app = TestApp::full().await;
        let mut alice = Person::register(app.address, "alice", 1, RsaPss).await;
        let mut carol = Person::register(app.address, "carol", 3, RsaPss).await;
        let _bob = Person::register(app.address, "bob", 2, Dsa).await;
        let id = alice.begins_with(&["bob"], "").await;
        for title in ["one", "two", "three", "four", "five"] {
            let rename = Action::Rename {
                conversation: id,
                title: title.into(),
            };
            alice.does(rename).await.unwrap();
        }
        let pages = Rc::new(Cell::new(0));
        let counted = Rc::clone(&pages);
        carol.is_lied_to(move |given| match given {
            Given::Reply {
                op: GetAnchor::OP,
                body,
            } => {
                counted.set(counted.get() + 1);
                let mut page: Anchor = codec::decode(&body).unwrap();
                page.more = page.state.len() > 2;
                page.state.truncate(2);
                let body = Bytes(codec::encode(&page));
                Some(Given::Reply {
                    op: GetAnchor::OP,
                    body,
                })
            }
            given => Some(given),
        });
        alice.invites(id, &["carol"]).await;
        alice.writes(id, "welcome").await;
        carol.joins(id).await;
        carol.reads(id, &["welcome"]).await;
        assert_eq!(pages.get(), 4, "of seven entries, two at a time");
        assert_eq!(carol.sees(id).title, "five");
        let happened = history(&mut carol, id).await;
        let numbers: Vec<u64> = happened.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, [0, 1, 2, 3, 4, 5, 6, 7, 9]);
        let (who, deed) = &told(&happened)[6];
        assert_eq!((*who, deed), ("alice", &Deed::RenamedSealed));
    })
    .await;
}
