//! History from before somebody's invitation: handed over by an admin, and shown only if it is the true one.

use std::cell::Cell;
use std::rc::Rc;

use secure_chat_shared::client::api::{
    Action, Deed, Failure, Member, MessageState, Notice, Reason, RowBody,
};
use secure_chat_shared::codec::{self, Bytes};
use secure_chat_shared::crypto::signing::Algorithm::{Dsa, RsaPss};
use secure_chat_shared::ids::{ConversationId, Epoch, UserId};
use secure_chat_shared::protocol::{
    Anchor, Entries, GetAnchor, GetEntries, GetWrap, Request, Stored, WrapFor,
};

use super::common::TestApp;
use super::local;
use super::page::Page;
use super::person::{PASSWORD, Person};
use super::socket::Given;

/// What was said before carol came, and after.
const EARLIER: [&str; 3] = ["one", "two, without dan", "three"];
const LATER: [&str; 1] = ["welcome"];

fn all() -> Vec<&'static str> {
    [&EARLIER[..], &LATER].concat()
}

/// Alice, bob and dan have talked, dan has left, carol has come.
async fn a_history(app: &TestApp) -> (Person, Person, Person, ConversationId) {
    let mut alice = Person::register(app.address, "alice", 1, RsaPss).await;
    let mut bob = Person::register(app.address, "bob", 2, Dsa).await;
    let mut carol = Person::register(app.address, "carol", 3, RsaPss).await;
    let mut dan = Person::register(app.address, "dan", 4, RsaPss).await;
    let id = alice.begins_with(&["bob", "dan"], "old friends").await;
    bob.joins(id).await;
    dan.joins(id).await;
    alice.sees_members(id, &["alice", "bob", "dan"]).await;
    dan.writes(id, EARLIER[0]).await;
    bob.reads(id, &EARLIER[..1]).await;
    dan.does(Action::Leave(id)).await.unwrap();
    bob.sees_members(id, &["alice", "bob"]).await;
    bob.writes(id, EARLIER[1]).await;
    alice.reads(id, &EARLIER[..2]).await;
    let rename = Action::Rename {
        conversation: id,
        title: "new friends".into(),
    };
    alice.does(rename).await.unwrap();
    alice.writes(id, EARLIER[2]).await;
    alice.invites(id, &["carol"]).await;
    carol.joins(id).await;
    alice.sees_members(id, &["alice", "bob", "carol"]).await;
    alice.writes(id, LATER[0]).await;
    carol.reads(id, &LATER).await;
    bob.reads(id, &all()).await;
    (alice, bob, carol, id)
}

fn share(conversation: ConversationId, user: UserId) -> Action {
    Action::ShareHistory { conversation, user }
}

fn member(person: &Person, id: ConversationId, name: &str) -> Member {
    let members = person.sees(id).members;
    let mut members = members.into_iter();
    members.find(|member| member.name == name).unwrap()
}

fn deeds(page: &Page, id: ConversationId) -> Vec<&Deed> {
    let rows = page.rows_of(id).filter_map(|row| match &row.body {
        RowBody::Happened(happened) => Some(&happened.what),
        _ => None,
    });
    rows.collect()
}

fn rewraps(page: &Page, id: ConversationId) -> usize {
    let deeds = deeds(page, id).into_iter();
    deeds
        .filter(|deed| matches!(deed, Deed::Rewrapped(_)))
        .count()
}

fn reasons(page: &Page, id: ConversationId) -> Vec<Reason> {
    let rows = page.rows_of(id).filter_map(|row| match &row.body {
        RowBody::Invalid(row) => Some(row.reason),
        _ => None,
    });
    rows.collect()
}

/// Alters the replies of one operation while `lies` is true.
fn altering<R: Request>(
    lies: &Rc<Cell<bool>>,
    alter: impl Fn(&mut R::Reply) + 'static,
) -> impl FnMut(Given) -> Option<Given> + 'static {
    let lies = Rc::clone(lies);
    move |given| match given {
        Given::Reply { op, body } if op == R::OP && lies.get() => {
            let mut reply: R::Reply = codec::decode(&body).unwrap();
            alter(&mut reply);
            let body = Bytes(codec::encode(&reply));
            Some(Given::Reply { op, body })
        }
        given => Some(given),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_admin_shares_what_was_said_before() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, mut bob, mut carol, id) = a_history(&app).await;
        assert!(member(&alice, id, "carol").shareable);
        assert!(!member(&alice, id, "bob").shareable, "he has all of it");
        assert!(!member(&bob, id, "carol").shareable, "he is no admin");
        let refused = bob.does(share(id, carol.user())).await;
        assert_eq!(refused, Err(Failure::NotAllowed));
        let unread = carol.sees(id).unread;

        alice.does(share(id, carol.user())).await.unwrap();
        carol.reads(id, &all()).await;
        assert!(!member(&alice, id, "carol").shareable);
        {
            let page = carol.page.borrow();
            let shown = &page.conversations[&id];
            assert_eq!(shown.last.as_ref().unwrap().text, LATER[0]);
            assert_eq!(shown.unread, unread, "it is no news");
            assert!(deeds(&page, id).contains(&&Deed::Renamed("new friends".into())));
            assert_eq!(
                deeds(&page, id).last(),
                Some(&&Deed::Shared("carol".into()))
            );
            let proofs: Vec<_> = page
                .messages(id)
                .iter()
                .map(|message| {
                    let proof = message.proof.as_ref().unwrap();
                    (message.author_name.clone(), proof.algorithm, proof.epoch)
                })
                .collect();
            let expected = [
                ("dan".to_owned(), RsaPss, Epoch(1)),
                ("bob".to_owned(), Dsa, Epoch(2)),
                ("alice".to_owned(), RsaPss, Epoch(2)),
                ("alice".to_owned(), RsaPss, Epoch(3)),
            ];
            assert_eq!(proofs, expected);
            assert_eq!(
                shown.head_code,
                alice.sees(id).head_code,
                "the log is the same"
            );
        }
        carol.writes(id, "thank you").await;
        bob.reads(id, &[&all()[..], &["thank you"]].concat()).await;
        let mut carol = carol.reload().await;
        carol.does(Action::Open(id)).await.unwrap();
        carol
            .reads(id, &[&all()[..], &["thank you"]].concat())
            .await;
        let mut again = Person::sign_in(app.address, "carol", PASSWORD)
            .await
            .unwrap();
        again.does(Action::Open(id)).await.unwrap();
        again
            .reads(id, &[&all()[..], &["thank you"]].concat())
            .await;
        assert!(again.sees(id).blocked.is_none());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_shared_with_somebody_away_is_there_when_they_are_back() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, _bob, mut carol, id) = a_history(&app).await;
        carol.disconnect().await;
        alice.does(share(id, carol.user())).await.unwrap();
        carol.connect(app.address).await;
        carol.reads(id, &all()).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_who_was_away_from_it_is_shared_what_was_said_meanwhile() {
    local(async {
        let app = TestApp::full().await;
        let mut alice = Person::register(app.address, "alice", 1, RsaPss).await;
        let mut bob = Person::register(app.address, "bob", 2, Dsa).await;
        let id = alice.begins_with(&["bob"], "").await;
        bob.joins(id).await;
        alice.sees_members(id, &["alice", "bob"]).await;
        alice.writes(id, "together").await;
        bob.reads(id, &["together"]).await;
        bob.does(Action::Leave(id)).await.unwrap();
        alice.sees_members(id, &["alice"]).await;
        alice.writes(id, "alone").await;
        alice.invites(id, &["bob"]).await;
        bob.joins(id).await;
        alice.writes(id, "again").await;
        bob.reads(id, &["together", "again"]).await;
        alice.sees_members(id, &["alice", "bob"]).await;
        assert!(member(&alice, id, "bob").shareable);
        alice.does(share(id, bob.user())).await.unwrap();
        bob.reads(id, &["together", "alone", "again"]).await;
        // A new browser begins at the newest invitation, and finds what was shared and what was his.
        let mut again = Person::sign_in(app.address, "bob", PASSWORD).await.unwrap();
        again.does(Action::Open(id)).await.unwrap();
        again.reads(id, &["alone", "again"]).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shared_key_that_does_not_open_is_handed_again() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, mut bob, mut carol, id) = a_history(&app).await;
        let lies = Rc::new(Cell::new(true));
        carol.is_lied_to(altering::<GetWrap>(&lies, |reply: &mut WrapFor| {
            reply.wrap.0[5] ^= 1;
        }));
        alice.does(share(id, carol.user())).await.unwrap();
        carol
            .until("marked rows", |page| {
                reasons(page, id) == [Reason::NoKey; 3]
            })
            .await;
        assert_eq!(carol.page.borrow().texts(id), LATER);
        // Whoever made a key answers: alice the first, bob the second.
        for (person, answers) in [(&mut alice, 1), (&mut bob, 2)] {
            person
                .until("the answers are there", |page| rewraps(page, id) == answers)
                .await;
        }
        carol.reads(id, &all()).await;
        assert_eq!(reasons(&carol.page.borrow(), id), []);
    })
    .await;
}

/// Whatever is false of what the server gives as shared history: nothing of it is shown, the present goes on, and the
/// truth is taken later.
async fn nothing_false_is_shown<R: Request>(alter: impl Fn(&mut R::Reply) + 'static) {
    let app = TestApp::full().await;
    let (mut alice, _bob, mut carol, id) = a_history(&app).await;
    let lies = Rc::new(Cell::new(true));
    carol.is_lied_to(altering::<R>(&lies, alter));
    let before: Vec<_> = carol.page.borrow().rows_of(id).cloned().collect();
    alice.does(share(id, carol.user())).await.unwrap();
    let told = |page: &Page| {
        let mut notices = page.notices.iter();
        notices.any(|notice| {
            matches!(notice, Notice::Trouble(Failure::Server(text)) if text.contains("history") || text.contains("chain") || text.contains("entry"))
        })
    };
    carol.until("she is told", told).await;
    carol.ticks().await;
    let told_once = carol.page.borrow().notices.len();
    carol.ticks().await;
    {
        let page = carol.page.borrow();
        assert_eq!(page.notices.len(), told_once);
        let after: Vec<_> = page.rows_of(id).cloned().collect();
        assert_eq!(after[..before.len()], before);
        assert_eq!(after.len(), before.len() + 1, "that it was shared");
        assert!(page.conversations[&id].blocked.is_none());
    }
    carol.writes(id, "it goes on").await;
    alice
        .reads(id, &[&all()[..], &["it goes on"]].concat())
        .await;
    let state = carol.page.borrow().messages(id)[1].state.clone();
    assert_eq!(state, MessageState::Sent);
    carol.disconnect().await;
    lies.set(false);
    carol.connect(app.address).await;
    carol
        .reads(id, &[&all()[..], &["it goes on"]].concat())
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_altered_entry_of_shared_history_is_noticed() {
    local(nothing_false_is_shown::<GetEntries>(
        |page: &mut Entries| {
            // Dan's message.
            for at in page.entries.iter_mut().filter(|at| at.number == 4) {
                if let Stored::Whole(bytes) = &mut at.entry {
                    *bytes.0.last_mut().unwrap() ^= 1;
                }
            }
        },
    ))
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_left_out_of_shared_history_is_noticed() {
    local(nothing_false_is_shown::<GetEntries>(
        |page: &mut Entries| {
            page.entries.retain(|at| at.number != 4);
            let moved = page
                .entries
                .iter_mut()
                .filter(|at| (5..9).contains(&at.number));
            moved.for_each(|at| at.number -= 1);
        },
    ))
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_tree_below_shared_history_is_noticed() {
    local(nothing_false_is_shown::<GetAnchor>(|reply: &mut Anchor| {
        reply.peaks[0].0[0] ^= 1;
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_beginning_of_shared_history_is_noticed() {
    local(nothing_false_is_shown::<GetAnchor>(|reply: &mut Anchor| {
        if let Stored::Whole(bytes) = &mut reply.state[0].entry {
            *bytes.0.last_mut().unwrap() ^= 1;
        }
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shared_history_that_never_gets_on_is_noticed() {
    local(nothing_false_is_shown::<GetEntries>(
        |page: &mut Entries| {
            page.entries.iter_mut().for_each(|at| at.number += 1_000);
        },
    ))
    .await;
}
