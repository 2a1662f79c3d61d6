//! What a run came to, in numbers.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::AddAssign;

use secure_chat_shared::log::Entry;
use secure_chat_shared::protocol::ErrorCode;

use crate::words;

/// What one schedule, or many, came to.
#[derive(Debug, Default, Clone)]
pub struct Figures {
    pub schedules: u64,
    /// Entries that the server took.
    pub entries: u64,
    /// Everything else that is counted, by what it is.
    counts: BTreeMap<&'static str, u64>,
}

impl Figures {
    /// One more of something.
    pub fn count(&mut self, what: &'static str) {
        self.add(what, 1);
    }

    /// So many more of something.
    pub fn add(&mut self, what: &'static str, more: usize) {
        *self.counts.entry(what).or_default() += more as u64;
    }

    /// An entry was taken.
    pub fn took(&mut self, entry: &Entry) {
        self.entries += 1;
        self.count(words::entry(entry));
        self.add("epochs", usize::from(entry.announcement().is_some()));
    }

    /// A request was refused.
    pub fn refused(&mut self, code: ErrorCode) {
        let outrun = [
            ErrorCode::Conflict,
            ErrorCode::StaleEpoch,
            ErrorCode::EpochDue,
        ];
        if outrun.contains(&code) {
            self.count("requests outrun by another");
        }
    }
}

impl AddAssign for Figures {
    fn add_assign(&mut self, other: Self) {
        self.schedules += other.schedules;
        self.entries += other.entries;
        for (what, count) in other.counts {
            *self.counts.entry(what).or_default() += count;
        }
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "entries: {}", self.entries)?;
        for (what, count) in &self.counts {
            write!(f, ", {what}: {count}")?;
        }
        Ok(())
    }
}
