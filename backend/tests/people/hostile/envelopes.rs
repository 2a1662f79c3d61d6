//! Wrapped keys that are not the ones announced.

use secure_chat_shared::client::api::Reason;
use secure_chat_shared::crypto::epoch::EpochKey;
use secure_chat_shared::ids::Epoch;
use secure_chat_shared::log::Act;
use secure_chat_shared::protocol::{ErrorCode, GetWrap, RequestError, WrapFor};

use super::insider::{account, wrapped};
use super::*;

/// What bob sees of a conversation whose wraps the server gives like this: nothing.
async fn nothing_opens(
    app: &TestApp,
    lie: impl AsyncFnOnce(&mut Person, &Person, ConversationId),
) -> (Person, Person, ConversationId) {
    let mut alice = Person::register(app.address, "alice", 1, RsaPss).await;
    let mut bob = Person::register(app.address, "bob", 2, Dsa).await;
    let id = alice.begins_with(&["bob"], "a title").await;
    alice.writes(id, "sealed").await;
    lie(&mut bob, &alice, id).await;
    bob.joins(id).await;
    bob.until("a marked row", |page| reasons(page, id) == [Reason::NoKey])
        .await;
    assert_eq!(bob.sees(id).title, "");
    assert!(bob.page.borrow().texts(id).is_empty());
    (alice, bob, id)
}

/// Altered, whichever wrap it is.
fn with_wrap(alter: impl FnMut(&mut WrapFor) + 'static) -> impl FnMut(Given) -> Option<Given> {
    altering_replies::<GetWrap>(alter)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_swapped_wrap_opens_nothing() {
    local(async {
        let app = TestApp::full().await;
        nothing_opens(&app, async |bob, _, _| {
            bob.is_lied_to(with_wrap(|given| given.wrap.0[5] ^= 1));
        })
        .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrap_for_somebody_else_opens_nothing() {
    local(async {
        let app = TestApp::full().await;
        nothing_opens(&app, async |bob, alice, id| {
            // Hers is one that was announced, and proven to be.
            let request = GetWrap {
                conversation: id,
                epoch: Epoch(1),
            };
            let hers = alice.asks(&request).await.unwrap();
            bob.is_lied_to(with_wrap(move |given| *given = hers.clone()));
        })
        .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrap_of_a_key_that_the_server_made_opens_nothing() {
    local(async {
        let app = TestApp::full().await;
        nothing_opens(&app, async |bob, alice, id| {
            let insider = Insider::of(alice, 1, id).await;
            let context = insider
                .log
                .state
                .epoch_context(&insider.log.state.epochs[0]);
            let his = account(bob).await.identity;
            let forged = wrapped(&his, &EpochKey::make(), &context);
            bob.is_lied_to(with_wrap(move |given| given.wrap = forged.clone()));
        })
        .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrap_kept_back_opens_nothing() {
    local(async {
        let app = TestApp::full().await;
        nothing_opens(&app, async |bob, _, _| {
            bob.is_meddled_with(|op, body| match op {
                GetWrap::OP => Fate::Refused(RequestError::new(ErrorCode::NotFound, "none")),
                _ => Fate::Done(body),
            });
        })
        .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrap_of_another_epoch_opens_nothing() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, mut bob, mut mallory, id) = a_circle(&app).await;
        let request = GetWrap {
            conversation: id,
            epoch: Epoch(1),
        };
        let first = bob.asks(&request).await.unwrap();
        let before = sight(&bob, id);
        bob.is_lied_to(with_wrap(move |given| *given = first.clone()));
        mallory.does(Action::Leave(id)).await.unwrap();
        alice.sees_members(id, &["alice", "bob"]).await;
        alice.writes(id, "under the second key").await;
        bob.until("a marked row", |page| reasons(page, id) == [Reason::NoKey])
            .await;
        assert_eq!(sight(&bob, id).texts, before.texts);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_who_gives_two_members_different_keys_is_not_believed() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, mut bob, mallory, id) = a_circle(&app).await;
        let mut insider = Insider::of(&mallory, 4, id).await;
        let readers = insider.readers();
        let user = bob.user();
        let place = readers
            .iter()
            .position(|signed| signed.identity().user == user);
        let (announcement, wraps) = insider.announcement(&readers, "ours", |context, wraps| {
            let place = place.unwrap();
            wraps[place] = wrapped(&readers[place], &EpochKey::make(), context);
        });
        let entry = insider.entry(Act::Epoch(announcement), |_| {});
        let request = insider.log.request(entry.0.clone(), wraps);
        mallory.asks(&request).await.unwrap();
        insider.log.take(&entry);
        let entry = insider.message("to alice alone", |_, _| {});
        let request = insider.log.request(entry.0, Vec::new());
        mallory.asks(&request).await.unwrap();
        alice.reads(id, &["first", "to alice alone"]).await;
        bob.until("a marked row", |page| reasons(page, id) == [Reason::NoKey])
            .await;
        assert_eq!(bob.page.borrow().texts(id), ["first"]);
        assert_eq!(bob.sees(id).title, "ours");
    })
    .await;
}
