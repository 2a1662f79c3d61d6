//! The logs: entries, the trees over them, and the state that they make.

use std::sync::Arc;

use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, FromQueryResult,
    QueryFilter, QueryOrder, QuerySelect, Statement, sea_query::Expr,
};
use secure_chat_shared::codec;
use secure_chat_shared::ids::{
    ConversationId, EntryHash, MessageId, Root, Timestamp, UserId, View,
};
use secure_chat_shared::log::tree::{Frontier, peak_positions};
use secure_chat_shared::log::{LogState, Mode};
use secure_chat_shared::protocol::{ConversationHead, EntryAt, MAX_FRAME, Stored};

use super::{damaged, id};
use crate::db::Head;
use crate::db::entities::{conversation, entry};
use crate::numbers::{from_row, to_row};

/// Rows of a page read together, so that a page of large entries does not load all of them to send a few.
const READ_TOGETHER: u64 = 50;
/// What of a frame is left for a page's envelope.
const PAGE_BYTES: usize = MAX_FRAME - 16 * 1024;

/// An entry to be.
pub struct NewEntry {
    pub number: u64,
    pub bytes: Vec<u8>,
    pub leaf: EntryHash,
    pub root: Root,
    /// What [`Frontier::append`] returned.
    pub nodes: Vec<Root>,
    pub time: Timestamp,
    pub is_state: bool,
    /// None for the server's.
    pub sender: Option<UserId>,
    /// None for a state entry.
    pub message: Option<MessageId>,
}

/// Where an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub number: u64,
    pub time: Timestamp,
    pub leaf: EntryHash,
}

/// Begins a log.
pub async fn begin(
    db: &impl ConnectionTrait,
    id: &ConversationId,
    state: &LogState,
    created: Timestamp,
) -> Result<(), DbErr> {
    let row = conversation::ActiveModel {
        id: Set(id.0.to_vec()),
        state: Set(codec::encode(state)),
        created: Set(to_row(created.0)),
        managed: Set(matches!(state.mode, Mode::ServerManaged(_))),
    };
    conversation::Entity::insert(row)
        .exec_without_returning(db)
        .await?;
    Ok(())
}

/// The server's public key in one of the conversations whose keys it makes, if there are any.
pub async fn managed_key(db: &impl ConnectionTrait) -> Result<Option<Vec<u8>>, DbErr> {
    let row = conversation::Entity::find()
        .filter(conversation::Column::Managed.eq(true))
        .one(db)
        .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    match state(&row)?.mode {
        Mode::ServerManaged(key) => Ok(Some(key.0)),
        Mode::EndToEnd => Err(damaged("a conversation's mode")),
    }
}

/// Keeps the state that a state entry has made.
pub async fn set_state(
    db: &impl ConnectionTrait,
    id: &ConversationId,
    state: &LogState,
) -> Result<(), DbErr> {
    conversation::Entity::update_many()
        .col_expr(
            conversation::Column::State,
            Expr::value(codec::encode(state)),
        )
        .filter(conversation::Column::Id.eq(id.0.to_vec()))
        .exec(db)
        .await?;
    Ok(())
}

/// Appends an entry.
pub async fn insert(
    db: &impl ConnectionTrait,
    conversation: &ConversationId,
    new: NewEntry,
) -> Result<(), DbErr> {
    entry::Entity::insert(row(conversation, new))
        .exec_without_returning(db)
        .await?;
    Ok(())
}

/// An entry's row.
pub fn row(conversation: &ConversationId, new: NewEntry) -> entry::ActiveModel {
    entry::ActiveModel {
        conversation_id: Set(conversation.0.to_vec()),
        number: Set(to_row(new.number)),
        bytes: Set(Some(new.bytes)),
        leaf: Set(new.leaf.0.to_vec()),
        root: Set(new.root.0.to_vec()),
        nodes: Set(new.nodes.iter().flat_map(|node| node.0).collect()),
        time: Set(to_row(new.time.0)),
        is_state: Set(new.is_state),
        sender: Set(new.sender.map_or_else(Vec::new, |user| user.0.to_vec())),
        message_id: Set(new.message.map(|message| message.0.to_vec())),
    }
}

/// The newest state of a log and the tree over its entries.
pub async fn head(db: &impl ConnectionTrait, id: &ConversationId) -> Result<Option<Head>, DbErr> {
    let Some(row) = conversation::Entity::find_by_id(id.0.to_vec())
        .one(db)
        .await?
    else {
        return Ok(None);
    };
    let frontier = frontier(db, id, size(db, id).await?).await?;
    Ok(Some(Head::new(frontier, Arc::new(state(&row)?))))
}

fn state(row: &conversation::Model) -> Result<LogState, DbErr> {
    codec::decode(&row.state).map_err(|_| damaged("a log's state"))
}

/// Number of entries.
pub async fn size(db: &impl ConnectionTrait, id: &ConversationId) -> Result<u64, DbErr> {
    let newest: Option<i64> = entry::Entity::find()
        .select_only()
        .column(entry::Column::Number)
        .filter(entry::Column::ConversationId.eq(id.0.to_vec()))
        .order_by_desc(entry::Column::Number)
        .into_tuple()
        .one(db)
        .await?;
    Ok(newest.map_or(0, |number| from_row(number) + 1))
}

/// The tree over the first `size` entries.
pub async fn frontier(
    db: &impl ConnectionTrait,
    id: &ConversationId,
    size: u64,
) -> Result<Frontier, DbErr> {
    let positions = peak_positions(size);
    let rows: Vec<(i64, Vec<u8>)> = entry::Entity::find()
        .select_only()
        .column(entry::Column::Number)
        .column(entry::Column::Nodes)
        .filter(entry::Column::ConversationId.eq(id.0.to_vec()))
        .filter(entry::Column::Number.is_in(positions.iter().map(|(number, _)| to_row(*number))))
        .order_by_asc(entry::Column::Number)
        .into_tuple()
        .all(db)
        .await?;
    if rows.len() != positions.len() {
        return Err(damaged("a log with a gap"));
    }
    let peaks = positions.iter().zip(&rows).map(|((_, level), (_, nodes))| {
        let node = nodes.chunks_exact(Root::LEN).nth(*level);
        super::id(node.unwrap_or_default())
    });
    let peaks = peaks.collect::<Result<Vec<Root>, DbErr>>()?;
    Frontier::from_peaks(size, peaks).ok_or_else(|| damaged("a tree's peaks"))
}

/// The tree's root over the first `size` entries; `None` where the log is not that long.
pub async fn root(
    db: &impl ConnectionTrait,
    id: &ConversationId,
    size: u64,
) -> Result<Option<Root>, DbErr> {
    let Some(last) = size.checked_sub(1) else {
        return Ok(Some(Frontier::default().root()));
    };
    let row: Option<Vec<u8>> = entry::Entity::find_by_id((id.0.to_vec(), to_row(last)))
        .select_only()
        .column(entry::Column::Root)
        .into_tuple()
        .one(db)
        .await?;
    row.map(|root| super::id(&root)).transpose()
}

/// The entry with that number.
pub async fn place(
    db: &impl ConnectionTrait,
    id: &ConversationId,
    number: u64,
) -> Result<Option<Place>, DbErr> {
    let key = Condition::all().add(entry::Column::Number.eq(to_row(number)));
    find_place(db, id, key).await
}

/// Leaf hashes of the entries from `from` to before `end`, in their order.
pub async fn leaves(
    db: &impl ConnectionTrait,
    id: &ConversationId,
    from: u64,
    end: u64,
) -> Result<Vec<EntryHash>, DbErr> {
    let rows: Vec<Vec<u8>> = entry::Entity::find()
        .select_only()
        .column(entry::Column::Leaf)
        .filter(entry::Column::ConversationId.eq(id.0.to_vec()))
        .filter(entry::Column::Number.gte(to_row(from)))
        .filter(entry::Column::Number.lt(to_row(end)))
        .order_by_asc(entry::Column::Number)
        .into_tuple()
        .all(db)
        .await?;
    rows.iter().map(|leaf| super::id(leaf)).collect()
}

/// The message with that author and id.
pub async fn message_place(
    db: &impl ConnectionTrait,
    id: &ConversationId,
    sender: &UserId,
    message: &MessageId,
) -> Result<Option<Place>, DbErr> {
    let key = Condition::all()
        .add(entry::Column::Sender.eq(sender.0.to_vec()))
        .add(entry::Column::MessageId.eq(message.0.to_vec()));
    find_place(db, id, key).await
}

async fn find_place(
    db: &impl ConnectionTrait,
    id: &ConversationId,
    key: Condition,
) -> Result<Option<Place>, DbErr> {
    let row: Option<(i64, i64, Vec<u8>)> = entry::Entity::find()
        .select_only()
        .column(entry::Column::Number)
        .column(entry::Column::Time)
        .column(entry::Column::Leaf)
        .filter(entry::Column::ConversationId.eq(id.0.to_vec()))
        .filter(key)
        .into_tuple()
        .one(db)
        .await?;
    row.map(|(number, time, leaf)| {
        let (number, time) = (from_row(number), Timestamp(from_row(time)));
        Ok(Place {
            number,
            time,
            leaf: super::id(&leaf)?,
        })
    })
    .transpose()
}

/// Which entries a page is to have.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// First number.
    pub from: u64,
    /// Before this number.
    pub end: u64,
    /// At most so many.
    pub limit: usize,
    /// State entries and server announcements only.
    pub state_only: bool,
}

/// Some of the entries wanted, oldest first.
#[derive(Debug)]
pub struct Page {
    pub entries: Vec<EntryAt>,
    /// Whether it ends early, so that it fits a frame.
    pub more: bool,
}

/// As many of the entries wanted as fit a frame, but one in any case.
pub async fn page(
    db: &impl ConnectionTrait,
    id: &ConversationId,
    wanted: Wanted,
) -> Result<Page, DbErr> {
    let mut entries: Vec<EntryAt> = Vec::new();
    let mut room = PAGE_BYTES;
    let mut start = wanted.from;
    loop {
        let together = READ_TOGETHER.min((wanted.limit - entries.len()) as u64);
        if start >= wanted.end || together == 0 {
            break;
        }
        let mut rows = entry::Entity::find()
            .filter(entry::Column::ConversationId.eq(id.0.to_vec()))
            .filter(entry::Column::Number.gte(to_row(start)))
            .filter(entry::Column::Number.lt(to_row(wanted.end)));
        if wanted.state_only {
            // The literal lets the partial index be used.
            rows = rows.filter(Expr::cust("is_state"));
        }
        let rows = rows
            .order_by_asc(entry::Column::Number)
            .limit(together)
            .all(db)
            .await?;
        let last = (rows.len() as u64) < together;
        for row in rows {
            let length = row.bytes.as_ref().map_or(0, Vec::len) + 64;
            if length > room && !entries.is_empty() {
                return Ok(Page {
                    entries,
                    more: true,
                });
            }
            room = room.saturating_sub(length);
            start = from_row(row.number) + 1;
            entries.push(entry_at(row)?);
        }
        if last {
            break;
        }
    }
    Ok(Page {
        entries,
        more: false,
    })
}

/// One entry's bytes; `None` if there is no such entry or its content was purged.
pub async fn bytes(
    db: &impl ConnectionTrait,
    id: &ConversationId,
    number: u64,
) -> Result<Option<Vec<u8>>, DbErr> {
    let row: Option<Option<Vec<u8>>> = entry::Entity::find_by_id((id.0.to_vec(), to_row(number)))
        .select_only()
        .column(entry::Column::Bytes)
        .into_tuple()
        .one(db)
        .await?;
    Ok(row.flatten())
}

/// How far each log has got that `user` may read.
pub async fn heads_of(
    db: &impl ConnectionTrait,
    user: &UserId,
) -> Result<Vec<ConversationHead>, DbErr> {
    #[derive(FromQueryResult)]
    struct Row {
        conversation_id: Vec<u8>,
        number: i64,
        root: Vec<u8>,
    }
    let sql = "SELECT entries.conversation_id, entries.number, entries.root FROM readers \
               JOIN entries ON entries.conversation_id = readers.conversation_id AND entries.number = \
               (SELECT MAX(newest.number) FROM entries AS newest \
               WHERE newest.conversation_id = readers.conversation_id) \
               WHERE readers.user_id = $1 AND readers.status IN (1, 2)";
    let values = [user.0.to_vec().into()];
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    let rows = Row::find_by_statement(statement).all(db).await?;
    rows.into_iter()
        .map(|row| {
            let view = View {
                size: from_row(row.number) + 1,
                root: id(&row.root)?,
            };
            Ok(ConversationHead {
                id: id(&row.conversation_id)?,
                view,
            })
        })
        .collect()
}

fn entry_at(row: entry::Model) -> Result<EntryAt, DbErr> {
    let entry = match row.bytes {
        Some(bytes) => Stored::Whole(bytes.into()),
        None => Stored::Purged(id(&row.leaf)?),
    };
    let (number, time) = (from_row(row.number), Timestamp(from_row(row.time)));
    Ok(EntryAt {
        number,
        time,
        entry,
    })
}
