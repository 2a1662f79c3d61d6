//! An epoch key, wrapped for one reader.

use sea_orm::entity::prelude::*;

/// A row of `wraps`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "wraps")]
pub struct Model {
    /// Which log.
    #[sea_orm(primary_key, auto_increment = false)]
    pub conversation_id: Vec<u8>,
    /// Which epoch.
    #[sea_orm(primary_key, auto_increment = false)]
    pub epoch: i64,
    /// For whom.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: Vec<u8>,
    /// Place among the announcement's readers.
    pub position: i32,
    /// RSA-OAEP ciphertext.
    pub wrap: Vec<u8>,
    /// Inclusion proof, concatenated hashes.
    pub proof: Vec<u8>,
}

/// None: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
