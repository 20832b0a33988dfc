//! The regular upkeep of the ledger: erases the personal data of removed people when it is due,
//! deletes log entries that are old enough, expires requests that were not done in time, and folds
//! old runs that changed nothing.

use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;
use tokio::sync::watch;

use super::days;
use crate::clock::{self, Clock};
use crate::config::Config;
use crate::database::AuditEntry;
use crate::ledger::{Erased, KnownPerson, Ledger, LedgerError};
use crate::limits;
use crate::runtime::WorkspaceHandle;
use crate::stores::Stores;

/// The actor of audit entries about what the bridge did without a request.
const BRIDGE: &str = "bridge";

/// The number of rounds after which SQLite's write-ahead log is emptied: it may still contain
/// deleted data.
const ROUNDS_TO_EMPTY_LOG: u32 = 60;

/// Runs the upkeep every [`limits::UPKEEP`], or more often if the settings have shorter times.
pub(super) async fn upkeep_loop(
    stores: Stores,
    workspaces: Vec<Arc<WorkspaceHandle>>,
    config: Config,
    clock: Clock,
    mut stop: watch::Receiver<bool>,
) {
    let clock_ahead = |name: &str| {
        let workspace = workspaces.iter().find(|workspace| *workspace.name == *name);
        workspace.and_then(|workspace| workspace.connector.clock_ahead_now())
    };
    let times = [config.import.erase_removed_after, config.limits.request_expiry];
    let pause = times.into_iter().flatten().fold(limits::UPKEEP, Duration::min);
    let mut failing = false;
    let mut rounds = 0_u32;
    loop {
        let kept = keep_up(&stores, &config, &clock, clock_ahead).await;
        if let Err(error) = &kept
            && !failing
        {
            tracing::warn!(error = %error.chain(), "the upkeep of the ledger failed; it will be retried");
        }
        failing = kept.is_err();
        keep_rosters(&workspaces).await;
        rounds = rounds.wrapping_add(1);
        if rounds.is_multiple_of(ROUNDS_TO_EMPTY_LOG)
            && let Err(error) = stores.ledger.empty_log().await
        {
            tracing::debug!(error = %error.chain(), "the write-ahead log could not be emptied; it will be retried");
        }
        tokio::select! {
            () = clock.sleep(pause) => {}
            _ = stop.wait_for(|stop| *stop) => break,
        }
    }
}

/// Erases people who left long ago from rosters, and deletes old versions.
async fn keep_rosters(workspaces: &[Arc<WorkspaceHandle>]) {
    for workspace in workspaces {
        let ahead = workspace.connector.clock_ahead_now();
        // Erased data cannot be restored, so this waits until the clock is confirmed.
        let (Some(false), Some(served)) = (ahead.map(is_ahead), workspace.live.served()) else {
            continue;
        };
        match workspace.identities.keep_up(served.directory()).await {
            Ok(kept) if kept.people > 0 || kept.versions > 0 => {
                tracing::info!(
                    workspace = &*workspace.name,
                    people = kept.people,
                    versions = kept.versions,
                    "people who left long ago and old versions were erased from the roster"
                );
            }
            Ok(_) => {}
            Err(error) => {
                tracing::debug!(error = %error.chain(), "the upkeep of the roster failed; it will be retried");
            }
        }
    }
}

/// Does the upkeep of every workspace once. For the name of a workspace, `clock_ahead` returns by
/// how many seconds this machine's clock is ahead of Intercom's; `None` while that is unknown.
/// Erased data cannot be restored, so a workspace is left out until Intercom's clock confirms that
/// this machine's is not ahead.
///
/// # Errors
/// If the ledger cannot be read or written. What was done before that stays done.
pub async fn keep_up(
    stores: &Stores,
    config: &Config,
    clock: &Clock,
    clock_ahead: impl Fn(&str) -> Option<i64>,
) -> Result<(), LedgerError> {
    let ledger = &stores.ledger;
    for workspace in config.workspaces() {
        let name = workspace.name.as_str();
        let now = clock.now();
        let Some(ahead) = clock_ahead(name) else { continue };
        if is_ahead(ahead) {
            tracing::warn!(
                workspace = name,
                "this machine's clock is ahead of Intercom's, so nothing is erased, deleted, expired or folded"
            );
            continue;
        }
        if let Some(after) = config.import.erase_removed_after {
            for person in ledger.due_for_erasure(name, clock::before(now, after)).await? {
                // First what an erased person could not be found by any more.
                stores.posture.erase(name, &person, false).await?;
                stores.roster.erase_decisions_about(name, &person.ids).await?;
                erase(ledger, name, &person, clock).await?;
            }
        }
        if config.activity.retention_days > 0 {
            prune_activity(ledger, name, days(config.activity.retention_days), now).await?;
        }
        if let Some(after) = config.limits.request_expiry {
            let expired = stores.requests.expire(name, clock::before(now, after), now).await?;
            if expired > 0 {
                tracing::info!(
                    workspace = name,
                    requests = expired,
                    "requests were closed as expired"
                );
            }
        }
        ledger.fold_observations(name, clock::before(now, limits::RUNS_FOLDED_AFTER)).await?;
        let folded =
            ledger.fold_runs(name, clock::before(now, limits::RUNS_FOLDED_AFTER), now).await?;
        if folded.runs > 0 {
            tracing::info!(
                workspace = name,
                runs = folded.runs,
                "old runs that changed nothing were folded"
            );
        }
    }
    if ledger.scrub_is_due().await? {
        ledger.scrub().await?;
    }
    Ok(())
}

/// Deletes the log entries of events that are older than `kept`.
async fn prune_activity(
    ledger: &Ledger,
    workspace: &str,
    kept: Duration,
    now: OffsetDateTime,
) -> Result<(), LedgerError> {
    let before = clock::before(now, kept);
    let events = |entries: u64| {
        vec![AuditEntry {
            workspace: Some(workspace.to_owned()),
            actor: Some(BRIDGE.to_owned()),
            target: Some(workspace.to_owned()),
            detail: Some(format!("activity.retention_days; {entries} log entries")),
            ..AuditEntry::event("activity.pruned", now)
        }]
    };
    let entries = ledger.prune_activity(workspace, before, events, now).await?;
    if entries > 0 {
        tracing::info!(workspace, entries, "old log entries were deleted");
    }
    Ok(())
}

/// Whether this machine's clock is so far ahead of Intercom's that nothing may be deleted by its
/// age.
pub(super) fn is_ahead(seconds: i64) -> bool {
    seconds > 0 && !clock::agree(seconds)
}

async fn erase(
    ledger: &Ledger,
    workspace: &str,
    person: &KnownPerson,
    clock: &Clock,
) -> Result<(), LedgerError> {
    let now = clock.now();
    let events = |erased: &Erased| {
        let event = |id: &String| AuditEntry {
            workspace: Some(workspace.to_owned()),
            actor: Some(BRIDGE.to_owned()),
            target: Some(format!("adm_{id}")),
            detail: Some("import.erase_removed_after".to_owned()),
            ..AuditEntry::event("ledger.erased", now)
        };
        erased.people.iter().map(event).collect()
    };
    match ledger.erase(workspace, person, "import.erase_removed_after", events, now).await {
        Ok(erased) => {
            tracing::info!(
                workspace,
                people = erased.people.len(),
                "the personal data of removed teammates was erased"
            );
            Ok(())
        }
        // The person was added again meanwhile.
        Err(LedgerError::StillThere) => Ok(()),
        Err(error) => Err(error),
    }
}
