//! A signed-in browser.

use sea_orm::entity::prelude::*;

/// A row of `sessions`.
#[derive(Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "sessions")]
pub struct Model {
    /// Session id, 16 bytes.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Vec<u8>,
    /// Whose.
    pub user_id: Vec<u8>,
    /// SHA-256 of the token.
    #[sea_orm(unique)]
    pub token_hash: Vec<u8>,
    /// What the browser calls itself.
    pub browser: String,
    /// Milliseconds since 1970.
    pub created: i64,
    /// When it was last connected, milliseconds since 1970.
    pub last_seen: i64,
    /// Network address from which it last signed in.
    pub address: Option<String>,
}

/// None: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Shows no more than the id: the rest is for nobody's eyes.
impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("session")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}
