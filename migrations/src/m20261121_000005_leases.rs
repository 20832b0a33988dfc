//! `leases`: which process imports a workspace. Also columns of `imports` for runs in progress.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, boolean, string, text_null};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("leases")
                    .col(string("workspace").primary_key())
                    .col(string("holder"))
                    .col(big_integer("fence"))
                    // Milliseconds since the UNIX epoch: SQLite would compare times as texts.
                    .col(big_integer("expires_at"))
                    .to_owned(),
            )
            .await?;
        // SQLite adds one column per statement.
        let allow_removals = boolean("allow_removals").default(false).to_owned();
        for column in [
            big_integer_null("fence"),
            text_null("requested_by"),
            text_null("progress"),
            allow_removals,
        ] {
            manager
                .alter_table(Table::alter().table("imports").add_column(column).to_owned())
                .await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in ["allow_removals", "progress", "requested_by", "fence"] {
            manager
                .alter_table(Table::alter().table("imports").drop_column(column).to_owned())
                .await?;
        }
        manager.drop_table(Table::drop().table("leases").to_owned()).await
    }
}
