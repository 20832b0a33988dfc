//! The bridge's OpenAPI description, generated from the handlers.

use std::sync::LazyLock;

use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, OneOfBuilder, SchemaFormat, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{IntoParams, IntoResponses, OpenApi, ToSchema};
use utoipa_swagger_ui::Config;

mod collection;
mod complete;
mod history;

use complete::complete;
pub use history::{AuditParameters, ChangeParameters, ReviewParameters};

use super::errors::ApiError;
use super::negotiation::{JSON, preferred_form};
use super::{
    audit, changes, connect, discovery, imports, lifecycle, metrics, oauth, pages, refusals,
    reviews, scim, status, tabular, webhooks,
};
use crate::tabular::OPERATIONS;

/// What a list can be asked for.
#[expect(
    dead_code,
    reason = "it describes the parameters; `scim::Query` reads them, as liberally as clients need"
)]
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub struct ListParameters {
    /// A filter as of RFC 7644 §3.4.2.2, for example `userName eq "ada@example.com"` or
    /// `displayName sw "Support"`.
    filter: Option<String>,
    /// The attribute to sort by; without one, resources come by id.
    sort_by: Option<String>,
    /// `ascending`, where it is left out, or `descending`.
    #[param(inline)]
    sort_order: Option<SortOrder>,
    #[param(schema_with = start_index)]
    start_index: Option<i64>,
    /// Instead of `startIndex`: empty on the first page, then the `nextCursor` of the page before
    /// (RFC 9865).
    cursor: Option<String>,
    #[param(schema_with = count)]
    count: Option<i64>,
    /// Only these attributes, separated by commas.
    attributes: Option<String>,
    /// All but these attributes, separated by commas.
    excluded_attributes: Option<String>,
}

/// What the record of requests can be asked for.
#[expect(dead_code, reason = "it describes the parameters; `Parameters` reads them")]
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RequestParameters {
    /// Only in this state.
    #[param(inline)]
    state: Option<RequestState>,
    /// Only of this operation.
    #[param(inline)]
    operation: Option<RequestOperation>,
    /// Only about this account, team or entitlement, by its id.
    target: Option<String>,
    /// Only requests that were made before the one of this id.
    before: Option<String>,
    /// How many at the most; 100 where it is left out. More than 1000 are 1000, as `limit` and the
    /// header `X-Limit-Applied` say.
    #[param(schema_with = limit)]
    limit: Option<u64>,
}

/// What a flat view can be asked for.
#[expect(dead_code, reason = "it describes the parameters; `Parameters` reads them")]
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct FlatParameters {
    /// How many rows at the most; 100 where it is left out. More than 1000 are 1000, as `limit` and
    /// the header `X-Limit-Applied` say.
    #[param(schema_with = limit)]
    limit: Option<u64>,
    /// How many rows to leave out. NB: between two pages the list may change; `next` keeps to one.
    #[param(minimum = 0)]
    offset: Option<i64>,
    #[param(schema_with = modified_since)]
    modified_since: Option<String>,
    /// Whether accounts of removed teammates are wanted too, as long as `import.retention_days`
    /// keeps them.
    include_removed: Option<bool>,
    /// The state at this moment (RFC 3339) or at the end of this day, as the bridge had recorded it
    /// then.
    as_of: Option<String>,
    /// The time zone of dates and of moments without an offset, as the IANA database names it, such
    /// as `Europe/Dublin`; UTC, where it is left out.
    tz: Option<String>,
    /// Which list of people a walk goes on over; `next` has it.
    #[param(pattern = r"^[1-9][0-9]{0,17}\.[0-9]{1,9}$")]
    edition: Option<String>,
}

/// What a list of runs can be asked for.
#[expect(dead_code, reason = "it describes the parameters; `Parameters` reads them")]
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RunParameters {
    /// How many at the most; 100 where it is left out. More than 1000 are 1000, as `limit` and the
    /// header `X-Limit-Applied` say.
    #[param(schema_with = limit)]
    limit: Option<u64>,
    /// Only runs before this one; `next` has it.
    #[param(minimum = 1)]
    before: Option<i64>,
}

// utoipa drops the description of a parameter that has a schema of its own. So these schemas
// contain it, and `complete` moves it.

/// The schema of `startIndex`: any whole number is valid (RFC 7644 §3.4.2.4).
fn start_index() -> Schema {
    let description = "Which match comes first, counted from 1; less than 1 means 1.";
    ObjectBuilder::new().schema_type(Type::Integer).description(Some(description)).into()
}

fn count() -> Schema {
    let description =
        "How many at the most; less than 0 means 0, and more than `scim.max_results` means that.";
    ObjectBuilder::new().schema_type(Type::Integer).description(Some(description)).into()
}

/// The schema of `limit`. It has no `format`, which would set a maximum: any positive number is
/// valid.
fn limit() -> Schema {
    let description = "How many at the most; 100 where it is left out. More than 1000 are 1000, as `limit` and the header \
                       `X-Limit-Applied` say.";
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(1))
        .description(Some(description))
        .into()
}

fn modified_since() -> Schema {
    let of = |format| {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(format)))
    };
    let ago = ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[0-9]{1,4}[smhd]$"));
    let description = "Only what changed at this moment (RFC 3339) or later, or from the beginning of this day on, or since so \
                       long ago, such as `2d`. Of memberships: all of the accounts that changed.";
    let moments = OneOfBuilder::new().item(of(KnownFormat::DateTime)).item(of(KnownFormat::Date));
    moments.item(ago).description(Some(description)).into()
}

/// RFC 7644 §3.4.2.3.
#[expect(dead_code, reason = "it describes the words; `Query` reads them")]
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum SortOrder {
    Ascending,
    Descending,
}

/// How a request stands.
#[expect(dead_code, reason = "it describes the words; the ledger has them")]
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum RequestState {
    Open,
    Done,
    Declined,
    Expired,
}

/// What a request asks for.
pub struct RequestOperation;

impl ToSchema for RequestOperation {}

impl utoipa::PartialSchema for RequestOperation {
    fn schema() -> RefOr<Schema> {
        let words = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(OPERATIONS));
        words.description(Some("What it asks for")).into()
    }
}

/// A question in a body (RFC 7644 §3.4.3).
#[expect(dead_code, reason = "it describes the body; `scim::Query` reads it")]
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct SearchRequest {
    /// `urn:ietf:params:scim:api:messages:2.0:SearchRequest`; may be left out.
    #[schema(value_type = Option<Vec<String>>, example = json!(["urn:ietf:params:scim:api:messages:2.0:SearchRequest"]))]
    schemas: Option<Vec<String>>,
    /// As in the URL.
    #[schema(example = "active eq true")]
    filter: Option<String>,
    /// As in the URL.
    #[schema(example = "userName")]
    sort_by: Option<String>,
    /// `ascending`, where it is left out, or `descending`.
    #[schema(example = "ascending")]
    sort_order: Option<String>,
    #[schema(schema_with = start_index, required = false)]
    start_index: Option<i64>,
    /// As in the URL.
    cursor: Option<String>,
    #[schema(schema_with = count, required = false)]
    count: Option<i64>,
    /// Only these attributes. One text with commas between the names is read, too.
    attributes: Option<Vec<String>>,
    /// All but these attributes. One text with commas between the names is read, too.
    excluded_attributes: Option<Vec<String>>,
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
        refusals::delete_me,
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
        tabular::accounts,
        tabular::entitlements,
        tabular::memberships,
        reviews::accounts,
        reviews::manifest,
        webhooks::intercom,
        webhooks::validate,
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
        serve,
        pages::home,
        pages::ask_to_log_in,
        pages::log_in,
        pages::log_out,
    ),
    components(schemas(Problem, ScimErrorBody, UnsupportedWrite)),
    modifiers(&Bearer),
)]
struct Document;

struct Bearer;

impl utoipa::Modify for Bearer {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT");
        let scheme = scheme
            .description(Some(
                "A token of `token issue`, of `/oauth/token`, or of a trusted issuer",
            ))
            .build();
        openapi
            .components
            .get_or_insert_default()
            .add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}

/// Real responses, by operation and status. A test checks that the bridge still sends them.
const EXAMPLES: &str = include_str!("../../../openapi/examples.json");

/// Returns the description as JSON, with a line break at the end.
#[must_use]
pub fn document() -> String {
    // Serialising maps with string keys cannot fail.
    serde_json::to_string_pretty(&completed()).unwrap_or_default() + "\n"
}

/// Returns the operations as an `.http` file.
#[must_use]
pub fn collection() -> String {
    collection::collection(&completed())
}

fn completed() -> serde_json::Value {
    serde_json::to_value(Document::openapi()).map(complete).unwrap_or_default()
}

/// The configuration of Swagger UI at `/docs/`. It loads only this bridge's description and does
/// not store pasted tokens.
pub fn viewer() -> Config<'static> {
    Config::from("/openapi.json")
        .display_operation_id(true)
        .doc_expansion("list")
        .persist_authorization(false)
}

/// Shows this description.
#[utoipa::path(
    get, path = "/openapi.json", operation_id = "openapi", tag = "health",
    responses((status = 200, description = "The description (OpenAPI 3.1)", content_type = "application/json", body = serde_json::Value)),
)]
pub async fn serve(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| document().into());
    preferred_form(&request, &[JSON])?;
    Ok(HttpResponse::Ok().content_type(JSON).body(DOCUMENT.clone()))
}
