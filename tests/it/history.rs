//! The history: the log of changes, the state at past moments, and who did what.

use std::collections::BTreeMap;

use intercom_scim_bridge::directory::{
    ChangeKind, ChangePosition, Directory, Mode, Names, RecordedChange, Snapshot,
};
use intercom_scim_bridge::ledger::LedgerError;
use intercom_scim_bridge::publish::{PublishOptions, Publisher};
use intercom_scim_bridge::scim::resource_types;
use intercom_scim_bridge::tabular::{
    ChangeDocument, attributes_of_group, attributes_of_membership, attributes_of_user,
};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Map, Value, json};
use simulator::{Admin, Role, Workspace};
use time::OffsetDateTime;

use crate::on_both_databases;
use crate::support::database::TestDatabase;
use crate::support::hand::{Hand, START, TOKEN};

on_both_databases!(
    an_import_that_changes_nothing_adds_no_change,
    changes_are_told_oldest_first_with_what_was_and_what_is,
    the_log_tells_who_did_it,
    a_walk_in_small_steps_neither_skips_nor_repeats,
    one_kind_of_changes_can_be_asked_for,
    a_generation_of_thousands_is_walked_like_any_other,
    a_deed_tells_of_one_change_and_of_no_other,
    a_moment_is_the_same_however_it_is_written,
    who_left_and_is_back_has_no_permissions_of_before,
    a_place_of_another_ledger_is_refused,
    changes_put_together_are_the_current_state_and_any_past_one_stays_what_it_was,
);

pub async fn all(hand: &Hand) -> Vec<RecordedChange> {
    hand.ledger.changes("default", &ChangePosition::START, None, 1_000).await.unwrap().changes
}

pub fn told(change: &RecordedChange) -> String {
    let document = ChangeDocument::from(change);
    format!("{} {} {}", document.r#type, document.action, document.id)
}

async fn an_import_that_changes_nothing_adds_no_change(database: TestDatabase) {
    let (hand, _) = Hand::small(database).await;
    let empty = hand.ledger.changes("default", &ChangePosition::START, None, 10).await.unwrap();
    assert_eq!((empty.changes.len(), empty.total, empty.more), (0, Some(0), false));
    hand.full().await;
    let page = hand.ledger.changes("default", &empty.next, None, 100).await.unwrap();
    assert_eq!(
        (page.changes.len(), page.total),
        (6, Some(6)),
        "three people, a team and two memberships"
    );
    hand.full().await;
    let again = hand.ledger.changes("default", &page.next, None, 100).await.unwrap();
    assert_eq!(
        (again.changes.len(), again.total, again.more, again.next),
        (0, Some(0), false, page.next)
    );
}

async fn changes_are_told_oldest_first_with_what_was_and_what_is(database: TestDatabase) {
    let (hand, small) = Hand::small(database).await;
    hand.full().await;
    let start =
        hand.ledger.changes("default", &ChangePosition::START, None, 100).await.unwrap().next;
    let cy = hand
        .simulator
        .change(|workspace| workspace.admins().find(|(id, _)| *id == small.cy).unwrap().1.clone());
    hand.simulator.change(|workspace| {
        workspace.admin_mut(small.ada).unwrap().job_title = Some("Countess".to_owned())
    });
    hand.full().await;
    hand.simulator.change(|workspace| {
        workspace.remove_admin(small.cy, small.ada, START.unix_timestamp() + 150)
    });
    hand.full().await;
    hand.simulator.change(|workspace| workspace.put_back(small.cy, cy));
    hand.full().await;
    hand.simulator.change(|workspace| workspace.remove_team(small.support));
    let last = hand.full().await;

    let page = hand.ledger.changes("default", &start, None, 100).await.unwrap();
    let (ada, bo, cy, team) = (small.ada, small.bo, small.cy, small.support);
    assert_eq!(
        page.changes.iter().map(told).collect::<Vec<_>>(),
        [
            format!("user updated adm_{ada}"),
            format!("user removed adm_{cy}"),
            format!("user restored adm_{cy}"),
            format!("group removed team_{team}"),
            format!("membership removed adm_{ada}:team_{team}"),
            format!("membership removed adm_{bo}:team_{team}"),
        ]
    );
    let first = ChangeDocument::from(&page.changes[0]);
    assert_eq!(
        (json!(first.before), json!(first.after)),
        (json!({"title": null}), json!({"title": "Countess"})),
        "what changed, and nothing else"
    );
    let end = ChangeDocument::from(&page.changes[3]);
    assert_eq!(
        (json!(end.before), json!(end.after)),
        (json!({"display_name": "Support"}), json!(null))
    );
    assert_eq!((end.import_id, end.generation), (last.id, 5));
    assert!(page.changes.is_sorted_by_key(|change| change.at));
}

async fn the_log_tells_who_did_it(database: TestDatabase) {
    let (hand, small) = Hand::small(database).await;
    hand.full().await;
    let start =
        hand.ledger.changes("default", &ChangePosition::START, None, 100).await.unwrap().next;
    let now = START.unix_timestamp();
    hand.simulator.change(|workspace| {
        workspace.remove_admin(small.cy, small.ada, now + 70);
        workspace.set_permissions(small.bo, small.ada, &["export_data"], now + 75);
        // Somebody's sign-in is no deed of this kind, however close it is.
        workspace.sign_in(small.bo, "saml", now + 80);
    });
    hand.incremental().await;
    let lead = Role { id: "3".to_owned(), name: "Lead".to_owned() };
    hand.simulator.change(|workspace| workspace.admin_mut(small.ada).unwrap().role = Some(lead));
    hand.incremental().await;
    // What the entry is about may be written as a text or as a number, and only a team may be
    // named.
    hand.simulator.change(|workspace| {
        workspace.admin_mut(small.bo).unwrap().has_inbox_seat = true;
        workspace.note(
            now + 190,
            "seat_change",
            small.ada,
            json!({"admin": {"id": small.bo.to_string()}}),
        );
        workspace.team_mut(small.support).unwrap().members.remove(&small.bo);
        workspace.note(
            now + 195,
            "app_team_membership_modification",
            small.ada,
            json!({"team": {"id": small.support}}),
        );
    });
    hand.incremental().await;

    let page = hand.ledger.changes("default", &start, None, 100).await.unwrap();
    let who = |change: &RecordedChange| {
        let actor = ChangeDocument::from(change).actor;
        (
            told(change),
            actor.map(|actor| (actor.id.unwrap(), actor.activity_type, actor.at.unix_timestamp())),
        )
    };
    let by_ada = |deed: &str, at| Some((format!("adm_{}", small.ada), deed.to_owned(), now + at));
    assert_eq!(
        page.changes.iter().map(who).collect::<Vec<_>>(),
        [
            (format!("user updated adm_{}", small.bo), by_ada("admin_permission_change", 75)),
            (format!("user removed adm_{}", small.cy), by_ada("admin_deletion", 70)),
            (format!("user updated adm_{}", small.ada), None),
            (format!("user updated adm_{}", small.bo), by_ada("seat_change", 190)),
            (
                format!("membership removed adm_{}:team_{}", small.bo, small.support),
                by_ada("app_team_membership_modification", 195)
            ),
        ]
    );
}

async fn a_walk_in_small_steps_neither_skips_nor_repeats(database: TestDatabase) {
    let (hand, small) = Hand::small(database).await;
    hand.full().await;
    hand.simulator.change(|workspace| {
        workspace.add_team("Sales", &[small.ada, small.bo, small.cy]);
        workspace.team_mut(small.support).unwrap().members.remove(&small.ada);
    });
    hand.full().await;
    hand.simulator.change(|workspace| workspace.remove_team(small.support));
    hand.full().await;
    let all = all(&hand).await;
    for step in 1..=all.len() + 1 {
        let (mut place, mut walked) = (ChangePosition::START, Vec::new());
        loop {
            let page = hand.ledger.changes("default", &place, None, step).await.unwrap();
            assert_eq!(page.total, Some((all.len() - walked.len()) as u64), "in steps of {step}");
            walked.extend(page.changes);
            // Through the text that clients keep.
            place = ChangePosition::from_cursor(&page.next.to_cursor()).unwrap();
            if !page.more {
                break;
            }
        }
        assert_eq!(walked, all, "in steps of {step}");
    }
    for (at, change) in all.iter().enumerate() {
        let rest = hand.ledger.changes("default", &change.position, None, 100).await.unwrap();
        assert_eq!(rest.changes, all[at + 1..], "after the change {at}");
        assert_eq!(rest.total, Some((all.len() - at - 1) as u64), "after the change {at}");
    }
}

async fn one_kind_of_changes_can_be_asked_for(database: TestDatabase) {
    let (hand, small) = Hand::small(database).await;
    hand.full().await;
    hand.simulator
        .change(|workspace| workspace.remove_admin(small.bo, small.ada, START.unix_timestamp()));
    hand.full().await;
    for (kind, word, count) in [
        (ChangeKind::User, "user", 4_usize),
        (ChangeKind::Group, "group", 1),
        (ChangeKind::Membership, "membership", 3),
    ] {
        let (mut place, mut found) = (ChangePosition::START, Vec::new());
        loop {
            let page = hand.ledger.changes("default", &place, Some(kind), 1).await.unwrap();
            assert_eq!(page.total, Some((count - found.len()) as u64));
            found.extend(page.changes.iter().map(|change| ChangeDocument::from(change).r#type));
            place = page.next;
            if !page.more {
                break;
            }
        }
        assert_eq!(found, vec![word; count]);
    }
}

async fn a_generation_of_thousands_is_walked_like_any_other(database: TestDatabase) {
    let mut workspace = Workspace::new(TOKEN);
    let people: Vec<u64> =
        (0..2_500).map(|number| workspace.add_teammate(&format!("Teammate {number}"))).collect();
    workspace.add_team("Everybody", &people);
    let hand = Hand::with(database, workspace).await;
    hand.full().await;
    hand.simulator.change(|workspace| {
        for id in &people {
            workspace.admin_mut(*id).unwrap().has_inbox_seat = true;
        }
        let team = workspace.teams().next().unwrap().0;
        workspace.remove_team(team);
    });
    hand.allowing_removals(Mode::Full).await;
    let (mut place, mut walked, expected) = (ChangePosition::START, 0, 2 * 2_500 * 2 + 2);
    loop {
        let page = hand.ledger.changes("default", &place, None, 700).await.unwrap();
        assert_eq!(page.total, Some(expected - walked));
        walked += page.changes.len() as u64;
        place = page.next;
        if !page.more {
            break;
        }
    }
    assert_eq!(walked, expected);
}

async fn a_deed_tells_of_one_change_and_of_no_other(database: TestDatabase) {
    let (hand, small) = Hand::small(database).await;
    hand.full().await;
    let start =
        hand.ledger.changes("default", &ChangePosition::START, None, 100).await.unwrap().next;
    let now = START.unix_timestamp();
    hand.simulator.change(|workspace| {
        workspace.set_permissions(small.ada, small.bo, &["export_data"], now + 80)
    });
    hand.incremental().await;
    // A moment later, Ada changes her title: that was not Bo.
    hand.simulator.change(|workspace| {
        workspace.admin_mut(small.ada).unwrap().job_title = Some("Countess".to_owned())
    });
    hand.incremental().await;
    let page = hand.ledger.changes("default", &start, None, 100).await.unwrap();
    let by: Vec<bool> = page.changes.iter().map(|change| change.cause.is_some()).collect();
    assert_eq!(by, [true, false]);
}

async fn a_moment_is_the_same_however_it_is_written(database: TestDatabase) {
    let (hand, small) = Hand::small(database).await;
    hand.clock.advance(std::time::Duration::from_millis(500));
    hand.full().await;
    let first = hand.clock.now();
    hand.simulator
        .change(|workspace| workspace.admin_mut(small.ada).unwrap().has_inbox_seat = true);
    hand.clock.advance(std::time::Duration::from_millis(10));
    hand.full().await;
    let at =
        async |moment: OffsetDateTime| hand.ledger.generation_at("default", moment).await.unwrap();
    for offset in [time::UtcOffset::UTC, time::macros::offset!(+5:30), time::macros::offset!(-11)] {
        let first = first.to_offset(offset);
        assert_eq!(at(first).await, Some(1), "{offset}");
        assert_eq!(at(first - time::Duration::milliseconds(1)).await, None, "{offset}");
        assert_eq!(at(first.replace_millisecond(0).unwrap()).await, None, "{offset}");
        assert_eq!(at(first + time::Duration::minutes(1)).await, Some(1), "{offset}");
        assert_eq!(at(first + time::Duration::minutes(2)).await, Some(2), "{offset}");
    }
}

async fn who_left_and_is_back_has_no_permissions_of_before(database: TestDatabase) {
    let (hand, small) = Hand::small(database).await;
    let now = START.unix_timestamp();
    hand.simulator.change(|workspace| {
        workspace.set_permissions(small.bo, small.ada, &["export_data"], now - 9_000)
    });
    hand.full().await;
    let bo = hand
        .simulator
        .change(|workspace| workspace.admins().find(|(id, _)| *id == small.bo).unwrap().1.clone());
    hand.simulator.change(|workspace| workspace.remove_admin(small.bo, small.ada, now));
    hand.full().await;
    hand.simulator.change(|workspace| workspace.put_back(small.bo, bo));
    for mode in [Mode::Incremental, Mode::Full] {
        hand.import(mode).await;
        let recorded = hand.recorded().await;
        let bo = recorded
            .users
            .iter()
            .find(|(user, _)| user.value.id.as_str() == small.bo.to_string())
            .unwrap();
        assert_eq!((bo.0.value.active, &bo.0.value.permissions), (true, &None), "{mode:?}");
    }
}

async fn a_place_of_another_ledger_is_refused(database: TestDatabase) {
    let (hand, _) = Hand::small(database).await;
    let elsewhere = ChangePosition::from_cursor("Ny8v").unwrap();
    let error = hand.ledger.changes("default", &elsewhere, None, 1).await.unwrap_err();
    assert!(matches!(error, LedgerError::NoSuchPosition), "{error}");
}

/// Something that happens in a workspace.
#[derive(Clone, Debug)]
enum ActivityKind {
    Join(String),
    Leave(usize),
    Return(usize),
    Retitle(usize, Option<String>),
    Reseat(usize),
    Found(String, Vec<usize>),
    Dissolve(usize),
    Enter(usize, usize),
    Exit(usize, usize),
}

fn deeds() -> impl Strategy<Value = Vec<Vec<ActivityKind>>> {
    let who = || 0_usize..8;
    let deed = prop_oneof![
        "[A-Z][a-zé]{1,6} [A-Z][a-z]{1,6}".prop_map(ActivityKind::Join),
        who().prop_map(ActivityKind::Leave),
        who().prop_map(ActivityKind::Return),
        (who(), proptest::option::of("[A-Za-z ]{1,8}"))
            .prop_map(|(who, title)| ActivityKind::Retitle(who, title)),
        who().prop_map(ActivityKind::Reseat),
        ("[A-Z][a-z]{1,6}", proptest::collection::vec(who(), 0..4))
            .prop_map(|(name, who)| ActivityKind::Found(name, who)),
        who().prop_map(ActivityKind::Dissolve),
        (who(), who()).prop_map(|(who, team)| ActivityKind::Enter(who, team)),
        (who(), who()).prop_map(|(who, team)| ActivityKind::Exit(who, team)),
    ];
    proptest::collection::vec(proptest::collection::vec(deed, 0..5), 1..7)
}

/// Does a deed, if there is somebody to do it to. Those who left wait in `gone`.
fn perform(workspace: &mut Workspace, gone: &mut Vec<(u64, Admin)>, deed: &ActivityKind, at: i64) {
    let people: Vec<u64> = workspace.admins().map(|(id, _)| id).collect();
    let teams: Vec<u64> = workspace.teams().map(|(id, _)| id).collect();
    let person = |which: usize| people[which % people.len()];
    let team = |which: usize| teams.get(which % teams.len().max(1)).copied();
    match deed {
        ActivityKind::Join(name) => {
            workspace.add_teammate(name);
        }
        ActivityKind::Leave(who) if people.len() > 2 => {
            let id = person(*who);
            let admin = workspace.admins().find(|(other, _)| *other == id).unwrap().1.clone();
            workspace.remove_admin(id, people[0], at);
            gone.push((id, admin));
        }
        ActivityKind::Leave(_) => {}
        ActivityKind::Return(who) => {
            if !gone.is_empty() {
                let (id, admin) = gone.swap_remove(who % gone.len());
                workspace.put_back(id, admin);
            }
        }
        ActivityKind::Retitle(who, title) => {
            workspace.admin_mut(person(*who)).unwrap().job_title.clone_from(title)
        }
        ActivityKind::Reseat(who) => {
            let admin = workspace.admin_mut(person(*who)).unwrap();
            admin.has_inbox_seat = !admin.has_inbox_seat;
        }
        ActivityKind::Found(name, who) => {
            let members: Vec<u64> = who.iter().map(|who| person(*who)).collect();
            workspace.add_team(name, &members);
        }
        ActivityKind::Dissolve(which) => {
            teams.get(*which).iter().for_each(|team| workspace.remove_team(**team))
        }
        ActivityKind::Enter(who, which) => {
            if let Some(team) = team(*which) {
                workspace.team_mut(team).unwrap().members.insert(person(*who), None);
            }
        }
        ActivityKind::Exit(who, which) => {
            if let Some(team) = team(*which) {
                workspace.team_mut(team).unwrap().members.remove(&person(*who));
            }
        }
    }
}

type State = BTreeMap<String, Map<String, Value>>;

/// What a reader knows who has only the changes.
fn rebuilt(changes: &[RecordedChange]) -> State {
    let mut state = State::new();
    for change in changes {
        // As it arrives: through JSON.
        let document: Value =
            serde_json::from_str(&json!(ChangeDocument::from(change)).to_string()).unwrap();
        let id = document["id"].as_str().unwrap().to_owned();
        match document["after"].as_object() {
            None => drop(state.remove(&id)),
            Some(after) => {
                let known = state.entry(id).or_default();
                known.extend(after.clone());
                known.retain(|_, value| !value.is_null());
            }
        }
    }
    state
}

fn recorded(snapshot: &Snapshot) -> State {
    let known = |mut attributes: Map<String, Value>| {
        attributes.retain(|_, value| !value.is_null());
        attributes
    };
    let mut state = State::new();
    for (user, _) in &snapshot.users {
        state.insert(format!("adm_{}", user.value.id), known(attributes_of_user(&user.value)));
    }
    for group in &snapshot.groups {
        state.insert(format!("team_{}", group.value.id), known(attributes_of_group(&group.value)));
    }
    for membership in &snapshot.memberships {
        let id = format!("adm_{}:team_{}", membership.user, membership.group);
        state.insert(id, known(attributes_of_membership(membership)));
    }
    state
}

async fn changes_put_together_are_the_current_state_and_any_past_one_stays_what_it_was(
    database: TestDatabase,
) {
    let url = database.url.clone();
    let sqlite = url.starts_with("sqlite");
    let runtime = tokio::runtime::Handle::current();
    // The histories are random, so the runner is a thread of its own that may wait.
    let checked = tokio::task::spawn_blocking(move || {
        let mut runner = TestRunner::new(Config {
            cases: if sqlite { 12 } else { 6 },
            failure_persistence: None,
            ..Config::default()
        });
        runner.run(&deeds(), |history| {
            runtime.block_on(async {
                let database = if sqlite {
                    TestDatabase::sqlite()
                } else {
                    TestDatabase::postgres().await.unwrap()
                };
                check(database, &history).await;
            });
            Ok(())
        })
    });
    checked.await.unwrap().unwrap();
}

async fn check(database: TestDatabase, history: &[Vec<ActivityKind>]) {
    let mut workspace = Workspace::new(TOKEN);
    for name in ["Ada Lovelace", "Bo Diddley", "Cy Twombly"] {
        workspace.add_teammate(name);
    }
    let hand = Hand::with(database, workspace).await;
    let mut gone = Vec::new();
    let publisher = || {
        let base_url = "https://bridge.example/scim/v2".to_owned();
        let options = PublishOptions {
            base_url,
            names: Names::default(),
            retention: std::time::Duration::from_secs(200),
        };
        Publisher::new("default", options, hand.ledger.clone(), hand.clock.clone())
    };
    let shown = async |publisher: &Publisher| {
        publisher.refresh().await.unwrap();
        let served = publisher.live().served().unwrap();
        let bodies = |kind| {
            served
                .all(kind)
                .map(|resource| (resource.version().to_owned(), served.response(resource)))
                .collect::<Vec<_>>()
        };
        (served.snapshot_id(), bodies(resource_types::USER), bodies(resource_types::GROUP))
    };
    let step_by_step = publisher();
    let mut then: Vec<(OffsetDateTime, Snapshot)> = Vec::new();
    for (step, deeds) in history.iter().enumerate() {
        let at = hand.clock.now().unix_timestamp();
        hand.simulator.change(|workspace| {
            deeds.iter().for_each(|deed| perform(workspace, &mut gone, deed, at))
        });
        // Planned from everything, and from what differs.
        hand.allowing_removals(if step % 3 == 0 { Mode::Full } else { Mode::Incremental }).await;
        then.push((hand.clock.now(), hand.recorded().await));
        assert_eq!(
            shown(&step_by_step).await,
            shown(&publisher()).await,
            "what is shown, read in steps and at once"
        );
        hand.clock.advance(std::time::Duration::from_mins(1));
    }

    let changes = all(&hand).await;
    assert_eq!(rebuilt(&changes), recorded(&then.last().unwrap().1));
    for (moment, snapshot) in &then {
        let generation = hand.ledger.generation_at("default", *moment).await.unwrap().unwrap();
        let again = hand.ledger.snapshot("default", generation).await.unwrap();
        let directory = |snapshot: Snapshot| {
            format!("{:?}", Directory::new(snapshot, OffsetDateTime::UNIX_EPOCH, None).people)
        };
        let without_volatile = |mut snapshot: Snapshot| {
            snapshot.users.iter_mut().for_each(|(_, volatile)| {
                *volatile = intercom_scim_bridge::directory::Volatile::default()
            });
            snapshot
        };
        let (then, again) = (without_volatile(snapshot.clone()), without_volatile(again));
        assert_eq!(again, then, "at {moment}");
        assert_eq!(directory(again), directory(then), "at {moment}");
        let until: Vec<RecordedChange> =
            changes.iter().filter(|change| change.at <= *moment).cloned().collect();
        assert_eq!(rebuilt(&until), recorded(snapshot), "the changes up to {moment}");
    }
    assert_eq!(hand.allowing_removals(Mode::Full).await.generation, None, "nothing was left out");
    let verified = hand.ledger.verify("default", None).await.unwrap();
    assert_eq!(verified.findings, []);
}
