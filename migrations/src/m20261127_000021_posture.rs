//! `posture_records`: exceptions, recorded answers and their revocations; appended, never changed.
//! `posture_findings`: when each finding began and ended. `posture_observations`: what full imports
//! read of Intercom only for the checks.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, json_binary, string, timestamp_with_time_zone, timestamp_with_time_zone_null,
};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let records = Table::create()
            .table("posture_records")
            .col(string("workspace"))
            .col(big_integer("number"))
            .col(timestamp_with_time_zone("at"))
            .col(string("by"))
            .col(json_binary("act"))
            .primary_key(Index::create().col("workspace").col("number"))
            .to_owned();
        manager.create_table(records).await?;
        let findings = Table::create()
            .table("posture_findings")
            .col(string("workspace"))
            .col(string("id"))
            .col(timestamp_with_time_zone("began_at"))
            .col(big_integer("began_generation"))
            .col(string("check_id"))
            .col(timestamp_with_time_zone_null("ended_at"))
            .primary_key(Index::create().col("workspace").col("id").col("began_at"))
            .to_owned();
        manager.create_table(findings).await?;
        let observations = Table::create()
            .table("posture_observations")
            .col(string("workspace"))
            .col(string("thing"))
            .col(timestamp_with_time_zone("at"))
            .col(json_binary("body"))
            .primary_key(Index::create().col("workspace").col("thing").col("at"))
            .to_owned();
        manager.create_table(observations).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["posture_observations", "posture_findings", "posture_records"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}
