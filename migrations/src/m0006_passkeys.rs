//! Passkeys: second factors, and ways to unlock.

use sea_orm_migration::{prelude::*, schema::*};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0006_passkeys"
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
                    .table("passkeys")
                    // Credential ids are random; no two are the same.
                    .col(blob("id").primary_key())
                    .col(blob("user_id"))
                    .col(string("name"))
                    .col(small_integer("transports"))
                    .col(blob("fixed"))
                    .col(blob("changing"))
                    .col(blob_null("priv_by_passkey"))
                    .col(big_integer("created"))
                    .col(big_integer_null("last_used"))
                    .foreign_key(
                        ForeignKey::create()
                            .from("passkeys", "user_id")
                            .to("users", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .take(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("passkeys_user")
                    .table("passkeys")
                    .col("user_id")
                    .take(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_table(Table::drop().table("passkeys").take())
            .await
    }
}
