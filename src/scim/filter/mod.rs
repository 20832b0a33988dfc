//! The filter language (RFC 7644 §3.4.2.2): parse, bind to the table of a type, match.
//!
//! ```text
//! parse   text to Expression; knows the grammar and no attribute
//! lookup  whether an Expression looks a person up
//! bind    Expression to Filter; knows the table, checks names and types
//! ```
//!
//! A [`Filter`] runs on typed values through the table's getters, never on JSON.

mod bind;
mod lookup;
mod matching;
mod parse;

pub use bind::Filter;
pub use parse::{Expression, Literal, Name, Operator, parse};
