//! Tests of the checks.

mod exceptions;
mod formats;
mod laws;
mod statuses;
mod table;
mod world;
