//! The upstream side: reads a workspace from Intercom's API.
//!
//! ```text
//! region   the regions that host workspaces
//! client   one call: token, version, time-outs, retries, pacing
//! answer   the encoding of a response, and the content of an error response
//! pacing   the rate limit
//! scan     counts the elements of a response while it arrives
//! page     one page of a list, and what it says about further pages
//! wire     Intercom's JSON, read field by field
//! record   one admin or team, as far as it could be read
//! vet      from wire format to domain; disagreements about memberships
//! span     the spans of time in which the activity log is read
//! log      the activity log
//! optional the readings that a setting switches on
//! roles    the list of roles
//! oauth    connecting a workspace
//! error    the errors of reading Intercom
//! progress the progress of a reading
//! observe  a reading of a workspace, and what could not be read
//! ```
//!
//! Intercom's reference:
//! <https://developers.intercom.com/docs/references/rest-api/api.intercom.io>.

mod answer;
mod client;
mod error;
mod log;
mod oauth;
mod observe;
mod optional;
mod pacing;
mod page;
mod progress;
mod record;
mod region;
mod roles;
mod scan;
mod span;
mod vet;
mod wire;

pub use client::{Client, Connection, Traffic};
pub use error::{IntercomError, Outage, Permission, code_needs_operator};
pub use log::LogKinds;
pub use oauth::{TradeError, authorise_url, trade_code, uninstall};
pub use observe::{Since, identify, observe};
pub use optional::{
    DataConnector, IpAllowlist, read_data_connectors, read_identity_verification, read_ip_allowlist,
};
pub use pacing::RateBudget;
pub use progress::Progress;
pub use region::Region;
pub use roles::read_roles;
