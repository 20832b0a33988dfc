//! For reading, verifying and pruning the history: a digest for each version, a tally for each
//! generation, and what is kept of pruned versions.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, json_binary, string, string_null, timestamp_with_time_zone,
};
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};

#[derive(DeriveMigrationName)]
pub struct Migration;

/// The tables of versions and their id columns.
const VERSIONS: [(&str, &[&str]); 3] = [
    ("user_versions", &["user_id"]),
    ("group_versions", &["group_id"]),
    ("membership_versions", &["group_id", "user_id"]),
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let tally = json_binary("tally").default("{}").to_owned();
        manager
            .alter_table(Table::alter().table("generations").add_column(tally).to_owned())
            .await?;
        for (table, ids) in VERSIONS {
            add_digest(manager, table, ids).await?;
        }
        manager
            .alter_table(
                Table::alter().table("activity").add_column(string_null("team_id")).to_owned(),
            )
            .await?;
        for (name, id) in [("activity_by_subject", "subject_id"), ("activity_by_team", "team_id")] {
            let index = Index::create()
                .name(name)
                .table("activity")
                .col("workspace")
                .col(id)
                .col("at")
                .to_owned();
            manager.create_index(index).await?;
        }
        create_tables_of_prunings(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["pruned_stamps", "prunings"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        for index in ["activity_by_team", "activity_by_subject"] {
            manager.drop_index(Index::drop().name(index).table("activity").to_owned()).await?;
        }
        manager
            .alter_table(Table::alter().table("activity").drop_column("team_id").to_owned())
            .await?;
        for (table, _) in VERSIONS {
            manager
                .drop_index(Index::drop().name(format!("{table}_opened")).table(table).to_owned())
                .await?;
            manager
                .alter_table(Table::alter().table(table).drop_column("digest").to_owned())
                .await?;
        }
        manager
            .alter_table(Table::alter().table("generations").drop_column("tally").to_owned())
            .await
    }
}

/// Adds the digest of versions, and an index of those that a generation opened.
async fn add_digest(
    manager: &SchemaManager<'_>,
    table: &'static str,
    ids: &[&'static str],
) -> Result<(), DbErr> {
    let digest = string("digest").default("").to_owned();
    manager.alter_table(Table::alter().table(table).add_column(digest).to_owned()).await?;
    if manager.get_database_backend() == DbBackend::Postgres {
        // Ids are compared byte by byte, as on SQLite, whatever the collation of the
        // database.
        for id in ids {
            let statement =
                format!(r#"ALTER TABLE {table} ALTER COLUMN {id} TYPE varchar COLLATE "C""#);
            manager.get_connection().execute_unprepared(&statement).await?;
        }
    }
    let mut opened = Index::create();
    opened.name(format!("{table}_opened")).table(table).col("workspace").col("from_generation");
    for id in ids {
        opened.col(*id);
    }
    manager.create_index(opened).await
}

/// Creates the tables of prunings and of what they keep.
async fn create_tables_of_prunings(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager
        .create_table(
            Table::create()
                .table("prunings")
                .col(string("workspace"))
                .col(big_integer("generation"))
                .col(timestamp_with_time_zone("at"))
                .col(string("hash"))
                .primary_key(Index::create().col("workspace").col("generation"))
                .to_owned(),
        )
        .await?;
    manager
        .create_table(
            Table::create()
                .table("pruned_stamps")
                .col(string("workspace"))
                .col(string("kind"))
                .col(string("id"))
                .col(big_integer("first_generation"))
                .col(big_integer("last_generation"))
                .primary_key(Index::create().col("workspace").col("kind").col("id"))
                .to_owned(),
        )
        .await
}
