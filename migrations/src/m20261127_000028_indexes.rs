//! Indexes for what would otherwise take longer with the history.
//!
//! * `imports_running` and `imports_allowed`: every import asks for the runs in progress, and for
//!   those whose removals a person allowed.
//! * `activity_by_subject_kind` replaces `activity_by_subject`: the cause of a change is one of a few
//!   kinds of entries about a person. Nearly all entries about a person are sign-ins.
//! * `activity_of_teams` replaces `activity_by_team`: nearly all entries are about no team, which
//!   made the old index look useless.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut running = index("imports_running", "imports", &["workspace", "id"]);
        running.and_where(Expr::col("status").eq("running"));
        manager.create_index(running).await?;
        let allowed = ["workspace", "allow_removals", "generation"];
        manager.create_index(index("imports_allowed", "imports", &allowed)).await?;
        let subject = ["workspace", "subject_id", "kind", "at"];
        manager.create_index(index("activity_by_subject_kind", "activity", &subject)).await?;
        drop_index(manager, "activity_by_subject", "activity").await?;
        let mut teams = index("activity_of_teams", "activity", &["workspace", "team_id", "at"]);
        teams.and_where(Expr::col("team_id").is_not_null());
        manager.create_index(teams).await?;
        drop_index(manager, "activity_by_team", "activity").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let team = ["workspace", "team_id", "at"];
        manager.create_index(index("activity_by_team", "activity", &team)).await?;
        drop_index(manager, "activity_of_teams", "activity").await?;
        let subject = ["workspace", "subject_id", "at"];
        manager.create_index(index("activity_by_subject", "activity", &subject)).await?;
        drop_index(manager, "activity_by_subject_kind", "activity").await?;
        drop_index(manager, "imports_allowed", "imports").await?;
        drop_index(manager, "imports_running", "imports").await
    }
}

fn index(
    name: &'static str,
    table: &'static str,
    columns: &[&'static str],
) -> IndexCreateStatement {
    let mut index = Index::create().name(name).table(table).to_owned();
    for column in columns {
        index.col(*column);
    }
    index
}

async fn drop_index(
    manager: &SchemaManager<'_>,
    name: &'static str,
    table: &'static str,
) -> Result<(), DbErr> {
    manager.drop_index(Index::drop().name(name).table(table).to_owned()).await
}
