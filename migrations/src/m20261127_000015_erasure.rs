//! For erasing personal data while the rest can still be proved, and for keeping the ledger from
//! growing without end.
//!
//! `proof` is what a row is verified with: the salt of its digest, or, once a field of the row was
//! erased, the remaining salts and the commitments. A row without one was written by an earlier
//! version. The next start of the bridge adds a salt.
//!
//! `restatements`: the salted digests of such rows. `erasures`: the erasures. `erased_rows`: the
//! fields that each of them erased, by row. `erased_people`: people whose data must not come back
//! with late entries of the activity log.
//!
//! `repeats` and `last_at` of a request: how often the same client asked for the same again, and
//! when it last did.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, boolean, string, text, text_null, timestamp_with_time_zone_null,
};

#[derive(DeriveMigrationName)]
pub struct Migration;

const PROVED: [&str; 4] = ["user_versions", "activity", "lifecycle_requests", "imports"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in PROVED {
            manager
                .alter_table(Table::alter().table(table).add_column(text_null("proof")).to_owned())
                .await?;
            let mut unsalted = Index::create();
            unsalted.name(format!("{table}_unsalted")).table(table).col("workspace");
            unsalted.and_where(Expr::col("proof").is_null());
            if table == "imports" {
                unsalted.and_where(Expr::col("requested_by").is_not_null());
            }
            manager.create_index(unsalted).await?;
        }
        add_repeats(manager).await?;
        create_tables_of_erasures(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["erased_people", "erased_rows", "erasures", "restatements"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        let index =
            Index::drop().name("lifecycle_requests_open").table("lifecycle_requests").to_owned();
        manager.drop_index(index).await?;
        for column in ["last_at", "repeats"] {
            manager
                .alter_table(
                    Table::alter().table("lifecycle_requests").drop_column(column).to_owned(),
                )
                .await?;
        }
        for table in PROVED {
            manager
                .drop_index(Index::drop().name(format!("{table}_unsalted")).table(table).to_owned())
                .await?;
            manager
                .alter_table(Table::alter().table(table).drop_column("proof").to_owned())
                .await?;
        }
        Ok(())
    }
}

/// Adds the columns of repeated requests, and an index of the open ones.
async fn add_repeats(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let repeats = big_integer_null("repeats");
    manager
        .alter_table(Table::alter().table("lifecycle_requests").add_column(repeats).to_owned())
        .await?;
    let last_at = timestamp_with_time_zone_null("last_at");
    manager
        .alter_table(Table::alter().table("lifecycle_requests").add_column(last_at).to_owned())
        .await?;
    manager
        .create_index(
            Index::create()
                .name("lifecycle_requests_open")
                .table("lifecycle_requests")
                .col("workspace")
                .col("requester")
                .col("operation")
                .and_where(Expr::col("state").eq("open"))
                .to_owned(),
        )
        .await
}

/// Creates the tables of restatements and erasures.
async fn create_tables_of_erasures(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager
        .create_table(
            Table::create()
                .table("restatements")
                .col(string("workspace"))
                .col(string("kind"))
                .col(text("key"))
                .col(big_integer("sequence"))
                .col(string("entry"))
                .col(string("digest"))
                .primary_key(Index::create().col("workspace").col("kind").col("key"))
                .to_owned(),
        )
        .await?;
    manager
        .create_table(
            Table::create()
                .table("erasures")
                .col(string("workspace"))
                .col(big_integer("sequence"))
                .col(big_integer("at"))
                .col(text("reason"))
                .col(boolean("scrubbed"))
                .primary_key(Index::create().col("workspace").col("sequence"))
                .to_owned(),
        )
        .await?;
    manager
        .create_table(
            Table::create()
                .table("erased_rows")
                .col(string("workspace"))
                .col(big_integer("sequence"))
                .col(string("kind"))
                .col(text("key"))
                .col(text("fields"))
                .primary_key(
                    Index::create().col("workspace").col("sequence").col("kind").col("key"),
                )
                .to_owned(),
        )
        .await?;
    manager
        .create_table(
            Table::create()
                .table("erased_people")
                .col(string("workspace"))
                .col(string("user_id"))
                .col(big_integer("sequence"))
                .primary_key(Index::create().col("workspace").col("user_id"))
                .to_owned(),
        )
        .await
}
