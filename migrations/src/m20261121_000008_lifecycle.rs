//! `lifecycle_requests` replaces `refused_writes`: requests for changes that a person must make,
//! and how they were closed.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_pk_auto, string, string_null, timestamp_with_time_zone, timestamp_with_time_zone_null,
};
use sea_orm_migration::sea_orm::ConnectionTrait;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("lifecycle_requests")
            .col(big_pk_auto("id"))
            .col(string("reference").unique_key())
            .col(string("workspace"))
            .col(timestamp_with_time_zone("at"))
            .col(string("source"))
            .col(string("requester"))
            .col(string("request_id"))
            .col(string("method"))
            .col(string("operation"))
            .col(string_null("target"))
            .col(string_null("entitlement"))
            .col(string_null("user_name"))
            .col(string_null("comment"))
            .col(string("state"))
            .col(timestamp_with_time_zone_null("closed_at"))
            .col(string_null("closed_by"))
            .col(string_null("note"))
            .to_owned();
        manager.create_table(table).await?;
        let mut index = Index::create();
        index.name("lifecycle_requests_by_workspace").table("lifecycle_requests");
        for column in ["workspace", "state", "id"] {
            index.col(column);
        }
        manager.create_index(index).await?;
        let copy = "INSERT INTO lifecycle_requests (reference, workspace, at, source, requester, request_id, method, operation, \
                    target, state) SELECT 'req_' || id, workspace, at, 'refused', requester, request_id, method, operation, \
                    target, 'open' FROM refused_writes ORDER BY id";
        manager.get_connection().execute_unprepared(copy).await?;
        manager.drop_table(Table::drop().table("refused_writes").to_owned()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let before = Table::create()
            .table("refused_writes")
            .col(big_pk_auto("id"))
            .col(string("workspace"))
            .col(timestamp_with_time_zone("at"))
            .col(string("request_id"))
            .col(string("requester"))
            .col(string("method"))
            .col(string("operation"))
            .col(string_null("target"))
            .to_owned();
        manager.create_table(before).await?;
        let copy = "INSERT INTO refused_writes (workspace, at, request_id, requester, method, operation, target) \
                    SELECT workspace, at, request_id, requester, method, operation, target FROM lifecycle_requests \
                    WHERE source = 'refused' ORDER BY id";
        manager.get_connection().execute_unprepared(copy).await?;
        manager.drop_table(Table::drop().table("lifecycle_requests").to_owned()).await
    }
}
