//! What somebody who has gone could still try: every key that lies on his device, on everything that was said later.

use secure_chat_shared::client::api::{Action, Standing};
use secure_chat_shared::client::platform::{Store, Table};
use secure_chat_shared::crypto::epoch::EpochKey;
use secure_chat_shared::crypto::message;
use secure_chat_shared::crypto::signing::Algorithm::{Dsa, RsaPss};
use secure_chat_shared::ids::ConversationId;
use secure_chat_shared::log::{Entry, MessageEntry};

use super::common::TestApp;
use super::local;
use super::person::Person;

/// Every epoch key on somebody's device, of whichever conversation.
async fn keys(person: &Person) -> Vec<EpochKey> {
    let store = &person.device().store;
    let records = store
        .scan(Table::Epochs, &[], None, false, usize::MAX)
        .await;
    let keys = records.unwrap().into_iter();
    keys.map(|(_, bytes)| EpochKey::from_slice(&bytes).unwrap())
        .collect()
}

/// The messages of a conversation as they went over the wire, oldest first.
async fn messages(person: &Person, id: ConversationId) -> Vec<MessageEntry> {
    let store = &person.device().store;
    let records = store.scan(Table::Log, &id.0, None, false, usize::MAX).await;
    let entries = records.unwrap().into_iter();
    entries
        .filter_map(|(_, bytes)| match Entry::parse(&bytes) {
            Ok(Entry::Message(entry)) => Some(entry),
            _ => None,
        })
        .collect()
}

fn opens(keys: &[EpochKey], entry: &MessageEntry) -> bool {
    keys.iter().any(|key| {
        message::open(
            key,
            &entry.header.salt.0,
            &entry.header_bytes,
            &entry.sealed,
        )
        .is_ok()
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_key_of_somebody_who_has_gone_opens_what_follows() {
    local(async {
        let app = TestApp::full().await;
        let mut alice = Person::register(app.address, "alice", 1, RsaPss).await;
        let mut bob = Person::register(app.address, "bob", 2, Dsa).await;
        let mut carol = Person::register(app.address, "carol", 3, RsaPss).await;
        let id = alice.begins_with(&["bob", "carol"], "").await;
        bob.joins(id).await;
        carol.joins(id).await;
        alice.writes(id, "all three").await;
        for person in [&mut bob, &mut carol] {
            person.reads(id, &["all three"]).await;
        }
        let carol_id = carol.user();
        bob.does(Action::Leave(id)).await.unwrap();
        alice.sees_members(id, &["alice", "carol"]).await;
        alice.writes(id, "without bob").await;
        carol.reads(id, &["all three", "without bob"]).await;
        let remove = Action::Remove {
            conversation: id,
            user: carol_id,
        };
        alice.does(remove).await.unwrap();
        carol
            .until("she is out", |page| {
                page.conversations[&id].standing == Standing::Former
            })
            .await;
        alice.writes(id, "alone").await;

        let said = messages(&alice, id).await;
        assert_eq!(said.len(), 3);
        for (person, expected) in [
            (&alice, [true, true, true]),
            (&bob, [true, false, false]),
            (&carol, [true, true, false]),
        ] {
            let keys = keys(person).await;
            let opened: Vec<bool> = said.iter().map(|entry| opens(&keys, entry)).collect();
            assert_eq!(opened, expected, "{}", person.name);
        }
        // Nor does the server give them more when they ask again.
        for person in [&mut bob, &mut carol] {
            person.disconnect().await;
            person.connect(app.address).await;
        }
        assert_eq!(keys(&bob).await.len(), 1);
        assert_eq!(keys(&carol).await.len(), 2);
        assert_eq!(messages(&bob, id).await.len(), 1);
        assert_eq!(messages(&carol, id).await.len(), 2);
    })
    .await;
}
