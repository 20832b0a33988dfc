//! `reviews`: access reviews. `review_items`: the accounts under review, and the decisions about
//! them.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, json_binary, string, string_null, text_null, timestamp_with_time_zone,
    timestamp_with_time_zone_null,
};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let reviews = Table::create()
            .table("reviews")
            .col(string("workspace"))
            .col(big_integer("number"))
            .col(timestamp_with_time_zone("made_at"))
            .col(string("made_by"))
            .col(timestamp_with_time_zone("as_of"))
            .col(timestamp_with_time_zone_null("since"))
            .col(big_integer("generation"))
            .col(string_null("generation_hash"))
            .col(string("state"))
            .col(timestamp_with_time_zone_null("signed_at"))
            .col(string_null("signed_by"))
            .col(text_null("statement"))
            .col(string_null("head"))
            .col(string_null("manifest_sha256"))
            .primary_key(Index::create().col("workspace").col("number"))
            .to_owned();
        manager.create_table(reviews).await?;
        let items = Table::create()
            .table("review_items")
            .col(string("workspace"))
            .col(big_integer("number"))
            .col(string("account"))
            .col(big_integer("place"))
            .col(json_binary("row"))
            .col(string_null("decision"))
            .col(text_null("comment"))
            .col(string_null("decided_by"))
            .col(timestamp_with_time_zone_null("decided_at"))
            .col(string_null("request"))
            .primary_key(Index::create().col("workspace").col("number").col("account"))
            .to_owned();
        manager.create_table(items).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["review_items", "reviews"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}
