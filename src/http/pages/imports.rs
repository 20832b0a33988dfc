//! Imports: their history, starting one, and what to do with a held one.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use maud::{Markup, html};

use super::acting::{Acting, KeepImport, ReleaseImport, StartImport};
use super::form::{Notice, acting_form, notice};
use super::format::number;
use super::held::{Held, KEPT, panel};
use super::html::{PageRefusals, page, parameter};
use super::layout::{self, Section, scrolling_table};
use super::viewer::Viewer;
use super::{denied, view};
use crate::console::ConsoleAction;
use crate::directory::{ImportRequest, Mode, Run, RunId, RunStatus, Trigger};
use crate::http::errors::ApiError;
use crate::http::request::negotiation::{HTML, preferred_form};
use crate::http::state::service::Service;
use crate::http::wire::BodyRefusals;
use crate::ledger::LedgerError;
use crate::limits;

/// Shows the imports of a workspace, newest first. A held import is shown first, with the names of
/// the people whom it would remove.
#[utoipa::path(
    get, path = "/imports", operation_id = "imports_page", tag = "pages",
    params(
        ("workspace" = Option<String>, Query, description = "The name of the workspace. The default is the first one of the session."),
        ("before" = Option<String>, Query, description = "Only imports before this one, by number."),
    ),
    responses(
        (status = 200, description = "An HTML page. Without a session, the page explains how to sign in.", content_type = "text/html", body = String),
        PageRefusals,
    ),
)]
pub async fn imports(
    request: HttpRequest,
    service: Data<Service>,
) -> Result<HttpResponse, ApiError> {
    preferred_form(&request, &[HTML])?;
    let Some(viewer) = Viewer::from_request(&request, &service).await? else {
        return Ok(page(StatusCode::OK, view::signed_out(&service)));
    };
    let before = parameter(&request, "before").and_then(|text| text.parse::<RunId>().ok());
    let held = Held::load(&service, &viewer.workspace.name).await?;
    let notice = notice(&request);
    let _turn = service.makers.console_turn().await?;
    let ledger = service.stores.ledger.clone();
    let workspace = Arc::clone(&viewer.workspace.name);
    let read = service.makers.page(async move {
        // One more than the page shows, to see whether there are more.
        let mut runs = ledger.runs(&workspace, before, limits::PAGE_IMPORTS + 1).await?;
        let shown = usize::try_from(limits::PAGE_IMPORTS).unwrap_or(usize::MAX);
        let more = runs.len() > shown;
        runs.truncate(shown);
        let main = html! {
            h1 { "Imports" }
            (notice)
            @if let Some(held) = &held { (panel(&viewer, held)) }
            (start_form(&viewer))
            (history(&viewer, &runs))
            @if let Some(last) = runs.last().filter(|_| more) {
                p { a rel="next" href=(viewer.address("/imports", &[("before", &last.id.to_string())])) { "Earlier imports" } }
            }
        };
        Ok::<_, LedgerError>(layout::page(&viewer, Section::Imports, "Imports", &main))
    });
    Ok(page(StatusCode::OK, read.await??))
}

fn start_form(viewer: &Viewer) -> Markup {
    let fields = html! {
        label for="mode" { "Mode" }
        select id="mode" name="mode" {
            option value="incremental" { "Incremental: people, teams and recent activity" }
            option value="full" { "Full: also the older activity" }
        }
        button { "Start an import" }
    };
    acting_form(viewer, ConsoleAction::StartImport, "/imports/start", &fields)
}

fn history(viewer: &Viewer, runs: &[Run]) -> Markup {
    html! {
        @if runs.is_empty() {
            p class="empty" { "No import has run yet. The bridge imports by itself soon after its start." }
        } @else {
            (scrolling_table("Imports", &html! {
                caption { "Newest first" }
                thead { tr {
                    th scope="col" class="number" { "Number" }
                    th scope="col" { "Began" }
                    th scope="col" { "Mode" }
                    th scope="col" { "Started by" }
                    th scope="col" { "Result" }
                    th scope="col" { "Changes" }
                } }
                tbody { @for run in runs { (row(viewer, run)) } }
            }))
        }
    }
}

fn row(viewer: &Viewer, run: &Run) -> Markup {
    let class = match run.status {
        RunStatus::Succeeded => "good",
        RunStatus::Queued | RunStatus::Running => "",
        RunStatus::Held | RunStatus::Interrupted => "warn",
        RunStatus::Failed => "bad",
    };
    html! {
        tr {
            td class="number" { (run.id) }
            td { (viewer.times.show(run.started_at)) }
            td { (run.mode) }
            td {
                (run.trigger)
                @if let Some(by) = &run.requested_by { div { bdi { (by) } } }
            }
            td {
                span class=(class) { (run.status) }
                @if run.allow_removals { " (released)" }
                @if let Some(error) = &run.error { div { (error.detail) } }
                @if !run.warnings.is_empty() { div { (number(run.warnings.len())) " warnings" } }
            }
            td { (changes(run)) }
        }
    }
}

/// What an import changed, or would have changed, in words.
fn changes(run: &Run) -> String {
    let counts = &run.counts;
    let memberships =
        counts.memberships_created + counts.memberships_updated + counts.memberships_removed;
    let parts = [
        (counts.users_created + counts.users_restored, "joined"),
        (counts.users_removed, "left"),
        (counts.users_updated, "changed"),
        (counts.groups_created + counts.groups_updated + counts.groups_removed, "teams"),
        (memberships, "memberships"),
    ];
    let parts = parts.iter().filter(|(count, _)| *count > 0);
    let words: Vec<String> =
        parts.map(|(count, what)| format!("{} {what}", number(*count))).collect();
    match (words.is_empty(), run.status) {
        (true, RunStatus::Succeeded) => "none".to_owned(),
        (true, _) => "—".to_owned(),
        (false, RunStatus::Held) => format!("would be: {}", words.join(", ")),
        (false, _) => words.join(", "),
    }
}

/// Starts an import.
#[utoipa::path(
    post, path = "/imports/start", operation_id = "start_import_page", tag = "pages",
    params(("workspace" = String, Query, description = "The name of the workspace.")),
    request_body(content = String, content_type = "application/x-www-form-urlencoded", description = "The form fields `csrf` and `mode` (`full` or `incremental`)."),
    responses(
        (status = 303, description = "Redirects to the list of imports."),
        (status = 403, description = "No session, no token of the session, or too small a role.", content_type = "text/html", body = String),
        PageRefusals,
        BodyRefusals,
    ),
)]
pub async fn start(acting: Acting<StartImport>) -> Result<HttpResponse, ApiError> {
    let mode = acting.form.word::<Mode>("mode").unwrap_or(Mode::Incremental);
    let run = queue(&acting, mode, false).await?;
    let detail = Some(format!("mode {mode}"));
    acting.record(acting.event("import.started", &run.id.to_string(), detail)).await?;
    Ok(acting.done("/imports", Notice::ImportStarted))
}

/// Releases a held import: starts a full import that may remove any number of people.
#[utoipa::path(
    post, path = "/imports/release", operation_id = "release_import", tag = "pages",
    params(("workspace" = String, Query, description = "The name of the workspace.")),
    request_body(content = String, content_type = "application/x-www-form-urlencoded", description = "The form fields `csrf`, `seen` (what the person saw) and `checked` (`yes`)."),
    responses(
        (status = 303, description = "Redirects to the list of imports."),
        (status = 400, description = "No import is held, or it would remove something else than the person saw.", content_type = "text/html", body = String),
        (status = 403, description = "No session, no token of the session, or too small a role.", content_type = "text/html", body = String),
        PageRefusals,
        BodyRefusals,
    ),
)]
pub async fn release(acting: Acting<ReleaseImport>) -> Result<HttpResponse, ApiError> {
    if acting.form.text("checked") != Some("yes") {
        return Err(denied::invalid("Compare the list with Intercom, and tick that you did."));
    }
    let held = seen(&acting).await?;
    let run = queue(&acting, Mode::Full, true).await?;
    let detail = Some(format!("held import {}, {}", held.run.id, held.digest()));
    acting.record(acting.event("import.released", &run.id.to_string(), detail)).await?;
    Ok(acting.done("/imports", Notice::ImportReleased))
}

/// Records the decision to keep what a held import would remove.
#[utoipa::path(
    post, path = "/imports/keep", operation_id = "keep_import", tag = "pages",
    params(("workspace" = String, Query, description = "The name of the workspace.")),
    request_body(content = String, content_type = "application/x-www-form-urlencoded", description = "The form fields `csrf` and `seen` (what the person saw)."),
    responses(
        (status = 303, description = "Redirects to the list of imports."),
        (status = 400, description = "No import is held, or it would remove something else than the person saw.", content_type = "text/html", body = String),
        (status = 403, description = "No session, no token of the session, or too small a role.", content_type = "text/html", body = String),
        PageRefusals,
        BodyRefusals,
    ),
)]
pub async fn keep(acting: Acting<KeepImport>) -> Result<HttpResponse, ApiError> {
    let held = seen(&acting).await?;
    acting.record(acting.event(KEPT, &held.run.id.to_string(), Some(held.digest()))).await?;
    Ok(acting.done("/imports", Notice::ImportKept))
}

/// The held import, if it would remove exactly what the person saw.
async fn seen<A>(acting: &Acting<A>) -> Result<Held, ApiError> {
    let held = Held::load(&acting.service, &acting.viewer.workspace.name).await?;
    let held = held.ok_or_else(|| {
        denied::invalid("No import is held any more. Load the page again to see the last import.")
    })?;
    if acting.form.text("seen") == Some(&*held.digest()) {
        Ok(held)
    } else {
        Err(denied::invalid(
            "A later import would remove something else than you saw. Load the page again and check the list.",
        ))
    }
}

async fn queue<A>(acting: &Acting<A>, mode: Mode, all: bool) -> Result<Run, ApiError> {
    let import = ImportRequest {
        mode,
        trigger: Trigger::Api,
        requested_by: Some(acting.viewer.person.name.clone()),
        allow_removals: all,
    };
    let workspace = &acting.viewer.workspace;
    let ledger = &acting.service.stores.ledger;
    let run = ledger.queue_run(&workspace.name, &import, &acting.service.clock).await?;
    workspace.nudge.serve_queue();
    Ok(run)
}
