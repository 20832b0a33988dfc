//! The ledger does not grow without end: runs that changed nothing are folded, equal requests
//! become one, and requests expire. A deleted database file is noticed.

use std::time::Duration;

use intercom_scim_bridge::database::{AuditEntry, DatabaseError};
use intercom_scim_bridge::ledger::LedgerError;
use intercom_scim_bridge::requests::{Operation, RequestSource, RequestState};
use intercom_scim_bridge::stores::{NewRequest, RequestQuestion};

use crate::on_both_databases;
use crate::support::database::TestDatabase;
use crate::support::hand::{Hand, START, Small, findings};
use crate::support::tampering::Tampering;

on_both_databases!(
    runs_that_changed_nothing_are_folded_and_the_chain_is_proved_as_before,
    changes_of_folded_records_are_found,
    equal_refused_writes_of_one_client_are_one_request,
    requests_that_stay_open_expire,
);

const DAY: Duration = Duration::from_hours(24);

/// Runs an import as the schedule starts it.
async fn poll(hand: &Hand) {
    hand.clock.advance(Duration::from_hours(1));
    let request = intercom_scim_bridge::directory::ImportRequest::incremental(
        intercom_scim_bridge::directory::Trigger::Schedule,
    );
    hand.importer.run_once(&request, &|_| {}).await.unwrap().unwrap();
}

/// Runs 60 scheduled imports, of which one has a change. Returns the head after each.
async fn poll_sixty_times(hand: &Hand, small: &Small) -> Vec<String> {
    hand.full().await;
    let mut heads = Vec::new();
    for round in 0..60 {
        if round == 30 {
            hand.simulator.change(|workspace| {
                workspace.admin_mut(small.ada).unwrap().job_title = Some("x".to_owned());
            });
        }
        poll(hand).await;
        heads.push(hand.ledger.verify("default", None).await.unwrap().head);
    }
    heads
}

async fn runs_that_changed_nothing_are_folded_and_the_chain_is_proved_as_before(
    database: TestDatabase,
) {
    let (hand, small) = Hand::small(database).await;
    let heads = poll_sixty_times(&hand, &small).await;
    let ledger = &hand.ledger;
    let now = hand.clock.now();
    assert!(now - 2 * DAY > START);
    let runs = ledger.count_runs("default").await.unwrap();
    let then = ledger.committed_at("default", 2).await.unwrap();
    let facts = ledger.log_facts("default", then, DAY).await.unwrap();
    let too_recent = ledger.fold_runs("default", START, now).await.unwrap();
    assert_eq!(too_recent.runs, 0, "none is old enough");
    let folded = ledger.fold_runs("default", now, now).await.unwrap();
    assert!(folded.runs > 50 && folded.records > 45, "{folded:?}");
    assert_eq!(ledger.count_runs("default").await.unwrap(), runs - folded.runs);
    assert_eq!(ledger.fold_runs("default", now, now).await.unwrap().runs, 0);
    assert_eq!(findings(ledger).await, Vec::<String>::new());
    for head in &heads {
        let verified = ledger.verify("default", Some(head)).await.unwrap();
        assert_eq!(verified.known_head, Some(true), "an earlier head is still known");
    }
    let then = ledger.committed_at("default", 2).await.unwrap();
    let facts_after = ledger.log_facts("default", then, DAY).await.unwrap();
    assert_eq!(facts_after, facts, "a review of that time has the same facts");
    assert!(ledger.last_success("default", None).await.unwrap().is_some());

    // The chain continues from there.
    for _ in 0..3 {
        poll(&hand).await;
    }
    assert_eq!(findings(ledger).await, Vec::<String>::new());
}

async fn changes_of_folded_records_are_found(database: TestDatabase) {
    let (hand, small) = Hand::small(database).await;
    poll_sixty_times(&hand, &small).await;
    hand.ledger.fold_runs("default", hand.clock.now(), hand.clock.now()).await.unwrap();
    for _ in 0..3 {
        poll(&hand).await;
    }
    assert_eq!(findings(&hand.ledger).await, Vec::<String>::new());
    let connection = hand.database.connection().await;
    let tampering =
        Tampering { ledger: &hand.ledger, connection: &connection, tables: &["evidence"] };
    for deed in [
        "UPDATE evidence SET digest = REPLACE(digest, '0', '1') WHERE kind = 'folded'",
        "UPDATE evidence SET hash = 'x' WHERE kind = 'folded'",
        "UPDATE evidence SET count = count - 1 WHERE kind = 'folded'",
        "UPDATE evidence SET digest = 'x' WHERE kind = 'folding'",
        "DELETE FROM evidence WHERE kind = 'folding'",
        "UPDATE evidence SET kind = 'folded', subject = CAST(sequence AS TEXT) \
         WHERE kind = 'run' AND subject = '1'",
        "DELETE FROM evidence WHERE kind = 'folded'",
    ] {
        tampering.assert_found(deed, "evidence: ").await;
    }
    // A second record of a run, added to hide a change of the run, is found as well.
    let forged = "INSERT INTO evidence SELECT workspace, sequence + 100000, kind, subject, count, \
                  digest, hash, at, pruned, pruned_count, pruned_fold \
                  FROM evidence WHERE kind = 'run' AND subject = '1'";
    let found = tampering.change(forged).await.findings;
    assert!(
        found.iter().any(|finding| finding.ends_with("is a second record of run 1")),
        "{found:?}"
    );
}

fn refused(
    reference: &str,
    requester: &str,
    user_name: &str,
    at: time::OffsetDateTime,
) -> NewRequest {
    NewRequest {
        reference: reference.to_owned(),
        workspace: "default".to_owned(),
        at,
        source: RequestSource::Refused,
        requester: requester.to_owned(),
        request_id: reference.to_owned(),
        method: "POST".to_owned(),
        operation: Operation::CreateAccount,
        target: None,
        entitlement: None,
        user_name: Some(user_name.to_owned()),
        comment: None,
    }
}

async fn equal_refused_writes_of_one_client_are_one_request(database: TestDatabase) {
    let (hand, _) = Hand::small(database).await;
    let stores = &hand.stores;
    let first = START;
    let later = START + Duration::from_mins(5);
    assert_eq!(
        stores.requests.record(refused("req_1", "eic", "a@example.com", first)).await.unwrap(),
        "req_1"
    );
    for reference in ["req_2", "req_3"] {
        assert_eq!(
            stores
                .requests
                .record(refused(reference, "eic", "a@example.com", later))
                .await
                .unwrap(),
            "req_1"
        );
    }
    assert_eq!(
        stores.requests.record(refused("req_4", "okta", "a@example.com", later)).await.unwrap(),
        "req_4"
    );
    assert_eq!(
        stores.requests.record(refused("req_5", "eic", "b@example.com", later)).await.unwrap(),
        "req_5"
    );
    let ticket = NewRequest {
        source: RequestSource::Ticket,
        ..refused("req_6", "eic", "a@example.com", later)
    };
    assert_eq!(
        stores.requests.record(ticket).await.unwrap(),
        "req_6",
        "a ticket is always one of its own"
    );
    let known = stores.requests.get("default", "req_1").await.unwrap().unwrap();
    assert_eq!((known.times, known.last_requested_at, known.requested_at), (3, later, first));
    assert_eq!(findings(&hand.ledger).await, Vec::<String>::new());
}

async fn requests_that_stay_open_expire(database: TestDatabase) {
    let (hand, _) = Hand::small(database).await;
    let stores = &hand.stores;
    stores.requests.record(refused("req_old", "eic", "a@example.com", START)).await.unwrap();
    stores.requests.record(refused("req_again", "eic", "b@example.com", START)).await.unwrap();
    stores
        .requests
        .record(refused("req_x", "eic", "b@example.com", START + 2 * DAY))
        .await
        .unwrap();
    stores
        .requests
        .record(refused("req_new", "eic", "c@example.com", START + 2 * DAY))
        .await
        .unwrap();
    let now = START + 3 * DAY;
    assert_eq!(stores.requests.expire("default", START, now).await.unwrap(), 0);
    assert_eq!(stores.requests.expire("default", START + DAY, now).await.unwrap(), 1);
    let question =
        RequestQuestion { state: Some(RequestState::Expired), ..RequestQuestion::default() };
    let (expired, total) = stores.requests.list("default", &question, 10).await.unwrap();
    assert_eq!(
        (total, expired[0].reference.as_str(), expired[0].closed_at),
        (1, "req_old", Some(now))
    );
    assert_eq!(findings(&hand.ledger).await, Vec::<String>::new());
    // Expired requests are pruned like closed ones.
    let pruned =
        stores.ledger.prune("default", now + DAY, |_| Vec::new(), now + DAY).await.unwrap();
    assert_eq!(pruned.requests, 1);
    assert_eq!(findings(&hand.ledger).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_file_that_is_deleted_or_replaced_is_noticed_and_nothing_is_written_to_it() {
    let (hand, _) = Hand::small(TestDatabase::sqlite()).await;
    hand.full().await;
    let file =
        hand.database.url.trim_start_matches("sqlite://").split('?').next().unwrap().to_owned();
    let kept = format!("{file}.kept");
    std::fs::rename(&file, &kept).unwrap();
    let gone = |answer: Result<(), LedgerError>| {
        assert!(
            matches!(answer, Err(LedgerError::Database(DatabaseError::FileGone))),
            "{answer:?}"
        );
    };
    gone(hand.ledger.generation("default").await.map(drop));
    gone(hand.importer.lease().await.map(drop));
    gone(
        hand.stores
            .requests
            .record(refused("req_1", "eic", "a@example.com", START))
            .await
            .map(drop),
    );
    std::fs::write(&file, "another").unwrap();
    gone(hand.ledger.generation("default").await.map(drop));
    std::fs::rename(&kept, &file).unwrap();
    assert_eq!(hand.ledger.generation("default").await.unwrap(), 1, "once it is back, all is well");
}

/// Returns the size of the file once the write-ahead log is empty.
async fn file_size(hand: &Hand) -> u64 {
    hand.ledger.empty_log().await.unwrap();
    let file = hand.database.url.trim_start_matches("sqlite://").split('?').next().unwrap();
    std::fs::metadata(file).unwrap().len()
}

/// A large workspace whose database is measured.
struct MeasuredGrowth {
    hand: Hand,
    people: Vec<u64>,
    /// The size of the database in bytes at the last measurement.
    size: u64,
}

impl MeasuredGrowth {
    /// Imports 1,000 people in 20 teams.
    async fn new() -> Self {
        let mut workspace = simulator::Workspace::new(crate::support::hand::TOKEN);
        let people: Vec<u64> = (0..1_000)
            .map(|number| workspace.add_teammate(&format!("Person Number{number}")))
            .collect();
        for team in people.chunks(50) {
            workspace.add_team("Support", team);
        }
        let hand = Hand::with(TestDatabase::sqlite(), workspace).await;
        hand.full().await;
        let size = file_size(&hand).await;
        println!("first import of 1,000 people: {size} bytes");
        Self { hand, people, size }
    }

    /// Prints by how much each of [`TIMES`] records has let the database grow.
    async fn print(&mut self, what: &str) {
        let size = file_size(&self.hand).await;
        println!("{what}: {} bytes each ({TIMES})", (size - self.size) / TIMES as u64);
        self.size = size;
    }

    async fn record_request(&self, reference: String, user_name: &str) {
        let request = refused(&reference, "eic", user_name, self.hand.clock.now());
        self.hand.stores.requests.record(request).await.unwrap();
    }

    fn audit_entry(&self, number: usize) -> AuditEntry {
        AuditEntry {
            workspace: Some("default".to_owned()),
            actor: Some("saviynt".to_owned()),
            identity: Some("client cli_8aZkQ0m3Ru2pXw".to_owned()),
            address: Some("192.0.2.7".to_owned()),
            method: Some("GET".to_owned()),
            route: Some("/scim/v2/Users/{id}".to_owned()),
            target: Some(format!("adm_{}", self.people[number])),
            status: Some(200),
            request_id: Some(format!("{number:032x}")),
            ..AuditEntry::event("request", self.hand.clock.now())
        }
    }
}

/// The number of records of each kind that are measured.
const TIMES: usize = 200;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures how much the database grows, for docs/operations.md; it prints the figures"]
async fn growth_is_measured() {
    let mut growth = MeasuredGrowth::new().await;
    for _ in 0..TIMES {
        poll(&growth.hand).await;
    }
    growth.print("import that changed nothing").await;
    growth.hand.simulator.change(|workspace| {
        for (person, second) in growth.people.iter().take(TIMES).zip(0..) {
            workspace.sign_in(*person, "google_oauth2", START.unix_timestamp() - 5_000 + second);
        }
    });
    growth.hand.full().await;
    growth.print("log entry (sign-in)").await;
    for (number, person) in growth.people.iter().enumerate().take(TIMES) {
        growth.hand.simulator.change(|workspace| {
            workspace.admin_mut(*person).unwrap().job_title = Some(format!("Title {number}"));
        });
        poll(&growth.hand).await;
    }
    growth.print("change of a person, with its import").await;
    for number in 0..TIMES {
        let user_name = format!("person{number}@example.com");
        growth.record_request(format!("req_{number}"), &user_name).await;
    }
    growth.print("request").await;
    for number in 0..TIMES {
        growth.record_request(format!("req_again_{number}"), "person1@example.com").await;
    }
    growth.print("request that was made before").await;
    let entries = (0..TIMES).map(|number| growth.audit_entry(number)).collect();
    growth.hand.stores.audit.record(entries).await.unwrap();
    growth.print("audit entry").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures how much the database grows, for docs/operations.md; it prints the figures"]
async fn growth_is_measured_of_five_days_of_polls() {
    const DAYS: u64 = 5;
    // 288 imports a day, one every five minutes. Then the size once they are folded.
    let hand = Hand::small(TestDatabase::sqlite()).await.0;
    hand.full().await;
    let before = file_size(&hand).await;
    for _ in 0..288 * DAYS {
        hand.clock.advance(Duration::from_mins(5));
        let request = intercom_scim_bridge::directory::ImportRequest::incremental(
            intercom_scim_bridge::directory::Trigger::Schedule,
        );
        hand.importer.run_once(&request, &|_| {}).await.unwrap().unwrap();
    }
    let unfolded = file_size(&hand).await;
    let folding =
        hand.ledger.fold_runs("default", hand.clock.now(), hand.clock.now()).await.unwrap();
    hand.ledger.scrub().await.unwrap();
    let folded = file_size(&hand).await;
    println!("folded: {} runs, {} records", folding.runs, folding.records);
    println!(
        "a day of polls that changed nothing: {} bytes, {} once folded",
        (unfolded - before) / DAYS,
        folded.saturating_sub(before) / DAYS
    );
}
