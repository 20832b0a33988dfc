//! `evidence`: one chain of records for each workspace. It covers every run that ended, every entry
//! of the activity log, every request and its closing, every generation and every pruning.
//! `evidence_due`: workspaces whose rows are older than this table. The next start of the bridge
//! takes them into the chain as it finds them.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, string, text};
use sea_orm_migration::sea_orm::ConnectionTrait;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("evidence")
                    .col(string("workspace"))
                    .col(big_integer("sequence"))
                    .col(string("kind"))
                    .col(text("subject"))
                    .col(big_integer("count"))
                    .col(string("digest"))
                    .col(string("hash"))
                    .col(big_integer("at"))
                    .col(big_integer_null("pruned"))
                    .col(big_integer("pruned_count"))
                    .col(string("pruned_fold"))
                    .primary_key(Index::create().col("workspace").col("sequence"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("evidence_due")
                    .col(string("workspace").primary_key())
                    .to_owned(),
            )
            .await?;
        let number = |name: &str| big_integer_null(name.to_owned());
        manager
            .alter_table(
                Table::alter().table("generations").add_column(number("evidence")).to_owned(),
            )
            .await?;
        manager
            .alter_table(
                Table::alter().table("activity").add_column(number("import_id")).to_owned(),
            )
            .await?;
        let digest = string("digest").default("").to_owned();
        manager.alter_table(Table::alter().table("activity").add_column(digest).to_owned()).await?;
        let due = "INSERT INTO evidence_due (workspace) SELECT workspace FROM imports UNION SELECT workspace FROM \
                   lifecycle_requests UNION SELECT workspace FROM activity";
        manager.get_connection().execute_unprepared(due).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in ["digest", "import_id"] {
            manager
                .alter_table(Table::alter().table("activity").drop_column(column).to_owned())
                .await?;
        }
        manager
            .alter_table(Table::alter().table("generations").drop_column("evidence").to_owned())
            .await?;
        for table in ["evidence_due", "evidence"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}
