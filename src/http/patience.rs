//! How long somebody at the other end of a connection is waited for.

use std::future::Future;
use std::pin::Pin;
use std::task::Context;
use std::time::Duration;

use crate::clock::Clock;
use crate::limits;

/// What waits for real time to pass.
pub type Wait = Pin<Box<dyn Future<Output = Option<()>> + Send>>;

/// Waits so long, whatever the clock shows.
pub fn wait(clock: &Clock, time: Duration) -> Wait {
    let clock = clock.clone();
    Box::pin(async move { clock.within(time, std::future::pending()).await })
}

/// How long a client that does not read is waited for: [`limits::READ_STALL`], and as much longer as it reads at
/// [`limits::READ_RATE`]. One that reads faster than that is waited for as long as it takes.
#[derive(Default)]
pub struct Patience {
    /// How much of [`limits::READ_STALL`] was used up.
    used: Duration,
    /// Since when nothing could be written, and what ends it.
    stuck: Option<(Duration, Wait)>,
}

impl Patience {
    /// Nothing can be written now. Whether that has lasted too long.
    pub fn is_at_its_end(&mut self, clock: &Clock, context: &mut Context<'_>) -> bool {
        let left = limits::READ_STALL.saturating_sub(self.used);
        let (_, end) = self.stuck.get_or_insert_with(|| (clock.running(), wait(clock, left)));
        end.as_mut().poll(context).is_ready()
    }

    /// So many bytes were written.
    pub fn goes_on(&mut self, clock: &Clock, bytes: usize) {
        if let Some((since, _)) = self.stuck.take() {
            self.used += clock.running().saturating_sub(since);
        }
        if !self.used.is_zero() {
            let micros = bytes as u64 * 1_000_000 / limits::READ_RATE;
            self.used = self.used.saturating_sub(Duration::from_micros(micros));
        }
    }
}
