//! Rosters: who holds which account.

pub mod api;
mod commands;
mod files;
mod pulls;
mod story;
