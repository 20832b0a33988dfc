//! Requests for changes that a person must make in Intercom: refused writes and tickets. No side
//! effects.
//!
//! ```text
//! operation       the changes that can be requested
//! refusal         for each operation: can Intercom's API make it, and where can a person make it
//! request         a recorded request, its source and its state
//! parsed_request  the change that a refused write asks for
//! settle          which requests the directory shows to be done
//! ```

mod operation;
mod parsed_request;
mod refusal;
mod request;
mod settle;

pub use operation::Operation;
pub use parsed_request::ParsedRequest;
pub use refusal::Refusal;
pub use request::{Request, RequestEnd, RequestSource, RequestState};
pub use settle::seen_done;
