//! Which path goes where, and the server that listens.

use std::net::TcpListener;
use std::sync::Arc;

use actix_web::dev::Server;
use actix_web::guard::{self, Guard};
use actix_web::middleware::from_fn;
use actix_web::web::{self, Data, PayloadConfig, ServiceConfig};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, Resource, Route};

use utoipa_swagger_ui::SwaggerUi;

use super::errors::{ApiError, finish};
use super::service::Service;
use super::tls::Certificates;
use super::{
    audit, changes, connect, discovery, flat, imports, lifecycle, metrics, oauth, openapi, pages, refusals, reviews,
    scim, status, webhooks,
};
use crate::limits;
use crate::scim::ScimError;

/// Serves on `listener` until the server's handle stops it.
///
/// # Errors
/// When the listener cannot be used.
pub fn serve(
    listener: TcpListener,
    service: Service,
    max_connections: usize,
    certificates: Option<Arc<Certificates>>,
) -> std::io::Result<Server> {
    let service = Data::new(service);
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(Data::clone(&service))
            .app_data(PayloadConfig::new(limits::REQUEST_BODY_BYTES))
            .wrap(from_fn(finish))
            .configure(routes)
    })
    .workers(workers)
    .max_connections(max_connections.div_ceil(workers))
    .max_connection_rate(limits::TLS_HANDSHAKES)
    .tls_handshake_timeout(limits::TLS_WAIT)
    .client_request_timeout(limits::HEAD_WAIT)
    .keep_alive(limits::KEEP_ALIVE)
    .tcp_nodelay(true)
    .h1_write_buffer_size(limits::WRITE_BUFFER_BYTES)
    .shutdown_timeout(limits::SHUTDOWN.as_secs())
    .disable_signals();
    let server = match certificates {
        Some(certificates) => {
            let tls = certificates.server_config().map_err(std::io::Error::other)?;
            server.listen_rustls_0_23(listener, tls)?
        }
        None => server.listen(listener)?,
    };
    Ok(server.run())
}

fn routes(config: &mut ServiceConfig) {
    config
        .service(web::scope(SCIM).configure(scim_routes))
        .service(web::scope("/workspaces/{workspace}/scim/v2").configure(scim_routes))
        .service(read_only("/healthz", web::route().to(status::healthz)))
        .service(read_only("/readyz", web::route().to(status::readyz)))
        .service(
            web::resource("/webhooks/intercom/{workspace}")
                .route(web::post().to(webhooks::intercom))
                .route(options("OPTIONS, POST"))
                .default_service(not_allowed("OPTIONS, POST")),
        )
        .service(
            web::resource("/oauth/token")
                .route(web::post().to(oauth::token))
                .route(options("OPTIONS, POST"))
                .default_service(not_allowed("OPTIONS, POST")),
        )
        .service(read_only("/.well-known/oauth-authorization-server", web::route().to(oauth::metadata)))
        .service(read_only("/.well-known/jwks.json", web::route().to(oauth::jwks)))
        // By GET alone: whoever only looks with HEAD uses nothing up.
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
        .service(
            web::resource("/logout")
                .route(web::post().to(pages::log_out))
                .route(options("OPTIONS, POST"))
                .default_service(not_allowed("OPTIONS, POST")),
        )
        .service(web::redirect("/docs", "/docs/"))
        .service(SwaggerUi::new("/docs/{_:.*}").config(openapi::viewer()))
        .service(web::resource("/scim/{version:v[0-9.]+}{rest:(/.*)?}").to(wrong_version))
        .service(web::scope(API).configure(api_routes))
        .service(web::scope("/workspaces/{workspace}/api/v1").configure(api_routes));
}

const SCIM: &str = "/scim/v2";
const API: &str = "/api/v1";

/// The pattern of a path, as records tell it. The framework could find it again, by trying all patterns once more.
pub struct Pattern {
    plain: Arc<str>,
    with_workspace: Arc<str>,
}

impl Pattern {
    /// The pattern that a request's path fits, the same for all workspaces.
    pub fn of_every_workspace(request: &HttpRequest) -> Arc<str> {
        match request.app_data::<Self>() {
            Some(pattern) => Arc::clone(&pattern.plain),
            // Whatever somebody tries is not written down for ever.
            None => request.match_pattern().map_or_else(|| "other".into(), Into::into),
        }
    }

    /// The pattern that a request's path fits.
    pub fn of(request: &HttpRequest) -> Option<Arc<str>> {
        match request.app_data::<Self>() {
            Some(pattern) if request.match_info().get("workspace").is_some() => {
                Some(Arc::clone(&pattern.with_workspace))
            }
            Some(pattern) => Some(Arc::clone(&pattern.plain)),
            None => request.match_pattern().map(Into::into),
        }
    }
}

/// A resource under a root that each workspace has.
fn under(root: &str, path: &str) -> Resource {
    let with_workspace = format!("/workspaces/{{workspace}}{root}{path}").into();
    web::resource(path).app_data(Pattern { plain: format!("{root}{path}").into(), with_workspace })
}

fn scim_routes(config: &mut ServiceConfig) {
    let collection = |path, list: Route, create: Route| {
        under(SCIM, path)
            .route(list.guard(reading()))
            .route(create.guard(guard::Post()))
            .route(options("GET, HEAD, OPTIONS, POST"))
            .default_service(not_allowed("GET, HEAD, OPTIONS, POST"))
    };
    let single = |path, get: Route, update: Route, delete: Route| {
        under(SCIM, path)
            .route(get.guard(reading()))
            .route(update.guard(guard::Any(guard::Put()).or(guard::Patch())))
            .route(delete.guard(guard::Delete()))
            .route(options("DELETE, GET, HEAD, OPTIONS, PATCH, PUT"))
            .default_service(not_allowed("DELETE, GET, HEAD, OPTIONS, PATCH, PUT"))
    };
    let post_only = |path, post: Route| {
        under(SCIM, path)
            .route(post.guard(guard::Post()))
            .route(options("OPTIONS, POST"))
            .default_service(not_allowed("OPTIONS, POST"))
    };
    config
        // The most frequent ones first: they are tried in this order.
        .service(post_only("/Users/.search", web::route().to(scim::search_users)))
        .service(collection("/Users", web::route().to(scim::list_users), web::route().to(refusals::create_user)))
        .service(single(
            "/Users/{id}",
            web::route().to(scim::get_user),
            web::route().to(refusals::update_user),
            web::route().to(refusals::delete_user),
        ))
        .service(post_only("/Groups/.search", web::route().to(scim::search_groups)))
        .service(collection("/Groups", web::route().to(scim::list_groups), web::route().to(refusals::create_group)))
        .service(single(
            "/Groups/{id}",
            web::route().to(scim::get_group),
            web::route().to(refusals::update_group),
            web::route().to(refusals::delete_group),
        ))
        .service(readable(SCIM, "", web::route().to(scim::list_all)))
        .service(post_only("/.search", web::route().to(scim::search_all)))
        .service(single(
            "/Me",
            web::route().to(scim::me),
            web::route().to(refusals::update_me),
            web::route().to(refusals::delete_me),
        ))
        .service(readable(SCIM, "/ServiceProviderConfig", web::route().to(discovery::service_provider_config)))
        .service(readable(SCIM, "/ResourceTypes", web::route().to(discovery::list_resource_types)))
        .service(readable(SCIM, "/ResourceTypes/{name}", web::route().to(discovery::get_resource_type)))
        .service(readable(SCIM, "/Schemas", web::route().to(discovery::list_schemas)))
        .service(readable(SCIM, "/Schemas/{name}", web::route().to(discovery::get_schema)))
        .service(post_only("/Bulk", web::route().to(refusals::run_bulk_operations)));
}

fn api_routes(config: &mut ServiceConfig) {
    // What each method asks for; those that ask for nothing here are not allowed.
    let changed = |path, update: Route| {
        under(API, path)
            .route(update.guard(guard::Any(guard::Post()).or(guard::Put()).or(guard::Patch())))
            .route(options("OPTIONS, PATCH, POST, PUT"))
            .default_service(not_allowed("OPTIONS, PATCH, POST, PUT"))
    };
    let changed_or_removed = |path, update: Route, remove: Route| {
        under(API, path)
            .route(update.guard(guard::Any(guard::Post()).or(guard::Put()).or(guard::Patch())))
            .route(remove.guard(guard::Delete()))
            .route(options("DELETE, OPTIONS, PATCH, POST, PUT"))
            .default_service(not_allowed("DELETE, OPTIONS, PATCH, POST, PUT"))
    };
    config
        .service(readable(API, "/status", web::route().to(status::status)))
        .service(
            under(API, "/imports")
                .route(web::route().to(imports::list).guard(reading()))
                .route(web::post().to(imports::start))
                .route(options("GET, HEAD, OPTIONS, POST"))
                .default_service(not_allowed("GET, HEAD, OPTIONS, POST")),
        )
        .service(readable(API, "/imports/{id}", web::route().to(imports::get)))
        .service(readable(API, "/audit", web::route().to(audit::list)))
        .service(readable(API, "/changes", web::route().to(changes::list)))
        .service(readable(API, "/accounts", web::route().to(flat::accounts)))
        .service(readable(API, "/entitlements", web::route().to(flat::entitlements)))
        .service(readable(API, "/reviews/accounts", web::route().to(reviews::accounts)))
        .service(readable(API, "/memberships", web::route().to(flat::memberships)))
        .service(
            under(API, "/lifecycle/requests")
                .route(web::route().to(lifecycle::list).guard(reading()))
                .route(web::post().to(lifecycle::create))
                .route(options("GET, HEAD, OPTIONS, POST"))
                .default_service(not_allowed("GET, HEAD, OPTIONS, POST")),
        )
        .service(readable(API, "/lifecycle/requests/{id}", web::route().to(lifecycle::get)))
        .service(
            under(API, "/lifecycle/requests/{id}/done")
                .route(web::post().to(lifecycle::done))
                .route(options("OPTIONS, POST"))
                .default_service(not_allowed("OPTIONS, POST")),
        )
        .service(
            under(API, "/lifecycle/accounts")
                .route(web::post().to(refusals::create_account))
                .route(options("OPTIONS, POST"))
                .default_service(not_allowed("OPTIONS, POST")),
        )
        .service(changed_or_removed(
            "/lifecycle/accounts/{id}",
            web::route().to(refusals::update_account),
            web::route().to(refusals::remove_account),
        ))
        .service(changed("/lifecycle/accounts/{id}/enable", web::route().to(refusals::enable_account)))
        .service(changed("/lifecycle/accounts/{id}/disable", web::route().to(refusals::disable_account)))
        .service(changed("/lifecycle/accounts/{id}/password", web::route().to(refusals::change_password)))
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

/// RFC 7644 §3.13: a base URL may name the version of the protocol.
async fn wrong_version() -> Result<HttpResponse, ApiError> {
    Err(ScimError::InvalidVersion.into())
}

fn read_only(path: &str, get: Route) -> Resource {
    reading_only(web::resource(path), get)
}

fn get_only(path: &str, get: Route) -> Resource {
    web::resource(path).route(get).route(options("GET, OPTIONS")).default_service(not_allowed("GET, OPTIONS"))
}

/// The same, under a root that each workspace has.
fn readable(root: &str, path: &str, get: Route) -> Resource {
    reading_only(under(root, path), get)
}

fn reading_only(resource: Resource, get: Route) -> Resource {
    resource
        .route(get.guard(reading()))
        .route(options("GET, HEAD, OPTIONS"))
        .default_service(not_allowed("GET, HEAD, OPTIONS"))
}

/// RFC 9110 §9.1: "All general-purpose servers MUST support the methods GET and HEAD."
fn reading() -> impl Guard {
    guard::Any(guard::Get()).or(guard::Head())
}

fn options(allowed: &'static str) -> Route {
    web::route()
        .guard(guard::Options())
        .to(move || async move { HttpResponse::NoContent().insert_header(("Allow", allowed)).finish() })
}

fn not_allowed(allowed: &'static str) -> Route {
    web::to(move || async move { Err::<HttpResponse, ApiError>(ScimError::MethodNotAllowed { allowed }.into()) })
}
