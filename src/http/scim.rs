//! Users and groups (RFC 7644 §3.4).

use std::sync::Arc;

use actix_web::http::header::{ACCEPT, CONTENT_LOCATION, CONTENT_TYPE, ETAG, IF_NONE_MATCH, LOCATION};
use actix_web::web::{Path, Query as Parameters};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;

use super::caller::{Caller, ScimRead};
use super::errors::ApiError;
use super::openapi::{ListParameters, ScimRefusals};
use crate::scim::{Picture, Query, ResourceType, ScimError, resource_types};

/// What the media type of an answer can be.
const SCIM_JSON: &str = "application/scim+json";
const JSON: &str = "application/json";

/// The id of a resource in a path.
#[derive(Deserialize)]
pub struct ResourcePath {
    /// The SCIM id.
    pub id: String,
}

/// Lists teammates.
#[utoipa::path(
    get, path = "/scim/v2/Users", tag = "scim", security(("bearer" = ["scim.read"])),
    params(ListParameters),
    responses(
        (status = 200, description = "A ListResponse", content_type = "application/scim+json", body = serde_json::Value),
        ScimRefusals,
    ),
)]
pub async fn list_users(request: HttpRequest, caller: Caller<ScimRead>) -> Result<HttpResponse, ApiError> {
    list(&request, &caller, resource_types::USER)
}

/// Shows a teammate.
#[utoipa::path(
    get, path = "/scim/v2/Users/{id}", tag = "scim", security(("bearer" = ["scim.read"])),
    params(("id" = String, Path, description = "`adm_` and Intercom's id of the admin")),
    responses(
        (status = 200, description = "A User", content_type = "application/scim+json", body = serde_json::Value),
        (status = 304, description = "Still the version that `If-None-Match` names"),
        ScimRefusals,
    ),
)]
pub async fn get_user(
    request: HttpRequest,
    path: Path<ResourcePath>,
    caller: Caller<ScimRead>,
) -> Result<HttpResponse, ApiError> {
    one(&request, &caller, resource_types::USER, &path.id)
}

/// Lists teams.
#[utoipa::path(
    get, path = "/scim/v2/Groups", tag = "scim", security(("bearer" = ["scim.read"])),
    params(ListParameters),
    responses(
        (status = 200, description = "A ListResponse", content_type = "application/scim+json", body = serde_json::Value),
        ScimRefusals,
    ),
)]
pub async fn list_groups(request: HttpRequest, caller: Caller<ScimRead>) -> Result<HttpResponse, ApiError> {
    list(&request, &caller, resource_types::GROUP)
}

/// Shows a team.
#[utoipa::path(
    get, path = "/scim/v2/Groups/{id}", tag = "scim", security(("bearer" = ["scim.read"])),
    params(("id" = String, Path, description = "`team_` and Intercom's id of the team")),
    responses(
        (status = 200, description = "A Group", content_type = "application/scim+json", body = serde_json::Value),
        (status = 304, description = "Still the version that `If-None-Match` names"),
        ScimRefusals,
    ),
)]
pub async fn get_group(
    request: HttpRequest,
    path: Path<ResourcePath>,
    caller: Caller<ScimRead>,
) -> Result<HttpResponse, ApiError> {
    one(&request, &caller, resource_types::GROUP, &path.id)
}

fn list(
    request: &HttpRequest,
    caller: &Caller<ScimRead>,
    resource_type: &'static ResourceType,
) -> Result<HttpResponse, ApiError> {
    let content_type = content_type(request)?;
    let query = query(request)?;
    let page = query.list(&*picture(caller)?, resource_type, caller.service.page_rules)?;
    Ok(HttpResponse::Ok().insert_header((CONTENT_TYPE, content_type)).body(page.body))
}

fn one(
    request: &HttpRequest,
    caller: &Caller<ScimRead>,
    resource_type: &'static ResourceType,
    id: &str,
) -> Result<HttpResponse, ApiError> {
    let content_type = content_type(request)?;
    let query = query(request)?;
    let picture = picture(caller)?;
    let resource = picture.by_id(id).filter(|resource| std::ptr::eq(resource.resource_type(), resource_type));
    let resource = resource.ok_or_else(|| ScimError::NotFound { what: format!("this {}", resource_type.name) })?;
    let (version, location) = (&*resource.ready().version, resource.location());
    // RFC 7644 §3.14: versions of a resource in ETag, If-None-Match and meta.version.
    if matches_version(request, version) {
        return Ok(HttpResponse::NotModified().insert_header((ETAG, version)).finish());
    }
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, content_type))
        .insert_header((ETAG, version))
        .insert_header((LOCATION, location.as_str()))
        // RFC 7643 §3.1: meta.location "MUST be the same as the "Content-Location" HTTP response header".
        .insert_header((CONTENT_LOCATION, location.as_str()))
        .body(query.one(resource)))
}

fn picture(caller: &Caller<ScimRead>) -> Result<Arc<Picture>, ScimError> {
    caller.workspace.live.picture().ok_or(ScimError::NotReady)
}

fn query(request: &HttpRequest) -> Result<Query, ScimError> {
    let unreadable =
        || ScimError::InvalidSyntax { why: "the query string cannot be read; is it percent-encoded?".to_owned() };
    let parameters =
        Parameters::<Vec<(String, String)>>::from_query(request.query_string()).map_err(|_| unreadable())?;
    Query::from_parameters(parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())))
}

/// RFC 7644 §3.8: "Service providers MUST support the "Accept" header … application/scim+json" and "MAY support"
/// application/json: those who accept only that get it by name.
pub fn content_type(request: &HttpRequest) -> Result<&'static str, ScimError> {
    let mut kinds = request
        .headers()
        .get_all(ACCEPT)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|range| range.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
        .filter(|range| !range.is_empty())
        .peekable();
    if kinds.peek().is_none() {
        return Ok(SCIM_JSON);
    }
    let kinds: Vec<String> = kinds.collect();
    let accepts = |kind: &str| kinds.iter().any(|range| range == kind);
    if accepts(SCIM_JSON) || accepts("*/*") || accepts("application/*") {
        Ok(SCIM_JSON)
    } else if accepts(JSON) {
        Ok(JSON)
    } else {
        Err(ScimError::NotAcceptable)
    }
}

/// RFC 9110 §13.1.2: a list of versions, compared weakly, or `*`.
fn matches_version(request: &HttpRequest, version: &str) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    request
        .headers()
        .get_all(IF_NONE_MATCH)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|tag| tag.trim() == "*" || opaque(tag) == opaque(version))
}
