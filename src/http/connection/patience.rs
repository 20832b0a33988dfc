//! How long the bridge waits for the client of a connection.

use std::future::Future;
use std::pin::Pin;
use std::task::Context;
use std::time::Duration;

use crate::clock::Clock;
use crate::limits;

/// A wait in real time.
pub type Wait = Pin<Box<dyn Future<Output = Option<()>> + Send>>;

/// Waits for `time` in real time, on any clock.
pub fn wait(clock: &Clock, time: Duration) -> Wait {
    let clock = clock.clone();
    Box::pin(async move { clock.within(time, std::future::pending()).await })
}

/// Bounds how long the bridge waits for a client that does not read.
///
/// The bridge waits for [`limits::READ_STALL`] in all. Each byte that the client reads restores as
/// much of that time as the byte takes at [`limits::READ_RATE`]. So a client that reads faster than
/// this may take as long as it needs.
#[derive(Default)]
pub struct Patience {
    /// How much of [`limits::READ_STALL`] is used up.
    used: Duration,
    /// If a write is pending: the time since when, and the time-out.
    stuck: Option<(Duration, Wait)>,
}

impl Patience {
    /// Returns whether nothing could be written for too long. Call it when a write is pending.
    pub fn is_exhausted(&mut self, clock: &Clock, context: &mut Context<'_>) -> bool {
        let left = limits::READ_STALL.saturating_sub(self.used);
        let (_, timeout) = self.stuck.get_or_insert_with(|| (clock.running(), wait(clock, left)));
        timeout.as_mut().poll(context).is_ready()
    }

    /// Notes that `bytes` bytes were written.
    pub fn written(&mut self, clock: &Clock, bytes: usize) {
        if let Some((since, _)) = self.stuck.take() {
            self.used += clock.running().saturating_sub(since);
        }
        if !self.used.is_zero() {
            let micros = bytes as u64 * 1_000_000 / limits::READ_RATE;
            self.used = self.used.saturating_sub(Duration::from_micros(micros));
        }
    }
}
