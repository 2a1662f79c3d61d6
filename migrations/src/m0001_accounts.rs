//! Users, their identities and their sessions.

use sea_orm_migration::{prelude::*, schema::*};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0001_accounts"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("users")
                    .col(blob("id").primary_key())
                    .col(string_uniq("name"))
                    // UTS #39 skeleton: two names that look alike have one.
                    .col(string_uniq("skeleton"))
                    .col(blob("opaque_record"))
                    .col(blob("vault"))
                    .col(blob("recovery_verifier"))
                    .col(big_integer("state_generation"))
                    .col(blob("state"))
                    .col(big_integer("created"))
                    .col(big_integer_null("last_seen"))
                    .take(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("identities")
                    .col(blob("user_id"))
                    .col(integer("version"))
                    .col(blob("bytes"))
                    .primary_key(Index::create().col("user_id").col("version"))
                    .foreign_key(
                        ForeignKey::create()
                            .from("identities", "user_id")
                            .to("users", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .take(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("sessions")
                    .col(blob("id").primary_key())
                    .col(blob("user_id"))
                    // SHA-256 of the token: whoever reads the database can resume nothing.
                    .col(blob_uniq("token_hash"))
                    .col(string("browser"))
                    .col(big_integer("created"))
                    .col(big_integer("last_seen"))
                    .foreign_key(
                        ForeignKey::create()
                            .from("sessions", "user_id")
                            .to("users", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .take(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("sessions_user")
                    .table("sessions")
                    .col("user_id")
                    .take(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["sessions", "identities", "users"] {
            manager
                .drop_table(Table::drop().table(table).take())
                .await?;
        }
        Ok(())
    }
}
