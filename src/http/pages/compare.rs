//! The comparison of two days: who joined, who left, and which access people gained and lost.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use maud::{Markup, html};
use time::Duration;

use super::export::ExportFormat;
use super::format::number;
use super::html::{PageRefusals, page, text};
use super::layout::{self, Section, empty, scrolling_table};
use super::list::{ListAddress, date_field};
use super::past::State;
use super::view;
use super::viewer::Viewer;
use crate::http::errors::ApiError;
use crate::http::request::negotiation::{HTML, preferred_form};
use crate::http::state::service::Service;
use crate::limits;
use crate::tabular::{self, Difference, DifferenceKind, DifferenceOf};

/// The two days, as the viewer wrote them. An empty second one is now.
struct Days {
    from: String,
    to: String,
}

impl Days {
    /// By default, the last 30 days.
    fn from_request(request: &HttpRequest, viewer: &Viewer) -> Self {
        let times = &viewer.times;
        let from =
            text(request, "from").unwrap_or_else(|| times.day(times.now - Duration::days(30)));
        Self { from, to: text(request, "to").unwrap_or_default() }
    }
}

/// The result of a comparison, or why there is none.
type Compared = Result<Vec<Difference>, &'static str>;

async fn compared(service: &Service, viewer: &Viewer, days: &Days) -> Result<Compared, ApiError> {
    let before = State::at(service, viewer, &days.from).await?;
    let after = State::at(service, viewer, &days.to).await?;
    let compared = service.makers.page(async move {
        match (&before, &after) {
            (State::Missing(why), _) | (_, State::Missing(why)) => Err(*why),
            _ => {
                let states = before.directory().zip(after.directory());
                Ok(states
                    .map(|(before, after)| tabular::compare(before, after))
                    .unwrap_or_default())
            }
        }
    });
    compared.await
}

/// Compares the access of two days.
///
/// The default is the last 30 days. A day means its last moment in the viewer's time zone.
#[utoipa::path(
    get, path = "/compare", operation_id = "compare_page", tag = "pages",
    params(
        ("workspace" = Option<String>, Query, description = "The name of the workspace. The default is the first one of the session."),
        ("from" = Option<String>, Query, description = "The earlier day or time, such as 2026-03-01."),
        ("to" = Option<String>, Query, description = "The later day or time. The default is now."),
    ),
    responses(
        (status = 200, description = "An HTML page. Without a session, the page explains how to sign in.", content_type = "text/html", body = String),
        PageRefusals,
    ),
)]
pub async fn compare(
    request: HttpRequest,
    service: Data<Service>,
) -> Result<HttpResponse, ApiError> {
    preferred_form(&request, &[HTML])?;
    let Some(viewer) = Viewer::from_request(&request, &service).await? else {
        return Ok(page(StatusCode::OK, view::signed_out(&service)));
    };
    let _turn = service.makers.console_turn().await?;
    let days = Days::from_request(&request, &viewer);
    let compared = compared(&service, &viewer, &days).await?;
    let html = service.makers.page(async move { render(&viewer, &days, &compared) });
    Ok(page(StatusCode::OK, html.await?))
}

/// Exports the comparison that the page with the same parameters shows.
#[utoipa::path(
    get, path = "/compare/export", operation_id = "export_comparison", tag = "pages",
    params(
        ("workspace" = Option<String>, Query, description = "The name of the workspace. The default is the first one of the session."),
        ("format" = Option<String>, Query, description = "`csv` (the default, with a byte order mark for spreadsheets) or `json`."),
        ("from" = Option<String>, Query, description = "The earlier day or time, such as 2026-03-01."),
        ("to" = Option<String>, Query, description = "The later day or time. The default is now."),
    ),
    responses(
        (
            status = 200, description = "One row for each difference, as CSV or JSON. Without a session, the page explains how to sign in.",
            content((String = "text/csv"), (String = "text/html")),
        ),
        PageRefusals,
    ),
)]
pub async fn export_comparison(
    request: HttpRequest,
    service: Data<Service>,
) -> Result<HttpResponse, ApiError> {
    let Some(viewer) = Viewer::from_request(&request, &service).await? else {
        return Ok(page(StatusCode::OK, view::signed_out(&service)));
    };
    let turn = service.makers.console_turn().await?;
    let days = Days::from_request(&request, &viewer);
    let rows = compared(&service, &viewer, &days).await?.unwrap_or_default();
    let format = ExportFormat::from_request(&request);
    format.response(&request, &viewer, &service.makers, "comparison", rows, turn)
}

fn render(viewer: &Viewer, days: &Days, compared: &Compared) -> String {
    let address =
        ListAddress::new(viewer, "/compare").with("from", &*days.from).with("to", &*days.to);
    let main = html! {
        h1 { "Compare two days" }
        (address.filters("Days to compare", &html! {
            (date_field("from", "From the end of", &days.from))
            (date_field("to", "To the end of (empty: now)", &days.to))
        }))
        @match compared {
            Err(why) => (empty(why, &html! { "Choose another day. The page Changes shows since when the bridge has recorded this workspace." })),
            Ok(found) if found.is_empty() => (empty("Nobody's access differs.", &html! { "Choose days that are further apart." })),
            Ok(found) => {
                (counts(found))
                (address.exports(found.len(), if found.len() == 1 { "difference" } else { "differences" }))
                @for kind in DifferenceKind::ALL { (section(viewer, kind, found)) }
            }
        }
    };
    layout::page(viewer, Section::Compare, "Compare two days", &main)
}

fn title(kind: DifferenceKind) -> &'static str {
    match kind {
        DifferenceKind::Joined => "Joined",
        DifferenceKind::Left => "Left",
        DifferenceKind::Gained => "Gained access",
        DifferenceKind::Lost => "Lost access",
        DifferenceKind::Changed => "Changed role",
    }
}

/// The number of people with each kind of difference.
fn counts(found: &[Difference]) -> Markup {
    let people = |kind: DifferenceKind| {
        let of_kind = found.iter().filter(|one| one.change == kind);
        of_kind.map(|one| &one.account_id).collect::<std::collections::BTreeSet<_>>().len()
    };
    html! {
        dl class="facts counts" {
            @for kind in DifferenceKind::ALL { div { dt { (title(kind)) } dd { (number(people(kind))) } } }
        }
    }
}

fn section(viewer: &Viewer, kind: DifferenceKind, found: &[Difference]) -> Markup {
    let of_kind: Vec<&Difference> = found.iter().filter(|one| one.change == kind).collect();
    let shown = &of_kind[..of_kind.len().min(limits::PAGE_ROWS)];
    html! {
        @if !of_kind.is_empty() {
            section {
                h2 { (title(kind)) }
                (scrolling_table(title(kind), &html! {
                    caption {
                        @if shown.len() < of_kind.len() {
                            "The first " (number(shown.len())) " of " (number(of_kind.len())) ". The export has all"
                        } @else { (number(of_kind.len())) " in all" }
                    }
                    thead { tr { th scope="col" { "Person" } th scope="col" { "Address" } th scope="col" { "Difference" } } }
                    tbody { @for one in shown { (row(viewer, one)) } }
                }))
            }
        }
    }
}

fn row(viewer: &Viewer, one: &Difference) -> Markup {
    let name = one.display_name.as_ref().or(one.email.as_ref()).unwrap_or(&one.account_id);
    html! {
        tr {
            td { a href=(viewer.person_address(&one.account_id)) { bdi { (name) } } }
            td { bdi { (one.email.as_deref().unwrap_or("unknown")) } }
            td { (words(one)) }
        }
    }
}

/// A difference in words.
fn words(one: &Difference) -> Markup {
    let known = |value: &Option<String>| value.clone().unwrap_or_else(|| "unknown".to_owned());
    let value = known(if one.after.is_some() { &one.after } else { &one.before });
    html! {
        @match (one.of, one.change) {
            (DifferenceOf::Account, DifferenceKind::Joined) => { "Joined with the role " bdi { (value) } },
            (DifferenceOf::Account, _) => { "Left; the role was " bdi { (value) } },
            (DifferenceOf::Role, _) => {
                "Role: " bdi { (known(&one.before)) } " → " bdi { (known(&one.after)) }
            },
            (DifferenceOf::Team, _) => { "Team " bdi { (value) } },
            (DifferenceOf::Permission, _) => { "Permission: " (value) },
            (DifferenceOf::Seat, _) => "Paid seat",
        }
    }
}
