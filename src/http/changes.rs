//! The history as a log of changes.

use std::collections::VecDeque;

use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use futures_util::stream;
use serde::Serialize;
use utoipa::ToSchema;

use super::caller::{Caller, ImportRead};
use super::errors::ApiError;
use super::negotiation::{JSON, LINES, preferred_form};
use super::openapi::{ApiRefusals, ChangeParameters, Problem};
use super::parameters::{Parameters, wrong};
use crate::flat::ChangeDocument;
use crate::ledger::{ChangeKind, ChangePosition, Ledger, LedgerError, RecordedChange};
use crate::limits;

/// Some changes.
#[derive(Serialize, ToSchema)]
pub struct ChangeList {
    /// Oldest first.
    items: Vec<ChangeDocument>,
    /// For `since`, now or later: it never skips a change and never gives one twice.
    next: String,
    /// Whether there is more now.
    has_more: bool,
    /// How many changes come after `since`.
    total: u64,
    /// How many items a page has at the most: `limit`, up to 1000.
    limit: usize,
}

/// Lists changes of accounts, teams and memberships, oldest first. Put together from the start, they are the current
/// state.
#[utoipa::path(
    get, path = "/api/v1/changes", operation_id = "list_changes", tag = "changes", security(("bearer" = ["import.read"])), params(ChangeParameters),
    responses(
        (
            status = 200, description = "Changes; as `application/x-ndjson`, one on each line",
            content((ChangeList = "application/json"), (ChangeDocument = "application/x-ndjson")),
        ),
        (status = 400, description = "A parameter cannot be read", content_type = "application/problem+json", body = Problem),
        (status = 410, description = "The history up to there was pruned", content_type = "application/problem+json", body = Problem),
        ApiRefusals,
    ),
)]
pub async fn list(request: HttpRequest, caller: Caller<ImportRead>) -> Result<HttpResponse, ApiError> {
    let parameters = Parameters::of(&request, &["since", "type", "limit"])?;
    let kinds = ChangeKind::ALL.map(|kind| (kind, kind.as_str()));
    let kind = parameters.word("type", &kinds)?;
    let since = match parameters.text("since") {
        None => ChangePosition::START,
        Some(cursor) => ChangePosition::from_cursor(cursor).ok_or_else(|| {
            wrong(
                "since must be the `next` or the `cursor` of an earlier answer; leave it out to begin at the start"
                    .to_owned(),
            )
        })?,
    };
    let limit = parameters.limit(&request)?;
    let (ledger, workspace) = (&caller.service.ledger, &caller.workspace.name);
    if preferred_form(&request, &[JSON, LINES])? == LINES {
        let most = parameters.text("limit").map(|_| limit);
        return lines(ledger.clone(), workspace.to_string(), since, kind, most).await;
    }
    let page = match ledger.changes(workspace, &since, kind, limit).await {
        Err(LedgerError::Pruned { .. }) => return Err(pruned(ledger, workspace).await),
        page => page?,
    };
    Ok(HttpResponse::Ok().json(ChangeList {
        items: page.changes.iter().map(document).collect(),
        next: page.next.to_cursor(),
        has_more: page.more,
        total: page.total,
        limit,
    }))
}

/// Says where the history begins now.
async fn pruned(ledger: &Ledger, workspace: &str) -> ApiError {
    match ledger.earliest(workspace).await {
        Err(error) => error.into(),
        Ok(earliest) => ApiError::Problem {
            status: actix_web::http::StatusCode::GONE,
            code: "pruned",
            detail: format!(
                "the history before that was pruned; read the current state first, or begin with since={}, where it begins now",
                earliest.to_cursor()
            ),
        },
    }
}

/// A change as others see it.
#[must_use]
pub fn document(change: &RecordedChange) -> ChangeDocument {
    let cursor = change.position.to_cursor();
    ChangeDocument::new(cursor, (change.generation, change.run, change.at), &change.change, change.cause.as_ref())
}

/// One change a line, read while they are sent. The first page is read before the answer begins, so that what is
/// wrong with the question is said in its status.
async fn lines(
    ledger: Ledger,
    workspace: String,
    since: ChangePosition,
    kind: Option<ChangeKind>,
    most: Option<usize>,
) -> Result<HttpResponse, ApiError> {
    let room = most.unwrap_or(usize::MAX);
    let first = match ledger.changes(&workspace, &since, kind, room.min(limits::LIST_ITEMS)).await {
        Err(LedgerError::Pruned { .. }) => return Err(pruned(&ledger, &workspace).await),
        first => first?,
    };
    let state =
        Lines { ledger, workspace, kind, room, page: first.changes.into(), next: first.more.then_some(first.next) };
    let body = stream::try_unfold(state, |mut state| async move {
        Ok::<_, LedgerError>(state.chunk().await?.map(|chunk| (chunk, state)))
    });
    Ok(HttpResponse::Ok().content_type(LINES).streaming(Box::pin(body)))
}

struct Lines {
    ledger: Ledger,
    workspace: String,
    kind: Option<ChangeKind>,
    /// How many lines may still be sent.
    room: usize,
    page: VecDeque<RecordedChange>,
    next: Option<ChangePosition>,
}

impl Lines {
    /// The next lines; none at the end.
    async fn chunk(&mut self) -> Result<Option<Bytes>, LedgerError> {
        if self.page.is_empty() {
            let Some(next) = self.next.take().filter(|_| self.room > 0) else { return Ok(None) };
            let page =
                self.ledger.changes(&self.workspace, &next, self.kind, self.room.min(limits::LIST_ITEMS)).await?;
            self.next = page.more.then_some(page.next);
            self.page = page.changes.into();
        }
        self.room -= self.page.len();
        let mut chunk = Vec::new();
        for change in self.page.drain(..) {
            // A document of texts and numbers always serialises.
            let _ = serde_json::to_writer(&mut chunk, &document(&change));
            chunk.push(b'\n');
        }
        Ok((!chunk.is_empty()).then(|| chunk.into()))
    }
}
