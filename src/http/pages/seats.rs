//! The paid seats: who holds them, whether they are used, and what they cost.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use maud::{Markup, html};

use super::export::ExportFormat;
use super::format::number;
use super::html::{PageRefusals, offset, page, text};
use super::layout::{self, Section, empty, scrolling_table};
use super::list::{ListAddress, Page, fixed, select};
use super::view;
use super::viewer::Viewer;
use crate::http::errors::ApiError;
use crate::http::request::negotiation::{HTML, preferred_form};
use crate::http::state::service::Service;
use crate::limits;
use crate::tabular::{
    self, ActivityOf, KnownLog, MonthlyPrice, Seat, SeatQuestion, SeatTotals, SeatUse,
};
use crate::words::Words;

/// What the page shows.
struct Seats {
    question: SeatQuestion,
    rows: Vec<Seat>,
    totals: SeatTotals,
    price: Option<MonthlyPrice>,
    /// Whether anything was imported.
    is_imported: bool,
}

async fn seats_of(
    request: &HttpRequest,
    service: &Service,
    viewer: &Viewer,
) -> Result<Seats, ApiError> {
    let days = text(request, "unused_for").and_then(|days| days.parse().ok());
    let days = days.filter(|days| (1..=3_650).contains(days));
    let question = SeatQuestion {
        unused_days: days.unwrap_or(service.unused_after_days),
        wanted: text(request, "use").and_then(|word| SeatUse::from_word(&word)),
    };
    let currency = service.seat_currency.clone();
    let price = service.seat_price.map(|price| MonthlyPrice { price, currency });
    let covered = viewer.workspace.live.shown().log_covered;
    let known = KnownLog { covered, moment: viewer.times.now };
    let served = viewer.workspace.live.served();
    let made = service.makers.page(async move {
        let is_imported = served.is_some();
        let (mut rows, totals) = served.map_or_else(Default::default, |served| {
            tabular::seats(served.directory(), ActivityOf::Now, known, question, price.as_ref())
        });
        // Those that were unused for longest come first.
        rows.sort_by_key(|seat| seat.last_activity_at);
        Seats { question, rows, totals, price, is_imported }
    });
    made.await
}

/// Shows the paid seats, who holds them, and whether they are used.
#[utoipa::path(
    get, path = "/seats", operation_id = "seats_page", tag = "pages",
    params(
        ("workspace" = Option<String>, Query, description = "The name of the workspace. The default is the first one of the session."),
        ("use" = Option<String>, Query, description = "`unused`, `used` or `unknown`."),
        ("unused_for" = Option<String>, Query, description = "A seat is unused if its holder was not active for more than this number of days."),
        ("offset" = Option<String>, Query, description = "How many seats to skip."),
    ),
    responses(
        (status = 200, description = "An HTML page. Without a session, the page explains how to sign in.", content_type = "text/html", body = String),
        PageRefusals,
    ),
)]
pub async fn seats(request: HttpRequest, service: Data<Service>) -> Result<HttpResponse, ApiError> {
    preferred_form(&request, &[HTML])?;
    let Some(viewer) = Viewer::from_request(&request, &service).await? else {
        return Ok(page(StatusCode::OK, view::signed_out(&service)));
    };
    let _turn = service.makers.console_turn().await?;
    let seats = seats_of(&request, &service, &viewer).await?;
    let offset = offset(&request);
    let html = service.makers.page(async move { render(&viewer, &seats, offset) });
    Ok(page(StatusCode::OK, html.await?))
}

/// Exports the seats that the page with the same parameters lists, in the same order.
#[utoipa::path(
    get, path = "/seats/export", operation_id = "export_seats", tag = "pages",
    params(
        ("workspace" = Option<String>, Query, description = "The name of the workspace. The default is the first one of the session."),
        ("format" = Option<String>, Query, description = "`csv` (the default, with a byte order mark for spreadsheets) or `json`."),
        ("use" = Option<String>, Query, description = "As for the page `/seats`, like all its other parameters."),
    ),
    responses(
        (
            status = 200, description = "The seats, with the members of `/api/v1/seats`, as CSV or JSON. Without a session, the page explains how to sign in.",
            content((String = "text/csv"), (String = "text/html")),
        ),
        PageRefusals,
    ),
)]
pub async fn export_seats(
    request: HttpRequest,
    service: Data<Service>,
) -> Result<HttpResponse, ApiError> {
    let Some(viewer) = Viewer::from_request(&request, &service).await? else {
        return Ok(page(StatusCode::OK, view::signed_out(&service)));
    };
    let turn = service.makers.console_turn().await?;
    let seats = seats_of(&request, &service, &viewer).await?;
    let format = ExportFormat::from_request(&request);
    format.response(&request, &viewer, &service.makers, "seats", seats.rows, turn)
}

fn render(viewer: &Viewer, seats: &Seats, offset: usize) -> String {
    let days = seats.question.unused_days.to_string();
    let wanted = seats.question.wanted.map(SeatUse::as_str).unwrap_or_default();
    let address = ListAddress::new(viewer, "/seats").with("use", wanted).with("unused_for", &*days);
    let uses = [("", "Any"), ("unused", "Unused"), ("used", "Used"), ("unknown", "Unknown")];
    let spans = [("30", "30 days"), ("60", "60 days"), ("90", "90 days"), ("180", "180 days")];
    let main = html! {
        h1 { "Seats" }
        @if !seats.is_imported { (layout::nothing_imported()) } @else {
            (totals(seats))
            (address.filters("Filter seats", &html! {
                (select("use", "Use", Some(wanted), &fixed(&uses)))
                (select("unused_for", "Unused without activity for", Some(&days), &fixed(&spans)))
            }))
            @if seats.totals.seats == 0 {
                (empty("Nobody holds a paid seat, as far as Intercom says.", &html! {
                    "If that is wrong, check that the access token may read teammates; then start a full import."
                }))
            } @else {
                (list(viewer, &address, seats, offset))
            }
        }
    };
    layout::page(viewer, Section::Seats, "Seats", &main)
}

fn totals(seats: &Seats) -> Markup {
    let totals = &seats.totals;
    let cost = |count: usize| {
        let price = seats.price.as_ref()?;
        let currency = price.currency.as_deref().unwrap_or_default();
        Some(format!("{} {currency}", price.price.of(count)).trim().to_owned())
    };
    html! {
        dl class="facts counts" {
            div { dt { "Paid seats" } dd { (number(totals.seats)) } }
            div { dt { "Unused for " (seats.question.unused_days) " days" } dd { (number(totals.unused)) } }
            div { dt { "Unknown" } dd { (number(totals.unknown)) } }
            div { dt { "Cost a month" } dd { (cost(totals.seats).unwrap_or_else(|| "—".to_owned())) } }
            div { dt { "Cost of unused seats" } dd { (cost(totals.unused).unwrap_or_else(|| "—".to_owned())) } }
        }
        @if seats.price.is_none() {
            p class="muted" { "To see costs, set the price and the currency of a seat in the configuration, in the section seats." }
        }
        @if totals.unknown > 0 {
            p class="muted" { "The use of a seat is unknown if the activity log that the bridge has read does not cover the time." }
        }
    }
}

fn list(viewer: &Viewer, address: &ListAddress<'_>, seats: &Seats, offset: usize) -> Markup {
    let (page, rows) = Page::of(&seats.rows, offset, limits::PAGE_ROWS);
    html! {
        (scrolling_table("Seats", &html! {
            caption { (page.caption()) ". Unused for longest first" }
            thead { tr {
                th scope="col" { "Holder" } th scope="col" { "Address" } th scope="col" { "Role" }
                th scope="col" { "Use" } th scope="col" { "Last activity" } th scope="col" { "Joined" }
            } }
            tbody {
                @for seat in rows {
                    tr {
                        td { a href=(viewer.person_address(&seat.account_id)) { bdi { (seat.display_name.as_ref().unwrap_or(&seat.user_name)) } } }
                        td { bdi { (seat.user_name) } }
                        td { bdi { (seat.role_name.as_deref().unwrap_or("unknown")) } }
                        td { (badge(seat.r#use)) }
                        td { @if seat.last_activity_source == "never" { "never" } @else { (viewer.times.known(seat.last_activity_at)) } }
                        td { (viewer.times.known(seat.joined_at)) }
                    }
                }
            }
        }))
        (address.pages(&page))
        (address.exports(page.total, if page.total == 1 { "seat" } else { "seats" }))
    }
}

fn badge(seat_use: SeatUse) -> Markup {
    match seat_use {
        SeatUse::Unused => html! { span class="badge warn" { "unused" } },
        SeatUse::Used => html! { span class="badge good" { "used" } },
        SeatUse::Unknown => html! { span class="badge" { "unknown" } },
    }
}
