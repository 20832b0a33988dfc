//! Rosters: who holds which account.

mod api;
mod commands;
mod files;
mod pulls;
mod story;
