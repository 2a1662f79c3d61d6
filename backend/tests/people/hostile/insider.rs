//! Somebody's keys in the hands of whoever does more with them than the client core would: a member who helps the
//! server to lie.

use std::collections::BTreeMap;

use secure_chat_shared::client::native::{PrivateKeys, test_keys};
use secure_chat_shared::client::platform::{Store, Table};
use secure_chat_shared::client::records::{self, AccountRecord, RoomRecord};
use secure_chat_shared::codec::{self, Bytes};
use secure_chat_shared::crypto::epoch::{EpochContext, EpochKey, commitment, seal_title};
use secure_chat_shared::crypto::identity::{self, Compromised, Identity, SignedIdentity};
use secure_chat_shared::crypto::message::{self, Content, Inner};
use secure_chat_shared::crypto::recovery::RecoveryCode;
use secure_chat_shared::crypto::signing::Algorithm;
use secure_chat_shared::crypto::{random, wrap};
use secure_chat_shared::ids::{ConversationId, Epoch, MessageId, Salt, Timestamp, UserId};
use secure_chat_shared::log::entry::{MessageHeader, StateHeader, assemble_message};
use secure_chat_shared::log::state::readers_digest;
use secure_chat_shared::log::tree::wraps_root;
use secure_chat_shared::log::{Act, Announcement};
use secure_chat_shared::protocol::{EntryAt, Event, Stored};

use super::super::common;
use super::super::common::log::{self, Log};
use super::super::person::Person;

/// A person's keys, their view of a conversation, and its keys as far as they have them.
pub struct Insider {
    pub keys: common::Person,
    /// How messages are signed: as the identity says, unless that is the lie.
    pub algorithm: Algorithm,
    pub log: Log,
    epochs: BTreeMap<Epoch, EpochKey>,
}

impl Insider {
    /// Somebody who registered with the `n`th set of test keys, as their device stands in a conversation.
    pub async fn of(person: &Person, n: usize, id: ConversationId) -> Self {
        let store = &person.device().store;
        let state = stored(person, Table::Conversations, &records::state_key(&id)).await;
        let (account, room) = (account(person).await, room(person, id).await);
        let held = store.scan(Table::Epochs, &id.0, None, false, usize::MAX);
        let epochs = held.await.unwrap().into_iter().map(|(key, bytes)| {
            let number = u32::from_be_bytes(key[id.0.len()..].try_into().unwrap());
            (Epoch(number), EpochKey::from_slice(&bytes).unwrap())
        });
        Self {
            algorithm: account.identity.identity().algorithm,
            keys: common::Person {
                name: account.name,
                id: account.user,
                keys: test_keys::set(n).unwrap(),
                signed: account.identity,
                code: RecoveryCode::make(),
            },
            log: Log {
                state: codec::decode(&state).unwrap(),
                tree: room.frontier,
            },
            epochs: epochs.collect(),
        }
    }

    /// A state entry, its header altered by `change`, signed by this person's keys.
    pub fn entry(&self, act: Act, change: impl FnOnce(&mut StateHeader)) -> Bytes {
        let mut header = self.log.header(&self.keys, act);
        change(&mut header);
        Bytes(log::signed(&self.keys, &header))
    }

    /// A message, its header and inner part altered by `change`, signed by this person's keys as they are.
    pub fn message(
        &self,
        text: &str,
        change: impl FnOnce(&mut MessageHeader, &mut Inner),
    ) -> Bytes {
        let current = self.log.state.epoch().unwrap();
        let mut header = MessageHeader::new(
            self.log.id(),
            self.keys.id,
            self.keys.signed.hash(),
            self.log.tree.view(),
            current.epoch,
            current.entry,
            MessageId(random::bytes()),
            Salt(random::bytes()),
        );
        let mut inner = Inner {
            algorithm: self.algorithm,
            time: Timestamp(1),
            content: Content::Text { text: text.into() },
        };
        change(&mut header, &mut inner);
        let (salt, epoch) = (header.salt.0, header.epoch);
        let (header, inner) = (codec::encode(&header), codec::encode(&inner));
        let payload = message::signing_payload(&header, &inner);
        let signature = common::sign(&self.keys.keys, self.algorithm, &payload);
        let key = &self.epochs[&epoch];
        let sealed = message::seal(key, &salt, &header, &inner, &signature).unwrap();
        Bytes(assemble_message(header, sealed))
    }

    /// A fresh epoch for these readers that holds in all but what `change` does to the wraps, which come in the order
    /// of the readers' user ids. This person knows its key.
    pub fn announcement(
        &mut self,
        readers: &[SignedIdentity],
        title: &str,
        change: impl FnOnce(&EpochContext, &mut Vec<Bytes>),
    ) -> (Announcement, Vec<Bytes>) {
        let readers: BTreeMap<UserId, &SignedIdentity> = readers
            .iter()
            .map(|signed| (signed.identity().user, signed))
            .collect();
        let current = self.log.state.epoch();
        let context = EpochContext {
            conversation: self.log.id(),
            epoch: current.map_or(Epoch::FIRST, |current| current.epoch.next()),
            view: self.log.tree.view(),
        };
        let key = EpochKey::make();
        let mut wraps: Vec<Bytes> = readers
            .values()
            .map(|signed| wrapped(signed, &key, &context))
            .collect();
        change(&context, &mut wraps);
        let digest = readers_digest(readers.iter().map(|(user, signed)| (user, signed.hash())));
        let announcement = Announcement {
            epoch: context.epoch,
            commitment: commitment(&key, &context),
            readers: digest,
            wraps: wraps_root(&wraps),
            title: Some(seal_title(&key, &context, title).unwrap()),
        };
        self.epochs.insert(context.epoch, key);
        (announcement, wraps)
    }

    /// The identities of everybody who may read.
    pub fn readers(&self) -> Vec<SignedIdentity> {
        let people = self.log.state.people.values();
        people.map(|person| person.identity.clone()).collect()
    }
}

/// A key under somebody's identity.
pub fn wrapped(to: &SignedIdentity, key: &EpochKey, context: &EpochContext) -> Bytes {
    let label = context.wrap_label(&to.hash());
    Bytes(wrap::wrap(&to.identity().encryption, key, &label).unwrap())
}

/// The server gives somebody an entry of its own making, as the one that comes next in their log.
pub async fn gives_next(to: &Person, id: ConversationId, entry: Bytes) {
    gives(to, id, room(to, id).await.frontier.size(), entry);
}

/// The server gives somebody an entry of its own making in this place.
pub fn gives(to: &Person, conversation: ConversationId, number: u64, entry: Bytes) {
    let entry = EntryAt {
        number,
        time: Timestamp(1),
        entry: Stored::Whole(entry),
    };
    to.is_told(Event::Entry {
        conversation,
        entry,
    });
}

/// Somebody's account as their device holds it.
pub async fn account(person: &Person) -> AccountRecord {
    let bytes = stored(person, Table::Meta, records::ACCOUNT).await;
    codec::decode(&bytes).unwrap()
}

/// A conversation as somebody's device holds it.
pub async fn room(person: &Person, id: ConversationId) -> RoomRecord {
    let bytes = stored(person, Table::Conversations, &records::room_key(&id)).await;
    codec::decode(&bytes).unwrap()
}

/// A record of somebody's device.
async fn stored(person: &Person, table: Table, key: &[u8]) -> Vec<u8> {
    let stored = person.device().store.get(table, key).await.unwrap();
    stored.unwrap()
}

/// Somebody who says that they are this user, with the `n`th set of test keys.
pub fn impostor(of: &SignedIdentity, n: usize) -> common::Person {
    let mut other = common::Person::new(of.identity().name.as_str(), n);
    other.id = of.identity().user;
    other.signed = signed(
        &other.keys,
        None,
        &Identity {
            user: other.id,
            ..other.signed.identity().clone()
        },
    );
    other
}

/// The version after `of` with the `n`th set of test keys, signed by it with these keys, be they its own or not.
pub fn successor(of: &SignedIdentity, by: &PrivateKeys, n: usize) -> common::Person {
    let keys = test_keys::set(n).unwrap();
    let public = keys.public().unwrap();
    let before = of.identity();
    let identity = Identity {
        version: before.version + 1,
        previous: Some(before.hash()),
        encryption: public.encryption.into(),
        rsa_signing: public.rsa_signing.into(),
        dsa_signing: public.dsa_signing.into(),
        ..before.clone()
    };
    common::Person {
        name: before.name.clone(),
        id: before.user,
        signed: signed(&keys, Some(by), &identity),
        keys,
        code: RecoveryCode::make(),
    }
}

/// "The keys of this version are in other hands", by these keys, be they its own or not.
pub fn compromised(of: &SignedIdentity, by: &PrivateKeys) -> Compromised {
    let body = Compromised::body_of(of.identity());
    let payload = Compromised::signing_payload(&body);
    Compromised {
        body: body.into(),
        pss: common::sign(by, Algorithm::RsaPss, &payload),
        dsa: common::sign(by, Algorithm::Dsa, &payload),
    }
}

fn signed(keys: &PrivateKeys, before: Option<&PrivateKeys>, identity: &Identity) -> SignedIdentity {
    let body = identity.body();
    let payload = identity::signing_payload(&body);
    let both = |keys| {
        let pss = common::sign(keys, Algorithm::RsaPss, &payload);
        (pss, common::sign(keys, Algorithm::Dsa, &payload))
    };
    let (pss, dsa) = both(keys);
    SignedIdentity::assemble(body, pss, dsa, before.map(both)).unwrap()
}
