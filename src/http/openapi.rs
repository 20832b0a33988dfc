//! The bridge's OpenAPI description, from the handlers themselves.

use actix_web::HttpResponse;
use utoipa::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};

use super::{discovery, refusals, scim, status};

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
        scim::list_users,
        scim::get_user,
        scim::list_groups,
        scim::get_group,
        refusals::refuse_account,
        refusals::refuse_access,
        status::status,
        status::healthz,
        status::readyz,
    ),
    modifiers(&Bearer),
)]
struct Document;

struct Bearer;

impl utoipa::Modify for Bearer {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
        openapi.components.get_or_insert_default().add_security_scheme("bearer", SecurityScheme::Http(scheme));
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
    HttpResponse::Ok().content_type("application/json").body(document())
}
