//! The feed of log entries.
//!
//! `seq`: the place of an entry in the feed, in the order of recording. `recorded_at`: when it was
//! recorded, in milliseconds. Both are null in rows that an earlier version of the bridge wrote,
//! until this version numbers them. `ip`, `actor_type`, `description`: members of Intercom's
//! entries that earlier versions did not keep. `digest_form`: what the digest of the row covers.
//!
//! `activity_pruned_before` and `activity_pruned_seq` of a workspace: up to which time and up to
//! which place entries were pruned, so that none of them is recorded again as a new one.
//!
//! The indexes are those of the feed: in the order of recording, by time of recording, by time of
//! the event, and by kind.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer_null, string_null, text_null};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in [
            string_null("ip"),
            string_null("actor_type"),
            text_null("description"),
            big_integer_null("recorded_at"),
            big_integer_null("seq"),
            big_integer_null("digest_form"),
        ] {
            manager
                .alter_table(Table::alter().table("activity").add_column(column).to_owned())
                .await?;
        }
        for column in PRUNED {
            let column = big_integer_null(column);
            manager
                .alter_table(Table::alter().table("workspaces").add_column(column).to_owned())
                .await?;
        }
        manager.create_index(index("activity_by_seq", &["seq"]).unique().to_owned()).await?;
        manager.create_index(index("activity_by_recording", &["recorded_at", "seq"])).await?;
        manager.create_index(index("activity_by_event", &["at", "seq"])).await?;
        manager.create_index(index("activity_by_kind_recorded", &["kind", "recorded_at"])).await?;
        let mut unnumbered = index("activity_unnumbered", &[]);
        unnumbered.and_where(Expr::col("seq").is_null());
        manager.create_index(unnumbered).await?;
        // `activity_by_event` begins with the same columns.
        drop_index(manager, "activity_by_time").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_index(index("activity_by_time", &["at"])).await?;
        for name in [
            "activity_unnumbered",
            "activity_by_kind_recorded",
            "activity_by_event",
            "activity_by_recording",
            "activity_by_seq",
        ] {
            drop_index(manager, name).await?;
        }
        for column in PRUNED {
            manager
                .alter_table(Table::alter().table("workspaces").drop_column(column).to_owned())
                .await?;
        }
        for column in ["digest_form", "seq", "recorded_at", "description", "actor_type", "ip"] {
            manager
                .alter_table(Table::alter().table("activity").drop_column(column).to_owned())
                .await?;
        }
        Ok(())
    }
}

/// The new columns of `workspaces`.
const PRUNED: [&str; 2] = ["activity_pruned_before", "activity_pruned_seq"];

/// An index of the entries of a workspace.
fn index(name: &'static str, columns: &[&'static str]) -> IndexCreateStatement {
    let mut index = Index::create().name(name).table("activity").col("workspace").to_owned();
    for column in columns {
        index.col(*column);
    }
    index
}

async fn drop_index(manager: &SchemaManager<'_>, name: &'static str) -> Result<(), DbErr> {
    manager.drop_index(Index::drop().name(name).table("activity").to_owned()).await
}
