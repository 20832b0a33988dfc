//! Requested imports that wait for another one to end.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::timestamp_with_time_zone_null;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    /// NB: a queued run has the status `running` and no fence. The previous version of the bridge
    /// knows no other word. It marks such a run as interrupted when it takes the lease, so an
    /// upgrade can be rolled back.
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let queued_at = timestamp_with_time_zone_null("queued_at");
        manager
            .alter_table(Table::alter().table("imports").add_column(queued_at).to_owned())
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("imports_queued")
                    .table("imports")
                    .col("workspace")
                    .col("mode")
                    .unique()
                    .and_where(Expr::col("status").eq("running"))
                    .and_where(Expr::col("fence").is_null())
                    .and_where(Expr::col("queued_at").is_not_null())
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_index(Index::drop().name("imports_queued").table("imports").to_owned())
            .await?;
        manager
            .alter_table(Table::alter().table("imports").drop_column("queued_at").to_owned())
            .await
    }
}
