//! The integration tests, in one binary: it links once.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails so")]
#![expect(clippy::disallowed_methods, reason = "tests stand outside: they have clients and servers of their own")]

mod access;
mod api;
mod audit;
mod authorization;
mod backup;
mod clients;
mod commands;
mod connect;
mod connections;
mod date_times;
mod evidence;
mod faults;
mod flat;
mod history;
mod import;
mod intercom;
mod issuers;
mod leases;
mod ledger;
mod limits;
mod metrics;
mod negotiation;
mod oauth;
mod odd_answers;
mod openapi;
mod operation;
mod packaging;
mod pages;
mod prism;
mod proof;
mod queries;
mod refusals;
mod replicas;
mod retention;
mod saviynt;
mod scim;
mod serve;
mod support;
mod tidy;
mod tls;
mod traces;
mod walks;
mod webhooks;
mod workspaces;
