//! The views of the roster: whose account it is, and what an auditor should look at.

use std::future::Future;
use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::date_time;
use crate::http::endpoints::table_request::TableRequest;
use crate::http::endpoints::tabular::{Source, generation_at};
use crate::http::errors::ApiError;
use crate::http::extract::caller::{Caller, RosterRead};
use crate::http::extract::freshness;
use crate::http::response::page;
use crate::http::wire::{ApiRefusals, ParameterRefusals, PastRefusals, RosterViewParameters};
use crate::identities::{Assessment, Identities, IdentityError, Overview, Shown};
use crate::ledger::LedgerError;
use crate::roster::{Identity, Ownerless, TerminatedActive, UnmatchedAccount};
use crate::tabular::Row;

/// Defines the page of a view.
macro_rules! page {
    ($(#[doc = $about:literal])* $name:ident of $row:ty) => {
        $(#[doc = $about])*
        #[derive(Serialize, ToSchema)]
        pub struct $name {
            items: Vec<$row>,
            /// The URL of the next page of the same list; null on the last page.
            next: Option<String>,
            /// The number of items on all pages.
            total: usize,
            /// The maximum number of items of this page: the `limit` of the request, at most 1000.
            limit: usize,
            /// The version of the roster.
            roster_version: u64,
            /// The generation of the directory.
            generation: i64,
            /// The number of the newest decision or revocation; 0 without one.
            decisions_version: u64,
            /// What to know about the roster, such as that it is old; empty if there is nothing.
            warnings: Vec<String>,
        }

        impl From<Head> for $name {
            fn from(head: Head) -> Self {
                Self {
                    items: Vec::new(),
                    next: head.next,
                    total: head.total,
                    limit: head.limit,
                    roster_version: head.assessment.versions.roster_version,
                    generation: head.assessment.versions.generation,
                    decisions_version: head.assessment.versions.decisions_version,
                    warnings: head.warnings,
                }
            }
        }
    };
}

page! {
    /// A page of accounts and their people.
    IdentityList of Identity
}
page! {
    /// A page of accounts without a person.
    UnmatchedList of UnmatchedAccount
}
page! {
    /// A page of accounts of people who have left.
    TerminatedList of TerminatedActive
}
page! {
    /// A page of service accounts without an active owner.
    OwnerlessList of Ownerless
}

/// Lists the active accounts, each with its person and class.
///
/// People without an account are not listed. The response names the versions of roster, directory
/// and decisions: the same versions give the same answer.
#[utoipa::path(
    get, path = "/api/v1/roster/identities", operation_id = "list_identities", tag = "roster",
    params(RosterViewParameters),
    responses(
        (
            status = 200, description = "Accounts, sorted by id. CSV has a header row. For CSV and NDJSON, the URL of the next page is in `Link`.",
            content((IdentityList = "application/json"), (String = "application/x-ndjson"), (String = "text/csv")),
        ),
        ParameterRefusals,
        PastRefusals,
        ApiRefusals,
    ),
)]
pub async fn identities(
    request: HttpRequest,
    caller: Caller<RosterRead>,
) -> Result<HttpResponse, ApiError> {
    answer::<_, IdentityList, _>(&request, &caller, |_, assessment| async move {
        Ok(assessment.identities.clone())
    })
    .await
}

/// Lists the active accounts without a person, each with the reason and with suggestions.
#[utoipa::path(
    get, path = "/api/v1/roster/unmatched", operation_id = "list_unmatched", tag = "roster",
    params(RosterViewParameters),
    responses(
        (
            status = 200, description = "Accounts, sorted by id. CSV has a header row. For CSV and NDJSON, the URL of the next page is in `Link`.",
            content((UnmatchedList = "application/json"), (String = "application/x-ndjson"), (String = "text/csv")),
        ),
        ParameterRefusals,
        PastRefusals,
        ApiRefusals,
    ),
)]
pub async fn unmatched(
    request: HttpRequest,
    caller: Caller<RosterRead>,
) -> Result<HttpResponse, ApiError> {
    answer::<_, UnmatchedList, _>(&request, &caller, |_, assessment| async move {
        Ok(assessment.unmatched.clone())
    })
    .await
}

/// Lists the active accounts of people who have left, with their sign-ins after the last day.
#[utoipa::path(
    get, path = "/api/v1/roster/terminated-active", operation_id = "list_terminated_active", tag = "roster",
    params(RosterViewParameters),
    responses(
        (
            status = 200, description = "Accounts, sorted by id. CSV has a header row. For CSV and NDJSON, the URL of the next page is in `Link`.",
            content((TerminatedList = "application/json"), (String = "application/x-ndjson"), (String = "text/csv")),
        ),
        ParameterRefusals,
        PastRefusals,
        ApiRefusals,
    ),
)]
pub async fn terminated_active(
    request: HttpRequest,
    caller: Caller<RosterRead>,
) -> Result<HttpResponse, ApiError> {
    answer::<_, TerminatedList, _>(&request, &caller, |identities, assessment| async move {
        identities.terminated_active(&assessment).await
    })
    .await
}

/// Lists the active service accounts without an active owner.
#[utoipa::path(
    get, path = "/api/v1/roster/ownerless", operation_id = "list_ownerless", tag = "roster",
    params(RosterViewParameters),
    responses(
        (
            status = 200, description = "Accounts, sorted by id. CSV has a header row. For CSV and NDJSON, the URL of the next page is in `Link`.",
            content((OwnerlessList = "application/json"), (String = "application/x-ndjson"), (String = "text/csv")),
        ),
        ParameterRefusals,
        PastRefusals,
        ApiRefusals,
    ),
)]
pub async fn ownerless(
    request: HttpRequest,
    caller: Caller<RosterRead>,
) -> Result<HttpResponse, ApiError> {
    answer::<_, OwnerlessList, _>(&request, &caller, |_, assessment| async move {
        Ok(assessment.ownerless.clone())
    })
    .await
}

/// What a page says besides its rows.
struct Head {
    next: Option<String>,
    total: usize,
    limit: usize,
    assessment: Arc<Assessment>,
    warnings: Vec<String>,
}

/// Answers with a page of the rows that `rows` takes from the evaluation.
async fn answer<R, L, F>(
    request: &HttpRequest,
    caller: &Caller<RosterRead>,
    rows: impl FnOnce(Arc<Identities>, Arc<Assessment>) -> F + Send + 'static,
) -> Result<HttpResponse, ApiError>
where
    R: Row + Send + 'static,
    L: Serialize + From<Head>,
    F: Future<Output = Result<Vec<R>, LedgerError>> + Send,
{
    let service = &caller.service;
    let TableRequest { parameters, now, as_of, offset, limit, turn } =
        TableRequest::receive(request, caller, &[]).await?;
    let _reading = caller.principal.allowance.expensive().await.map_err(ApiError::TooMany)?;
    let source = source(request, caller, as_of).await?;
    let identities = Arc::clone(&caller.workspace.identities);
    let made = service.makers.page(async move {
        let shown = Shown { directory: source.directory(), as_of };
        let Overview { assessment, held, .. } = identities.overview(shown).await?;
        let assessment = assessment.ok_or(match as_of {
            Some(_) => IdentityError::NoRosterThen,
            None => IdentityError::NoRoster,
        })?;
        let mut rows = rows(Arc::clone(&identities), Arc::clone(&assessment)).await?;
        let total = rows.len();
        rows.drain(..offset.min(total));
        rows.truncate(limit);
        let warnings = warnings(&identities, &assessment, held, as_of);
        Ok::<_, ApiError>((rows, total, assessment, warnings))
    });
    let (rows, total, assessment, warnings) = made.await??;
    let end = offset.saturating_add(rows.len());
    let has_more = !rows.is_empty() && end < total;
    let next = has_more.then(|| {
        // All pages show the state of the first one.
        let moment = date_time::whole_millis_from(as_of.unwrap_or(now));
        let changed = [
            ("offset", end.to_string()),
            ("limit", limit.to_string()),
            ("as_of", date_time::written(moment).to_string()),
        ];
        parameters.link(request, &service.origin.url(), &changed)
    });
    let head = Head { next: next.clone(), total, limit, assessment, warnings };
    let list = L::from(head);
    page::answer(request, HttpResponse::Ok(), &service.makers, turn, rows, next.as_deref(), &list)
        .await
}

/// The state of the directory that the request asks for.
async fn source(
    request: &HttpRequest,
    caller: &Caller<RosterRead>,
    as_of: Option<OffsetDateTime>,
) -> Result<Source, ApiError> {
    let Some(moment) = as_of else {
        return Ok(Source::Served(freshness::served(request, caller).await?.served));
    };
    let generation = generation_at(caller, moment).await?;
    let workspace = Arc::clone(&caller.workspace);
    let read = caller.service.makers.page(async move { workspace.past.at(generation).await });
    Ok(Source::Past(read.await??))
}

/// What to know about the roster of an answer.
fn warnings(
    identities: &Identities,
    assessment: &Assessment,
    held: Option<u64>,
    as_of: Option<OffsetDateTime>,
) -> Vec<String> {
    let mut warnings = Vec::new();
    if as_of.is_some() {
        return warnings;
    }
    if identities.is_stale(assessment.confirmed_at) {
        warnings.push(
            "the roster is older than roster.max_age: import a current one, or check the pull"
                .to_owned(),
        );
    }
    if let Some(held) = held {
        warnings.push(format!(
            "version {held} of the roster is held: check the reasons in /api/v1/roster, then \
             accept it or import a better file"
        ));
    }
    warnings
}
