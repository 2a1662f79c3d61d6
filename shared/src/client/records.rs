//! What the client keeps in its store, and under which keys.

use std::collections::{BTreeMap, BTreeSet};

use minicbor::{Decode, Encode};

use super::api::{Failure, LastLine, Row};
use super::platform::{Table, Write};
use crate::codec::{self, Bytes, Malformed};
use crate::crypto::epoch::EpochKey;
use crate::crypto::identity::{Compromised, SignedIdentity};
use crate::crypto::vault::Pin;
use crate::ids::{
    ConversationId, EntryHash, Epoch, IdentityHash, MessageId, Root, SessionId, Timestamp, UserId,
    UserName,
};
use crate::log::LogState;
use crate::log::tree::Frontier;

/// Meta record of the signed-in account.
pub const ACCOUNT: &[u8] = b"account";
/// Meta record of the newest generation of the synced state.
pub const SYNCED: &[u8] = b"synced";

/// The signed-in account.
#[derive(Clone, Encode, Decode)]
#[cbor(map)]
pub struct AccountRecord {
    /// Who.
    #[n(0)]
    pub user: UserId,
    /// Name.
    #[n(1)]
    pub name: UserName,
    /// Newest identity.
    #[n(2)]
    pub identity: SignedIdentity,
    /// Resumes the session.
    #[n(3)]
    pub token: Bytes,
    /// The session's id.
    #[n(4)]
    pub session: SessionId,
    /// The recovery code, on the device that made it, until its person has saved it.
    #[n(5)]
    pub recovery_code: Option<String>,
    /// Earlier versions of the identity, oldest first.
    #[n(6)]
    pub earlier: Vec<SignedIdentity>,
    /// The newest version that another browser has published, where that is newer than the keys on this device.
    #[n(7)]
    pub published: Option<u32>,
    /// The statement about the newest of one's own versions that is compromised.
    #[n(8)]
    pub compromised: Option<Compromised>,
    /// How often the account's secrets had been replaced when this device's keys were opened.
    #[n(9)]
    pub secrets: u32,
    /// The same as the server has it, where that is newer.
    #[n(10)]
    pub replaced: Option<u32>,
    /// A recovery code that was sent to the server, whose answer has not come.
    #[n(11)]
    pub offered_code: Option<String>,
}

/// What lies in clear on a locked device.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct LockedRecord {
    /// Who.
    #[n(0)]
    pub user: UserId,
    /// Name.
    #[n(1)]
    pub name: UserName,
    /// The session that goes on when it is unlocked.
    #[n(2)]
    pub session: SessionId,
}

impl AccountRecord {
    /// Whether the password has to be asked for: other browsers have made what this device has no keys for.
    pub fn is_outdated(&self) -> bool {
        self.published.is_some() || self.replaced.is_some()
    }

    /// Whether an identity is a version of one's own; one newer than the keys on this device may be.
    pub fn has(&self, signed: &SignedIdentity) -> bool {
        let newest = self.identity.identity().version;
        signed.identity().version > newest || self.versions().any(|own| own.hash() == signed.hash())
    }

    /// Every version of one's identity, oldest first.
    pub fn versions(&self) -> impl Iterator<Item = &SignedIdentity> {
        self.earlier.iter().chain([&self.identity])
    }
}

/// A conversation, besides its state, which has a record of its own since it is large and changes seldom.
#[derive(Clone, Encode, Decode)]
#[cbor(map)]
pub struct RoomRecord {
    /// The verified log's right edge.
    #[n(0)]
    pub frontier: Frontier,
    /// First entry number that this device holds; earlier with history that was shared.
    #[n(1)]
    pub anchor: u64,
    /// Everything up to this number was read.
    #[n(2)]
    pub read: u64,
    /// Messages by others after it.
    #[n(3)]
    pub unread: u32,
    /// The newest message.
    #[n(4)]
    pub last: Option<LastLine>,
    /// When something last happened.
    #[n(5)]
    pub active: Timestamp,
    /// Why the conversation is stopped, with both sides as evidence.
    #[n(6)]
    pub broken: Option<Evidence>,
    /// What is in the composer.
    #[n(7)]
    pub draft: String,
    /// Opened title.
    #[n(8)]
    pub title: String,
    /// When the newest epoch was announced (by the server's clock).
    #[n(9)]
    pub epoch_time: Timestamp,
    /// When one was invited.
    #[n(10)]
    pub invited: Option<Timestamp>,
    /// Roots by size, the newest few.
    #[n(11)]
    pub roots: Vec<(u64, Root)>,
    /// One was a member at some time: leaving then keeps what was read.
    #[n(12)]
    pub joined: bool,
    /// The verified root at the anchor.
    #[n(13)]
    pub anchor_root: Root,
    /// Epochs that one may read and whose keys did not come or open, with the number of faults that this device has
    /// written about each.
    #[n(14)]
    pub missing: BTreeMap<Epoch, u32>,
    /// Epochs whose entries are still to be opened, since their keys came later than they.
    #[n(15)]
    pub to_open: BTreeSet<Epoch>,
    /// Views, by size, in which the newest entries were shown before the log was read up to there.
    #[n(16)]
    #[cbor(default)]
    pub shown: BTreeMap<u64, Root>,
}

/// Why a log was stopped.
#[derive(Debug, Clone, Encode, Decode)]
#[cbor(map)]
pub struct Evidence {
    /// A sentence.
    #[n(0)]
    pub reason: String,
    /// The number at which it happened.
    #[n(1)]
    pub number: u64,
    /// The entry as the server gave it.
    #[n(2)]
    pub entry: Bytes,
    /// One's own root at the size that the entry's view names, where known.
    #[n(3)]
    pub own_root: Option<Root>,
}

/// A verified entry, ready to show.
#[derive(Clone, Encode, Decode)]
#[cbor(map)]
pub struct EntryRecord {
    /// Its leaf hash.
    #[n(0)]
    pub hash: EntryHash,
    /// The tree's root after it.
    #[n(1)]
    pub root: Root,
    /// What is shown; nothing for what one may not read.
    #[n(2)]
    pub row: Option<Row>,
    /// The epoch without whose key a valid message or title is not shown: the key may come later.
    #[n(3)]
    pub waits_for: Option<Epoch>,
    /// When the server took it.
    #[n(4)]
    pub time: Timestamp,
}

/// A message still to be sent.
#[derive(Debug, Clone, Encode, Decode)]
#[cbor(map)]
pub struct OutgoingRecord {
    /// Where.
    #[n(0)]
    pub conversation: ConversationId,
    /// Its id.
    #[n(1)]
    pub id: MessageId,
    /// What.
    #[n(2)]
    pub text: String,
    /// When it was written.
    #[n(3)]
    pub time: Timestamp,
    /// Signed and sealed bytes; resent as they are until a definite answer.
    #[n(4)]
    pub entry: Option<Bytes>,
    /// The epoch of those bytes.
    #[n(5)]
    pub epoch: Option<Epoch>,
    /// Refused for good.
    #[n(6)]
    pub failed: Option<Failure>,
}

/// A pinned identity.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct PinRecord {
    /// Name; unknown only between signing in on a new browser and meeting the person there.
    #[n(0)]
    pub name: Option<UserName>,
    /// What is synced: the newest version followed, whether it was verified.
    #[n(1)]
    pub pin: Pin,
    /// Hashes of earlier versions on the chain, as far as this device followed it.
    #[n(2)]
    pub earlier: Vec<IdentityHash>,
    /// An identity that does not follow: shown, not trusted.
    #[n(3)]
    pub conflict: Option<(IdentityHash, u32)>,
}

impl PinRecord {
    /// First seen.
    pub fn first(signed: &SignedIdentity) -> Self {
        let identity = signed.identity();
        let pin = Pin::first(signed.hash(), identity.version);
        Self {
            name: Some(identity.name.clone()),
            pin,
            earlier: Vec::new(),
            conflict: None,
        }
    }

    /// As another browser has it.
    pub fn synced(pin: Pin) -> Self {
        Self {
            name: None,
            pin,
            earlier: Vec::new(),
            conflict: None,
        }
    }

    /// Takes over what this pin and another browser's have become together.
    pub fn merge(&mut self, pin: Pin) {
        if pin.resets != self.pin.resets {
            // Another browser's person decided: what was known of the chain before is void.
            self.earlier.clear();
            self.conflict = None;
        } else if pin.compromised {
            let (known, after) = (self.pin.compromised, self.conflict);
            self.compromise(pin.identity, pin.version);
            if known {
                self.conflict = after;
            }
        } else if pin.identity != self.pin.identity {
            self.earlier.push(self.pin.identity);
        }
        if self.conflict == Some((pin.identity, pin.version)) {
            self.conflict = None;
        }
        self.pin = pin;
    }

    /// Whether a version is on the pinned chain and not compromised.
    pub fn holds(&self, hash: &IdentityHash) -> bool {
        (self.pin.identity == *hash && !self.pin.compromised) || self.earlier.contains(hash)
    }

    /// Its owner says that this version is in other hands: what followed it is not trusted, nor is it any more.
    pub fn compromise(&mut self, hash: IdentityHash, version: u32) {
        if self.pin.identity != hash {
            self.conflict = Some((self.pin.identity, self.pin.version));
        }
        if let Some(at) = self.earlier.iter().position(|known| *known == hash) {
            self.earlier.truncate(at);
        }
        self.pin.identity = hash;
        self.pin.version = version;
        self.pin.verified_before |= self.pin.verified;
        self.pin.verified = false;
        self.pin.by_link = false;
        self.pin.compromised = true;
    }

    /// Follows to a version signed by the pinned one.
    pub fn follow(&mut self, hash: IdentityHash, version: u32) {
        self.earlier.push(self.pin.identity);
        self.pin.verified_before |= self.pin.verified;
        self.pin.verified = false;
        self.pin.by_link = false;
        self.pin.identity = hash;
        self.pin.version = version;
    }

    /// The person goes on with an identity that did not follow.
    pub fn reset(&mut self, hash: IdentityHash, version: u32) {
        let resets = self.pin.resets + 1;
        self.pin = Pin {
            resets,
            ..Pin::first(hash, version)
        };
        self.earlier.clear();
        self.conflict = None;
    }

    /// Name as text.
    pub fn display_name(&self) -> String {
        self.name
            .as_ref()
            .map(UserName::to_string)
            .unwrap_or_default()
    }
}

/// Key of a conversation's [`RoomRecord`].
pub fn room_key(conversation: &ConversationId) -> Vec<u8> {
    conversation.0.to_vec()
}

/// Key of a conversation's [`LogState`].
pub fn state_key(conversation: &ConversationId) -> Vec<u8> {
    [&conversation.0[..], b"state"].concat()
}

/// Key of an [`EntryRecord`]: conversation, 0, number big-endian.
pub fn entry_key(conversation: &ConversationId, number: u64) -> Vec<u8> {
    [&conversation.0[..], &[0], &number.to_be_bytes()].concat()
}

/// The number in an [`entry_key`].
pub fn entry_number(key: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(*key.last_chunk()?))
}

/// Prefix of a conversation's entries.
pub fn entry_prefix(conversation: &ConversationId) -> Vec<u8> {
    [&conversation.0[..], &[0]].concat()
}

/// Key under which a message id is remembered: conversation, 1, sender, id.
pub fn message_key(conversation: &ConversationId, sender: &UserId, id: &MessageId) -> Vec<u8> {
    [&conversation.0[..], &[1], &sender.0, &id.0].concat()
}

/// Key under which what happened is kept a second time, to be read without the messages, and from before the anchor
/// too: conversation, 2, number big-endian.
pub fn history_key(conversation: &ConversationId, number: u64) -> Vec<u8> {
    [&conversation.0[..], &[2], &number.to_be_bytes()].concat()
}

/// Prefix of what happened in a conversation.
pub fn history_prefix(conversation: &ConversationId) -> Vec<u8> {
    [&conversation.0[..], &[2]].concat()
}

/// Key under which an identity is kept that was once in force in a conversation: conversation, 3, its hash.
pub fn identity_key(conversation: &ConversationId, identity: &IdentityHash) -> Vec<u8> {
    [&conversation.0[..], &[3], &identity.0].concat()
}

/// Key of an epoch key.
pub fn epoch_key(conversation: &ConversationId, epoch: Epoch) -> Vec<u8> {
    [&conversation.0[..], &epoch.0.to_be_bytes()].concat()
}

/// A write of an encoded record.
pub fn put<T: Encode<()>>(table: Table, key: Vec<u8>, value: &T) -> Write {
    Write {
        table,
        key,
        value: Some(codec::encode(value)),
    }
}

/// A deletion.
pub fn delete(table: Table, key: Vec<u8>) -> Write {
    Write {
        table,
        key,
        value: None,
    }
}

/// The write of an epoch key (the store seals it like everything else).
pub fn put_epoch_key(conversation: &ConversationId, epoch: Epoch, key: &EpochKey) -> Write {
    Write {
        table: Table::Epochs,
        key: epoch_key(conversation, epoch),
        value: Some(key.expose().to_vec()),
    }
}

/// The write of a state.
pub fn put_state(state: &LogState) -> Write {
    put(Table::Conversations, state_key(&state.conversation), state)
}

/// The write of what happened, to be read without the messages.
pub fn put_history(conversation: &ConversationId, number: u64, row: &Row) -> Write {
    put(Table::Entries, history_key(conversation, number), row)
}

/// The write of an identity that is in force no more.
pub fn put_identity(conversation: &ConversationId, identity: &SignedIdentity) -> Write {
    let key = identity_key(conversation, &identity.hash());
    put(Table::Entries, key, identity)
}

/// Reads a row's page form.
pub fn decode_row(bytes: &[u8]) -> Result<Option<Row>, Malformed> {
    codec::decode::<EntryRecord>(bytes).map(|record| record.row)
}
