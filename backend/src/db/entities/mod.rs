//! One thin entity a table; what is asked of them is in [`super::queries`].

pub mod conversation;
pub mod entry;
pub mod eviction;
pub mod identity;
pub mod invitation_code;
pub mod passkey;
pub mod reader;
pub mod session;
pub mod tombstone;
pub mod user;
pub mod wrap;
