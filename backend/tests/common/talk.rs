//! Two people in a conversation, and what they hear of it.

use secure_chat_shared::crypto::epoch::EpochKey;
use secure_chat_shared::crypto::wrap::unwrap;
use secure_chat_shared::log::tree::verify_inclusion;
use secure_chat_shared::protocol::{EntryAt, Event, GetEntries, GetWrap, MAX_PAGE, WrapFor};

use super::log::{Log, converse};
use super::{TestApp, User};

/// alice has begun a conversation with bob and he has accepted; both have seen each other come.
pub async fn together(app: &mut TestApp) -> (User, User, Log) {
    let mut alice = app.with_user("alice").await;
    let mut bob = app.with_user("bob").await;
    let mut log = converse(&mut alice, &[&bob.person]).await;
    log.accept(&mut bob).await;
    assert_eq!(entry_event(&mut bob).await.number, 1);
    assert_eq!(entry_event(&mut alice).await.number, 2);
    (alice, bob, log)
}

/// The next entry that somebody is told of.
pub async fn entry_event(user: &mut User) -> EntryAt {
    user.socket
        .event_where(|event| match event {
            Event::Entry { entry, .. } => Some(entry),
            _ => None,
        })
        .await
}

/// The whole log, as the server hands it out.
pub async fn all_entries(user: &mut User, log: &Log) -> Vec<EntryAt> {
    let request = GetEntries {
        conversation: log.id(),
        from: 0,
        limit: MAX_PAGE,
    };
    user.socket.call(&request).await.unwrap().entries
}

/// The newest epoch key, unwrapped by a reader and checked against the announcement.
pub async fn newest_key(user: &mut User, log: &Log) -> EpochKey {
    let record = log.state.epoch().unwrap();
    let given = newest_wrap(user, log).await;
    assert!(verify_inclusion(
        &record.wraps,
        record.readers,
        given.index,
        &given.wrap,
        &given.proof
    ));
    let context = log.state.epoch_context(record);
    let label = context.wrap_label(&user.person.signed.hash());
    let key = unwrap(&user.person.keys.encryption, &given.wrap, &label).unwrap();
    assert!(record.commitment.matches(&key, &context));
    key
}

/// A reader's wrap of the newest epoch key.
pub async fn newest_wrap(user: &mut User, log: &Log) -> WrapFor {
    let request = GetWrap {
        conversation: log.id(),
        epoch: log.state.epoch().unwrap().epoch,
    };
    user.socket.call(&request).await.unwrap()
}
