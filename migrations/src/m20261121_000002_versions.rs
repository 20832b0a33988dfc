//! Versions: `user_versions`, `group_versions`, `membership_versions`. `to_generation` is null for
//! what is true now.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, boolean, boolean_null, json_binary_null, string, string_null,
    text_null, timestamp_with_time_zone_null,
};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let users = versioned("user_versions", &["user_id"])
            .col(boolean("active"))
            .col(text_null("email"))
            .col(text_null("name"))
            .col(text_null("first_name"))
            .col(text_null("last_name"))
            .col(text_null("job_title"))
            .col(boolean_null("has_inbox_seat"))
            .col(text_null("role_id"))
            .col(text_null("role_name"))
            .col(json_binary_null("permissions"))
            .col(boolean_null("two_factor_auth"))
            .col(timestamp_with_time_zone_null("joined_at"))
            .col(timestamp_with_time_zone_null("removed_at"))
            .to_owned();
        let groups = versioned("group_versions", &["group_id"])
            .col(text_null("name"))
            .col(text_null("distribution_method"))
            .col(big_integer_null("assignment_limit"))
            .to_owned();
        let memberships = versioned("membership_versions", &["group_id", "user_id"])
            .col(string_null("priority"))
            .to_owned();
        for (table, name) in [
            (users, "user_versions"),
            (groups, "group_versions"),
            (memberships, "membership_versions"),
        ] {
            manager.create_table(table).await?;
            manager
                .create_index(
                    Index::create()
                        .name(format!("{name}_current"))
                        .table(name)
                        .col("workspace")
                        .col("to_generation")
                        .to_owned(),
                )
                .await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["membership_versions", "group_versions", "user_versions"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}

/// A table of versions. The columns in `key` identify the person, team or membership.
fn versioned(table: &'static str, key: &[&'static str]) -> TableCreateStatement {
    let mut statement = Table::create();
    let mut primary = Index::create();
    statement.table(table).col(string("workspace"));
    primary.col("workspace");
    for column in key {
        statement.col(string(*column));
        primary.col(*column);
    }
    primary.col("from_generation");
    statement
        .col(big_integer("from_generation"))
        .col(big_integer_null("to_generation"))
        .primary_key(&mut primary);
    statement
}
