//! Signed-in browsers.

use std::net::IpAddr;

use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, FromQueryResult, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect, Statement,
    sea_query::{Expr, Query},
};
use secure_chat_shared::ids::{SessionId, Timestamp, UserId, UserName};
use secure_chat_shared::protocol::{FailedSignIns, SessionInfo};

use super::id;
use super::secrets::{self, count};
use crate::db::entities::{eviction, session, user};
use crate::numbers::{from_row, to_row};
use crate::place;

/// A session to be.
pub struct NewSession {
    pub id: SessionId,
    pub user: UserId,
    /// SHA-256 of the token.
    pub token_hash: [u8; 32],
    pub browser: String,
    pub created: Timestamp,
    pub address: IpAddr,
}

impl NewSession {
    /// As others of the user see it.
    pub fn info(&self) -> SessionInfo {
        SessionInfo {
            id: self.id,
            browser: self.browser.clone(),
            created: self.created,
            last_seen: self.created,
            this: false,
            place: place::of(Some(self.address)),
        }
    }
}

/// Writes a session.
pub async fn insert(db: &impl ConnectionTrait, new: &NewSession) -> Result<(), DbErr> {
    let row = session::ActiveModel {
        id: Set(new.id.0.to_vec()),
        user_id: Set(new.user.0.to_vec()),
        token_hash: Set(new.token_hash.to_vec()),
        browser: Set(new.browser.clone()),
        created: Set(to_row(new.created.0)),
        last_seen: Set(to_row(new.created.0)),
        address: Set(Some(new.address.to_string())),
    };
    session::Entity::insert(row)
        .exec_without_returning(db)
        .await?;
    Ok(())
}

/// Puts a new token in the place of the one of the user's session `id`, and `new`'s browser and address; whether there
/// is such a session.
pub async fn renew(
    db: &impl ConnectionTrait,
    id: SessionId,
    new: &NewSession,
) -> Result<bool, DbErr> {
    let renewed = session::Entity::update_many()
        .col_expr(
            session::Column::TokenHash,
            Expr::value(new.token_hash.to_vec()),
        )
        .col_expr(session::Column::Browser, Expr::value(new.browser.clone()))
        .col_expr(
            session::Column::LastSeen,
            Expr::value(to_row(new.created.0)),
        )
        .col_expr(
            session::Column::Address,
            Expr::value(new.address.to_string()),
        )
        .filter(session::Column::Id.eq(id.0.to_vec()))
        .filter(session::Column::UserId.eq(new.user.0.to_vec()))
        .exec(db)
        .await?;
    Ok(renewed.rows_affected == 1)
}

/// A session that a token resumes, and what its browser is to know of the account.
pub struct Resumable {
    pub user: UserId,
    pub session: SessionId,
    /// Where it last signed in from.
    pub address: Option<IpAddr>,
    /// Of the synced state.
    pub state_generation: u64,
    /// Of the identity, the newest.
    pub identity_version: u32,
    /// How often the secrets were replaced.
    pub secrets: u32,
    pub failed: Option<FailedSignIns>,
}

#[derive(FromQueryResult)]
struct ResumableRow {
    id: Vec<u8>,
    user_id: Vec<u8>,
    address: Option<String>,
    state_generation: i64,
    secrets: i32,
    failed: i32,
    failed_last: Option<i64>,
    version: i32,
}

/// The session that a token resumes. One statement: after a restart everybody comes back at once.
pub async fn by_token(
    db: &impl ConnectionTrait,
    token_hash: &[u8; 32],
) -> Result<Option<Resumable>, DbErr> {
    let sql = "SELECT sessions.id, sessions.user_id, sessions.address, users.state_generation, \
               users.secrets, users.failed, users.failed_last, identities.version FROM sessions \
               JOIN users ON users.id = sessions.user_id \
               JOIN identities ON identities.user_id = sessions.user_id \
               WHERE sessions.token_hash = $1 ORDER BY identities.version DESC LIMIT 1";
    let token_hash = [token_hash.to_vec().into()];
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, token_hash);
    let row = ResumableRow::find_by_statement(statement).one(db).await?;
    row.map(|row| {
        Ok(Resumable {
            user: id(&row.user_id)?,
            session: id(&row.id)?,
            address: address(row.address.as_deref()),
            state_generation: from_row(row.state_generation),
            identity_version: count(row.version)?,
            secrets: count(row.secrets)?,
            failed: secrets::failed_sign_ins(row.failed, row.failed_last)?,
        })
    })
    .transpose()
}

/// Whether a session of whoever has this name was last at this address.
pub async fn is_at(
    db: &impl ConnectionTrait,
    name: &UserName,
    address: IpAddr,
) -> Result<bool, DbErr> {
    let theirs = Query::select()
        .column(user::Column::Id)
        .from(user::Entity)
        .and_where(user::Column::Name.eq(name.as_str()))
        .to_owned();
    let there = session::Entity::find()
        .filter(session::Column::UserId.in_subquery(theirs))
        .filter(session::Column::Address.eq(address.to_string()))
        .count(db)
        .await?;
    Ok(there > 0)
}

/// Whether a user's session has not ended.
pub async fn is_there(
    db: &impl ConnectionTrait,
    user: &UserId,
    session: SessionId,
) -> Result<bool, DbErr> {
    let found = session::Entity::find_by_id(session.0.to_vec())
        .filter(session::Column::UserId.eq(user.0.to_vec()))
        .count(db)
        .await?;
    Ok(found > 0)
}

/// Whose session it is.
pub async fn owner(db: &impl ConnectionTrait, session: SessionId) -> Result<Option<UserId>, DbErr> {
    let row: Option<Vec<u8>> = session::Entity::find_by_id(session.0.to_vec())
        .select_only()
        .column(session::Column::UserId)
        .into_tuple()
        .one(db)
        .await?;
    row.map(|user| id(&user)).transpose()
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
                place: place::of(address(row.address.as_deref())),
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

/// Ends all of a user's sessions, but `except`; which ones.
pub async fn end_all(
    db: &impl ConnectionTrait,
    user: &UserId,
    except: Option<SessionId>,
) -> Result<Vec<SessionId>, DbErr> {
    let mut which = Condition::all().add(session::Column::UserId.eq(user.0.to_vec()));
    if let Some(except) = except {
        which = which.add(session::Column::Id.ne(except.0.to_vec()));
    }
    let rows: Vec<Vec<u8>> = session::Entity::find()
        .select_only()
        .column(session::Column::Id)
        .filter(which.clone())
        .into_tuple()
        .all(db)
        .await?;
    session::Entity::delete_many()
        .filter(which)
        .exec(db)
        .await?;
    rows.iter().map(|row| id(row)).collect()
}

/// Has the running server tell the sockets of sessions that ended in another process.
pub async fn evict(
    db: &impl ConnectionTrait,
    user: &UserId,
    sessions: Vec<SessionId>,
) -> Result<(), DbErr> {
    if sessions.is_empty() {
        return Ok(());
    }
    let rows = sessions.into_iter().map(|session| eviction::ActiveModel {
        session_id: Set(session.0.to_vec()),
        user_id: Set(user.0.to_vec()),
    });
    eviction::Entity::insert_many(rows)
        .exec_without_returning(db)
        .await?;
    Ok(())
}

/// Sessions whose sockets are still to be told, with whose they were.
pub async fn evicted(db: &impl ConnectionTrait) -> Result<Vec<(UserId, SessionId)>, DbErr> {
    let rows = eviction::Entity::find().all(db).await?;
    rows.iter()
        .map(|row| Ok((id(&row.user_id)?, id(&row.session_id)?)))
        .collect()
}

/// Their sockets have been told.
pub async fn forget_evicted(
    db: &impl ConnectionTrait,
    sessions: &[(UserId, SessionId)],
) -> Result<(), DbErr> {
    let ids = sessions.iter().map(|(_, session)| session.0.to_vec());
    eviction::Entity::delete_many()
        .filter(eviction::Column::SessionId.is_in(ids))
        .exec(db)
        .await?;
    Ok(())
}

/// Remembers where a session signed in from.
pub async fn set_address(
    db: &impl ConnectionTrait,
    session: SessionId,
    address: IpAddr,
) -> Result<(), DbErr> {
    session::Entity::update_many()
        .col_expr(session::Column::Address, Expr::value(address.to_string()))
        .filter(session::Column::Id.eq(session.0.to_vec()))
        .exec(db)
        .await?;
    Ok(())
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

/// What a row has of an address. One that reads as none is as good as none.
fn address(row: Option<&str>) -> Option<IpAddr> {
    row.and_then(|text| text.parse().ok())
}
