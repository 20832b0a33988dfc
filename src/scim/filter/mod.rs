//! The filter language (RFC 7644 §3.4.2.2): parsing, binding to the attributes of a resource type,
//! and matching.
//!
//! ```text
//! parse     text to Expression; uses the grammar only, no attributes
//! lookup    detects an Expression that looks up a person
//! bind      Expression to Filter; resolves names in the table and checks types
//! matching  evaluates a Filter on a resource
//! ```
//!
//! A [`Filter`] is evaluated on typed values through the table's getters, never on JSON.

mod bind;
mod lookup;
mod matching;
mod parse;

pub use bind::Filter;
pub use parse::{Expression, Literal, Name, Operator, parse};
