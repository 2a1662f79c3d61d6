//! Who may read a conversation, or could.

use sea_orm::entity::prelude::*;

/// A row of `readers`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "readers")]
pub struct Model {
    /// Which log.
    #[sea_orm(primary_key, auto_increment = false)]
    pub conversation_id: Vec<u8>,
    /// Who.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: Vec<u8>,
    /// [`INVITED`], [`MEMBER`] or [`GONE`].
    pub status: i16,
    /// Number of the entry that let them in.
    pub since: i64,
    /// Number of the entry with which they went.
    pub until: Option<i64>,
}

/// Invited, has not answered.
pub const INVITED: i16 = 1;
/// Accepted.
pub const MEMBER: i16 = 2;
/// Left, removed, declined or uninvited: reads what came until then.
pub const GONE: i16 = 3;

/// None: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
