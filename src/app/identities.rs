//! Identities: their settings, and the loop that keeps their figures current and pulls rosters.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::days;
use super::enterprise::EnterpriseValues;
use crate::clock::{Clock, age};
use crate::config::{Config, Roster};
use crate::http::Makers;
use crate::identities::pull::Puller;
use crate::identities::{Author, Identities, IdentityOptions, Import, ImportOutcome, PullFailure};
use crate::limits;
use crate::roster::{MatchSettings, ReadSettings, RequestedFormat};
use crate::runtime::WorkspaceHandle;
use crate::stores::{Stores, VersionState};

/// Returns the identities of a workspace.
#[must_use]
pub fn identities_of(
    config: &Config,
    workspace: &str,
    stores: &Stores,
    clock: &Clock,
) -> Identities {
    let options = Arc::new(options(config));
    Identities::new(workspace, stores, options, clock.clone())
}

fn options(config: &Config) -> IdentityOptions {
    let roster = &config.roster;
    IdentityOptions {
        completeness: roster.complete,
        zone: roster.time_zone.clone(),
        reading: ReadSettings {
            columns: roster.columns.clone(),
            classes: roster.classes.clone(),
            date_format: roster.date_format.clone(),
            match_personal: roster.match_personal,
            ..ReadSettings::default()
        },
        matching: matching(roster),
        max_shrink: roster.max_shrink,
        max_age: signed(roster.max_age),
        ended_grace: whole_days(roster.ended_grace),
        keep_ended: whole_days(roster.keep_ended),
        keep_versions: roster.keep_versions as usize,
        privileged_roles: config.reviews.privileged_roles.as_slice().into(),
        activity_lookback: days(config.import.activity_lookback_days),
        with_enterprise: config.scim.enterprise_from_roster,
    }
}

fn matching(roster: &Roster) -> MatchSettings {
    MatchSettings {
        equivalent_domains: roster.equivalent_domains.clone(),
        tag_separators: roster.tag_separators.clone(),
        match_personal: roster.match_personal,
        keep_former: whole_days(roster.keep_former),
        service_accounts: roster.service_accounts.clone(),
    }
}

fn signed(duration: Duration) -> time::Duration {
    time::Duration::try_from(duration).unwrap_or(time::Duration::MAX)
}

fn whole_days(duration: Duration) -> time::Duration {
    time::Duration::days(signed(duration).whole_days())
}

/// What the loop of a workspace's roster needs.
pub(super) struct RosterLoop {
    pub workspace: Arc<WorkspaceHandle>,
    /// `None` without SCIM's enterprise extension.
    pub enterprise: Option<Arc<EnterpriseValues>>,
    pub makers: Arc<Makers>,
    pub puller: Option<Arc<Puller>>,
    pub interval: Option<Duration>,
    pub clock: Clock,
}

impl RosterLoop {
    /// Keeps the figures of the roster current, and pulls the roster when that is due.
    pub async fn run(&self, mut stop: watch::Receiver<bool>) {
        // When the next pull may begin, on the clock of this process.
        let mut next_pull = Duration::ZERO;
        let mut failing = false;
        tokio::select! {
            _ = self.workspace.live.shows(|shown| shown.generation > 0) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        loop {
            if let Some((puller, interval)) = self.puller.as_ref().zip(self.interval)
                && self.clock.running() >= next_pull
            {
                let pulled = tokio::select! {
                    pulled = self.pull_if_due(puller, interval) => pulled,
                    _ = stop.wait_for(|stop| *stop) => break,
                };
                let pause = if pulled { interval } else { interval.min(limits::PULL_RETRY) };
                next_pull = self.clock.running() + pause;
            }
            let refreshed = self.refresh().await;
            if !refreshed && !failing {
                tracing::warn!(
                    workspace = &*self.workspace.name,
                    "the figures of the roster cannot be computed; they are retried"
                );
            }
            failing = !refreshed;
            tokio::select! {
                () = self.clock.sleep(limits::ROSTER_POLL) => {}
                () = self.workspace.identities.changed() => {}
                _ = stop.wait_for(|stop| *stop) => break,
            }
        }
    }

    /// Returns false if that failed.
    async fn refresh(&self) -> bool {
        let Some(served) = self.workspace.live.served() else { return true };
        let identities = Arc::clone(&self.workspace.identities);
        let enterprise = self.enterprise.clone();
        let refresh = async move {
            identities.refresh(served.directory()).await?;
            match enterprise {
                Some(enterprise) => enterprise.note(served.directory()).await,
                None => Ok(()),
            }
        };
        if !matches!(self.makers.export(refresh).await, Ok(Ok(()))) {
            return false;
        }
        match &self.enterprise {
            Some(enterprise) => enterprise.publish().await.is_ok(),
            None => true,
        }
    }

    /// Pulls the roster, unless another process did so within half the interval. A time in the
    /// future says nothing, so it is no reason not to pull. Returns false if the pull failed.
    async fn pull_if_due(&self, puller: &Arc<Puller>, interval: Duration) -> bool {
        let identities = &self.workspace.identities;
        let now = self.clock.now();
        let Ok(versions) = identities.store().versions(identities.workspace()).await else {
            return false;
        };
        let is_recent = versions.iter().any(|version| {
            version.source == puller.source()
                && matches!(version.state, VersionState::InForce | VersionState::Held)
                && age(now, version.confirmed_at).is_some_and(|age| age < interval / 2)
        });
        if is_recent {
            return true;
        }
        let failure = self.pull(puller).await.err();
        if let Some(why) = &failure {
            tracing::warn!(
                workspace = identities.workspace(),
                why,
                "the roster could not be pulled; the version in force stays"
            );
        }
        let is_done = failure.is_none();
        identities.note_pull(failure.map(|why| PullFailure { why }));
        is_done
    }

    async fn pull(&self, puller: &Arc<Puller>) -> Result<(), String> {
        let bytes = puller.pull().await.map_err(|error| error.to_string())?;
        let served = self.workspace.live.served();
        let served = served.ok_or("the workspace was not imported yet")?;
        let identities = Arc::clone(&self.workspace.identities);
        let source = puller.source().to_owned();
        let author = Author::bridge(self.clock.now());
        let imported = self.makers.export(async move {
            let import = Import {
                bytes: &bytes,
                source: &source,
                format: RequestedFormat::Json,
                dry_run: false,
                is_pulled: true,
            };
            identities.import(import, &author, served.directory()).await
        });
        let report = imported.await.map_err(|error| error.to_string())?;
        let report = report.map_err(|error| error.to_string())?;
        match report.outcome {
            ImportOutcome::Refused => Err(report.errors.join("; ")),
            _ => Ok(()),
        }
    }
}
