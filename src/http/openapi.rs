//! The bridge's OpenAPI description, from the handlers themselves.

use std::sync::LazyLock;

use actix_web::HttpResponse;
use actix_web::web::Bytes;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{IntoParams, IntoResponses, OpenApi, ToSchema};

use super::{
    audit, changes, connect, discovery, flat, imports, lifecycle, metrics, oauth, refusals, reviews, scim, status,
    webhooks,
};

/// What a list can be asked for.
#[expect(dead_code, reason = "it describes the parameters; `scim::Query` reads them, as liberally as clients need")]
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub struct ListParameters {
    /// A filter as of RFC 7644 §3.4.2.2, for example `userName eq "ada@example.com"` or `displayName sw "Support"`.
    filter: Option<String>,
    /// The attribute to sort by; without one, resources come by id.
    sort_by: Option<String>,
    /// `ascending` or `descending`.
    sort_order: Option<String>,
    /// Which match comes first, counted from 1.
    start_index: Option<i64>,
    /// Instead of `startIndex`: empty on the first page, then the `nextCursor` of the page before (RFC 9865).
    cursor: Option<String>,
    /// How many at the most.
    count: Option<i64>,
    /// Only these attributes, separated by commas.
    attributes: Option<String>,
    /// All but these attributes, separated by commas.
    excluded_attributes: Option<String>,
}

/// What the log can be asked for.
#[expect(dead_code, reason = "it describes the parameters; `Parameters` reads them")]
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ChangeParameters {
    /// Only changes after this place: the last `next`, or the `cursor` of a change. Everything, where it is left out.
    since: Option<String>,
    /// Only changes of this kind: `user`, `group` or `membership`.
    r#type: Option<String>,
    /// How many at the most, 1 to 1000; 100 where it is left out, and all of them as `application/x-ndjson`.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u64>,
}

/// What a review can be asked for.
#[expect(dead_code, reason = "it describes the parameters; `Parameters` reads them")]
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ReviewParameters {
    /// The state at this moment (RFC 3339), as the bridge had recorded it then; now, where it is left out.
    as_of: Option<String>,
    /// The moment of the review before (RFC 3339): each row then says what became of the account since.
    since: Option<String>,
}

/// What the record of requests can be asked for.
#[expect(dead_code, reason = "it describes the parameters; `Parameters` reads them")]
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RequestParameters {
    /// `open`, `done` or `declined`.
    state: Option<String>,
    /// Only of this operation, such as `remove_account`.
    operation: Option<String>,
    /// Only about this account, team or entitlement, by its id.
    target: Option<String>,
    /// Only requests that were made before the one of this id.
    before: Option<String>,
    /// How many at the most, 1 to 1000; 100 where it is left out.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u64>,
}

/// What the audit trail can be asked for.
#[expect(dead_code, reason = "it describes the parameters; `Parameters` reads them")]
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AuditParameters {
    /// Only what happened at this moment or later (RFC 3339).
    since: Option<String>,
    /// Only what happened before this moment (RFC 3339).
    until: Option<String>,
    /// Only what this one did: the subject of a token.
    actor: Option<String>,
    /// Only what is of this kind, such as `request` or `token.issued`.
    event: Option<String>,
    /// Only entries after the one that has this `cursor`.
    after: Option<String>,
    /// How many at the most, 1 to 1000; 100 where it is left out.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u64>,
}

/// What a flat view can be asked for.
#[expect(dead_code, reason = "it describes the parameters; `Parameters` reads them")]
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct FlatParameters {
    /// How many rows at the most, 1 to 1000; 100 where it is left out.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u64>,
    /// How many rows to leave out. NB: between two pages the list may change; `next` keeps to one.
    offset: Option<u64>,
    /// Only what changed at this moment (RFC 3339) or later, or since so long ago, such as `2d`. Of memberships: all of the
    /// accounts that changed.
    modified_since: Option<String>,
    /// Whether accounts of removed teammates are wanted too, as long as `import.retention_days` keeps them.
    include_removed: Option<bool>,
    /// The state at this moment (RFC 3339), as the bridge had recorded it then.
    as_of: Option<String>,
    /// Which list of people a walk goes on over; `next` has it.
    edition: Option<String>,
}

/// What a list of runs can be asked for.
#[expect(dead_code, reason = "it describes the parameters; `Parameters` reads them")]
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RunParameters {
    /// How many at the most, 1 to 1000; 100 where it is left out.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u64>,
    /// Only runs before this one; `next` has it.
    before: Option<i64>,
}

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
    /// Nothing was imported yet, or the database cannot be reached; `Retry-After` says when to ask again.
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
    /// Always, for those who may ask: Intercom's API cannot make the change. `detail` says where it can be made.
    #[response(status = 501, content_type = "application/scim+json")]
    NotImplemented(#[to_schema] ScimErrorBody),
}

/// A write that Intercom's API cannot make (RFC 9457).
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
    /// Always, for those who may ask: Intercom's API cannot make the change.
    #[response(status = 501, content_type = "application/problem+json")]
    NotImplemented(#[to_schema] UnsupportedWrite),
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Intercom SCIM bridge",
        description = "Serves an Intercom workspace's teammates and teams as SCIM 2.0. Every path under `/scim/v2` and `/api/v1` is also \
                       there for each workspace by name, under `/workspaces/{workspace}`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    paths(
        discovery::service_provider_config,
        discovery::list_resource_types,
        discovery::get_resource_type,
        discovery::list_schemas,
        discovery::get_schema,
        scim::list_all,
        scim::search_all,
        scim::search_users,
        scim::search_groups,
        scim::me,
        scim::list_users,
        scim::get_user,
        scim::list_groups,
        scim::get_group,
        refusals::create_user,
        refusals::update_user,
        refusals::delete_user,
        refusals::create_group,
        refusals::update_group,
        refusals::delete_group,
        refusals::update_me,
        refusals::run_bulk_operations,
        refusals::create_account,
        refusals::update_account,
        refusals::remove_account,
        refusals::enable_account,
        refusals::disable_account,
        refusals::change_password,
        refusals::add_access,
        refusals::remove_access,
        refusals::add_access_of_account,
        refusals::remove_access_of_account,
        lifecycle::list,
        lifecycle::get,
        lifecycle::create,
        lifecycle::done,
        imports::start,
        imports::list,
        imports::get,
        changes::list,
        flat::accounts,
        flat::entitlements,
        flat::memberships,
        reviews::accounts,
        webhooks::intercom,
        audit::list,
        oauth::token,
        oauth::metadata,
        oauth::jwks,
        connect::begin,
        connect::callback,
        status::workspaces,
        status::status,
        status::healthz,
        metrics::metrics,
        status::readyz,
    ),
    modifiers(&Bearer, &OperationIds),
)]
struct Document;

struct Bearer;

impl utoipa::Modify for Bearer {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
        openapi.components.get_or_insert_default().add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}

/// One handler may answer several methods of a path; each operation has an id of its own all the same.
struct OperationIds;

impl utoipa::Modify for OperationIds {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        for item in openapi.paths.paths.values_mut() {
            let methods = [
                ("post", &mut item.post),
                ("put", &mut item.put),
                ("patch", &mut item.patch),
                ("delete", &mut item.delete),
            ];
            let mut known = Vec::new();
            for (method, operation) in methods {
                let Some(id) = operation.as_mut().and_then(|operation| operation.operation_id.as_mut()) else {
                    continue;
                };
                if known.contains(id) {
                    *id = format!("{id}_by_{method}");
                } else {
                    known.push(id.clone());
                }
            }
        }
    }
}

/// The description as JSON, with a line break at its end.
#[must_use]
pub fn document() -> String {
    // A document of strings and maps always serialises.
    Document::openapi().to_pretty_json().unwrap_or_default() + "\n"
}

/// `/openapi.json`.
pub async fn serve() -> HttpResponse {
    static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| document().into());
    HttpResponse::Ok().content_type("application/json").body(DOCUMENT.clone())
}
