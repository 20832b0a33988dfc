//! Prunings: nothing is deleted by a clock that may be ahead, and each one is in the audit trail.

use std::time::Duration;

use intercom_scim_bridge::access::Scope;
use intercom_scim_bridge::app::{App, keep_up};
use intercom_scim_bridge::clock::Clock;
use intercom_scim_bridge::database::AuditEntry;
use intercom_scim_bridge::ledger::Pruned;
use intercom_scim_bridge::stores::{AuditQuestion, AuditStore};
use reqwest::Method;
use sea_orm::ConnectionTrait;
use serde_json::json;
use simulator::{Fault, Options, Simulator};

use crate::commands::{dozen_simulated, shell};
use crate::on_both_databases;
use crate::support::bridge::{self, Bridge, dozen, http};
use crate::support::database::TestDatabase;
use crate::support::hand::Hand;
use crate::support::shell::Shell;
use crate::support::waiting::until;

on_both_databases!(
    a_pruning_and_its_audit_entry_are_recorded_together_or_not_at_all,
    a_clock_that_is_set_forward_after_an_import_erases_nobody,
    the_audit_trail_is_kept_until_intercom_confirms_the_clock,
);

const PRUNE: [&str; 4] = ["ledger", "prune", "--keep", "0s"];
const DAY: Duration = Duration::from_hours(24);

/// A simulated Intercom whose clock is behind the system's clock, and that clock.
fn simulated_behind(by: Duration) -> (Simulator, simulator::Clock) {
    let clock = simulator::Clock::starting_at((Clock::System.now() - by).unix_timestamp());
    let options = Options { clock: clock.clone(), ..Options::default() };
    (Simulator::start(dozen(), options).unwrap(), clock)
}

/// A ledger whose history has something to prune.
fn with_history(simulator: &Simulator, shell: &Shell) {
    assert_eq!(shell.run(&["import", "full"]).code, Some(0));
    simulator.change(|workspace| {
        let teammate = workspace.admins().map(|(id, _)| id).next().unwrap();
        workspace.admin_mut(teammate).unwrap().job_title = Some("Countess".to_owned());
    });
    assert_eq!(shell.run(&["import", "full"]).code, Some(0));
}

fn prune(shell: &Shell, more: &[&str]) -> (Option<i32>, String) {
    let ended = shell.run(&[&PRUNE[..], more].concat());
    (ended.code, format!("{}{}", ended.stdout, ended.stderr))
}

fn is_pruned(shell: &Shell) -> bool {
    shell.run(&["ledger", "verify"]).stdout.contains("history was last pruned")
}

fn audit(shell: &Shell) -> String {
    let trail = shell.run(&["audit", "export"]).stdout;
    trail.lines().filter(|line| line.contains("ledger.pruned")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_ahead_of_intercoms_prunes_nothing() {
    let now = Clock::System.now().unix_timestamp();
    let (simulator, intercoms) = simulated_behind(40 * DAY);
    let shell = shell(&simulator);
    with_history(&simulator, &shell);
    for behind in [40 * 86_400, 120] {
        intercoms.catch_up_to(now - behind);
        let (code, said) = prune(&shell, &["--yes"]);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("s ahead of Intercom's") && said.contains("set the clock"), "{said}");
        let (code, said) = prune(&shell, &["--dry-run"]);
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains("would be deleted") && said.contains("would be refused"), "{said}");
    }
    assert!(!is_pruned(&shell) && audit(&shell).is_empty());
    intercoms.catch_up_to(i64::MAX / 2);

    // A refused token is not an obstacle: the response has a date, too.
    simulator.fail(Fault::Unauthorized, "/me", 1);
    let (code, said) = prune(&shell, &["--yes"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(is_pruned(&shell));
    assert!(
        audit(&shell).contains("Intercom's clock agrees with this machine's"),
        "{}",
        audit(&shell)
    );
    simulator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_intercom_cannot_be_reached_a_pruning_needs_the_date_from_a_person() {
    let simulator = dozen_simulated();
    let shell = shell(&simulator);
    with_history(&simulator, &shell);
    simulator.stop().await;
    let today = Clock::System.now().date();
    let (code, said) = prune(&shell, &["--yes"]);
    assert_eq!(code, Some(1), "{said}");
    let way_on = format!("name today's date with --today if the clock is right: it shows {today}");
    assert!(said.contains(&way_on) && said.contains("could not be reached"), "{said}");
    for other in ["2020-01-01", "2999-12-31"] {
        let (code, said) = prune(&shell, &["--yes", "--today", other]);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains(other) && said.contains(&today.to_string()), "{said}");
    }
    assert_eq!(prune(&shell, &["--yes", "--today", "yesterday"]).0, Some(2));
    assert!(!is_pruned(&shell) && audit(&shell).is_empty());
    let (code, said) = prune(&shell, &["--yes", "--today", &today.to_string()]);
    assert_eq!(code, Some(0), "{said}");
    assert!(is_pruned(&shell));
    let named = format!("the operator named the date: {today}");
    assert!(audit(&shell).contains(&named), "{}", audit(&shell));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_clock_ends_no_signing_key_that_is_still_needed() {
    let (simulator, _) = simulated_behind(400 * DAY);
    let shell = shell(&simulator);
    assert_eq!(shell.run(&["migrate"]).code, Some(0));
    assert_eq!(shell.run(&["token", "issue", "--ttl", "30d"]).code, Some(0));
    let refused = shell.run(&["keys", "rotate"]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("set the clock") && refused.stderr.contains("--overlap 0s"));
    let leaked = shell.run(&["keys", "rotate", "--overlap", "0s"]);
    assert_eq!(leaked.code, Some(0), "{}", leaked.stderr);
    simulator.stop().await;
    let unknown = shell.run(&["keys", "rotate"]);
    assert_eq!(unknown.code, Some(0), "rotating needs no Intercom: {}", unknown.stderr);
}

async fn a_pruning_and_its_audit_entry_are_recorded_together_or_not_at_all(database: TestDatabase) {
    let (hand, small) = Hand::small(database).await;
    hand.full().await;
    hand.simulator.change(|workspace| {
        workspace.admin_mut(small.ada).unwrap().job_title = Some("Countess".to_owned());
    });
    hand.full().await;
    let now = hand.clock.now() + DAY;
    let events = |pruned: &Pruned| {
        let detail = Some(format!("{} versions", pruned.versions));
        vec![AuditEntry { detail, ..AuditEntry::event("ledger.pruned", now) }]
    };
    let connection = hand.database.connection().await;
    connection.execute_unprepared("ALTER TABLE audit RENAME TO elsewhere").await.unwrap();
    let before = hand.ledger.would_prune("default", now).await.unwrap();
    assert!(before.versions > 0);
    assert!(hand.ledger.prune("default", now, events, now).await.is_err());
    assert_eq!(hand.ledger.would_prune("default", now).await.unwrap(), before);
    connection.execute_unprepared("ALTER TABLE elsewhere RENAME TO audit").await.unwrap();
    assert_eq!(hand.ledger.prune("default", now, events, now).await.unwrap(), before);
    let trail = hand.stores.audit.entries(&everything(), 10).await.unwrap();
    assert_eq!(trail[0].detail, Some(format!("{} versions", before.versions)));
}

fn everything() -> AuditQuestion {
    AuditQuestion { everything: true, ..AuditQuestion::default() }
}

async fn a_clock_that_is_set_forward_after_an_import_erases_nobody(database: TestDatabase) {
    let simulator = Simulator::start(dozen(), Options::default()).unwrap();
    let mut config = bridge::config(&database, &simulator.base_url());
    let clock = Clock::wrong_by(time::Duration::ZERO);
    let app = App::start(&config, clock.clone()).await.unwrap();
    let token = bridge::token(&app, &Scope::ALL);
    let import = async || {
        let url = format!("http://{}/api/v1/imports", app.address());
        let request = http().post(url).bearer_auth(&token).header("Prefer", "wait=30");
        assert_eq!(Bridge::send(request).await.json()["status"], json!("succeeded"));
    };
    import().await;
    let id = simulator.change(|workspace| {
        let ids: Vec<u64> = workspace.admins().map(|(id, _)| id).collect();
        workspace.remove_admin(ids[3], ids[0], 0);
        ids[3]
    });
    import().await;
    config.import.erase_removed_after = Some(30 * DAY);
    let workspace = &app.service().workspaces["default"];
    let stores = database.stores().await;
    let ledger = &stores.ledger;
    let is_erased = async |clock: &Clock, config: &_| {
        keep_up(&stores, config, clock, |_| workspace.connector.clock_ahead_now()).await.unwrap();
        let person = ledger.find_person("default", &format!("adm_{id}")).await.unwrap();
        ledger.would_erase("default", &person, clock.now()).await.unwrap().is_empty()
    };
    // The last response of Intercom confirmed the clock. A clock that was set since then is noticed
    // all the same.
    clock.set_by(time::Duration::days(40));
    assert!(!is_erased(&clock, &config).await);
    clock.set_by(time::Duration::days(-40));
    assert!(!is_erased(&clock, &config).await, "it is not due yet");
    config.import.erase_removed_after = Some(Duration::ZERO);
    assert!(is_erased(&clock, &config).await);
    app.stop().await;
    simulator.stop().await;
}

/// Whether an audit entry of two years ago is still there.
async fn has_old_entry(store: &AuditStore) -> bool {
    let entries = store.entries(&everything(), 1_000).await.unwrap();
    entries
        .iter()
        .any(|entry| entry.event == "token.issued" && entry.actor.as_deref() == Some("old"))
}

async fn the_audit_trail_is_kept_until_intercom_confirms_the_clock(database: TestDatabase) {
    let stores = database.stores().await;
    let old = AuditEntry {
        actor: Some("old".to_owned()),
        ..AuditEntry::event("token.issued", Clock::System.now() - 730 * DAY)
    };
    stores.audit.record(vec![old]).await.unwrap();
    let simulator = Simulator::start(dozen(), Options::default()).unwrap();
    // No server listens at this address, so nothing confirms the clock.
    let nowhere = bridge::config(&database, &format!("http://127.0.0.1:{}", bridge::free_port()));
    let app = App::start(&nowhere, Clock::System).await.unwrap();
    for round in 1..=3 {
        let url = format!("http://{}/scim/v2/Users", app.address());
        let request = http().request(Method::GET, url).header("X-Request-Id", format!("r{round}"));
        Bridge::send(request.bearer_auth(bridge::token(&app, &Scope::ALL))).await;
        // The task that writes the trail prunes it in the same round.
        until("the request is in the audit trail", async || {
            let entries = stores.audit.entries(&everything(), 1_000).await.unwrap();
            entries.iter().filter(|entry| entry.event == "request").count() >= round
        })
        .await;
    }
    assert!(has_old_entry(&stores.audit).await);
    app.stop().await;
    let config = bridge::config(&database, &simulator.base_url());
    let app = App::start(&config, Clock::System).await.unwrap();
    until("the old entry is pruned", async || !has_old_entry(&stores.audit).await).await;
    app.stop().await;
    simulator.stop().await;
}
