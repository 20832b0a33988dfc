//! The Intercom SCIM bridge: serves the teammates and teams of an Intercom workspace as SCIM 2.0,
//! and keeps a durable ledger of what it observed and when.
//!
//! Two loops run for each workspace. They share only the ledger:
//!
//! ```text
//!             the importer                                    the publisher
//! Intercom ─► intercom ─► import ─► ledger ─(generation)─►  publish ─► scim ─► http ─► client
//!             observes    plans     records                   snapshots  queries responses
//! ```
//!
//! A *generation* is one committed state of a workspace. `docs/glossary.md` explains the other
//! terms. *Pure* code does no I/O and reads no clock.
//!
//! The domain:
//!
//! * [`directory`] has the people, teams and memberships of a workspace, and the values that
//!   describe them: observations, plans, changes, runs. Pure.
//! * [`activity`] has the feed of log entries for security monitoring: the table of kinds,
//!   positions, and the forms OCSF and ECS. Pure.
//! * [`requests`] has the changes that a person must make in Intercom: refused writes and tickets.
//!   Pure; [`stores`] keeps them, and [`publish`] closes those that are done.
//! * [`roster`] reads a company's list of people and matches them with accounts. Pure;
//!   [`stores`] keeps rosters, and [`identities`] imports and evaluates them.
//! * [`reviews`] has access reviews: the decisions about accounts, and the signature. Pure.
//! * [`console`] says who may do what in the console. Pure.
//! * [`posture`] checks whether the workspace is configured and used safely. Pure.
//!   [`assessment`] reads what it needs from the ledger.
//! * [`notifications`] has outbound webhooks: filters, messages, signatures, allowed addresses.
//!   Pure; [`delivery`] sends them.
//!
//! The importer:
//!
//! * [`intercom`] reads Intercom's API. It returns an observation, which also lists what it could
//!   not read.
//! * [`import`] plans the changes from the recorded to the observed state, and commits them.
//! * [`ledger`] stores the history: versions, generations, runs, and the evidence that nothing was
//!   altered.
//!
//! The database:
//!
//! * [`database`] is the connection to SQLite or PostgreSQL, with the rows of its tables.
//! * [`stores`] keeps everything beside the history: OAuth clients, tokens, keys, connections,
//!   sessions, requests, the audit trail, rosters and decisions, exceptions and answers of the
//!   posture, access reviews, and the endpoints of notifications.
//!
//! What clients see:
//!
//! * [`publish`] builds a served snapshot of each new generation, and replaces the previous one
//!   with it.
//! * [`scim`] is the protocol: attributes, filters, lists, rendering, and the served snapshot that
//!   they read. Pure.
//! * [`tabular`] shows the directory as rows, and the history as a log of changes. Pure.
//! * [`access`] authenticates clients: tokens, OAuth clients, scopes, rate limits.
//! * [`runtime`] is what the loops and the server share: the handle of each workspace.
//! * [`http`] is the server: it authorises requests, and answers them. `src/http/mod.rs` lists its
//!   modules.
//!
//! The program:
//!
//! * [`config`] reads the settings.
//! * [`app`] opens everything, and starts the loops and the server.
//! * [`commands`] is the command line, one file for each subcommand. `serve` runs [`app`].
//! * `saviynt` makes the files for a connection of Saviynt EIC. Pure.
//!
//! For all modules:
//!
//! * `base_urls` has the base URLs of a workspace's APIs.
//! * [`clock`] is the only source of time. [`date_time`] formats times, and `moments` parses those
//!   that people and clients write.
//! * [`limits`] has the bounds that are not settings. A few stand beside the one rule that uses
//!   them.
//! * [`words`] defines enums that have one word for each value.
//! * `measures` has the metrics, and `spans` the traces. [`telemetry`] sets up logs and traces.
//!
//! A request for `/scim/v2/Users?filter=…` passes `http::middleware`. `http::extract` verifies the
//! token with the help of [`access`]. The handler in `http::endpoints` parses the filter with
//! [`scim`], takes the served snapshot from [`publish`], and lets [`scim`] search it. It reads
//! neither Intercom nor the database. `docs/architecture.md` follows this request, a refused write
//! and a token step by step.
//!
//! A module imports only modules in the lines above its own. Only those of the first line import
//! each other. A test checks this, by a stricter table (`docs/architecture.md`).
//!
//! ```text
//! clock, date_time, moments, limits, words, measures, spans
//! console, directory, database
//! base_urls
//! activity, requests, reviews, scim, roster, saviynt
//! tabular, intercom
//! posture
//! notifications
//! ledger
//! stores
//! access, delivery, identities, import, publish
//! assessment, runtime
//! http, config
//! app, telemetry
//! commands
//! ```

pub mod access;
pub mod activity;
pub mod app;
pub mod assessment;
pub(crate) mod base_urls;
pub mod clock;
pub mod commands;
pub mod config;
pub mod console;
pub mod database;
pub mod date_time;
pub mod delivery;
pub mod directory;
pub mod http;
pub mod identities;
pub mod import;
pub mod intercom;
pub mod ledger;
pub mod limits;
pub(crate) mod measures;
pub(crate) mod moments;
pub mod notifications;
pub mod posture;
pub mod publish;
pub mod requests;
pub mod reviews;
pub mod roster;
pub mod runtime;
pub(crate) mod saviynt;
pub mod scim;
pub(crate) mod spans;
pub mod stores;
pub mod tabular;
pub mod telemetry;
pub mod words;

/// The version and the commit of this build; the commit is `debug` or `unknown` if the build did
/// not set it.
pub const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("BUILD_COMMIT"), ")");
