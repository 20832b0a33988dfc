//! A stand-in for Intercom's API: the state of a workspace behind a real HTTP server.
//!
//! It answers as Intercom does (shapes, ids as strings here and integers there, error bodies, rate
//! limit headers), from a model that a test or a person changes while it runs, and it fails on order.
//!
//! ```text
//! workspace  admins, teams, activity log: the state, and what people do to it
//! seed       a made-up company of any size
//! wire       the state as Intercom's JSON
//! fault      failures to order
//! oauth      letting an app in
//! clock      the time, moved by hand in tests
//! server     HTTP: token, rate limit, faults, routes
//! ```

mod clock;
mod fault;
mod oauth;
mod seed;
mod server;
mod wire;
mod workspace;

pub use clock::Clock;
pub use fault::{Fault, FaultError, OrderedFault};
pub use oauth::OAuthApp;
pub use seed::{Company, newcomers, seed};
pub use server::{Options, Simulator};
pub use workspace::{Admin, AvatarShape, Entry, Priority, Role, Team, Workspace};
