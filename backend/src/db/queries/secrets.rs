//! What proves an account's owner, and what opens with it.

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait},
};
use secure_chat_shared::codec;
use secure_chat_shared::crypto::account::Vault;
use secure_chat_shared::ids::{Timestamp, UserId, UserName};
use secure_chat_shared::protocol::{FailedSignIns, SealedState};

use super::{damaged, id};
use crate::db::entities::{identity, user};
use crate::numbers::{from_row, to_row};

/// What a password is checked against.
pub struct Credentials {
    pub user: UserId,
    pub name: UserName,
    pub opaque_record: Vec<u8>,
    /// How often the secrets had been replaced: what is proven against these holds only as long as that.
    pub replaced: u32,
}

/// What a recovery code is checked against.
pub struct Recovery {
    pub user: UserId,
    /// SHA-256(rec_auth).
    pub verifier: [u8; 32],
    pub replaced: u32,
}

/// What a proof hands out.
pub struct Secrets {
    pub vault: Vault,
    pub state: SealedState,
    pub replaced: u32,
    pub disabled: bool,
}

/// What takes the place of an account's secrets.
pub struct NewSecrets {
    pub opaque_record: Vec<u8>,
    pub vault: Vault,
    pub recovery_verifier: [u8; 32],
    pub state: Vec<u8>,
    /// Of the state.
    pub generation: u64,
}

/// Of a user.
pub async fn credentials(
    db: &impl ConnectionTrait,
    user: &UserId,
) -> Result<Option<Credentials>, DbErr> {
    find_credentials(db, user::Column::Id.eq(user.0.to_vec())).await
}

/// Of a name.
pub async fn credentials_of(
    db: &impl ConnectionTrait,
    name: &UserName,
) -> Result<Option<Credentials>, DbErr> {
    find_credentials(db, user::Column::Name.eq(name.as_str())).await
}

async fn find_credentials(
    db: &impl ConnectionTrait,
    which: Expr,
) -> Result<Option<Credentials>, DbErr> {
    let row: Option<(Vec<u8>, String, Vec<u8>, i32)> = user::Entity::find()
        .select_only()
        .column(user::Column::Id)
        .column(user::Column::Name)
        .column(user::Column::OpaqueRecord)
        .column(user::Column::Secrets)
        .filter(which)
        .into_tuple()
        .one(db)
        .await?;
    row.map(|(user, name, opaque_record, replaced)| {
        Ok(Credentials {
            user: id(&user)?,
            name: UserName::parse(&name).map_err(|_| damaged("a name"))?,
            opaque_record,
            replaced: count(replaced)?,
        })
    })
    .transpose()
}

/// The recovery verifier of a name.
pub async fn recovery_of(
    db: &impl ConnectionTrait,
    name: &UserName,
) -> Result<Option<Recovery>, DbErr> {
    let row: Option<(Vec<u8>, Vec<u8>, i32)> = user::Entity::find()
        .select_only()
        .column(user::Column::Id)
        .column(user::Column::RecoveryVerifier)
        .column(user::Column::Secrets)
        .filter(user::Column::Name.eq(name.as_str()))
        .into_tuple()
        .one(db)
        .await?;
    row.map(|(user, verifier, replaced)| {
        Ok(Recovery {
            user: id(&user)?,
            verifier: id(&verifier)?,
            replaced: count(replaced)?,
        })
    })
    .transpose()
}

/// Vault and synced state.
pub async fn find(db: &impl ConnectionTrait, user: &UserId) -> Result<Option<Secrets>, DbErr> {
    let Some(row) = user::Entity::find_by_id(user.0.to_vec()).one(db).await? else {
        return Ok(None);
    };
    let vault = codec::decode(&row.vault).map_err(|_| damaged("a vault"))?;
    Ok(Some(Secrets {
        vault,
        state: SealedState {
            generation: from_row(row.state_generation),
            sealed: row.state.into(),
        },
        replaced: count(row.secrets)?,
        disabled: row.disabled,
    }))
}

/// How often a user's secrets were replaced.
pub async fn replaced(db: &impl ConnectionTrait, user: &UserId) -> Result<Option<u32>, DbErr> {
    let row: Option<i32> = user::Entity::find_by_id(user.0.to_vec())
        .select_only()
        .column(user::Column::Secrets)
        .into_tuple()
        .one(db)
        .await?;
    row.map(count).transpose()
}

/// Numbers of a user's identity versions, oldest first.
pub async fn versions(db: &impl ConnectionTrait, user: &UserId) -> Result<Vec<u32>, DbErr> {
    let rows: Vec<i32> = identity::Entity::find()
        .select_only()
        .column(identity::Column::Version)
        .filter(identity::Column::UserId.eq(user.0.to_vec()))
        .order_by_asc(identity::Column::Version)
        .into_tuple()
        .all(db)
        .await?;
    rows.into_iter().map(count).collect()
}

/// Replaces a user's secrets; how often that has been done now.
pub async fn replace(
    db: &impl ConnectionTrait,
    user: &UserId,
    new: NewSecrets,
) -> Result<u32, DbErr> {
    user::Entity::update_many()
        .col_expr(user::Column::OpaqueRecord, Expr::value(new.opaque_record))
        .col_expr(user::Column::Vault, Expr::value(codec::encode(&new.vault)))
        .col_expr(
            user::Column::RecoveryVerifier,
            Expr::value(new.recovery_verifier.to_vec()),
        )
        .col_expr(user::Column::State, Expr::value(new.state))
        .col_expr(
            user::Column::StateGeneration,
            Expr::value(to_row(new.generation)),
        )
        .col_expr(
            user::Column::Secrets,
            Expr::col(user::Column::Secrets).add(1),
        )
        .filter(user::Column::Id.eq(user.0.to_vec()))
        .exec(db)
        .await?;
    replaced(db, user)
        .await?
        .ok_or_else(|| damaged("secrets without their user"))
}

/// Counts a wrong password or recovery code; all of them, if the user is still there.
pub async fn count_failure(
    db: &impl ConnectionTrait,
    user: &UserId,
    at: Timestamp,
) -> Result<Option<FailedSignIns>, DbErr> {
    user::Entity::update_many()
        .col_expr(user::Column::Failed, Expr::col(user::Column::Failed).add(1))
        .col_expr(user::Column::FailedLast, Expr::value(to_row(at.0)))
        .filter(user::Column::Id.eq(user.0.to_vec()))
        .exec(db)
        .await?;
    failures(db, user).await
}

/// Wrong passwords and recovery codes since they were last forgotten.
pub async fn failures(
    db: &impl ConnectionTrait,
    user: &UserId,
) -> Result<Option<FailedSignIns>, DbErr> {
    let row: Option<(i32, Option<i64>)> = user::Entity::find_by_id(user.0.to_vec())
        .select_only()
        .column(user::Column::Failed)
        .column(user::Column::FailedLast)
        .into_tuple()
        .one(db)
        .await?;
    match row {
        Some((failed, last)) => failed_sign_ins(failed, last),
        None => Ok(None),
    }
}

/// From their columns.
pub fn failed_sign_ins(failed: i32, last: Option<i64>) -> Result<Option<FailedSignIns>, DbErr> {
    let told = |last| {
        Ok(FailedSignIns {
            count: count(failed)?,
            last: Timestamp(from_row(last)),
        })
    };
    last.map(told).transpose()
}

/// Sets the count back.
pub async fn forget_failures(db: &impl ConnectionTrait, user: &UserId) -> Result<(), DbErr> {
    user::Entity::update_many()
        .col_expr(user::Column::Failed, Expr::value(0))
        .col_expr(user::Column::FailedLast, Expr::value(None::<i64>))
        .filter(user::Column::Id.eq(user.0.to_vec()))
        .exec(db)
        .await?;
    Ok(())
}

pub fn count(number: i32) -> Result<u32, DbErr> {
    u32::try_from(number).map_err(|_| damaged("a count"))
}
