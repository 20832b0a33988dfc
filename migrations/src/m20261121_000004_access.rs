//! `signing_keys`: the keys that sign the bridge's own tokens. `refused_writes`: clients' requests
//! for changes that the bridge cannot make.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_pk_auto, binary, string, string_null, timestamp_with_time_zone,
};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("signing_keys")
                    .col(string("id").primary_key())
                    .col(binary("pkcs8"))
                    .col(timestamp_with_time_zone("created_at"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("refused_writes")
                    .col(big_pk_auto("id"))
                    .col(string("workspace"))
                    .col(timestamp_with_time_zone("at"))
                    .col(string("request_id"))
                    .col(string("requester"))
                    .col(string("method"))
                    .col(string("operation"))
                    .col(string_null("target"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("refused_writes_by_workspace")
                    .table("refused_writes")
                    .col("workspace")
                    .col("id")
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["refused_writes", "signing_keys"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}
