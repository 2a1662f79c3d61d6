//! What is asked of the tables: one file a topic.

pub mod codes;
pub mod deletion;
pub mod entries;
pub mod passkeys;
pub mod presence;
pub mod readers;
pub mod secrets;
pub mod sessions;
pub mod users;
pub mod wraps;

use sea_orm::DbErr;

/// A row holds something that was never written so.
fn damaged(what: &str) -> DbErr {
    DbErr::Custom(format!("damaged row: {what}"))
}

/// A row's bytes as an id or hash.
fn id<T>(bytes: &[u8]) -> Result<T, DbErr>
where
    T: for<'a> TryFrom<&'a [u8]>,
{
    T::try_from(bytes).map_err(|_| damaged("an id of another length"))
}
