//! Response bodies: chunks, tables and large responses.
//!
//! ```text
//! cells           the members of a row
//! chunked_body    response bodies of several chunks
//! large           large responses, made on threads of their own
//! table           rows as CSV
//! ```

pub(crate) mod cells;
pub(crate) mod chunked_body;
pub(crate) mod large;
pub(crate) mod table;
