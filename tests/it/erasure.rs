//! Erasure of a person: no personal data is left in the tables or in responses, and the rest is
//! proved as before.

use std::time::Duration;

use intercom_scim_bridge::database::AuditEntry;
use intercom_scim_bridge::directory::{Change, ChangePosition, Mode, Names, Plan};
use intercom_scim_bridge::ledger::{ChangePage, Erased, LedgerError};
use intercom_scim_bridge::publish::{PublishOptions, Publisher};
use intercom_scim_bridge::requests::{Operation, RequestEnd, RequestSource};
use intercom_scim_bridge::scim::{Forms, resource_types};
use intercom_scim_bridge::stores::{AuditQuestion, Closing, NewRequest};
use sea_orm::{ConnectionTrait, DatabaseConnection};
use serde_json::json;

use crate::on_both_databases;
use crate::support::database::TestDatabase;
use crate::support::hand::{Hand, START, Small, findings};
use crate::support::tampering::Tampering;

on_both_databases!(
    no_table_has_a_trace_of_an_erased_person_and_the_rest_is_proved,
    past_generations_and_changes_have_only_the_id_of_an_erased_person,
    changes_of_the_versions_of_an_erased_person_are_found,
    changes_of_the_activity_and_requests_of_an_erased_person_are_found,
    changes_of_the_records_of_an_erasure_are_found,
    a_person_in_the_workspace_is_not_erased,
    nothing_that_is_read_later_brings_back_what_was_erased,
    an_import_that_was_planned_before_an_erasure_is_planned_anew,
    a_person_who_comes_back_after_an_erasure_is_recorded_anew,
    an_erased_person_is_shown_by_the_id_alone,
    only_people_who_left_long_enough_ago_are_due_for_erasure,
    an_address_belongs_to_the_person_who_has_it_now,
);

pub const BO: &str = "bo.diddley@example.com";
pub const TRACES: [&str; 4] = ["bo.diddley", "Diddley", "Guitarist", "Bo, the guitarist"];

fn request(
    reference: &str,
    user_name: Option<&str>,
    target: Option<String>,
    requester: &str,
) -> NewRequest {
    NewRequest {
        reference: reference.to_owned(),
        workspace: "default".to_owned(),
        at: START,
        source: RequestSource::Ticket,
        requester: requester.to_owned(),
        request_id: "r-1".to_owned(),
        method: "POST".to_owned(),
        operation: Operation::RemoveAccount,
        target,
        entitlement: None,
        user_name: user_name.map(str::to_owned),
        comment: Some("Bo, the guitarist, leaves".to_owned()),
    }
}

/// Makes a history with Bo: he had a title, an avatar and sign-ins, he changed things, and requests
/// and the audit trail name him. Then he left.
pub async fn history(database: TestDatabase) -> (Hand, Small) {
    let (hand, small) = Hand::small(database).await;
    let bo = small.bo;
    let at = START.unix_timestamp();
    hand.simulator.change(|workspace| {
        let admin = workspace.admin_mut(bo).unwrap();
        admin.job_title = Some("Guitarist".to_owned());
        workspace.sign_in(bo, "google_oauth2", at - 500);
        workspace.set_permissions(bo, small.ada, &["export_data"], at - 400);
        workspace.set_permissions(small.cy, bo, &["export_data"], at - 300);
        workspace.note(at - 200, "admin_invite_creation", small.ada, json!({"emails": [BO]}));
        workspace.note(at - 100, "admin_login_failure", bo, json!({"from": "192.0.2.77"}));
    });
    hand.full().await;
    hand.simulator
        .change(|workspace| "Bo B. Diddley".clone_into(&mut workspace.admin_mut(bo).unwrap().name));
    hand.full().await;
    hand.simulator.change(|workspace| workspace.remove_admin(bo, small.ada, at + 100));
    hand.allowing_removals(Mode::Full).await;
    let stores = &hand.stores;
    stores.requests.record(request("req_bo", Some(BO), None, "eic")).await.unwrap();
    stores
        .requests
        .record(request("req_id", None, Some(format!("adm_{bo}")), "eic"))
        .await
        .unwrap();
    let by_bo =
        NewRequest { comment: None, ..request("req_by", None, Some("adm_1".to_owned()), BO) };
    stores.requests.record(by_bo).await.unwrap();
    let note = Some(format!("told {BO}"));
    let closing =
        Closing { by: "Ada".to_owned(), note, end: RequestEnd::Done, at: hand.clock.now() };
    assert!(stores.requests.close("default", "req_id", closing).await.unwrap());
    let entry = AuditEntry {
        workspace: Some("default".to_owned()),
        actor: Some(BO.to_owned()),
        identity: Some(format!("issuer https://okta.example {BO}")),
        address: Some("192.0.2.78".to_owned()),
        ..AuditEntry::event("request", START)
    };
    stores.audit.record(vec![entry]).await.unwrap();
    (hand, small)
}

pub fn erased_event(erased: &Erased) -> Vec<AuditEntry> {
    let target = erased.people.first().map(|id| format!("adm_{id}"));
    vec![AuditEntry {
        workspace: Some("default".to_owned()),
        target,
        ..AuditEntry::event("ledger.erased", START)
    }]
}

pub async fn erase(hand: &Hand, named: &str) -> Erased {
    let person = hand.ledger.find_person("default", named).await.unwrap();
    hand.ledger
        .erase("default", &person, "ticket 4711", erased_event, hand.clock.now())
        .await
        .unwrap()
}

/// Returns all values of all tables with personal data as one text.
pub async fn everything(connection: &DatabaseConnection) -> String {
    let mut all = String::new();
    for table in [
        "user_versions",
        "volatile",
        "activity",
        "lifecycle_requests",
        "imports",
        "audit",
        "tokens",
        "evidence",
        "erasures",
        "roster_people",
        "roster_decisions",
        "posture_records",
        "enterprise_stamps",
    ] {
        let rows = connection
            .query_all_raw(sea_orm::Statement::from_string(
                connection.get_database_backend(),
                match connection.get_database_backend() {
                    sea_orm::DbBackend::Postgres => {
                        format!("SELECT CAST(row_to_json(t) AS text) FROM {table} t")
                    }
                    _ => columns_as_text(connection, table).await,
                },
            ))
            .await
            .unwrap();
        for row in rows {
            all.push_str(&row.try_get_by_index::<String>(0).unwrap());
            all.push('\n');
        }
    }
    all
}

async fn columns_as_text(connection: &DatabaseConnection, table: &str) -> String {
    let statement = sea_orm::Statement::from_string(
        sea_orm::DbBackend::Sqlite,
        format!("SELECT name FROM pragma_table_info('{table}')"),
    );
    let names = connection.query_all_raw(statement).await.unwrap();
    let names: Vec<String> = names
        .iter()
        .map(|row| format!("coalesce(\"{}\", '')", row.try_get_by_index::<String>(0).unwrap()))
        .collect();
    format!("SELECT {} FROM {table}", names.join(" || '|' || "))
}

async fn no_table_has_a_trace_of_an_erased_person_and_the_rest_is_proved(database: TestDatabase) {
    let (hand, small) = history(database).await;
    let connection = hand.database.connection().await;
    let before = everything(&connection).await;
    for trace in TRACES.into_iter().chain(["192.0.2.77", "192.0.2.78"]) {
        assert!(before.contains(trace), "the test searches for what was there: {trace}");
    }
    let head = hand.ledger.verify("default", None).await.unwrap().head;
    let person = hand.ledger.find_person("default", &BO.to_uppercase()).await.unwrap();
    let would = hand.ledger.would_erase("default", &person, hand.clock.now()).await.unwrap();
    assert_eq!(everything(&connection).await, before, "a dry run erases nothing");

    let erased = erase(&hand, BO).await;
    assert_eq!(erased, would);
    assert_eq!(
        (erased.people.clone(), erased.versions, erased.requests),
        (vec![small.bo.to_string()], 3, 3)
    );
    assert_eq!(erased.versions_without_salt, 0);
    let after = everything(&connection).await;
    for trace in TRACES.into_iter().chain(["192.0.2.77", "192.0.2.78"]) {
        let line = after.lines().find(|line| line.contains(trace));
        assert_eq!(line, None, "{trace}");
    }
    assert!(
        after.contains("Lovelace") && after.contains("ada.lovelace@example.com"),
        "others stay"
    );

    let verified = hand.ledger.verify("default", Some(&head)).await.unwrap();
    assert_eq!((verified.findings.as_slice(), verified.known_head), (&[][..], Some(true)));
    assert_eq!(verified.erased.unwrap().erasures, 1);
    let audited = hand.stores.audit.entries(&AuditQuestion::default(), 100).await.unwrap();
    assert!(
        audited.iter().any(|entry| entry.event == "ledger.erased"
            && entry.target == Some(format!("adm_{}", small.bo)))
    );
    assert!(erase(&hand, &format!("adm_{}", small.bo)).await.is_empty(), "nothing is left");
    assert!(hand.ledger.find_person("default", BO).await.unwrap().ids.is_empty());

    // A later pruning does not break the proof.
    hand.clock.advance(Duration::from_hours(1));
    hand.ledger.prune("default", hand.clock.now(), |_| Vec::new(), hand.clock.now()).await.unwrap();
    assert_eq!(findings(&hand.ledger).await, Vec::<String>::new());
}

/// Returns the changes of the whole history.
async fn all_changes(hand: &Hand) -> ChangePage {
    hand.ledger.changes("default", &ChangePosition::START, None, 100).await.unwrap()
}

async fn past_generations_and_changes_have_only_the_id_of_an_erased_person(database: TestDatabase) {
    let (hand, small) = history(database).await;
    let bo = small.bo.to_string();
    let changes = all_changes(&hand).await.changes.len();
    erase(&hand, BO).await;
    for generation in 1..=3 {
        let snapshot = hand.ledger.snapshot("default", generation).await.unwrap();
        let (user, values) =
            snapshot.users.iter().find(|(user, _)| user.value.id.as_str() == bo).unwrap();
        assert!(
            user.value.erased && user.value.email.is_none() && user.value.name.is_none(),
            "{generation}"
        );
        assert_eq!(user.value.active, generation < 3);
        assert_eq!(values.last_sign_in_at, None);
    }
    let page = all_changes(&hand).await;
    assert_eq!(
        (page.changes.len(), page.total),
        (changes, Some(changes as u64)),
        "no change is missing"
    );
    let of_bo = page
        .changes
        .iter()
        .filter(|change| change.change.user().is_some_and(|id| id.as_str() == bo));
    assert!(of_bo.clone().count() > 2 && of_bo.clone().all(|change| change.names.erased));
    let log = hand
        .ledger
        .log_facts("default", hand.clock.now(), Duration::from_hours(8760))
        .await
        .unwrap();
    assert!(log.sign_ins.is_empty() && log.invitations.is_empty());
}

/// Erases Bo, and asserts that each change by hand of a table is found.
async fn assert_each_is_found(hand: &Hand, cases: &[(&str, String)]) {
    erase(hand, BO).await;
    assert_eq!(findings(&hand.ledger).await, Vec::<String>::new());
    let connection = hand.database.connection().await;
    let tables = [
        "user_versions",
        "activity",
        "lifecycle_requests",
        "erased_rows",
        "erasures",
        "restatements",
        "evidence",
    ];
    let tampering = Tampering { ledger: &hand.ledger, connection: &connection, tables: &tables };
    for (table, deed) in cases {
        tampering.assert_found(deed, &format!("{table}: ")).await;
    }
}

async fn changes_of_the_versions_of_an_erased_person_are_found(database: TestDatabase) {
    let (hand, Small { ada, bo, .. }) = history(database).await;
    let proof = r#"{"salts":{},"erased":{"person":"x"}}"#;
    let cases = [
        format!("email = 'eve@example.com' WHERE user_id = '{bo}'"),
        format!("job_title = 'Spy' WHERE user_id = '{bo}'"),
        format!("active = true WHERE user_id = '{bo}' AND from_generation = 3"),
        format!("role_name = 'Owner' WHERE user_id = '{bo}'"),
        format!("proof = NULL WHERE user_id = '{bo}'"),
        // Others cannot be made to look erased.
        format!("email = NULL, name = NULL WHERE user_id = '{ada}'"),
        format!("email = NULL, name = NULL, proof = '{proof}' WHERE user_id = '{ada}'"),
    ]
    .map(|change| ("user_versions", format!("UPDATE user_versions SET {change}")));
    assert_each_is_found(&hand, &cases).await;
}

async fn changes_of_the_activity_and_requests_of_an_erased_person_are_found(
    database: TestDatabase,
) {
    let (hand, _) = history(database).await;
    let cases = [
        ("activity", r#"metadata = '{"x":1}' WHERE kind = 'admin_deletion'"#),
        ("activity", "performed_by_email = 'eve@example.com' WHERE kind = 'admin_login_failure'"),
        ("activity", "performed_by_id = '1' WHERE kind = 'admin_login_success'"),
        ("lifecycle_requests", "user_name = 'eve@example.com' WHERE reference = 'req_bo'"),
        ("lifecycle_requests", "operation = 'other' WHERE reference = 'req_bo'"),
    ]
    .map(|(table, change)| (table, format!("UPDATE {table} SET {change}")));
    assert_each_is_found(&hand, &cases).await;
}

async fn changes_of_the_records_of_an_erasure_are_found(database: TestDatabase) {
    let (hand, Small { ada, .. }) = history(database).await;
    let restatement = format!(
        "INSERT INTO restatements (workspace, kind, key, sequence, entry, digest) \
         VALUES ('default', 'user', '{ada} 1', 1, 'x', 'y')"
    );
    let cases = [
        ("erased_rows", "DELETE FROM erased_rows WHERE kind = 'user'"),
        ("erased_rows", "UPDATE erased_rows SET fields = 'person name' WHERE kind = 'user'"),
        ("erased_rows", "UPDATE erasures SET reason = 'another'"),
        ("erased_rows", "DELETE FROM erasures"),
        ("erased_rows", "DELETE FROM evidence WHERE kind = 'erasure'"),
        ("restatements", &restatement),
    ]
    .map(|(table, deed)| (table, deed.to_owned()));
    assert_each_is_found(&hand, &cases).await;
}

async fn a_person_in_the_workspace_is_not_erased(database: TestDatabase) {
    let (hand, small) = Hand::small(database).await;
    hand.full().await;
    let person = hand.ledger.find_person("default", &small.ada.to_string()).await.unwrap();
    assert_eq!(person.active.len(), 1);
    let refused = hand.ledger.erase("default", &person, "no", erased_event, hand.clock.now()).await;
    assert!(matches!(refused, Err(LedgerError::StillThere)), "{refused:?}");
    assert!(hand.recorded().await.users.iter().all(|(user, _)| user.value.email.is_some()));
    assert!(hand.ledger.find_person("default", "nobody@example.com").await.unwrap().ids.is_empty());
    assert!(hand.ledger.find_person("default", "adm_99").await.unwrap().is_unknown());
}

async fn nothing_that_is_read_later_brings_back_what_was_erased(database: TestDatabase) {
    let (hand, small) = history(database).await;
    erase(&hand, BO).await;
    // The activity log returns the old entries again, and a new one.
    hand.simulator.change(|workspace| {
        let details =
            json!({"admin": {"id": small.bo, "first_name": "Bo", "last_name": "Diddley"}});
        workspace.note(START.unix_timestamp() + 150, "admin_away_mode_change", small.ada, details);
        workspace.sign_in(small.bo, "google_oauth2", START.unix_timestamp() + 151);
    });
    assert_eq!(hand.full().await.generation, None);
    assert_eq!(
        hand.another_importer()
            .run_once(&crate::support::hand::request(Mode::Full), &|_| {})
            .await
            .unwrap()
            .unwrap()
            .generation,
        None
    );
    let connection = hand.database.connection().await;
    let after = everything(&connection).await;
    for trace in TRACES {
        assert_eq!(after.lines().find(|line| line.contains(trace)), None, "{trace}");
    }
    assert!(
        hand.ledger
            .volatile("default")
            .await
            .unwrap()
            .keys()
            .all(|id| id.as_str() != small.bo.to_string())
    );
    assert_eq!(findings(&hand.ledger).await, Vec::<String>::new());
}

async fn an_import_that_was_planned_before_an_erasure_is_planned_anew(database: TestDatabase) {
    let (hand, small) = history(database).await;
    let recorded = hand.recorded().await;
    let (lease, run) = hand.start_run().await;
    let (bo, _) = recorded
        .users
        .iter()
        .find(|(user, _)| user.value.id.as_str() == small.bo.to_string())
        .unwrap();
    let before = bo.value.clone();
    let mut after = bo.value.clone();
    after.removed_at = Some(START);
    let plan = Plan {
        workspace: recorded.workspace.clone(),
        users: vec![Change::Updated { before, after }],
        ..Plan::nothing(recorded.generation)
    };
    erase(&hand, BO).await;
    let refused = hand.ledger.commit(&lease, &run, &plan, || hand.clock.now()).await;
    assert!(matches!(refused, Err(LedgerError::Stale { .. })), "{refused:?}");
}

async fn a_person_who_comes_back_after_an_erasure_is_recorded_anew(database: TestDatabase) {
    let (hand, small) = history(database).await;
    erase(&hand, BO).await;
    hand.simulator.change(|workspace| {
        let ada = workspace.admins().find(|(id, _)| *id == small.ada).unwrap().1.clone();
        let bo = simulator::Admin {
            name: "Bo Again".to_owned(),
            email: "bo.again@example.com".to_owned(),
            ..ada
        };
        workspace.put_back(small.bo, bo);
    });
    assert!(hand.full().await.generation.is_some());
    let recorded = hand.recorded().await;
    let (bo, _) = recorded
        .users
        .iter()
        .find(|(user, _)| user.value.id.as_str() == small.bo.to_string())
        .unwrap();
    assert_eq!(
        (bo.value.erased, bo.value.active, bo.value.name.as_deref()),
        (false, true, Some("Bo Again"))
    );
    hand.simulator.change(|workspace| {
        workspace.remove_admin(small.bo, small.ada, START.unix_timestamp() + 900);
    });
    hand.allowing_removals(Mode::Full).await;
    assert_eq!(
        erase(&hand, "bo.again@example.com").await.versions,
        2,
        "what is new is erased as well"
    );
    assert_eq!(findings(&hand.ledger).await, Vec::<String>::new());
}

async fn an_erased_person_is_shown_by_the_id_alone(database: TestDatabase) {
    let (hand, small) = history(database).await;
    let options = PublishOptions {
        base_url: "https://bridge.example/scim/v2".to_owned(),
        second_base_url: None,
        names: Names::default(),
        forms: Forms::default(),
        retention: Duration::from_hours(24 * 30),
        activity_lookback: Duration::ZERO,
        with_enterprise: false,
    };
    let publisher = Publisher::new("default", options, hand.ledger.clone(), hand.clock.clone());
    publisher.refresh().await.unwrap();
    let before = publisher.live().served().unwrap();
    hand.simulator
        .change(|workspace| workspace.admin_mut(small.ada).unwrap().has_inbox_seat = true);
    hand.full().await;
    publisher.refresh().await.unwrap();
    assert!(publisher.live().served_at(before.snapshot_id()).is_some());
    erase(&hand, BO).await;
    publisher.refresh().await.unwrap();
    let shown = publisher.live().served().unwrap();
    let names: Vec<String> =
        shown.all(resource_types::USER).map(|user| user.name().into_owned()).collect();
    assert!(
        names.contains(&format!("adm_{}", small.bo)) && !names.contains(&BO.to_owned()),
        "{names:?}"
    );
    assert!(
        publisher.live().served_at(before.snapshot_id()).is_none(),
        "no earlier picture holds him either"
    );
    assert!(shown.directory().people.iter().filter(|person| person.user.erased).count() == 1);
}

async fn only_people_who_left_long_enough_ago_are_due_for_erasure(database: TestDatabase) {
    let (hand, small) = history(database).await;
    let gone_at = hand.ledger.committed_at("default", 3).await.unwrap();
    let due = async |before| {
        let people = hand.ledger.due_for_erasure("default", before).await.unwrap();
        people.into_iter().flat_map(|person| person.ids).collect::<Vec<_>>()
    };
    assert_eq!(due(gone_at - Duration::from_millis(1)).await, Vec::<String>::new());
    assert_eq!(due(gone_at).await, vec![small.bo.to_string()]);
    let far = gone_at + Duration::from_hours(8760 * 30);
    assert_eq!(due(far).await, vec![small.bo.to_string()], "who is there is never due");
    erase(&hand, BO).await;
    assert_eq!(due(far).await, Vec::<String>::new());
}

async fn an_address_belongs_to_the_person_who_has_it_now(database: TestDatabase) {
    let (hand, small) = history(database).await;
    hand.simulator
        .change(|workspace| BO.clone_into(&mut workspace.admin_mut(small.cy).unwrap().email));
    hand.full().await;
    let erased = erase(&hand, &format!("adm_{}", small.bo)).await;
    assert_eq!(erased.versions, 3);
    let cy = hand.ledger.find_person("default", BO).await.unwrap();
    assert!(cy.ids.contains(&small.cy.to_string()) && !cy.active.is_empty());
    let request = hand.stores.requests.get("default", "req_by").await.unwrap().unwrap();
    assert_eq!(request.requester, BO, "that may be Cy by now");
    assert_eq!(findings(&hand.ledger).await, Vec::<String>::new());
}
