//! What a conversation is: an append-only log of entries, judged by the same code on server and client.
//!
//! - [`tree`]: the Merkle tree (RFC 9162) over the entries, and views of it
//! - [`entry`]: the exact bytes of entries
//! - [`act`]: what state entries do
//! - [`state`]: who may read and do what after each state entry
//! - `enact`: what each act changes, if its author may
//! - [`judge`]: whether an entry is valid in the state that its predecessors make

pub mod act;
mod enact;
pub mod entry;
pub mod judge;
pub mod state;
pub mod tree;

pub use act::{Act, Announcement, Mode};
pub use entry::{Entry, MessageEntry, MessageHeader, ServerEntry, StateEntry, StateHeader};
pub use judge::{Judged, Refusal};
pub use state::{Change, LogState, Person, Standing};
