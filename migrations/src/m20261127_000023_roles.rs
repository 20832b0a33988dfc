//! Versions of the roles that Intercom lists: `role_versions`. `to_generation` is null for what is
//! true now.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, string, text, text_null};
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};

#[derive(DeriveMigrationName)]
pub struct Migration;

const TABLE: &str = "role_versions";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut table = Table::create();
        table
            .table(TABLE)
            .col(string("workspace"))
            .col(string("role_id"))
            .col(big_integer("from_generation"))
            .col(big_integer_null("to_generation"))
            .col(string("digest"))
            .col(text("name"))
            .col(text_null("description"))
            .primary_key(Index::create().col("workspace").col("role_id").col("from_generation"));
        manager.create_table(table).await?;
        let current = Index::create()
            .name("role_versions_current")
            .table(TABLE)
            .col("workspace")
            .col("to_generation")
            .to_owned();
        manager.create_index(current).await?;
        if manager.get_database_backend() == DbBackend::Postgres {
            // Ids are compared byte by byte, as on SQLite, whatever the collation of the database.
            let statement =
                format!(r#"ALTER TABLE {TABLE} ALTER COLUMN role_id TYPE varchar COLLATE "C""#);
            manager.get_connection().execute_unprepared(&statement).await?;
        }
        let opened = Index::create()
            .name("role_versions_opened")
            .table(TABLE)
            .col("workspace")
            .col("from_generation")
            .col("role_id")
            .to_owned();
        manager.create_index(opened).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(TABLE).to_owned()).await
    }
}
