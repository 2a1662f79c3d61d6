//! A conversation's rows: messages, what happened, and what cannot be shown.

use minicbor::{Decode, Encode};

use super::{Algorithm, Failure};
use crate::ids::{Epoch, MessageId, Timestamp, UserId};
use crate::protocol::EntryAt;

/// A row of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Row {
    /// Place: entries by number; what is still to be sent comes after all of them.
    #[n(0)]
    pub key: RowKey,
    /// When the server took it (a claim), or when it was written.
    #[n(1)]
    pub time: Timestamp,
    /// What it is.
    #[n(2)]
    pub body: RowBody,
}

/// Order of rows. Numbered ones first, then pending ones in the order they were written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub enum RowKey {
    /// Entry number.
    #[n(0)]
    Number(#[n(0)] u64),
    /// Place in the outbox.
    #[n(1)]
    Pending(#[n(0)] u64),
}

impl EntryAt {
    /// The entry's row.
    pub fn row(&self, body: RowBody) -> Row {
        let (key, time) = (RowKey::Number(self.number), self.time);
        Row { key, time, body }
    }
}

/// What a row is.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum RowBody {
    /// A message.
    #[n(0)]
    Message(#[n(0)] Message),
    /// Something happened, as a sentence's parts.
    #[n(1)]
    Happened(#[n(0)] Happened),
    /// An entry that cannot be shown: why.
    #[n(2)]
    Invalid(#[n(0)] InvalidRow),
}

/// A message whose seal and signature were checked, or one's own on its way.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Message {
    /// Its id.
    #[n(0)]
    pub id: MessageId,
    /// Author.
    #[n(1)]
    pub author: UserId,
    /// Author's name.
    #[n(2)]
    pub author_name: String,
    /// Whether it is one's own.
    #[n(3)]
    pub own: bool,
    /// Text.
    #[n(4)]
    pub text: String,
    /// How far it got.
    #[n(5)]
    pub state: MessageState,
    /// How it was checked; `None` while pending.
    #[n(6)]
    pub proof: Option<Proof>,
}

/// How far a message got.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum MessageState {
    /// In the outbox.
    #[n(0)]
    Pending,
    /// On the server's disk.
    #[n(1)]
    Sent,
    /// Refused for good; why.
    #[n(2)]
    Failed(#[n(0)] Failure),
}

/// A message's proof.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Proof {
    /// Signed with.
    #[n(0)]
    pub algorithm: Algorithm,
    /// Identity fingerprint of the author, hex.
    #[n(1)]
    pub fingerprint: String,
    /// Under which key of the conversation.
    #[n(2)]
    pub epoch: Epoch,
    /// When its author says it was written.
    #[n(3)]
    pub claimed: Timestamp,
}

/// Something that happened in a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Happened {
    /// Who did it.
    #[n(0)]
    pub actor: String,
    /// Whether it was oneself.
    #[n(1)]
    pub own: bool,
    /// What.
    #[n(2)]
    pub what: Deed,
    /// Signed with.
    #[n(3)]
    pub algorithm: Algorithm,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Deed {
    /// Began the conversation.
    #[n(0)]
    Created,
    /// Invited these.
    #[n(1)]
    Invited(#[n(0)] Vec<String>),
    /// Took back these invitations.
    #[n(2)]
    Uninvited(#[n(0)] Vec<String>),
    /// Joined.
    #[n(3)]
    Accepted,
    /// Declined.
    #[n(4)]
    Declined,
    /// Left.
    #[n(5)]
    Left,
    /// Removed these.
    #[n(6)]
    Removed(#[n(0)] Vec<String>),
    /// Made this one an admin.
    #[n(7)]
    Promoted(#[n(0)] String),
    /// Made this one an ordinary member.
    #[n(8)]
    Demoted(#[n(0)] String),
    /// Named the conversation; empty takes the name away.
    #[n(9)]
    Renamed(#[n(0)] String),
    /// Has new keys, signed by the old ones.
    #[n(10)]
    Rotated,
    /// Declared the old keys compromised.
    #[n(11)]
    Compromised,
    /// Made a fresh key for the conversation.
    #[n(12)]
    Rekeyed(#[n(0)] Epoch),
    /// Shared earlier history with this one.
    #[n(13)]
    Shared(#[n(0)] String),
    /// Could not open the conversation's key.
    #[n(14)]
    Faulted,
    /// Handed the key again to this one.
    #[n(15)]
    Rewrapped(#[n(0)] String),
    /// The server made a fresh key (there is no actor).
    #[n(16)]
    ServerRekeyed(#[n(0)] Epoch),
    /// Named the conversation; the name cannot be opened here.
    #[n(17)]
    RenamedSealed,
    /// Signs with this one from then on; the keys are the same.
    #[n(18)]
    Switched(#[n(0)] Algorithm),
}

/// An entry that is not rendered.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct InvalidRow {
    /// Who the entry says wrote it.
    #[n(0)]
    pub author: String,
    /// Why it is not shown.
    #[n(1)]
    pub reason: Reason,
}

/// Why an entry is not rendered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Reason {
    /// The seal does not open.
    #[n(0)]
    Seal,
    /// The signature does not verify.
    #[n(1)]
    Signature,
    /// The content is not well-formed.
    #[n(2)]
    Malformed,
    /// The same message id came before with other content.
    #[n(3)]
    Conflict,
    /// The content was purged from the server.
    #[n(4)]
    Purged,
    /// Its view does not reach its epoch's announcement or lies beyond its own number.
    #[n(5)]
    View,
    /// The conversation's key could not be opened here.
    #[n(6)]
    NoKey,
}
