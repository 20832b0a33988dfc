//! The page of one person: the access now or on an earlier day, open requests and the history.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};

use super::html::{PageRefusals, page, parameter};
use super::past::State;
use super::person_view::{self, History, PersonPage};
use super::view;
use super::viewer::Viewer;
use crate::directory::{UserId, account_id};
use crate::http::errors::ApiError;
use crate::http::request::negotiation::{HTML, preferred_form};
use crate::http::state::service::Service;
use crate::http::wire::LifecycleRequest;
use crate::ledger::ChangeQuestion;
use crate::limits;
use crate::requests::RequestState;
use crate::stores::RequestQuestion;
use crate::tabular::ChangeDocument;

/// Shows one person: the access now or on an earlier day, open requests and the history.
#[utoipa::path(
    get, path = "/people/{id}", operation_id = "person_page", tag = "pages",
    params(
        ("id" = String, Path, description = "The id of the account: `adm_…`."),
        ("workspace" = Option<String>, Query, description = "The name of the workspace. The default is the first one of the session."),
        ("as_of" = Option<String>, Query, description = "A day or time in the past, such as 2026-03-01, whose access is shown. A day is one of the viewer's time zone."),
    ),
    responses(
        (status = 200, description = "An HTML page. Without a session, the page explains how to sign in.", content_type = "text/html", body = String),
        (status = 404, description = "The workspace never had an account with this id.", content_type = "text/html", body = String),
        PageRefusals,
    ),
)]
pub async fn person(
    request: HttpRequest,
    service: Data<Service>,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    preferred_form(&request, &[HTML])?;
    let Some(viewer) = Viewer::from_request(&request, &service).await? else {
        return Ok(page(StatusCode::OK, view::signed_out()));
    };
    let as_of: String =
        parameter(&request, "as_of").unwrap_or_default().chars().take(limits::ID_BYTES).collect();
    let id = UserId::new(id.strip_prefix("adm_").unwrap_or(&id));
    let workspace = &viewer.workspace;
    let _turn = service.makers.console_turn().await?;
    let history = history(&service, &workspace.name, &id).await?;
    let person = PersonPage {
        state: State::at(&service, &viewer, &as_of).await?,
        requests: open_requests(&service, &workspace.name, &id).await?,
        history,
        as_of,
        id,
    };
    if person.person().is_none() && person.history.changes.is_empty() {
        return Ok(page(StatusCode::NOT_FOUND, person_view::unknown(&viewer)));
    }
    let html = service.makers.page(async move { person_view::person(&viewer, &person) });
    Ok(page(StatusCode::OK, html.await?))
}

/// The newest changes of a person.
async fn history(service: &Service, workspace: &str, id: &UserId) -> Result<History, ApiError> {
    let question = ChangeQuestion { people: Some(vec![id.clone()]), ..ChangeQuestion::default() };
    let ledger = &service.stores.ledger;
    let read = ledger.newest_changes(workspace, &question, None, limits::PAGE_HISTORY).await?;
    Ok(History {
        changes: read.changes.iter().map(ChangeDocument::from).collect(),
        is_cut: read.next.is_some(),
        is_pruned: read.is_pruned,
    })
}

async fn open_requests(
    service: &Service,
    workspace: &str,
    id: &UserId,
) -> Result<Vec<LifecycleRequest>, ApiError> {
    let question = RequestQuestion {
        state: Some(RequestState::Open),
        target: Some(account_id(id)),
        ..RequestQuestion::default()
    };
    let (requests, _) =
        service.stores.requests.list(workspace, &question, limits::PAGE_LATEST as u64).await?;
    Ok(requests.into_iter().map(LifecycleRequest::from).collect())
}
