//! The handlers, one file for each group of endpoints.
//!
//! ```text
//! account_classes  classes of accounts, as columns
//! activity       the feed of Intercom's activity log
//! audit          the audit trail
//! catalogue      roles, seats and permissions over SCIM
//! changes        the history as a log
//! connect        connecting a workspace in a browser
//! discovery      SCIM's discovery endpoints
//! imports        runs, and starting one
//! lifecycle      requests that people carry out
//! metrics        metrics for Prometheus
//! oauth          tokens for OAuth clients
//! posture        the checks of the posture, exceptions and answers
//! refusals       the handler of writes, which are refused
//! refused_writes the table of these writes
//! reviews        accounts for access reviews
//! review_rows    the rows of a review for the console
//! roster         the roster, whose account it is, and decisions
//! role_rows      the roles of the workspace as rows
//! scim           users and groups
//! seats          paid seats, and whether they are used
//! invitations    pending invitations (with `log_view`: what both have in common)
//! known_log      how much of the activity log was known at a moment
//! table_request  what requests for a page of a table have in common
//! status         liveness, readiness, status
//! tabular        accounts, entitlements, memberships
//! webhooks       Intercom's webhooks
//! ```

mod account_classes;
pub(crate) mod activity;
pub(crate) mod audit;
pub(crate) mod catalogue;
pub(crate) mod changes;
pub(crate) mod connect;
pub(crate) mod discovery;
pub(crate) mod imports;
pub(crate) mod invitations;
mod known_log;
pub(crate) mod lifecycle;
mod log_view;
pub(crate) mod metrics;
pub(crate) mod oauth;
pub(crate) mod posture;
pub(crate) mod refusals;
pub(crate) mod refused_writes;
pub(crate) mod review_rows;
pub(crate) mod reviews;
pub(crate) mod role_rows;
pub(crate) mod roster;
pub(crate) mod scim;
pub(crate) mod seats;
pub(crate) mod status;
mod table_request;
pub(crate) mod tabular;
pub(crate) mod webhooks;
