//! The page of one person: the access now or on an earlier day, open requests and the history.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use time::OffsetDateTime;

use super::html::{PageRefusals, page, parameter};
use super::person_view::{self, History, PersonPage, State};
use super::view;
use super::viewer::Viewer;
use crate::directory::{ChangePosition, UserId, account_id};
use crate::http::errors::ApiError;
use crate::http::request::negotiation::{HTML, preferred_form};
use crate::http::state::service::Service;
use crate::http::wire::LifecycleRequest;
use crate::ledger::{ChangeQuestion, LedgerError};
use crate::limits;
use crate::moments::{self, Edge, Zone};
use crate::requests::RequestState;
use crate::runtime::WorkspaceHandle;
use crate::stores::RequestQuestion;
use crate::tabular::ChangeDocument;

/// Shows one person: the access now or on an earlier day, open requests and the history.
#[utoipa::path(
    get, path = "/people/{id}", operation_id = "person_page", tag = "pages",
    params(
        ("id" = String, Path, description = "The id of the account: `adm_…`."),
        ("workspace" = Option<String>, Query, description = "The name of the workspace. The default is the first one of the session."),
        ("as_of" = Option<String>, Query, description = "A day or time in the past, such as 2026-03-01 (UTC), whose access is shown."),
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
        state: state(&service, workspace, as_of.trim()).await?,
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

/// The state at the time that the viewer wrote, or the current one.
async fn state(
    service: &Service,
    workspace: &Arc<WorkspaceHandle>,
    as_of: &str,
) -> Result<State, ApiError> {
    if as_of.is_empty() {
        let served = workspace.live.served();
        return Ok(served.map_or(State::Missing("Nothing was imported yet."), State::Current));
    }
    let Some(moment) = moment(as_of, service.clock.now()) else {
        return Ok(State::Missing("This is not a day or time in the past, such as 2026-03-01."));
    };
    let generation = match service.stores.ledger.generation_at(&workspace.name, moment).await {
        Ok(Some(generation)) => generation,
        Ok(None) => {
            return Ok(State::Missing(
                "The bridge had not recorded this workspace yet at that time.",
            ));
        }
        Err(LedgerError::Pruned { .. }) => return Ok(State::Missing(PRUNED)),
        Err(error) => return Err(error.into()),
    };
    let workspace = Arc::clone(workspace);
    match service.makers.page(async move { workspace.past.at(generation).await }).await? {
        Ok(directory) => Ok(State::Past(directory)),
        Err(LedgerError::Pruned { .. }) => Ok(State::Missing(PRUNED)),
        Err(error) => Err(error.into()),
    }
}

const PRUNED: &str = "The history of that time was pruned.";

/// Reads a day (its last moment, at most now) or a time, in UTC; `None` if it is neither, or in the
/// future.
fn moment(text: &str, now: OffsetDateTime) -> Option<OffsetDateTime> {
    let start = moments::read(text, Edge::Start, &Zone::UTC)?.moment;
    let last = moments::read(text, Edge::Last, &Zone::UTC)?.moment;
    (start <= now).then_some(last.min(now))
}

/// Reads the history forward, as the ledger does, and keeps the newest changes.
async fn history(service: &Service, workspace: &str, id: &UserId) -> Result<History, ApiError> {
    let ledger = &service.stores.ledger;
    let question = ChangeQuestion { people: Some(vec![id.clone()]), ..ChangeQuestion::default() };
    let mut since = ChangePosition::START;
    let mut history = History::default();
    loop {
        match ledger.changes_that(workspace, &since, &question, limits::LIST_ITEMS).await {
            Ok(read) => {
                history.changes.extend(read.changes.iter().map(ChangeDocument::from));
                let extra = history.changes.len().saturating_sub(limits::PAGE_HISTORY);
                history.changes.drain(..extra);
                history.is_cut |= extra > 0;
                since = read.next;
                if !read.more {
                    break;
                }
            }
            Err(LedgerError::Pruned { .. }) if !history.is_pruned => {
                history.is_pruned = true;
                since = ledger.earliest(workspace).await?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    history.changes.reverse();
    Ok(history)
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
