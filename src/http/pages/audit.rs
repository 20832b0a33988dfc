//! The audit trail: a list with filters, and its export.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use maud::{Markup, html};
use serde::Serialize;
use time::OffsetDateTime;

use super::export::ExportFormat;
use super::html::{PageRefusals, page, parameter};
use super::layout::{self, Section, scrolling_table};
use super::view;
use super::viewer::Viewer;
use crate::console::ConsoleAction;
use crate::database::AuditEntry;
use crate::http::endpoints::audit::{cursor, place};
use crate::http::errors::ApiError;
use crate::http::request::negotiation::{HTML, preferred_form};
use crate::http::state::service::Service;
use crate::limits;
use crate::moments::{self, Edge};
use crate::stores::AuditQuestion;
use crate::tabular::Row;

/// The filters, as they stand in the address.
#[derive(Default)]
struct Filters {
    actor: String,
    event: String,
    since: String,
    until: String,
}

impl Filters {
    fn from_request(request: &HttpRequest) -> Self {
        let text = |name: &str| {
            let text = parameter(request, name).unwrap_or_default().trim().to_owned();
            Some(text).filter(|text| text.len() <= limits::SUBJECT_BYTES && !text.contains('\0'))
        };
        Self {
            actor: text("actor").unwrap_or_default(),
            event: text("event").unwrap_or_default(),
            since: text("since").unwrap_or_default(),
            until: text("until").unwrap_or_default(),
        }
    }

    fn pairs(&self) -> [(&str, &str); 4] {
        [
            ("actor", &self.actor),
            ("event", &self.event),
            ("since", &self.since),
            ("until", &self.until),
        ]
    }

    /// The question for the store. Invalid days are ignored.
    fn question(&self, viewer: &Viewer, service: &Service) -> AuditQuestion {
        let moment =
            |text: &str, edge| moments::read(text, edge, &viewer.times.zone).map(|at| at.moment);
        let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        AuditQuestion {
            workspace: Some(viewer.workspace.name.to_string()),
            everything: service
                .workspaces
                .keys()
                .all(|name| viewer.person.workspaces.contains(name)),
            since: moment(&self.since, Edge::Start),
            until: moment(&self.until, Edge::End),
            actor: given(&self.actor),
            event: given(&self.event),
            ..AuditQuestion::default()
        }
    }
}

/// Shows the audit trail, newest first.
///
/// Parameters with an invalid value are ignored.
#[utoipa::path(
    get, path = "/audit", operation_id = "audit_page", tag = "pages",
    params(
        ("workspace" = Option<String>, Query, description = "The name of the workspace. The default is the first one of the session."),
        ("actor" = Option<String>, Query, description = "Only entries of this person or client."),
        ("event" = Option<String>, Query, description = "Only entries of this kind, such as `request` or `client.disabled`."),
        ("since" = Option<String>, Query, description = "Only entries of this day or later."),
        ("until" = Option<String>, Query, description = "Only entries until the end of this day."),
        ("before" = Option<String>, Query, description = "Only entries before this position, from the link to earlier entries."),
    ),
    responses(
        (status = 200, description = "An HTML page. Without a session, the page explains how to sign in.", content_type = "text/html", body = String),
        (status = 403, description = "The role of the session is too small.", content_type = "text/html", body = String),
        PageRefusals,
    ),
)]
pub async fn audit(request: HttpRequest, service: Data<Service>) -> Result<HttpResponse, ApiError> {
    preferred_form(&request, &[HTML])?;
    let Some(viewer) = Viewer::from_request(&request, &service).await? else {
        return Ok(page(StatusCode::OK, view::signed_out(&service)));
    };
    viewer.require(ConsoleAction::ReadAudit)?;
    let filters = Filters::from_request(&request);
    let before = parameter(&request, "before").and_then(|text| place(&service, Some(&text)).ok());
    let _turn = service.makers.console_turn().await?;
    let reader = Data::clone(&service);
    let read = service.makers.page(async move {
        let question = filters.question(&viewer, &reader);
        // One more than the page shows, to see whether there are more.
        let store = &reader.stores.audit;
        let most = limits::PAGE_AUDIT;
        let mut entries = store.newest_entries(&question, before, most as u64 + 1).await?;
        let more = entries.len() > most;
        entries.truncate(most);
        let last = entries.last().filter(|_| more);
        let earlier = last.map(|entry| cursor(&reader, entry.id)).transpose()?;
        let main = main(&viewer, &filters, &entries, earlier.as_deref());
        Ok::<_, ApiError>(layout::page(&viewer, Section::Audit, "Audit trail", &main))
    });
    Ok(page(StatusCode::OK, read.await??))
}

fn main(
    viewer: &Viewer,
    filters: &Filters,
    entries: &[AuditEntry],
    earlier: Option<&str>,
) -> Markup {
    let export = |format: &str| {
        let pairs: Vec<(&str, &str)> =
            filters.pairs().into_iter().chain([("format", format)]).collect();
        viewer.address("/audit/export", &pairs)
    };
    html! {
        h1 { "Audit trail" }
        p class="lead" { "Who requested or changed what, when, from where, and with which result." }
        (search(viewer, filters))
        @if entries.is_empty() {
            p class="empty" { "No entries match." }
        } @else {
            p { "Export these entries as " a href=(export("csv")) { "CSV" } " or " a href=(export("json")) { "JSON" } "." }
            (list(viewer, entries))
        }
        @if let Some(earlier) = earlier {
            @let pairs = filters.pairs();
            @let all: Vec<(&str, &str)> = pairs.into_iter().chain([("before", earlier)]).collect();
            p { a rel="next" href=(viewer.address("/audit", &all)) { "Earlier entries" } }
        }
    }
}

fn search(viewer: &Viewer, filters: &Filters) -> Markup {
    html! {
        form class="filters" method="get" action="/audit" role="search" aria-label="Filters" {
            input type="hidden" name="workspace" value=(viewer.workspace.name);
            label { "Person or client" input name="actor" value=(filters.actor); }
            label { "Event" input name="event" value=(filters.event) placeholder="such as request"; }
            label { "From" input type="date" name="since" value=(filters.since); }
            label { "To" input type="date" name="until" value=(filters.until); }
            div class="buttons" {
                button class="main" { "Show" }
                a href=(viewer.address("/audit", &[])) { "Reset" }
            }
        }
    }
}

fn list(viewer: &Viewer, entries: &[AuditEntry]) -> Markup {
    scrolling_table(
        "Audit trail",
        &html! {
            caption { "Newest first" }
            thead { tr {
                th scope="col" { "Time" }
                th scope="col" { "Who" }
                th scope="col" { "Event" }
                th scope="col" { "About" }
                th scope="col" { "Result" }
                th scope="col" { "From" }
            } }
            tbody {
                @for entry in entries {
                    tr {
                        td { (viewer.times.show(entry.at)) @if entry.count > 1 { div { (entry.count) " times" } } }
                        td {
                            bdi { (entry.actor.as_deref().unwrap_or("no valid token")) }
                            @if let Some(identity) = &entry.identity { div class="small" { (identity) } }
                        }
                        td {
                            (entry.event)
                            @if let Some(route) = &entry.route { div class="small" { (entry.method.as_deref().unwrap_or_default()) " " (route) } }
                        }
                        td {
                            @if let Some(target) = &entry.target { bdi { (target) } }
                            @if let Some(detail) = &entry.detail { div class="small" { bdi { (detail) } } }
                        }
                        td { @if let Some(status) = entry.status { (status) } }
                        td { (entry.address.as_deref().unwrap_or_default()) }
                    }
                }
            }
        },
    )
}

/// An entry in an export.
#[derive(Serialize)]
struct ExportedEntry {
    #[serde(with = "crate::date_time")]
    at: OffsetDateTime,
    event: String,
    workspace: Option<String>,
    actor: Option<String>,
    identity: Option<String>,
    address: Option<String>,
    method: Option<String>,
    route: Option<String>,
    target: Option<String>,
    detail: Option<String>,
    status: Option<i32>,
    count: i64,
    request_id: Option<String>,
}

impl Row for ExportedEntry {
    const COLUMNS: &'static [&'static str] = &[
        "at",
        "event",
        "workspace",
        "actor",
        "identity",
        "address",
        "method",
        "route",
        "target",
        "detail",
        "status",
        "count",
        "request_id",
    ];
}

impl From<AuditEntry> for ExportedEntry {
    fn from(entry: AuditEntry) -> Self {
        Self {
            at: entry.at,
            event: entry.event,
            workspace: entry.workspace,
            actor: entry.actor,
            identity: entry.identity,
            address: entry.address,
            method: entry.method,
            route: entry.route,
            target: entry.target,
            detail: entry.detail,
            status: entry.status,
            count: entry.count,
            request_id: entry.request_id,
        }
    }
}

/// Exports the entries that the page with the same filters lists, newest first; at most 50,000.
#[utoipa::path(
    get, path = "/audit/export", operation_id = "export_audit", tag = "pages",
    params(
        ("workspace" = Option<String>, Query, description = "The name of the workspace. The default is the first one of the session."),
        ("format" = Option<String>, Query, description = "`csv` (the default) or `json`."),
        ("actor" = Option<String>, Query, description = "As for the page `/audit`, like all its other filters."),
    ),
    responses(
        (
            status = 200, description = "The entries, with the members of `/api/v1/audit`, as CSV or JSON. Without a session, the page explains how to sign in.",
            content((String = "text/csv"), (String = "text/html")),
        ),
        (status = 403, description = "The role of the session is too small.", content_type = "text/html", body = String),
        PageRefusals,
    ),
)]
pub async fn export(
    request: HttpRequest,
    service: Data<Service>,
) -> Result<HttpResponse, ApiError> {
    let Some(viewer) = Viewer::from_request(&request, &service).await? else {
        return Ok(page(StatusCode::OK, view::signed_out(&service)));
    };
    viewer.require(ConsoleAction::ReadAudit)?;
    let filters = Filters::from_request(&request);
    let format = ExportFormat::from_request(&request);
    let turn = service.makers.console_turn().await?;
    let reader = Data::clone(&service);
    let question = filters.question(&viewer, &service);
    let read = service.makers.export(async move {
        reader.stores.audit.newest_entries(&question, None, limits::AUDIT_EXPORT).await
    });
    let rows: Vec<ExportedEntry> = read.await??.into_iter().map(ExportedEntry::from).collect();
    format.response(&request, &viewer, &service.makers, "audit", rows, turn)
}
