//! The upstream edge: reads a workspace from Intercom's API.
//!
//! ```text
//! client   one call: token, version, time-outs, retries, pacing
//! wire     Intercom's JSON as it comes
//! vet      from wire to domain; where the two sides of a membership disagree
//! oauth    connecting a workspace
//! observe  a whole reading: complete, or an error
//! ```
//!
//! Intercom's reference: <https://developers.intercom.com/docs/references/rest-api/api.intercom.io>.

mod client;
mod error;
mod oauth;
mod observe;
mod pacing;
mod vet;
mod wire;

pub use client::{Client, Connection, Region, Traffic};
pub use error::{IntercomError, Outage};
pub use oauth::{TradeError, authorise_url, trade_code, uninstall};
pub use observe::{Progress, Since, identify, observe};
pub use pacing::Allowance;
