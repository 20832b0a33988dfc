//! The Intercom SCIM bridge: serves an Intercom workspace's teammates and teams as SCIM 2.0, and keeps a
//! durable ledger of what it saw and when.
//!
//! Two loops, joined at the ledger:
//!
//! ```text
//!             the importer                                  the publisher
//! Intercom ─► intercom ─► import ─► ledger   ~generation~►  publish ─► scim ─► http ─► client
//!             observes    plans     records                 served snapshots   asks    answers
//! ```
//!
//! * [`directory`] is the domain: people, teams, memberships; what was observed, recorded, planned. Pure.
//! * [`intercom`] reads Intercom's API: an observation, which also says what could not be read.
//! * [`import`] plans how to get from what is recorded to what is observed, and commits.
//! * [`ledger`] keeps versions, generations and runs in SQLite or PostgreSQL.
//! * [`publish`] builds a served snapshot of each new generation and swaps it in.
//! * [`scim`] is the protocol: schema table, filters, projection, errors. Pure.
//! * [`tabular`] shows the same as rows, and the history as a log of changes. Pure.
//! * [`saviynt`] fills in the package for Saviynt EIC. Pure.
//! * [`access`] says who may ask.
//! * [`http`] is the only edge that clients see.
//! * [`app`] puts it all together for the [`commands`]; [`config`], [`clock`], [`date_time`], [`moments`], [`limits`],
//!   [`measures`], [`spans`] and [`telemetry`] are the one place each for settings, time, its written form, moments as people
//!   write them, bounds, measures, spans and logs.
//!
//! Imports point one way: `directory` ← `scim`, `flat`, `saviynt`, `intercom`, `ledger` ← `import`, `publish` ← `http` ← `app` ←
//! `commands`. A test holds it. `docs/architecture.md` tells the rest.

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
pub mod measures;
pub mod moments;
pub mod publish;
pub mod saviynt;
pub mod scim;
pub mod spans;
pub mod tabular;
pub mod telemetry;

/// Version, and the commit that this is built from; `debug` or `unknown` where nobody said.
pub const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("BUILD_COMMIT"), ")");
