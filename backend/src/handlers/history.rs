//! Reading logs: which there are, where a newcomer starts, their entries, and wraps of epoch keys.

use secure_chat_shared::ids::{ConversationId, UserId};
use secure_chat_shared::log::Entry;
use secure_chat_shared::protocol::{
    Anchor, Conversations, Entries, ErrorCode, GetAnchor, GetEntries, GetWrap, MAX_PAGE,
    RequestError, WrapFor,
};

use crate::connection::Connection;
use crate::db::Failure;
use crate::db::queries::entries::{self, Wanted};
use crate::db::queries::readers::{self, Reach};
use crate::db::queries::wraps;

/// Every conversation that the asker may read.
pub async fn list(c: &Connection) -> Result<Conversations, Failure> {
    let me = c.identified()?;
    let conversations = entries::heads_of(c.app.database.read(), &me.user).await?;
    Ok(Conversations { conversations })
}

/// What a newcomer, a new browser or whoever reads earlier or newer history first starts from.
pub async fn anchor(c: &Connection, request: GetAnchor) -> Result<Anchor, Failure> {
    let me = c.identified()?;
    let db = c.app.database.read();
    let id = &request.conversation;
    let size = match request.size {
        Some(size) if size > readable(c, id, &me.user).await? => {
            let text = "the log that you may read is not so long";
            return Err(RequestError::new(ErrorCode::NotFound, text).into());
        }
        Some(size) => size,
        None => match reach(c, id, &me.user).await?.since {
            0 => 0,
            // No state entry lies between an invitation's view and its number.
            since => seen_by_inviter(c, id, since).await?,
        },
    };
    let frontier = entries::frontier(db, id, size).await?;
    let wanted = Wanted {
        from: request.after.map_or(0, |after| after.saturating_add(1)),
        end: size,
        limit: usize::MAX,
        state_only: true,
    };
    let page = entries::page(db, id, wanted).await?;
    Ok(Anchor {
        state: page.entries,
        size,
        peaks: frontier.peaks().to_vec(),
        more: page.more,
    })
}

/// A page of entries.
pub async fn entries(c: &Connection, request: GetEntries) -> Result<Entries, Failure> {
    let me = c.identified()?;
    let db = c.app.database.read();
    let id = &request.conversation;
    let size = readable(c, id, &me.user).await?;
    let wanted = Wanted {
        from: request.from,
        end: size,
        limit: request.limit.min(MAX_PAGE) as usize,
        state_only: false,
    };
    let entries = entries::page(db, id, wanted).await?.entries;
    Ok(Entries { entries, size })
}

/// The asker's own wrap of an epoch key.
pub async fn wrap(c: &Connection, request: GetWrap) -> Result<WrapFor, Failure> {
    let me = c.identified()?;
    let db = c.app.database.read();
    let wrap = wraps::find(db, &request.conversation, request.epoch, &me.user).await?;
    wrap.ok_or_else(|| RequestError::new(ErrorCode::NotFound, "no wrap for you").into())
}

/// Size of the log that the author of an invitation had seen.
async fn seen_by_inviter(
    c: &Connection,
    id: &ConversationId,
    invitation: u64,
) -> Result<u64, Failure> {
    let db = c.app.database.read();
    let damaged = || sea_orm::DbErr::Custom("damaged row: an invitation".into());
    let bytes = entries::bytes(db, id, invitation).await?;
    let invitation = Entry::parse(&bytes.ok_or_else(damaged)?).map_err(|_| damaged())?;
    Ok(invitation.view().size)
}

/// Number of entries that somebody may read.
async fn readable(c: &Connection, id: &ConversationId, user: &UserId) -> Result<u64, Failure> {
    Ok(match reach(c, id, user).await?.until {
        Some(last) => last + 1,
        None => entries::size(c.app.database.read(), id).await?,
    })
}

async fn reach(c: &Connection, id: &ConversationId, user: &UserId) -> Result<Reach, Failure> {
    let reach = readers::reach(c.app.database.read(), id, user).await?;
    let hidden = || RequestError::new(ErrorCode::NotFound, "no conversation that you may read");
    Ok(reach.ok_or_else(hidden)?)
}
