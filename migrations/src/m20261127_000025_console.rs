//! Sessions of the console get a name, a role and a way of sign-in. `sign_in_attempts`: sign-ins by
//! OpenID Connect that are under way. `held_imports`: whom and what a held import would remove.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, json_binary, string, timestamp_with_time_zone};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // The defaults are for the rows of earlier versions, whose sessions could only read. SQLite
        // adds one column at a time.
        for (column, default) in [("name", "console"), ("role", "viewer"), ("method", "link")] {
            let added = Table::alter()
                .table("page_sessions")
                .add_column(string(column).default(default))
                .to_owned();
            manager.alter_table(added).await?;
        }
        let attempts = Table::create()
            .table("sign_in_attempts")
            .col(string("hash").primary_key())
            .col(timestamp_with_time_zone("expires_at"))
            .to_owned();
        manager.create_table(attempts).await?;
        let held = Table::create()
            .table("held_imports")
            .col(string("workspace"))
            .col(big_integer("run"))
            .col(json_binary("losses"))
            .primary_key(Index::create().col("workspace").col("run"))
            .to_owned();
        manager.create_table(held).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["held_imports", "sign_in_attempts"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        for column in ["method", "role", "name"] {
            let dropped = Table::alter().table("page_sessions").drop_column(column).to_owned();
            manager.alter_table(dropped).await?;
        }
        Ok(())
    }
}
