//! Response bodies: chunks, tables and large responses.
//!
//! ```text
//! chunked_body   bodies of several chunks        chunks         the chunks of a body, from rows
//! cells          the members of a row            table          rows as CSV
//! large          large responses, made on        page           one page of rows, as CSV or JSON
//!                threads of their own            guarded_body   a body that holds something
//! paced          long bodies, sent in steps      bundle         ZIP files with a manifest
//! ```

pub mod bundle;
pub(crate) mod cells;
pub(crate) mod chunked_body;
pub(crate) mod chunks;
pub(crate) mod guarded_body;
pub(crate) mod large;
pub(crate) mod paced;
pub(crate) mod page;
pub(crate) mod table;
