//! Pending invitations.

use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::known_log::invitation_events;
use super::log_view::LogView;
use crate::directory::pending_invitations;
use crate::http::errors::ApiError;
use crate::http::extract::caller::{Caller, ImportRead};
use crate::http::response::page;
use crate::http::wire::{ApiRefusals, LogViewParameters, ParameterRefusals, PastRefusals};
use crate::tabular::InvitationRow;

/// A page of invitations, and how much of the activity log they rest on.
#[derive(Serialize, ToSchema)]
pub struct InvitationList {
    items: Vec<InvitationRow>,
    /// The URL of the next page of the same list; null on the last page.
    next: Option<String>,
    /// The number of items on all pages.
    total: usize,
    /// The maximum number of items of this page: the `limit` of the request, at most 1000.
    limit: usize,
    /// The time that the list shows.
    #[serde(with = "crate::date_time")]
    as_of: OffsetDateTime,
    /// The beginning of the activity log that the bridge has read. Invitations that were sent
    /// before it are missing. Null if the log was not read; then the list is empty.
    #[serde(with = "crate::date_time::option")]
    log_from: Option<OffsetDateTime>,
    /// The time up to which the log was read.
    #[serde(with = "crate::date_time::option")]
    log_to: Option<OffsetDateTime>,
    /// The number of invitations whose address is unknown, on all pages (`status` is `unknown`).
    without_address: usize,
    /// The number of withdrawals in the log that do not say which invitation was withdrawn. Each of
    /// them may concern an invitation of the list.
    unreadable_withdrawals: usize,
}

/// Lists the pending invitations.
///
/// Intercom's API has no list of invitations, so they follow from the activity log: those that were
/// sent and neither accepted nor withdrawn. Whether an invitation has expired is not in the log.
/// The response says how far back the log was read. `X-Activity-Log-From`, `X-Activity-Log-To`
/// and `X-As-Of` say the same for CSV and NDJSON.
#[utoipa::path(
    get, path = "/api/v1/invitations", operation_id = "list_invitations", tag = "flat views", params(LogViewParameters),
    responses(
        (
            status = 200, description = "Invitations, sorted by address. CSV has a header row, and NDJSON one invitation on each line. The URL of their next page is in `Link`.",
            content((InvitationList = "application/json"), (InvitationRow = "application/x-ndjson"), (String = "text/csv")),
        ),
        ParameterRefusals,
        PastRefusals,
        ApiRefusals,
    ),
)]
pub async fn list(
    request: HttpRequest,
    caller: Caller<ImportRead>,
) -> Result<HttpResponse, ApiError> {
    let view = LogView::from_request(&request, &caller, &[]).await?;
    let events = invitation_events(&caller, view.known).await?;
    let source = view.source.clone();
    let find = async move { pending_invitations(&events, source.directory()) };
    let found = caller.service.makers.page(find).await?;
    let workspace = &view.source.directory().workspace;
    let row = |one| InvitationRow::new(one, workspace, view.known.moment);
    let on_page = found.pending.iter().skip(view.offset).take(view.limit);
    let items: Vec<InvitationRow> = on_page.map(row).collect();
    let total = found.pending.len();
    let next = view.next(&request, &caller, items.len(), total);
    let list = InvitationList {
        items: Vec::new(),
        next: next.clone(),
        total,
        limit: view.limit,
        as_of: view.known.moment,
        log_from: view.known.covered.map(|(since, _)| since),
        log_to: view.known.covered.map(|(_, until)| until),
        without_address: found.without_address(),
        unreadable_withdrawals: found.unreadable_withdrawals,
    };
    let response = view.response();
    let makers = &caller.service.makers;
    page::answer(&request, response, makers, view.turn, items, next.as_deref(), &list).await
}
