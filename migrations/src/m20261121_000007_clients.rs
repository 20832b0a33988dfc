//! Access: OAuth clients, long-lived tokens, encrypted keys and tokens, attempts to connect a
//! workspace, and the audit trail.
//!
//! NB: earlier keys were not encrypted, so they are deleted, and all tokens must be issued anew.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_pk_auto, binary, integer_null, string, string_null, timestamp_with_time_zone,
    timestamp_with_time_zone_null,
};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("signing_keys").to_owned()).await?;
        for table in
            [signing_keys(), clients(), tokens(), connections(), connect_attempts(), audit()]
        {
            manager.create_table(table).await?;
        }
        for (name, columns) in
            [("audit_by_workspace", ["workspace", "id"]), ("audit_by_time", ["at", "id"])]
        {
            let mut index = Index::create();
            index.name(name).table("audit");
            for column in columns {
                index.col(column);
            }
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in
            ["audit", "connect_attempts", "connections", "tokens", "clients", "signing_keys"]
        {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        let mut before = Table::create();
        before.table("signing_keys").col(string("id").primary_key()).col(binary("pkcs8"));
        manager.create_table(before.col(timestamp_with_time_zone("created_at")).to_owned()).await
    }
}

fn signing_keys() -> TableCreateStatement {
    Table::create()
        .table("signing_keys")
        .col(string("id").primary_key())
        .col(binary("sealed"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone_null("verifies_until"))
        .to_owned()
}

fn clients() -> TableCreateStatement {
    Table::create()
        .table("clients")
        .col(string("id").primary_key())
        .col(string("name"))
        .col(string("secret_hash"))
        .col(string_null("previous_hash"))
        .col(timestamp_with_time_zone_null("previous_until"))
        .col(string("scopes"))
        .col(string("workspaces"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone_null("rotated_at"))
        .col(timestamp_with_time_zone_null("disabled_at"))
        .to_owned()
}

fn tokens() -> TableCreateStatement {
    Table::create()
        .table("tokens")
        .col(string("id").primary_key())
        .col(string("key_id"))
        .col(string("subject"))
        .col(string("scopes"))
        .col(string("workspaces"))
        .col(timestamp_with_time_zone("issued_at"))
        .col(timestamp_with_time_zone("expires_at"))
        .col(timestamp_with_time_zone_null("revoked_at"))
        .to_owned()
}

fn connections() -> TableCreateStatement {
    Table::create()
        .table("connections")
        .col(string("workspace").primary_key())
        .col(binary("sealed"))
        .col(string_null("intercom_id"))
        .col(timestamp_with_time_zone("connected_at"))
        .to_owned()
}

fn connect_attempts() -> TableCreateStatement {
    Table::create()
        .table("connect_attempts")
        .col(string("ticket_hash").primary_key())
        .col(string("workspace"))
        .col(timestamp_with_time_zone("expires_at"))
        .col(string_null("state_hash"))
        .col(string_null("session_hash"))
        .col(timestamp_with_time_zone_null("used_at"))
        .to_owned()
}

fn audit() -> TableCreateStatement {
    Table::create()
        .table("audit")
        .col(big_pk_auto("id"))
        // Milliseconds since 1970: SQLite would compare times as texts.
        .col(big_integer("at"))
        .col(string("event"))
        .col(string_null("workspace"))
        .col(string_null("actor"))
        .col(string_null("identity"))
        .col(string_null("address"))
        .col(string_null("method"))
        .col(string_null("route"))
        .col(string_null("target"))
        .col(string_null("detail"))
        .col(integer_null("status"))
        .col(big_integer("count"))
        .col(string_null("request_id"))
        .to_owned()
}
