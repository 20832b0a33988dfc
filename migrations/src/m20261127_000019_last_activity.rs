//! `volatile`: when people were last active. An index of the log by performer, and one by kind.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{string_null, timestamp_with_time_zone_null};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = [
            timestamp_with_time_zone_null("last_activity_at"),
            string_null("last_activity_source"),
        ];
        for column in columns {
            manager
                .alter_table(Table::alter().table("volatile").add_column(column).to_owned())
                .await?;
        }
        for (name, column) in INDEXES {
            let index = Index::create()
                .name(name)
                .table("activity")
                .col("workspace")
                .col(column)
                .col("at")
                .to_owned();
            manager.create_index(index).await?;
        }
        // What the log says already. Without this, people would count as never active until the
        // next full import.
        let db = manager.get_connection();
        db.execute_unprepared(KNOWN).await?;
        db.execute_unprepared(
            "UPDATE volatile SET last_activity_source = 'activity_log' \
             WHERE last_activity_at IS NOT NULL",
        )
        .await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (name, _) in INDEXES {
            manager.drop_index(Index::drop().name(name).table("activity").to_owned()).await?;
        }
        for column in ["last_activity_source", "last_activity_at"] {
            manager
                .alter_table(Table::alter().table("volatile").drop_column(column).to_owned())
                .await?;
        }
        Ok(())
    }
}

const INDEXES: [(&str, &str); 2] =
    [("activity_by_performer", "performed_by_id"), ("activity_by_kind", "kind")];

/// Sets the time of the newest entry that each person performed. The kinds that are left out show
/// no activity of their performer, or have columns of their own.
const KNOWN: &str = "UPDATE volatile SET last_activity_at = ( \
    SELECT MAX(activity.at) FROM activity \
    WHERE activity.workspace = volatile.workspace \
      AND activity.performed_by_id = volatile.user_id \
      AND activity.kind NOT IN ('admin_impersonation_end', 'admin_impersonation_start', \
        'admin_login_failure', 'admin_login_success', 'admin_occupancy_state_change', \
        'admin_password_reset_request', 'admin_unauthorized_sign_in_method', \
        'admin_away_mode_change') \
    )";
