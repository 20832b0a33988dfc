//! The discovery endpoints (RFC 7644 §4). They require no token, since clients read them first.

use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::Value;

use crate::base_urls::{okta_base_url, scim_base_url};
use crate::directory::CatalogueForm;
use crate::http::errors::ApiError;
use crate::http::extract::caller::{OptionalCaller, workspace_name};
use crate::http::request::negotiation::content_type;
use crate::http::request::query;
use crate::http::request::route_pattern::Pattern;
use crate::http::state::service::Service;
use crate::scim::{Discovery, ScimError};

/// Returns the ServiceProviderConfig: which parts of SCIM the bridge supports (RFC 7644 §4).
#[utoipa::path(
    get, path = "/scim/v2/ServiceProviderConfig", tag = "discovery",
    responses((status = 200, description = "The ServiceProviderConfig (RFC 7643 §5).", content_type = "application/scim+json", body = serde_json::Value)),
)]
pub async fn service_provider_config(
    request: HttpRequest,
    caller: OptionalCaller,
    service: Data<Service>,
) -> Result<HttpResponse, ApiError> {
    answer(&request, &caller, &service, |discovery| {
        Some(discovery.service_provider_config().clone())
    })
}

/// Lists the ResourceTypes (RFC 7644 §4).
#[utoipa::path(
    get, path = "/scim/v2/ResourceTypes", tag = "discovery",
    responses((status = 200, description = "ResourceTypes (RFC 7643 §6).", content_type = "application/scim+json", body = serde_json::Value)),
)]
pub async fn list_resource_types(
    request: HttpRequest,
    caller: OptionalCaller,
    service: Data<Service>,
) -> Result<HttpResponse, ApiError> {
    answer(&request, &caller, &service, |discovery| Some(discovery.resource_types()))
}

/// Returns a ResourceType (RFC 7644 §4).
#[utoipa::path(
    get, path = "/scim/v2/ResourceTypes/{name}", tag = "discovery",
    params(("name" = String, Path, description = "The name of the ResourceType, such as `User`.")),
    responses(
        (status = 200, description = "ResourceTypes (RFC 7643 §6).", content_type = "application/scim+json", body = serde_json::Value),
        (status = 404, description = "The ResourceType does not exist.", content_type = "application/scim+json", body = serde_json::Value),
    ),
)]
pub async fn get_resource_type(
    request: HttpRequest,
    caller: OptionalCaller,
    name: Path<DiscoveryName>,
    service: Data<Service>,
) -> Result<HttpResponse, ApiError> {
    answer(&request, &caller, &service, |discovery| discovery.resource_type(&name.name).cloned())
}

/// Lists the Schemas (RFC 7644 §4).
#[utoipa::path(
    get, path = "/scim/v2/Schemas", tag = "discovery",
    responses((status = 200, description = "Schemas (RFC 7643 §7).", content_type = "application/scim+json", body = serde_json::Value)),
)]
pub async fn list_schemas(
    request: HttpRequest,
    caller: OptionalCaller,
    service: Data<Service>,
) -> Result<HttpResponse, ApiError> {
    answer(&request, &caller, &service, |discovery| Some(discovery.schemas()))
}

/// Returns a Schema (RFC 7644 §4).
#[utoipa::path(
    get, path = "/scim/v2/Schemas/{name}", tag = "discovery",
    params(("name" = String, Path, description = "The URN of the Schema.")),
    responses(
        (status = 200, description = "Schemas (RFC 7643 §7).", content_type = "application/scim+json", body = serde_json::Value),
        (status = 404, description = "The Schema does not exist.", content_type = "application/scim+json", body = serde_json::Value),
    ),
)]
pub async fn get_schema(
    request: HttpRequest,
    caller: OptionalCaller,
    name: Path<DiscoveryName>,
    service: Data<Service>,
) -> Result<HttpResponse, ApiError> {
    answer(&request, &caller, &service, |discovery| discovery.schema(&name.name).cloned())
}

/// The last segment of a discovery path.
#[derive(serde::Deserialize)]
pub struct DiscoveryName {
    /// A type's name or a schema's URN.
    pub name: String,
}

/// Responds with a discovery document. It is the same for existing and unknown workspaces except
/// for the name in locations, so it does not reveal which exist.
fn answer(
    request: &HttpRequest,
    caller: &OptionalCaller,
    service: &Service,
    document: impl FnOnce(&Discovery) -> Option<Value>,
) -> Result<HttpResponse, ApiError> {
    if caller.is_anonymous() {
        service.count_invalid_credential("discovery")?;
    }
    let content_type = content_type(request)?;
    // An empty filter counts as none, as everywhere.
    let is_filter = |(name, value): &(String, String)| {
        name.eq_ignore_ascii_case("filter") && !value.trim().is_empty()
    };
    // RFC 7644 §4: "If a "filter" is provided, the service provider SHOULD respond with HTTP status
    // code 403".
    if query::pairs(request.query_string().as_bytes()).iter().any(is_filter) {
        return Err(ScimError::FilterForbidden.into());
    }
    let url = service.origin.url();
    let workspace = workspace_name(request);
    let (base_url, form) = if Pattern::is_below_second_root(request) {
        (okta_base_url(&url, workspace), CatalogueForm::Okta)
    } else {
        (scim_base_url(&url, workspace), service.forms.main)
    };
    let discovery = Discovery::new(&base_url, service.page_rules, form, service.with_enterprise);
    let document = document(&discovery)
        .ok_or_else(|| ApiError::NotFound { what: "this document".to_owned() })?;
    Ok(HttpResponse::Ok().insert_header((CONTENT_TYPE, content_type)).body(document.to_string()))
}
