//! The list of people, and its export.

use std::collections::BTreeSet;
use std::sync::Arc;

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION};
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;

use super::format::role_name;
use super::html::{PageRefusals, page, parameter};
use super::people_view::{self, PeoplePage, ShownPeople};
use super::view;
use super::viewer::Viewer;
use crate::directory::{Directory, GroupId};
use crate::http::errors::ApiError;
use crate::http::request::negotiation::{HTML, JSON, preferred_form};
use crate::http::response::chunks::Chunks;
use crate::http::response::guarded_body::holding;
use crate::http::response::table::CSV;
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
    let offset = parameter(&request, "offset").and_then(|text| text.parse().ok()).unwrap_or(0);
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

/// A JSON list of accounts.
#[derive(Serialize)]
struct Export {
    items: [Account; 0],
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
    let as_json = parameter(&request, "format").is_some_and(|format| format == "json");
    let (media_type, ending) = if as_json { (JSON, "json") } else { (CSV, "csv") };
    let turn = service.makers.console_turn().await?;
    let body = service.makers.export(async move {
        let accounts = served.map(|served| {
            let directory = served.directory();
            let found = question.find(directory, now, 0, usize::MAX);
            let people = found.places.iter().filter_map(|place| directory.people.get(*place));
            people.map(|person| account(directory, person, names, known)).collect()
        });
        written(accounts.unwrap_or_default(), as_json)
    });
    let body = BoxBody::new(body.await??);
    let name = format!("attachment; filename=\"{}-people.{ending}\"", viewer.workspace.name);
    Ok(HttpResponse::Ok()
        .content_type(media_type)
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((CONTENT_DISPOSITION, name))
        .body(holding(body, turn)))
}

/// The accounts as a JSON document or a CSV table.
fn written(accounts: Vec<Account>, as_json: bool) -> Result<Bytes, ApiError> {
    let chunks = if as_json {
        Chunks::json(&Export { items: [] }, accounts.into_iter())?
    } else {
        Chunks::table(true, accounts.into_iter())?
    };
    let chunks: Vec<Bytes> = chunks.collect::<Result<_, _>>().map_err(|_| ApiError::Internal)?;
    Ok(chunks.concat().into())
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
        let found = question.find(served.directory(), now, offset, limits::PAGE_PEOPLE);
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
    let text = |name| -> Option<String> {
        let value: String = parameter(request, name)?.chars().take(limits::ID_BYTES).collect();
        Some(value).filter(|value| !value.is_empty())
    };
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
