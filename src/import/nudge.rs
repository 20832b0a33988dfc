//! How everybody else gets the importer to look again.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};

use crate::ledger::{Mode, Run, Trigger};
use crate::limits;

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

/// Counts what is asked for in this process, in its order: an import does what was asked for before it began.
pub type Ticket = u64;

/// What is wanted.
#[derive(Debug)]
struct Pending {
    request: ImportRequest,
    /// That of the last who asked.
    ticket: Ticket,
    /// From when on it is wanted, on [`Clock::running`](crate::clock::Clock::running).
    due: Duration,
}

/// What was asked for so far.
#[derive(Debug, Default)]
struct Asked {
    last: Ticket,
    pending: Option<Pending>,
    /// From when on a question may begin an import: they come by the hundred.
    questions_from: Duration,
}

/// Asks one workspace's import loop for a run. Any number of askers share the next one. All moments are on
/// [`Clock::running`](crate::clock::Clock::running).
#[derive(Debug, Default)]
pub struct Nudge {
    so_far: Mutex<Asked>,
    /// Whether the ledger has queued runs.
    queued: AtomicBool,
    asked: Notify,
    /// Up to which ticket those who asked need wait no longer.
    served: watch::Sender<Ticket>,
}

impl Nudge {
    /// Asks for a run, now.
    pub fn ask(&self, request: ImportRequest, now: Duration) -> Ticket {
        self.ask_within(Duration::ZERO, request, now)
    }

    /// Asks for a run that may wait for so long. A question waits, too, until [`limits::QUERY_PAUSE`] after the beginning
    /// of the last run.
    pub fn ask_within(&self, patience: Duration, request: ImportRequest, now: Duration) -> Ticket {
        let mut so_far = self.so_far();
        so_far.last += 1;
        let ticket = so_far.last;
        let due = now.saturating_add(patience);
        let due = if request.trigger == Trigger::Query { due.max(so_far.questions_from) } else { due };
        so_far.pending = Some(match so_far.pending.take() {
            None => Pending { request, ticket, due },
            Some(earlier) => Pending { request: earlier.request.and(request), ticket, due: earlier.due.min(due) },
        });
        drop(so_far);
        self.asked.notify_one();
        ticket
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

    /// Takes what is wanted by now, and the ticket of the last who asked for it.
    pub fn take(&self, now: Duration) -> Option<(ImportRequest, Ticket)> {
        let taken = self.so_far().pending.take_if(|pending| pending.due <= now);
        taken.map(|pending| (pending.request, pending.ticket))
    }

    /// From when on something is wanted.
    #[must_use]
    pub fn due(&self) -> Option<Duration> {
        self.so_far().pending.as_ref().map(|pending| pending.due)
    }

    /// Waits until somebody asks.
    pub async fn asked(&self) {
        self.asked.notified().await;
    }

    /// Takes note that a run begins. It does what was asked for up to the ticket that is given, if it succeeds.
    pub fn begins(&self, now: Duration) -> Ticket {
        let mut so_far = self.so_far();
        so_far.questions_from = now.saturating_add(limits::QUERY_PAUSE);
        so_far.last
    }

    /// Takes note that a run has succeeded which began at that ticket: what is pending may be done by it.
    pub fn did(&self, run: &Run, began: Ticket) {
        self.so_far().pending.take_if(|pending| {
            // Who lets removals through wants a run of their own.
            pending.ticket <= began && pending.request.is_done_by(run) && !pending.request.allow_removals
        });
    }

    /// Takes note that those who asked up to a ticket need wait no longer: a run has ended, well or not.
    pub fn ended(&self, ticket: Ticket) {
        self.served.send_if_modified(|served| {
            let newer = ticket > *served;
            *served = ticket.max(*served);
            newer
        });
    }

    /// Waits for the end of a run that began after that ticket was given.
    pub async fn served(&self, ticket: Ticket) {
        // The sender lives as long as `self`, so the wait cannot fail.
        let _ = self.served.subscribe().wait_for(|served| *served >= ticket).await;
    }

    fn so_far(&self) -> MutexGuard<'_, Asked> {
        self.so_far.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_hours(1);

    #[test]
    fn nobody_asked_means_nothing_to_take() {
        let nudge = Nudge::default();
        assert_eq!((nudge.take(NOW), nudge.due()), (None, None));
    }

    #[test]
    fn those_who_ask_share_one_run_that_does_what_each_wants() {
        let later = NOW + Duration::from_mins(1);
        let nudge = Nudge::default();
        nudge.ask_within(Duration::from_mins(1), ImportRequest::incremental(Trigger::Webhook), NOW);
        assert_eq!((nudge.take(NOW), nudge.due()), (None, Some(later)), "what can wait is not taken yet");
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
    fn questions_begin_one_run_a_second_however_many_ask() {
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
        // Somebody who saw a change is not held up by them, and does what they want too.
        let last = nudge.ask(question(), now);
        assert_eq!(nudge.take(now), None);
        let webhook = nudge.ask(ImportRequest::incremental(Trigger::Webhook), now);
        assert_eq!(nudge.take(now).map(|(_, ticket)| ticket), Some(webhook));
        assert!(webhook > last);
    }

    #[test]
    fn who_asks_after_a_run_has_begun_waits_for_the_next() {
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
