//! The changes of people, teams and memberships, newest first, and their export.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::change_filters::ChangeFilters;
use super::changes_view::{self, ChangesPage};
use super::export::ExportFormat;
use super::html::{PageRefusals, page, text};
use super::view;
use super::viewer::Viewer;
use crate::directory::ChangePosition;
use crate::http::errors::ApiError;
use crate::http::request::negotiation::{HTML, preferred_form};
use crate::http::state::service::Service;
use crate::limits;
use crate::tabular::{ChangeDocument, ChangeRow};

/// Shows the changes of people, teams and memberships, newest first.
///
/// Parameters with an invalid value are ignored.
#[utoipa::path(
    get, path = "/changes", operation_id = "changes_page", tag = "pages",
    params(
        ("workspace" = Option<String>, Query, description = "The name of the workspace. The default is the first one of the session."),
        ("from" = Option<String>, Query, description = "Only changes on this day or later, in the viewer's time zone."),
        ("to" = Option<String>, Query, description = "Only changes on this day or earlier, in the viewer's time zone."),
        ("person" = Option<String>, Query, description = "Only changes of people whose name, address or id contains this text."),
        ("team" = Option<String>, Query, description = "Only changes of this team, by id (`team_…`)."),
        ("actor" = Option<String>, Query, description = "Only changes that these people made: by name, address or id."),
        ("kind" = Option<String>, Query, description = "`user`, `group` or `membership`."),
        ("action" = Option<String>, Query, description = "`created`, `updated`, `removed` or `restored`."),
        ("place" = Option<String>, Query, description = "Where the page begins, from a link of an earlier page."),
    ),
    responses(
        (status = 200, description = "An HTML page. Without a session, the page explains how to sign in.", content_type = "text/html", body = String),
        PageRefusals,
    ),
)]
pub async fn changes(
    request: HttpRequest,
    service: Data<Service>,
) -> Result<HttpResponse, ApiError> {
    preferred_form(&request, &[HTML])?;
    let Some(viewer) = Viewer::from_request(&request, &service).await? else {
        return Ok(page(StatusCode::OK, view::signed_out(&service)));
    };
    let _turn = service.makers.console_turn().await?;
    let filters = ChangeFilters::from_request(&request);
    let question = filters.question(&service, &viewer).await?;
    let place = text(&request, "place").and_then(|place| ChangePosition::from_cursor(&place));
    let is_first = place.is_none();
    let (ledger, name) = (service.stores.ledger.clone(), viewer.workspace.name.clone());
    let read = service.makers.page(async move {
        ledger.newest_changes(&name, &question, place, limits::PAGE_ROWS).await
    });
    let read = read.await??;
    let html = service.makers.page(async move {
        let changes = read.changes.iter().map(ChangeDocument::from).collect();
        let shown = ChangesPage {
            filters,
            changes,
            next: read.next,
            total: read.total,
            is_pruned: read.is_pruned,
            is_first,
        };
        changes_view::changes(&viewer, &shown)
    });
    Ok(page(StatusCode::OK, html.await?))
}

/// Exports the changes that the page with the same parameters lists, in the same order.
#[utoipa::path(
    get, path = "/changes/export", operation_id = "export_changes", tag = "pages",
    params(
        ("workspace" = Option<String>, Query, description = "The name of the workspace. The default is the first one of the session."),
        ("format" = Option<String>, Query, description = "`csv` (the default, with a byte order mark for spreadsheets) or `json`."),
        ("from" = Option<String>, Query, description = "As for the page `/changes`, like all its other parameters."),
    ),
    responses(
        (
            status = 200, description = "The changes, with the members of `/api/v1/changes`, as CSV or JSON. Without a session, the page explains how to sign in.",
            content((String = "text/csv"), (String = "text/html")),
        ),
        PageRefusals,
    ),
)]
pub async fn export_changes(
    request: HttpRequest,
    service: Data<Service>,
) -> Result<HttpResponse, ApiError> {
    let Some(viewer) = Viewer::from_request(&request, &service).await? else {
        return Ok(page(StatusCode::OK, view::signed_out(&service)));
    };
    let turn = service.makers.console_turn().await?;
    let question = ChangeFilters::from_request(&request).question(&service, &viewer).await?;
    let (ledger, name) = (service.stores.ledger.clone(), viewer.workspace.name.clone());
    let read = move |place: Option<ChangePosition>| {
        let (ledger, name, question) = (ledger.clone(), name.clone(), question.clone());
        async move {
            let page = ledger.newest_changes(&name, &question, place, limits::LIST_ITEMS).await?;
            let rows: Vec<ChangeDocument> = page.changes.iter().map(Into::into).collect();
            Ok((rows, page.next))
        }
    };
    let format = ExportFormat::from_request(&request);
    let body = format.stream::<_, _, ChangeRow, _, _>(&request, &service.makers, turn, read);
    Ok(format.file(&viewer, "changes", body))
}
