//! The OpenAPI document, made from the descriptions of the routes.
//!
//! ```text
//! complete    adds what the annotations of handlers cannot express
//! collection  the same requests as an `.http` file
//! ```

use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi, openapi};
use utoipa_swagger_ui::Config;

mod collection;
mod complete;

use complete::complete;

use super::errors::ApiError;
use super::request::negotiation::{JSON, preferred_form};
use super::wire::{Problem, ScimErrorBody, UnsupportedWrite};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Intercom SCIM bridge",
        description = include_str!("introduction.md"),
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    components(schemas(Problem, ScimErrorBody, UnsupportedWrite)),
    modifiers(&BearerScheme),
)]
struct Document;

struct BearerScheme;

impl Modify for BearerScheme {
    fn modify(&self, openapi: &mut openapi::OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT");
        let scheme = scheme
            .description(Some(
                "A token from `intercom-scim-bridge token issue`, from `/oauth/token`, or from a trusted issuer (`access.issuers`).",
            ))
            .build();
        openapi
            .components
            .get_or_insert_default()
            .add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}

/// Returns the description of routes as JSON, with a line break at the end.
pub fn document<'a>(routes: impl Iterator<Item = &'a openapi::OpenApi>) -> String {
    // Serialising maps with string keys cannot fail.
    serde_json::to_string_pretty(&completed(routes)).unwrap_or_default() + "\n"
}

/// Returns the operations of routes as an `.http` file.
pub fn collection<'a>(routes: impl Iterator<Item = &'a openapi::OpenApi>) -> String {
    collection::collection(&completed(routes))
}

fn completed<'a>(routes: impl Iterator<Item = &'a openapi::OpenApi>) -> serde_json::Value {
    let mut document = Document::openapi();
    for route in routes {
        document.merge(route.clone());
    }
    serde_json::to_value(document).map(complete).unwrap_or_default()
}

/// The configuration of Swagger UI at `/docs/`. It loads only this bridge's description and does
/// not store pasted tokens.
pub fn viewer() -> Config<'static> {
    Config::from("/openapi.json")
        .display_operation_id(true)
        .doc_expansion("list")
        .persist_authorization(false)
}

/// The function that returns the document which `/openapi.json` sends. It is passed in, because the
/// document follows from the list of routes, and this route is in the list.
pub struct Served(pub fn() -> Bytes);

/// Returns this OpenAPI document.
#[utoipa::path(
    get, path = "/openapi.json", operation_id = "openapi", tag = "health",
    responses((status = 200, description = "The OpenAPI 3.1 document", content_type = "application/json", body = serde_json::Value)),
)]
pub async fn serve(request: HttpRequest, document: Data<Served>) -> Result<HttpResponse, ApiError> {
    preferred_form(&request, &[JSON])?;
    Ok(HttpResponse::Ok().content_type(JSON).body((document.0)()))
}
