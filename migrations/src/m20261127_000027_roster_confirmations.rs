//! `roster_versions.confirmation`: the order in which sources confirmed the versions of a
//! workspace. Times cannot give it, because clocks may be wrong.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::big_integer;
use sea_orm_migration::sea_orm::ConnectionTrait;

#[derive(DeriveMigrationName)]
pub struct Migration;

/// Until now, the times gave the order.
const NUMBER: &str = "UPDATE roster_versions SET confirmation = (SELECT COUNT(*) \
    FROM roster_versions AS other WHERE other.workspace = roster_versions.workspace \
    AND (other.confirmed_at < roster_versions.confirmed_at \
    OR (other.confirmed_at = roster_versions.confirmed_at \
    AND other.number <= roster_versions.number)))";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut table = Table::alter();
        table.table("roster_versions").add_column(big_integer("confirmation").default(0));
        manager.alter_table(table).await?;
        manager.get_connection().execute_unprepared(NUMBER).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut table = Table::alter();
        table.table("roster_versions").drop_column("confirmation");
        manager.alter_table(table).await
    }
}
