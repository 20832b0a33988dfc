//! Rosters: who holds which account.

pub mod api;
mod commands;
mod erased;
mod files;
mod pulls;
mod story;
