//! What full imports read of Intercom only for the checks, as the checks see it.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::de::DeserializeOwned;
use serde_json::Value;
use time::OffsetDateTime;

use crate::intercom::{DataConnector, IpAllowlist};
use crate::ledger::{Ledger, LedgerError, ObservedThing, ObservedValue};
use crate::posture::{Allowlist, Connector, Reading};

/// What the optional calls showed.
pub(super) struct Observed {
    /// The allowlist of the REST API.
    pub allowlist: Reading<Allowlist>,
    /// The data connectors.
    pub connectors: Reading<Vec<Connector>>,
    /// Whether `/me` says that the Messenger verifies identities; `None` if it does not say, or was
    /// not read.
    pub identity_verification: Option<bool>,
}

/// Returns the last results of the optional calls; with `as_of` those up to that moment of the past.
///
/// # Errors
/// [`LedgerError::Database`].
pub(super) async fn read(
    ledger: &Ledger,
    workspace: &str,
    as_of: Option<OffsetDateTime>,
) -> Result<Observed, LedgerError> {
    let list = ledger.last_observation(workspace, ObservedThing::IpAllowlist, as_of).await?;
    let all = ledger.last_observation(workspace, ObservedThing::DataConnectors, as_of).await?;
    let connectors = |all: Vec<DataConnector>| all.into_iter().map(connector).collect();
    let me = ObservedThing::IdentityVerification;
    let me = ledger.last_observation(workspace, me, as_of).await?;
    Ok(Observed {
        allowlist: reading(list, |list| allowlist(&list)),
        connectors: reading(all, connectors),
        identity_verification: me.and_then(|me| me.body.get("value")?.as_bool()),
    })
}

fn reading<R: DeserializeOwned, T>(
    observed: Option<ObservedValue>,
    convert: impl FnOnce(R) -> T,
) -> Reading<T> {
    let Some(ObservedValue { at, body }) = observed else { return Reading::NotMade };
    let value = body.get("value").cloned().and_then(|value| serde_json::from_value(value).ok());
    if let Some(value) = value {
        Reading::Read { at, value: convert(value) }
    } else {
        let code = body.get("code").and_then(Value::as_str).unwrap_or("unreadable").to_owned();
        Reading::Failed { at, code }
    }
}

fn allowlist(list: &IpAllowlist) -> Allowlist {
    let network = |text: &String| {
        let text = text.trim();
        text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)).ok()
    };
    let networks: Vec<IpNet> = list.entries.iter().filter_map(network).collect();
    Allowlist {
        is_enabled: list.enabled,
        unreadable: list.entries.len() - networks.len(),
        networks,
    }
}

fn connector(connector: DataConnector) -> Connector {
    let DataConnector { id, name, state, created_by, updated_by } = connector;
    let is_live = match state.as_deref() {
        Some("live") => Some(true),
        Some("draft") => Some(false),
        _ => None,
    };
    Connector { id, name, is_live, created_by, updated_by }
}
