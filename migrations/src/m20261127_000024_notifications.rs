//! `notification_endpoints`: how far each endpoint of outbound webhooks was served, and whether it
//! fails. `notification_deliveries`: the last deliveries. Columns of `posture_findings`: the number
//! and the severity of a finding. Findings of earlier versions have the number 0: they are not new.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, integer, string, string_null, text_null,
};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let endpoints = Table::create()
            .table("notification_endpoints")
            .col(string("workspace"))
            .col(string("name"))
            .col(big_integer("epoch"))
            .col(string_null("activity"))
            .col(string_null("changes"))
            .col(big_integer_null("findings"))
            .col(string("state"))
            .col(big_integer("failures"))
            // Milliseconds since the UNIX epoch, like the other times here.
            .col(big_integer_null("failing_since"))
            .col(text_null("problem"))
            .col(big_integer_null("delivered_at"))
            .col(big_integer("delivered"))
            .primary_key(Index::create().col("workspace").col("name"))
            .to_owned();
        manager.create_table(endpoints).await?;
        let deliveries = Table::create()
            .table("notification_deliveries")
            .col(string("workspace"))
            .col(string("name"))
            .col(big_integer("number"))
            .col(string("message"))
            .col(string("event"))
            .col(big_integer("at"))
            .col(big_integer("attempts"))
            .col(integer("status"))
            .primary_key(Index::create().col("workspace").col("name").col("number"))
            .to_owned();
        manager.create_table(deliveries).await?;
        for column in [big_integer_null("number"), string_null("severity")] {
            let table = Table::alter().table("posture_findings").add_column(column).to_owned();
            manager.alter_table(table).await?;
        }
        let connection = manager.get_connection();
        connection.execute_unprepared("UPDATE posture_findings SET number = 0").await?;
        let index = Index::create()
            .name("posture_findings_number")
            .table("posture_findings")
            .col("workspace")
            .col("number")
            .to_owned();
        manager.create_index(index).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let index =
            Index::drop().name("posture_findings_number").table("posture_findings").to_owned();
        manager.drop_index(index).await?;
        for column in ["severity", "number"] {
            let table = Table::alter().table("posture_findings").drop_column(column).to_owned();
            manager.alter_table(table).await?;
        }
        for table in ["notification_deliveries", "notification_endpoints"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}
