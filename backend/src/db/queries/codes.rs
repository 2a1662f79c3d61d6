//! Invitation codes.

use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter, Select,
    sea_query::{Expr, ExprTrait},
};
use secure_chat_shared::ids::Timestamp;

use crate::db::entities::invitation_code::{ActiveModel, Column, Entity};
use crate::invitation::CodeHash;
use crate::numbers::to_row;

/// Writes a code.
pub async fn insert(
    db: &impl ConnectionTrait,
    hash: CodeHash,
    uses: i32,
    expires: Timestamp,
) -> Result<(), DbErr> {
    let row = ActiveModel {
        hash: Set(hash.0.to_vec()),
        uses_left: Set(uses),
        expires: Set(to_row(expires.0)),
    };
    Entity::insert(row).exec_without_returning(db).await?;
    Ok(())
}

/// Whether a code lets somebody register.
pub async fn is_good(
    db: &impl ConnectionTrait,
    hash: &CodeHash,
    now: Timestamp,
) -> Result<bool, DbErr> {
    Ok(good(hash, now).count(db).await? > 0)
}

/// Counts one use of a code; whether it was good for one.
pub async fn use_up(
    db: &impl ConnectionTrait,
    hash: &CodeHash,
    now: Timestamp,
) -> Result<bool, DbErr> {
    if !is_good(db, hash, now).await? {
        return Ok(false);
    }
    Entity::update_many()
        .col_expr(Column::UsesLeft, Expr::col(Column::UsesLeft).sub(1))
        .filter(Column::Hash.eq(hash.0.to_vec()))
        .exec(db)
        .await?;
    Ok(true)
}

/// Removes codes that nobody can use any more.
pub async fn remove_spent(db: &impl ConnectionTrait, now: Timestamp) -> Result<(), DbErr> {
    let spent = Column::UsesLeft
        .lte(0)
        .or(Column::Expires.lte(to_row(now.0)));
    Entity::delete_many().filter(spent).exec(db).await?;
    Ok(())
}

fn good(hash: &CodeHash, now: Timestamp) -> Select<Entity> {
    Entity::find_by_id(hash.0.to_vec())
        .filter(Column::UsesLeft.gt(0))
        .filter(Column::Expires.gt(to_row(now.0)))
}
