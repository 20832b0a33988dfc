//! The routes: which handler serves which path and method.

use actix_web::guard::{self, Guard};
use actix_web::http::Method;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpResponse, Resource, Route};

use utoipa_swagger_ui::SwaggerUi;

use super::endpoints::{
    audit, changes, connect, discovery, imports, lifecycle, metrics, oauth, refusals, reviews,
    scim, status, tabular, webhooks,
};
use super::errors::ApiError;
use super::openapi;
use super::pages;
use super::request::route_pattern::Pattern;
use crate::scim::ScimError;

/// Registers every path of the bridge.
pub fn routes(config: &mut ServiceConfig) {
    config
        // Most requests are for these paths. They are registered without a scope, since matching a
        // scope costs time.
        .configure(|config| scim_routes(config, SCIM))
        // Other paths below are answered with 404, and not by `wrong_version`.
        .service(web::scope(SCIM))
        .service(
            web::scope("/workspaces/{workspace}/scim/v2")
                .configure(|config| scim_routes(config, "")),
        )
        .service(read_only("/healthz", web::route().to(status::healthz)))
        .service(read_only("/readyz", web::route().to(status::readyz)))
        .service(
            web::resource("/webhooks/intercom/{workspace}")
                .route(web::post().to(webhooks::intercom))
                .route(web::head().to(webhooks::validate))
                .route(options("HEAD, OPTIONS, POST"))
                .default_service(not_allowed("HEAD, OPTIONS, POST")),
        )
        .service(post_only(web::resource("/oauth/token"), web::route().to(oauth::token)))
        .service(read_only(
            "/.well-known/oauth-authorization-server",
            web::route().to(oauth::metadata),
        ))
        .service(read_only("/.well-known/jwks.json", web::route().to(oauth::jwks)))
        // GET only, so that a HEAD request does not use up the ticket.
        .service(get_only("/connect/intercom", web::get().to(connect::begin)))
        .service(get_only("/connect/intercom/callback", web::get().to(connect::callback)))
        .service(read_only("/api/v1/workspaces", web::route().to(status::workspaces)))
        .service(read_only("/metrics", web::route().to(metrics::metrics)))
        .service(read_only("/openapi.json", web::route().to(openapi::serve)))
        .service(get_only("/", web::get().to(pages::home)))
        .service(get_only("/status.css", web::get().to(pages::style)))
        .service(
            web::resource("/login")
                .route(web::get().to(pages::ask_to_log_in))
                .route(web::post().to(pages::log_in))
                .route(options("GET, OPTIONS, POST"))
                .default_service(not_allowed("GET, OPTIONS, POST")),
        )
        .service(post_only(web::resource("/logout"), web::route().to(pages::log_out)))
        .service(web::redirect("/docs", "/docs/"))
        .service(SwaggerUi::new("/docs/{_:.*}").config(openapi::viewer()))
        .service(web::resource("/scim/{version:v[0-9.]+}{rest:(/.*)?}").to(wrong_version))
        .service(web::scope(API).configure(api_routes))
        .service(web::scope("/workspaces/{workspace}/api/v1").configure(api_routes));
}

/// Registers the paths of the listener for probes and metrics.
pub fn ops_routes(config: &mut ServiceConfig) {
    config
        .service(read_only("/healthz", web::route().to(status::healthz)))
        .service(read_only("/readyz", web::route().to(status::readyz)))
        .service(read_only("/metrics", web::route().to(metrics::metrics)));
}

const SCIM: &str = "/scim/v2";
const API: &str = "/api/v1";

/// Registers the resources of a SCIM service. `prefix` begins their paths if no scope surrounds
/// them.
fn scim_routes(config: &mut ServiceConfig, prefix: &str) {
    let scim =
        |path: &str| web::resource(format!("{prefix}{path}")).app_data(Pattern::new(SCIM, path));
    let readable = |path: &str, get: Route| reading_only(scim(path), get);
    let listed = |path: &str, list: Route, create: Route| collection(scim(path), list, create);
    let posted = |path: &str, post: Route| post_only(scim(path), post);
    let allowed = "DELETE, GET, HEAD, OPTIONS, PATCH, PUT";
    let updating = || guard::Any(guard::Put()).or(guard::Patch());
    // The `{id}` is the rest of the path after a scope's prefix. A pattern with a name in it would
    // be a regular expression, and matching that takes longer than finding the user.
    let by_id =
        |config: &mut ServiceConfig, path: &str, get: Route, update: Route, delete: Route| {
            let scope = || {
                web::scope(&format!("{prefix}{path}"))
                    .app_data(Pattern::new(SCIM, &format!("{path}/{{id}}")))
            };
            config
                .service(scope().guard(reading()).default_service(get))
                .service(scope().guard(updating()).default_service(update))
                .service(scope().guard(guard::Delete()).default_service(delete))
                .service(scope().guard(guard::Options()).default_service(options(allowed)))
                .service(scope().default_service(not_allowed(allowed)));
        };
    // The most frequent first: the framework tries them in this order.
    config
        .service(listed(
            "/Users",
            web::route().to(scim::list_users),
            web::route().to(refusals::create_user),
        ))
        .service(listed(
            "/Groups",
            web::route().to(scim::list_groups),
            web::route().to(refusals::create_group),
        ))
        .service(posted("/Users/.search", web::route().to(scim::search_users)))
        .service(posted("/Groups/.search", web::route().to(scim::search_groups)));
    by_id(
        config,
        "/Users",
        web::route().to(scim::get_user),
        web::route().to(refusals::update_user),
        web::route().to(refusals::delete_user),
    );
    by_id(
        config,
        "/Groups",
        web::route().to(scim::get_group),
        web::route().to(refusals::update_group),
        web::route().to(refusals::delete_group),
    );
    config
        .service(readable("", web::route().to(scim::list_all)))
        .service(posted("/.search", web::route().to(scim::search_all)))
        .service(
            scim("/Me")
                .route(web::route().to(scim::me).guard(reading()))
                .route(web::route().to(refusals::update_me).guard(updating()))
                .route(web::route().to(refusals::delete_me).guard(guard::Delete()))
                .route(options(allowed))
                .default_service(not_allowed(allowed)),
        )
        .service(readable(
            "/ServiceProviderConfig",
            web::route().to(discovery::service_provider_config),
        ))
        .service(readable("/ResourceTypes", web::route().to(discovery::list_resource_types)))
        .service(readable("/ResourceTypes/{name}", web::route().to(discovery::get_resource_type)))
        .service(readable("/Schemas", web::route().to(discovery::list_schemas)))
        .service(readable("/Schemas/{name}", web::route().to(discovery::get_schema)))
        .service(posted("/Bulk", web::route().to(refusals::run_bulk_operations)));
}

fn api_routes(config: &mut ServiceConfig) {
    let api = |path: &str| web::resource(path).app_data(Pattern::new(API, path));
    let readable = |path: &str, get: Route| reading_only(api(path), get);
    // Lifecycle operations accept POST, PUT and PATCH alike.
    let changed = |path, update: Route| {
        api(path)
            .route(update.guard(guard::Any(guard::Post()).or(guard::Put()).or(guard::Patch())))
            .route(options("OPTIONS, PATCH, POST, PUT"))
            .default_service(not_allowed("OPTIONS, PATCH, POST, PUT"))
    };
    let changed_or_removed = |path, update: Route, remove: Route| {
        api(path)
            .route(update.guard(guard::Any(guard::Post()).or(guard::Put()).or(guard::Patch())))
            .route(remove.guard(guard::Delete()))
            .route(options("DELETE, OPTIONS, PATCH, POST, PUT"))
            .default_service(not_allowed("DELETE, OPTIONS, PATCH, POST, PUT"))
    };
    config
        .service(readable("/status", web::route().to(status::status)))
        .service(collection(
            api("/imports"),
            web::route().to(imports::list),
            web::route().to(imports::start),
        ))
        .service(readable("/imports/{id}", web::route().to(imports::get)))
        .service(readable("/audit", web::route().to(audit::list)))
        .service(readable("/changes", web::route().to(changes::list)))
        .service(readable("/accounts", web::route().to(tabular::accounts)))
        .service(readable("/entitlements", web::route().to(tabular::entitlements)))
        .service(readable("/reviews/accounts", web::route().to(reviews::accounts)))
        .service(readable("/reviews/accounts/manifest", web::route().to(reviews::manifest)))
        .service(readable("/memberships", web::route().to(tabular::memberships)))
        .service(collection(
            api("/lifecycle/requests"),
            web::route().to(lifecycle::list),
            web::route().to(lifecycle::create),
        ))
        .service(readable("/lifecycle/requests/{id}", web::route().to(lifecycle::get)))
        .service(post_only(api("/lifecycle/requests/{id}/done"), web::route().to(lifecycle::done)))
        .service(post_only(api("/lifecycle/accounts"), web::route().to(refusals::create_account)))
        .service(changed_or_removed(
            "/lifecycle/accounts/{id}",
            web::route().to(refusals::update_account),
            web::route().to(refusals::remove_account),
        ))
        .service(changed(
            "/lifecycle/accounts/{id}/enable",
            web::route().to(refusals::enable_account),
        ))
        .service(changed(
            "/lifecycle/accounts/{id}/disable",
            web::route().to(refusals::disable_account),
        ))
        .service(changed(
            "/lifecycle/accounts/{id}/password",
            web::route().to(refusals::change_password),
        ))
        .service(changed_or_removed(
            "/lifecycle/access",
            web::route().to(refusals::add_access),
            web::route().to(refusals::remove_access),
        ))
        .service(changed_or_removed(
            "/lifecycle/access/{id}/{entitlement}",
            web::route().to(refusals::add_access_of_account),
            web::route().to(refusals::remove_access_of_account),
        ));
}

/// Refuses unknown versions of the protocol in the base URL (RFC 7644 §3.13).
async fn wrong_version() -> Result<HttpResponse, ApiError> {
    Err(ScimError::InvalidVersion.into())
}

fn read_only(path: &str, get: Route) -> Resource {
    reading_only(web::resource(path), get)
}

fn get_only(path: &str, get: Route) -> Resource {
    web::resource(path)
        .route(get)
        .route(options("GET, OPTIONS"))
        .default_service(not_allowed("GET, OPTIONS"))
}

fn reading_only(resource: Resource, get: Route) -> Resource {
    resource
        .route(get.guard(reading()))
        .route(options("GET, HEAD, OPTIONS"))
        .default_service(not_allowed("GET, HEAD, OPTIONS"))
}

fn post_only(resource: Resource, post: Route) -> Resource {
    resource
        .route(post.guard(guard::Post()))
        .route(options("OPTIONS, POST"))
        .default_service(not_allowed("OPTIONS, POST"))
}

/// A list that can be read, and to which POST adds.
fn collection(resource: Resource, list: Route, create: Route) -> Resource {
    resource
        .route(list.guard(reading()))
        .route(create.guard(guard::Post()))
        .route(options("GET, HEAD, OPTIONS, POST"))
        .default_service(not_allowed("GET, HEAD, OPTIONS, POST"))
}

/// RFC 9110 §9.1: "All general-purpose servers MUST support the methods GET and HEAD." The
/// library's own guards also store in each request which methods they allow, for a default refusal
/// that is not used here.
fn reading() -> impl Guard {
    guard::fn_guard(|request| matches!(request.head().method, Method::GET | Method::HEAD))
}

fn options(allowed: &'static str) -> Route {
    web::route().guard(guard::Options()).to(move || async move {
        HttpResponse::NoContent().insert_header(("Allow", allowed)).finish()
    })
}

fn not_allowed(allowed: &'static str) -> Route {
    web::to(move || async move {
        Err::<HttpResponse, ApiError>(ScimError::MethodNotAllowed { allowed }.into())
    })
}
