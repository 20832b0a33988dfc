//! Rosters and decisions, if clocks are wrong.

use std::time::Duration;

use intercom_scim_bridge::app::{App, identities_of};
use intercom_scim_bridge::clock::Clock;
use intercom_scim_bridge::identities::{ImportOutcome, NewDecision, NewVerdict, Shown};
use intercom_scim_bridge::ledger::Bearer;
use intercom_scim_bridge::roster::{Completeness, DecisionState};
use intercom_scim_bridge::stores::VersionState;
use secrecy::SecretString;
use simulator::{Options, Simulator};
use time::OffsetDateTime;

use super::story::{FIRST, SECOND, Story, WEEKS, config, halved};
use crate::on_both_databases;
use crate::support::bridge::{self, Bridge, dozen, start_import};
use crate::support::database::TestDatabase;
use crate::support::waiting::until;

on_both_databases!(
    after_a_roster_from_the_future_a_held_one_can_be_accepted,
    a_held_roster_is_discarded_by_the_order_of_confirmations,
    a_revocation_by_a_host_that_is_ahead_counts_at_once,
    a_decision_two_seconds_ahead_does_not_stay_missing,
    an_import_by_a_clock_that_is_ahead_erases_nobody,
);

const AHEAD: time::Duration = time::Duration::days(40);

async fn after_a_roster_from_the_future_a_held_one_can_be_accepted(database: TestDatabase) {
    let story = Story::begin(database).await;
    let ahead = async || {
        let now = story.clock.now();
        story.stores.times_ahead("default", now).await.unwrap().map(|ahead| ahead.bearer)
    };
    story.clock.set_by(AHEAD);
    story.import(FIRST).await;
    assert_eq!(ahead().await, None);
    let confirmed = story.clock.now();
    story.clock.set_by(-AHEAD);
    assert_eq!(ahead().await, Some(Bearer::Roster(1)));
    assert!(story.identities.is_stale(confirmed), "its age is unknown");
    assert_eq!(story.identities.known_time(confirmed), None);
    let held = story.import(&halved()).await;
    assert!(matches!(held, ImportOutcome::Held { version: 2, .. }), "{held:?}");
    assert_eq!(story.states().await, [VersionState::Held, VersionState::InForce]);
    story.identities.accept(2, &story.author).await.unwrap();
    assert_eq!(story.states().await, [VersionState::InForce, VersionState::Replaced]);
}

async fn a_held_roster_is_discarded_by_the_order_of_confirmations(database: TestDatabase) {
    let story = Story::begin(database).await;
    story.import(FIRST).await;
    story.clock.set_by(AHEAD);
    story.import(&halved()).await;
    story.clock.set_by(-AHEAD);
    // The source has recovered, although the held version has a later time.
    story.import(FIRST).await;
    assert_eq!(story.states().await, [VersionState::Discarded, VersionState::InForce]);
}

fn about_support(until: OffsetDateTime) -> NewDecision {
    NewDecision {
        account: "adm_10".to_owned(),
        verdict: NewVerdict::IsNot("5".to_owned()),
        why: "Asked".to_owned(),
        until: Some(until),
    }
}

/// The state of the newest decision, and the number of the newest entry that answers rest on.
async fn decided(story: &Story) -> (DecisionState, u64) {
    let rows = story.identities.decisions().await.unwrap();
    let shown = Shown { directory: &story.directory, as_of: None };
    let assessment = story.identities.assess(shown).await.unwrap().unwrap();
    (rows[0].state, assessment.versions.decisions_version)
}

async fn a_revocation_by_a_host_that_is_ahead_counts_at_once(database: TestDatabase) {
    let story = Story::begin(database).await;
    story.import(FIRST).await;
    let new = about_support(story.clock.now() + Duration::from_hours(24 * 30));
    story.identities.decide(new, &story.author, &story.directory).await.unwrap();
    assert_eq!(decided(&story).await, (DecisionState::InForce, 1));
    let ahead = Clock::manual(story.clock.now() + Duration::from_hours(1));
    let other = identities_of(&config(), "default", &story.stores, &ahead);
    other.revoke(1, &story.author).await.unwrap();
    assert_eq!(decided(&story).await, (DecisionState::Revoked, 2));
}

async fn a_decision_two_seconds_ahead_does_not_stay_missing(database: TestDatabase) {
    let story = Story::begin(database).await;
    story.import(FIRST).await;
    let ahead = Clock::manual(story.clock.now() + Duration::from_secs(2));
    let other = identities_of(&config(), "default", &story.stores, &ahead);
    let new = about_support(ahead.now() + Duration::from_hours(24 * 30));
    other.decide(new, &story.author, &story.directory).await.unwrap();
    assert_eq!(decided(&story).await, (DecisionState::InForce, 1));
}

async fn an_import_by_a_clock_that_is_ahead_erases_nobody(database: TestDatabase) {
    let story = Story::begin(database).await;
    story.import(FIRST).await;
    story.clock.advance(WEEKS);
    story.clock.set_by(time::Duration::days(4_000));
    assert_eq!(story.import(SECOND).await, ImportOutcome::InForce { version: 2 });
    let roster = story.identities.store().roster("default", 2).await.unwrap().unwrap();
    let keys: Vec<&str> = roster.people().iter().map(|person| person.key.as_str()).collect();
    assert!(keys.contains(&"5") && keys.contains(&"6"), "{keys:?}");
}

/// The number of rows of the newest version.
async fn rows(app: &App) -> Option<u64> {
    let store = &app.service().stores.roster;
    Some(store.versions("default").await.unwrap().first()?.rows)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roster_that_was_confirmed_in_the_future_is_pulled_again() {
    let source = Bridge::serving(dozen()).await;
    let database = TestDatabase::sqlite();
    let simulator = Simulator::start(dozen(), Options::default()).unwrap();
    let mut config = bridge::config(&database, &simulator.base_url());
    config.roster.complete = Some(Completeness::Current);
    config.roster_pull.url = Some(source.url("/scim/v2").parse().unwrap());
    config.roster_pull.token = Some(SecretString::from(source.token.clone()));
    let five_hours = Clock::wrong_by(time::Duration::hours(5));
    let ahead = Box::pin(App::start(&config, five_hours)).await.unwrap();
    until("the roster is pulled", async || rows(&ahead).await == Some(12)).await;
    ahead.stop().await;

    source.simulator.change(|workspace| workspace.add_teammate("New Comer"));
    assert_eq!(start_import(&source, "{}", "wait=30").await.json()["status"], "succeeded");
    let right = Box::pin(App::start(&config, Clock::System)).await.unwrap();
    until("the roster is pulled again", async || rows(&right).await == Some(13)).await;
    right.stop().await;
    source.stop().await;
    simulator.stop().await;
}
