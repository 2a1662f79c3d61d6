//! `secure-chat invite-code`.

use secure_chat_shared::ids::Timestamp;

use super::{AdminError, begin, open_current};
use crate::config::DataArgs;
use crate::db::queries::codes;
use crate::invitation;
use crate::numbers::now;

/// Milliseconds of a day.
const DAY: u64 = 24 * 60 * 60 * 1_000;

/// Makes a code that lets `uses` people register within `days`. Its text alone is printed, for scripts.
pub async fn make(args: &DataArgs, uses: u16, days: u16) -> Result<String, AdminError> {
    let database = open_current(args).await?;
    let code = invitation::make();
    let now = now();
    let expires = Timestamp(now.0 + u64::from(days) * DAY);
    let tx = begin(&database).await?;
    codes::remove_spent(&tx, now).await?;
    codes::insert(&tx, invitation::hash(&code), uses.into(), expires).await?;
    tx.commit().await?;
    Ok(code)
}
