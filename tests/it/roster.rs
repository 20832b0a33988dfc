//! Rosters: who holds which account.

pub mod api;
mod clocks;
mod commands;
mod erased;
mod files;
mod pulls;
mod shrinking;
mod story;
mod traces;
