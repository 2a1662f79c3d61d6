//! What the engine tells.

use minicbor::{Decode, Encode};

#[cfg(doc)]
use super::{Action, Command};
use super::{Connection, Conversation, Failure, Outcome, PresenceStatus, Row, Session, Step};
use crate::ids::{ConversationId, MessageId, Timestamp, UserId};

/// What the engine tells.
#[derive(Debug, Clone, Encode, Decode)]
#[cbor(flat)]
// The large ones are the frequent ones, and each lives for a moment.
#[allow(clippy::large_enum_variant)]
pub enum Event {
    /// The command with this ticket is done.
    #[n(0)]
    Done {
        /// [`Command::ticket`].
        #[n(0)]
        ticket: u64,
        /// How it went.
        #[n(1)]
        result: Outcome,
    },
    /// Who is signed in.
    #[n(1)]
    Session(#[n(0)] Session),
    /// A step of registration or login is done.
    #[n(2)]
    Progress(#[n(0)] Step),
    /// The recovery code of the account just made: 8 groups of 4 characters, separated by `-`. Comes again until
    /// [`Action::RecoveryCodeSeen`].
    #[n(3)]
    RecoveryCode(#[n(0)] String),
    /// State of the connection.
    #[n(4)]
    Connection(#[n(0)] Connection),
    /// A conversation is new or changed.
    #[n(5)]
    Conversation(#[n(0)] Conversation),
    /// A conversation is not the person's any more (left, declined, removed): only its row goes.
    #[n(6)]
    ConversationGone(#[n(0)] ConversationId),
    /// Rows of a conversation: put in where missing, replaced where there (by [`Row::key`]).
    #[n(7)]
    Rows {
        /// Where.
        #[n(0)]
        conversation: ConversationId,
        /// In no particular order; [`Row::key`] orders.
        #[n(1)]
        rows: Vec<Row>,
        /// Whether older ones exist before the oldest number that was ever sent here; `None` where unchanged.
        #[n(2)]
        more: Option<bool>,
    },
    /// A row is gone (a pending one that got its number, or was discarded).
    #[n(8)]
    RowGone {
        /// Where.
        #[n(0)]
        conversation: ConversationId,
        /// Which.
        #[n(1)]
        id: MessageId,
    },
    /// Presence of somebody.
    #[n(9)]
    Presence {
        /// Who.
        #[n(0)]
        user: UserId,
        /// What is known.
        #[n(1)]
        status: PresenceStatus,
    },
    /// Something to tell in a passing note.
    #[n(10)]
    Notice(#[n(0)] Notice),
    /// A message by somebody else came in live, for a system notification while no page is looked at.
    #[n(11)]
    Arrived {
        /// Where.
        #[n(0)]
        conversation: ConversationId,
        /// Who wrote, for the title.
        #[n(1)]
        author: String,
        /// The text.
        #[n(2)]
        text: String,
    },
    /// Everybody who is blocked now.
    #[n(12)]
    Blocked(#[n(0)] Vec<BlockedPerson>),
    /// How far an export is.
    #[n(13)]
    Exporting {
        /// Of which conversation.
        #[n(0)]
        id: ConversationId,
        /// Entries done.
        #[n(1)]
        done: u64,
        /// Of so many.
        #[n(2)]
        of: u64,
    },
    /// What was told of a conversation's rows is void; they come anew.
    #[n(14)]
    RowsGone(#[n(0)] ConversationId),
}

/// Somebody who is blocked.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct BlockedPerson {
    /// Who.
    #[n(0)]
    pub user: UserId,
    /// Name.
    #[n(1)]
    pub name: String,
}

/// A passing note.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum Notice {
    /// These are offline and will be told when they are back.
    #[n(0)]
    OfflineWillBeTold(#[n(0)] Vec<String>),
    /// Somebody rotated their keys since they were verified.
    #[n(1)]
    RotatedSinceVerified(#[n(0)] String),
    /// This browser's data was missing or damaged and was built again.
    #[n(2)]
    StoreRebuilt,
    /// Something failed that nobody had asked for (catching up, sending what waited).
    #[n(3)]
    Trouble(#[n(0)] Failure),
    /// Somebody declared their keys compromised.
    #[n(4)]
    Compromised(#[n(0)] String),
    /// Somebody answered an invite link, and is verified by it.
    #[n(5)]
    VerifiedByLink(#[n(0)] String),
    /// The server had lost entries of a conversation, and got so many back from this browser.
    #[n(6)]
    GaveBack(#[n(0)] u64),
    /// Somebody has signed in to the account elsewhere.
    #[n(7)]
    SignedInElsewhere {
        /// What the browser calls itself.
        #[n(0)]
        browser: String,
        /// When, by the server's clock.
        #[n(1)]
        time: Timestamp,
    },
    /// The password or the recovery code was replaced in another browser; this one asks for the password.
    #[n(8)]
    PasswordChanged,
}
