//! A simulator of Intercom's API: the state of a workspace behind an HTTP server.
//!
//! It responds as Intercom does (JSON shapes, ids as strings in some places and integers in others,
//! error bodies, rate limit headers). Its state can be changed by a test or a person while it runs,
//! and it injects faults on request.
//!
//! ```text
//! workspace  admins, teams, activity log: the state, and the operations on it
//! seed       generates a company of any size
//! wire       renders the state as Intercom's JSON
//! fault      injected faults
//! oauth      authorises an app
//! clock      the time, which can be set
//! state      what the server keeps between calls
//! log        queries of the activity log
//! routes     what each call gets: rate limit, faults, access token, resources
//! server     HTTP
//! ```

mod clock;
mod cut_off;
mod fault;
mod log;
mod oauth;
mod routes;
mod seed;
mod server;
mod state;
mod wire;
mod workspace;

pub use clock::Clock;
pub use fault::{Fault, FaultError, OrderedFault};
pub use oauth::OAuthApp;
pub use seed::{Company, newcomers, seed};
pub use server::{Options, Simulator};
pub use workspace::{Admin, AvatarShape, Entry, Priority, Role, Team, Workspace};
