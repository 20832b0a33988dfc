//! The settings of the checks, and the task that records since when findings exist.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::select_all;
use time::OffsetDateTime;
use tokio::sync::watch;

use crate::assessment::{Assessment, Basis, Evaluated};
use crate::config::{self, Config};
use crate::directory::Generation;
use crate::http::Service;
use crate::ledger::LedgerError;
use crate::limits;
use crate::measures::PostureFigures;
use crate::posture::{CheckResult, Failing, KINDS, PostureSettings, Report, Severity, Status};
use crate::runtime::WorkspaceHandle;
use crate::stores::NotedFinding;

/// Returns by which settings checks are evaluated.
#[must_use]
pub fn posture_basis(config: &Config) -> Basis {
    let unread_kinds =
        KINDS.iter().filter(|kind| !config.activity.types.includes(kind)).copied().collect();
    Basis {
        settings: posture_settings(config),
        lookback: super::days(config.import.activity_lookback_days),
        unread_kinds,
        exceptions: config.exceptions.clone(),
    }
}

fn posture_settings(config: &Config) -> PostureSettings {
    let config::Posture {
        window,
        sso_expected,
        password_methods,
        sso_methods,
        break_glass,
        privileged_roles,
        min_privileged,
        max_privileged,
        dormant_after,
        joiner_grace,
        export_allowed,
        company_domains,
        invite_after,
        roster_max_age,
        allowlist_min_prefix,
        log_max_age,
        verify_max_age,
        read_identity_verification: _,
        read_ip_allowlist: _,
        read_data_connectors: _,
    } = config.posture.clone();
    PostureSettings {
        window: span(window),
        sso_expected,
        password_methods,
        sso_methods,
        break_glass,
        privileged_roles,
        min_privileged,
        max_privileged,
        dormant_after: span(dormant_after),
        joiner_grace: span(joiner_grace),
        export_allowed,
        company_domains,
        invite_after: span(invite_after),
        roster_max_age: span(roster_max_age),
        allowlist_min_prefix,
        log_max_age: span(log_max_age),
        verify_max_age: span(verify_max_age),
    }
}

/// The rules of the settings bound all spans, so this cannot overflow.
fn span(duration: Duration) -> time::Duration {
    time::Duration::try_from(duration).unwrap_or(time::Duration::MAX)
}

/// Evaluates the checks after each new generation and every [`limits::POSTURE`], and records which
/// findings begin and end.
pub(super) async fn posture_loop(service: Service, mut stop: watch::Receiver<bool>) {
    let mut noted: HashMap<Arc<str>, Noted> = HashMap::new();
    let begun = service.workspaces.values();
    let begun = begun.map(|workspace| Box::pin(workspace.live.shows(|shown| shown.generation > 0)));
    tokio::select! {
        _ = select_all(begun) => {}
        _ = stop.wait_for(|stop| *stop) => return,
    }
    loop {
        for workspace in service.workspaces.values() {
            let last = noted.remove(&workspace.name).unwrap_or_default();
            let outcome = note(&service, workspace, &last).await;
            if let Err(error) = &outcome {
                tracing::warn!(
                    workspace = &*workspace.name, error = %error.chain(),
                    "the findings of the posture could not be recorded; it will be retried"
                );
            }
            noted.insert(Arc::clone(&workspace.name), outcome.unwrap_or(last));
        }
        let changed = service.workspaces.values().map(|workspace| {
            let last = noted.get(&workspace.name).map_or(0, |noted| noted.generation);
            Box::pin(workspace.live.shows(move |shown| shown.generation != last))
        });
        let wait = async {
            // Not more often: each evaluation reads all accounts.
            service.clock.sleep(limits::POSTURE_PAUSE).await;
            service.clock.within(limits::POSTURE, select_all(changed)).await;
        };
        tokio::select! {
            () = wait => {}
            _ = stop.wait_for(|stop| *stop) => break,
        }
    }
}

/// What was last recorded of a workspace.
#[derive(Clone, Debug, Default)]
struct Noted {
    generation: Generation,
    /// The findings that fail, and the checks of which something is unknown.
    findings: Option<(BTreeSet<NotedFinding>, BTreeSet<&'static str>)>,
}

/// The findings that fail.
fn failing_findings(report: &Report) -> BTreeSet<NotedFinding> {
    let failing = report.findings().filter(|(_, finding)| finding.status == Status::Fail);
    let noted = failing.map(|(check, finding)| NotedFinding {
        id: finding.id.clone(),
        check: check.id.as_str(),
        severity: finding.severity.as_str(),
        is_excepted: finding.exception.is_some(),
    });
    noted.collect()
}

/// The checks that are unknown, or of which a finding is. A finding of these that failed before is
/// not over: it cannot be evaluated now.
fn unknown_checks(report: &Report) -> BTreeSet<&'static str> {
    let is_unknown = |check: &&CheckResult| {
        check.status == Status::Unknown
            || check.findings.iter().any(|finding| finding.status == Status::Unknown)
    };
    report.checks.iter().filter(is_unknown).map(|check| check.id.as_str()).collect()
}

/// Evaluates the checks of the served generation, sets the metrics, and records the findings that
/// fail if they are others than before.
async fn note(
    service: &Service,
    workspace: &WorkspaceHandle,
    last: &Noted,
) -> Result<Noted, LedgerError> {
    let Some(served) = workspace.live.served() else { return Ok(last.clone()) };
    let generation = served.snapshot_id().generation;
    let now = service.clock.now();
    let assessment = Assessment {
        workspace: workspace.name.to_string(),
        moment: now,
        is_past: false,
        hides_people: false,
        generation,
        basis: Arc::clone(&service.posture),
    };
    let stores = service.stores.clone();
    let identities = Arc::clone(&workspace.identities);
    let evaluated = service
        .makers
        .export(async move { assessment.evaluate(&stores, &identities, served.directory()).await });
    let Evaluated { report, log_read_at } = evaluated.await.map_err(|_| {
        LedgerError::Corrupt { what: "the checks of the posture could not be evaluated".to_owned() }
    })??;
    let findings = (failing_findings(&report), unknown_checks(&report));
    let name = &*workspace.name;
    let mut new_findings = 0;
    if last.findings.as_ref() != Some(&findings) {
        let (failing, unknown) = &findings;
        let posture = &service.stores.posture;
        let noted = posture.note_findings(name, now, generation, failing, unknown).await?;
        let Some(noted) = noted else {
            tracing::debug!(
                workspace = name,
                generation,
                "findings of a later generation are recorded; this one's are not"
            );
            // `last` keeps its findings, so that the next round records those of then.
            return Ok(Noted { generation, findings: last.findings.clone() });
        };
        new_findings = noted;
        if new_findings > 0 {
            tracing::info!(
                workspace = name,
                findings = new_findings,
                "the posture has new findings"
            );
        }
    }
    let Failing { critical, high, medium, low } = report.failing;
    service.measures.posture(
        name,
        &PostureFigures {
            failing: vec![
                (Severity::Critical.as_str(), critical),
                (Severity::High.as_str(), high),
                (Severity::Medium.as_str(), medium),
                (Severity::Low.as_str(), low),
            ],
            new_findings,
            log_read_at: log_read_at.map(OffsetDateTime::unix_timestamp),
        },
    );
    Ok(Noted { generation, findings: Some(findings) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_of_the_settings_are_those_of_the_checks() {
        let config = Config::defaults().unwrap();
        assert_eq!(posture_settings(&config), PostureSettings::default());
    }
}
