//! Random histories: all changes together give the recorded state, and past states stay the same.

use std::collections::BTreeMap;

use bytes::Bytes;
use intercom_scim_bridge::directory::{
    Directory, Mode, Names, RecordedChange, Snapshot, SnapshotId,
};
use intercom_scim_bridge::publish::{PublishOptions, Publisher};
use intercom_scim_bridge::scim::{Forms, resource_types};
use intercom_scim_bridge::tabular::{
    ChangeDocument, attributes_of_group, attributes_of_membership, attributes_of_user,
};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Map, Value, json};
use simulator::{Admin, Workspace};
use time::OffsetDateTime;

use super::all;
use crate::on_both_databases;
use crate::support::database::TestDatabase;
use crate::support::hand::{Hand, TOKEN};

on_both_databases!(all_changes_together_are_the_current_state_and_past_states_stay_the_same);

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

/// Performs a deed if the workspace has someone for it. `gone` has the people who left.
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
            workspace.admin_mut(person(*who)).unwrap().job_title.clone_from(title);
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
            teams.get(*which).iter().for_each(|team| workspace.remove_team(**team));
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

/// Rebuilds the state from the changes alone, as a client does.
fn rebuilt(changes: &[RecordedChange]) -> State {
    let mut state = State::new();
    for change in changes {
        // Through JSON, as a client gets it.
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

async fn all_changes_together_are_the_current_state_and_past_states_stay_the_same(
    database: TestDatabase,
) {
    let url = database.url.clone();
    let sqlite = url.starts_with("sqlite");
    let runtime = tokio::runtime::Handle::current();
    // proptest is not async, so it runs on a thread that may block.
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

/// Imports a history step by step. Then each past state is rebuilt, from its generation and from
/// the changes up to it.
async fn check(database: TestDatabase, history: &[Vec<ActivityKind>]) {
    let mut workspace = Workspace::new(TOKEN);
    for name in ["Ada Lovelace", "Bo Diddley", "Cy Twombly"] {
        workspace.add_teammate(name);
    }
    let hand = Hand::with(database, workspace).await;
    let states = import_step_by_step(&hand, history).await;
    let changes = all(&hand).await;
    assert_eq!(rebuilt(&changes), recorded(&states.last().unwrap().1));
    for (moment, snapshot) in &states {
        assert_generation_at(&hand, *moment, snapshot).await;
        let until: Vec<RecordedChange> =
            changes.iter().filter(|change| change.at <= *moment).cloned().collect();
        assert_eq!(rebuilt(&until), recorded(snapshot), "the changes up to {moment}");
    }
    assert_eq!(hand.allowing_removals(Mode::Full).await.generation, None, "nothing was left out");
    let verified = hand.ledger.verify("default", None).await.unwrap();
    assert_eq!(verified.findings, []);
}

/// Performs and imports each step of a history, and returns the state after each. A publisher that
/// reads each step serves the same as one that reads the whole at once.
async fn import_step_by_step(
    hand: &Hand,
    history: &[Vec<ActivityKind>],
) -> Vec<(OffsetDateTime, Snapshot)> {
    let mut gone = Vec::new();
    let step_by_step = publisher(hand);
    let mut states = Vec::new();
    for (step, deeds) in history.iter().enumerate() {
        let at = hand.clock.now().unix_timestamp();
        hand.simulator.change(|workspace| {
            for deed in deeds {
                perform(workspace, &mut gone, deed, at);
            }
        });
        // Both kinds of imports: full and incremental.
        hand.allowing_removals(if step % 3 == 0 { Mode::Full } else { Mode::Incremental }).await;
        states.push((hand.clock.now(), hand.recorded().await));
        assert_eq!(
            served(&step_by_step).await,
            served(&publisher(hand)).await,
            "read in steps and at once"
        );
        hand.clock.advance(std::time::Duration::from_mins(1));
    }
    states
}

fn publisher(hand: &Hand) -> Publisher {
    let options = PublishOptions {
        base_url: "https://bridge.example/scim/v2".to_owned(),
        second_base_url: None,
        names: Names::default(),
        forms: Forms::default(),
        retention: std::time::Duration::from_secs(200),
        activity_lookback: std::time::Duration::ZERO,
        with_enterprise: false,
    };
    Publisher::new("default", options, hand.ledger.clone(), hand.clock.clone())
}

/// The version and the body of a resource.
type Body = (String, Bytes);

/// Returns what a publisher serves: the snapshot id, and the version and body of each resource.
async fn served(publisher: &Publisher) -> (SnapshotId, Vec<Body>, Vec<Body>) {
    publisher.refresh().await.unwrap();
    let served = publisher.live().served().unwrap();
    let bodies = |kind| {
        served
            .all(kind)
            .map(|resource| (resource.version().to_owned(), served.response(resource)))
            .collect::<Vec<_>>()
    };
    (served.snapshot_id(), bodies(resource_types::USER), bodies(resource_types::GROUP))
}

/// Asserts that the generation of a moment is the state that was recorded then, except for volatile
/// values, which have no history.
async fn assert_generation_at(hand: &Hand, moment: OffsetDateTime, snapshot: &Snapshot) {
    let generation = hand.ledger.generation_at("default", moment).await.unwrap().unwrap();
    let again = hand.ledger.snapshot("default", generation).await.unwrap();
    let directory = |snapshot: Snapshot| {
        format!("{:?}", Directory::new(snapshot, OffsetDateTime::UNIX_EPOCH, None).people)
    };
    let without_volatile = |mut snapshot: Snapshot| {
        snapshot.users.iter_mut().for_each(|(_, volatile)| {
            *volatile = intercom_scim_bridge::directory::Volatile::default();
        });
        snapshot
    };
    let then = without_volatile(snapshot.clone());
    let again = without_volatile(again);
    assert_eq!(again, then, "at {moment}");
    assert_eq!(directory(again), directory(then), "at {moment}");
}
