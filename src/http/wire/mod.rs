//! The parameters and bodies of the API, as OpenAPI describes them.

mod errors;
mod history;
mod parameters;
mod search;

pub use errors::{
    ApiRefusals, Problem, RefusedByApi, RefusedByScim, ScimErrorBody, ScimRefusals,
    UnsupportedWrite,
};
pub use history::{AuditParameters, ChangeParameters, ReviewParameters};
pub use parameters::{
    FlatParameters, ListParameters, RequestOperation, RequestParameters, RunParameters,
};
pub use search::SearchRequest;
