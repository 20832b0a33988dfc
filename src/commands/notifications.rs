//! `notifications`: the endpoints of outbound webhooks.

use clap::Subcommand;
use serde_json::json;

use super::actor::by_command_with;
use super::arguments::zone;
use super::error::CommandError;
use super::output::{print_line, print_table, rfc3339, when_known};
use super::stores::existing_stores;
use crate::activity::Position;
use crate::app::endpoint_of;
use crate::clock::{Clock, to_millis};
use crate::config::{Config, NotificationConfig};
use crate::delivery::{Endpoint, Sender, ends, first_waiting};
use crate::directory::ChangePosition;
use crate::moments::{self, Edge, Zone};
use crate::notifications::{Message, Place, Places, ReplayFrom};
use crate::stores::{StoredEndpoint, Stores};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the endpoints, with their state and how far they were served.
    List {
        /// Print the endpoints as JSON, with their last deliveries.
        #[arg(long)]
        json: bool,
    },
    /// Send a test message to an endpoint.
    Test {
        /// The name of the endpoint.
        name: String,
    },
    /// Send the events after a position again. The receiver knows them by their ids.
    Replay {
        /// The name of the endpoint.
        name: String,
        /// The `cursor` in the data of a message, a time or day, or `now` to skip what waits. A
        /// cursor moves only the source of that message; a time and `now` move all sources.
        #[arg(long, value_name = "CURSOR|TIME|now")]
        from: String,
        /// The time zone of --from, such as Europe/Dublin. The default is UTC.
        #[arg(long, value_name = "ZONE", value_parser = zone)]
        tz: Option<Zone>,
    },
    /// Skip the first message that waits, for example because the receiver always refuses it.
    Skip {
        /// The name of the endpoint.
        name: String,
    },
    /// Send to an endpoint again that is paused after failures or disabled by the answer 410.
    Resume {
        /// The name of the endpoint.
        name: String,
    },
}

/// The number of deliveries that `list --json` shows for each endpoint.
const SHOWN: u64 = 20;

pub async fn run(config: &Config, command: &Command) -> Result<(), CommandError> {
    match command {
        Command::List { json } => list(config, *json).await,
        Command::Test { name } => test(config, name).await,
        Command::Replay { name, from, tz } => replay(config, name, from, tz.as_ref()).await,
        Command::Skip { name } => skip(config, name).await,
        Command::Resume { name } => resume(config, name).await,
    }
}

fn endpoint<'a>(config: &'a Config, name: &str) -> Result<&'a NotificationConfig, CommandError> {
    let all = &config.notifications;
    all.iter().find(|endpoint| endpoint.name == name).ok_or_else(|| {
        let names: Vec<&str> = all.iter().map(|endpoint| endpoint.name.as_str()).collect();
        CommandError::wrong_use(match names.as_slice() {
            [] => "the settings have no [[notifications]]".to_owned(),
            names => format!("there is no endpoint `{name}`; there is: {}", names.join(", ")),
        })
    })
}

async fn list(config: &Config, as_json: bool) -> Result<(), CommandError> {
    let stores = existing_stores(config).await?;
    let mut rows = Vec::new();
    for endpoint in &config.notifications {
        let known = stores.notifications.endpoint(&endpoint.workspace, &endpoint.name).await?;
        if as_json {
            print_line(&described(&stores, endpoint, known.as_ref()).await?);
            continue;
        }
        let state = known.as_ref().map_or("new", |known| known.standing.state.as_str());
        let standing = known.as_ref().map(|known| &known.standing);
        rows.push([
            endpoint.name.clone(),
            endpoint.workspace.clone(),
            state.to_owned(),
            known.as_ref().map_or(0, |known| known.delivered).to_string(),
            when_known(known.as_ref().and_then(|known| known.delivered_at)),
            when_known(standing.and_then(|standing| standing.failing_since)),
            standing.and_then(|standing| standing.problem.clone()).unwrap_or_default(),
        ]);
    }
    if !as_json {
        let header =
            ["name", "workspace", "state", "delivered", "last", "failing since", "problem"];
        print_table(header, &rows);
    }
    stores.close().await;
    Ok(())
}

async fn described(
    stores: &Stores,
    endpoint: &NotificationConfig,
    known: Option<&StoredEndpoint>,
) -> Result<String, CommandError> {
    let store = &stores.notifications;
    let deliveries = store.deliveries(&endpoint.workspace, &endpoint.name, SHOWN).await?;
    let deliveries: Vec<_> = deliveries
        .into_iter()
        .map(|delivery| {
            json!({
                "number": delivery.number,
                "id": delivery.message,
                "type": delivery.event,
                "at": rfc3339(Some(delivery.at)),
                "attempts": delivery.attempts,
                "status": delivery.status,
            })
        })
        .collect();
    let standing = known.map(|known| &known.standing);
    let places = known.map(|known| known.places.clone()).unwrap_or_default();
    let document = json!({
        "name": endpoint.name,
        "workspace": endpoint.workspace,
        "state": standing.map_or("new", |standing| standing.state.as_str()),
        "failures": standing.map_or(0, |standing| standing.failures),
        "failing_since": rfc3339(standing.and_then(|standing| standing.failing_since)),
        "problem": standing.and_then(|standing| standing.problem.clone()),
        "delivered": known.map_or(0, |known| known.delivered),
        "delivered_at": rfc3339(known.and_then(|known| known.delivered_at)),
        "positions": {
            "activity": places.activity.map(Position::to_cursor),
            "changes": places.changes.map(|position| position.to_cursor()),
            "posture": places.findings.map(|number| format!("f{number}")),
        },
        "deliveries": deliveries,
    });
    Ok(document.to_string())
}

async fn test(config: &Config, name: &str) -> Result<(), CommandError> {
    let endpoint = endpoint_of(endpoint(config, name)?);
    let clock = Clock::System;
    let message = Message::test(name, &endpoint.workspace, clock.now());
    let sender = Sender::new(&endpoint, clock).map_err(CommandError::new)?;
    match sender.send(&message).await {
        Ok(status) => {
            print_line(&format!("the receiver confirmed {} with {status}", message.id));
            Ok(())
        }
        Err(failure) => Err(CommandError::new(failure.to_string())),
    }
}

async fn replay(
    config: &Config,
    name: &str,
    from: &str,
    zone: Option<&Zone>,
) -> Result<(), CommandError> {
    let endpoint = endpoint_of(endpoint(config, name)?);
    let stores = existing_stores(config).await?;
    let known = stores.notifications.endpoint(&endpoint.workspace, name).await?;
    let known = known.ok_or_else(|| never_served(name))?;
    let places = places_of(&stores, &endpoint, known.places, from, zone).await?;
    restart(&stores, &endpoint, Some(&places), "notifications.replayed", from.trim()).await?;
    stores.close().await;
    print_line(&format!("{name} continues from {}; a running bridge begins at once", from.trim()));
    Ok(())
}

/// The places from which an endpoint is served again.
async fn places_of(
    stores: &Stores,
    endpoint: &Endpoint,
    mut places: Places,
    from: &str,
    zone: Option<&Zone>,
) -> Result<Places, CommandError> {
    let workspace = endpoint.workspace.as_str();
    match ReplayFrom::read(from) {
        Some(ReplayFrom::Now) => return Ok(ends(stores, endpoint).await?),
        Some(ReplayFrom::Place(place)) => {
            let is_sent = match &place {
                Place::Activity(_) => places.activity.is_some(),
                Place::Changes(_) => places.changes.is_some(),
                Place::Findings(_) => places.findings.is_some(),
            };
            if !is_sent {
                return Err(CommandError::wrong_use(
                    "--from is a position of events that this endpoint does not get",
                ));
            }
            places.advance(place);
            if !places.beyond(&ends(stores, endpoint).await?).is_empty() {
                return Err(CommandError::wrong_use(
                    "--from is beyond the last event; use `now` to skip what waits",
                ));
            }
            return Ok(places);
        }
        None => {}
    }
    let utc = Zone::UTC;
    let moment =
        moments::read(from.trim(), Edge::Start, zone.unwrap_or(&utc)).ok_or_else(|| {
            CommandError::wrong_use(format!(
                "--from must be the `cursor` in the data of a message, `now`, or {}",
                moments::FORMS
            ))
        })?;
    let moment = moment.moment;
    if places.activity.is_some() {
        places.activity = Some(stores.ledger.feed_from(workspace, to_millis(moment)).await?);
    }
    if places.changes.is_some() {
        let generation = stores.ledger.generation_at(workspace, moment).await?;
        places.changes = Some(ChangePosition::end_of(generation.unwrap_or_default()));
    }
    if places.findings.is_some() {
        places.findings = Some(stores.posture.finding_before(workspace, moment).await?);
    }
    Ok(places)
}

async fn skip(config: &Config, name: &str) -> Result<(), CommandError> {
    let endpoint = endpoint_of(endpoint(config, name)?);
    let stores = existing_stores(config).await?;
    let known = stores.notifications.endpoint(&endpoint.workspace, name).await?;
    let known = known.ok_or_else(|| never_served(name))?;
    let waiting = first_waiting(&stores, &endpoint, &known.places).await?;
    let Some((message, places)) = waiting else {
        return Err(CommandError::new(format!("no message waits for {name}")));
    };
    restart(&stores, &endpoint, Some(&places), "notifications.skipped", &message.id).await?;
    stores.close().await;
    print_line(&format!("{name} skips {} ({})", message.id, message.event));
    Ok(())
}

async fn resume(config: &Config, name: &str) -> Result<(), CommandError> {
    let endpoint = endpoint_of(endpoint(config, name)?);
    let stores = existing_stores(config).await?;
    restart(&stores, &endpoint, None, "notifications.resumed", name).await?;
    stores.close().await;
    print_line(&format!("{name} is active again; a running bridge tries it at once"));
    Ok(())
}

async fn restart(
    stores: &Stores,
    endpoint: &Endpoint,
    places: Option<&Places>,
    event: &str,
    detail: &str,
) -> Result<(), CommandError> {
    let Endpoint { name, workspace, .. } = endpoint;
    let now = Clock::System.now();
    let entries = by_command_with(event, name, std::slice::from_ref(workspace), detail, now);
    let is_known = stores.notifications.restart(workspace, name, places, entries).await?;
    if is_known { Ok(()) } else { Err(never_served(name)) }
}

fn never_served(name: &str) -> CommandError {
    CommandError::new(format!(
        "no bridge has served the endpoint {name} yet; start the bridge with this setting first"
    ))
}
