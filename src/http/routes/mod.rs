//! The list of all routes. Each is the name of a handler; the handler states the rest (see
//! [`route`]). `router` registers them. `docs/contributing/add-a-route.md` explains how to add one.

mod route;
mod router;

use std::sync::LazyLock;

use actix_web::HttpResponse;
use actix_web::http::Method;
use actix_web::web::{self, Bytes, Data, ServiceConfig};
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::SwaggerUi;

use self::route::{PathRoutes, Route, by_path, routes};
use self::router::{Root, register, register_below};
use super::endpoints::refused_writes::{self, RefusedWrite};
use super::endpoints::{
    activity, audit, catalogue, changes, connect, discovery, imports, invitations, lifecycle,
    metrics, oauth, posture, refusals, reviews, role_rows, roster, scim, seats, status, tabular,
    webhooks,
};
use super::errors::ApiError;
use super::state::service::Service;
use super::{openapi, pages};
use crate::scim::{ScimError, resource_types};

/// The root of the SCIM service.
const SCIM: &str = "/scim/v2";

/// The second root of the SCIM service, which shows roles, seats and permissions as Okta reads
/// them. The settings decide whether it exists.
const SECOND_SCIM: &str = "/scim/okta/v2";

/// The root of the import and change API.
const API: &str = "/api/v1";

static SCIM_ROUTES: LazyLock<Vec<PathRoutes>> = LazyLock::new(|| by_path(scim_routes()));
static CATALOGUE_ROUTES: LazyLock<Vec<PathRoutes>> = LazyLock::new(|| by_path(catalogue_routes()));
static API_ROUTES: LazyLock<Vec<PathRoutes>> = LazyLock::new(|| by_path(api_routes()));
static BRIDGE_ROUTES: LazyLock<Vec<PathRoutes>> = LazyLock::new(|| by_path(bridge_routes()));
static PROBE_ROUTES: LazyLock<Vec<PathRoutes>> = LazyLock::new(|| by_path(probe_routes()));

/// The routes below `/scim/v2`. They also exist for a workspace by name.
fn scim_routes() -> Vec<Route> {
    // The HTTP library tries the paths in this order, so the most frequent come first.
    let mut routes = routes![
        scim::list_users,
        scim::list_groups,
        scim::search_users,
        scim::search_groups,
        scim::get_user,
        scim::get_group,
        scim::list_all,
        scim::search_all,
        scim::me,
        discovery::service_provider_config,
        discovery::list_resource_types,
        discovery::get_resource_type,
        discovery::list_schemas,
        discovery::get_schema,
    ];
    routes.extend(refused_writes::SCIM.iter().map(refused));
    routes
}

/// The routes of roles, seats and permissions below the roots of the SCIM service. The settings
/// decide which of them exist.
fn catalogue_routes() -> Vec<Route> {
    let mut routes = routes![
        catalogue::list_roles,
        catalogue::search_roles,
        catalogue::get_role,
        catalogue::list_entitlements,
        catalogue::search_entitlements,
        catalogue::get_entitlement,
        catalogue::list_seats,
        catalogue::search_seats,
        catalogue::get_seat,
        catalogue::list_permissions,
        catalogue::search_permissions,
        catalogue::get_permission,
    ];
    routes.extend(refused_writes::CATALOGUE.iter().map(refused));
    routes
}

/// The routes below `/api/v1`. They also exist for a workspace by name.
fn api_routes() -> Vec<Route> {
    let mut routes = routes![
        status::status,
        imports::list,
        imports::start,
        imports::get,
        audit::list,
        activity::list,
        activity::types,
        changes::list,
        tabular::accounts,
        tabular::entitlements,
        role_rows::roles,
        reviews::accounts,
        reviews::manifest,
        posture::get,
        posture::record,
        tabular::memberships,
        invitations::list,
        seats::list,
        lifecycle::list,
        lifecycle::create,
        lifecycle::get,
        lifecycle::done,
        roster::status,
        roster::import,
        roster::accept,
        roster::views::identities,
        roster::views::unmatched,
        roster::views::terminated_active,
        roster::views::ownerless,
        roster::decisions::list,
        roster::decisions::record,
        roster::decisions::revoke,
    ];
    routes.extend(refused_writes::API.iter().map(refused));
    routes
}

/// The routes that concern the bridge as a whole, or name a workspace in another way.
fn bridge_routes() -> Vec<Route> {
    let mut routes = probe_routes();
    routes.extend(routes![
        webhooks::intercom,
        webhooks::validate,
        oauth::token,
        oauth::metadata,
        oauth::jwks,
        status::workspaces,
        openapi::serve,
        pages::log_in,
        pages::log_out,
        pages::time_zone::choose_time_zone,
        pages::requests::close,
        pages::imports::start,
        pages::reviews::begin,
        pages::reviews::decide,
        pages::reviews::sign,
        pages::reviews::discard,
        pages::imports::release,
        pages::imports::keep,
        pages::clients::disable,
        pages::clients::revoke,
        pages::decisions::decide,
        pages::decisions::undo,
    ]);
    routes.extend(page_routes().into_iter().map(Route::without_head));
    routes.push(Route::undescribed("/status.css", Method::GET, pages::style));
    routes.push(Route::undescribed("/favicon.svg", Method::GET, pages::icon));
    routes
}

/// The pages that browsers get. They have no HEAD: such a request must not use up a ticket or a
/// link.
fn page_routes() -> Vec<Route> {
    routes![
        connect::begin,
        connect::callback,
        pages::home,
        pages::people::people,
        pages::people::export_people,
        pages::person::person,
        pages::teams::teams,
        pages::changes::changes,
        pages::changes::export_changes,
        pages::compare::compare,
        pages::compare::export_comparison,
        pages::seats::seats,
        pages::seats::export_seats,
        pages::activity::activity,
        pages::activity::export_activity,
        pages::identities::identities,
        pages::identities::export_identities,
        pages::posture::posture,
        pages::posture::export_posture,
        pages::team::team,
        pages::time_zone::time_zone,
        pages::requests::requests,
        pages::imports::imports,
        pages::reviews::reviews,
        pages::reviews::review,
        pages::reviews::bundle,
        pages::clients::clients,
        pages::audit::audit,
        pages::audit::export,
        pages::ask_to_log_in,
        pages::open_id::start,
        pages::open_id::callback,
    ]
}

/// The routes of the listener for probes and metrics. The main listener has them too.
fn probe_routes() -> Vec<Route> {
    routes![status::healthz, status::readyz, metrics::metrics]
}

fn refused(write: &'static RefusedWrite) -> Route {
    Route::new(write.description(), refusals::handler(write))
}

/// Registers every path of the bridge.
pub fn routes(config: &mut ServiceConfig) {
    config
        .app_data(Data::new(openapi::Served(served_document)))
        // Most requests are for these paths. They are registered without a scope, since matching a
        // scope costs time.
        .configure(|config| register_below(config, &MAIN, SCIM, &SCIM_ROUTES))
        .configure(|config| register_below(config, &MAIN_CATALOGUE, SCIM, &CATALOGUE_ROUTES))
        // Other paths below are answered with 404, and not by `wrong_version`.
        .service(web::scope(SCIM))
        .service(
            web::scope("/workspaces/{workspace}/scim/v2")
                .configure(|config| register_below(config, &MAIN, "", &SCIM_ROUTES))
                .configure(|config| register_below(config, &MAIN_CATALOGUE, "", &CATALOGUE_ROUTES)),
        )
        .configure(second_scim)
        .configure(|config| register(config, &BRIDGE_ROUTES))
        .configure(undescribed)
        .service(
            web::scope(API).configure(|config| register_below(config, &IMPORTS, "", &API_ROUTES)),
        )
        .service(
            web::scope("/workspaces/{workspace}/api/v1")
                .configure(|config| register_below(config, &IMPORTS, "", &API_ROUTES)),
        );
}

const MAIN: Root = Root { written: SCIM, served: SCIM, exists: None };
const MAIN_CATALOGUE: Root = Root { written: SCIM, served: SCIM, exists: Some(has_catalogue) };
const SECOND: Root = Root {
    written: SCIM,
    served: SECOND_SCIM,
    exists: Some(|service, _| service.forms.second_okta),
};
const IMPORTS: Root = Root { written: API, served: API, exists: None };

/// Whether the settings give the SCIM service this path of the catalogue, such as `/Roles/{id}`.
fn has_catalogue(service: &Service, path: &str) -> bool {
    resource_types::has_path(service.forms.main, path)
}

/// Registers the second root of the SCIM service.
fn second_scim(config: &mut ServiceConfig) {
    for scope in [SECOND_SCIM, "/workspaces/{workspace}/scim/okta/v2"] {
        config.service(
            web::scope(scope)
                .configure(|config| register_below(config, &SECOND, "", &SCIM_ROUTES))
                .configure(|config| register_below(config, &SECOND, "", &CATALOGUE_ROUTES)),
        );
    }
}

/// Registers the paths of the listener for probes and metrics.
pub fn ops_routes(config: &mut ServiceConfig) {
    register(config, &PROBE_ROUTES);
}

/// Registers the paths that the OpenAPI document leaves out. They require no token.
fn undescribed(config: &mut ServiceConfig) {
    config
        .service(web::redirect("/docs", "/docs/"))
        .service(SwaggerUi::new("/docs/{_:.*}").config(openapi::viewer()))
        .service(web::resource("/scim/{version:v[0-9.]+}{rest:(/.*)?}").to(wrong_version));
}

/// Refuses unknown versions of the protocol in the base URL (RFC 7644 §3.13).
async fn wrong_version() -> Result<HttpResponse, ApiError> {
    Err(ScimError::InvalidVersion.into())
}

/// Returns the descriptions of all routes.
fn descriptions() -> impl Iterator<Item = &'static OpenApi> {
    let scim = SCIM_ROUTES.iter().chain(CATALOGUE_ROUTES.iter());
    let paths = scim.chain(API_ROUTES.iter()).chain(BRIDGE_ROUTES.iter());
    paths.flat_map(|path| &path.routes).map(Route::description)
}

/// Returns the OpenAPI document as JSON, with a line break at the end.
#[must_use]
pub fn openapi_document() -> String {
    openapi::document(descriptions())
}

/// Returns the operations of the OpenAPI document as an `.http` file.
#[must_use]
pub fn openapi_collection() -> String {
    openapi::collection(descriptions())
}

/// The OpenAPI document, as `/openapi.json` sends it.
fn served_document() -> Bytes {
    static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| openapi_document().into());
    DOCUMENT.clone()
}
