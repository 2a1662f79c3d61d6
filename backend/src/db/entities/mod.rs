//! One thin entity a table; what is asked of them is in [`super::queries`].

pub mod conversation;
pub mod entry;
pub mod identity;
pub mod reader;
pub mod session;
pub mod user;
pub mod wrap;
