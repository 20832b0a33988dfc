//! Waits for events in other processes and tasks that cannot be awaited. Tests pause only here.

use std::fmt::Debug;
use std::time::Duration;

/// The pause between two attempts.
const PAUSE: Duration = Duration::from_millis(5);

/// The number of attempts: a minute of pauses, besides what the attempts take.
const ATTEMPTS: u32 = 12_000;

/// Repeats an attempt until it succeeds, and returns its result. The attempt returns what it saw
/// instead if it must be repeated.
///
/// # Panics
/// If no attempt succeeds, with `expected` and what the last one saw.
pub async fn eventually<T, S: Debug>(
    expected: &str,
    mut attempt: impl AsyncFnMut() -> Result<T, S>,
) -> T {
    let mut last = None;
    for _ in 0..ATTEMPTS {
        match attempt().await {
            Ok(result) => return result,
            Err(seen) => last = Some(seen),
        }
        pause(PAUSE).await;
    }
    panic!("{expected}: not after {ATTEMPTS} attempts; last seen: {last:?}");
}

/// The same as [`eventually`], for a condition.
///
/// # Panics
/// See [`eventually`].
pub async fn until(expected: &str, mut condition: impl AsyncFnMut() -> bool) {
    eventually(expected, async || if condition().await { Ok(()) } else { Err(()) }).await;
}

/// The same as [`eventually`], on a thread that may block.
///
/// # Panics
/// See [`eventually`].
pub fn eventually_blocking<T>(expected: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    for _ in 0..ATTEMPTS {
        if let Some(result) = attempt() {
            return result;
        }
        std::thread::sleep(PAUSE);
    }
    panic!("{expected}: not after {ATTEMPTS} attempts");
}

/// Lets a given time pass, for tests that interrupt something at a random moment.
pub async fn pause(duration: Duration) {
    tokio::time::sleep(duration).await;
}
