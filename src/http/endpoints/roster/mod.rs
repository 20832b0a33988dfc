//! The roster: its versions and their import. `views` has whose account it is, and `decisions` what
//! people decided about accounts.

pub mod decisions;
pub mod views;

use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::web::{Json, Payload};

use crate::http::errors::ApiError;
use crate::http::extract::body::read_body;
use crate::http::extract::caller::{Caller, RosterRead, RosterWrite};
use crate::http::request::context::RequestContext;
use crate::http::request::negotiation::{JSON, preferred_form};
use crate::http::request::parameters::{Parameters, wrong};
use crate::http::wire::{
    ApiRefusals, BodyRefusals, ParameterRefusals, Problem, RosterImport, RosterImportParameters,
    RosterStatus, RosterVersion,
};
use crate::identities::{Author, Import, Shown};
use crate::limits;
use crate::roster::RequestedFormat;

/// Returns the versions of the roster, and what the one in force means for the accounts.
#[utoipa::path(
    get, path = "/api/v1/roster", operation_id = "roster", tag = "roster",
    responses((status = 200, description = "The roster.", body = RosterStatus), ApiRefusals),
)]
pub async fn status(
    request: HttpRequest,
    caller: Caller<RosterRead>,
) -> Result<Json<RosterStatus>, ApiError> {
    preferred_form(&request, &[JSON])?;
    let identities = Arc::clone(&caller.workspace.identities);
    let served = caller.workspace.live.served().ok_or(ApiError::NotReady)?;
    let _reading = caller.principal.allowance.expensive().await.map_err(ApiError::TooMany)?;
    let read = caller.service.makers.page(async move {
        let overview = identities.overview(Shown { directory: served.directory(), as_of: None });
        Ok::<_, ApiError>(RosterStatus::new(&identities, overview.await?))
    });
    Ok(Json(read.await??))
}

/// Imports a list of people as the next version of the roster: CSV, JSON or NDJSON.
///
/// The list is read whole; nothing is merged row by row. A list with an error is refused, and the
/// version in force stays. A version that loses too many people, addresses or matched accounts is
/// held until a person accepts it. The body may have 64 MiB and 200,000 rows.
#[utoipa::path(
    put, path = "/api/v1/roster", operation_id = "import_roster", tag = "roster",
    params(RosterImportParameters),
    request_body(
        content((String = "text/csv"), (String = "application/json"), (String = "application/x-ndjson")),
        description = "The list of people.",
    ),
    responses(
        (status = 200, description = "What was understood, and what became of it.", body = RosterImport),
        (status = 409, description = "The setting `roster.complete` is missing.", content_type = "application/problem+json", body = Problem),
        ParameterRefusals,
        BodyRefusals,
        ApiRefusals,
    ),
)]
pub async fn import(
    request: HttpRequest,
    caller: Caller<RosterWrite>,
    body: Payload,
) -> Result<Json<RosterImport>, ApiError> {
    preferred_form(&request, &[JSON])?;
    let parameters = Parameters::parse(&request, &["format", "source", "dry_run"])?;
    let format = format(parameters.text("format"))?;
    let source = source(parameters.text("source"))?;
    let dry_run = parameters.flag("dry_run")?;
    let service = &caller.service;
    let workspace = &caller.workspace;
    let served = workspace.live.served().ok_or(ApiError::NotReady)?;
    // A body stays in memory, so each client sends one at a time.
    let _sending = caller.principal.allowance.export().await.map_err(ApiError::TooMany)?;
    let bytes = read_body(body, service, limits::ROSTER_BYTES, limits::ROSTER_WAIT).await?;
    // An import needs much memory, so there is one at a time. It waits for its turn only after the
    // body was read, so that a slow client does not keep the others waiting.
    let turn = service
        .clock
        .within(limits::EXPENSIVE_WAIT, Arc::clone(&service.roster_imports).acquire_owned())
        .await
        .and_then(Result::ok)
        .ok_or_else(|| ApiError::Unavailable {
            why: "another roster is being imported; try again shortly".to_owned(),
        })?;
    let author = author(&caller);
    let identities = Arc::clone(&workspace.identities);
    let imported = service.makers.export(async move {
        let _turn = turn;
        let import = Import { bytes: &bytes, source: &source, format, dry_run, is_pulled: false };
        identities.import(import, &author, served.directory()).await
    });
    let report = imported.await??;
    let refusal = refusal(&report.errors, report.error_count);
    RosterImport::new(report).map(Json).ok_or(refusal)
}

/// The refusal of a list with errors. It names lines and columns, and never a cell.
fn refusal(errors: &[String], count: usize) -> ApiError {
    const SHOWN: usize = 20;
    let mut sentences: Vec<&str> = errors.iter().take(SHOWN).map(String::as_str).collect();
    let more = format!("and {} more errors", count.saturating_sub(SHOWN));
    if count > SHOWN {
        sentences.push(&more);
    }
    ApiError::Problem {
        status: StatusCode::BAD_REQUEST,
        code: "invalid_roster",
        detail: format!("nothing was imported: {}", sentences.join("; ")),
    }
}

fn format(text: Option<&str>) -> Result<RequestedFormat, ApiError> {
    match text {
        None | Some("auto") => Ok(RequestedFormat::Auto),
        Some("csv") => Ok(RequestedFormat::Csv),
        Some("json" | "ndjson") => Ok(RequestedFormat::Json),
        Some(_) => Err(wrong("format must be one of auto, csv, json, ndjson".to_owned())),
    }
}

fn source(text: Option<&str>) -> Result<String, ApiError> {
    let text = text.unwrap_or("api").trim();
    let most = limits::NAME_CHARACTERS;
    let is_name = (1..=most).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    is_name.then(|| text.to_owned()).ok_or_else(|| {
        wrong(format!("source must have 1 to {most} characters, and no line breaks"))
    })
}

/// Puts a held version in force.
#[utoipa::path(
    post, path = "/api/v1/roster/versions/{version}/accept", operation_id = "accept_roster", tag = "roster",
    params(("version" = u64, Path, description = "The number of the version.")),
    responses(
        (status = 200, description = "The versions, newest first.", body = [RosterVersion]),
        (status = 409, description = "The version is not held, or another version came into force after it was compared.", content_type = "application/problem+json", body = Problem),
        ApiRefusals,
    ),
)]
pub async fn accept(
    request: HttpRequest,
    caller: Caller<RosterWrite>,
) -> Result<Json<Vec<RosterVersion>>, ApiError> {
    preferred_form(&request, &[JSON])?;
    let version = request.match_info().get("version").and_then(|text| text.parse().ok());
    let version = version.ok_or_else(|| ApiError::NotFound { what: "this version".to_owned() })?;
    let identities = &caller.workspace.identities;
    identities.accept(version, &author(&caller)).await?;
    let versions = identities.store().versions(identities.workspace()).await?;
    Ok(Json(versions.into_iter().map(RosterVersion::from).collect()))
}

/// The client, as author of what it does.
fn author<S>(caller: &Caller<S>) -> Author {
    let entry = RequestContext::audit_entry("", caller.service.clock.now());
    let principal = &caller.principal;
    Author {
        by: principal.subject.clone(),
        entry: crate::database::AuditEntry {
            actor: Some(principal.subject.clone()),
            identity: Some(principal.identity.clone()),
            ..entry
        },
    }
}
