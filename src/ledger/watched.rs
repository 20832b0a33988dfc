//! What this process has observed of leases and queued runs, and when, by its own monotonic clock.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::{self, Clock};
use crate::database::entities::{imports, leases};
use crate::directory::RunId;
use crate::limits;

/// The observations, by workspace.
#[derive(Clone, Debug, Default)]
pub(super) struct ObservedLeases(Arc<Mutex<HashMap<String, SeenInWorkspace>>>);

#[derive(Debug, Default)]
struct SeenInWorkspace {
    lease: Option<SeenLease>,
    /// How long a lease must stay unchanged until it counts as ended. Known once this process has
    /// tried to take it.
    ttl: Option<Duration>,
    /// The queued runs that this process knows.
    queue: HashMap<RunId, SeenQueued>,
    /// When the queue was last read.
    queue_seen: Option<Duration>,
}

/// A lease as it was observed, and since when it has been unchanged.
#[derive(Clone, Copy, Debug)]
struct SeenLease {
    fence: i64,
    expires_at: i64,
    since: Duration,
}

/// How long a run had been queued when it was first seen. The age is `None` if that cannot be
/// known.
#[derive(Clone, Copy, Debug)]
struct SeenQueued {
    age: Option<Duration>,
    seen: Duration,
}

impl ObservedLeases {
    /// Notes a lease as it is now. Returns whether it has been unchanged for as long as a lease
    /// lasts.
    pub fn stands_still(&self, row: &leases::Model, ttl: Option<Duration>, now: Duration) -> bool {
        let mut watched = self.lock();
        let watched = watched.entry(row.workspace.clone()).or_default();
        watched.ttl = ttl.or(watched.ttl);
        let same = watched
            .lease
            .filter(|seen| seen.fence == row.fence && seen.expires_at == row.expires_at);
        let seen =
            same.unwrap_or(SeenLease { fence: row.fence, expires_at: row.expires_at, since: now });
        watched.lease = Some(seen);
        now.saturating_sub(seen.since) >= watched.ttl.unwrap_or(limits::LEASE_USUAL)
    }

    /// Notes the queued runs as they are now, and returns how long each has been queued. That is
    /// `None` for a run whose time lies in the future and that was queued already when this process
    /// first read the queue.
    pub fn queued(
        &self,
        workspace: &str,
        rows: &[imports::Model],
        clock: &Clock,
    ) -> Vec<Option<Duration>> {
        let (mut watched, running) = (self.lock(), clock.running());
        let of_workspace = watched.entry(workspace.to_owned()).or_default();
        let before = of_workspace.queue_seen.replace(running);
        let known = &mut of_workspace.queue;
        known.retain(|id, _| rows.iter().any(|row| row.id == *id));
        let age = |row: &imports::Model| {
            let seen = known.entry(row.id).or_insert_with(|| {
                let said =
                    row.queued_at.map_or(Some(Duration::ZERO), |at| clock::age(clock.now(), at));
                // A run that was not there at the last look was queued after it.
                let longest = before.map(|before| running.saturating_sub(before));
                let age =
                    longest.map_or(said, |longest| Some(said.unwrap_or(longest).min(longest)));
                SeenQueued { age, seen: running }
            });
            seen.age.map(|age| age.saturating_add(running.saturating_sub(seen.seen)))
        };
        rows.iter().map(age).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, SeenInWorkspace>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
