//! How the other parts of the bridge request an import.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};

use crate::directory::{ImportRequest, Run, Trigger};
use crate::limits;

/// The number of a request in this process, in order of arrival. An import satisfies the requests
/// that came before it began.
pub type Ticket = u64;

/// The merged request that no import has taken yet.
#[derive(Debug)]
struct Pending {
    request: ImportRequest,
    /// The ticket of the latest request.
    ticket: Ticket,
    /// When the import is due, on [`Clock::running`](crate::clock::Clock::running).
    due: Duration,
}

/// The requests so far.
#[derive(Debug, Default)]
struct RequestState {
    /// The ticket of the last request.
    last: Ticket,
    pending: Option<Pending>,
    /// The earliest time of the next import that a query triggers: queries are frequent.
    questions_from: Duration,
}

/// The requests to one workspace's import loop. All pending requests share the next run. All times
/// are on [`Clock::running`](crate::clock::Clock::running).
#[derive(Debug, Default)]
pub struct Nudge {
    so_far: Mutex<RequestState>,
    /// Whether the ledger is known to have queued runs.
    queued: AtomicBool,
    asked: Notify,
    /// The last ticket whose waiters may continue.
    served: watch::Sender<Ticket>,
}

impl Nudge {
    /// Requests a run now.
    pub fn ask(&self, request: ImportRequest, now: Duration) -> Ticket {
        self.ask_within(Duration::ZERO, request, now)
    }

    /// Requests a run within `patience`. A query also waits until [`limits::QUERY_PAUSE`] after the
    /// beginning of the last run.
    pub fn ask_within(&self, patience: Duration, request: ImportRequest, now: Duration) -> Ticket {
        let mut so_far = self.so_far();
        so_far.last += 1;
        let ticket = so_far.last;
        let due = now.saturating_add(patience);
        let due =
            if request.trigger == Trigger::Query { due.max(so_far.questions_from) } else { due };
        so_far.pending = Some(match so_far.pending.take() {
            None => Pending { request, ticket, due },
            Some(earlier) => {
                Pending { request: earlier.request.and(request), ticket, due: earlier.due.min(due) }
            }
        });
        drop(so_far);
        self.asked.notify_one();
        ticket
    }

    /// Tells the loop that the ledger has a queued run.
    pub fn serve_queue(&self) {
        self.queued.store(true, Ordering::Release);
        self.asked.notify_one();
    }

    /// Whether the ledger is known to have queued runs.
    #[must_use]
    pub fn queue_waits(&self) -> bool {
        self.queued.load(Ordering::Acquire)
    }

    /// Like [`Nudge::queue_waits`], and resets the answer to false.
    pub fn take_queue(&self) -> bool {
        self.queued.swap(false, Ordering::AcqRel)
    }

    /// Takes the pending request if it is due, with the ticket of the latest request in it.
    pub fn take(&self, now: Duration) -> Option<(ImportRequest, Ticket)> {
        let taken = self.so_far().pending.take_if(|pending| pending.due <= now);
        taken.map(|pending| (pending.request, pending.ticket))
    }

    /// Returns when the pending request is due.
    #[must_use]
    pub fn due(&self) -> Option<Duration> {
        self.so_far().pending.as_ref().map(|pending| pending.due)
    }

    /// Waits for the next request.
    pub async fn asked(&self) {
        self.asked.notified().await;
    }

    /// Records that a run begins. Returns the last ticket so far: if the run succeeds, it satisfies
    /// the requests up to that ticket.
    pub fn begins(&self, now: Duration) -> Ticket {
        let mut so_far = self.so_far();
        so_far.questions_from = now.saturating_add(limits::QUERY_PAUSE);
        so_far.last
    }

    /// Records that a run which began at ticket `began` has succeeded. Drops the pending request if
    /// the run satisfies it.
    pub fn did(&self, run: &Run, began: Ticket) {
        self.so_far().pending.take_if(|pending| {
            // A request with approved removals always gets a run of its own.
            pending.ticket <= began
                && pending.request.is_done_by(run)
                && !pending.request.allow_removals
        });
    }

    /// Wakes the waiters up to a ticket: a run has ended, whatever its status.
    pub fn ended(&self, ticket: Ticket) {
        self.served.send_if_modified(|served| {
            let newer = ticket > *served;
            *served = ticket.max(*served);
            newer
        });
    }

    /// Waits for the end of a run that began after this ticket was given out.
    pub async fn served(&self, ticket: Ticket) {
        // The sender lives as long as `self`, so the wait cannot fail.
        let _ = self.served.subscribe().wait_for(|served| *served >= ticket).await;
    }

    fn so_far(&self) -> MutexGuard<'_, RequestState> {
        self.so_far.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::Mode;

    const NOW: Duration = Duration::from_hours(1);

    #[test]
    fn without_requests_there_is_nothing_to_take() {
        let nudge = Nudge::default();
        assert_eq!((nudge.take(NOW), nudge.due()), (None, None));
    }

    #[test]
    fn pending_requests_share_one_run() {
        let later = NOW + Duration::from_mins(1);
        let nudge = Nudge::default();
        nudge.ask_within(Duration::from_mins(1), ImportRequest::incremental(Trigger::Webhook), NOW);
        assert_eq!(
            (nudge.take(NOW), nudge.due()),
            (None, Some(later)),
            "what can wait is not taken yet"
        );
        let asked = ImportRequest {
            mode: Mode::Full,
            requested_by: Some("ops".to_owned()),
            allow_removals: true,
            ..ImportRequest::incremental(Trigger::Api)
        };
        nudge.ask(asked.clone(), NOW);
        let last = nudge.ask(ImportRequest::incremental(Trigger::Query), NOW);
        assert_eq!(nudge.take(NOW), Some((asked, last)));
        assert_eq!(nudge.take(later), None, "and it is taken once");
    }

    #[test]
    fn queries_start_at_most_one_run_a_second() {
        let nudge = Nudge::default();
        let question = || ImportRequest::incremental(Trigger::Query);
        let (mut now, mut runs) = (NOW, 0);
        while now < NOW + Duration::from_secs(10) {
            nudge.ask(question(), now);
            if nudge.take(now).is_some() {
                nudge.begins(now);
                runs += 1;
            }
            now += Duration::from_millis(7);
        }
        assert_eq!(runs, 10);
        // A request for a change that was seen does not wait for queries, and its import serves
        // them too.
        let last = nudge.ask(question(), now);
        assert_eq!(nudge.take(now), None);
        let webhook = nudge.ask(ImportRequest::incremental(Trigger::Webhook), now);
        assert_eq!(nudge.take(now).map(|(_, ticket)| ticket), Some(webhook));
        assert!(webhook > last);
    }

    #[test]
    fn a_request_after_the_start_of_a_run_waits_for_the_next() {
        let nudge = Nudge::default();
        let before = nudge.ask(ImportRequest::incremental(Trigger::Webhook), NOW);
        let began = nudge.begins(NOW);
        let after = nudge.ask(ImportRequest::incremental(Trigger::Webhook), NOW);
        assert!(before <= began && began < after);
        nudge.ended(began);
        nudge.ended(0);
        let served = |ticket| *nudge.served.borrow() >= ticket;
        assert_eq!((served(before), served(after)), (true, false));
    }
}
