//! Paid seats, and whether they are used.

use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::log_view::LogView;
use crate::http::errors::ApiError;
use crate::http::extract::caller::{Caller, ImportRead};
use crate::http::request::parameters::{Parameters, wrong};
use crate::http::response::page;
use crate::http::wire::{ApiRefusals, ParameterRefusals, PastRefusals, SeatParameters};
use crate::tabular::{
    self, ActivityOf, KnownLog, MonthlyPrice, Seat, SeatQuestion, SeatTotals, SeatUse, seat_holders,
};

/// A page of paid seats, and the numbers over all of them.
#[derive(Serialize, ToSchema)]
pub struct SeatList {
    items: Vec<Seat>,
    /// The URL of the next page of the same list; null on the last page.
    next: Option<String>,
    /// The number of items on all pages.
    total: usize,
    /// The maximum number of items of this page: the `limit` of the request, at most 1000.
    limit: usize,
    /// The time that the list shows.
    #[serde(with = "crate::date_time")]
    as_of: OffsetDateTime,
    /// A seat is unused if its holder was not active for more than this number of days.
    unused_for_days: i64,
    /// The number of paid seats that teammates hold, whatever `use` the request asks for.
    seats: usize,
    /// The number of those that are unused.
    unused: usize,
    /// The number of those of which that is unknown, because the activity log does not cover the
    /// time.
    unknown: usize,
    /// What one seat costs a month (`seats.price`), as a decimal number.
    monthly_price: Option<String>,
    /// What all seats cost a month.
    monthly_cost: Option<String>,
    /// What the unused seats cost a month.
    monthly_cost_unused: Option<String>,
    /// The currency of these prices (`seats.currency`).
    currency: Option<String>,
    /// The beginning of the activity log that the bridge has read.
    #[serde(with = "crate::date_time::option")]
    log_from: Option<OffsetDateTime>,
    /// The time up to which the log was read.
    #[serde(with = "crate::date_time::option")]
    log_to: Option<OffsetDateTime>,
}

/// Lists the paid seats, who holds them, and whether they are used.
///
/// With the settings `seats.price` and `seats.currency`, the response says what they cost. The
/// numbers over all seats are also in headers, for CSV and NDJSON: `X-Seats`, `X-Seats-Unused`,
/// `X-Seats-Unknown`, `X-Seats-Monthly-Cost`, `X-Seats-Monthly-Cost-Unused`, `X-Seats-Currency`.
#[utoipa::path(
    get, path = "/api/v1/seats", operation_id = "list_seats", tag = "flat views", params(SeatParameters),
    responses(
        (
            status = 200, description = "Seats, sorted by the id of the holder. CSV has a header row, and NDJSON one seat on each line. The URL of their next page is in `Link`.",
            content((SeatList = "application/json"), (Seat = "application/x-ndjson"), (String = "text/csv")),
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
    let view = LogView::from_request(&request, &caller, &["unused_for", "use"]).await?;
    let service = &caller.service;
    let question = SeatQuestion {
        unused_days: unused_days(&view.parameters)?.unwrap_or(service.unused_after_days),
        wanted: view.parameters.one_of::<SeatUse>("use")?,
    };
    let currency = service.seat_currency.clone();
    let price = service.seat_price.map(|price| MonthlyPrice { price, currency });
    let (rows, totals) = seats(&caller, &view, question, price.clone()).await?;
    let total = rows.len();
    let items: Vec<Seat> = rows.into_iter().skip(view.offset).take(view.limit).collect();
    let next = view.next(&request, &caller, items.len(), total);
    let cost = |seats: usize| price.as_ref().map(|price| price.price.of(seats));
    let list = SeatList {
        items: Vec::new(),
        next: next.clone(),
        total,
        limit: view.limit,
        as_of: view.known.moment,
        unused_for_days: question.unused_days,
        seats: totals.seats,
        unused: totals.unused,
        unknown: totals.unknown,
        monthly_price: cost(1),
        monthly_cost: cost(totals.seats),
        monthly_cost_unused: cost(totals.unused),
        currency: price.as_ref().and_then(|price| price.currency.clone()),
        log_from: view.known.covered.map(|(since, _)| since),
        log_to: view.known.covered.map(|(_, until)| until),
    };
    let mut response = view.response();
    set_totals(&mut response, &list);
    page::answer(&request, response, &service.makers, view.turn, items, next.as_deref(), &list)
        .await
}

/// All wanted seats, and the numbers over all of them.
async fn seats(
    caller: &Caller<ImportRead>,
    view: &LogView,
    question: SeatQuestion,
    price: Option<MonthlyPrice>,
) -> Result<(Vec<Seat>, SeatTotals), ApiError> {
    let service = &caller.service;
    let facts = if view.is_past {
        let holders = seat_holders(view.source.directory());
        let (ledger, lookback) = (&service.stores.ledger, service.activity_lookback);
        let KnownLog { moment, .. } = view.known;
        Some(ledger.log_facts_of(&caller.workspace.name, moment, lookback, &holders).await?)
    } else {
        None
    };
    let (source, known) = (view.source.clone(), view.known);
    let make = async move {
        let activity = facts.as_ref().map_or(ActivityOf::Now, ActivityOf::Then);
        tabular::seats(source.directory(), activity, known, question, price.as_ref())
    };
    service.makers.page(make).await
}

/// Reads `unused_for`: a number of days, such as `30d`.
fn unused_days(parameters: &Parameters) -> Result<Option<i64>, ApiError> {
    let Some(text) = parameters.text("unused_for") else { return Ok(None) };
    let digits = text.strip_suffix('d').unwrap_or(text);
    let is_number = digits.bytes().all(|digit| digit.is_ascii_digit());
    let days = digits.parse().ok().filter(|days| is_number && (1..=3_650).contains(days));
    days.map(Some).ok_or_else(|| {
        wrong("unused_for must be a number of days from 1d to 3650d, such as 30d".to_owned())
    })
}

fn set_totals(response: &mut HttpResponseBuilder, list: &SeatList) {
    response
        .insert_header(("x-seats", list.seats))
        .insert_header(("x-seats-unused", list.unused))
        .insert_header(("x-seats-unknown", list.unknown));
    for (name, value) in [
        ("x-seats-monthly-cost", &list.monthly_cost),
        ("x-seats-monthly-cost-unused", &list.monthly_cost_unused),
        ("x-seats-currency", &list.currency),
    ] {
        if let Some(value) = value {
            response.insert_header((name, value.as_str()));
        }
    }
}
