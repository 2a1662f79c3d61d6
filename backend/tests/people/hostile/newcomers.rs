//! Lies to those who hold nothing yet to compare with: newcomers, and new browsers.

use secure_chat_shared::client::api::{Failure, KeyChange, Notice, Password, Session};
use secure_chat_shared::ids::{EntryHash, Timestamp};
use secure_chat_shared::log::act::Create;
use secure_chat_shared::log::entry::assemble_state;
use secure_chat_shared::log::tree::Frontier;
use secure_chat_shared::log::{Act, Mode};
use secure_chat_shared::protocol::{
    Anchor, ErrorCode, GetAnchor, GetWrap, ListConversations, LoginFinish, RequestError,
};

use super::super::common;
use super::super::person::PASSWORD;
use super::insider::{account, gives, impostor};
use super::*;

/// From now on the server has one more conversation for this person, begun and at its end with these entries; the last
/// of them invites the person.
pub fn serving(person: &mut Person, entries: Vec<Bytes>) -> ConversationId {
    serving_after(person, entries, &[])
}

/// The same with some more entries before the last, of which it gives hashes only.
fn serving_after(person: &mut Person, entries: Vec<Bytes>, unseen: &[EntryHash]) -> ConversationId {
    let hash = |entry: &Bytes| Entry::parse(entry).unwrap().hash();
    let id = ConversationId::from(hash(&entries[0]));
    let (last, before) = entries.split_last().unwrap();
    let mut tree = Frontier::default();
    before.iter().for_each(|entry| {
        tree.append(hash(entry));
    });
    unseen.iter().for_each(|hash| {
        tree.append(*hash);
    });
    let at = |number: u64, entry: &Bytes| EntryAt {
        number,
        time: Timestamp(1),
        entry: Stored::Whole(entry.clone()),
    };
    let size = tree.size();
    let newest = at(size, last);
    let anchor = Anchor {
        state: (0..)
            .zip(before)
            .map(|(number, entry)| at(number, entry))
            .collect(),
        size,
        peaks: tree.peaks().to_vec(),
        more: false,
    };
    gives(person, id, size, last.clone());
    person.is_meddled_with(move |op, body| match op {
        GetAnchor::OP => {
            let request: GetAnchor = codec::decode(&body).unwrap();
            if request.conversation != id {
                return Fate::Done(body);
            }
            Fate::Answered(Bytes(codec::encode(&anchor)))
        }
        GetEntries::OP => {
            let request: GetEntries = codec::decode(&body).unwrap();
            if request.conversation != id {
                return Fate::Done(body);
            }
            let newest = (request.from == size).then(|| newest.clone());
            let page = Entries {
                entries: newest.into_iter().collect(),
                size: size + 1,
            };
            Fate::Answered(Bytes(codec::encode(&page)))
        }
        GetWrap::OP => Fate::Refused(RequestError::new(ErrorCode::NotFound, "not here")),
        _ => Fate::Done(body),
    });
    id
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shortened_log_is_noticed_on_a_new_device() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, mut bob, id) = a_pair(&app).await;
        alice.writes(id, "seen by the old device").await;
        bob.reads(id, &["first", "seen by the old device"]).await;
        let last = 5;
        bob.does(Action::MarkRead {
            conversation: id,
            number: last,
        })
        .await
        .unwrap();
        bob.ticks().await;
        let shortened = |given| match given {
            Given::Reply {
                op: GetEntries::OP,
                body,
            } => {
                let mut page: Entries = codec::decode(&body).unwrap();
                page.entries.retain(|at| at.number < 4);
                Some(Given::Reply {
                    op: GetEntries::OP,
                    body: Bytes(codec::encode(&page)),
                })
            }
            given => Some(given),
        };
        let new = Person::sign_in_lied_to(app.address, "bob", PASSWORD, shortened)
            .await
            .unwrap();
        assert!(is_stopped(&new.page.borrow(), id));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shortened_log_that_comes_in_live_is_noticed_too() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, mut bob, id) = a_pair(&app).await;
        alice.writes(id, "seen by the old device").await;
        bob.reads(id, &["first", "seen by the old device"]).await;
        bob.ticks().await;
        let mut hiding = altering_replies::<ListConversations>(|list| list.conversations.clear());
        let mut shortening = altering_replies::<GetEntries>(|page| {
            page.entries.retain(|at| at.number < 4);
        });
        let lie = move |given| hiding(given).and_then(&mut shortening);
        let mut new = Person::sign_in_lied_to(app.address, "bob", PASSWORD, lie)
            .await
            .unwrap();
        assert!(new.page.borrow().conversations.is_empty());
        alice.writes(id, "next").await;
        new.until("an alarm", |page| is_stopped(page, id)).await;
    })
    .await;
}

/// Alice and bob have talked, and alice has renamed; carol, who is to be invited, is lied to.
async fn lies_to_carol(
    app: &TestApp,
    lie: impl FnMut(Given) -> Option<Given> + 'static,
) -> (Person, ConversationId) {
    let (mut alice, _bob, id) = a_pair(app).await;
    let rename = Action::Rename {
        conversation: id,
        title: "renamed".into(),
    };
    alice.does(rename).await.unwrap();
    alice.writes(id, "before carol").await;
    let mut carol = Person::register(app.address, "carol", 3, RsaPss).await;
    carol.is_lied_to(lie);
    alice.invites(id, &["carol"]).await;
    carol.until("an alarm", |page| is_stopped(page, id)).await;
    assert_eq!(carol.sees(id).title, "");
    let answer = carol.does(Action::Accept(id)).await;
    assert!(
        matches!(answer, Err(Failure::LogBroken | Failure::NotAllowed)),
        "{answer:?}"
    );
    (carol, id)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_left_out_of_the_chain_stops_the_log() {
    local(async {
        let app = TestApp::full().await;
        let lie = altering_replies::<GetAnchor>(|anchor| {
            anchor.state.pop();
        });
        let (carol, id) = lies_to_carol(&app, lie).await;
        assert!(carol.page.borrow().texts(id).is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_tree_before_ones_invitation_stops_the_log() {
    local(async {
        let app = TestApp::full().await;
        let lie = altering_replies::<GetAnchor>(|anchor| {
            anchor.peaks.iter_mut().for_each(|peak| peak.0[0] ^= 1);
        });
        let (carol, id) = lies_to_carol(&app, lie).await;
        assert!(carol.page.borrow().texts(id).is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tree_of_another_size_before_ones_invitation_stops_the_log() {
    local(async {
        let app = TestApp::full().await;
        let (alice, mut bob, id) = a_pair(&app).await;
        let hers = Insider::of(&alice, 1, id).await.keys;
        let his = Insider::of(&bob, 2, id).await.keys;
        let (request, _) = common::log::draft(&hers, &[&his]);
        // An entry that she has not seen comes before her invitation: nothing would vouch for it.
        let unseen = [EntryHash([7; 32])];
        let shown = serving_after(&mut bob, vec![request.create, request.invite], &unseen);
        bob.until("an alarm", |page| is_stopped(page, shown)).await;
        let answer = bob.does(Action::Accept(shown)).await;
        assert_eq!(answer, Err(Failure::LogBroken));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conversation_said_to_be_of_the_other_kind_is_not_entered() {
    local(async {
        let app = TestApp::full().await;
        let (alice, mut bob, id) = a_pair(&app).await;
        let hers = Insider::of(&alice, 1, id).await.keys;
        let his = Insider::of(&bob, 2, id).await.keys;
        let (request, _) = common::log::draft(&hers, &[&his]);
        let true_id = serving(&mut bob, vec![request.create.clone(), request.invite.clone()]);
        bob.until("an invitation is there", |page| {
            page.conversations.contains_key(&true_id)
        })
        .await;
        assert!(!bob.sees(true_id).managed);

        let mut bob = bob.reload().await;
        bob.connect(app.address).await;
        let Ok(Entry::State(mut create)) = Entry::parse(&request.create) else {
            panic!("no create")
        };
        let key = common::Person::new("server", 6).signed.identity().rsa_signing.clone();
        if let Act::Create(Create { mode, .. }) = &mut create.header.act {
            *mode = Mode::ServerManaged(key);
        }
        let other = assemble_state(
            codec::encode(&create.header),
            create.signature,
        );
        // The other create is another conversation; as the true one it is refused, and so is its signature.
        let shown = serving(&mut bob, vec![Bytes(other), request.invite]);
        let told = |page: &Page| {
            page.notices.iter().any(|notice| {
                matches!(notice, Notice::Trouble(Failure::Server(text)) if text.contains("signature"))
            })
        };
        bob.until("nonsense is told", told).await;
        assert!(!bob.page.borrow().conversations.contains_key(&shown));
        assert!(!bob.sees(true_id).managed);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_older_than_those_in_force_wait_for_the_newer_ones() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, mut bob, id) = a_pair(&app).await;
        bob.will_make(6);
        let change = Action::ChangeKeys {
            password: Password(PASSWORD.into()),
            change: KeyChange::Rotate,
        };
        bob.does(change).await.unwrap();
        let lie = altering_replies::<LoginFinish>(|logged_in| {
            logged_in.identities.truncate(1);
            logged_in.vault.keys.truncate(1);
        });
        let mut new = Person::sign_in_lied_to(app.address, "bob", PASSWORD, lie)
            .await
            .unwrap();
        let outdated = |page: &Page| {
            matches!(&page.session, Some(Session::SignedIn(me)) if me.outdated && me.version == 1)
        };
        assert!(outdated(&new.page.borrow()));
        let appended = appended(&mut new);
        new.does(Action::Open(id)).await.unwrap();
        new.writes(id, "with old keys").await;
        new.ticks().await;
        assert!(appended.borrow().is_empty(), "nothing goes out");
        new.is_told_the_truth();
        let password = Password(PASSWORD.into());
        new.does(Action::FetchKeys { password }).await.unwrap();
        new.reads(id, &["first", "with old keys"]).await;
        alice.reads(id, &["first", "with old keys"]).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_elses_identity_is_not_signed_in_with() {
    local(async {
        let app = TestApp::full().await;
        let bob = Person::register(app.address, "bob", 2, Dsa).await;
        let other = impostor(&account(&bob).await.identity, 6);
        let lie = altering_replies::<LoginFinish>(move |logged_in| {
            logged_in.identities = vec![other.signed.bytes().into()];
        });
        let answer = Person::sign_in_lied_to(app.address, "bob", PASSWORD, lie).await;
        assert!(matches!(answer.err(), Some(Failure::Server(_))));
    })
    .await;
}
