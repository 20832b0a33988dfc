//! The Intercom SCIM bridge: serves the teammates and teams of an Intercom workspace as SCIM 2.0,
//! and keeps a durable ledger of what it observed and when.
//!
//! Two loops, joined at the ledger:
//!
//! ```text
//!             the importer                                  the publisher
//! Intercom ─► intercom ─► import ─► ledger   ~generation~►  publish ─► scim ─► http ─► client
//!             observes    plans     records                 served snapshots   asks    answers
//! ```
//!
//! * [`directory`] is the domain: people, teams, memberships; observations, snapshots, plans. Pure.
//! * [`intercom`] reads Intercom's API and returns an observation, which also lists what could not
//!   be read.
//! * [`import`] plans the changes from the recorded to the observed state, and commits them.
//! * [`ledger`] keeps versions, generations and runs in SQLite or PostgreSQL.
//! * [`publish`] builds a served snapshot of each new generation and swaps it in.
//! * [`scim`] is the protocol: schema table, filters, projection, errors. Pure.
//! * [`tabular`] shows the directory as rows, and the history as a log of changes. Pure.
//! * [`requests`] are changes that a person must make: refused writes and tickets. Pure.
//! * `saviynt` fills in the package for Saviynt EIC. Pure.
//! * [`roster`] tells which person stands behind which account. Pure.
//! * [`access`] authenticates and authorises clients.
//! * [`http`] is the only interface to clients.
//! * [`app`] assembles everything for the [`commands`].
//! * [`config`] reads the settings; [`limits`] has all other bounds; [`clock`] is the only source
//!   of time; [`date_time`] and `moments` format and parse times; [`words`] defines enums that have
//!   a word for each value; `measures`, `spans` and [`telemetry`] are metrics, traces and logs.
//!
//! Modules depend on each other in one direction only: `directory` ← `requests`, `scim`, `tabular`,
//! `saviynt`, `roster`, `intercom` ← `ledger` ← `import`, `publish` ← `http` ← `app` ← `commands`.
//! A test checks this.
//! `docs/architecture.md` has the details.

pub mod access;
pub mod app;
pub mod clock;
pub mod commands;
pub mod config;
pub mod date_time;
pub mod directory;
pub mod http;
pub mod import;
pub mod intercom;
pub mod ledger;
pub mod limits;
pub(crate) mod measures;
pub(crate) mod moments;
pub mod publish;
pub mod requests;
pub mod roster;
pub(crate) mod saviynt;
pub mod scim;
pub(crate) mod spans;
pub mod tabular;
pub mod telemetry;
pub mod words;

/// The version and the commit of this build; the commit is `debug` or `unknown` if the build did
/// not set it.
pub const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("BUILD_COMMIT"), ")");
