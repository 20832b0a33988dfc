//! How everybody else gets the importer to look again.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use time::OffsetDateTime;
use tokio::sync::{Notify, watch};

use crate::clock::after;
use crate::ledger::{Mode, Run, Trigger};

/// An import that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportRequest {
    /// How much is to be read.
    pub mode: Mode,
    /// What sets it off.
    pub trigger: Trigger,
    /// Who asks, where that is known.
    pub requested_by: Option<String>,
    /// Whether a person looked and lets any number of removals through.
    pub allow_removals: bool,
}

impl ImportRequest {
    /// A look at what has changed.
    #[must_use]
    pub fn incremental(trigger: Trigger) -> Self {
        Self { mode: Mode::Incremental, trigger, requested_by: None, allow_removals: false }
    }

    /// Whether a run does what is wanted: it reads as much, and lets as much through.
    #[must_use]
    pub fn is_done_by(&self, run: &Run) -> bool {
        run.mode >= self.mode && (run.allow_removals || !self.allow_removals)
    }

    /// The one request that does what both want.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let (strong, weak) = if other.trigger > self.trigger { (other, self) } else { (self, other) };
        Self {
            mode: strong.mode.max(weak.mode),
            allow_removals: strong.allow_removals || weak.allow_removals,
            requested_by: strong.requested_by.or(weak.requested_by),
            trigger: strong.trigger,
        }
    }
}

/// What is wanted.
#[derive(Debug)]
struct Pending {
    request: ImportRequest,
    /// When it was last asked for: an import that begins later will do.
    asked_at: OffsetDateTime,
    /// From when on it is wanted.
    due: OffsetDateTime,
}

/// Asks one workspace's import loop for a run. Any number of askers share the next one.
#[derive(Debug, Default)]
pub struct Nudge {
    pending: Mutex<Option<Pending>>,
    /// Whether the ledger has queued runs.
    queued: AtomicBool,
    asked: Notify,
    /// When the last run that ended began.
    ended: watch::Sender<Option<OffsetDateTime>>,
}

impl Nudge {
    /// Asks for a run, now.
    pub fn ask(&self, request: ImportRequest, now: OffsetDateTime) {
        self.ask_within(Duration::ZERO, request, now);
    }

    /// Asks for a run that may wait for so long.
    pub fn ask_within(&self, patience: Duration, request: ImportRequest, now: OffsetDateTime) {
        let asked = Pending { request, asked_at: now, due: after(now, patience) };
        let mut pending = self.pending();
        *pending = Some(match pending.take() {
            None => asked,
            Some(earlier) => Pending {
                request: earlier.request.and(asked.request),
                asked_at: earlier.asked_at.max(asked.asked_at),
                due: earlier.due.min(asked.due),
            },
        });
        drop(pending);
        self.asked.notify_one();
    }

    /// Says that the ledger has a queued run.
    pub fn serve_queue(&self) {
        self.queued.store(true, Ordering::Release);
        self.asked.notify_one();
    }

    /// Whether somebody said so.
    #[must_use]
    pub fn queue_waits(&self) -> bool {
        self.queued.load(Ordering::Acquire)
    }

    /// The same, once.
    pub fn take_queue(&self) -> bool {
        self.queued.swap(false, Ordering::AcqRel)
    }

    /// Takes what is wanted by now, and when it was asked for.
    pub fn take(&self, now: OffsetDateTime) -> Option<(ImportRequest, OffsetDateTime)> {
        self.pending().take_if(|pending| pending.due <= now).map(|pending| (pending.request, pending.asked_at))
    }

    /// From when on something is wanted.
    #[must_use]
    pub fn due(&self) -> Option<OffsetDateTime> {
        self.pending().as_ref().map(|pending| pending.due)
    }

    /// Waits until somebody asks.
    pub async fn asked(&self) {
        self.asked.notified().await;
    }

    /// Takes note of the end of a run, successful or not.
    pub fn ended(&self, started_at: OffsetDateTime) {
        self.ended.send_replace(Some(started_at));
    }

    /// Waits for the end of a run that began at that moment or later.
    pub async fn run_since(&self, moment: OffsetDateTime) {
        // The sender lives as long as `self`, so the wait cannot fail.
        let _ = self.ended.subscribe().wait_for(|started_at| *started_at >= Some(moment)).await;
    }

    fn pending(&self) -> MutexGuard<'_, Option<Pending>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn nobody_asked_means_nothing_to_take() {
        let nudge = Nudge::default();
        assert_eq!((nudge.take(OffsetDateTime::UNIX_EPOCH), nudge.due()), (None, None));
    }

    #[test]
    fn those_who_ask_share_one_run_that_does_what_each_wants() {
        let (now, later) = (datetime!(2026-01-01 0:00 UTC), datetime!(2026-01-01 0:01 UTC));
        let nudge = Nudge::default();
        nudge.ask_within(Duration::from_mins(1), ImportRequest::incremental(Trigger::Webhook), now);
        assert_eq!((nudge.take(now), nudge.due()), (None, Some(later)), "what can wait is not taken yet");
        let asked = ImportRequest {
            mode: Mode::Full,
            requested_by: Some("ops".to_owned()),
            allow_removals: true,
            ..ImportRequest::incremental(Trigger::Api)
        };
        nudge.ask(asked.clone(), now);
        nudge.ask(ImportRequest::incremental(Trigger::Query), now);
        assert_eq!(nudge.take(now), Some((asked, now)));
        assert_eq!(nudge.take(later), None, "and it is taken once");
    }
}
