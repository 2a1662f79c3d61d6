//! Accounts and their identities.

use std::collections::HashMap;

use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect, sea_query::Expr,
};
use secure_chat_shared::codec::{self, Bytes};
use secure_chat_shared::crypto::account::{Vault, VaultKeys};
use secure_chat_shared::ids::{Timestamp, UserId, UserName};
use secure_chat_shared::protocol::SealedState;

use super::{damaged, deletion, id};
use crate::db::entities::{identity, session, user};
use crate::names::Skeleton;
use crate::numbers::{from_row, to_row};

/// An account to be.
pub struct NewUser {
    pub id: UserId,
    pub name: UserName,
    pub skeleton: Skeleton,
    pub opaque_record: Vec<u8>,
    pub vault: Vault,
    pub recovery_verifier: [u8; 32],
    pub state: Vec<u8>,
    /// Identity version 1, as signed.
    pub identity: Vec<u8>,
    pub created: Timestamp,
}

/// Whether there is any account.
pub async fn any(db: &impl ConnectionTrait) -> Result<bool, DbErr> {
    let first: Option<Vec<u8>> = user::Entity::find()
        .select_only()
        .column(user::Column::Id)
        .into_tuple()
        .one(db)
        .await?;
    Ok(first.is_some())
}

/// How many accounts there are.
pub async fn count(db: &impl ConnectionTrait) -> Result<u64, DbErr> {
    user::Entity::find().count(db).await
}

/// An account, as its operator sees it.
pub struct Listed {
    pub name: String,
    pub created: Timestamp,
    pub last_seen: Option<Timestamp>,
    pub disabled: bool,
    /// How many have not ended.
    pub sessions: u64,
}

/// Every account, by name.
pub async fn list(db: &impl ConnectionTrait) -> Result<Vec<Listed>, DbErr> {
    type Row = (Vec<u8>, String, i64, Option<i64>, bool);
    let rows: Vec<Row> = user::Entity::find()
        .select_only()
        .column(user::Column::Id)
        .column(user::Column::Name)
        .column(user::Column::Created)
        .column(user::Column::LastSeen)
        .column(user::Column::Disabled)
        .order_by_asc(user::Column::Name)
        .into_tuple()
        .all(db)
        .await?;
    let sessions: Vec<(Vec<u8>, i64)> = session::Entity::find()
        .select_only()
        .column(session::Column::UserId)
        .column_as(session::Column::Id.count(), "sessions")
        .group_by(session::Column::UserId)
        .into_tuple()
        .all(db)
        .await?;
    let sessions: HashMap<Vec<u8>, i64> = sessions.into_iter().collect();
    Ok(rows
        .into_iter()
        .map(|(user, name, created, last_seen, disabled)| Listed {
            name,
            created: Timestamp(from_row(created)),
            last_seen: last_seen.map(|at| Timestamp(from_row(at))),
            disabled,
            sessions: sessions.get(&user).copied().map_or(0, from_row),
        })
        .collect())
}

/// Whether the operator lets anybody sign in.
pub async fn set_disabled(
    db: &impl ConnectionTrait,
    user: &UserId,
    disabled: bool,
) -> Result<(), DbErr> {
    user::Entity::update_many()
        .col_expr(user::Column::Disabled, Expr::value(disabled))
        .filter(user::Column::Id.eq(user.0.to_vec()))
        .exec(db)
        .await?;
    Ok(())
}

/// Whether a name, or one that looks like it, is or was somebody's; or the id.
pub async fn is_taken(
    db: &impl ConnectionTrait,
    name: &UserName,
    skeleton: &Skeleton,
    id: Option<&UserId>,
) -> Result<bool, DbErr> {
    let mut same = Condition::any()
        .add(user::Column::Name.eq(name.as_str()))
        .add(user::Column::Skeleton.eq(skeleton.as_str()));
    if let Some(id) = id {
        same = same.add(user::Column::Id.eq(id.0.to_vec()));
    }
    Ok(user::Entity::find().filter(same).count(db).await? > 0
        || deletion::is_taken(db, name, skeleton, id).await?)
}

/// Writes an account and its identity.
pub async fn insert(db: &impl ConnectionTrait, new: NewUser) -> Result<(), DbErr> {
    let row = user::ActiveModel {
        id: Set(new.id.0.to_vec()),
        name: Set(new.name.as_str().to_owned()),
        skeleton: Set(new.skeleton.as_str().to_owned()),
        opaque_record: Set(new.opaque_record),
        vault: Set(codec::encode(&new.vault)),
        recovery_verifier: Set(new.recovery_verifier.to_vec()),
        state_generation: Set(1),
        state: Set(new.state),
        created: Set(to_row(new.created.0)),
        last_seen: Set(None),
        secrets: Set(0),
        failed: Set(0),
        failed_last: Set(None),
        disabled: Set(false),
    };
    user::Entity::insert(row).exec_without_returning(db).await?;
    let row = identity::ActiveModel {
        user_id: Set(new.id.0.to_vec()),
        version: Set(1),
        bytes: Set(new.identity),
        compromised: Set(None),
    };
    identity::Entity::insert(row)
        .exec_without_returning(db)
        .await?;
    Ok(())
}

/// The synced state.
pub async fn state(db: &impl ConnectionTrait, user: &UserId) -> Result<Option<SealedState>, DbErr> {
    let row: Option<(i64, Vec<u8>)> = user::Entity::find_by_id(user.0.to_vec())
        .select_only()
        .column(user::Column::StateGeneration)
        .column(user::Column::State)
        .into_tuple()
        .one(db)
        .await?;
    Ok(row.map(|(generation, sealed)| SealedState {
        generation: from_row(generation),
        sealed: sealed.into(),
    }))
}

/// Generation of the synced state.
pub async fn state_generation(
    db: &impl ConnectionTrait,
    user: &UserId,
) -> Result<Option<u64>, DbErr> {
    let row: Option<i64> = user::Entity::find_by_id(user.0.to_vec())
        .select_only()
        .column(user::Column::StateGeneration)
        .into_tuple()
        .one(db)
        .await?;
    Ok(row.map(from_row))
}

/// Writes the synced state if its generation is still `expected`; whether it was.
pub async fn swap_state(
    db: &impl ConnectionTrait,
    user: &UserId,
    expected: u64,
    sealed: Vec<u8>,
) -> Result<bool, DbErr> {
    let Ok(expected) = i64::try_from(expected) else {
        return Ok(false);
    };
    let Some(next) = expected.checked_add(1) else {
        return Ok(false);
    };
    let updated = user::Entity::update_many()
        .col_expr(user::Column::State, Expr::value(sealed))
        .col_expr(user::Column::StateGeneration, Expr::value(next))
        .filter(user::Column::Id.eq(user.0.to_vec()))
        .filter(user::Column::StateGeneration.eq(expected))
        .exec(db)
        .await?;
    Ok(updated.rows_affected == 1)
}

/// Remembers when somebody's last socket went.
pub async fn set_last_seen(
    db: &impl ConnectionTrait,
    user: &UserId,
    at: Timestamp,
) -> Result<(), DbErr> {
    user::Entity::update_many()
        .col_expr(user::Column::LastSeen, Expr::value(to_row(at.0)))
        .filter(user::Column::Id.eq(user.0.to_vec()))
        .exec(db)
        .await?;
    Ok(())
}

/// Who has this name.
pub async fn by_name(db: &impl ConnectionTrait, name: &UserName) -> Result<Option<UserId>, DbErr> {
    let row: Option<Vec<u8>> = user::Entity::find()
        .select_only()
        .column(user::Column::Id)
        .filter(user::Column::Name.eq(name.as_str()))
        .into_tuple()
        .one(db)
        .await?;
    row.map(|user| id(&user)).transpose()
}

/// Who has one of these names; unknown names are left out.
pub async fn by_names(db: &impl ConnectionTrait, names: &[UserName]) -> Result<Vec<UserId>, DbErr> {
    let rows: Vec<Vec<u8>> = user::Entity::find()
        .select_only()
        .column(user::Column::Id)
        .filter(user::Column::Name.is_in(names.iter().map(UserName::as_str)))
        .into_tuple()
        .all(db)
        .await?;
    rows.iter().map(|user| id(user)).collect()
}

/// Everything that the directory has of somebody's identity.
#[derive(Debug, Default)]
pub struct Chain {
    /// Every version, oldest first, as signed.
    pub versions: Vec<Bytes>,
    /// Statements that some of them are compromised.
    pub compromised: Vec<Bytes>,
}

/// These people's identities; unknown people are left out.
pub async fn identities(
    db: &impl ConnectionTrait,
    users: &[UserId],
) -> Result<HashMap<UserId, Chain>, DbErr> {
    let rows = identity::Entity::find()
        .filter(identity::Column::UserId.is_in(users.iter().map(|user| user.0.to_vec())))
        .order_by_asc(identity::Column::UserId)
        .order_by_asc(identity::Column::Version)
        .all(db)
        .await?;
    let mut found: HashMap<UserId, Chain> = HashMap::new();
    for row in rows {
        let chain = found.entry(id(&row.user_id)?).or_default();
        chain.versions.push(row.bytes.into());
        chain.compromised.extend(row.compromised.map(Bytes));
    }
    Ok(found)
}

/// The next version of somebody's identity.
pub struct NewVersion {
    pub user: UserId,
    pub version: u32,
    /// As signed.
    pub bytes: Vec<u8>,
    /// For the vault.
    pub keys: VaultKeys,
    /// About the version before.
    pub compromised: Option<Vec<u8>>,
}

/// Writes the version, its keys and the statement.
pub async fn publish(db: &impl ConnectionTrait, new: NewVersion) -> Result<(), DbErr> {
    let user = new.user.0.to_vec();
    let version = i32::try_from(new.version).map_err(|_| damaged("a version"))?;
    let row = identity::ActiveModel {
        user_id: Set(user.clone()),
        version: Set(version),
        bytes: Set(new.bytes),
        compromised: Set(None),
    };
    identity::Entity::insert(row)
        .exec_without_returning(db)
        .await?;
    if let Some(statement) = new.compromised {
        identity::Entity::update_many()
            .col_expr(identity::Column::Compromised, Expr::value(statement))
            .filter(identity::Column::UserId.eq(user.clone()))
            .filter(identity::Column::Version.eq(version - 1))
            .exec(db)
            .await?;
    }
    let row: Option<Vec<u8>> = user::Entity::find_by_id(user.clone())
        .select_only()
        .column(user::Column::Vault)
        .into_tuple()
        .one(db)
        .await?;
    let row = row.ok_or_else(|| damaged("an identity without its user"))?;
    let mut vault: Vault = codec::decode(&row).map_err(|_| damaged("a vault"))?;
    vault.keys.push(new.keys);
    user::Entity::update_many()
        .col_expr(user::Column::Vault, Expr::value(codec::encode(&vault)))
        .filter(user::Column::Id.eq(user))
        .exec(db)
        .await?;
    Ok(())
}
