//! Who shares a conversation with whom, and when they were last here.

use sea_orm::{ConnectionTrait, DbErr, FromQueryResult, Statement};
use secure_chat_shared::ids::{Timestamp, UserId};

use super::id;
use crate::numbers::from_row;

/// Somebody and when they went.
pub struct Seen {
    pub user: UserId,
    pub last_seen: Option<Timestamp>,
}

#[derive(FromQueryResult)]
struct Row {
    user_id: Vec<u8>,
    last_seen: Option<i64>,
}

/// Everybody who may read a conversation that `user` may read too.
pub async fn peers(db: &impl ConnectionTrait, user: &UserId) -> Result<Vec<Seen>, DbErr> {
    let sql = "SELECT users.id AS user_id, users.last_seen FROM users WHERE users.id <> $1 AND users.id IN (\
               SELECT theirs.user_id FROM readers AS mine \
               JOIN readers AS theirs ON theirs.conversation_id = mine.conversation_id \
               WHERE mine.user_id = $1 AND mine.status IN (1, 2) AND theirs.status IN (1, 2))";
    seen(db, sql, [user.0.to_vec().into()]).await
}

/// When everybody who may read a conversation was last here.
pub async fn readers(db: &impl ConnectionTrait, conversation: &[u8]) -> Result<Vec<Seen>, DbErr> {
    let sql = "SELECT users.id AS user_id, users.last_seen FROM readers \
               JOIN users ON users.id = readers.user_id \
               WHERE readers.conversation_id = $1 AND readers.status IN (1, 2)";
    seen(db, sql, [conversation.to_vec().into()]).await
}

async fn seen(
    db: &impl ConnectionTrait,
    sql: &str,
    values: impl IntoIterator<Item = sea_orm::Value>,
) -> Result<Vec<Seen>, DbErr> {
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    let rows = Row::find_by_statement(statement).all(db).await?;
    rows.into_iter()
        .map(|row| {
            let last_seen = row.last_seen.map(|at| Timestamp(from_row(at)));
            Ok(Seen {
                user: id(&row.user_id)?,
                last_seen,
            })
        })
        .collect()
}
