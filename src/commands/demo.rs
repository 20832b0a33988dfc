//! `demo`: a simulated Intercom and the bridge in one process, without any set-up.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use clap::Args;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use simulator::{Options, Simulator};

use super::arguments::number;
use super::import::progress_bar;
use super::simulate::CompanyArguments;
use super::{CommandError, asked_to_stop, print_line};
use crate::access::{AccessError, Grant, Scope, Vault, client_id, client_secret_of};
use crate::app::App;
use crate::clock::Clock;
use crate::config::{Config, LogFormat, Telemetry};
use crate::directory::DEFAULT_WORKSPACE;
use crate::http::{api_base_url, scim_base_url};
use crate::ledger::OAuthClient;
use crate::scim::resource_types;
use crate::telemetry;

#[derive(Debug, Args)]
pub struct Arguments {
    /// The port on the loopback address; 0 for a free one.
    #[arg(long, default_value_t = 8080, value_parser = number(0..=u16::MAX))]
    port: u16,
    #[command(flatten)]
    company: CompanyArguments,
    /// Print the addresses and credentials as one line of JSON, once the bridge is ready.
    #[arg(long)]
    json: bool,
}

const SIMULATED_TOKEN: &str = "simulated-access-token";

pub async fn run(arguments: &Arguments) -> Result<(), CommandError> {
    telemetry::init(
        &Telemetry { log_level: None, log_format: LogFormat::Text, otlp_endpoint: None },
        "warn",
    );
    let bar = progress_bar();
    bar.set_message("creating a company");
    let simulator =
        Simulator::start(arguments.company.workspace(SIMULATED_TOKEN), Options::default())?;
    let directory = tempfile::tempdir()?;
    let intercom = simulator.base_url();
    let config = config(arguments, &intercom, &directory.path().join("demo.db"))?;
    let app = App::start(&config, Clock::System).await?;
    bar.set_message("importing the company");
    let served = tell(&app, arguments, &intercom, &bar);
    // The process can be stopped while a large company is being imported.
    let result = tokio::select! {
        result = async { served.await?; asked_to_stop().await; Ok(()) } => result,
        () = asked_to_stop() => Ok(()),
        () = app.broken() => Err(CommandError::new(super::serve::BROKEN)),
    };
    bar.finish_and_clear();
    app.stop().await;
    simulator.stop().await;
    result
}

fn config(
    arguments: &Arguments,
    intercom: &str,
    database: &std::path::Path,
) -> Result<Config, CommandError> {
    let mut config = Config::defaults()?;
    config.server.bind = SocketAddr::from((Ipv4Addr::LOCALHOST, arguments.port));
    config.database.url = SecretString::from(format!("sqlite://{}?mode=rwc", database.display()));
    config.intercom.access_token = Some(SecretString::from(SIMULATED_TOKEN));
    config.intercom.base_url =
        Some(intercom.parse().map_err(|_| CommandError::new("the simulator has no address"))?);
    config.import.poll_interval = Some(Duration::from_secs(5));
    config.access.encryption_key = Some(Vault::fresh_key().map_err(AccessError::from)?);
    // No rate limit, so that it can be used for measuring.
    config.limits.requests_per_second = 0;
    Ok(config)
}

/// Waits for the first served snapshot and prints how to use the bridge.
async fn tell(
    app: &App,
    arguments: &Arguments,
    intercom: &str,
    bar: &indicatif::ProgressBar,
) -> Result<(), CommandError> {
    let service = app.service();
    if let Some(workspace) = service.workspaces.get(DEFAULT_WORKSPACE) {
        workspace.live.shows(|shown| shown.generation > 0).await;
    }
    let grant = Grant {
        subject: "demo".to_owned(),
        client: None,
        scopes: Scope::ALL.to_vec(),
        workspaces: vec![DEFAULT_WORKSPACE.to_owned()],
        ttl: Duration::from_hours(24),
    };
    let issued = service.tokens.issue(&grant)?;
    let token = issued.expose();
    let (client, secret) = client(app).await?;
    let url = &service.origin.public_url;
    let scim = scim_base_url(url, DEFAULT_WORKSPACE);
    let api = api_base_url(url, DEFAULT_WORKSPACE);
    bar.finish_and_clear();
    if arguments.json {
        let line = json!({
            "scim_base_url": scim,
            "api_base_url": api,
            "access_token": token,
            "client_id": client,
            "client_secret": secret.expose_secret(),
            "intercom_base_url": intercom,
        });
        print_line(&line.to_string());
        return Ok(());
    }
    print_line(&format!(
        r#"A simulated Intercom workspace of {admins} teammates and {teams} teams is served as SCIM 2.0. Paste into another shell:

TOKEN='{token}'

# A token for an OAuth client
curl -s -u '{client}:{secret}' -d grant_type=client_credentials '{url}/oauth/token'

# The first two teammates
curl -s -H "Authorization: Bearer $TOKEN" '{scim}/Users?count=2'

# One teammate by the address
curl -s -G -H "Authorization: Bearer $TOKEN" '{scim}/Users' --data-urlencode 'filter=userName eq "{user_name}"'

# The teams, without their members
curl -s -H "Authorization: Bearer $TOKEN" '{scim}/Groups?excludedAttributes=members'

# What the bridge can do (no token needed)
curl -s '{scim}/ServiceProviderConfig'

# A write: refused, with what to do instead
curl -s -X DELETE -H "Authorization: Bearer $TOKEN" '{scim}/Users/{id}'

# What changed, oldest first
curl -s -H "Authorization: Bearer $TOKEN" '{api}/changes?limit=2'

# How imports are going
curl -s -H "Authorization: Bearer $TOKEN" '{api}/status'

Intercom is simulated at {intercom}. The database is thrown away at the end. Ctrl-C ends everything."#,
        admins = arguments.company.admins,
        teams = arguments.company.teams,
        secret = secret.expose_secret(),
        user_name = first_user(app).0,
        id = first_user(app).1,
    ));
    Ok(())
}

/// Creates an OAuth client with all scopes. Returns its id and secret.
async fn client(app: &App) -> Result<(String, SecretString), CommandError> {
    let id = client_id("demo")?;
    let (secret, secret_hash) = client_secret_of(&id, app.service().tokens.vault())?;
    let client = OAuthClient {
        id,
        name: "demo".to_owned(),
        secret_hash,
        previous: None,
        scope: Scope::list(&Scope::ALL),
        workspaces: vec![DEFAULT_WORKSPACE.to_owned()],
        created_at: app.service().clock.now(),
        rotated_at: None,
        disabled_at: None,
    };
    app.service().ledger.add_client(&client, Vec::new()).await?;
    Ok((client.id, secret))
}

/// Returns the userName and id of a user, for the printed examples.
fn first_user(app: &App) -> (String, String) {
    let served = app
        .service()
        .workspaces
        .get(DEFAULT_WORKSPACE)
        .and_then(|workspace| workspace.live.served());
    served
        .and_then(|served| {
            let mut first = served.part(resource_types::USER, 0..1);
            first.next().map(|user| (user.name().to_owned(), user.id().to_owned()))
        })
        .unwrap_or_default()
}
