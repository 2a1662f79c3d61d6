//! A session that the operator ended, whose sockets are still to be told.

use sea_orm::entity::prelude::*;

/// A row of `evictions`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "evictions")]
pub struct Model {
    /// Session id, 16 bytes.
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: Vec<u8>,
    /// Whose it was.
    pub user_id: Vec<u8>,
}

/// None: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
