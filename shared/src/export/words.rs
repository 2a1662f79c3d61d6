//! How times and lines are written, here and in `verify.sh`.

use time::OffsetDateTime;

use crate::ids::Timestamp;

/// The end of the year 9999: what is later is written as a dash.
pub(super) const MAX_TIME: Timestamp = Timestamp(253_402_300_799_999);

/// A time in UTC, to the second; a dash for one after the year 9999.
pub(super) fn time(at: Timestamp) -> String {
    let seconds = i64::try_from(at.0 / 1000).ok();
    let date = seconds
        .filter(|_| at <= MAX_TIME)
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
    date.map_or_else(
        || "-".into(),
        |date| {
            let (year, month, day) = date.to_calendar_date();
            let (hour, minute, second) = date.to_hms();
            let month = u8::from(month);
            format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
        },
    )
}

/// A number as in files' names: six digits or more.
pub(super) fn padded(number: u64) -> String {
    format!("{number:06}")
}

/// Bytes in lowercase hex.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_utc() {
        for (ms, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400_999, "2000-02-29T00:00:00Z"),
            (1_700_000_000_123, "2023-11-14T22:13:20Z"),
            (MAX_TIME.0, "9999-12-31T23:59:59Z"),
            (MAX_TIME.0 + 1, "-"),
            (u64::MAX, "-"),
        ] {
            assert_eq!(time(Timestamp(ms)), text);
        }
    }
}
