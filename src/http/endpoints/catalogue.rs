//! The catalogue over SCIM: roles, seats and permissions. `scim.roles_and_entitlements` and
//! `scim.okta_path` decide which of these paths exist.

use actix_web::{HttpRequest, HttpResponse};

use super::scim::{form, list, one, search};
use crate::http::errors::ApiError;
use crate::http::extract::body::Body;
use crate::http::extract::caller::{Caller, ScimRead};
use crate::http::wire::{
    ListParameters, ScimList, ScimRefusals, ScimSearchRefusals, SearchRequest,
};
use crate::scim::resource_types;

/// Lists the roles of the workspace, also those that nobody has.
///
/// The path exists if `scim.roles_and_entitlements` is okta or draft. Below `/scim/okta/v2` it exists if
/// `scim.okta_path` is set.
#[utoipa::path(
    get,
    path = "/scim/v2/Roles",
    operation_id = "scim_list_roles",
    tag = "scim",
    params(ListParameters),
    responses(ScimList, ScimRefusals)
)]
pub async fn list_roles(
    request: HttpRequest,
    caller: Caller<ScimRead>,
) -> Result<HttpResponse, ApiError> {
    list(&request, &caller, resource_types::roles(form(&request, &caller.service))).await
}

/// Searches the roles (RFC 7644 §3.4.3).
///
/// The path exists if `scim.roles_and_entitlements` is okta or draft. Below `/scim/okta/v2` it exists if
/// `scim.okta_path` is set.
#[utoipa::path(
    post, path = "/scim/v2/Roles/.search", operation_id = "scim_search_roles", tag = "scim",
    request_body(description = "A SearchRequest (RFC 7644 §3.4.3).", content_type = "application/scim+json", content = SearchRequest),
    responses(
        ScimList,
        ScimSearchRefusals,
        ScimRefusals,
    ),
)]
pub async fn search_roles(
    request: HttpRequest,
    caller: Caller<ScimRead>,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let types = resource_types::roles(form(&request, &caller.service));
    search(&request, &caller, &body.0, types).await
}

/// Returns a role.
///
/// The path exists if `scim.roles_and_entitlements` is okta or draft. Below `/scim/okta/v2` it exists if
/// `scim.okta_path` is set.
#[utoipa::path(
    get, path = "/scim/v2/Roles/{id}", operation_id = "scim_get_role", tag = "scim",
    params(("id" = String, Path, description = "Intercom's id of the role.")),
    responses(
        (status = 200, description = "The resource.", content_type = "application/scim+json", body = serde_json::Value),
        (status = 304, description = "The version of the resource is the one in `If-None-Match` (RFC 7644 §3.14)."),
        ScimRefusals,
    ),
)]
pub async fn get_role(
    request: HttpRequest,
    caller: Caller<ScimRead>,
) -> Result<HttpResponse, ApiError> {
    one(&request, &caller, resource_types::roles(form(&request, &caller.service))).await
}

/// Lists the kinds of seats and the known permissions.
///
/// The path exists if `scim.roles_and_entitlements` is okta or draft. Below `/scim/okta/v2` it exists if
/// `scim.okta_path` is set.
#[utoipa::path(
    get,
    path = "/scim/v2/Entitlements",
    operation_id = "scim_list_entitlements",
    tag = "scim",
    params(ListParameters),
    responses(ScimList, ScimRefusals)
)]
pub async fn list_entitlements(
    request: HttpRequest,
    caller: Caller<ScimRead>,
) -> Result<HttpResponse, ApiError> {
    list(&request, &caller, resource_types::entitlements(form(&request, &caller.service))).await
}

/// Searches the seats and permissions (RFC 7644 §3.4.3).
///
/// The path exists if `scim.roles_and_entitlements` is okta or draft. Below `/scim/okta/v2` it exists if
/// `scim.okta_path` is set.
#[utoipa::path(
    post, path = "/scim/v2/Entitlements/.search", operation_id = "scim_search_entitlements", tag = "scim",
    request_body(description = "A SearchRequest (RFC 7644 §3.4.3).", content_type = "application/scim+json", content = SearchRequest),
    responses(
        ScimList,
        ScimSearchRefusals,
        ScimRefusals,
    ),
)]
pub async fn search_entitlements(
    request: HttpRequest,
    caller: Caller<ScimRead>,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let types = resource_types::entitlements(form(&request, &caller.service));
    search(&request, &caller, &body.0, types).await
}

/// Returns a kind of seat, or a permission.
///
/// The path exists if `scim.roles_and_entitlements` is okta or draft. Below `/scim/okta/v2` it exists if
/// `scim.okta_path` is set.
#[utoipa::path(
    get, path = "/scim/v2/Entitlements/{id}", operation_id = "scim_get_entitlement", tag = "scim",
    params(("id" = String, Path, description = "`inbox_seat`, or the key of a permission.")),
    responses(
        (status = 200, description = "The resource.", content_type = "application/scim+json", body = serde_json::Value),
        (status = 304, description = "The version of the resource is the one in `If-None-Match` (RFC 7644 §3.14)."),
        ScimRefusals,
    ),
)]
pub async fn get_entitlement(
    request: HttpRequest,
    caller: Caller<ScimRead>,
) -> Result<HttpResponse, ApiError> {
    one(&request, &caller, resource_types::entitlements(form(&request, &caller.service))).await
}

/// Lists the kinds of seats.
///
/// The path exists if `scim.roles_and_entitlements` is okta. Below `/scim/okta/v2` it exists if
/// `scim.okta_path` is set.
#[utoipa::path(
    get,
    path = "/scim/v2/Seats",
    operation_id = "scim_list_seats",
    tag = "scim",
    params(ListParameters),
    responses(ScimList, ScimRefusals)
)]
pub async fn list_seats(
    request: HttpRequest,
    caller: Caller<ScimRead>,
) -> Result<HttpResponse, ApiError> {
    list(&request, &caller, resource_types::seats(form(&request, &caller.service))).await
}

/// Searches the seats (RFC 7644 §3.4.3).
///
/// The path exists if `scim.roles_and_entitlements` is okta. Below `/scim/okta/v2` it exists if
/// `scim.okta_path` is set.
#[utoipa::path(
    post, path = "/scim/v2/Seats/.search", operation_id = "scim_search_seats", tag = "scim",
    request_body(description = "A SearchRequest (RFC 7644 §3.4.3).", content_type = "application/scim+json", content = SearchRequest),
    responses(
        ScimList,
        ScimSearchRefusals,
        ScimRefusals,
    ),
)]
pub async fn search_seats(
    request: HttpRequest,
    caller: Caller<ScimRead>,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let types = resource_types::seats(form(&request, &caller.service));
    search(&request, &caller, &body.0, types).await
}

/// Returns a kind of seat.
///
/// The path exists if `scim.roles_and_entitlements` is okta. Below `/scim/okta/v2` it exists if
/// `scim.okta_path` is set.
#[utoipa::path(
    get, path = "/scim/v2/Seats/{id}", operation_id = "scim_get_seat", tag = "scim",
    params(("id" = String, Path, description = "`inbox_seat`.")),
    responses(
        (status = 200, description = "The resource.", content_type = "application/scim+json", body = serde_json::Value),
        (status = 304, description = "The version of the resource is the one in `If-None-Match` (RFC 7644 §3.14)."),
        ScimRefusals,
    ),
)]
pub async fn get_seat(
    request: HttpRequest,
    caller: Caller<ScimRead>,
) -> Result<HttpResponse, ApiError> {
    one(&request, &caller, resource_types::seats(form(&request, &caller.service))).await
}

/// Lists the permissions that the activity log reports.
///
/// The path exists if `scim.roles_and_entitlements` is okta. Below `/scim/okta/v2` it exists if
/// `scim.okta_path` is set.
#[utoipa::path(
    get,
    path = "/scim/v2/Permissions",
    operation_id = "scim_list_permissions",
    tag = "scim",
    params(ListParameters),
    responses(ScimList, ScimRefusals)
)]
pub async fn list_permissions(
    request: HttpRequest,
    caller: Caller<ScimRead>,
) -> Result<HttpResponse, ApiError> {
    list(&request, &caller, resource_types::permissions(form(&request, &caller.service))).await
}

/// Searches the permissions (RFC 7644 §3.4.3).
///
/// The path exists if `scim.roles_and_entitlements` is okta. Below `/scim/okta/v2` it exists if
/// `scim.okta_path` is set.
#[utoipa::path(
    post, path = "/scim/v2/Permissions/.search", operation_id = "scim_search_permissions", tag = "scim",
    request_body(description = "A SearchRequest (RFC 7644 §3.4.3).", content_type = "application/scim+json", content = SearchRequest),
    responses(
        ScimList,
        ScimSearchRefusals,
        ScimRefusals,
    ),
)]
pub async fn search_permissions(
    request: HttpRequest,
    caller: Caller<ScimRead>,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let types = resource_types::permissions(form(&request, &caller.service));
    search(&request, &caller, &body.0, types).await
}

/// Returns a permission.
///
/// The path exists if `scim.roles_and_entitlements` is okta. Below `/scim/okta/v2` it exists if
/// `scim.okta_path` is set.
#[utoipa::path(
    get, path = "/scim/v2/Permissions/{id}", operation_id = "scim_get_permission", tag = "scim",
    params(("id" = String, Path, description = "The key of the permission, such as `export_data`.")),
    responses(
        (status = 200, description = "The resource.", content_type = "application/scim+json", body = serde_json::Value),
        (status = 304, description = "The version of the resource is the one in `If-None-Match` (RFC 7644 §3.14)."),
        ScimRefusals,
    ),
)]
pub async fn get_permission(
    request: HttpRequest,
    caller: Caller<ScimRead>,
) -> Result<HttpResponse, ApiError> {
    one(&request, &caller, resource_types::permissions(form(&request, &caller.service))).await
}
