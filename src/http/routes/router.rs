//! Registers routes with the HTTP library: per path, its handlers by method, OPTIONS, and a refusal
//! of all other methods.

use actix_web::guard::{self, Guard};
use actix_web::http::Method;
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{HttpResponse, Resource, Route as Entry};

use super::route::{PathRoutes, Route};
use crate::http::errors::ApiError;
use crate::http::request::route_pattern::Pattern;
use crate::http::state::service::Service;

/// Registers paths that exist once, not for each workspace.
pub fn register(config: &mut ServiceConfig, paths: &'static [PathRoutes]) {
    for path in paths {
        config.service(resource(path, web::resource(&path.path)));
    }
}

/// Where paths that exist for each workspace are registered.
pub struct Root {
    /// The beginning of the paths, as their handlers write it.
    pub written: &'static str,
    /// The beginning under which they are served.
    pub served: &'static str,
    /// Says whether a path, written without its beginning, exists according to the settings; `None`
    /// if all of them always exist.
    pub exists: Option<fn(&Service, &str) -> bool>,
}

/// Registers paths below a root, with the [`Pattern`] of each. `prefix` replaces the root: it is
/// the root itself, or empty inside of a scope.
pub fn register_below(
    config: &mut ServiceConfig,
    root: &Root,
    prefix: &str,
    paths: &'static [PathRoutes],
) {
    for path in paths {
        let below = path.path.strip_prefix(root.written).unwrap_or(&path.path);
        let pattern = Pattern::new(root.served, below, root.served != root.written);
        let mut empty = web::resource(format!("{prefix}{below}")).app_data(pattern);
        if let Some(exists) = root.exists {
            empty = empty.guard(guard::fn_guard(move |request| {
                let service = request.app_data::<Data<Service>>();
                service.is_some_and(|service| exists(service, below))
            }));
        }
        config.service(resource(path, empty));
    }
}

/// Adds the handlers of a path to its resource.
fn resource(path: &'static PathRoutes, mut resource: Resource) -> Resource {
    for route in &path.routes {
        resource = resource.route(route.entry().guard(accepting(route)));
    }
    resource.route(options(&path.allowed)).default_service(not_allowed(&path.allowed))
}

/// Lets only the methods of a route through. The library's own guards also store in each request
/// which methods they allow, for a default refusal that is not used here.
fn accepting(route: &'static Route) -> impl Guard {
    let methods: &'static [Method] = route.methods();
    guard::fn_guard(move |request| methods.contains(&request.head().method))
}

/// Answers OPTIONS (RFC 9110 §9.3.7).
fn options(allowed: &'static str) -> Entry {
    web::route().guard(guard::Options()).to(move || async move {
        HttpResponse::NoContent().insert_header(("Allow", allowed)).finish()
    })
}

/// Refuses all other methods (RFC 9110 §15.5.6).
fn not_allowed(allowed: &'static str) -> Entry {
    web::to(
        move || async move { Err::<HttpResponse, ApiError>(ApiError::MethodNotAllowed { allowed }) },
    )
}
