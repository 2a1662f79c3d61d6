//! What the server says unasked.

use minicbor::{Decode, Encode};

use super::{EntryAt, Presence};
use crate::ids::ConversationId;

/// Something happened.
#[derive(Debug, Clone, Encode, Decode)]
pub enum Event {
    /// A conversation's log grew. Goes to every session of everybody who may read it (and of whoever it removes),
    /// but the one that appended it.
    #[n(0)]
    Entry {
        /// Which log.
        #[n(0)]
        conversation: ConversationId,
        /// The entry and its number.
        #[n(1)]
        entry: EntryAt,
    },
    /// Somebody who shares a conversation came or went.
    #[n(1)]
    Presence(#[n(0)] Presence),
    /// This session has ended; the socket closes.
    #[n(2)]
    SessionEnded,
    /// Another browser of the user published this version of the user's identity.
    #[n(3)]
    IdentityPublished(#[n(0)] u32),
}
