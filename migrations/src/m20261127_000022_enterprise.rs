//! `enterprise_stamps`: since when accounts have their values of SCIM's enterprise extension.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{string, timestamp_with_time_zone};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("enterprise_stamps")
            .col(string("workspace"))
            .col(string("user_id"))
            .col(string("digest"))
            .col(timestamp_with_time_zone("changed_at"))
            .primary_key(Index::create().col("workspace").col("user_id"))
            .to_owned();
        manager.create_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("enterprise_stamps").to_owned()).await
    }
}
