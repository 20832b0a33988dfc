//! `serve`: the bridge.

use super::{CommandError, asked_to_stop};
use crate::app::App;
use crate::clock::Clock;
use crate::config::Config;

/// Why it ends although nobody asked it to.
pub const BROKEN: &str =
    "the server stopped because of a fault in the bridge; start it again, and report this with the log";

pub async fn run(config: &Config) -> Result<(), CommandError> {
    let app = App::start(config, Clock::System).await?;
    let broken = tokio::select! {
        () = asked_to_stop() => false,
        () = app.broken() => true,
    };
    if let Some(drain) = config.server.drain.filter(|_| !broken) {
        // Who asks once more does not want to wait.
        tokio::select! {
            () = app.drain(drain) => {}
            () = asked_to_stop() => {}
        }
    }
    app.stop().await;
    if broken { Err(CommandError::new(BROKEN)) } else { Ok(()) }
}
