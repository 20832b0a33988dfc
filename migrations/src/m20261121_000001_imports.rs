//! `workspaces`: what Intercom says of each workspace. `imports`: every run. `generations`: one row
//! for each run that changed something.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, big_pk_auto, json_binary, json_binary_null, string, string_null,
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
                    .table("workspaces")
                    .col(string("workspace").primary_key())
                    .col(string_null("intercom_id"))
                    .col(string_null("name"))
                    .col(string_null("region"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("imports")
                    .col(big_pk_auto("id"))
                    .col(string("workspace"))
                    .col(string("mode"))
                    .col(string("trigger"))
                    .col(string("status"))
                    .col(timestamp_with_time_zone("started_at"))
                    .col(timestamp_with_time_zone_null("observed_at"))
                    .col(timestamp_with_time_zone_null("finished_at"))
                    .col(big_integer_null("generation"))
                    .col(json_binary("counts"))
                    .col(timestamp_with_time_zone_null("activity_watermark"))
                    .col(big_integer("intercom_calls"))
                    .col(big_integer("intercom_retries"))
                    .col(json_binary("warnings"))
                    .col(json_binary_null("error"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("imports_by_workspace")
                    .table("imports")
                    .col("workspace")
                    .col("id")
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("generations")
                    .col(string("workspace"))
                    .col(big_integer("number"))
                    .col(big_integer("import_id"))
                    .col(timestamp_with_time_zone("at"))
                    .col(string("hash"))
                    .col(string("previous_hash"))
                    .primary_key(Index::create().col("workspace").col("number"))
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["generations", "imports", "workspaces"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}
