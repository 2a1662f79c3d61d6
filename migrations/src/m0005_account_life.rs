//! What happens to an account after it was made: its secrets are replaced, passwords are tried, the operator disables or
//! deletes it; and who may make one.

use sea_orm_migration::{prelude::*, schema::*};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0005_account_life"
    }
}

/// Table, column.
const ADDED: [(&str, &str); 5] = [
    ("users", "secrets"),
    ("users", "failed"),
    ("users", "failed_last"),
    ("users", "disabled"),
    ("sessions", "address"),
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = [
            // How often the account's secrets were replaced.
            integer("secrets").default(0).take(),
            // Wrong passwords since the last right one, and when the last was.
            integer("failed").default(0).take(),
            big_integer_null("failed_last"),
            boolean("disabled").default(false).take(),
            // Where the session last signed in from.
            string_null("address"),
        ];
        for ((table, _), column) in ADDED.into_iter().zip(columns) {
            manager
                .alter_table(Table::alter().table(table).add_column(column).take())
                .await?;
        }
        // Of a deleted account: id, name and what the name looks like stay taken.
        manager
            .create_table(
                Table::create()
                    .table("tombstones")
                    .col(blob("id").primary_key())
                    // Null once the operator has released the name.
                    .col(string_null("name").unique_key())
                    .col(string_null("skeleton").unique_key())
                    .col(big_integer("deleted"))
                    .take(),
            )
            .await?;
        // Sessions that the operator ended in another process; the server tells their sockets and removes the rows.
        manager
            .create_table(
                Table::create()
                    .table("evictions")
                    .col(blob("session_id").primary_key())
                    .col(blob("user_id"))
                    .take(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("invitation_codes")
                    // SHA-256 of the code: whoever reads the database can register with none.
                    .col(blob("hash").primary_key())
                    .col(integer("uses_left"))
                    .col(big_integer("expires"))
                    .take(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["invitation_codes", "evictions", "tombstones"] {
            manager
                .drop_table(Table::drop().table(table).take())
                .await?;
        }
        for (table, column) in ADDED {
            manager
                .alter_table(Table::alter().table(table).drop_column(column).take())
                .await?;
        }
        Ok(())
    }
}
