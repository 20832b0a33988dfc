//! The integration tests, in one binary, so that they are linked once.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails so"
)]
#![expect(
    clippy::disallowed_methods,
    reason = "tests stand outside: they have clients and servers of their own"
)]

mod access;
mod activity;
mod anonymous;
mod api;
mod audit;
mod authorization;
mod backup;
mod client_assertions;
mod clients;
mod clocks;
mod commands;
mod connect;
mod connections;
mod crowds;
mod date_times;
mod demo;
mod docs;
mod dry_run;
mod enterprise;
mod erased_files;
mod erased_invitations;
mod erasure;
mod erasure_served;
mod evidence;
mod explanations;
mod faults;
mod growth;
mod headers;
mod history;
mod hyphens;
mod import;
mod intercom;
mod issuers;
mod large_answers;
mod leases;
mod ledger;
mod lifetimes;
mod limits;
mod lists_in_part;
mod losses;
mod metrics;
mod negotiation;
mod notifications;
mod oauth;
mod odd_answers;
mod openapi;
mod operation;
mod packaging;
mod pages;
mod posture;
mod prism;
mod proof;
mod prunings;
mod queries;
mod refusals;
mod reload;
mod replicas;
mod retention;
mod role_lists;
mod roles;
mod roster;
mod saviynt;
mod scim;
mod serve;
mod support;
mod tabular;
mod tidy;
mod tls;
mod traces;
mod upgrades;
mod walks;
mod webhooks;
mod words;
mod workspaces;
