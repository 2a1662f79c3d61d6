//! Conversations: appending to a log and reading it.

use minicbor::{Decode, Encode};

use crate::codec::Bytes;
use crate::ids::{ConversationId, EntryHash, Epoch, Root, Timestamp, View};
use crate::log::tree::leaf_hash;

/// Begins a log with its first two entries, in one transaction: `create`, and the `invite` that announces epoch 1.
#[derive(Debug, Clone, Encode, Decode)]
pub struct CreateConversation {
    /// The `create` entry.
    #[n(0)]
    pub create: Bytes,
    /// The `invite` entry.
    #[n(1)]
    pub invite: Bytes,
    /// One wrap for each reader, in the order of their user ids; empty where the server manages the key.
    #[n(2)]
    pub wraps: Vec<Bytes>,
}

/// Appends one entry.
#[derive(Debug, Clone, Encode, Decode)]
pub struct Append {
    /// Which log.
    #[n(0)]
    pub conversation: ConversationId,
    /// The entry. The same message bytes again get the same answer again.
    #[n(1)]
    pub entry: Bytes,
    /// The wraps that the entry's announcement or `share` commits to; else empty.
    #[n(2)]
    pub wraps: Vec<Bytes>,
}

/// Reply to [`Append`] and [`CreateConversation`] (there for the `invite`): it is on disk.
#[derive(Debug, Clone, Encode, Decode)]
pub struct Appended {
    /// The entry's number.
    #[n(0)]
    pub number: u64,
    /// When the server took it.
    #[n(1)]
    pub time: Timestamp,
}

/// Asks for every conversation that the asker may read.
#[derive(Debug, Clone, Encode, Decode)]
pub struct ListConversations;

/// Reply to [`ListConversations`].
#[derive(Debug, Clone, Encode, Decode)]
pub struct Conversations {
    /// In no particular order.
    #[n(0)]
    pub conversations: Vec<ConversationHead>,
}

/// How far a log has got.
#[derive(Debug, Clone, Encode, Decode)]
pub struct ConversationHead {
    /// Which log.
    #[n(0)]
    pub id: ConversationId,
    /// The server's view of it.
    #[n(1)]
    pub view: View,
}

/// Asks for what a newcomer or a new browser starts from, or whoever reads earlier or newer history first.
#[derive(Debug, Clone, Encode, Decode)]
pub struct GetAnchor {
    /// Which log.
    #[n(0)]
    pub conversation: ConversationId,
    /// The last state entry that the asker has of this anchor; none for the first page.
    #[n(1)]
    pub after: Option<u64>,
    /// Number of entries in the tree to start from; none for the view which the asker's own newest `invite` names (for
    /// the creator: nothing, and size 0).
    #[n(2)]
    pub size: Option<u64>,
}

/// Reply to [`GetAnchor`]: the state entries below `size` (all of them, oldest first), and the tree of that size. What
/// follows is read by [`GetEntries`] from there on.
#[derive(Debug, Clone, Encode, Decode)]
pub struct Anchor {
    /// State entries whose number is below `size`.
    #[n(0)]
    pub state: Vec<EntryAt>,
    /// Size of the tree that `peaks` make.
    #[n(1)]
    pub size: u64,
    /// Roots of the tree's complete subtrees, largest first.
    #[n(2)]
    pub peaks: Vec<Root>,
    /// Whether state entries are still missing: ask again after the last one.
    #[n(3)]
    pub more: bool,
}

/// Asks for the key with which this server signs its announcements.
#[derive(Debug, Clone, Encode, Decode)]
pub struct GetManagedKey;

/// Reply to [`GetManagedKey`].
#[derive(Debug, Clone, Encode, Decode)]
pub struct ManagedKey {
    /// RSA-3072, SubjectPublicKeyInfo DER: what `create` names in [`crate::log::Mode::ServerManaged`].
    #[n(0)]
    pub spki: Bytes,
}

/// Gives entries back to a server that has lost them (restored from a backup). Each is judged like a new one, whoever
/// uploads it; those that the server has must be the same. A log that the server does not know at all is given from
/// entry 0 on. Where the server makes the keys, its announcements are given back too; no entries at all ask it to make
/// one that nobody has given back.
#[derive(Debug, Clone, Encode, Decode)]
pub struct Reupload {
    /// Which log.
    #[n(0)]
    pub conversation: ConversationId,
    /// Number of the first entry given.
    #[n(1)]
    pub from: u64,
    /// Their exact bytes, consecutive.
    #[n(2)]
    pub entries: Vec<Bytes>,
}

/// Reply to [`Reupload`].
#[derive(Debug, Clone, Encode, Decode)]
pub struct Reuploaded {
    /// Size of the log now.
    #[n(0)]
    pub size: u64,
}

/// Asks for entries by number.
#[derive(Debug, Clone, Encode, Decode)]
pub struct GetEntries {
    /// Which log.
    #[n(0)]
    pub conversation: ConversationId,
    /// First number wanted.
    #[n(1)]
    pub from: u64,
    /// How many at most, up to [`super::MAX_PAGE`].
    #[n(2)]
    pub limit: u32,
}

/// Reply to [`GetEntries`].
#[derive(Debug, Clone, Encode, Decode)]
pub struct Entries {
    /// Consecutive from `from` on; empty at the end.
    #[n(0)]
    pub entries: Vec<EntryAt>,
    /// Size of the log.
    #[n(1)]
    pub size: u64,
}

/// An entry in its place.
#[derive(Debug, Clone, Encode, Decode)]
pub struct EntryAt {
    /// Its number, from 0, without gaps.
    #[n(0)]
    pub number: u64,
    /// When the server took it (a claim, not signed).
    #[n(1)]
    pub time: Timestamp,
    /// What is left of it.
    #[n(2)]
    pub entry: Stored,
}

/// An entry's bytes, or what its purge has left.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Stored {
    /// The exact bytes.
    #[n(0)]
    Whole(#[n(0)] Bytes),
    /// A message whose content was purged: its leaf hash.
    #[n(1)]
    Purged(#[n(0)] EntryHash),
}

impl Stored {
    /// The entry's leaf hash.
    pub fn leaf(&self) -> EntryHash {
        match self {
            Self::Whole(bytes) => leaf_hash(bytes),
            Self::Purged(hash) => *hash,
        }
    }
}

/// Asks for the asker's own wrap of an epoch key.
#[derive(Debug, Clone, Encode, Decode)]
pub struct GetWrap {
    /// Which log.
    #[n(0)]
    pub conversation: ConversationId,
    /// Which epoch.
    #[n(1)]
    pub epoch: Epoch,
}

/// Reply to [`GetWrap`].
#[derive(Debug, Clone, Encode, Decode)]
pub struct WrapFor {
    /// RSA-OAEP-SHA256 ciphertext, 384 bytes.
    #[n(0)]
    pub wrap: Bytes,
    /// The wrap's place among the readers.
    #[n(1)]
    pub index: u64,
    /// RFC 9162 inclusion proof to the announcement's wraps root, concatenated 32-byte hashes.
    #[n(2)]
    pub proof: Bytes,
}
