//! Passkeys of users.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, sea_query::Expr,
};
use secure_chat_shared::codec::Bytes;
use secure_chat_shared::ids::{Timestamp, UserId};
use secure_chat_shared::protocol::PasskeyInfo;

use super::damaged;
use crate::db::entities::passkey;
use crate::numbers::{from_row, to_row};
use crate::passkeys::Credential;

/// A passkey as it is kept.
pub struct KeptPasskey {
    /// For its owner.
    pub info: PasskeyInfo,
    /// For the relying party.
    pub credential: Credential,
    /// K_priv under the KEK of its PRF.
    pub priv_by_passkey: Option<Bytes>,
}

/// Writes a passkey.
pub async fn insert(
    db: &impl ConnectionTrait,
    user: &UserId,
    name: String,
    new: Credential,
    priv_by_passkey: Option<Bytes>,
    created: Timestamp,
) -> Result<(), DbErr> {
    let row = passkey::ActiveModel {
        id: Set(new.id),
        user_id: Set(user.0.to_vec()),
        name: Set(name),
        transports: Set(new.transports.into()),
        fixed: Set(new.fixed),
        changing: Set(new.changing.to_vec()),
        priv_by_passkey: Set(priv_by_passkey.map(|sealed| sealed.0)),
        created: Set(to_row(created.0)),
        last_used: Set(None),
    };
    passkey::Entity::insert(row)
        .exec_without_returning(db)
        .await?;
    Ok(())
}

/// A user's passkeys, oldest first.
pub async fn of_user(db: &impl ConnectionTrait, user: &UserId) -> Result<Vec<KeptPasskey>, DbErr> {
    let rows = passkey::Entity::find()
        .filter(passkey::Column::UserId.eq(user.0.to_vec()))
        .order_by_asc(passkey::Column::Created)
        .all(db)
        .await?;
    rows.into_iter()
        .map(|row| {
            let damaged = || damaged("a passkey");
            let credential = Credential {
                id: row.id.clone(),
                transports: u8::try_from(row.transports).map_err(|_| damaged())?,
                fixed: row.fixed,
                changing: row.changing.try_into().map_err(|_| damaged())?,
            };
            Ok(KeptPasskey {
                info: PasskeyInfo {
                    id: Bytes(row.id),
                    name: row.name,
                    created: Timestamp(from_row(row.created)),
                    last_used: row.last_used.map(|at| Timestamp(from_row(at))),
                    unlocks: row.priv_by_passkey.is_some(),
                },
                credential,
                priv_by_passkey: row.priv_by_passkey.map(Bytes),
            })
        })
        .collect()
}

/// Whether a user has any.
pub async fn any(db: &impl ConnectionTrait, user: &UserId) -> Result<bool, DbErr> {
    let first: Option<Vec<u8>> = passkey::Entity::find()
        .select_only()
        .column(passkey::Column::Id)
        .filter(passkey::Column::UserId.eq(user.0.to_vec()))
        .into_tuple()
        .one(db)
        .await?;
    Ok(first.is_some())
}

/// Remembers that a passkey was used, with its counter as it is now.
pub async fn used(
    db: &impl ConnectionTrait,
    used: &Credential,
    at: Timestamp,
) -> Result<(), DbErr> {
    passkey::Entity::update_many()
        .col_expr(
            passkey::Column::Changing,
            Expr::value(used.changing.to_vec()),
        )
        .col_expr(passkey::Column::LastUsed, Expr::value(to_row(at.0)))
        .filter(passkey::Column::Id.eq(used.id.clone()))
        .exec(db)
        .await?;
    Ok(())
}

/// Forgets a user's passkey; whether there was one.
pub async fn remove(db: &impl ConnectionTrait, user: &UserId, id: &[u8]) -> Result<bool, DbErr> {
    let deleted = passkey::Entity::delete_many()
        .filter(passkey::Column::Id.eq(id.to_vec()))
        .filter(passkey::Column::UserId.eq(user.0.to_vec()))
        .exec(db)
        .await?;
    Ok(deleted.rows_affected == 1)
}

/// The account's secrets were replaced: no passkey opens the new ones. They stay second factors.
pub async fn forget_sealed(db: &impl ConnectionTrait, user: &UserId) -> Result<(), DbErr> {
    passkey::Entity::update_many()
        .col_expr(
            passkey::Column::PrivByPasskey,
            Expr::value(Option::<Vec<u8>>::None),
        )
        .filter(passkey::Column::UserId.eq(user.0.to_vec()))
        .exec(db)
        .await?;
    Ok(())
}
