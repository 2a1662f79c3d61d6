//! An account.

use sea_orm::entity::prelude::*;

/// A row of `users`.
#[derive(Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "users")]
pub struct Model {
    /// User id, 16 bytes.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Vec<u8>,
    /// Normalised name.
    #[sea_orm(unique)]
    pub name: String,
    /// What the name looks like; unique, so that no two names look alike.
    #[sea_orm(unique)]
    pub skeleton: String,
    /// OPAQUE registration record.
    pub opaque_record: Vec<u8>,
    /// The vault, encoded.
    pub vault: Vec<u8>,
    /// SHA-256(rec_auth).
    pub recovery_verifier: Vec<u8>,
    /// Generation of `state`, from 1.
    pub state_generation: i64,
    /// Synced state, sealed by the client.
    pub state: Vec<u8>,
    /// Milliseconds since 1970.
    pub created: i64,
    /// When the last socket went, milliseconds since 1970.
    pub last_seen: Option<i64>,
    /// How often the secrets were replaced.
    pub secrets: i32,
    /// Wrong passwords since the last right one.
    pub failed: i32,
    /// When the last of them was, milliseconds since 1970.
    pub failed_last: Option<i64>,
    /// Whether the operator has shut the account.
    pub disabled: bool,
}

/// None: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Shows no more than the id: the rest is for nobody's eyes.
impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("user")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}
