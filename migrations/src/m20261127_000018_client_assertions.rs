//! The assertions (RFC 7523) by which OAuth clients have authenticated, so that each is accepted
//! once.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{string, timestamp_with_time_zone};

#[derive(DeriveMigrationName)]
pub struct Migration;

const TABLE: &str = "client_assertions";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut table = Table::create();
        table
            .table(TABLE)
            .col(string("client_id"))
            .col(string("hash"))
            .col(timestamp_with_time_zone("expires_at"))
            .primary_key(Index::create().col("client_id").col("hash"));
        manager.create_table(table).await?;
        let by_expiry = Index::create()
            .name("client_assertions_by_expiry")
            .table(TABLE)
            .col("expires_at")
            .to_owned();
        manager.create_index(by_expiry).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(TABLE).to_owned()).await
    }
}
