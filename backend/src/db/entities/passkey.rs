//! A passkey of a user.

use sea_orm::entity::prelude::*;

/// A row of `passkeys`.
#[derive(Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "passkeys")]
pub struct Model {
    /// Credential id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Vec<u8>,
    /// Whose.
    pub user_id: Vec<u8>,
    /// What its owner calls it.
    pub name: String,
    /// How the browser reaches it.
    pub transports: i16,
    /// Public key, and what was said when it was made.
    pub fixed: Vec<u8>,
    /// Counter and flags, 7 bytes.
    pub changing: Vec<u8>,
    /// K_priv under the KEK of its PRF.
    pub priv_by_passkey: Option<Vec<u8>>,
    /// Milliseconds since 1970.
    pub created: i64,
    /// Milliseconds since 1970.
    pub last_used: Option<i64>,
}

/// None: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Shows no more than the id: the rest is for nobody's eyes.
impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("passkey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}
