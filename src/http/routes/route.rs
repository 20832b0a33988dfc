//! A route: path, methods, scope, handler and description. The router and the OpenAPI document
//! both follow from it.
//!
//! A route is declared by its handler: `#[utoipa::path]` above it has path, methods and
//! description, and its parameters have the scope (`Caller<ScimRead>`). [`routes!`] reads both.

use std::collections::BTreeSet;

use actix_web::http::Method;
use actix_web::{FromRequest, Handler, Responder, web};
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::{OpenApi, SecurityRequirement};

use crate::access::Scope;
use crate::http::extract::required_scope::RequiredScope;

/// The names of the ways to authenticate in the OpenAPI document: by a token of `/oauth/token`, or
/// by any other bearer token.
pub const SECURITY_SCHEMES: [&str; 2] = ["oauth2", "bearer"];

/// Makes the routing entry of a handler for the HTTP library.
type MakeEntry = Box<dyn Fn() -> actix_web::Route + Send + Sync>;

/// One handler, with the path and the methods that it serves.
pub struct Route {
    path: String,
    methods: Vec<Method>,
    description: OpenApi,
    entry: MakeEntry,
}

impl Route {
    /// Joins a handler with its description, which has exactly one path. The handler's parameters
    /// say which scope it requires. HEAD is served wherever GET is (RFC 9110 §9.1).
    pub fn new<H, P>(mut description: OpenApi, handler: H) -> Self
    where
        H: Handler<P> + Send + Sync,
        P: FromRequest + RequiredScope + 'static,
        H::Output: Responder + 'static,
    {
        let (path, methods) = match description.paths.paths.iter_mut().next() {
            Some((path, item)) => (path.clone(), secure(item, P::SCOPE)),
            None => (String::new(), Vec::new()),
        };
        let entry = Box::new(move || web::route().to(handler.clone()));
        Self { path, methods, description, entry }
    }

    /// A route that the OpenAPI document leaves out.
    pub fn undescribed<H, P>(path: &str, method: Method, handler: H) -> Self
    where
        H: Handler<P> + Send + Sync,
        P: FromRequest + 'static,
        H::Output: Responder + 'static,
    {
        let entry = Box::new(move || web::route().to(handler.clone()));
        let description = OpenApi::default();
        Self { path: path.to_owned(), methods: vec![method], description, entry }
    }

    /// Serves GET, but not HEAD.
    pub fn without_head(mut self) -> Self {
        self.methods.retain(|method| *method != Method::HEAD);
        self
    }

    /// The methods that the handler serves.
    pub fn methods(&self) -> &[Method] {
        &self.methods
    }

    /// The description of this route alone, with the schemas that it refers to.
    pub fn description(&self) -> &OpenApi {
        &self.description
    }

    /// A new routing entry for the handler.
    pub fn entry(&self) -> actix_web::Route {
        (self.entry)()
    }
}

/// Adds the scope to all operations of a path, and returns the methods that are served.
fn secure(item: &mut PathItem, scope: Option<Scope>) -> Vec<Method> {
    let mut served = Vec::new();
    let operations: [(Method, &mut Option<Operation>); 6] = [
        (Method::GET, &mut item.get),
        (Method::HEAD, &mut item.head),
        (Method::POST, &mut item.post),
        (Method::PUT, &mut item.put),
        (Method::PATCH, &mut item.patch),
        (Method::DELETE, &mut item.delete),
    ];
    for (method, operation) in operations {
        let Some(operation) = operation else { continue };
        operation.security = scope.map(|scope| {
            SECURITY_SCHEMES.map(|name| SecurityRequirement::new(name, [scope.as_str()])).into()
        });
        if method == Method::GET {
            served.push(Method::HEAD);
        }
        served.push(method);
    }
    served
}

/// All routes of one path.
pub struct PathRoutes {
    /// The path that the routes share.
    pub path: String,
    /// The routes, each for other methods.
    pub routes: Vec<Route>,
    /// The value of `Allow` (RFC 9110 §10.2.1).
    pub allowed: String,
}

/// Groups routes by path, in the order in which the paths first appear.
pub fn by_path(routes: Vec<Route>) -> Vec<PathRoutes> {
    let mut grouped: Vec<PathRoutes> = Vec::new();
    for route in routes {
        if let Some(known) = grouped.iter_mut().find(|known| known.path == route.path) {
            known.routes.push(route);
        } else {
            let path = route.path.clone();
            grouped.push(PathRoutes { path, routes: vec![route], allowed: String::new() });
        }
    }
    for path in &mut grouped {
        let methods = path.routes.iter().flat_map(Route::methods).chain([&Method::OPTIONS]);
        let names: BTreeSet<&str> = methods.map(Method::as_str).collect();
        path.allowed = names.into_iter().collect::<Vec<_>>().join(", ");
    }
    grouped
}

/// Makes a `Vec<Route>` of handlers that have an `#[utoipa::path]` attribute. It is a macro because
/// the attribute's result can be reached only by the name of the handler.
macro_rules! routes {
    ($($($part:ident)::+),+ $(,)?) => {
        vec![$({
            #[derive(utoipa::OpenApi)]
            #[openapi(paths($($part)::+))]
            struct Description;
            $crate::http::routes::route::Route::new(
                <Description as utoipa::OpenApi>::openapi(),
                $($part)::+,
            )
        }),+]
    };
}
pub(super) use routes;
