//! `serve`: runs the bridge.

use std::pin::pin;

use tokio::signal::unix::{SignalKind, signal};

use super::{CommandError, asked_to_stop};
use crate::app::App;
use crate::clock::Clock;
use crate::config::{Config, ConfigError};
use crate::telemetry;

/// The error if the server stops without a request to stop.
pub const BROKEN: &str = "the server stopped because of a fault in the bridge; start it again, and report this with the log";

/// Runs the bridge until it is asked to stop. On SIGHUP, reads the settings again with `load`.
pub async fn run(
    config: &Config,
    load: impl Fn() -> Result<Config, ConfigError>,
) -> Result<(), CommandError> {
    // Register first: without a handler, SIGHUP ends the process.
    let mut hangup = signal(SignalKind::hangup())?;
    let app = App::start(config, Clock::System).await?;
    // One future for the whole loop, so that no signal is lost between two rounds.
    let mut stop = pin!(asked_to_stop());
    let broken = loop {
        tokio::select! {
            () = &mut stop => break false,
            () = app.broken() => break true,
            _ = hangup.recv() => {
                let read = load();
                if let Ok(config) = &read {
                    telemetry::change_level(&config.telemetry, telemetry::USUAL);
                }
                app.reload(read);
            }
        }
    };
    if let Some(drain) = config.server.drain.filter(|_| !broken) {
        // A second signal skips the drain time.
        tokio::select! {
            () = app.drain(drain) => {}
            () = asked_to_stop() => {}
        }
    }
    app.stop().await;
    if broken { Err(CommandError::new(BROKEN)) } else { Ok(()) }
}
