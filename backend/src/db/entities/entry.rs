//! An entry of a conversation's log.

use sea_orm::entity::prelude::*;

/// A row of `entries`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "entries")]
pub struct Model {
    /// Which log.
    #[sea_orm(primary_key, auto_increment = false)]
    pub conversation_id: Vec<u8>,
    /// From 0, without gaps.
    #[sea_orm(primary_key, auto_increment = false)]
    pub number: i64,
    /// The exact bytes; none once the content was purged.
    pub bytes: Option<Vec<u8>>,
    /// Leaf hash.
    pub leaf: Vec<u8>,
    /// The tree's root with this entry as its last.
    pub root: Vec<u8>,
    /// Roots of the complete subtrees that end with this leaf, concatenated, from level 0.
    pub nodes: Vec<u8>,
    /// Milliseconds since 1970.
    pub time: i64,
    /// Whether it is a state entry or the server's announcement.
    pub is_state: bool,
    /// Its author; empty for the server's.
    pub sender: Vec<u8>,
    /// Its message id, unless it is a state entry.
    pub message_id: Option<Vec<u8>>,
}

/// None: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
