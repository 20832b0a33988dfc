//! Rosters: their versions, the people in them, decisions about accounts, and what was forgotten.
//!
//! A person is stored once for all consecutive versions that have the same: from `from_version` up
//! to, and without, `to_version`. A version that is not in force (`in_force_at` is null) is held.
//! `revision` counts erasures of people. `base` is the version in force with which it was compared.
//! `roster_forgotten` has a keyed hash of each key that must not come back. Times are in
//! milliseconds since 1970.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, big_pk_auto, string, string_null, text,
};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [versions(), people(), decisions(), forgotten()] {
            manager.create_table(table).await?;
        }
        let mut people = Index::create();
        people.name("roster_people_by_version").table("roster_people");
        for column in ["workspace", "from_version", "to_version"] {
            people.col(column);
        }
        manager.create_index(people).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["roster_forgotten", "roster_decisions", "roster_people", "roster_versions"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}

fn versions() -> TableCreateStatement {
    Table::create()
        .table("roster_versions")
        .col(string("workspace"))
        .col(big_integer("number"))
        .col(big_integer_null("base"))
        .col(string("source"))
        .col(string("sha256"))
        .col(big_integer("rows"))
        .col(big_integer("without_address"))
        .col(text("fields"))
        .col(big_integer("at"))
        .col(string("by"))
        .col(text("reasons"))
        .col(big_integer_null("in_force_at"))
        .col(string_null("accepted_by"))
        .col(big_integer("confirmed_at"))
        .col(big_integer("revision"))
        .primary_key(Index::create().col("workspace").col("number"))
        .to_owned()
}

fn people() -> TableCreateStatement {
    Table::create()
        .table("roster_people")
        .col(big_pk_auto("id"))
        .col(string("workspace"))
        .col(text("key"))
        .col(big_integer("from_version"))
        .col(big_integer_null("to_version"))
        .col(text("person"))
        .to_owned()
}

fn decisions() -> TableCreateStatement {
    Table::create()
        .table("roster_decisions")
        .col(string("workspace"))
        .col(big_integer("number"))
        .col(big_integer("at"))
        .col(text("by"))
        .col(string_null("account"))
        .col(text("act"))
        .primary_key(Index::create().col("workspace").col("number"))
        .to_owned()
}

fn forgotten() -> TableCreateStatement {
    Table::create()
        .table("roster_forgotten")
        .col(string("workspace"))
        .col(big_integer("number"))
        .col(string("hash"))
        .col(string("salt"))
        .col(big_integer("at"))
        .col(string("by"))
        .primary_key(Index::create().col("workspace").col("number"))
        .to_owned()
}
