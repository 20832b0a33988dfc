//! The ledger's tables, on both databases.

use intercom_scim_bridge::database::{Database, DatabaseError};
use intercom_scim_bridge::directory::Mode;
use intercom_scim_bridge::ledger::Ledger;
use migrations::Migrator;
use sea_orm::{FromQueryResult, Statement};
use sea_orm_migration::MigratorTrait;

use crate::on_both_databases;
use crate::support::database::TestDatabase;
use crate::support::hand::Hand;

on_both_databases!(
    migrating_twice_does_nothing_the_second_time,
    processes_that_start_at_once_on_a_fresh_database_all_find_their_tables,
    each_generation_is_tied_to_the_one_before,
    times_of_generations_only_ever_grow,
    workspaces_do_not_see_each_other,
);

async fn migrating_twice_does_nothing_the_second_time(database: TestDatabase) {
    let connected = Database::open(&database.url).await.unwrap();
    let ledger = Ledger::new(connected.clone());
    let all = Migrator::migrations().len();
    assert_eq!(connected.pending_migrations().await.unwrap(), all);
    assert_eq!(ledger.migrate().await.unwrap(), all);
    assert_eq!(
        (ledger.migrate().await.unwrap(), connected.pending_migrations().await.unwrap()),
        (0, 0)
    );
}

async fn processes_that_start_at_once_on_a_fresh_database_all_find_their_tables(
    database: TestDatabase,
) {
    let start = async || Ledger::new(Database::open(&database.url).await?).migrate().await;
    let (first, second, third) = tokio::join!(start(), start(), start());
    for started in [first, second, third] {
        assert!(started.is_ok(), "{started:?}");
    }
    let connected = Database::open(&database.url).await.unwrap();
    let ledger = Ledger::new(connected.clone());
    assert_eq!(connected.pending_migrations().await.unwrap(), 0);
    assert_eq!(ledger.generation("default").await.unwrap(), 0);
}

#[tokio::test]
async fn a_new_database_file_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let database = TestDatabase::sqlite();
    let _ledger = database.ledger().await;
    let file = database.url.strip_prefix("sqlite://").unwrap().split('?').next().unwrap();
    for file in [file.to_owned(), format!("{file}-wal"), format!("{file}-shm")] {
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600, "{file}");
    }
}

#[derive(FromQueryResult)]
struct Link {
    number: i64,
    hash: String,
    previous_hash: String,
}

async fn links(database: &TestDatabase) -> Vec<Link> {
    let connection = database.connection().await;
    let question = "SELECT number, hash, previous_hash FROM generations ORDER BY number";
    Link::find_by_statement(Statement::from_string(connection.get_database_backend(), question))
        .all(&connection)
        .await
        .unwrap()
}

async fn each_generation_is_tied_to_the_one_before(database: TestDatabase) {
    let (hand, small) = Hand::small(database).await;
    hand.full().await;
    hand.simulator.change(|workspace| {
        workspace.admin_mut(small.ada).unwrap().job_title = Some("Countess".to_owned());
    });
    hand.full().await;
    hand.full().await;
    let links = links(&hand.database).await;
    assert_eq!(links.iter().map(|link| link.number).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(links[0].previous_hash, "");
    assert_eq!(links[1].previous_hash, links[0].hash);
    assert!(links.iter().all(|link| link.hash.len() == 43));
}

async fn times_of_generations_only_ever_grow(database: TestDatabase) {
    let (hand, small) = Hand::small(database).await;
    hand.full().await;
    let first = hand.recorded().await.users[0].0.stamps.last_modified;
    hand.simulator
        .change(|workspace| workspace.admin_mut(small.ada).unwrap().has_inbox_seat = true);
    let plan = hand.importer.dry_run(Mode::Full, &|_| {}).await.unwrap().plan;
    // The clock was set back by a day.
    let yesterday = first - time::Duration::days(1);
    let (lease, run) = hand.start_run().await;
    hand.ledger.commit(&lease, &run, &plan, || yesterday).await.unwrap();
    assert_eq!(
        hand.recorded().await.users[0].0.stamps.last_modified,
        first + time::Duration::milliseconds(1)
    );
}

async fn workspaces_do_not_see_each_other(database: TestDatabase) {
    let (hand, _) = Hand::small(database).await;
    hand.full().await;
    assert_eq!(hand.ledger.generation("other").await.unwrap(), 0);
    assert!(hand.ledger.latest("other").await.unwrap().users.is_empty());
    assert!(hand.ledger.runs("other", None, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_missing_database_is_reported_without_its_password() {
    for url in ["postgres://ada:secret@127.0.0.1:1/bridge", "sqlite:///nowhere/at/all.db?mode=rwc"]
    {
        let Err(error) = Database::open(url).await else { panic!("{url} opened") };
        assert!(
            matches!(error, DatabaseError::Unavailable(_) | DatabaseError::Unreachable { .. }),
            "{error:?}"
        );
        assert!(!error.chain().contains("secret"), "{}", error.chain());
    }
}
