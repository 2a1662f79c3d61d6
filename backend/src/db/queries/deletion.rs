//! Deleting accounts. What they wrote in logs stays, for the others.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait,
    QueryFilter, QuerySelect, sea_query::Expr,
};
use secure_chat_shared::ids::{Timestamp, UserId, UserName};

use super::damaged;
use crate::db::entities::{tombstone, user, wrap};
use crate::names::Skeleton;
use crate::numbers::to_row;

/// Removes everything of an account but what keeps its id and name taken. Its sessions go with it.
pub async fn delete(db: &impl ConnectionTrait, user: &UserId, at: Timestamp) -> Result<(), DbErr> {
    let row: Option<(String, String)> = user::Entity::find_by_id(user.0.to_vec())
        .select_only()
        .column(user::Column::Name)
        .column(user::Column::Skeleton)
        .into_tuple()
        .one(db)
        .await?;
    let (name, skeleton) = row.ok_or_else(|| damaged("no user to delete"))?;
    wrap::Entity::delete_many()
        .filter(wrap::Column::UserId.eq(user.0.to_vec()))
        .exec(db)
        .await?;
    // Identities and sessions go with the row that they belong to.
    user::Entity::delete_by_id(user.0.to_vec()).exec(db).await?;
    let row = tombstone::ActiveModel {
        id: Set(user.0.to_vec()),
        name: Set(Some(name)),
        skeleton: Set(Some(skeleton)),
        deleted: Set(to_row(at.0)),
    };
    tombstone::Entity::insert(row)
        .exec_without_returning(db)
        .await?;
    Ok(())
}

/// Whether a deleted account had this name, or one that looks like it; or the id.
pub async fn is_taken(
    db: &impl ConnectionTrait,
    name: &UserName,
    skeleton: &Skeleton,
    id: Option<&UserId>,
) -> Result<bool, DbErr> {
    let mut same = Condition::any()
        .add(tombstone::Column::Name.eq(name.as_str()))
        .add(tombstone::Column::Skeleton.eq(skeleton.as_str()));
    if let Some(id) = id {
        same = same.add(tombstone::Column::Id.eq(id.0.to_vec()));
    }
    Ok(tombstone::Entity::find().filter(same).count(db).await? > 0)
}

/// Lets a deleted account's name be taken again; whether there was one.
pub async fn release_name(db: &impl ConnectionTrait, name: &UserName) -> Result<bool, DbErr> {
    let released = tombstone::Entity::update_many()
        .col_expr(tombstone::Column::Name, Expr::value(None::<String>))
        .col_expr(tombstone::Column::Skeleton, Expr::value(None::<String>))
        .filter(tombstone::Column::Name.eq(name.as_str()))
        .exec(db)
        .await?;
    Ok(released.rows_affected == 1)
}
