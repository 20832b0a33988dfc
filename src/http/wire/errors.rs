//! The bodies of error responses, and the responses that several operations share.

use utoipa::{IntoResponses, ToSchema};

/// A SCIM error (RFC 7644 §3.12).
#[expect(dead_code, reason = "it describes the body; `ScimError` writes it")]
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ScimErrorBody {
    schemas: Vec<String>,
    /// The HTTP status, as a string.
    status: String,
    scim_type: Option<String>,
    detail: String,
}

/// A problem (RFC 9457), with a `code` for programs.
#[expect(dead_code, reason = "it describes the body; `ApiError` writes it")]
#[derive(ToSchema)]
pub struct Problem {
    r#type: String,
    title: String,
    status: u16,
    code: String,
    detail: String,
}

/// The error responses that all reads of users and groups can have.
#[expect(dead_code, reason = "it describes the answers; `finish` writes them")]
#[derive(IntoResponses)]
pub enum ScimRefusals {
    /// The filter or another parameter is invalid.
    #[response(status = 400, content_type = "application/scim+json")]
    Unreadable(#[to_schema] ScimErrorBody),
    /// The request has no valid token. `WWW-Authenticate` says why (RFC 6750 §3).
    #[response(status = 401, content_type = "application/scim+json")]
    Unauthenticated(#[to_schema] ScimErrorBody),
    /// The token does not have the required scope.
    #[response(status = 403, content_type = "application/scim+json")]
    Forbidden(#[to_schema] ScimErrorBody),
    /// The resource or the workspace does not exist. The status is 412 if the version of the
    /// resource is not the one in `If-Match`.
    #[response(status = 404, content_type = "application/scim+json")]
    NotFound(#[to_schema] ScimErrorBody),
    /// `Accept` allows neither `application/scim+json` nor `application/json`.
    #[response(status = 406, content_type = "application/scim+json")]
    NotAcceptable(#[to_schema] ScimErrorBody),
    /// No import has succeeded yet. `Retry-After` says when to try again.
    #[response(status = 503, content_type = "application/scim+json")]
    NotReady(#[to_schema] ScimErrorBody),
}

/// The response to a SCIM list or search. `openapi::complete` gives it the schema of its resources.
#[expect(dead_code, reason = "it describes the answers; `scim::Page` writes them")]
#[derive(IntoResponses)]
pub enum ScimList {
    /// A ListResponse (RFC 7644 §3.4.2).
    #[response(status = 200, content_type = "application/scim+json")]
    Found(serde_json::Value),
}

/// The error response that a SCIM search has besides [`ScimRefusals`].
#[expect(dead_code, reason = "it describes the answers; `finish` writes them")]
#[derive(IntoResponses)]
pub enum ScimSearchRefusals {
    /// The body is neither `application/scim+json` nor `application/json`.
    #[response(status = 415, content_type = "application/scim+json")]
    UnsupportedMediaType(#[to_schema] ScimErrorBody),
}

/// The error responses that all operations of the import and change API can have.
#[expect(dead_code, reason = "it describes the answers; `finish` writes them")]
#[derive(IntoResponses)]
pub enum ApiRefusals {
    /// The request has no valid token. `WWW-Authenticate` says why (RFC 6750 §3).
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthenticated(#[to_schema] Problem),
    /// The token does not have the required scope.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(#[to_schema] Problem),
    /// The workspace, or the object in the path, does not exist.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(#[to_schema] Problem),
    /// No import has succeeded yet, or the database is unavailable. `Retry-After` says when to try
    /// again.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(#[to_schema] Problem),
}

/// The error response to an invalid query parameter.
#[expect(dead_code, reason = "it describes the answers; `finish` writes them")]
#[derive(IntoResponses)]
pub enum ParameterRefusals {
    /// A parameter is invalid.
    #[response(status = 400, content_type = "application/problem+json")]
    Invalid(#[to_schema] Problem),
}

/// The error response of operations that can return a past state.
#[expect(dead_code, reason = "it describes the answers; `finish` writes them")]
#[derive(IntoResponses)]
pub enum PastRefusals {
    /// The state at that time was pruned.
    #[response(status = 410, content_type = "application/problem+json")]
    Pruned(#[to_schema] Problem),
}

/// The error responses of operations that read a request body.
#[expect(dead_code, reason = "it describes the answers; `finish` writes them")]
#[derive(IntoResponses)]
pub enum BodyRefusals {
    /// The body did not arrive in time.
    #[response(status = 408, content_type = "application/problem+json")]
    TooSlow(#[to_schema] Problem),
    /// The body is too large.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(#[to_schema] Problem),
}

/// The error responses of a SCIM write, which is always refused.
#[expect(dead_code, reason = "it describes the answers; `finish` writes them")]
#[derive(IntoResponses)]
pub enum RefusedByScim {
    /// The request has no valid token. `WWW-Authenticate` says why (RFC 6750 §3).
    #[response(status = 401, content_type = "application/scim+json")]
    Unauthenticated(#[to_schema] ScimErrorBody),
    /// The token does not have the required scope.
    #[response(status = 403, content_type = "application/scim+json")]
    Forbidden(#[to_schema] ScimErrorBody),
    /// The workspace does not exist.
    #[response(status = 404, content_type = "application/scim+json")]
    NotFound(#[to_schema] ScimErrorBody),
    /// The write is refused, because this version of the bridge does not write to Intercom.
    /// `detail` says whether Intercom's API can make the change, and where a person can make it.
    #[response(status = 501, content_type = "application/scim+json")]
    NotImplemented(#[to_schema] ScimErrorBody),
}

/// A problem (RFC 9457) for a refused write.
#[expect(dead_code, reason = "it describes the body; `ApiError` writes it")]
#[derive(ToSchema)]
pub struct UnsupportedWrite {
    r#type: String,
    title: String,
    status: u16,
    /// Always `unsupported_write`.
    code: String,
    /// The operation, such as `remove_account`.
    operation: String,
    /// Says that nothing was changed, and whether Intercom's API can make the change.
    detail: String,
    /// Says where a person can make the change.
    remedy: String,
    /// The id of the recorded request in `/api/v1/lifecycle/requests`. Null if it could not be
    /// recorded.
    request: Option<String>,
}

/// The error responses of a write of the import and change API, which is always refused.
#[expect(dead_code, reason = "it describes the answers; `finish` writes them")]
#[derive(IntoResponses)]
pub enum RefusedByApi {
    /// The request has no valid token. `WWW-Authenticate` says why (RFC 6750 §3).
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthenticated(#[to_schema] Problem),
    /// The token does not have the required scope.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(#[to_schema] Problem),
    /// The workspace does not exist.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(#[to_schema] Problem),
    /// The write is refused, because this version of the bridge does not write to Intercom.
    /// `remedy` says where a person can make the change.
    #[response(status = 501, content_type = "application/problem+json")]
    NotImplemented(#[to_schema] UnsupportedWrite),
}
