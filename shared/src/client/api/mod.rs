//! The typed pair between page and engine: [`Command`] in, [`Event`] out.
//!
//! Everything the page shows arrives as an event that replaces a piece of its state, so that a page which opens late
//! (a second tab, a reload) gets the same events again and is whole.

mod command;
mod conversation;
mod event;
mod outcome;
mod row;
mod session;

pub use command::{Action, Command, ExportRange, KeyChange, Password, PrfOutput, TypedCode};
pub use conversation::{Blocked, Conversation, LastLine, Member, Standing};
pub use event::{BlockedPerson, Event, Notice};
pub use outcome::{Answer, Failure, Outcome, SessionRow};
pub use row::{
    Deed, Happened, InvalidRow, Message, MessageState, Proof, Reason, Row, RowBody, RowKey,
};
pub use session::{Connection, Me, Session, Step};

pub use crate::crypto::signing::Algorithm;
pub use crate::protocol::{PasskeyInfo, Place, PresenceStatus, Registration};
