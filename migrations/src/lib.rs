//! Secure Chat's database schema, one file a change.
//!
//! Every migration runs in a transaction of its own, on SQLite too, so that a failed one leaves nothing behind.

mod m0001_accounts;
mod m0002_conversations;
mod m0003_compromised;
mod m0004_managed;
mod m0005_account_life;
mod m0006_passkeys;

pub use sea_orm_migration::MigratorTrait;
use sea_orm_migration::prelude::*;

/// All changes, oldest first.
#[derive(Debug, Clone, Copy)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_accounts::Migration),
            Box::new(m0002_conversations::Migration),
            Box::new(m0003_compromised::Migration),
            Box::new(m0004_managed::Migration),
            Box::new(m0005_account_life::Migration),
            Box::new(m0006_passkeys::Migration),
        ]
    }
}
