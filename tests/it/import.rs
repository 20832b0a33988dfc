//! Imports: what they record, what they do not, and how they fail, on both databases.

use intercom_scim_bridge::directory::{Mode, RunStatus, Snapshot, Trigger, Volatile};
use intercom_scim_bridge::import::{DryRun, PlanDecision};
use sea_orm::{ConnectionTrait, Statement};
use simulator::{Admin, Fault, Role};

use crate::on_both_databases;
use crate::support::database::TestDatabase;
use crate::support::hand::{Hand, START, active, memberships};

on_both_databases!(
    nothing_changed_costs_three_calls_and_records_nothing,
    one_admin_changed_costs_three_calls_and_one_version,
    the_first_import_records_everybody_but_the_machine,
    a_removed_teammate_stays_on_record_inactive,
    a_returning_person_is_restored,
    a_change_of_one_membership_changes_its_two_ends_alone,
    a_deleted_team_is_not_listed,
    a_past_generation_never_changes,
    the_activity_log_supplements_the_lists,
    a_nul_in_a_text_of_intercoms_stops_no_import,
    an_import_that_would_remove_too_many_is_held_until_it_is_let_through,
    an_empty_list_is_not_believed,
    nothing_is_recorded_of_a_reading_that_broke_off,
    a_plan_that_came_too_late_is_made_anew,
    volatile_values_are_kept_without_a_version,
    a_dry_run_changes_nothing,
);

async fn nothing_changed_costs_three_calls_and_records_nothing(database: TestDatabase) {
    let (hand, _) = Hand::small(database).await;
    hand.full().await;
    let before = hand.recorded().await;
    let _ = hand.simulator.take_calls();

    let run = hand.incremental().await;

    assert_eq!(run.status, RunStatus::Succeeded);
    assert_eq!(
        hand.simulator.take_calls(),
        ["GET /admins", "GET /teams", "POST /admins/activity_logs/search"]
    );
    assert_eq!((run.intercom_calls, run.intercom_retries, run.generation), (3, 0, None));
    assert_eq!(hand.recorded().await, before);
    assert_eq!(hand.full().await.generation, None, "nor does a full import");
}

async fn one_admin_changed_costs_three_calls_and_one_version(database: TestDatabase) {
    let (hand, small) = Hand::small(database).await;
    hand.full().await;
    let rows = async || {
        let connection = hand.database.connection().await;
        let mut counts = Vec::new();
        for table in ["user_versions", "group_versions", "membership_versions", "generations"] {
            let question = format!("SELECT COUNT(*) AS rows_of_table FROM {table}");
            let row = connection
                .query_one_raw(Statement::from_string(connection.get_database_backend(), question))
                .await;
            counts.push(row.unwrap().unwrap().try_get::<i64>("", "rows_of_table").unwrap());
        }
        counts
    };
    assert_eq!(rows().await, [3, 1, 2, 1]);
    let _ = hand.simulator.take_calls();
    hand.incremental().await;
    assert_eq!(rows().await, [3, 1, 2, 1], "nothing changed, no rows");
    hand.simulator.change(|workspace| {
        workspace.admin_mut(small.bo).unwrap().job_title = Some("Guitarist".to_owned());
    });
    let _ = hand.simulator.take_calls();

    let run = hand.incremental().await;

    assert_eq!(
        hand.simulator.take_calls(),
        ["GET /admins", "GET /teams", "POST /admins/activity_logs/search"]
    );
    assert_eq!((run.counts.users_updated, run.generation), (1, Some(2)));
    assert_eq!(rows().await, [4, 1, 2, 2], "that admin only");
}

async fn the_first_import_records_everybody_but_the_machine(database: TestDatabase) {
    let (hand, small) = Hand::small(database).await;
    let run = hand.full().await;
    assert_eq!((run.status, run.generation, &run.error), (RunStatus::Succeeded, Some(1), &None));
    assert_eq!(
        (run.counts.users_created, run.counts.groups_created, run.counts.memberships_created),
        (3, 1, 2)
    );
    assert_eq!(run.trigger, Trigger::Command);

    let snapshot = hand.recorded().await;
    assert_eq!(active(&snapshot), ["Ada Lovelace", "Bo Diddley", "Cy Twombly"]);
    assert_eq!(
        memberships(&snapshot),
        [
            format!("{} in {}", small.ada, small.support),
            format!("{} in {}", small.bo, small.support)
        ]
    );
    assert_eq!(snapshot.workspace.id.as_deref(), Some("wjw5eps7"));
    let runs = hand.ledger.runs("default", None, 10).await.unwrap();
    assert_eq!(runs, [run], "the record is the run");
}

async fn a_removed_teammate_stays_on_record_inactive(database: TestDatabase) {
    let (hand, small) = Hand::small(database).await;
    hand.full().await;
    let removed_at = START.unix_timestamp() + 90;
    hand.simulator.change(|workspace| workspace.remove_admin(small.bo, small.ada, removed_at));

    let run = hand.incremental().await;

    assert_eq!((run.counts.users_removed, run.counts.memberships_removed), (1, 1));
    let snapshot = hand.recorded().await;
    assert_eq!(active(&snapshot), ["Ada Lovelace", "Cy Twombly"]);
    let bo = &snapshot
        .users
        .iter()
        .find(|(user, _)| user.value.id.as_str() == small.bo.to_string())
        .unwrap()
        .0;
    assert!(!bo.value.active);
    assert_eq!(bo.value.name.as_deref(), Some("Bo Diddley"));
    assert_eq!(bo.value.removed_at.map(time::OffsetDateTime::unix_timestamp), Some(removed_at));
    assert!(bo.stamps.last_modified > bo.stamps.created);
}

async fn a_returning_person_is_restored(database: TestDatabase) {
    let (hand, small) = Hand::small(database).await;
    hand.full().await;
    let cy = hand
        .simulator
        .change(|workspace| workspace.admins().find(|(id, _)| *id == small.cy).unwrap().1.clone());
    hand.simulator
        .change(|workspace| workspace.remove_admin(small.cy, small.ada, START.unix_timestamp()));
    hand.full().await;
    hand.simulator.change(|workspace| workspace.put_back(small.cy, cy));

    let run = hand.full().await;

    assert_eq!((run.counts.users_restored, run.counts.users_created), (1, 0));
    let snapshot = hand.recorded().await;
    assert_eq!(active(&snapshot).len(), 3);
    let cy = &snapshot
        .users
        .iter()
        .find(|(user, _)| user.value.id.as_str() == small.cy.to_string())
        .unwrap()
        .0;
    assert_eq!(cy.value.removed_at, None, "what is over is not told of somebody who is here");
}

async fn a_change_of_one_membership_changes_its_two_ends_alone(database: TestDatabase) {
    let (hand, small) = Hand::small(database).await;
    hand.full().await;
    let before = hand.recorded().await;
    hand.simulator
        .change(|workspace| workspace.team_mut(small.support).unwrap().members.remove(&small.bo));

    let run = hand.full().await;

    assert_eq!(
        (run.counts.memberships_removed, run.counts.users_updated, run.counts.groups_updated),
        (1, 0, 0)
    );
    let after = hand.recorded().await;
    let changed: Vec<&str> = before
        .users
        .iter()
        .zip(&after.users)
        .filter(|(before, after)| before.0.stamps.last_modified != after.0.stamps.last_modified)
        .map(|(_, after)| after.0.value.id.as_str())
        .collect();
    assert_eq!(changed, [small.bo.to_string()]);
    assert!(after.groups[0].stamps.last_modified > before.groups[0].stamps.last_modified);
    assert_eq!(after.groups[0].stamps.created, before.groups[0].stamps.created);
}

async fn a_deleted_team_is_not_listed(database: TestDatabase) {
    let (hand, small) = Hand::small(database).await;
    hand.full().await;
    hand.simulator.change(|workspace| workspace.remove_team(small.support));
    let run = hand.full().await;
    assert_eq!(
        (run.counts.groups_removed, run.counts.memberships_removed, run.counts.users_removed),
        (1, 2, 0)
    );
    let snapshot = hand.recorded().await;
    assert!(snapshot.groups.is_empty() && snapshot.memberships.is_empty());
}

async fn a_past_generation_never_changes(database: TestDatabase) {
    let (hand, small) = Hand::small(database).await;
    let mut then = Vec::new();
    let deeds: [&dyn Fn(&mut simulator::Workspace); 4] = [
        &|_| {},
        &|workspace| {
            workspace.admin_mut(small.ada).unwrap().job_title = Some("Countess".to_owned());
        },
        &|workspace| workspace.team_mut(small.support).unwrap().members.clear(),
        &|workspace| workspace.remove_admin(small.cy, small.ada, START.unix_timestamp()),
    ];
    for deed in deeds {
        hand.simulator.change(deed);
        hand.full().await;
        then.push(hand.recorded().await);
    }
    // Values without versions, such as the last activity, are always the current ones.
    let versioned = |mut snapshot: Snapshot| {
        snapshot.users.iter_mut().for_each(|(_, values)| *values = Volatile::default());
        snapshot
    };
    for snapshot in then {
        let generation = snapshot.generation;
        let again = hand.ledger.snapshot("default", generation).await.unwrap();
        assert_eq!(versioned(again), versioned(snapshot), "generation {generation}");
    }
    assert_eq!(hand.ledger.snapshot("default", 0).await.unwrap().users.len(), 0);
}

async fn a_nul_in_a_text_of_intercoms_stops_no_import(database: TestDatabase) {
    let (hand, small) = Hand::small(database).await;
    hand.simulator.change(|workspace| {
        "Ada\0 Lovelace".clone_into(&mut workspace.admin_mut(small.ada).unwrap().name);
        workspace.note(
            START.unix_timestamp(),
            "app_name_change",
            small.ada,
            serde_json::json!({"a\0": ["b\0"]}),
        );
    });
    assert_eq!(hand.full().await.status, RunStatus::Succeeded);
    assert!(active(&hand.recorded().await).contains(&"Ada Lovelace".to_owned()));
}

async fn the_activity_log_supplements_the_lists(database: TestDatabase) {
    let (hand, small) = Hand::small(database).await;
    let at = START.unix_timestamp() - 1_000;
    hand.simulator.change(|workspace| {
        workspace.set_permissions(small.ada, small.bo, &["export_data", "manage_teammates"], at);
        workspace.set_two_factor(small.ada, true, at);
        workspace.sign_in(small.ada, "google_oauth2", at);
    });
    hand.full().await;
    let snapshot = hand.recorded().await;
    let of = |id: u64| {
        snapshot
            .users
            .iter()
            .find(|(user, _)| user.value.id.as_str() == id.to_string())
            .unwrap()
            .clone()
    };
    let (ada, volatile) = of(small.ada);
    assert_eq!(
        ada.value.permissions,
        Some(["export_data", "manage_teammates"].map(str::to_owned).into())
    );
    assert_eq!(ada.value.two_factor_auth, Some(true));
    assert_eq!(ada.value.last_name.as_deref(), Some("Lovelace"));
    assert_eq!(volatile.last_sign_in_method.as_deref(), Some("google_oauth2"));
    let (bo, _) = of(small.bo);
    assert_eq!(
        (bo.value.permissions, bo.value.two_factor_auth),
        (None, None),
        "unknown is absent, never false"
    );

    hand.simulator.change(|workspace| workspace.sign_in(small.ada, "saml", START.unix_timestamp()));
    assert_eq!(hand.incremental().await.generation, None, "a sign-in is no change of access");
    let (_, volatile) = hand.recorded().await.users[0].clone();
    assert_eq!(volatile.last_sign_in_method.as_deref(), Some("saml"));
}

async fn an_import_that_would_remove_too_many_is_held_until_it_is_let_through(
    database: TestDatabase,
) {
    let mut workspace = simulator::Workspace::new(crate::support::hand::TOKEN);
    let ids: Vec<u64> =
        (0..40).map(|number| workspace.add_teammate(&format!("Teammate {number}"))).collect();
    let hand = Hand::with(database, workspace).await;
    hand.full().await;
    let before = hand.recorded().await;
    hand.simulator.change(|workspace| {
        ids[..10].iter().for_each(|id| workspace.remove_admin(*id, ids[39], 0));
    });

    let run = hand.full().await;
    assert_eq!((run.status, run.counts.users_removed, run.generation), (RunStatus::Held, 10, None));
    let why = run.error.unwrap();
    assert_eq!(
        why.detail,
        "10 of 40 teammates would be removed, more than the 10 % that import.max_removals allows"
    );
    assert!(why.remedy.contains("--allow-removals"));
    assert_eq!(hand.recorded().await, before);

    let run = hand.allowing_removals(Mode::Full).await;
    assert_eq!((run.status, run.counts.users_removed), (RunStatus::Succeeded, 10));
}

async fn an_empty_list_is_not_believed(database: TestDatabase) {
    let hand = Hand::with(database, simulator::Workspace::new(crate::support::hand::TOKEN)).await;
    let run = hand.full().await;
    assert_eq!(
        (run.status, hand.ledger.generation("default").await.unwrap()),
        (RunStatus::Held, 0)
    );
}

async fn nothing_is_recorded_of_a_reading_that_broke_off(database: TestDatabase) {
    let (hand, small) = Hand::small(database).await;
    hand.full().await;
    let before = hand.recorded().await;
    hand.simulator.change(|workspace| workspace.remove_admin(small.cy, small.ada, 0));
    for fault in [Fault::CutOff, Fault::Garbage, Fault::Status(503), Fault::Unauthorized] {
        hand.simulator.fail_from_now_on(fault.clone(), "/teams");
        let run = hand.full().await;
        assert_eq!((run.status, run.generation), (RunStatus::Failed, None), "{fault:?}");
        assert!(run.error.is_some_and(|error| !error.remedy.is_empty()));
        assert_eq!(hand.recorded().await, before, "{fault:?}");
        hand.simulator.heal();
    }
    assert_eq!(hand.full().await.counts.users_removed, 1);
}

async fn a_plan_that_came_too_late_is_made_anew(database: TestDatabase) {
    let (hand, small) = Hand::small(database).await;
    hand.full().await;
    let recorded = hand.recorded().await;
    hand.simulator
        .change(|workspace| workspace.admin_mut(small.ada).unwrap().has_inbox_seat = true);
    let DryRun { plan, verdict, .. } = hand.importer.dry_run(Mode::Full, &|_| {}).await.unwrap();
    assert_eq!((plan.base, verdict), (recorded.generation, PlanDecision::Commit));
    // Another import commits first.
    hand.simulator.change(|workspace| workspace.admin_mut(small.bo).unwrap().has_inbox_seat = true);
    hand.full().await;
    let (lease, run) = hand.start_run().await;
    let error = hand.ledger.commit(&lease, &run, &plan, || hand.clock.now()).await.unwrap_err();
    hand.importer.release(&lease).await;
    assert_eq!(
        error.to_string(),
        "another import was committed meanwhile (made from generation 1, found 2)"
    );
    assert_eq!(hand.ledger.generation("default").await.unwrap(), 2);
    // The importer plans again by itself.
    assert_eq!(hand.full().await.status, RunStatus::Succeeded);
}

async fn volatile_values_are_kept_without_a_version(database: TestDatabase) {
    let (hand, small) = Hand::small(database).await;
    hand.full().await;
    hand.simulator.change(|workspace| workspace.admin_mut(small.ada).unwrap().away = true);
    let run = hand.full().await;
    assert_eq!(run.generation, None);
    let snapshot = hand.recorded().await;
    assert_eq!(snapshot.users[0].1.away_mode_enabled, Some(true));
    assert_eq!(snapshot.users[1].1.away_mode_enabled, Some(false));
}

async fn a_dry_run_changes_nothing(database: TestDatabase) {
    let (hand, small) = Hand::small(database).await;
    let plan = hand.importer.dry_run(Mode::Full, &|_| {}).await.unwrap().plan;
    assert_eq!(plan.counts().users_created, 3);
    assert_eq!(hand.ledger.generation("default").await.unwrap(), 0);
    assert!(hand.ledger.runs("default", None, 10).await.unwrap().is_empty());
    hand.full().await;
    let role = Role { id: "9".to_owned(), name: "Lead".to_owned() };
    hand.simulator.change(|workspace| {
        *workspace.admin_mut(small.ada).unwrap() = Admin {
            name: "Ada King".to_owned(),
            email: "ada@example.com".to_owned(),
            role: Some(role),
            ..Admin::default()
        };
    });
    let DryRun { plan, verdict, .. } =
        hand.importer.dry_run(Mode::Incremental, &|_| {}).await.unwrap();
    assert_eq!((plan.counts().users_updated, verdict), (1, PlanDecision::Commit));
}
