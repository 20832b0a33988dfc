//! `demo`: a simulated Intercom with a past, and the bridge, in one process, without any set-up.
//!
//! ```text
//! arguments  those of the command
//! past       the simulated Intercom, and the imports of its last 90 days
//! people     the roster
//! guide      what the demo prints
//! ```

mod arguments;
mod guide;
mod past;
mod people;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use simulator::{Life, Simulator, Subscription};

use super::error::CommandError;
use super::import::progress_bar;
use super::signals::asked_to_stop;
use crate::access::{AccessError, Vault, random_secret};
use crate::app::{App, StartError};
use crate::clock::Clock;
use crate::config::{Config, LogFormat, Telemetry};
use crate::directory::DEFAULT_WORKSPACE;
use crate::roster::Completeness;
use crate::telemetry;
pub use arguments::Arguments;
use past::SimulatedPast;

const SIMULATED_TOKEN: &str = "simulated-access-token";

pub async fn run(arguments: &Arguments) -> Result<(), CommandError> {
    telemetry::init(
        &Telemetry { log_level: None, log_format: LogFormat::Text, otlp_endpoint: None },
        "warn",
    );
    let directory = tempfile::tempdir()?;
    let bar = progress_bar();
    bar.set_message("generating a company");
    let past = SimulatedPast::begin(arguments.company, SIMULATED_TOKEN)?;
    let config = config(arguments, &past.base_url(), &directory.path().join("demo.db"))?;
    check_port(config.server.bind)?;
    // The process can be stopped while a large company is being imported.
    let simulator = tokio::select! {
        simulator = past.import(&config, &bar) => simulator?,
        () = asked_to_stop() => return Ok(()),
    };
    bar.set_message("starting the bridge");
    let app = App::start(&config, Clock::System).await?;
    let serve = async {
        people::import(&app).await?;
        guide::print(&app, arguments, &simulator, &bar).await?;
        if arguments.quiet || arguments.json {
            std::future::pending::<()>().await;
        }
        stay_alive(&app, &config, &simulator, arguments).await
    };
    let result = tokio::select! {
        result = serve => result,
        () = asked_to_stop() => Ok(()),
        () = app.broken() => Err(CommandError::new(super::serve::BROKEN)),
    };
    bar.finish_and_clear();
    app.stop().await;
    simulator.stop().await;
    result
}

fn config(arguments: &Arguments, intercom: &str, database: &Path) -> Result<Config, CommandError> {
    let mut config = Config::defaults()?;
    config.server.bind = SocketAddr::from((Ipv4Addr::LOCALHOST, arguments.port));
    config.database.url = SecretString::from(format!("sqlite://{}?mode=rwc", database.display()));
    config.intercom.access_token = Some(SecretString::from(SIMULATED_TOKEN));
    config.intercom.client_secret = Some(random_secret()?);
    config.intercom.base_url =
        Some(intercom.parse().map_err(|_| CommandError::new("the simulator has no address"))?);
    config.roster.complete = Some(Completeness::All);
    config.scim.roles_and_entitlements = arguments.roles;
    config.scim.okta_path = arguments.okta_path;
    // Webhooks report changes between the polls.
    config.import.poll_interval = Some(Duration::from_mins(1));
    config.access.encryption_key = Some(Vault::fresh_key().map_err(AccessError::from)?);
    // No rate limit, so that the demo can be used for measurements.
    config.limits.requests_per_second = 0;
    Ok(config)
}

/// Checks that the port is free. Called before the past is imported, which takes a while.
fn check_port(bind: SocketAddr) -> Result<(), StartError> {
    TcpListener::bind(bind)
        .map(drop)
        .map_err(|error| StartError::Listen { bind, why: error.to_string() })
}

/// Makes an event happen in the simulated workspace at each interval, and sends its webhook. Does
/// not end.
async fn stay_alive(
    app: &App,
    config: &Config,
    simulator: &Simulator,
    arguments: &Arguments,
) -> Result<(), CommandError> {
    let url = format!("{}/webhooks/intercom/{DEFAULT_WORKSPACE}", app.service().origin.public_url);
    let secret = config.intercom.client_secret.as_ref().map_or("", SecretString::expose_secret);
    let subscription = Subscription::new(url, secret)
        .map_err(|error| CommandError::new(format!("webhooks cannot be sent: {error}")))?;
    let mut life = Life::new(arguments.company.seed);
    loop {
        Clock::System.sleep(arguments.every).await;
        let now = Clock::System.now().unix_timestamp();
        let notification = simulator.change(|workspace| life.happen(workspace, now));
        if let Some(notification) = notification
            && let Err(error) = subscription.send(&notification).await
        {
            tracing::warn!(error = %error, "a webhook of the simulated Intercom failed");
        }
    }
}
