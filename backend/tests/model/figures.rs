//! What a run came to, in numbers.

use std::fmt;
use std::ops::AddAssign;

use secure_chat_shared::log::Entry;
use secure_chat_shared::protocol::ErrorCode;

/// What one schedule, or many, came to.
#[derive(Debug, Default, Clone, Copy)]
pub struct Figures {
    pub schedules: u64,
    pub steps: u64,
    /// Inputs that were begun while another client was at work.
    pub races: u64,
    /// Connections that broke.
    pub cuts: u64,
    pub messages: u64,
    /// State entries.
    pub changes: u64,
    pub epochs: u64,
    /// Requests refused because somebody else's change came first.
    pub conflicts: u64,
}

impl Figures {
    /// An entry was taken.
    pub fn took(&mut self, entry: &Entry) {
        match entry {
            Entry::Message(_) => self.messages += 1,
            Entry::State(_) | Entry::Server(_) => self.changes += 1,
        }
        self.epochs += u64::from(entry.announcement().is_some());
    }

    /// A request was refused.
    pub fn refused(&mut self, code: ErrorCode) {
        let outrun = [
            ErrorCode::Conflict,
            ErrorCode::StaleEpoch,
            ErrorCode::EpochDue,
        ];
        self.conflicts += u64::from(outrun.contains(&code));
    }
}

impl AddAssign for Figures {
    fn add_assign(&mut self, other: Self) {
        self.schedules += other.schedules;
        self.steps += other.steps;
        self.races += other.races;
        self.cuts += other.cuts;
        self.messages += other.messages;
        self.changes += other.changes;
        self.epochs += other.epochs;
        self.conflicts += other.conflicts;
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} steps, {} messages, {} changes, {} epochs, {} races, {} conflicts, {} cuts",
            self.steps,
            self.messages,
            self.changes,
            self.epochs,
            self.races,
            self.conflicts,
            self.cuts
        )
    }
}
