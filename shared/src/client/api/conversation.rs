//! A conversation as the page shows it.

use minicbor::{Decode, Encode};

use super::Algorithm;
use crate::ids::{ConversationId, Epoch, Timestamp, UserId};

/// A conversation as the page shows it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Conversation {
    /// Id.
    #[n(0)]
    pub id: ConversationId,
    /// Title, empty where it has none (the page then names the others).
    #[n(1)]
    pub title: String,
    /// Everybody who may read it, oneself too.
    #[n(2)]
    pub members: Vec<Member>,
    /// One's own standing.
    #[n(3)]
    pub standing: Standing,
    /// The newest message, for the list.
    #[n(4)]
    pub last: Option<LastLine>,
    /// Messages by others after the read mark.
    #[n(5)]
    pub unread: u32,
    /// Everything up to this number was read.
    #[n(6)]
    pub read: u64,
    /// Whether the server makes the key (and so could read).
    #[n(7)]
    pub managed: bool,
    /// Number of the current key.
    #[n(8)]
    pub epoch: Epoch,
    /// When something last happened, for ordering.
    #[n(9)]
    pub active: Timestamp,
    /// Why nothing can be sent, if so.
    #[n(10)]
    pub blocked: Option<Blocked>,
    /// What is in the composer.
    #[n(11)]
    pub draft: String,
    /// First characters of the log's newest root, for comparing by voice: 4 groups of 4 hex digits.
    #[n(12)]
    pub head_code: String,
}

/// One's own standing in a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum Standing {
    /// Invited by somebody, not yet answered.
    #[n(0)]
    Invited {
        /// Inviter's name.
        #[n(0)]
        by: String,
        /// When.
        #[n(1)]
        at: Timestamp,
    },
    /// A member.
    #[n(1)]
    Member,
    /// Left, declined or removed: readable as far as it went, nothing can be sent.
    #[n(2)]
    Former,
}

/// Why nothing can be sent in a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum Blocked {
    /// Somebody's identity changed without the old one's signature.
    #[n(0)]
    IdentityChanged {
        /// Who.
        #[n(0)]
        user: UserId,
        /// Name.
        #[n(1)]
        name: String,
        /// They declared the old one compromised.
        #[n(2)]
        compromised: bool,
    },
    /// The log does not fit what was signed; the sentence says how.
    #[n(1)]
    LogBroken(#[n(0)] String),
}

/// Somebody who may read a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Member {
    /// Id.
    #[n(0)]
    pub user: UserId,
    /// Name.
    #[n(1)]
    pub name: String,
    /// Not yet accepted.
    #[n(2)]
    pub invited: bool,
    /// Admin.
    #[n(3)]
    pub admin: bool,
    /// Marked as verified.
    #[n(4)]
    pub verified: bool,
    /// Whether they invited, or one is an admin: an open invitation can be taken back, a member removed.
    #[n(5)]
    pub removable: bool,
    /// Verified by an invite link, not by comparing numbers.
    #[n(6)]
    pub by_link: bool,
    /// An earlier version of their keys was verified, this one was not: "rotated since verified".
    #[n(7)]
    pub rotated: bool,
    /// Whether one may make them an admin, or an ordinary member.
    #[n(8)]
    pub changeable: bool,
    /// Whether there is earlier history that one may share with them.
    #[n(9)]
    pub shareable: bool,
    /// Signs with.
    #[n(10)]
    pub algorithm: Algorithm,
}

/// The newest message, for the list.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct LastLine {
    /// Author's name; empty for one's own.
    #[n(0)]
    pub author: String,
    /// The text's beginning.
    #[n(1)]
    pub text: String,
    /// When the server took it, or when it was written if it is still to be sent.
    #[n(2)]
    pub time: Timestamp,
}
