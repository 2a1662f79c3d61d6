//! The wall clock, and numbers as rows keep them.

use std::time::{SystemTime, UNIX_EPOCH};

use secure_chat_shared::ids::Timestamp;

/// Now, by the system's clock.
pub fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// A number as a row keeps it. Rows have 63 bits, which no log or clock of ours fills.
pub fn to_row(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A number as it came from a row.
pub fn from_row(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}
