//! Keys that do not come or open: whoever misses one says so, somebody else hands it again, and nothing sticks.

use std::cell::Cell;
use std::rc::Rc;

use secure_chat_shared::client::api::{
    Action, Answer, Deed, Happened, KeyChange, MessageState, Password, Reason, RowBody,
};
use secure_chat_shared::client::native::test_keys;
use secure_chat_shared::codec::{self, Bytes};
use secure_chat_shared::crypto::identity::SignedIdentity;
use secure_chat_shared::crypto::recovery::RecoveryCode;
use secure_chat_shared::crypto::signing::Algorithm::{Dsa, RsaPss};
use secure_chat_shared::ids::{ConversationId, Epoch, UserName};
use secure_chat_shared::log::Act;
use secure_chat_shared::log::act::Rewrap;
use secure_chat_shared::protocol::{Found, GetWrap, Lookup, Request, WrapFor};

use super::common::log::converse;
use super::common::talk::entry_event;
use super::common::{Person as Listed, TestApp};
use super::local;
use super::page::Page;
use super::person::{PASSWORD, Person};
use super::socket::Given;

/// Alters every wrap while `lies` is true.
fn altering_wraps(lies: &Rc<Cell<bool>>) -> impl FnMut(Given) -> Option<Given> + 'static {
    let lies = Rc::clone(lies);
    move |given| match given {
        Given::Reply {
            op: GetWrap::OP,
            body,
        } if lies.get() => {
            let mut wrap: WrapFor = codec::decode(&body).unwrap();
            wrap.wrap.0[5] ^= 1;
            let body = Bytes(codec::encode(&wrap));
            Some(Given::Reply {
                op: GetWrap::OP,
                body,
            })
        }
        given => Some(given),
    }
}

fn reasons(page: &Page, id: ConversationId) -> Vec<Reason> {
    let rows = page.rows_of(id).filter_map(|row| match &row.body {
        RowBody::Invalid(row) => Some(row.reason),
        _ => None,
    });
    rows.collect()
}

/// Somebody as the directory lists them, with the ready-made keys `n`.
fn listed(found: &Found, n: usize) -> Listed {
    let signed = SignedIdentity::parse(&found.identities[0]).unwrap();
    Listed {
        name: signed.identity().name.clone(),
        id: found.user,
        keys: test_keys::set(n).unwrap(),
        signed,
        code: RecoveryCode::make(),
    }
}

/// How often somebody did something.
fn count(page: &Page, id: ConversationId, wanted: impl Fn(&Happened) -> bool) -> usize {
    let rows = page.rows_of(id);
    rows.filter(|row| matches!(&row.body, RowBody::Happened(happened) if wanted(happened)))
        .count()
}

fn faults(page: &Page, id: ConversationId) -> usize {
    count(page, id, |happened| happened.what == Deed::Faulted)
}

fn rewraps(page: &Page, id: ConversationId) -> usize {
    count(page, id, |happened| {
        matches!(happened.what, Deed::Rewrapped(_))
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_does_not_open_is_handed_again() {
    local(async {
        let app = TestApp::full().await;
        let mut alice = Person::register(app.address, "alice", 1, RsaPss).await;
        let mut bob = Person::register(app.address, "bob", 2, Dsa).await;
        let lies = Rc::new(Cell::new(true));
        bob.is_lied_to(altering_wraps(&lies));
        let id = alice.begins_with(&["bob"], "a title").await;
        alice.writes(id, "sealed").await;
        let title = "another title".to_owned();
        let rename = Action::Rename {
            conversation: id,
            title,
        };
        alice.does(rename).await.unwrap();
        bob.joins(id).await;
        bob.until("a marked row", |page| reasons(page, id) == [Reason::NoKey])
            .await;
        assert_eq!(bob.sees(id).title, "");
        let sealed_name =
            |page: &Page| count(page, id, |happened| happened.what == Deed::RenamedSealed) == 1;
        assert!(sealed_name(&bob.page.borrow()));
        // She made the key, and answers as soon as she hears of it.
        alice
            .until("the fault is answered", |page| rewraps(page, id) == 1)
            .await;
        bob.reads(id, &["sealed"]).await;
        {
            let page = bob.page.borrow();
            assert_eq!(reasons(&page, id), []);
            let shown = &page.conversations[&id];
            assert_eq!(shown.title, "another title");
            assert_eq!(shown.last.as_ref().unwrap().text, "sealed");
            assert_eq!(shown.unread, 1);
            assert!(!sealed_name(&page));
            assert_eq!((faults(&page, id), rewraps(&page, id)), (1, 1));
        }
        bob.writes(id, "thank you").await;
        alice.reads(id, &["sealed", "thank you"]).await;
        // It is kept, and the history was mended with it.
        let mut bob = bob.reload().await;
        bob.does(Action::Open(id)).await.unwrap();
        assert_eq!(bob.page.borrow().texts(id), ["sealed", "thank you"]);
        let Answer::History(rows) = bob.does(Action::History(id)).await.unwrap() else {
            panic!("no history")
        };
        let renamed = Deed::Renamed("another title".into());
        assert!(rows.iter().any(
            |row| matches!(&row.body, RowBody::Happened(happened) if happened.what == renamed)
        ));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_comes_late_needs_nobody() {
    local(async {
        let app = TestApp::full().await;
        let mut alice = Person::register(app.address, "alice", 1, RsaPss).await;
        let mut bob = Person::register(app.address, "bob", 2, Dsa).await;
        let lies = Rc::new(Cell::new(true));
        bob.is_lied_to(altering_wraps(&lies));
        let id = alice.begins_with(&["bob"], "a title").await;
        alice.writes(id, "sealed").await;
        alice.disconnect().await;
        bob.joins(id).await;
        bob.until("a marked row", |page| reasons(page, id) == [Reason::NoKey])
            .await;
        bob.disconnect().await;
        lies.set(false);
        bob.connect(app.address).await;
        bob.reads(id, &["sealed"]).await;
        assert_eq!(bob.sees(id).title, "a title");
        assert_eq!(reasons(&bob.page.borrow(), id), []);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_misses_a_key_need_not_wait_to_write() {
    local(async {
        let app = TestApp::full().await;
        let mut alice = Person::register(app.address, "alice", 1, RsaPss).await;
        let mut bob = Person::register(app.address, "bob", 2, Dsa).await;
        let lies = Rc::new(Cell::new(true));
        bob.is_lied_to(altering_wraps(&lies));
        let id = alice.begins_with(&["bob"], "").await;
        alice.writes(id, "sealed").await;
        alice.disconnect().await;
        bob.joins(id).await;
        bob.writes(id, "under a key of mine").await;
        bob.reads(id, &["under a key of mine"]).await;
        assert_eq!(bob.sees(id).epoch, Epoch(2));
        assert_eq!(reasons(&bob.page.borrow(), id), [Reason::NoKey]);
        // She finds the fault when she comes back.
        alice.connect(app.address).await;
        alice.reads(id, &["sealed", "under a key of mine"]).await;
        bob.reads(id, &["sealed", "under a key of mine"]).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_waits_for_the_key_where_the_title_would_be_lost() {
    local(async {
        let app = TestApp::full().await;
        let mut alice = Person::register(app.address, "alice", 1, RsaPss).await;
        let mut bob = Person::register(app.address, "bob", 2, Dsa).await;
        let lies = Rc::new(Cell::new(true));
        bob.is_lied_to(altering_wraps(&lies));
        let id = alice.begins_with(&["bob"], "a title").await;
        alice.disconnect().await;
        bob.joins(id).await;
        bob.writes(id, "patience").await;
        bob.ticks().await;
        {
            let page = bob.page.borrow();
            let state = &page.messages(id)[0].state;
            assert_eq!(*state, MessageState::Pending);
        }
        alice.connect(app.address).await;
        bob.reads(id, &["patience"]).await;
        alice.reads(id, &["patience"]).await;
        assert_eq!(alice.sees(id).title, "a title");
        assert_eq!(alice.sees(id).epoch, Epoch(1));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_message_waits_for_a_title_that_nobody_can_hand() {
    local(async {
        let app = TestApp::full().await;
        let mut alice = Person::register(app.address, "alice", 1, RsaPss).await;
        let mut bob = Person::register(app.address, "bob", 2, Dsa).await;
        bob.is_lied_to(altering_wraps(&Rc::new(Cell::new(true))));
        let id = alice.begins_with(&["bob"], "a title").await;
        bob.joins(id).await;
        bob.writes(id, "she may still come back").await;
        assert_eq!(
            bob.page.borrow().messages(id)[0].state,
            MessageState::Pending
        );
        alice.does(Action::Leave(id)).await.unwrap();
        bob.reads(id, &["she may still come back"]).await;
        bob.writes(id, "alone").await;
        bob.reads(id, &["she may still come back", "alone"]).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_member_answers_once_where_the_maker_is_gone() {
    local(async {
        let app = TestApp::full().await;
        let mut alice = Person::register(app.address, "alice", 1, RsaPss).await;
        let mut others = Vec::new();
        for (n, name) in [(2, "bob"), (3, "carol"), (4, "dan")] {
            others.push(Person::register(app.address, name, n, RsaPss).await);
        }
        let mut erin = Person::register(app.address, "erin", 5, Dsa).await;
        let lies = Rc::new(Cell::new(true));
        erin.is_lied_to(altering_wraps(&lies));
        let id = alice
            .begins_with(&["bob", "carol", "dan", "erin"], "")
            .await;
        for person in &mut others {
            person.joins(id).await;
        }
        alice.writes(id, "sealed").await;
        for person in &mut others {
            person.reads(id, &["sealed"]).await;
        }
        alice.disconnect().await;
        erin.joins(id).await;
        for person in &mut others {
            person
                .until("the fault is there", |page| faults(page, id) == 1)
                .await;
        }
        // Nobody else made the key: they answer by and by, and never twice.
        while rewraps(&erin.page.borrow(), id) == 0 {
            for person in &mut others {
                person.ticks().await;
            }
            let head = others[0].sees(id).head_code;
            if rewraps(&others[0].page.borrow(), id) == 1 {
                erin.until("the answer is there", |page| {
                    page.conversations[&id].head_code == head
                })
                .await;
            }
        }
        erin.reads(id, &["sealed"]).await;
        erin.writes(id, "thank you all").await;
        for person in &mut others {
            person.reads(id, &["sealed", "thank you all"]).await;
            assert_eq!(rewraps(&person.page.borrow(), id), 1);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_who_hands_rubbish_is_not_asked_for_ever() {
    local(async {
        let mut app = TestApp::full().await;
        let mut bob = Person::register(app.address, "bob", 2, Dsa).await;
        let mut mallory = app.with_user("mallory").await;
        // Her wraps are noise, as are her messages.
        let name = UserName::parse("bob").unwrap();
        let found = mallory.socket.call(&Lookup { name }).await.unwrap();
        let listed = listed(&found, 2);
        let mut log = converse(&mut mallory, &[&listed]).await;
        let id = log.id();
        log.say(&mut mallory).await;
        bob.joins(id).await;
        log.take_at(&entry_event(&mut mallory).await);
        for round in 1..=3 {
            bob.until("he says so", |page| faults(page, id) == round)
                .await;
            log.take_at(&entry_event(&mut mallory).await);
            assert_eq!(log.state.faults.len(), 1);
            let rewrap = Act::Rewrap(Rewrap {
                user: bob.user(),
                epoch: Epoch(1),
                wrap: Bytes(vec![7; 384]),
            });
            let entry = log.state_entry(&mallory.person, rewrap);
            log.append(&mut mallory, entry, Vec::new()).await;
            bob.until("the answer is there", |page| rewraps(page, id) == round)
                .await;
        }
        bob.ticks().await;
        assert_eq!(faults(&bob.page.borrow(), id), 3);
        assert_eq!(reasons(&bob.page.borrow(), id), [Reason::NoKey]);
        bob.writes(id, "all the same").await;
        bob.reads(id, &["all the same"]).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_browser_of_ones_own_hands_the_key() {
    local(async {
        let app = TestApp::full().await;
        let mut alice = Person::register(app.address, "alice", 1, RsaPss).await;
        let mut bob = Person::register(app.address, "bob", 2, Dsa).await;
        let id = alice.begins_with(&["bob"], "a title").await;
        bob.joins(id).await;
        alice.writes(id, "sealed").await;
        bob.reads(id, &["sealed"]).await;
        alice.disconnect().await;
        let lies = Rc::new(Cell::new(true));
        let lie = altering_wraps(&lies);
        let mut again = Person::sign_in_lied_to(app.address, "bob", PASSWORD, lie)
            .await
            .unwrap();
        again.does(Action::Open(id)).await.unwrap();
        assert_eq!(reasons(&again.page.borrow(), id), [Reason::NoKey]);
        bob.until("he answers himself", |page| rewraps(page, id) == 1)
            .await;
        again.reads(id, &["sealed"]).await;
        assert_eq!(again.sees(id).title, "a title");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_handed_to_who_has_come_back_with_keys_renewed_elsewhere() {
    local(async {
        let app = TestApp::full().await;
        let mut alice = Person::register(app.address, "alice", 1, RsaPss).await;
        let mut bob = Person::register(app.address, "bob", 2, Dsa).await;
        let lies = Rc::new(Cell::new(true));
        bob.is_lied_to(altering_wraps(&lies));
        let id = alice.begins_with(&["bob"], "a title").await;
        alice.writes(id, "sealed").await;
        alice.disconnect().await;
        bob.joins(id).await;
        bob.until("a marked row", |page| reasons(page, id) == [Reason::NoKey])
            .await;
        bob.until("the fault is told", |page| faults(page, id) == 1)
            .await;
        // Out, he renews his keys twice: of the version between the log never hears.
        bob.does(Action::Leave(id)).await.unwrap();
        for algorithm in [RsaPss, Dsa] {
            let change = Action::ChangeKeys {
                password: Password(PASSWORD.into()),
                change: KeyChange::Algorithm(algorithm),
            };
            bob.does(change).await.unwrap();
        }
        alice.connect(app.address).await;
        alice.invites(id, &["bob"]).await;
        bob.joins(id).await;
        alice.ticks().await;
        bob.reads(id, &["sealed"]).await;
        assert_eq!(reasons(&bob.page.borrow(), id), []);
    })
    .await;
}
