//! Requests for changes that a person must make in Intercom: the list, and closing one.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::acting::{Acting, CloseRequest};
use super::denied;
use super::form::{Notice, notice};
use super::html::{PageRefusals, page, parameter};
use super::requests_view::{self, RequestsPage, ShownRequests};
use super::view;
use super::viewer::Viewer;
use crate::http::errors::ApiError;
use crate::http::request::negotiation::{HTML, preferred_form};
use crate::http::state::service::Service;
use crate::http::wire::BodyRefusals;
use crate::ledger::LedgerError;
use crate::limits;
use crate::requests::{RequestEnd, RequestState};
use crate::stores::{Closing, RequestQuestion};
use crate::words::Words;

/// Shows the requests for changes that a person must make in Intercom.
///
/// Parameters with an invalid value are ignored.
#[utoipa::path(
    get, path = "/requests", operation_id = "requests_page", tag = "pages",
    params(
        ("workspace" = Option<String>, Query, description = "The name of the workspace. The default is the first one of the session."),
        ("show" = Option<String>, Query, description = "`open` (the default), `done`, `declined`, `expired` or `all`."),
        ("before" = Option<String>, Query, description = "Only requests that were made before this one (`req_…`)."),
    ),
    responses(
        (status = 200, description = "An HTML page. Without a session, the page explains how to sign in.", content_type = "text/html", body = String),
        PageRefusals,
    ),
)]
pub async fn requests(
    request: HttpRequest,
    service: Data<Service>,
) -> Result<HttpResponse, ApiError> {
    preferred_form(&request, &[HTML])?;
    let Some(viewer) = Viewer::from_request(&request, &service).await? else {
        return Ok(page(StatusCode::OK, view::signed_out(&service)));
    };
    let shown = parameter(&request, "show").as_deref().and_then(ShownRequests::from_word);
    let shown = shown.unwrap_or(ShownRequests::Open);
    let before = parameter(&request, "before").filter(|id| is_reference(id));
    let question = RequestQuestion { state: shown.state(), before, ..RequestQuestion::default() };
    let notice = notice(&request);
    let _turn = service.makers.console_turn().await?;
    let store = service.stores.requests.clone();
    let workspace = Arc::clone(&viewer.workspace.name);
    let read = service.makers.page(async move {
        let (items, total) = store.list(&workspace, &question, limits::PAGE_REQUESTS).await?;
        let requests = RequestsPage { shown, items, total };
        Ok::<_, LedgerError>(requests_view::requests(&viewer, &notice, &requests))
    });
    Ok(page(StatusCode::OK, read.await??))
}

/// Closes a request for a change, as done or declined.
#[utoipa::path(
    post, path = "/requests/close", operation_id = "close_request", tag = "pages",
    params(("workspace" = String, Query, description = "The name of the workspace.")),
    request_body(content = String, content_type = "application/x-www-form-urlencoded", description = "The form fields `csrf`, `request` (`req_…`), `end` (`done` or `declined`) and `note`."),
    responses(
        (status = 303, description = "Redirects to the list of requests."),
        (status = 403, description = "No session, no token of the session, or too small a role.", content_type = "text/html", body = String),
        PageRefusals,
        BodyRefusals,
    ),
)]
pub async fn close(acting: Acting<CloseRequest>) -> Result<HttpResponse, ApiError> {
    let reference = acting.form.text("request").filter(|id| is_reference(id));
    let reference = reference.ok_or_else(|| denied::not_found("request"))?;
    let end = match acting.form.text("end") {
        Some("done") => RequestEnd::Done,
        Some("declined") => RequestEnd::Declined,
        _ => return Err(denied::invalid("Choose whether the request is done or declined.")),
    };
    let store = &acting.service.stores.requests;
    let workspace = &*acting.viewer.workspace.name;
    if store.get(workspace, reference).await?.is_none() {
        return Err(denied::not_found("request"));
    }
    let closing = Closing {
        by: acting.viewer.person.name.clone(),
        note: acting.form.text("note").map(str::to_owned),
        end,
        at: acting.service.clock.now(),
    };
    if !store.close(workspace, reference, closing).await? {
        return Ok(acting.done("/requests", Notice::RequestClosedBefore));
    }
    let detail = RequestState::from(end).to_string();
    acting.record(acting.event("request.closed", reference, Some(detail))).await?;
    Ok(acting.done("/requests", Notice::RequestClosed))
}

/// Whether a text can be the id of a request.
fn is_reference(text: &str) -> bool {
    text.starts_with("req_") && text.len() <= limits::ID_BYTES && !text.contains('\0')
}
