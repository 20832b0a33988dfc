//! Calls that only the checks of the posture need, and that are made only if a setting asks for
//! them: they need permissions beyond reading teammates.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::Client;
use super::answer::malformed;
use super::error::IntercomError;
use super::page::{Next, next_query};
use super::wire::{Field, Object, text_of};
use crate::directory::UserId;
use crate::limits;

/// The allowlist of the REST API, as `GET /ip_allowlist` returns it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IpAllowlist {
    /// Whether it is switched on.
    pub enabled: bool,
    /// Addresses and networks, as Intercom writes them.
    pub entries: Vec<String>,
}

/// A data connector, as `GET /data_connectors` returns it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataConnector {
    /// Intercom's id.
    pub id: String,
    /// Its name.
    pub name: Option<String>,
    /// `live` or `draft`.
    pub state: Option<String>,
    /// The admin who made it.
    pub created_by: Option<UserId>,
    /// The admin who last changed it.
    pub updated_by: Option<UserId>,
}

const ME: &str = "/me";
const ALLOWLIST: &str = "/ip_allowlist";
const CONNECTORS: &str = "/data_connectors";

/// Reads whether `/me` says that the Messenger verifies the identity of its users. `None` if it
/// does not say.
///
/// # Errors
/// Why Intercom did not return it.
pub async fn read_identity_verification(client: &Client) -> Result<Option<bool>, IntercomError> {
    client
        .get(ME, &[], limits::INTERCOM_ATTEMPTS, |me| {
            let app = me.object("app").value();
            Ok(app.and_then(|app| app.flag("identity_verification").value()))
        })
        .await
}

/// Stands for an entry of the allowlist that is no text, or is too long.
const UNREADABLE: &str = "unreadable";

/// Reads the allowlist of the REST API.
///
/// # Errors
/// Why Intercom did not return it. A token without the permission gets 403.
pub async fn read_ip_allowlist(client: &Client) -> Result<IpAllowlist, IntercomError> {
    client
        .get(ALLOWLIST, &[], limits::INTERCOM_ATTEMPTS, |answer| {
            let enabled = answer.flag("enabled").value();
            let enabled = enabled.ok_or_else(|| malformed(ALLOWLIST, "`enabled` is missing"))?;
            let entries = match answer.list("ip_allowlist") {
                Field::Value(entries) => entries,
                Field::Absent | Field::Null => Vec::new(),
                Field::Unreadable => {
                    return Err(malformed(ALLOWLIST, "`ip_allowlist` is not a list"));
                }
            };
            if entries.len() > limits::OPTIONAL_ENTRIES {
                return Err(malformed(ALLOWLIST, "`ip_allowlist` has too many entries"));
            }
            // An entry that cannot be read is no network, and the check says so.
            let text = |raw: &RawValue| {
                text_of(raw, answer.lossy(), limits::INTERCOM_TEXT_BYTES)
                    .unwrap_or_else(|| UNREADABLE.to_owned())
            };
            let entries = entries.into_iter().map(text).collect();
            Ok(IpAllowlist { enabled, entries })
        })
        .await
}

/// Reads all data connectors.
///
/// # Errors
/// Why Intercom did not return them. A token without the permission gets 403, and a workspace
/// without the feature 404.
pub async fn read_data_connectors(client: &Client) -> Result<Vec<DataConnector>, IntercomError> {
    let (mut all, mut query) = (Vec::new(), Vec::new());
    for _ in 0..limits::OPTIONAL_PAGES {
        let page = client.get(CONNECTORS, &query, limits::INTERCOM_ATTEMPTS, page).await?;
        all.extend(page.connectors);
        if all.len() > limits::OPTIONAL_ENTRIES {
            return Err(malformed(CONNECTORS, "there are too many connectors"));
        }
        match page.next {
            Next::Query(next) => query = next_query(&query, next),
            Next::End => return Ok(all),
            Next::Unknown => break,
        }
    }
    Err(malformed(CONNECTORS, "`pages.next` leads to no last page"))
}

struct ConnectorPage {
    connectors: Vec<DataConnector>,
    next: Next,
}

fn page(answer: &Object<'_>) -> Result<ConnectorPage, IntercomError> {
    let entries = answer.list("data").value().or_else(|| answer.list("data_connectors").value());
    let entries = entries.ok_or_else(|| malformed(CONNECTORS, "`data` is not a list"))?;
    let connectors = entries.into_iter().filter_map(|raw| connector(&Object::from_raw(raw, true)?));
    let pages = answer.object("pages").value();
    let next = pages.and_then(|pages| pages.raw("next").map(Next::from_pages));
    Ok(ConnectorPage { connectors: connectors.collect(), next: next.unwrap_or(Next::End) })
}

fn connector(record: &Object<'_>) -> Option<DataConnector> {
    let admin = |name: &str| record.id(name).value().filter(|id| id != "0").map(UserId::new);
    Some(DataConnector {
        id: record.id("id").value()?,
        name: record.text("name", limits::INTERCOM_TEXT_BYTES).value(),
        state: record.text("state", 64).value(),
        created_by: admin("created_by_admin_id"),
        updated_by: admin("updated_by_admin_id"),
    })
}
