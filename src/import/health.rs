//! The state of a workspace's imports, which can be read while an import runs.

use std::sync::{Mutex, MutexGuard, PoisonError};

use time::OffsetDateTime;

use crate::clock;
use crate::database::DatabaseError;
use crate::directory::{Failure, Run, RunStatus};
use crate::intercom::code_needs_operator;
use crate::ledger::{Ahead, LedgerError};
use crate::words::words;

words! {
    /// Whether the bridge can read the workspace.
    pub enum ConnectionState {
        /// The last import succeeded.
        Connected = "connected",
        /// No import has ended yet, the last one did not succeed, or removals wait. The operator
        /// may have to act.
        Degraded = "degraded",
        /// Intercom refuses the token until the operator changes something.
        Disconnected = "disconnected",
    }
}

/// The code of the warning that removals wait.
pub(super) const REMOVALS_WAIT: &str = "removals_wait";

/// Returns the problem of a run that succeeded but left removals waiting.
fn removals_wait(run: &Run) -> Option<Failure> {
    let warning = run.warnings.iter().find(|warning| warning.code == REMOVALS_WAIT)?;
    Some(Failure {
        code: warning.code.clone(),
        detail: warning.detail.clone(),
        remedy:
            "read the warnings of the last import (GET /api/v1/imports); if later imports have them \
                 too, report them to Intercom, and until then check in Intercom who has left"
                .to_owned(),
    })
}

/// The state of a workspace's imports at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthStatus {
    /// Whether the bridge can read the workspace.
    pub connection: ConnectionState,
    /// The problem, with its remedy.
    pub problem: Option<Failure>,
    /// The last run that ended.
    pub last_run: Option<Run>,
    /// The number of failed runs since the last success.
    pub failures: u32,
    /// The problems with times.
    pub times: Times,
}

/// Problems with a workspace's recorded times, or with this machine's clock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// The problems, each with its remedy.
    pub problems: Vec<Failure>,
    /// How many seconds the latest recorded time lies in the future; 0 if none does.
    pub ahead: i64,
}

impl Times {
    /// Derives the problems from the recorded time that lies farthest in the future, and from how
    /// many seconds this machine's clock is ahead of Intercom's.
    #[must_use]
    pub fn of(ahead: Option<Ahead>, clock_ahead: Option<i64>, now: OffsetDateTime) -> Self {
        let clock = clock_ahead.filter(|by| !clock::agree(*by));
        let clock = clock.map(|by| Failure {
            code: "clock_wrong".to_owned(),
            detail: format!(
                "this machine's clock is {} s {} Intercom's, so times are recorded wrongly",
                by.unsigned_abs(),
                if by > 0 { "ahead of" } else { "behind" }
            ),
            remedy: "let NTP set this machine's clock; nothing else needs to be done".to_owned(),
        });
        Self {
            problems: clock.into_iter().chain(ahead.map(|ahead| ahead.failure(now))).collect(),
            ahead: ahead.map_or(0, |ahead| ahead.seconds(now)),
        }
    }
}

/// The current state of one workspace's imports. The import loop writes it; any task may read it.
#[derive(Debug)]
pub struct Health(Mutex<HealthStatus>);

impl Default for Health {
    fn default() -> Self {
        let problem = Failure {
            code: "starting".to_owned(),
            detail: "no import has ended since the bridge started".to_owned(),
            remedy: "wait for the first import, which is running".to_owned(),
        };
        Self(Mutex::new(HealthStatus {
            connection: ConnectionState::Degraded,
            problem: Some(problem),
            last_run: None,
            failures: 0,
            times: Times::default(),
        }))
    }
}

impl Health {
    /// Returns the current state.
    #[must_use]
    pub fn standing(&self) -> HealthStatus {
        self.lock().clone()
    }

    /// Whether the last import failed.
    #[must_use]
    pub fn failing(&self) -> bool {
        self.lock().failures > 0
    }

    /// Records the result of another process's import. A run that is not newer than the last known
    /// one is ignored.
    pub fn learn(&self, run: &Run) {
        let failures = {
            let standing = self.lock();
            if standing.last_run.as_ref().is_some_and(|known| run.id <= known.id) {
                return;
            }
            standing.failures
        };
        // Failures of other processes do not lengthen the pauses of this one.
        self.note(Ok(run));
        let mut standing = self.lock();
        standing.failures = standing.failures.min(failures.max(1));
    }

    /// Records the problems with times. Each new problem is logged once.
    pub fn times(&self, workspace: &str, times: &Times) {
        let before = std::mem::replace(&mut self.lock().times, times.clone());
        let has =
            |times: &Times, code: &str| times.problems.iter().any(|problem| problem.code == code);
        for problem in times.problems.iter().filter(|problem| !has(&before, &problem.code)) {
            tracing::warn!(workspace, code = %problem.code, remedy = %problem.remedy, "{}", problem.detail);
        }
        for problem in before.problems.iter().filter(|problem| !has(times, &problem.code)) {
            tracing::info!(workspace, code = %problem.code, "the problem with times has ended");
        }
    }

    /// Records that a panic ended the loop of imports or of publishing. The next import that ends
    /// replaces this state.
    pub fn panicked(&self) {
        let mut standing = self.lock();
        standing.connection = ConnectionState::Degraded;
        standing.failures = standing.failures.saturating_add(1);
        standing.problem = Some(Failure {
            code: "internal".to_owned(),
            detail: "a background task of this workspace stopped because of a fault in the bridge"
                .to_owned(),
            remedy:
                "report the error in the log; the task is restarted by itself, and the last data \
                     is still served"
                    .to_owned(),
        });
    }

    /// Records how an import ended. Returns the number of failures in a row. A run that is not
    /// newer than the last known one is ignored.
    pub fn note(&self, outcome: Result<&Run, &LedgerError>) -> u32 {
        let mut standing = self.lock();
        if let (Ok(run), Some(known)) = (outcome, &standing.last_run)
            && run.id <= known.id
        {
            return standing.failures;
        }
        match outcome {
            Ok(run) => {
                let waiting = removals_wait(run);
                standing.connection = match (run.status, &run.error) {
                    (RunStatus::Succeeded, _) if waiting.is_some() => ConnectionState::Degraded,
                    (RunStatus::Succeeded, _) => ConnectionState::Connected,
                    (_, Some(error)) if code_needs_operator(&error.code) => {
                        ConnectionState::Disconnected
                    }
                    _ => ConnectionState::Degraded,
                };
                standing.problem = run.error.clone().or(waiting);
                standing.last_run = Some(run.clone());
            }
            Err(error) => {
                standing.connection = ConnectionState::Degraded;
                standing.problem = Some(Failure {
                    code: "ledger".to_owned(),
                    detail: error.to_string(),
                    remedy: match error {
                        LedgerError::Database(DatabaseError::FileGone) => {
                            "stop the bridge, put the file back or restore a backup, and start the \
                             bridge; until then it serves the data in memory"
                        }
                        _ => "check the database; the bridge still serves the last data, and retries by itself",
                    }
                    .to_owned(),
                });
            }
        }
        let succeeded = outcome.is_ok_and(|run| run.status == RunStatus::Succeeded);
        standing.failures = if succeeded { 0 } else { standing.failures.saturating_add(1) };
        standing.failures
    }

    fn lock(&self) -> MutexGuard<'_, HealthStatus> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_shown_until_an_import_has_ended() {
        let health = Health::default();
        health.panicked();
        let standing = health.standing();
        assert_eq!((standing.connection, health.failing()), (ConnectionState::Degraded, true));
        assert_eq!(standing.problem.unwrap().code, "internal");
        health.note(Err(&LedgerError::LeaseLost));
        assert_eq!(health.standing().problem.unwrap().code, "ledger");
    }
}
