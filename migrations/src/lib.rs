//! The ledger's tables, for both SQLite and PostgreSQL: one file for each migration.
//!
//! A released migration is never changed. A new one must leave the tables readable for the previous
//! version of the bridge (first add, later remove), so that an upgrade can be rolled back.

use sea_orm_migration::prelude::*;

mod m20261121_000001_imports;
mod m20261121_000002_versions;
mod m20261121_000003_observations;
mod m20261121_000004_access;
mod m20261121_000005_leases;
mod m20261121_000006_history;
mod m20261121_000007_clients;
mod m20261121_000008_lifecycle;
mod m20261121_000009_page_sessions;
mod m20261127_000011_queued_imports;
mod m20261127_000012_evidence;
mod m20261127_000014_losses;
mod m20261127_000015_erasure;
mod m20261127_000017_activity;
mod m20261127_000018_client_assertions;
mod m20261127_000019_last_activity;
mod m20261127_000020_roster;
mod m20261127_000021_posture;
mod m20261127_000022_enterprise;
mod m20261127_000023_roles;
mod m20261127_000024_notifications;
mod m20261127_000025_console;
mod m20261127_000026_reviews;
mod m20261127_000027_roster_confirmations;
mod m20261127_000028_indexes;

/// All migrations, oldest first.
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261121_000001_imports::Migration),
            Box::new(m20261121_000002_versions::Migration),
            Box::new(m20261121_000003_observations::Migration),
            Box::new(m20261121_000004_access::Migration),
            Box::new(m20261121_000005_leases::Migration),
            Box::new(m20261121_000006_history::Migration),
            Box::new(m20261121_000007_clients::Migration),
            Box::new(m20261121_000008_lifecycle::Migration),
            Box::new(m20261121_000009_page_sessions::Migration),
            Box::new(m20261127_000011_queued_imports::Migration),
            Box::new(m20261127_000012_evidence::Migration),
            Box::new(m20261127_000014_losses::Migration),
            Box::new(m20261127_000015_erasure::Migration),
            Box::new(m20261127_000017_activity::Migration),
            Box::new(m20261127_000018_client_assertions::Migration),
            Box::new(m20261127_000019_last_activity::Migration),
            Box::new(m20261127_000020_roster::Migration),
            Box::new(m20261127_000021_posture::Migration),
            Box::new(m20261127_000022_enterprise::Migration),
            Box::new(m20261127_000023_roles::Migration),
            Box::new(m20261127_000024_notifications::Migration),
            Box::new(m20261127_000025_console::Migration),
            Box::new(m20261127_000026_reviews::Migration),
            Box::new(m20261127_000027_roster_confirmations::Migration),
            Box::new(m20261127_000028_indexes::Migration),
        ]
    }
}
