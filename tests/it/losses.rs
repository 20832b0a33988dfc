//! Mass losses of access of every kind, on both databases: nothing is recorded until a person
//! accepts the import.

mod attributes;

use std::time::Duration;

use intercom_scim_bridge::clock::Clock;
use intercom_scim_bridge::directory::{LossKind, Mode, Run, RunStatus, Snapshot};
use intercom_scim_bridge::import::{DryRun, Importer, PlanDecision};
use intercom_scim_bridge::intercom::Client;
use serde_json::{Value, json};
use simulator::{Admin, Fault, Role, Workspace};

use crate::on_both_databases;
use crate::support::database::TestDatabase;
use crate::support::hand::{Hand, OPTIONS, TOKEN, active, connection};

on_both_databases!(
    a_company_that_changes_little_is_never_held,
    all_teams_but_one_that_are_empty_are_held,
    a_list_of_teams_that_is_empty_while_admins_name_teams_is_held,
    teams_without_members_while_admins_name_them_are_held,
    a_list_of_admins_that_lacks_members_of_teams_is_held,
    a_list_that_shrinks_by_a_tenth_at_each_import_is_held,
    five_of_twenty_five_at_each_import_are_held,
    memberships_that_end_bit_by_bit_are_held,
    accepted_losses_are_not_counted_again,
    a_person_who_came_back_is_not_counted_as_a_loss,
    losses_recorded_while_the_clock_was_ahead_count,
    a_clock_that_is_ahead_does_not_empty_the_window,
    the_machine_stays_one_whatever_becomes_of_its_address,
    a_machine_that_was_never_seen_before_is_no_person,
    a_dry_run_names_who_would_lose_what,
);

/// A workspace of `people` teammates in teams of ten, each with a seat and a role, and the bot.
async fn company(database: TestDatabase, people: u32) -> (Hand, Vec<u64>, Vec<u64>) {
    let mut workspace = Workspace::new(TOKEN);
    let role = Role { id: "7".to_owned(), name: "Agent".to_owned() };
    let ids: Vec<u64> = (0..people)
        .map(|number| {
            workspace.add_admin(Admin {
                name: format!("Person {number}"),
                email: format!("p{number}@example.com"),
                has_inbox_seat: true,
                role: Some(role.clone()),
                ..Admin::default()
            })
        })
        .collect();
    workspace.add_admin(Admin {
        name: "Operator".to_owned(),
        email: "operator+wjw5eps7@intercom.io".to_owned(),
        ..Admin::default()
    });
    let teams = ids.chunks(10).map(|members| workspace.add_team("Team", members)).collect();
    let hand = Hand::with(database, workspace).await;
    assert_eq!(hand.full().await.status, RunStatus::Succeeded);
    (hand, ids, teams)
}

/// The current list of that name (admins with their teams), with each entry changed.
fn listed(hand: &Hand, name: &str, change: impl Fn(&mut Value) -> bool) -> Fault {
    let entries: Vec<Value> = hand.simulator.change(|workspace| {
        if name == "teams" {
            let team = |(id, team): (u64, &simulator::Team)| {
                let members: Vec<u64> = team.members.keys().copied().collect();
                json!({"type": "team", "id": id.to_string(), "name": team.name, "admin_ids": members})
            };
            return workspace.teams().map(team).collect();
        }
        let admin = |(id, admin): (u64, &Admin)| {
            let teams: Vec<u64> =
                workspace.teams().filter(|(_, team)| team.members.contains_key(&id)).map(|(id, _)| id).collect();
            json!({
                "type": "admin", "id": id.to_string(), "name": admin.name, "email": admin.email,
                "has_inbox_seat": admin.has_inbox_seat, "team_ids": teams,
                "role": admin.role.as_ref().map(|role| json!({"type": "role", "id": role.id, "name": role.name})),
            })
        };
        workspace.admins().map(admin).collect()
    });
    let entries: Vec<Value> =
        entries.into_iter().filter_map(|mut entry| change(&mut entry).then_some(entry)).collect();
    Fault::json(200, &json!({ name: entries }).to_string())
}

fn held_by(run: &Run) -> Vec<(LossKind, usize, usize)> {
    run.held_by.iter().map(|by| (by.kind, by.lost, by.of)).collect()
}

#[track_caller]
fn assert_held(run: &Run, by: &[(LossKind, usize, usize)]) {
    assert_eq!((run.status, run.generation), (RunStatus::Held, None), "{:?}", run.error);
    assert_eq!(held_by(run), by, "{:?}", run.error);
    let why = run.error.as_ref().unwrap();
    assert!(why.code == "too_many_removals" && why.remedy.contains("--allow-removals"), "{why:?}");
    assert!(!why.detail.contains("example.com") && !why.detail.contains("Person"), "{why:?}");
}

/// Asserts that a full and an incremental import are both held, and change nothing but the list of
/// runs.
async fn is_held(hand: &Hand, by: &[(LossKind, usize, usize)]) {
    let before = hand.recorded().await;
    for mode in [Mode::Incremental, Mode::Full] {
        let run = hand.import(mode).await;
        assert_held(&run, by);
        assert_eq!(
            hand.ledger.run("default", run.id).await.unwrap(),
            Some(run),
            "the record is the run"
        );
    }
    assert_eq!(hand.recorded().await, before);
}

fn sizes(snapshot: &Snapshot) -> (usize, usize, usize) {
    (active(snapshot).len(), snapshot.groups.len(), snapshot.memberships.len())
}

async fn a_company_that_changes_little_is_never_held(database: TestDatabase) {
    let (hand, ids, teams) = company(database, 12).await;
    assert_eq!(hand.full().await.generation, None);
    hand.simulator.change(|workspace| {
        workspace.remove_admin(ids[0], ids[11], 0);
        workspace.admin_mut(ids[1]).unwrap().has_inbox_seat = false;
        workspace.admin_mut(ids[2]).unwrap().role = None;
        "new@example.com".clone_into(&mut workspace.admin_mut(ids[3]).unwrap().email);
        workspace.team_mut(teams[0]).unwrap().members.remove(&ids[4]);
    });
    let run = hand.incremental().await;
    assert_eq!(
        (run.status, run.counts.users_removed, run.held_by),
        (RunStatus::Succeeded, 1, Vec::new())
    );
    hand.simulator.change(|workspace| workspace.remove_team(teams[1]));
    assert_eq!(hand.incremental().await.status, RunStatus::Succeeded);
}

async fn all_teams_but_one_that_are_empty_are_held(database: TestDatabase) {
    let (hand, _, teams) = company(database, 60).await;
    hand.simulator.change(|workspace| {
        teams[1..].iter().for_each(|team| workspace.team_mut(*team).unwrap().members.clear());
    });
    is_held(&hand, &[(LossKind::Memberships, 50, 60)]).await;
    let run = hand.allowing_removals(Mode::Full).await;
    assert_eq!((run.status, run.counts.memberships_removed), (RunStatus::Succeeded, 50));
}

async fn a_list_of_teams_that_is_empty_while_admins_name_teams_is_held(database: TestDatabase) {
    let (hand, _, _) = company(database, 60).await;
    for teams in [
        r#"{"type":"team.list","teams":[]}"#,
        r#"{"teams":[],"pages":{"page":1,"total_pages":1,"next":null}}"#,
    ] {
        hand.simulator.fail_from_now_on(Fault::json(200, teams), "/teams");
        is_held(&hand, &[(LossKind::Teams, 6, 6), (LossKind::Memberships, 60, 60)]).await;
        hand.simulator.heal();
        assert_eq!(hand.full().await.generation, None);
    }
    // A person accepts the import: then the list of teams counts.
    hand.simulator.fail_from_now_on(Fault::json(200, r#"{"teams":[]}"#), "/teams");
    assert_eq!(hand.allowing_removals(Mode::Full).await.status, RunStatus::Succeeded);
    assert_eq!(sizes(&hand.recorded().await), (60, 0, 0));
}

async fn teams_without_members_while_admins_name_them_are_held(database: TestDatabase) {
    let (hand, ids, _) = company(database, 60).await;
    let emptied = listed(&hand, "teams", |team| {
        team["admin_ids"] = json!([]);
        true
    });
    hand.simulator.fail_from_now_on(emptied, "/teams");
    is_held(&hand, &[(LossKind::Memberships, 60, 60)]).await;
    hand.simulator.heal();

    // The loss of a few members is small enough to commit. It waits all the same, because the lists
    // disagree.
    let few = &ids[..8];
    let others = ids[8..].len();
    let emptied = listed(&hand, "teams", |team| {
        let members: Vec<u64> = serde_json::from_value(team["admin_ids"].clone()).unwrap();
        team["admin_ids"] =
            json!(members.iter().filter(|id| !few.contains(id)).collect::<Vec<_>>());
        true
    });
    hand.simulator.fail_from_now_on(emptied, "/teams");
    let run = hand.full().await;
    assert_eq!(run.status, RunStatus::Succeeded, "{:?}", run.error);
    assert_eq!(
        (run.counts.memberships_removed, sizes(&hand.recorded().await).2),
        (0, few.len() + others)
    );
    assert!(
        run.warnings.iter().any(|warning| warning.code == "removals_wait"),
        "{:?}",
        run.warnings
    );
    assert!(
        run.warnings.iter().any(|warning| warning.code == "lists_disagree"),
        "{:?}",
        run.warnings
    );
}

async fn a_list_of_admins_that_lacks_members_of_teams_is_held(database: TestDatabase) {
    let (hand, ids, _) = company(database, 60).await;
    let shown: Vec<String> = ids[..40].iter().map(ToString::to_string).collect();
    let short = listed(&hand, "admins", |admin| shown.iter().any(|id| *id == admin["id"]));
    hand.simulator.fail_from_now_on(short, "/admins");
    is_held(&hand, &[(LossKind::People, 20, 60)]).await;

    // Seven people are missing from the list of admins, but not from the teams.
    hand.simulator.heal();
    let shown: Vec<String> = ids[..53].iter().map(ToString::to_string).collect();
    let short = listed(&hand, "admins", |admin| shown.iter().any(|id| *id == admin["id"]));
    hand.simulator.fail_from_now_on(short, "/admins");
    assert_held(&hand.full().await, &[(LossKind::People, 7, 60)]);
    assert_eq!(sizes(&hand.recorded().await), (60, 6, 60));
}

async fn a_list_that_shrinks_by_a_tenth_at_each_import_is_held(database: TestDatabase) {
    let (hand, ids, _) = company(database, 200).await;
    let mut left = ids.clone();
    let mut held = 0;
    for _ in 0..20 {
        let leavers = left.split_off(left.len() - left.len() / 10);
        hand.simulator.change(|workspace| {
            for id in &leavers {
                workspace.remove_admin(*id, ids[0], 0);
            }
        });
        held += usize::from(hand.incremental().await.status == RunStatus::Held);
    }
    assert_eq!(held, 19, "the first tenth is let through");
    assert_eq!(sizes(&hand.recorded().await).0, 180);
    let run = hand.full().await;
    assert!(
        run.error.unwrap().detail.contains("within 1day, 20 of them by the imports before"),
        "{:?}",
        run.held_by
    );
}

async fn five_of_twenty_five_at_each_import_are_held(database: TestDatabase) {
    let (hand, ids, _) = company(database, 25).await;
    let leave = |ids: &[u64]| {
        hand.simulator
            .change(|workspace| ids.iter().for_each(|id| workspace.remove_admin(*id, 0, 0)));
    };
    leave(&ids[..5]);
    assert_eq!(hand.incremental().await.status, RunStatus::Succeeded);
    leave(&ids[5..6]);
    is_held(&hand, &[(LossKind::People, 6, 25)]).await;
    // A day later, these five losses do not count any more, and five people may leave again.
    hand.clock.advance(Duration::from_hours(24));
    leave(&ids[6..10]);
    assert_eq!(hand.full().await.counts.users_removed, 5);
    leave(&ids[10..11]);
    is_held(&hand, &[(LossKind::People, 6, 20)]).await;
}

async fn memberships_that_end_bit_by_bit_are_held(database: TestDatabase) {
    let (hand, ids, teams) = company(database, 40).await;
    let leave = |ids: &[u64]| {
        hand.simulator.change(|workspace| {
            for team in &teams {
                workspace.team_mut(*team).unwrap().members.retain(|id, _| !ids.contains(id));
            }
        });
    };
    for step in [0..4, 4..8] {
        leave(&ids[step]);
        assert_eq!(hand.incremental().await.status, RunStatus::Succeeded);
    }
    leave(&ids[8..12]);
    is_held(&hand, &[(LossKind::Memberships, 12, 40)]).await;
}

async fn accepted_losses_are_not_counted_again(database: TestDatabase) {
    let (hand, ids, _) = company(database, 40).await;
    let leave = |ids: &[u64]| {
        hand.simulator
            .change(|workspace| ids.iter().for_each(|id| workspace.remove_admin(*id, 0, 0)));
    };
    leave(&ids[..10]);
    is_held(&hand, &[(LossKind::People, 10, 40)]).await;
    assert_eq!(hand.allowing_removals(Mode::Full).await.counts.users_removed, 10);
    leave(&ids[10..15]);
    assert_eq!(hand.incremental().await.counts.users_removed, 5);
    leave(&ids[15..16]);
    is_held(&hand, &[(LossKind::People, 6, 30)]).await;
}

async fn a_person_who_came_back_is_not_counted_as_a_loss(database: TestDatabase) {
    let (hand, ids, _) = company(database, 25).await;
    for five in ids[..20].chunks(5) {
        let gone: Vec<(u64, Admin)> = hand.simulator.change(|workspace| {
            let gone = workspace
                .admins()
                .filter(|(id, _)| five.contains(id))
                .map(|(id, admin)| (id, admin.clone()));
            let gone: Vec<_> = gone.collect();
            for id in five {
                workspace.remove_admin(*id, 0, 0);
            }
            gone
        });
        assert_eq!(hand.incremental().await.counts.users_removed, 5);
        hand.simulator.change(|workspace| {
            for (id, admin) in gone {
                workspace.put_back(id, admin);
            }
        });
        assert_eq!(hand.incremental().await.counts.users_restored, 5);
    }
}

async fn losses_recorded_while_the_clock_was_ahead_count(database: TestDatabase) {
    let (hand, ids, _) = company(database, 25).await;
    let leave = |ids: &[u64]| {
        hand.simulator
            .change(|workspace| ids.iter().for_each(|id| workspace.remove_admin(*id, 0, 0)));
    };
    hand.clock.set_by(time::Duration::days(40));
    leave(&ids[..5]);
    assert_eq!(hand.incremental().await.counts.users_removed, 5);
    hand.clock.set_by(-time::Duration::days(40));
    leave(&ids[5..10]);
    is_held(&hand, &[(LossKind::People, 10, 25)]).await;
}

async fn a_clock_that_is_ahead_does_not_empty_the_window(database: TestDatabase) {
    let (hand, ids, _) = company(database, 25).await;
    // Responses have the real time in `Date`.
    hand.clock.set_by(Clock::System.now() - hand.clock.now());
    let leave = |ids: &[u64]| {
        hand.simulator
            .change(|workspace| ids.iter().for_each(|id| workspace.remove_admin(*id, 0, 0)));
    };
    leave(&ids[..5]);
    assert_eq!(hand.incremental().await.counts.users_removed, 5);
    hand.clock.set_by(time::Duration::hours(25));
    leave(&ids[5..10]);
    is_held(&hand, &[(LossKind::People, 10, 25)]).await;
}

async fn the_machine_stays_one_whatever_becomes_of_its_address(database: TestDatabase) {
    let (hand, _, _) = company(database, 3).await;
    for email in [json!(null), json!(7), json!("helper@example.com"), json!("")] {
        let odd = listed(&hand, "admins", |admin| {
            if admin["name"] == "Operator" {
                admin["email"] = email.clone();
                admin["name"] = json!("Helper");
            }
            true
        });
        hand.simulator.fail_from_now_on(odd, "/admins");
        for importer in [&hand.importer, &hand.another_importer()] {
            let dry = importer.dry_run(Mode::Full, &|_| {}).await.unwrap();
            assert_eq!(dry.plan.counts().users_created, 0, "{email}");
        }
        assert_eq!(
            (hand.full().await.status, sizes(&hand.recorded().await).0),
            (RunStatus::Succeeded, 3),
            "{email}"
        );
        hand.simulator.heal();
    }
}

async fn a_machine_that_was_never_seen_before_is_no_person(database: TestDatabase) {
    let mut workspace = Workspace::new(TOKEN);
    let ada = workspace.add_teammate("Ada Lovelace").to_string();
    let fin = workspace.add_admin(Admin { name: "Fin".to_owned(), ..Admin::default() });
    let helper = workspace.add_admin(Admin {
        name: "Helper".to_owned(),
        email: "operator+wjw5eps7@intercom.io".to_owned(),
        ..Admin::default()
    });
    workspace.note(1_772_000_000, "app_team_creation", helper, json!({}));
    let hand = Hand::with(database, workspace).await;
    let odd = listed(&hand, "admins", |admin| {
        if admin["id"] != ada {
            admin["email"] = Value::Null;
        }
        true
    });
    // Only the list is odd. The activity log says which admin is a bot.
    hand.simulator.fail(odd, "/admins", 1);
    let run = hand.full().await;
    assert_eq!(active(&hand.recorded().await), ["Ada Lovelace"], "{:?}", run.warnings);
    assert!(
        run.warnings
            .iter()
            .any(|warning| warning.detail.starts_with(&format!("admin {fin} is taken for")))
    );
    // An admin named Fin who has an address is a person.
    hand.simulator.change(|workspace| {
        "fin@example.com".clone_into(&mut workspace.admin_mut(fin).unwrap().email);
    });
    hand.full().await;
    assert_eq!(active(&hand.recorded().await), ["Ada Lovelace", "Fin"]);
}

async fn a_dry_run_names_who_would_lose_what(database: TestDatabase) {
    let (hand, ids, _) = company(database, 40).await;
    hand.simulator
        .change(|workspace| ids[..5].iter().for_each(|id| workspace.remove_admin(*id, 0, 0)));
    hand.incremental().await;
    hand.simulator
        .change(|workspace| ids[5..7].iter().for_each(|id| workspace.remove_admin(*id, 0, 0)));
    let DryRun { verdict, recorded, .. } =
        hand.importer.dry_run(Mode::Full, &|_| {}).await.unwrap();
    let PlanDecision::Hold(held) = verdict else { panic!("held") };
    assert_eq!(
        (held.losses.count(LossKind::People), held.by[0].earlier),
        (7, 5),
        "with those who went before"
    );
    assert_eq!(recorded.users.len(), 40, "where their names are");
    // Other settings have other limits.
    let client = Client::new(connection(&hand.simulator.base_url()), hand.clock.clone()).unwrap();
    let mut options = OPTIONS;
    options.guard.window = Duration::from_secs(30);
    let importer =
        Importer::new("default", client.into(), hand.ledger.clone(), hand.clock.clone(), options);
    hand.clock.advance(Duration::from_mins(1));
    assert_eq!(importer.dry_run(Mode::Full, &|_| {}).await.unwrap().verdict, PlanDecision::Commit);
}
