//! What is left of a deleted account.

use sea_orm::entity::prelude::*;

/// A row of `tombstones`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "tombstones")]
pub struct Model {
    /// User id, 16 bytes: logs name it for ever.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Vec<u8>,
    /// Normalised name; none once the operator has released it.
    #[sea_orm(unique)]
    pub name: Option<String>,
    /// What the name looks like.
    #[sea_orm(unique)]
    pub skeleton: Option<String>,
    /// Milliseconds since 1970.
    pub deleted: i64,
}

/// None: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
