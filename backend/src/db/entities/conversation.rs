//! A conversation; how far its log has got is what its newest entry says.

use sea_orm::entity::prelude::*;

/// A row of `conversations`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "conversations")]
pub struct Model {
    /// Conversation id, 32 bytes.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Vec<u8>,
    /// Snapshot of the judged log, after the newest entry that changed it.
    pub state: Vec<u8>,
    /// Milliseconds since 1970.
    pub created: i64,
    /// Whether the server makes its keys.
    pub managed: bool,
}

/// None: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
