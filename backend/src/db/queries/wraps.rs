//! Epoch keys, wrapped for their readers.

use sea_orm::{ActiveValue::Set, ConnectionTrait, DbErr, EntityTrait, sea_query::OnConflict};
use secure_chat_shared::codec::Bytes;
use secure_chat_shared::ids::{ConversationId, Epoch, UserId};
use secure_chat_shared::protocol::WrapFor;

use crate::db::entities::wrap;
use crate::numbers::from_row;

/// Rows written by one statement: SQLite takes 32,766 parameters, PostgreSQL 65,535.
const TOGETHER: usize = 1_000;

/// A wrap in its place.
pub struct NewWrap {
    pub epoch: Epoch,
    pub user: UserId,
    pub position: usize,
    pub wrap: Bytes,
    pub proof: Vec<u8>,
}

/// Writes wraps; one for the same person and epoch takes the place of what was there.
pub async fn insert(
    db: &impl ConnectionTrait,
    conversation: &ConversationId,
    wraps: Vec<NewWrap>,
) -> Result<(), DbErr> {
    let mut rows = wraps.into_iter().map(|new| wrap::ActiveModel {
        conversation_id: Set(conversation.0.to_vec()),
        epoch: Set(i64::from(new.epoch.0)),
        user_id: Set(new.user.0.to_vec()),
        position: Set(i32::try_from(new.position).unwrap_or(i32::MAX)),
        wrap: Set(new.wrap.0),
        proof: Set(new.proof),
    });
    loop {
        let some: Vec<_> = rows.by_ref().take(TOGETHER).collect();
        if some.is_empty() {
            return Ok(());
        }
        let again = OnConflict::columns([
            wrap::Column::ConversationId,
            wrap::Column::Epoch,
            wrap::Column::UserId,
        ])
        .update_columns([
            wrap::Column::Position,
            wrap::Column::Wrap,
            wrap::Column::Proof,
        ])
        .to_owned();
        wrap::Entity::insert_many(some)
            .on_conflict(again)
            .exec_without_returning(db)
            .await?;
    }
}

/// Somebody's wrap of an epoch.
pub async fn find(
    db: &impl ConnectionTrait,
    conversation: &ConversationId,
    epoch: Epoch,
    user: &UserId,
) -> Result<Option<WrapFor>, DbErr> {
    let key = (conversation.0.to_vec(), i64::from(epoch.0), user.0.to_vec());
    let row = wrap::Entity::find_by_id(key).one(db).await?;
    Ok(row.map(|row| WrapFor {
        wrap: row.wrap.into(),
        index: from_row(row.position.into()),
        proof: row.proof.into(),
    }))
}
