//! `volatile`: current values that are not access. `activity`: Intercom's log entries.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer_null, boolean_null, json_binary, string, string_null, text_null,
    timestamp_with_time_zone, timestamp_with_time_zone_null,
};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("volatile")
                    .col(string("workspace"))
                    .col(string("user_id"))
                    .col(boolean_null("away_mode_enabled"))
                    .col(boolean_null("away_mode_reassign"))
                    .col(big_integer_null("away_status_reason_id"))
                    .col(text_null("avatar_url"))
                    .col(timestamp_with_time_zone_null("last_sign_in_at"))
                    .col(text_null("last_sign_in_method"))
                    .primary_key(Index::create().col("workspace").col("user_id"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("activity")
                    .col(string("workspace"))
                    .col(string("id"))
                    .col(timestamp_with_time_zone("at"))
                    .col(string("kind"))
                    .col(string_null("performed_by_id"))
                    .col(text_null("performed_by_email"))
                    .col(string_null("subject_id"))
                    .col(json_binary("metadata"))
                    .primary_key(Index::create().col("workspace").col("id"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("activity_by_time")
                    .table("activity")
                    .col("workspace")
                    .col("at")
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["activity", "volatile"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}
