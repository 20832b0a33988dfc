//! The list of people, and its export.

use std::collections::BTreeSet;
use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::export::ExportFormat;
use super::format::role_name;
use super::html::{PageRefusals, offset, page, text};
use super::people_view::{self, PeoplePage, ShownPeople};
use super::view;
use super::viewer::Viewer;
use crate::directory::{Directory, GroupId};
use crate::http::errors::ApiError;
use crate::http::request::negotiation::{HTML, preferred_form};
use crate::http::state::service::Service;
use crate::limits;
use crate::scim::ServedSnapshot;
use crate::tabular::{Account, KnownLog, PeopleQuestion, account};
use crate::words::Words;

/// Shows the people of a workspace: searched, filtered, sorted and in pages.
///
/// Parameters with an invalid value are ignored.
#[utoipa::path(
    get, path = "/people", operation_id = "people_page", tag = "pages",
    params(
        ("workspace" = Option<String>, Query, description = "The name of the workspace. The default is the first one of the session."),
        ("q" = Option<String>, Query, description = "Only people whose name, address, id, role or team contains this text, without regard to case and accents."),
        ("state" = Option<String>, Query, description = "`active` (the default), `removed` or `all`."),
        ("team" = Option<String>, Query, description = "Only members of this team, by id (`team_…`)."),
        ("role" = Option<String>, Query, description = "Only holders of this role, by name or id."),
        ("seat" = Option<String>, Query, description = "By the paid inbox seat: `paid`, `none` or `unknown`."),
        ("mfa" = Option<String>, Query, description = "By the second factor: `on`, `off` or `unknown`."),
        ("idle" = Option<String>, Query, description = "Only people without a recorded sign-in in the last so many days."),
        ("sort" = Option<String>, Query, description = "`name` (the default), `address`, `role`, `joined` or `sign_in`; with `-` in front in reverse order."),
        ("offset" = Option<String>, Query, description = "How many people to skip."),
    ),
    responses(
        (status = 200, description = "An HTML page. Without a session, the page explains how to sign in.", content_type = "text/html", body = String),
        PageRefusals,
    ),
)]
pub async fn people(
    request: HttpRequest,
    service: Data<Service>,
) -> Result<HttpResponse, ApiError> {
    preferred_form(&request, &[HTML])?;
    let Some(viewer) = Viewer::from_request(&request, &service).await? else {
        return Ok(page(StatusCode::OK, view::signed_out()));
    };
    let question = question(&request);
    let offset = offset(&request);
    let shown = match viewer.workspace.live.served() {
        Some(served) => {
            let _turn = service.makers.console_turn().await?;
            Some(find(&service, served, &question, offset).await?)
        }
        None => None,
    };
    let people = PeoplePage { question, offset, shown };
    Ok(page(StatusCode::OK, people_view::people(&viewer, &people)))
}

/// Exports the people that the page with the same parameters lists, in the same order.
#[utoipa::path(
    get, path = "/people/export", operation_id = "export_people", tag = "pages",
    params(
        ("workspace" = Option<String>, Query, description = "The name of the workspace. The default is the first one of the session."),
        ("format" = Option<String>, Query, description = "`csv` (the default, with a byte order mark for spreadsheets) or `json`."),
        ("q" = Option<String>, Query, description = "As for the page `/people`, like all its other parameters."),
    ),
    responses(
        (
            status = 200, description = "The accounts, with the members of `/api/v1/accounts`, as CSV or JSON. Without a session, the page explains how to sign in.",
            content((String = "text/csv"), (String = "text/html")),
        ),
        PageRefusals,
    ),
)]
pub async fn export_people(
    request: HttpRequest,
    service: Data<Service>,
) -> Result<HttpResponse, ApiError> {
    let Some(viewer) = Viewer::from_request(&request, &service).await? else {
        return Ok(page(StatusCode::OK, view::signed_out()));
    };
    let question = question(&request);
    let names = service.names;
    let covered = viewer.workspace.live.shown().log_covered;
    let now = service.clock.now();
    let known = KnownLog { covered, moment: now };
    let served = viewer.workspace.live.served();
    let format = ExportFormat::from_request(&request);
    let turn = service.makers.console_turn().await?;
    let body = service.makers.export(async move {
        let accounts: Option<Vec<Account>> = served.map(|served| {
            let directory = served.directory();
            let found = question.find(directory, now, 0, usize::MAX);
            let people = found.places.iter().filter_map(|place| directory.people.get(*place));
            people.map(|person| account(directory, person, names, known)).collect()
        });
        format.write(accounts.unwrap_or_default())
    });
    let body = body.await??;
    Ok(format.response(&viewer, "people", body, turn))
}

/// Finds people on a page thread: with many people this takes a while.
async fn find(
    service: &Service,
    served: Arc<ServedSnapshot>,
    question: &PeopleQuestion,
    offset: usize,
) -> Result<ShownPeople, ApiError> {
    let question = question.clone();
    let now = service.clock.now();
    let found = service.makers.page(async move {
        let found = question.find(served.directory(), now, offset, limits::PAGE_ROWS);
        let roles = roles(served.directory());
        ShownPeople { served, found, roles }
    });
    found.await
}

/// The names of all roles that people hold, sorted.
fn roles(directory: &Directory) -> Vec<String> {
    let roles = directory.people.iter().filter_map(|person| person.user.role.as_ref());
    let names: BTreeSet<&str> = roles.map(|role| role_name(role)).collect();
    names.into_iter().map(str::to_owned).collect()
}

fn question(request: &HttpRequest) -> PeopleQuestion {
    let text = |name| text(request, name);
    let usual = PeopleQuestion::default();
    let sort = text("sort").unwrap_or_default();
    let (order, descending) = match sort.strip_prefix('-') {
        Some(order) => (order, true),
        None => (&*sort, false),
    };
    PeopleQuestion {
        search: text("q").unwrap_or_default(),
        state: word(text("state").as_deref()).unwrap_or(usual.state),
        team: text("team").map(|team| GroupId::new(team.strip_prefix("team_").unwrap_or(&team))),
        role: text("role"),
        seat: word(text("seat").as_deref()),
        second_factor: word(text("mfa").as_deref()),
        no_sign_in_for: text("idle").and_then(|days| days.parse().ok()),
        order: Words::from_word(order).unwrap_or(usual.order),
        descending,
    }
}

fn word<W: Words>(text: Option<&str>) -> Option<W> {
    text.and_then(W::from_word)
}
