//! Decisions about accounts: whose they are, and which class they have.

use std::collections::HashSet;
use std::sync::Arc;

use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::Json;
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use super::author;
use crate::access::Scope;
use crate::http::errors::ApiError;
use crate::http::extract::body::{Body, parse_object, text_of_at_most};
use crate::http::extract::caller::{Caller, RosterRead, RosterWrite};
use crate::http::request::negotiation::{JSON, preferred_form};
use crate::http::request::parameters::{Parameters, wrong};
use crate::http::response::chunks::Chunks;
use crate::http::response::page;
use crate::http::wire::{
    ApiRefusals, BodyRefusals, DecisionParameters, ParameterRefusals, Problem,
};
use crate::identities::{IdentityError, NewDecision, NewVerdict};
use crate::limits;
use crate::moments::{self, Edge};
use crate::roster::{Class, DecisionId, DecisionKind, DecisionRow};
use crate::words::Words;

/// A page of decisions.
#[derive(Serialize, ToSchema)]
pub struct DecisionList {
    /// The items, newest first.
    items: Vec<DecisionRow>,
    /// The URL of the page with earlier items; null on the last page.
    next: Option<String>,
    /// The number of items on this page and later pages.
    total: usize,
    /// The maximum number of items of this page: the `limit` of the request, at most 1000.
    limit: usize,
}

/// A decision to record. Who decides is taken from the token.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
pub struct DecisionToRecord {
    /// The account: its id (`adm_…`) or its address.
    #[validate(custom(function = "text_of_at_most::<{ limits::SUBJECT_BYTES }>"))]
    account: String,
    /// What is decided: `is`, `is_not` or `class`.
    #[schema(value_type = DecisionKind)]
    kind: String,
    /// For `is` and `is_not`: the person, by key, employee number, id or address.
    #[validate(custom(function = "text_of_at_most::<{ limits::SUBJECT_BYTES }>"))]
    person: Option<String>,
    /// For `class`: the class.
    #[schema(value_type = Option<Class>)]
    class: Option<String>,
    /// For the class `service`: the responsible person, by key or address.
    #[validate(custom(function = "text_of_at_most::<{ limits::SUBJECT_BYTES }>"))]
    owner: Option<String>,
    /// The reason, in one sentence. At most 1,000 characters.
    #[validate(custom(function = "text_of_at_most::<{ limits::COMMENT_BYTES }>"))]
    why: String,
    /// Until when: a moment, or a day that is included, at most 365 days ahead. Required for
    /// `is_not` and `class`.
    until: Option<String>,
}

/// Lists the decisions about accounts, newest first.
#[utoipa::path(
    get, path = "/api/v1/roster/decisions", operation_id = "list_decisions", tag = "roster",
    params(DecisionParameters),
    responses(
        (
            status = 200, description = "Decisions, newest first. CSV has a header row. For CSV and NDJSON, the URL of the next page is in `Link`.",
            content((DecisionList = "application/json"), (String = "application/x-ndjson"), (String = "text/csv")),
        ),
        ParameterRefusals,
        ApiRefusals,
    ),
)]
pub async fn list(
    request: HttpRequest,
    caller: Caller<RosterRead>,
) -> Result<HttpResponse, ApiError> {
    let parameters = Parameters::parse(&request, &["limit", "before"])?;
    let before = parameters.number("before", 1..=i64::MAX.unsigned_abs(), u64::MAX)?;
    let limit = parameters.limit()?;
    let service = &caller.service;
    let turn = service.makers.page_turn(&caller.principal.allowance).await?;
    let identities = Arc::clone(&caller.workspace.identities);
    let read = service.makers.page(async move { identities.decisions().await });
    let mut rows = read.await??;
    rows.retain(|row| row.id < before);
    let total = rows.len();
    rows.truncate(limit);
    let oldest = rows.last().filter(|_| total > rows.len()).map(|row| row.id.to_string());
    let next = oldest.map(|oldest| {
        let changed = [("before", oldest), ("limit", limit.to_string())];
        parameters.link(&request, &service.origin.url(), &changed)
    });
    let list = DecisionList { items: Vec::new(), next: next.clone(), total, limit };
    page::answer(&request, HttpResponse::Ok(), &service.makers, turn, rows, next.as_deref(), &list)
        .await
}

/// Records a decision about an account, or many from a CSV.
///
/// A CSV has the columns `account`, `person`, `why` and `until`. All of its decisions are recorded,
/// or none. A decision is never changed: a newer one about the same account takes its place.
#[utoipa::path(
    post, path = "/api/v1/roster/decisions", operation_id = "record_decisions", tag = "roster",
    request_body(content((DecisionToRecord = "application/json"), (String = "text/csv"))),
    responses(
        (status = 201, description = "The recorded decisions.", body = [DecisionRow]),
        (status = 400, description = "The decision cannot be recorded.", content_type = "application/problem+json", body = Problem),
        BodyRefusals,
        ApiRefusals,
    ),
)]
pub async fn record(
    request: HttpRequest,
    caller: Caller<RosterWrite>,
    body: Body<{ limits::DECISIONS_BYTES }>,
) -> Result<HttpResponse, ApiError> {
    preferred_form(&request, &[JSON])?;
    let identities = Arc::clone(&caller.workspace.identities);
    let served = caller.workspace.live.served().ok_or(ApiError::NotReady)?;
    let author = author(&caller);
    let new =
        if is_csv(&request) { None } else { Some(parse(&body.0, &identities.options().zone)?) };
    let turn = caller.service.makers.page_turn(&caller.principal.allowance).await?;
    let recorded = caller.service.makers.page(async move {
        let ids: HashSet<DecisionId> = if let Some(new) = new {
            [identities.decide(new, &author, served.directory()).await?].into()
        } else {
            let ids = identities.import_decisions(&body.0, &author, served.directory());
            ids.await?.into_iter().collect()
        };
        let mut rows = identities.decisions().await?;
        rows.retain(|row| ids.contains(&row.id));
        Ok::<_, IdentityError>(rows)
    });
    let rows = recorded.await??.into_iter().map(|row| shown_to(&caller, row));
    let rows: Vec<DecisionRow> = rows.collect();
    let body = caller.service.makers.body(turn, Chunks::array(rows.into_iter())).await?;
    Ok(HttpResponse::Created().content_type(JSON).body(body))
}

/// Returns a decision as the client may see it. `roster.write` does not include `roster.read`.
fn shown_to(caller: &Caller<RosterWrite>, row: DecisionRow) -> DecisionRow {
    if caller.principal.scopes.contains(&Scope::RosterRead) {
        return row;
    }
    DecisionRow { person_key: None, owner: None, why: String::new(), ..row }
}

/// Revokes a decision.
#[utoipa::path(
    post, path = "/api/v1/roster/decisions/{id}/revoke", operation_id = "revoke_decision", tag = "roster",
    params(("id" = u64, Path, description = "The number of the decision.")),
    responses(
        (status = 200, description = "The revoked decision.", body = DecisionRow),
        (status = 409, description = "The decision was revoked before.", content_type = "application/problem+json", body = Problem),
        ApiRefusals,
    ),
)]
pub async fn revoke(
    request: HttpRequest,
    caller: Caller<RosterWrite>,
) -> Result<Json<DecisionRow>, ApiError> {
    preferred_form(&request, &[JSON])?;
    let id = request.match_info().get("id").and_then(|text| text.parse::<u64>().ok());
    let id = id.ok_or_else(|| ApiError::NotFound { what: "this decision".to_owned() })?;
    let identities = Arc::clone(&caller.workspace.identities);
    let author = author(&caller);
    let _reading = caller.principal.allowance.expensive().await.map_err(ApiError::TooMany)?;
    let revoked = caller.service.makers.page(async move {
        identities.revoke(id, &author).await?;
        let rows = identities.decisions().await?;
        let row = rows.into_iter().find(|row| row.id == id);
        row.ok_or(IdentityError::NoSuchDecision(id))
    });
    Ok(Json(shown_to(&caller, revoked.await??)))
}

fn is_csv(request: &HttpRequest) -> bool {
    let kind = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    kind.is_some_and(|kind| kind.trim().to_ascii_lowercase().starts_with("text/csv"))
}

fn parse(body: &[u8], zone: &moments::Zone) -> Result<NewDecision, ApiError> {
    let said: DecisionToRecord = parse_object(body, DECISION)?;
    let kind = DecisionKind::from_word(&said.kind)
        .ok_or_else(|| wrong(format!("kind must be one of {}", DecisionKind::list())))?;
    let person = || {
        let person = said.person.clone().filter(|person| !person.trim().is_empty());
        person.ok_or_else(|| wrong(format!("person is required for the kind {kind}")))
    };
    let is_for_class = said.class.is_some() || said.owner.is_some();
    let verdict = match kind {
        DecisionKind::Is | DecisionKind::IsNot if is_for_class => {
            return Err(wrong("class and owner are only for the kind class".to_owned()));
        }
        DecisionKind::Is => NewVerdict::Is(person()?),
        DecisionKind::IsNot => NewVerdict::IsNot(person()?),
        DecisionKind::Class if said.person.is_some() => {
            return Err(wrong("person is only for the kinds is and is_not".to_owned()));
        }
        DecisionKind::Class => {
            let class = said.class.as_deref().and_then(Class::from_word);
            let class = class.ok_or_else(|| {
                wrong("class must be one of employee, contractor, service, unknown".to_owned())
            })?;
            NewVerdict::Class { class, owner: said.owner }
        }
    };
    let until = said.until.as_deref().filter(|text| !text.trim().is_empty());
    let until = until.map(|text| {
        let read = moments::read(text, Edge::End, zone).map(|read| read.moment);
        read.ok_or_else(|| wrong(format!("until must be {}", moments::FORMS)))
    });
    Ok(NewDecision { account: said.account, verdict, why: said.why, until: until.transpose()? })
}

const DECISION: &str = r#"the body must be JSON such as {"account": "adm_1", "kind": "is", "person": "00123", "why": "…"}"#;
