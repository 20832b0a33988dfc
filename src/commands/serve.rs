//! `serve`: the bridge.

use super::{CommandError, asked_to_stop};
use crate::app::App;
use crate::clock::Clock;
use crate::config::Config;

pub async fn run(config: &Config) -> Result<(), CommandError> {
    let app = App::start(config, Clock::System).await?;
    asked_to_stop().await;
    app.stop().await;
    Ok(())
}
