//! What the server says unasked.

use minicbor::{Decode, Encode};

use super::{EntryAt, FailedSignIns, Presence, SessionInfo};
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
    /// The user signed in (or recovered the account) on another browser.
    #[n(4)]
    SignedInElsewhere {
        /// The new session.
        #[n(0)]
        session: SessionInfo,
    },
    /// Wrong passwords for the user's account: told at 5, then whenever their number has doubled.
    #[n(5)]
    FailedSignIns {
        /// How many, and when the last one was.
        #[n(0)]
        failed: FailedSignIns,
    },
    /// Another browser of the user wrote the synced state.
    #[n(6)]
    StateWritten {
        /// Its generation now.
        #[n(0)]
        generation: u64,
    },
    /// Another browser of the user replaced the account's secrets, and this session was kept: what it keeps sealed
    /// opens with the new password only.
    #[n(7)]
    SecretsReplaced {
        /// How often they have been replaced.
        #[n(0)]
        secrets: u32,
    },
}
