//! The parameters and bodies of the API, as OpenAPI describes them. Records of the domain and of
//! the ledger know nothing of HTTP; the types here are made from them.
//!
//! ```text
//! parameters       query parameters of lists      request   requests for changes
//! history          those of changes, reviews and  search    the body of a SCIM search
//!                  the audit trail                errors    error responses, and shared responses
//! activity         those of the feed of log entries
//! row_schemas      schemas of rows and changes    words     schemas of enums with words
//! posture          parameters and schemas of the posture
//! record_schemas   schemas of imports and of the  schemas   gives records their schemas
//!                  audit trail
//! roster           those of the roster            roster_schemas   schemas of its rows
//! ```

mod activity;
mod errors;
mod history;
mod parameters;
mod posture;
mod record_schemas;
mod request;
mod roster;
mod roster_schemas;
mod row_schemas;
mod schemas;
mod search;
mod words;

pub use activity::{ActivityParameters, ActivityTypeParameters};
pub use errors::{
    ApiRefusals, BodyRefusals, ParameterRefusals, PastRefusals, Problem, RefusedByApi,
    RefusedByScim, ScimErrorBody, ScimList, ScimRefusals, ScimSearchRefusals, UnsupportedWrite,
};
pub use history::{AuditParameters, ChangeParameters, ReviewParameters};
pub use parameters::{
    FlatParameters, ListParameters, LogViewParameters, RequestParameters, RunParameters,
    SeatParameters,
};
pub use posture::{PostureParameters, PostureRecordBody, PostureRecorded};
pub use request::LifecycleRequest;
pub use roster::{
    DecisionParameters, RosterImport, RosterImportParameters, RosterStatus, RosterVersion,
    RosterViewParameters,
};
pub use search::SearchRequest;
