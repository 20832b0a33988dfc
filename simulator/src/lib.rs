//! A simulator of Intercom's API: the state of a workspace behind an HTTP server.
//!
//! It responds as Intercom does (JSON shapes, ids as strings in some places and integers in others,
//! error bodies, rate limit headers). Tests can change its state while it runs. It injects faults
//! on request.
//!
//! ```text
//! workspace      admins, teams, activity log: the state
//! access         what people do with access: invitations, roles, seats, sign-ins
//! teamwork       what people do with teams
//! configuration  settings, roles, apps, secrets and rules; exports and deletions
//! seed           generates a company of any size
//! people         the people who join later
//! story          the last 90 days of the company
//! life           events while the workspace is used
//! wire           renders the state as Intercom's JSON
//! fault          injected faults
//! oauth          authorises an app
//! webhook        notifications to an app
//! clock          the time, which can be set
//! state          what the server keeps between calls
//! log            queries of the activity log
//! routes         what each call gets: rate limit, faults, access token, resources
//! server         HTTP
//! cut_off        the body of a response that breaks off
//! dice           random numbers from a seed
//! ```

mod access;
mod clock;
mod configuration;
mod cut_off;
mod dice;
mod fault;
mod life;
mod log;
mod oauth;
mod people;
mod routes;
mod seed;
mod server;
mod state;
mod story;
mod teamwork;
mod webhook;
mod wire;
mod workspace;

pub use clock::Clock;
pub use configuration::{DataUse, Item, Setting};
pub use fault::{Fault, FaultError, OrderedFault};
pub use life::Life;
pub use oauth::OAuthApp;
pub use seed::{Company, newcomers, seed};
pub use server::{Options, Simulator};
pub use story::Story;
pub use webhook::{Notification, Subscription};
pub use workspace::{Admin, AvatarShape, Entry, Invitation, Priority, Role, Team, Workspace};
