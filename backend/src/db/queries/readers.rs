//! Who may read a conversation, and from where to where.

use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter,
    sea_query::{Expr, OnConflict},
};
use secure_chat_shared::ids::{ConversationId, UserId};

use crate::db::entities::reader::{self, GONE, INVITED, MEMBER};
use crate::numbers::{from_row, to_row};

/// What somebody may read of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reach {
    /// Number of the entry that let them in: their `invite`, or 0 for the creator.
    pub since: u64,
    /// Number of the last entry they may read, where they have gone.
    pub until: Option<u64>,
}

/// What `user` may read; `None` where that is nothing.
pub async fn reach(
    db: &impl ConnectionTrait,
    conversation: &ConversationId,
    user: &UserId,
) -> Result<Option<Reach>, DbErr> {
    let row = reader::Entity::find_by_id((conversation.0.to_vec(), user.0.to_vec()))
        .one(db)
        .await?;
    Ok(row.map(|row| Reach {
        since: from_row(row.since),
        until: row.until.map(from_row),
    }))
}

/// Lets people read from entry `number` on: as a member where it is the creator, else as invited.
pub async fn let_in(
    db: &impl ConnectionTrait,
    conversation: &ConversationId,
    users: &[UserId],
    number: u64,
) -> Result<(), DbErr> {
    for user in users {
        let row = reader::ActiveModel {
            conversation_id: Set(conversation.0.to_vec()),
            user_id: Set(user.0.to_vec()),
            status: Set(if number == 0 { MEMBER } else { INVITED }),
            since: Set(to_row(number)),
            until: Set(None),
        };
        let again = OnConflict::columns([reader::Column::ConversationId, reader::Column::UserId])
            .update_columns([
                reader::Column::Status,
                reader::Column::Since,
                reader::Column::Until,
            ])
            .to_owned();
        reader::Entity::insert(row)
            .on_conflict(again)
            .exec_without_returning(db)
            .await?;
    }
    Ok(())
}

/// An invited person has accepted.
pub async fn accept(
    db: &impl ConnectionTrait,
    conversation: &ConversationId,
    user: &UserId,
) -> Result<(), DbErr> {
    reader::Entity::update_many()
        .col_expr(reader::Column::Status, Expr::value(MEMBER))
        .filter(reader::Column::ConversationId.eq(conversation.0.to_vec()))
        .filter(reader::Column::UserId.eq(user.0.to_vec()))
        .exec(db)
        .await?;
    Ok(())
}

/// People have gone with entry `number`, which is the last that they may read.
pub async fn let_go(
    db: &impl ConnectionTrait,
    conversation: &ConversationId,
    users: &[UserId],
    number: u64,
) -> Result<(), DbErr> {
    reader::Entity::update_many()
        .col_expr(reader::Column::Status, Expr::value(GONE))
        .col_expr(reader::Column::Until, Expr::value(to_row(number)))
        .filter(reader::Column::ConversationId.eq(conversation.0.to_vec()))
        .filter(reader::Column::UserId.is_in(users.iter().map(|user| user.0.to_vec())))
        .exec(db)
        .await?;
    Ok(())
}
