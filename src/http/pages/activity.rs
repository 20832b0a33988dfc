//! Intercom's activity log, the latest event first, and its export.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::activity_view::{self, ActivityFilters, ActivityPage};
use super::export::ExportFormat;
use super::html::{PageRefusals, page, text};
use super::named::people_named;
use super::view;
use super::viewer::Viewer;
use crate::activity::{Entry, Position, kind_named, severity_of, subject_of};
use crate::directory::Activity;
use crate::http::errors::ApiError;
use crate::http::request::negotiation::{HTML, preferred_form};
use crate::http::state::service::Service;
use crate::ledger::{LatestEntriesQuestion, Ledger, LedgerError};
use crate::limits;
use crate::moments::{self, Edge};
use crate::tabular::ActivityRow;
use crate::words::Words;

fn filters(request: &HttpRequest) -> ActivityFilters {
    let text = |name| text(request, name).unwrap_or_default();
    ActivityFilters {
        from: text("from"),
        to: text("to"),
        person: text("person"),
        group: Words::from_word(&text("group")),
        severity: Words::from_word(&text("severity")),
    }
}

async fn question(
    service: &Service,
    viewer: &Viewer,
    filters: &ActivityFilters,
) -> Result<LatestEntriesQuestion, ApiError> {
    let read = |text: &str, edge| moments::read(text, edge, &viewer.times.zone);
    let people = people_named(service, viewer, &filters.person).await?;
    Ok(LatestEntriesQuestion {
        people: people.map(|people| people.ids),
        from: read(&filters.from, Edge::Start).map(|read| read.moment),
        to: read(&filters.to, Edge::End).map(|read| read.moment),
    })
}

/// One page of rows, and where the next one begins.
async fn rows(
    ledger: &Ledger,
    workspace: &str,
    question: &LatestEntriesQuestion,
    filters: &ActivityFilters,
    place: Option<Position>,
    limit: usize,
) -> Result<(Vec<ActivityRow>, Option<Position>), LedgerError> {
    let matches = |entry: &Activity| {
        let kind = kind_named(&entry.kind);
        filters.group.is_none_or(|group| kind.group == group)
            && filters.severity.is_none_or(|severity| severity_of(kind, entry) == severity)
    };
    let page = ledger.latest_entries(workspace, question, place, limit, &matches).await?;
    let named = |entry: &Entry| {
        let actor = entry.activity.performed_by.as_ref().and_then(|actor| actor.id.clone());
        [actor, subject_of(&entry.activity)]
    };
    let ids = page.entries.iter().flat_map(named).flatten().collect();
    let people = ledger.people_named(workspace, ids).await?;
    let rows = page.entries.into_iter().map(|entry| ActivityRow::of(entry, &people));
    Ok((rows.collect(), page.next))
}

/// Shows the entries of Intercom's activity log, the latest event first.
///
/// Parameters with an invalid value are ignored.
#[utoipa::path(
    get, path = "/activity", operation_id = "activity_page", tag = "pages",
    params(
        ("workspace" = Option<String>, Query, description = "The name of the workspace. The default is the first one of the session."),
        ("from" = Option<String>, Query, description = "Only events on this day or later, in the viewer's time zone."),
        ("to" = Option<String>, Query, description = "Only events on this day or earlier, in the viewer's time zone."),
        ("person" = Option<String>, Query, description = "Only events that people with this name, address or id caused, or that are about them."),
        ("group" = Option<String>, Query, description = "Only events about this subject, such as `authentication`."),
        ("severity" = Option<String>, Query, description = "Only events with this severity."),
        ("place" = Option<String>, Query, description = "Where the page begins, from a link of an earlier page."),
    ),
    responses(
        (status = 200, description = "An HTML page. Without a session, the page explains how to sign in.", content_type = "text/html", body = String),
        PageRefusals,
    ),
)]
pub async fn activity(
    request: HttpRequest,
    service: Data<Service>,
) -> Result<HttpResponse, ApiError> {
    preferred_form(&request, &[HTML])?;
    let Some(viewer) = Viewer::from_request(&request, &service).await? else {
        return Ok(page(StatusCode::OK, view::signed_out(&service)));
    };
    let _turn = service.makers.console_turn().await?;
    let filters = filters(&request);
    let question = question(&service, &viewer, &filters).await?;
    let place = text(&request, "place").and_then(|place| Position::from_cursor(&place));
    let is_first = place.is_none();
    let ledger = service.stores.ledger.clone();
    let html = service.makers.page(async move {
        let name = &*viewer.workspace.name;
        let (rows, next) =
            rows(&ledger, name, &question, &filters, place, limits::PAGE_ROWS).await?;
        let covered = viewer.workspace.live.shown().log_covered;
        let shown = ActivityPage { filters, rows, next, is_first, covered };
        Ok::<_, LedgerError>(activity_view::activity(&viewer, &shown))
    });
    Ok(page(StatusCode::OK, html.await??))
}

/// Exports the log entries that the page with the same parameters lists, in the same order.
#[utoipa::path(
    get, path = "/activity/export", operation_id = "export_activity", tag = "pages",
    params(
        ("workspace" = Option<String>, Query, description = "The name of the workspace. The default is the first one of the session."),
        ("format" = Option<String>, Query, description = "`csv` (the default, with a byte order mark for spreadsheets) or `json`."),
        ("from" = Option<String>, Query, description = "As for the page `/activity`, like all its other parameters."),
    ),
    responses(
        (
            status = 200, description = "The entries, with the members of `/api/v1/activity`, as CSV or JSON. Without a session, the page explains how to sign in.",
            content((String = "text/csv"), (String = "text/html")),
        ),
        PageRefusals,
    ),
)]
pub async fn export_activity(
    request: HttpRequest,
    service: Data<Service>,
) -> Result<HttpResponse, ApiError> {
    let Some(viewer) = Viewer::from_request(&request, &service).await? else {
        return Ok(page(StatusCode::OK, view::signed_out(&service)));
    };
    let turn = service.makers.console_turn().await?;
    let filters = filters(&request);
    let question = question(&service, &viewer, &filters).await?;
    let (ledger, name) = (service.stores.ledger.clone(), viewer.workspace.name.clone());
    let read = move |place: Option<Position>| {
        let (ledger, name) = (ledger.clone(), name.clone());
        let (question, filters) = (question.clone(), filters.clone());
        async move { rows(&ledger, &name, &question, &filters, place, limits::LIST_ITEMS).await }
    };
    let format = ExportFormat::from_request(&request);
    let body = format.stream::<_, _, ActivityRow, _, _>(&request, &service.makers, turn, read);
    Ok(format.file(&viewer, "activity", body))
}
