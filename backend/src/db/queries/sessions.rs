//! Signed-in browsers.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, sea_query::Expr,
};
use secure_chat_shared::ids::{SessionId, Timestamp, UserId};
use secure_chat_shared::protocol::{Place, SessionInfo};

use super::id;
use crate::db::entities::session;
use crate::numbers::{from_row, to_row};

/// A session to be.
pub struct NewSession {
    pub id: SessionId,
    pub user: UserId,
    /// SHA-256 of the token.
    pub token_hash: [u8; 32],
    pub browser: String,
    pub created: Timestamp,
}

/// Writes a session.
pub async fn insert(db: &impl ConnectionTrait, new: NewSession) -> Result<(), DbErr> {
    let row = session::ActiveModel {
        id: Set(new.id.0.to_vec()),
        user_id: Set(new.user.0.to_vec()),
        token_hash: Set(new.token_hash.to_vec()),
        browser: Set(new.browser),
        created: Set(to_row(new.created.0)),
        last_seen: Set(to_row(new.created.0)),
    };
    session::Entity::insert(row)
        .exec_without_returning(db)
        .await?;
    Ok(())
}

/// Whose session a token resumes.
pub async fn by_token(
    db: &impl ConnectionTrait,
    token_hash: &[u8; 32],
) -> Result<Option<(UserId, SessionId)>, DbErr> {
    let row: Option<(Vec<u8>, Vec<u8>)> = session::Entity::find()
        .select_only()
        .column(session::Column::UserId)
        .column(session::Column::Id)
        .filter(session::Column::TokenHash.eq(token_hash.to_vec()))
        .into_tuple()
        .one(db)
        .await?;
    row.map(|(user, session)| Ok((id(&user)?, id(&session)?)))
        .transpose()
}

/// A user's sessions, oldest first.
pub async fn list(
    db: &impl ConnectionTrait,
    user: &UserId,
    this: SessionId,
) -> Result<Vec<SessionInfo>, DbErr> {
    let rows = session::Entity::find()
        .filter(session::Column::UserId.eq(user.0.to_vec()))
        .order_by_asc(session::Column::Created)
        .all(db)
        .await?;
    rows.into_iter()
        .map(|row| {
            let session = id(&row.id)?;
            Ok(SessionInfo {
                id: session,
                browser: row.browser,
                created: Timestamp(from_row(row.created)),
                last_seen: Timestamp(from_row(row.last_seen)),
                this: session == this,
                place: Place::Unknown,
            })
        })
        .collect()
}

/// Ends a user's session; whether there was one.
pub async fn end(
    db: &impl ConnectionTrait,
    user: &UserId,
    session: SessionId,
) -> Result<bool, DbErr> {
    let deleted = session::Entity::delete_many()
        .filter(session::Column::Id.eq(session.0.to_vec()))
        .filter(session::Column::UserId.eq(user.0.to_vec()))
        .exec(db)
        .await?;
    Ok(deleted.rows_affected == 1)
}

/// Remembers when a session was last connected.
pub async fn set_last_seen(
    db: &impl ConnectionTrait,
    session: SessionId,
    at: Timestamp,
) -> Result<(), DbErr> {
    session::Entity::update_many()
        .col_expr(session::Column::LastSeen, Expr::value(to_row(at.0)))
        .filter(session::Column::Id.eq(session.0.to_vec()))
        .exec(db)
        .await?;
    Ok(())
}
