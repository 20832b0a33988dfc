//! The posture of a workspace: all checks, as JSON and in the formats of other tools.

use std::sync::Arc;

use actix_web::body::BodySize;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::stream;
use time::OffsetDateTime;

use super::tabular::{Source, generation_at};
use crate::access::Scope;
use crate::assessment::{self, Assessment};
use crate::database::AuditEntry;
use crate::directory::Generation;
use crate::http::errors::ApiError;
use crate::http::extract::body::Body;
use crate::http::extract::caller::{Admin, Caller, PostureRead};
use crate::http::extract::freshness;
use crate::http::request::context::RequestContext;
use crate::http::request::negotiation::{JSON, LINES, preferred_form};
use crate::http::request::parameters::{Parameters, wrong};
use crate::http::response::chunks::{Chunks, Unfinished, split_at_list};
use crate::http::response::table::CSV;
use crate::http::wire::{
    ApiRefusals, BodyRefusals, ParameterRefusals, PastRefusals, PostureParameters,
    PostureRecordBody, PostureRecorded, Problem,
};
use crate::posture::{
    Act, CheckId, Format, OcsfPer, Report, Status, Suppressed, changed, ocsf, rows, sarif,
};

/// The media type of SARIF (OASIS SARIF 2.1.0, appendix).
const SARIF: &str = "application/sarif+json";

/// The parameters.
const NAMES: [&str; 8] =
    ["as_of", "tz", "check", "status", "format", "per", "suppressed", "changed_since"];

/// Evaluates all checks of the posture.
///
/// Each check has a status: `pass`, `fail`, `review` (a person should look at it), `manual` (no
/// source shows the answer), `unknown` (a source that shows the answer did not show it this time)
/// or `not_applicable`. There is no score. `format` has priority over `Accept`. NDJSON and CSV have
/// one row for each finding, and one for each check without findings. OCSF is NDJSON of Compliance
/// Findings (class 2003, version 1.8.0).
#[utoipa::path(
    get, path = "/api/v1/posture", operation_id = "get_posture", tag = "posture",
    params(PostureParameters),
    responses(
        (
            status = 200, description = "The report.",
            content(
                (Report = "application/json"),
                (String = "text/csv"),
                (String = "application/x-ndjson"),
                (serde_json::Value = "application/sarif+json"),
            ),
        ),
        (status = 429, description = "The client has too many exports in progress, or exceeds its rate limit. `Retry-After` says when to try again.", content_type = "application/problem+json", body = Problem),
        ParameterRefusals,
        PastRefusals,
        ApiRefusals,
    ),
)]
pub async fn get(
    request: HttpRequest,
    caller: Caller<PostureRead>,
) -> Result<HttpResponse, ApiError> {
    let parameters = Parameters::parse(&request, &NAMES)?;
    let format = match parameters.one_of::<Format>("format")? {
        Some(format) => format,
        None => match preferred_form(&request, &[JSON, CSV, LINES, SARIF])? {
            CSV => Format::Csv,
            LINES => Format::Ndjson,
            SARIF => Format::Sarif,
            _ => Format::Json,
        },
    };
    let per = parameters.one_of("per")?.unwrap_or(OcsfPer::Check);
    let suppressed = parameters.one_of("suppressed")?.unwrap_or(Suppressed::Keep);
    let check = parameters.one_of::<CheckId>("check")?;
    let status = parameters.one_of::<Status>("status")?;
    let now = caller.service.clock.now();
    let before = parameters.moment("changed_since", crate::moments::Edge::Start)?;
    if before.is_some_and(|before| before > now) {
        return Err(wrong("changed_since must not be in the future".to_owned()));
    }
    let turn = caller.service.makers.export_turn(&caller.principal.allowance).await?;
    let mut report = match parameters.as_of(now)? {
        Some(moment) => at(&caller, moment).await?,
        None => current(&request, &caller).await?,
    };
    if let Some(before) = before {
        let before = at(&caller, before).await?;
        report.changed = Some(changed(&before, &report));
    }
    let report = report.only(check, status);
    let (media_type, chunks) = body(report, format, per, suppressed)?;
    let body = caller.service.makers.stream(&request, turn, BodySize::Stream, stream::iter(chunks));
    Ok(HttpResponse::Ok().content_type(media_type).body(body))
}

/// Records an exception, an answer to a manual check, or the revocation of one of them.
///
/// Records are appended, never changed. Each is in the audit trail. An exception and an answer end
/// after at most 365 days.
#[utoipa::path(
    post, path = "/api/v1/posture/records", operation_id = "record_posture", tag = "posture",
    request_body = PostureRecordBody,
    responses(
        (status = 201, description = "It is recorded.", body = PostureRecorded),
        (status = 400, description = "The body is invalid.", content_type = "application/problem+json", body = Problem),
        BodyRefusals,
        ApiRefusals,
    ),
)]
pub async fn record(
    request: HttpRequest,
    caller: Caller<Admin>,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    preferred_form(&request, &[JSON])?;
    let act: Act = serde_json::from_slice(&body.0).map_err(|_| wrong(RECORD.to_owned()))?;
    let now = caller.service.clock.now();
    let stores = &caller.service.stores;
    let workspace = &*caller.workspace.name;
    let records = assessment::recorded(stores, workspace, None).await?;
    act.check(&records, now).map_err(|error| wrong(error.to_string()))?;
    let (event, target) = act.event();
    let principal = &caller.principal;
    let value = serde_json::to_value(&act).map_err(|_| ApiError::Internal)?;
    let recorded = RequestContext::audit_entry(event, now);
    let entry = |number: i64| {
        vec![AuditEntry {
            workspace: Some(workspace.to_owned()),
            actor: Some(principal.subject.clone()),
            identity: Some(principal.identity.clone()),
            target: target.or_else(|| Some(number.to_string())),
            ..recorded
        }]
    };
    let number = stores.posture.record(workspace, now, &principal.subject, value, entry).await?;
    Ok(HttpResponse::Created().json(PostureRecorded { number, at: now }))
}

/// What a body must be.
const RECORD: &str = "the body must be a JSON object with `kind`: `exception` with check, subject, \
    reason_code, reason, until and perhaps ticket; `answer` with check, status, note and until; or \
    `revocation` with number";

/// The chunks of a body. Each is made when it is due.
type BodyChunks = Box<dyn Iterator<Item = Result<Bytes, Unfinished>> + Send>;

fn body(
    report: Report,
    format: Format,
    per: OcsfPer,
    suppressed: Suppressed,
) -> Result<(&'static str, BodyChunks), ApiError> {
    if format == Format::Json {
        return Ok((JSON, json_chunks(report)?));
    }
    let report = Arc::new(report);
    Ok(match format {
        Format::Csv => (CSV, Box::new(Chunks::table(false, rows(report))?)),
        Format::Ocsf => (LINES, Box::new(Chunks::lines(ocsf(report, per)))),
        Format::Sarif => {
            let document = move || serde_json::to_vec(&sarif(&report, suppressed));
            let chunk = move || document().map(Bytes::from).map_err(|_| Unfinished::Row);
            (SARIF, Box::new(std::iter::once_with(chunk)))
        }
        Format::Json | Format::Ndjson => (LINES, Box::new(Chunks::lines(rows(report)))),
    })
}

/// The report as the bridge's own JSON. The findings of each check are written one by one.
fn json_chunks(mut report: Report) -> Result<BodyChunks, ApiError> {
    let checks = std::mem::take(&mut report.checks);
    let (head, tail) = split_at_list(&report, "checks")?;
    let checks = checks.into_iter().enumerate().flat_map(|(place, mut check)| {
        let findings = std::mem::take(&mut check.findings);
        let comma = (place > 0).then(|| Ok(Bytes::from_static(b",")));
        let chunks: BodyChunks = match Chunks::list(&check, "findings", findings.into_iter()) {
            Ok(chunks) => Box::new(chunks),
            Err(_) => Box::new(std::iter::once(Err(Unfinished::Row))),
        };
        comma.into_iter().chain(chunks)
    });
    let ends = |bytes: Vec<u8>| std::iter::once(Ok(Bytes::from(bytes)));
    Ok(Box::new(ends(head).chain(checks).chain(ends(tail))))
}

/// The report of the current state.
async fn current(request: &HttpRequest, caller: &Caller<PostureRead>) -> Result<Report, ApiError> {
    let served = freshness::served(request, caller).await?.served;
    let generation = served.snapshot_id().generation;
    let moment = caller.service.clock.now();
    let assessment = Assessment { is_past: false, ..assessment(caller, moment, generation) };
    evaluated(caller, Source::Served(served), assessment).await
}

/// The report of a past moment.
async fn at(caller: &Caller<PostureRead>, moment: OffsetDateTime) -> Result<Report, ApiError> {
    let generation = generation_at(caller, moment).await?;
    let workspace = Arc::clone(&caller.workspace);
    let read = async move { workspace.past.at(generation).await };
    let directory = caller.service.makers.export(read).await??;
    evaluated(caller, Source::Past(directory), assessment(caller, moment, generation)).await
}

fn assessment(
    caller: &Caller<PostureRead>,
    moment: OffsetDateTime,
    generation: Generation,
) -> Assessment {
    Assessment {
        workspace: caller.workspace.name.to_string(),
        moment,
        is_past: true,
        // What the roster says about a person needs a scope of its own.
        hides_people: !caller.principal.scopes.contains(&Scope::RosterRead),
        generation,
        basis: Arc::clone(&caller.service.posture),
    }
}

/// Evaluates the checks on an export thread.
async fn evaluated(
    caller: &Caller<PostureRead>,
    source: Source,
    assessment: Assessment,
) -> Result<Report, ApiError> {
    let service = Data::clone(&caller.service);
    let identities = Arc::clone(&caller.workspace.identities);
    let made = caller.service.makers.export(async move {
        assessment.evaluate(&service.stores, &identities, source.directory()).await
    });
    Ok(made.await??.report)
}
