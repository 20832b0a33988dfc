//! When the import that a webhook triggers is due: soon after a single webhook, but not once for
//! each of a thousand.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::limits;

/// What kind of change a webhook announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Announced {
    /// A person joined or left the workspace.
    Access,
    /// The activity log has a new entry. Sign-ins are among them, so there are many.
    LogEntry,
    /// A change that is not about access, such as away mode.
    Volatile,
}

impl Announced {
    const COUNT: usize = 3;

    /// How long the import may wait, so that further webhooks share it.
    fn delay(self) -> Duration {
        match self {
            Self::Access => limits::WEBHOOK_DELAY,
            Self::LogEntry => limits::LOG_EVENT_DELAY,
            Self::Volatile => limits::VOLATILE_DELAY,
        }
    }
}

/// Webhooks of one kind in quick succession. Times are on
/// [`Clock::running`](crate::clock::Clock::running), so an import is not delayed when the time of
/// day is set.
#[derive(Clone, Copy, Debug)]
struct Burst {
    /// When the import that the latest webhooks share is due.
    due: Duration,
    /// When the latest webhook came.
    latest: Duration,
    /// The number of webhooks since the last rest.
    webhooks: u32,
}

/// The webhooks of one workspace. Webhooks that come before a due import share it. The first
/// [`limits::WEBHOOK_BURST`] each get an import soon. If more follow without a rest, imports are
/// [`limits::WEBHOOK_PAUSE`] apart. So a burst of any size triggers one import soon, and one later
/// for the webhooks that came in the meantime.
#[derive(Debug, Default)]
pub struct Bursts {
    of_each_kind: Mutex<[Option<Burst>; Announced::COUNT]>,
}

impl Bursts {
    /// Returns the time until the import that this webhook triggers.
    pub fn wait(&self, announced: Announced, now: Duration) -> Duration {
        let mut bursts = self.lock();
        let known = &mut bursts[announced as usize];
        let soon = now + announced.delay();
        let burst = match *known {
            Some(burst) if now.saturating_sub(burst.latest) < limits::WEBHOOK_PAUSE => {
                let webhooks = burst.webhooks.saturating_add(1);
                let due = match burst.due {
                    due if now < due => due,
                    due if webhooks > limits::WEBHOOK_BURST => {
                        soon.max(due + limits::WEBHOOK_PAUSE)
                    }
                    _ => soon,
                };
                Burst { due, latest: now, webhooks }
            }
            _ => Burst { due: soon, latest: now, webhooks: 1 },
        };
        *known = Some(burst);
        burst.due.saturating_sub(now)
    }

    fn lock(&self) -> MutexGuard<'_, [Option<Burst>; Announced::COUNT]> {
        self.of_each_kind.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    const START: Duration = Duration::from_hours(1);

    #[test]
    fn a_webhook_after_a_rest_is_acted_on_soon() {
        let bursts = Bursts::default();
        assert_eq!(bursts.wait(Announced::Access, START), limits::WEBHOOK_DELAY);
        assert_eq!(
            bursts.wait(Announced::LogEntry, START),
            limits::LOG_EVENT_DELAY,
            "each kind is counted for itself"
        );
        for _ in 0..1_000 {
            bursts.wait(Announced::Access, START);
        }
        let after_a_rest = START + limits::WEBHOOK_PAUSE;
        assert_eq!(bursts.wait(Announced::Access, after_a_rest), limits::WEBHOOK_DELAY);
    }

    #[test]
    fn a_few_webhooks_in_a_row_each_get_an_import_soon() {
        let bursts = Bursts::default();
        for second in 0..limits::WEBHOOK_BURST {
            let now = START + Duration::from_secs(second.into());
            assert_eq!(bursts.wait(Announced::Access, now), limits::WEBHOOK_DELAY, "{second}");
        }
    }

    #[test]
    fn a_burst_of_thousands_starts_one_import_and_later_one_more() {
        let bursts = Bursts::default();
        let imports: BTreeSet<Duration> = (0..5_000)
            .map(|webhook| START + Duration::from_millis(webhook))
            .map(|now| now + bursts.wait(Announced::Access, now))
            .collect();
        let first = START + limits::WEBHOOK_DELAY;
        assert_eq!(imports.into_iter().collect::<Vec<_>>(), [first, first + limits::WEBHOOK_PAUSE]);
    }

    proptest! {
        /// For any sequence of webhooks: none waits too long, and there are hardly more imports
        /// than pauses.
        #[test]
        fn imports_are_few_and_never_far(pauses in prop::collection::vec(0..2_000u64, 1..400)) {
            let bursts = Bursts::default();
            let (mut now, mut imports) = (START, BTreeSet::new());
            for pause in pauses {
                now += Duration::from_millis(pause);
                let wait = bursts.wait(Announced::Access, now);
                prop_assert!(wait <= limits::WEBHOOK_DELAY + limits::WEBHOOK_PAUSE);
                imports.insert(now + wait);
            }
            let took = now.saturating_sub(START);
            let most = u64::from(limits::WEBHOOK_BURST) + took.as_secs() / limits::WEBHOOK_PAUSE.as_secs() + 1;
            prop_assert!(imports.len() as u64 <= most, "{} imports in {took:?}", imports.len());
        }
    }
}
