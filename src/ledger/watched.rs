//! What this process has seen of leases and queues, and when, by its own clock that only grows.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::RunId;
use super::entities::{imports, leases};
use crate::clock::{self, Clock};
use crate::limits;

/// What was seen, by workspace.
#[derive(Clone, Debug, Default)]
pub(super) struct Watched(Arc<Mutex<HashMap<String, OfWorkspace>>>);

#[derive(Debug, Default)]
struct OfWorkspace {
    lease: Option<SeenLease>,
    /// How long a lease must stand still; as this process says when it takes one itself.
    ttl: Option<Duration>,
    /// The queued runs that are known.
    queue: HashMap<RunId, SeenQueued>,
    /// When the queue was last looked at.
    queue_seen: Option<Duration>,
}

/// A lease as it was, and since when it has been so.
#[derive(Clone, Copy, Debug)]
struct SeenLease {
    fence: i64,
    expires_at: i64,
    since: Duration,
}

/// For how long a run had been queued at a moment; none where nobody knows.
#[derive(Clone, Copy, Debug)]
struct SeenQueued {
    age: Option<Duration>,
    seen: Duration,
}

impl Watched {
    /// Takes note of a lease as it is now. Whether it has been so for as long as a lease lasts.
    pub fn stands_still(&self, row: &leases::Model, ttl: Option<Duration>, now: Duration) -> bool {
        let mut watched = self.lock();
        let watched = watched.entry(row.workspace.clone()).or_default();
        watched.ttl = ttl.or(watched.ttl);
        let same = watched.lease.filter(|seen| seen.fence == row.fence && seen.expires_at == row.expires_at);
        let seen = same.unwrap_or(SeenLease { fence: row.fence, expires_at: row.expires_at, since: now });
        watched.lease = Some(seen);
        now.saturating_sub(seen.since) >= watched.ttl.unwrap_or(limits::LEASE_USUAL)
    }

    /// Takes note of the queued runs as they are now, and tells for how long each has been queued; none where its time
    /// lies in the future and it was there when this process first looked, so that nobody knows.
    pub fn queued(&self, workspace: &str, rows: &[imports::Model], clock: &Clock) -> Vec<Option<Duration>> {
        let (mut watched, running) = (self.lock(), clock.running());
        let of_workspace = watched.entry(workspace.to_owned()).or_default();
        let before = of_workspace.queue_seen.replace(running);
        let known = &mut of_workspace.queue;
        known.retain(|id, _| rows.iter().any(|row| row.id == *id));
        let age = |row: &imports::Model| {
            let seen = known.entry(row.id).or_insert_with(|| {
                let said = row.queued_at.map_or(Some(Duration::ZERO), |at| clock::age(clock.now(), at));
                // What came since the last look was queued no longer ago than that.
                let longest = before.map(|before| running.saturating_sub(before));
                let age = longest.map_or(said, |longest| Some(said.unwrap_or(longest).min(longest)));
                SeenQueued { age, seen: running }
            });
            seen.age.map(|age| age.saturating_add(running.saturating_sub(seen.seen)))
        };
        rows.iter().map(age).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, OfWorkspace>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
