//! Conversations: their logs, who may read them, and the wraps of their epoch keys.
//!
//! Readers and authors are named without a foreign key to `users`: a log outlives the accounts in it.

use sea_orm_migration::{prelude::*, schema::*};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0002_conversations"
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
                    .table("conversations")
                    .col(blob("id").primary_key())
                    // Snapshot of the judged log, after the newest state entry.
                    .col(blob("state"))
                    .col(big_integer("created"))
                    .take(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("entries")
                    .col(blob("conversation_id"))
                    .col(big_integer("number"))
                    // Null once the content of a message is purged.
                    .col(blob_null("bytes"))
                    .col(blob("leaf"))
                    // The tree's root with this entry as its last.
                    .col(blob("root"))
                    // Roots of the complete subtrees that end with this leaf, by level, from level 0.
                    .col(blob("nodes"))
                    .col(big_integer("time"))
                    .col(boolean("is_state"))
                    .col(blob("sender"))
                    .col(blob_null("message_id"))
                    .primary_key(Index::create().col("conversation_id").col("number"))
                    .foreign_key(&mut conversation_key("entries"))
                    .take(),
            )
            .await?;
        // Partial indexes, which the builder cannot express and both databases write alike.
        let connection = manager.get_connection();
        connection
            .execute_unprepared(
                "CREATE UNIQUE INDEX entries_message ON entries (conversation_id, sender, message_id) \
                 WHERE message_id IS NOT NULL",
            )
            .await?;
        connection
            .execute_unprepared(
                "CREATE INDEX entries_state ON entries (conversation_id, number) WHERE is_state",
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("readers")
                    .col(blob("conversation_id"))
                    .col(blob("user_id"))
                    // 1 invited, 2 member, 3 gone.
                    .col(small_integer("status"))
                    // Number of the entry that let them in.
                    .col(big_integer("since"))
                    // Number of the entry with which they went.
                    .col(big_integer_null("until"))
                    .primary_key(Index::create().col("conversation_id").col("user_id"))
                    .foreign_key(&mut conversation_key("readers"))
                    .take(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("readers_user")
                    .table("readers")
                    .col("user_id")
                    .col("status")
                    .take(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("wraps")
                    .col(blob("conversation_id"))
                    .col(big_integer("epoch"))
                    .col(blob("user_id"))
                    // Place among the readers of the announcement.
                    .col(integer("position"))
                    .col(blob("wrap"))
                    // Inclusion proof to the announcement's wraps root.
                    .col(blob("proof"))
                    .primary_key(
                        Index::create()
                            .col("conversation_id")
                            .col("epoch")
                            .col("user_id"),
                    )
                    .foreign_key(&mut conversation_key("wraps"))
                    .take(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["wraps", "readers", "entries", "conversations"] {
            manager
                .drop_table(Table::drop().table(table).take())
                .await?;
        }
        Ok(())
    }
}

fn conversation_key(table: &'static str) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .from(table, "conversation_id")
        .to("conversations", "id")
        .on_delete(ForeignKeyAction::Cascade)
        .take()
}
