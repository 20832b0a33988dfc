//! Builds served snapshots from the ledger.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use time::OffsetDateTime;
use tokio::sync::Mutex;

use super::Live;
use super::live::ServedState;
use crate::clock::{self, Clock};
use crate::directory::{Directory, Enterprises, Generation, Names, Run, RunId};
use crate::ledger::{Ledger, LedgerError, Sightings};
use crate::limits;
use crate::scim::{Forms, ServedSnapshot, resource_types};

/// Keeps the [`Live`] snapshot of one workspace up to date with the ledger.
#[derive(Clone)]
pub struct Publisher {
    workspace: String,
    options: PublishOptions,
    ledger: Ledger,
    clock: Clock,
    live: Arc<Live>,
    /// The newest runs, with the time at which this process first saw them.
    seen: Arc<Sightings>,
    /// When the publisher was created: wall-clock time, and time on [`Clock::running`].
    began: (OffsetDateTime, Duration),
    /// The inputs of the served snapshot. Locked during a refresh, so that an older snapshot never
    /// replaces a newer one.
    refreshing: Arc<Mutex<ShownFrom>>,
    /// What the roster adds to users.
    enterprises: Arc<ArcSwap<Enterprises>>,
}

/// The inputs of a served snapshot.
#[derive(Clone, Debug, Default)]
struct ShownFrom {
    /// The run that last confirmed it.
    run: Option<RunId>,
    /// The removal cut-off.
    removal_cutoff: Option<OffsetDateTime>,
    /// The last erasure before the ledger was read.
    erasure: i64,
    /// The time range of the activity log that was known then.
    log_covered: Option<(OffsetDateTime, OffsetDateTime)>,
    /// What the roster added to users.
    enterprises: Arc<Enterprises>,
}

/// Options for serving a workspace.
#[derive(Clone, Debug)]
pub struct PublishOptions {
    /// Root of the workspace's SCIM service, without a trailing slash.
    pub base_url: String,
    /// The second root of the SCIM service, in Okta's form, if there is one.
    pub second_base_url: Option<String>,
    /// How a name of one word becomes given and family name.
    pub names: Names,
    /// The forms in which roles, seats and permissions are shown.
    pub forms: Forms,
    /// How long removed teammates stay visible.
    pub retention: Duration,
    /// How far back a full import reads Intercom's activity log.
    pub activity_lookback: Duration,
    /// Whether users have the enterprise extension. Its values come from
    /// [`Publisher::set_enterprises`].
    pub with_enterprise: bool,
}

impl PublishOptions {
    /// Builds the served snapshot of a directory.
    fn snapshot(
        self,
        directory: Directory,
        enterprises: &Enterprises,
        previous: Option<&ServedSnapshot>,
    ) -> ServedSnapshot {
        let Self { base_url, names, forms, .. } = self;
        let served = if self.with_enterprise {
            ServedSnapshot::with_enterprise(
                directory,
                base_url,
                names,
                forms,
                enterprises,
                previous,
            )
        } else {
            ServedSnapshot::with_catalogue(directory, base_url, names, forms, previous)
        };
        match self.second_base_url {
            None => served,
            Some(base_url) => served.with_second_base_url(base_url, previous),
        }
    }
}

impl Publisher {
    /// Creates a publisher; reads nothing yet.
    #[must_use]
    pub fn new(
        workspace: impl Into<String>,
        options: PublishOptions,
        ledger: Ledger,
        clock: Clock,
    ) -> Self {
        let began = (clock.now(), clock.running());
        Self {
            workspace: workspace.into(),
            options,
            ledger,
            clock,
            live: Arc::default(),
            seen: Arc::default(),
            began,
            refreshing: Arc::default(),
            enterprises: Arc::default(),
        }
    }

    /// The workspace that this publishes.
    #[must_use]
    pub fn workspace(&self) -> &str {
        &self.workspace
    }

    /// The served snapshots that this updates.
    #[must_use]
    pub fn live(&self) -> &Arc<Live> {
        &self.live
    }

    /// The newest runs of the workspace, with the time at which this process first saw them.
    #[must_use]
    pub fn seen(&self) -> &Arc<Sightings> {
        &self.seen
    }

    /// The directory that the next [`Publisher::refresh`] will show. `None` before the first import.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub async fn recorded(&self) -> Result<Option<Directory>, LedgerError> {
        let generation = self.ledger.generation(&self.workspace).await?;
        if generation == 0 {
            return Ok(None);
        }
        let snapshot = self.ledger.snapshot(&self.workspace, generation).await?;
        Ok(Some(Directory::new(snapshot, self.removal_cutoff(), None)))
    }

    /// Sets what the roster adds to users. It is served from the next [`Publisher::refresh`] on.
    pub fn set_enterprises(&self, enterprises: Enterprises) {
        if **self.enterprises.load() != enterprises {
            self.enterprises.store(Arc::new(enterprises));
        }
    }

    /// Whether the ledger has other values without a generation than a directory.
    async fn has_other_values(&self, shown: &Directory) -> Result<bool, LedgerError> {
        let volatile = self.ledger.volatile(&self.workspace).await?;
        let keys = self.ledger.permission_keys(&self.workspace).await?;
        Ok(!shown.holds_volatile(&volatile) || *shown.permission_keys != *keys)
    }

    /// Serves the latest generation, if it is not served already, and updates the time of
    /// confirmation. Returns the last successful run.
    ///
    /// # Errors
    /// If the ledger cannot be read. The served snapshot then stays.
    pub async fn refresh(&self) -> Result<Option<Run>, LedgerError> {
        let mut refreshing = self.refreshing.lock().await;
        // Read before the generation: a newer generation may be committed in between, but the run
        // read here never confirms a generation newer than the one read next.
        let confirmed = self.ledger.last_success(&self.workspace, None).await?;
        let sighting = self.seen.see(confirmed.as_ref(), &self.clock);
        let latest = self.ledger.generation(&self.workspace).await?;
        let enterprises = self.enterprises.load_full();
        let removal_cutoff = self.removal_cutoff();
        // The cut-off moved back, because a clock that was ahead was corrected: people who were
        // omitted too early are served again.
        let set_back = refreshing
            .removal_cutoff
            .is_some_and(|before| clock::age(removal_cutoff, before).is_none());
        let erasure = self.ledger.last_erasure(&self.workspace).await?;
        let shown = self.live.served().filter(|_| !set_back);
        // Erased data must be in no served snapshot any more, including the earlier ones.
        let erased = erasure != refreshing.erasure && shown.is_some();
        let has_new_values = !Arc::ptr_eq(&enterprises, &refreshing.enterprises);
        let moved = match &shown {
            None => latest != 0,
            Some(_) if erased => true,
            Some(_) if has_new_values => true,
            Some(shown) if shown.snapshot_id().generation != latest => true,
            Some(shown) if shown.directory().has_gone_by(removal_cutoff) => true,
            // Away mode, sign-ins and the known permissions change without a new generation, but only
            // by an import.
            Some(_) if confirmed.as_ref().map(|run| run.id) == refreshing.run => false,
            Some(shown) => self.has_other_values(shown.directory()).await?,
        };
        let served = if moved {
            let added = Arc::clone(&enterprises);
            Some(self.served(latest, removal_cutoff, added, shown, erased).await?)
        } else {
            None
        };
        let run = confirmed.as_ref().map(|run| run.id);
        let log_covered = if run == refreshing.run {
            refreshing.log_covered
        } else {
            let lookback = self.options.activity_lookback;
            self.ledger.log_covered(&self.workspace, self.clock.now(), lookback).await?
        };
        *refreshing = ShownFrom {
            run,
            removal_cutoff: Some(removal_cutoff),
            erasure,
            log_covered,
            enterprises,
        };
        // The import loop of this process may have recorded a more precise sighting of the same run
        // in the meantime.
        let sighting =
            self.seen.newest().filter(|newest| sighting.is_some_and(|seen| seen.run == newest.run));
        // A value that the roster no longer has must be in no earlier snapshot either.
        let replaces_all = erased || has_new_values;
        if replaces_all {
            self.live.forget_earlier();
        }
        let state = ServedState {
            confirmed_at: confirmed.as_ref().and_then(|run| run.observed_at),
            confirmed: sighting,
            log_covered,
            ..ServedState::default()
        };
        self.live.show(served, state, !replaces_all);
        Ok(confirmed)
    }

    /// The removal cut-off: teammates who were removed at or before this time are not served. It
    /// advances no faster than this process has been running, so that a clock that is set forward
    /// hides nobody.
    fn removal_cutoff(&self) -> OffsetDateTime {
        let (began, running) = self.began;
        let passed = clock::after(began, self.clock.running().saturating_sub(running));
        clock::before(self.clock.now().min(passed), self.options.retention)
    }

    async fn served(
        &self,
        generation: Generation,
        removal_cutoff: OffsetDateTime,
        enterprises: Arc<Enterprises>,
        previous: Option<Arc<ServedSnapshot>>,
        as_a_whole: bool,
    ) -> Result<ServedSnapshot, LedgerError> {
        let ledger = &self.ledger;
        let workspace = self.workspace.as_str();
        let mut part = None;
        if let Some(shown) = previous.as_deref().map(|served| served.snapshot_id().generation)
            && shown <= generation
            && !as_a_whole
        {
            let touched = ledger.touched(workspace, shown, generation).await?;
            part = Some(touched)
                .filter(|part| part.users.len() + part.groups.len() <= limits::PLANNED_IN_PART);
        }
        let options = self.options.clone();
        // Building takes almost a second for 100,000 people. It runs on a blocking thread, so
        // requests are answered meanwhile.
        let built = if let (Some(part), Some(previous)) = (part, previous.clone()) {
            // Little has changed since the served generation, so only the changes are read.
            let fresh = ledger.snapshot_of(workspace, generation, &part).await?;
            let volatile = ledger.volatile(workspace).await?;
            let people = usize::try_from(ledger.count_people(workspace, generation).await?)
                .unwrap_or(usize::MAX);
            tokio::task::spawn_blocking(move || {
                let directory =
                    previous.directory().with(&part, fresh, &volatile, removal_cutoff, people);
                options.snapshot(directory, &enterprises, Some(&previous))
            })
        } else {
            // The earlier snapshots would share little with the new one, so keeping them would take
            // too much memory.
            self.live.forget_earlier();
            let snapshot = ledger.snapshot(workspace, generation).await?;
            tokio::task::spawn_blocking(move || {
                let directory = Directory::new(
                    snapshot,
                    removal_cutoff,
                    previous.as_deref().map(ServedSnapshot::directory),
                );
                options.snapshot(directory, &enterprises, previous.as_deref())
            })
        };
        let served = built.await.map_err(|_| LedgerError::Corrupt {
            what: format!("generation {generation} cannot be shown"),
        })?;
        tracing::info!(
            workspace = %self.workspace, generation, users = served.count(resource_types::USER),
            groups = served.count(resource_types::GROUP), "new generation published"
        );
        Ok(served)
    }
}
