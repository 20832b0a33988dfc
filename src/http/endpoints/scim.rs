//! Users and groups (RFC 7644 §3.4).

use std::sync::Arc;

use actix_web::body::BoxBody;
use actix_web::http::header::{
    AGE, CONTENT_LOCATION, CONTENT_TYPE, ETAG, HeaderValue, IF_MATCH, IF_NONE_MATCH, LOCATION,
};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};

use crate::directory::CatalogueForm;
use crate::http::errors::ApiError;
use crate::http::extract::body::Body;
use crate::http::extract::caller::{Caller, ScimRead};
use crate::http::extract::freshness::{self, Fresh};
use crate::http::request::negotiation::{
    content_type, expect_scim_body, names_version, next_url, set_next_link,
};
use crate::http::request::route_pattern::Pattern;
use crate::http::response::chunked_body;
use crate::http::response::guarded_body::holding;
use crate::http::response::large::Turn;
use crate::http::state::service::Service;
use crate::http::wire::{
    ListParameters, ScimErrorBody, ScimList, ScimRefusals, ScimSearchRefusals, SearchRequest,
};
use crate::limits;
use crate::scim::{
    Page, Query, Question, Resource, ResourceType, ServedSnapshot, Walker, Window, resource_types,
};

/// Lists Users and Groups: the teammates and teams of the workspace.
#[utoipa::path(
    get,
    path = "/scim/v2",
    tag = "scim",
    params(ListParameters),
    responses(ScimList, ScimRefusals)
)]
pub async fn list_all(
    request: HttpRequest,
    caller: Caller<ScimRead>,
) -> Result<HttpResponse, ApiError> {
    let with_enterprise = caller.service.with_enterprise;
    let types = resource_types::all(form(&request, &caller.service), with_enterprise);
    list(&request, &caller, types).await
}

/// Lists Users: the teammates of the workspace.
#[utoipa::path(
    get,
    path = "/scim/v2/Users",
    tag = "scim",
    params(ListParameters),
    responses(ScimList, ScimRefusals)
)]
pub async fn list_users(
    request: HttpRequest,
    caller: Caller<ScimRead>,
) -> Result<HttpResponse, ApiError> {
    list(&request, &caller, resource_types::users(caller.service.with_enterprise)).await
}

/// Lists Groups: the teams of the workspace.
#[utoipa::path(
    get,
    path = "/scim/v2/Groups",
    tag = "scim",
    params(ListParameters),
    responses(ScimList, ScimRefusals)
)]
pub async fn list_groups(
    request: HttpRequest,
    caller: Caller<ScimRead>,
) -> Result<HttpResponse, ApiError> {
    list(&request, &caller, &[resource_types::GROUP]).await
}

/// Searches Users and Groups (RFC 7644 §3.4.3).
///
/// The query is in the body, so it does not appear in logs of URLs.
#[utoipa::path(
    post, path = "/scim/v2/.search", tag = "scim",
    request_body(description = "A SearchRequest (RFC 7644 §3.4.3).", content_type = "application/scim+json", content = SearchRequest),
    responses(
        ScimList,
        ScimSearchRefusals,
        ScimRefusals,
    ),
)]
pub async fn search_all(
    request: HttpRequest,
    caller: Caller<ScimRead>,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let with_enterprise = caller.service.with_enterprise;
    let types = resource_types::all(form(&request, &caller.service), with_enterprise);
    search(&request, &caller, &body.0, types).await
}

/// Searches Users (RFC 7644 §3.4.3).
#[utoipa::path(
    post, path = "/scim/v2/Users/.search", tag = "scim",
    request_body(description = "A SearchRequest (RFC 7644 §3.4.3).", content_type = "application/scim+json", content = SearchRequest),
    responses(
        ScimList,
        ScimSearchRefusals,
        ScimRefusals,
    ),
)]
pub async fn search_users(
    request: HttpRequest,
    caller: Caller<ScimRead>,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    search(&request, &caller, &body.0, resource_types::users(caller.service.with_enterprise)).await
}

/// Searches Groups (RFC 7644 §3.4.3).
#[utoipa::path(
    post, path = "/scim/v2/Groups/.search", tag = "scim",
    request_body(description = "A SearchRequest (RFC 7644 §3.4.3).", content_type = "application/scim+json", content = SearchRequest),
    responses(
        ScimList,
        ScimSearchRefusals,
        ScimRefusals,
    ),
)]
pub async fn search_groups(
    request: HttpRequest,
    caller: Caller<ScimRead>,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    search(&request, &caller, &body.0, &[resource_types::GROUP]).await
}

/// Returns a User: a teammate.
#[utoipa::path(
    get, path = "/scim/v2/Users/{id}", tag = "scim",
    params(("id" = String, Path, description = "The id of the User: `adm_` and Intercom's id of the admin.")),
    responses(
        (status = 200, description = "A User (RFC 7643 §4.1).", content_type = "application/scim+json", body = serde_json::Value),
        (status = 304, description = "The version of the resource is the one in `If-None-Match` (RFC 7644 §3.14)."),
        ScimRefusals,
    ),
)]
pub async fn get_user(
    request: HttpRequest,
    caller: Caller<ScimRead>,
) -> Result<HttpResponse, ApiError> {
    one(&request, &caller, &[resource_types::USER]).await
}

/// Returns a Group: a team.
#[utoipa::path(
    get, path = "/scim/v2/Groups/{id}", tag = "scim",
    params(("id" = String, Path, description = "The id of the Group: `team_` and Intercom's id of the team.")),
    responses(
        (status = 200, description = "A Group (RFC 7643 §4.2).", content_type = "application/scim+json", body = serde_json::Value),
        (status = 304, description = "The version of the resource is the one in `If-None-Match` (RFC 7644 §3.14)."),
        ScimRefusals,
    ),
)]
pub async fn get_group(
    request: HttpRequest,
    caller: Caller<ScimRead>,
) -> Result<HttpResponse, ApiError> {
    one(&request, &caller, &[resource_types::GROUP]).await
}

/// Returns the User of the client (RFC 7644 §3.11): the active teammate whose address is the
/// subject of the token.
#[utoipa::path(
    get, path = "/scim/v2/Me", tag = "scim",
    responses(
        (status = 200, description = "A User (RFC 7643 §4.1). `Location` is its permanent URL.", content_type = "application/scim+json", body = serde_json::Value),
        (status = 304, description = "The version of the resource is the one in `If-None-Match` (RFC 7644 §3.14)."),
        (status = 501, description = "The subject of the token is not the address of an active teammate.", content_type = "application/scim+json", body = ScimErrorBody),
        ScimRefusals,
    ),
)]
pub async fn me(request: HttpRequest, caller: Caller<ScimRead>) -> Result<HttpResponse, ApiError> {
    refuse_early(&request)?;
    let fresh = freshness::served(&request, &caller).await?;
    // A person who was removed and invited again is two users. The active one is the caller.
    let mut namesakes =
        fresh.served.users_named(&caller.principal.subject).into_iter().filter(|u| u.is_active());
    // RFC 7644 §3.11: without such a person, "HTTP status code 501".
    let user = namesakes.next().ok_or_else(|| ApiError::NotImplemented {
        why: "the subject of this token is not the address of an active teammate".to_owned(),
    })?;
    show(&request, &fresh, user)
}

/// The form in which the base URL of a request shows roles, seats and permissions.
pub(super) fn form(request: &HttpRequest, service: &Service) -> CatalogueForm {
    if Pattern::is_below_second_root(request) { CatalogueForm::Okta } else { service.forms.main }
}

pub(super) async fn list(
    request: &HttpRequest,
    caller: &Caller<ScimRead>,
    types: &'static [&'static ResourceType],
) -> Result<HttpResponse, ApiError> {
    let question = Query::of_list(request.query_string())?.about(types)?;
    answer(request, caller, &question).await
}

pub(super) async fn search(
    request: &HttpRequest,
    caller: &Caller<ScimRead>,
    body: &[u8],
    types: &'static [&'static ResourceType],
) -> Result<HttpResponse, ApiError> {
    expect_scim_body(request)?;
    let question = Query::from_body(body)?.about(types)?;
    answer(request, caller, &question).await
}

async fn answer(
    request: &HttpRequest,
    caller: &Caller<ScimRead>,
    question: &Question,
) -> Result<HttpResponse, ApiError> {
    let content_type = content_type(request)?;
    let client = &*caller.principal.identity;
    let workspace = &*caller.workspace.name;
    let walker = Walker { key: &caller.service.cursor_key, client, workspace };
    let window = question.window(caller.service.page_rules, walker)?;
    let fresh = match window.list {
        None => freshness::served(request, caller).await?,
        Some(list) => freshness::served_as(request, caller, list)?,
    };
    let (page, turn) = if question.effort(&fresh.served, window) < limits::QUICK_EFFORT {
        (question.list(&fresh.served, window, walker)?, None)
    } else {
        // Boxed: its size would otherwise be part of every request's future.
        let apart = Box::pin(search_apart(caller, question, &fresh.served, window)).await?;
        (apart.0, Some(apart.1))
    };
    let mut response = HttpResponse::Ok();
    response.insert_header((CONTENT_TYPE, content_type));
    set_age(&mut response, &fresh);
    let body = chunked_body::body(page.body);
    let mut response = response.body(match turn {
        Some(turn) => holding(body, turn),
        None => body,
    });
    // A link cannot carry the body of a search, so searches have none.
    if let Some(next) = page.next.as_ref().filter(|_| request.method().is_safe()) {
        let endpoint = resource_types::endpoint(question.types());
        let address = format!("{}{endpoint}", fresh.served.base_url());
        set_next_link(&mut response, &next_url(request, &address, next));
    }
    Ok(response)
}

/// Makes a page on a search thread, so that a long search does not delay other requests, such as
/// health checks. The client has its turn until the page is sent.
async fn search_apart(
    caller: &Caller<ScimRead>,
    question: &Question,
    served: &Arc<ServedSnapshot>,
    window: Window,
) -> Result<(Page, Turn), ApiError> {
    let makers = &caller.service.makers;
    let turn = makers.page_turn(&caller.principal.allowance).await?;
    let one_at_a_time = caller.principal.allowance.expensive().await.map_err(ApiError::TooMany)?;
    let question = question.clone();
    let served = Arc::clone(served);
    let service = caller.service.clone();
    let principal = Arc::clone(&caller.principal);
    let workspace = Arc::clone(&caller.workspace);
    let search = move || {
        // Held until the search ends, even if the client disconnects.
        let _one_at_a_time = one_at_a_time;
        let walker = Walker {
            key: &service.cursor_key,
            client: &principal.identity,
            workspace: &workspace.name,
        };
        question.list(&served, window, walker)
    };
    Ok((makers.search(search).await??, turn))
}

/// Returns the resource that the path names: one of these types, which are at least one.
pub(super) async fn one(
    request: &HttpRequest,
    caller: &Caller<ScimRead>,
    types: &'static [&'static ResourceType],
) -> Result<HttpResponse, ApiError> {
    refuse_early(request)?;
    let fresh = freshness::served(request, caller).await?;
    let id =
        Pattern::id(request).ok_or_else(|| ApiError::NotFound { what: "this path".to_owned() })?;
    let resource = types.iter().find_map(|kind| fresh.served.of_type(kind, &id));
    let resource = resource.ok_or_else(|| {
        let name = types.first().map_or("resource", |kind| kind.name);
        ApiError::NotFound { what: format!("this {name}") }
    })?;
    if request.query_string().is_empty() && fresh.served.is_prepared() {
        return show(request, &fresh, resource);
    }
    Box::pin(show_rendered(request, caller, &fresh, resource)).await
}

/// Returns a resource whose response was not prepared. A group with very many members is rendered
/// on a search thread.
async fn show_rendered(
    request: &HttpRequest,
    caller: &Caller<ScimRead>,
    fresh: &Fresh,
    resource: Resource<'_>,
) -> Result<HttpResponse, ApiError> {
    let query = Query::of_one(request.query_string())?;
    if query.effort_of_one(&fresh.served, resource) < limits::QUICK_EFFORT {
        return show(request, fresh, resource);
    }
    let mut response = match without_body(request, fresh, resource)? {
        Shown::Known(response) => return Ok(response),
        Shown::New(response) => response,
    };
    let makers = &caller.service.makers;
    let turn = makers.page_turn(&caller.principal.allowance).await?;
    let (served, id) = (Arc::clone(&fresh.served), resource.id());
    let body = move || served.by_id(&id).map(|resource| query.one(&served, resource));
    let body = makers.search(body).await?.ok_or(ApiError::Internal)?;
    Ok(response.body(holding(BoxBody::new(body), turn)))
}

/// Refuses an invalid request for one resource before anything is awaited. [`show`] parses the same
/// again: keeping the result across the await would make every future larger, and parsing is cheap.
fn refuse_early(request: &HttpRequest) -> Result<(), ApiError> {
    content_type(request)?;
    if !request.query_string().is_empty() {
        Query::of_one(request.query_string())?;
    }
    Ok(())
}

fn show(
    request: &HttpRequest,
    fresh: &Fresh,
    resource: Resource<'_>,
) -> Result<HttpResponse, ApiError> {
    match without_body(request, fresh, resource)? {
        Shown::Known(response) => Ok(response),
        Shown::New(mut response) => {
            let query = Query::of_one(request.query_string())?;
            Ok(response.body(query.one(&fresh.served, resource)))
        }
    }
}

/// The response to a request for a resource, without its body.
enum Shown {
    /// The client has this version already: 304.
    Known(HttpResponse),
    /// The body is still to be added.
    New(HttpResponseBuilder),
}

fn without_body(
    request: &HttpRequest,
    fresh: &Fresh,
    resource: Resource<'_>,
) -> Result<Shown, ApiError> {
    let content_type = content_type(request)?;
    let version = resource.version();
    // RFC 9110 §13.2.2: If-Match is evaluated first.
    if names_version(request, &IF_MATCH, version) == Some(false) {
        return Err(ApiError::PreconditionFailed);
    }
    let location = HeaderValue::try_from(resource.location()).map_err(|_| ApiError::Internal)?;
    // RFC 7644 §3.14: versions of a resource in ETag, If-None-Match and meta.version.
    let known = names_version(request, &IF_NONE_MATCH, version) == Some(true);
    let mut response = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    // RFC 9110 §15.4.5: a 304 has the headers that the 200 would have.
    response
        .insert_header((ETAG, version))
        .insert_header((LOCATION, location.clone()))
        // RFC 7643 §3.1: meta.location "MUST be the same as the "Content-Location" HTTP response
        // header".
        .insert_header((CONTENT_LOCATION, location));
    set_age(&mut response, fresh);
    if known {
        return Ok(Shown::Known(response.finish()));
    }
    response.insert_header((CONTENT_TYPE, content_type));
    Ok(Shown::New(response))
}

fn set_age(response: &mut HttpResponseBuilder, fresh: &Fresh) {
    if let Some(age) = fresh.age {
        response.insert_header((AGE, itoa::Buffer::new().format(age)));
    }
}
