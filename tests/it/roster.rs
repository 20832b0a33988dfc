//! Rosters: who stands behind which account.

mod api;
mod commands;
mod files;
mod pulls;
mod story;
