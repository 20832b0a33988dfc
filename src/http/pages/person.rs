//! The page of one person: the access now or on an earlier day, open requests and the history.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};

use super::decisions;
use super::form::notice;
use super::html::{PageRefusals, page, parameter};
use super::past::State;
use super::person_view::{self, History, KnownIdentity, PersonPage};
use super::view;
use super::viewer::Viewer;
use crate::activity::{Group, kind_named, subject_of};
use crate::directory::{Activity, UserId, account_id};
use crate::http::errors::ApiError;
use crate::http::request::negotiation::{HTML, preferred_form};
use crate::http::state::service::Service;
use crate::http::wire::LifecycleRequest;
use crate::identities::Shown;
use crate::ledger::{ChangeQuestion, LatestEntriesQuestion, LedgerError};
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
        return Ok(page(StatusCode::OK, view::signed_out(&service)));
    };
    let as_of: String =
        parameter(&request, "as_of").unwrap_or_default().chars().take(limits::ID_BYTES).collect();
    let id = UserId::new(id.strip_prefix("adm_").unwrap_or(&id));
    let workspace = &viewer.workspace;
    let _turn = service.makers.console_turn().await?;
    let history = history(&service, &workspace.name, &id).await?;
    let account = account_id(&id);
    let person = PersonPage {
        notice: notice(&request),
        decisions: decisions::section(&viewer, &account, service.clock.now()).await?,
        state: State::at(&service, &viewer, &as_of).await?,
        requests: open_requests(&service, &workspace.name, &id).await?,
        identity: identity(&service, &viewer, &id).await?,
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

/// The newest changes of a person, and the sign-ins that the activity log has.
async fn history(service: &Service, workspace: &str, id: &UserId) -> Result<History, ApiError> {
    let people = Some(vec![id.clone()]);
    let question = ChangeQuestion { people: people.clone(), ..ChangeQuestion::default() };
    let ledger = &service.stores.ledger;
    let read = ledger.newest_changes(workspace, &question, None, limits::PAGE_HISTORY).await?;
    let of_log = LatestEntriesQuestion { people, ..LatestEntriesQuestion::default() };
    let is_about = |entry: &Activity| {
        kind_named(&entry.kind).group == Group::Authentication
            && subject_of(entry).is_some_and(|subject| subject == *id)
    };
    let entries =
        ledger.latest_entries(workspace, &of_log, None, limits::PAGE_ROWS, &is_about).await?;
    let entries = entries.entries.into_iter().map(|entry| entry.activity);
    Ok(History {
        changes: read.changes.iter().map(ChangeDocument::from).collect(),
        entries: entries.collect(),
        is_cut: read.next.is_some(),
        is_pruned: read.is_pruned,
    })
}

/// The person behind the account, according to the roster. `None` without a roster, and for
/// accounts that are not active.
async fn identity(
    service: &Service,
    viewer: &Viewer,
    id: &UserId,
) -> Result<Option<KnownIdentity>, ApiError> {
    let Some(served) = viewer.workspace.live.served() else { return Ok(None) };
    let identities = Arc::clone(&viewer.workspace.identities);
    let account = account_id(id);
    let made = service.makers.page(async move {
        let shown = Shown { directory: served.directory(), as_of: None };
        let Some(known) = identities.assess(shown).await? else { return Ok(None) };
        let identity = known.identities.iter().find(|one| one.account_id == account).cloned();
        let Some(identity) = identity else { return Ok(None) };
        let unmatched = known.unmatched.iter().find(|one| one.account_id == account).cloned();
        let leavers = identities.terminated_active(&known).await?;
        let leaver = leavers.into_iter().find(|one| one.account_id == account);
        Ok::<_, LedgerError>(Some(KnownIdentity { identity, unmatched, leaver }))
    });
    Ok(made.await??)
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
