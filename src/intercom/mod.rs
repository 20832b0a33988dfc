//! The upstream side: reads a workspace from Intercom's API.
//!
//! ```text
//! client   one call: token, version, time-outs, retries, pacing
//! answer   what an answer is: its encoding, and what a refusal says
//! scan     how much is in an answer, while it comes
//! page     a list, and what it says of the rest of it
//! wire     Intercom's JSON, read member by member
//! record   one admin or team, as far as it could be read
//! vet      from wire format to domain; disagreements about memberships
//! log      the activity log, in spans of time
//! oauth    connecting a workspace
//! observe  a reading of a workspace, and what could not be read
//! ```
//!
//! Intercom's reference: <https://developers.intercom.com/docs/references/rest-api/api.intercom.io>.

mod answer;
mod client;
mod error;
mod log;
mod oauth;
mod observe;
mod pacing;
mod page;
mod record;
mod scan;
mod vet;
mod wire;

pub use client::{Client, Connection, Region, Traffic};
pub use error::{IntercomError, Outage, Permission};
pub use oauth::{TradeError, authorise_url, trade_code, uninstall};
pub use observe::{Progress, Since, identify, observe};
pub use pacing::RateBudget;
