//! The posture: all checks whether the workspace is configured and used safely.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::export::ExportFormat;
use super::html::{PageRefusals, page, text};
use super::posture_view::{self, PostureFilters};
use super::view;
use super::viewer::Viewer;
use crate::assessment::Assessment;
use crate::http::errors::ApiError;
use crate::http::request::negotiation::{HTML, preferred_form};
use crate::http::state::service::Service;
use crate::posture::{Report, rows};
use crate::words::Words;

/// Evaluates the checks of the current state. `None` before the first import.
pub async fn report(service: &Data<Service>, viewer: &Viewer) -> Result<Option<Report>, ApiError> {
    let Some(served) = viewer.workspace.live.served() else { return Ok(None) };
    let moment = viewer.times.now;
    let assessment = Assessment {
        workspace: viewer.workspace.name.to_string(),
        moment,
        is_past: false,
        hides_people: false,
        generation: served.snapshot_id().generation,
        basis: Arc::clone(&service.posture),
    };
    let identities = Arc::clone(&viewer.workspace.identities);
    let stores = service.stores.clone();
    let made = service
        .makers
        .export(async move { assessment.evaluate(&stores, &identities, served.directory()).await });
    Ok(Some(made.await??.report))
}

fn filters(request: &HttpRequest) -> PostureFilters {
    let text = |name| text(request, name).unwrap_or_default();
    PostureFilters {
        status: Words::from_word(&text("status")),
        severity: Words::from_word(&text("severity")),
    }
}

/// Shows the checks, those that fail first.
#[utoipa::path(
    get, path = "/posture", operation_id = "posture_page", tag = "pages",
    params(
        ("workspace" = Option<String>, Query, description = "The name of the workspace. The default is the first one of the session."),
        ("status" = Option<String>, Query, description = "Only checks with this status, such as `fail`."),
        ("severity" = Option<String>, Query, description = "Only checks with this severity, such as `high`."),
    ),
    responses(
        (status = 200, description = "An HTML page. Without a session, the page explains how to sign in.", content_type = "text/html", body = String),
        PageRefusals,
    ),
)]
pub async fn posture(
    request: HttpRequest,
    service: Data<Service>,
) -> Result<HttpResponse, ApiError> {
    preferred_form(&request, &[HTML])?;
    let Some(viewer) = Viewer::from_request(&request, &service).await? else {
        return Ok(page(StatusCode::OK, view::signed_out(&service)));
    };
    let _turn = service.makers.console_turn().await?;
    let filters = filters(&request);
    let report = report(&service, &viewer).await?;
    let html = service
        .makers
        .page(async move { posture_view::posture(&viewer, filters, report.as_ref()) });
    Ok(page(StatusCode::OK, html.await?))
}

/// Exports the checks and findings that the page with the same parameters lists.
#[utoipa::path(
    get, path = "/posture/export", operation_id = "export_posture", tag = "pages",
    params(
        ("workspace" = Option<String>, Query, description = "The name of the workspace. The default is the first one of the session."),
        ("format" = Option<String>, Query, description = "`csv` (the default, with a byte order mark for spreadsheets) or `json`."),
        ("status" = Option<String>, Query, description = "As for the page `/posture`, like all its other parameters."),
    ),
    responses(
        (
            status = 200, description = "One row for each finding and for each check without findings, as CSV or JSON. Without a session, the page explains how to sign in.",
            content((String = "text/csv"), (String = "text/html")),
        ),
        PageRefusals,
    ),
)]
pub async fn export_posture(
    request: HttpRequest,
    service: Data<Service>,
) -> Result<HttpResponse, ApiError> {
    let Some(viewer) = Viewer::from_request(&request, &service).await? else {
        return Ok(page(StatusCode::OK, view::signed_out(&service)));
    };
    let turn = service.makers.console_turn().await?;
    let filters = filters(&request);
    let format = ExportFormat::from_request(&request);
    let report = report(&service, &viewer).await?;
    let rows = service.makers.export(async move {
        let report = report.map(|report| filters.apply(report));
        report.map(|report| rows(&report).collect::<Vec<_>>()).unwrap_or_default()
    });
    format.response(&request, &viewer, &service.makers, "posture", rows.await?, turn)
}
