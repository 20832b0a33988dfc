//! The rows of the tables. The `migrations` crate creates the tables.

pub mod activity;
pub mod audit;
pub mod client_assertions;
pub mod clients;
pub mod connect_attempts;
pub mod connections;
pub mod erased_people;
pub mod erased_rows;
pub mod erasures;
pub mod evidence;
pub mod evidence_due;
pub mod generations;
pub mod group_versions;
pub mod imports;
pub mod leases;
pub mod lifecycle_requests;
pub mod membership_versions;
pub mod page_sessions;
pub mod pruned_stamps;
pub mod prunings;
pub mod restatements;
pub mod signing_keys;
pub mod tokens;
pub mod user_versions;
pub mod volatile;
pub mod workspaces;
