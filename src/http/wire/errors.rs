//! The bodies of error responses, and which error responses the operations of an API share.

use utoipa::{IntoResponses, ToSchema};

/// RFC 7644 §3.12.
#[expect(dead_code, reason = "it describes the body; `ScimError` writes it")]
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ScimErrorBody {
    schemas: Vec<String>,
    /// The HTTP status, as text.
    status: String,
    scim_type: Option<String>,
    detail: String,
}

/// RFC 9457, with a `code` for machines.
#[expect(dead_code, reason = "it describes the body; `ApiError` writes it")]
#[derive(ToSchema)]
pub struct Problem {
    r#type: String,
    title: String,
    status: u16,
    code: String,
    detail: String,
}

/// How every question about users and groups can be refused.
#[expect(dead_code, reason = "it describes the answers; `finish` writes them")]
#[derive(IntoResponses)]
pub enum ScimRefusals {
    /// A filter or a number that cannot be read.
    #[response(status = 400, content_type = "application/scim+json")]
    Unreadable(#[to_schema] ScimErrorBody),
    /// No token, or none that is good.
    #[response(status = 401, content_type = "application/scim+json")]
    Unauthenticated(#[to_schema] ScimErrorBody),
    /// The token lacks the scope.
    #[response(status = 403, content_type = "application/scim+json")]
    Forbidden(#[to_schema] ScimErrorBody),
    /// No such resource or workspace, or it has another version than `If-Match` names (412).
    #[response(status = 404, content_type = "application/scim+json")]
    NotFound(#[to_schema] ScimErrorBody),
    /// The request accepts neither application/scim+json nor application/json.
    #[response(status = 406, content_type = "application/scim+json")]
    NotAcceptable(#[to_schema] ScimErrorBody),
    /// No import has succeeded yet.
    #[response(status = 503, content_type = "application/scim+json")]
    NotReady(#[to_schema] ScimErrorBody),
}

/// How every question about the bridge itself can be refused.
#[expect(dead_code, reason = "it describes the answers; `finish` writes them")]
#[derive(IntoResponses)]
pub enum ApiRefusals {
    /// No token, or none that is good.
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthenticated(#[to_schema] Problem),
    /// The token lacks the scope.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(#[to_schema] Problem),
    /// No such workspace, or nothing of that name in it.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(#[to_schema] Problem),
    /// Nothing was imported yet, or the database cannot be reached; `Retry-After` says when to ask
    /// again.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(#[to_schema] Problem),
}

/// How a SCIM write is refused.
#[expect(dead_code, reason = "it describes the answers; `finish` writes them")]
#[derive(IntoResponses)]
pub enum RefusedByScim {
    /// No token, or none that is good.
    #[response(status = 401, content_type = "application/scim+json")]
    Unauthenticated(#[to_schema] ScimErrorBody),
    /// The token lacks the scope.
    #[response(status = 403, content_type = "application/scim+json")]
    Forbidden(#[to_schema] ScimErrorBody),
    /// No such workspace.
    #[response(status = 404, content_type = "application/scim+json")]
    NotFound(#[to_schema] ScimErrorBody),
    /// Always, for those who may ask: this version of the bridge writes nothing to Intercom.
    /// `detail` says whether Intercom's API could make the change, and where it can be made.
    #[response(status = 501, content_type = "application/scim+json")]
    NotImplemented(#[to_schema] ScimErrorBody),
}

/// A refused write (RFC 9457).
#[expect(dead_code, reason = "it describes the body; `ApiError` writes it")]
#[derive(ToSchema)]
pub struct UnsupportedWrite {
    r#type: String,
    title: String,
    status: u16,
    /// `unsupported_write`.
    code: String,
    /// What was asked for, such as `remove_account`.
    operation: String,
    /// That nothing was changed, and whether Intercom's API could make the change.
    detail: String,
    /// Where the change can be made.
    remedy: String,
    /// The id under which it waits for a person, in `/api/v1/lifecycle/requests`.
    request: Option<String>,
}

/// How a write of the import and change API is refused.
#[expect(dead_code, reason = "it describes the answers; `finish` writes them")]
#[derive(IntoResponses)]
pub enum RefusedByApi {
    /// No token, or none that is good.
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthenticated(#[to_schema] Problem),
    /// The token lacks the scope.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(#[to_schema] Problem),
    /// No such workspace.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(#[to_schema] Problem),
    /// Always, for those who may ask: this version of the bridge writes nothing to Intercom.
    #[response(status = 501, content_type = "application/problem+json")]
    NotImplemented(#[to_schema] UnsupportedWrite),
}
