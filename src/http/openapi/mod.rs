//! The bridge's OpenAPI description, generated from the handlers.

use std::sync::LazyLock;

use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use utoipa::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa_swagger_ui::Config;

mod collection;
mod complete;

use complete::complete;

use super::endpoints::{
    audit, changes, connect, discovery, imports, lifecycle, metrics, oauth, refusals, reviews,
    scim, status, tabular, webhooks,
};
use super::errors::ApiError;
use super::pages;
use super::request::negotiation::{JSON, preferred_form};
use super::wire::{Problem, ScimErrorBody, UnsupportedWrite};

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
