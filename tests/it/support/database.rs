//! New databases: a SQLite file, or a database on the PostgreSQL server of the tests.

use std::sync::atomic::{AtomicU32, Ordering};

use intercom_scim_bridge::database::Database;
use intercom_scim_bridge::ledger::Ledger;
use intercom_scim_bridge::stores::Stores;
use sea_orm::ConnectionTrait;

pub struct TestDatabase {
    pub url: String,
    /// Removed at the end of the test.
    _directory: Option<tempfile::TempDir>,
}

impl TestDatabase {
    pub fn sqlite() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}?mode=rwc", directory.path().join("ledger.db").display());
        Self { url, _directory: Some(directory) }
    }

    /// Creates a PostgreSQL database; `None` without a server. The databases stay until the server
    /// is removed after the tests.
    pub async fn postgres() -> Option<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let server = std::env::var("TEST_POSTGRES_URL").ok()?;
        let name =
            format!("test_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let connection = sea_orm::Database::connect(&server)
            .await
            .expect("TEST_POSTGRES_URL names a server that runs");
        connection.execute_unprepared(&format!("CREATE DATABASE {name}")).await.unwrap();
        connection.close().await.unwrap();
        let (root, _) = server.rsplit_once('/').unwrap();
        Some(Self { url: format!("{root}/{name}"), _directory: None })
    }

    /// The ledger of this database, which has all tables.
    pub async fn ledger(&self) -> Ledger {
        self.stores().await.ledger
    }

    /// The ledger and the other stores of this database, which has all tables.
    pub async fn stores(&self) -> Stores {
        let stores = Stores::new(&Database::open(&self.url).await.unwrap());
        stores.ledger.migrate().await.unwrap();
        stores
    }

    /// Opens another connection, to read and change the tables directly.
    pub async fn connection(&self) -> sea_orm::DatabaseConnection {
        sea_orm::Database::connect(&self.url).await.unwrap()
    }
}
