//! Support for tests: databases, an importer, a whole bridge, commands.

pub mod bridge;
pub mod browser;
pub mod canned;
pub mod database;
pub mod eic;
pub mod hand;
pub mod issuer;
pub mod prism;
pub mod provider;
pub mod proxy;
pub mod receiver;
pub mod secrets;
pub mod shell;
pub mod tampering;
pub mod waiting;
pub mod wire;

/// Makes two tests of each function: one with SQLite, and one with PostgreSQL, which is skipped
/// unless `TEST_POSTGRES_URL` names a server.
#[macro_export]
macro_rules! on_both_databases {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name($crate::support::database::TestDatabase::sqlite()).await;
            })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                match $crate::support::database::TestDatabase::postgres().await {
                    Some(database) => super::$name(database).await,
                    None => eprintln!("skipped: TEST_POSTGRES_URL is not set (./scripts/test sets it)"),
                }
            })+
        }
    };
}
