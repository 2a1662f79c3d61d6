//! Two people in a conversation, and what they hear of it.

use secure_chat_shared::protocol::{EntryAt, Event, GetEntries, MAX_PAGE};

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
