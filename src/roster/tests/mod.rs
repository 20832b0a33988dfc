//! Tests over several files of the roster.

mod files;
mod laws;
mod story;
