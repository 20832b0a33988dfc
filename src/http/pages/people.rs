//! The list of people, and its export.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::export::ExportFormat;
use super::format::role_name;
use super::html::{PageRefusals, offset, page, text};
use super::invited;
use super::people_view::{self, PeoplePage, ShownPeople};
use super::view;
use super::viewer::Viewer;
use crate::directory::text::unaccented;
use crate::directory::{Directory, GroupId, Person, UserId, UserKind};
use crate::http::errors::ApiError;
use crate::http::request::negotiation::{HTML, preferred_form};
use crate::http::state::service::Service;
use crate::identities::Shown;
use crate::ledger::LedgerError;
use crate::limits;
use crate::roster::Class;
use crate::tabular::{Account, InvitationRow, KnownLog, PeopleQuestion, PeopleState, account};
use crate::words::Words;

/// Shows the people of a workspace: searched, filtered, sorted and in pages.
///
/// Parameters with an invalid value are ignored.
#[utoipa::path(
    get, path = "/people", operation_id = "people_page", tag = "pages",
    params(
        ("workspace" = Option<String>, Query, description = "The name of the workspace. The default is the first one of the session."),
        ("q" = Option<String>, Query, description = "Only people whose name, address, id, role or team contains this text, without regard to case and accents."),
        ("state" = Option<String>, Query, description = "`active` (the default), `removed`, `all` or `invited`."),
        ("team" = Option<String>, Query, description = "Only members of this team, by id (`team_…`)."),
        ("role" = Option<String>, Query, description = "Only holders of this role, by name or id."),
        ("class" = Option<String>, Query, description = "By the class of the account: `employee`, `contractor`, `service`, `bot` or `unknown`."),
        ("seat" = Option<String>, Query, description = "By the paid inbox seat: `paid`, `none` or `unknown`."),
        ("mfa" = Option<String>, Query, description = "By the second factor: `on`, `off` or `unknown`."),
        ("idle" = Option<String>, Query, description = "Only people without a recorded activity in the last so many days."),
        ("sort" = Option<String>, Query, description = "`name` (the default), `address`, `role`, `joined` or `activity`; with `-` in front in reverse order."),
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
        return Ok(page(StatusCode::OK, view::signed_out(&service)));
    };
    let _turn = service.makers.console_turn().await?;
    let (question, class) = question(&request, &service, &viewer).await?;
    let offset = offset(&request);
    if question.state == PeopleState::Invited {
        let invited = invited::pending(&service, &viewer).await?;
        let html = service.makers.page(async move {
            let invited = invited.map(|rows| matching(rows, &question.search));
            people_view::invited(&viewer, &question, offset, invited.as_deref())
        });
        return Ok(page(StatusCode::OK, html.await?));
    }
    let html = service.makers.page(async move {
        let shown = viewer.workspace.live.served().map(|served| {
            let directory = served.directory();
            let found = question.find(directory, viewer.times.now, offset, limits::PAGE_ROWS);
            let roles = roles(directory);
            ShownPeople { served, found, roles }
        });
        let people = PeoplePage { question, class, offset, shown };
        people_view::people(&viewer, &people)
    });
    Ok(page(StatusCode::OK, html.await?))
}

/// The invitations whose address contains a text.
fn matching(rows: Vec<InvitationRow>, search: &str) -> Vec<InvitationRow> {
    let search = unaccented(search.trim()).into_owned();
    let has = |row: &InvitationRow| {
        row.email.as_deref().is_some_and(|email| unaccented(email).contains(&*search))
    };
    rows.into_iter().filter(|row| search.is_empty() || has(row)).collect()
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
        return Ok(page(StatusCode::OK, view::signed_out(&service)));
    };
    let turn = service.makers.console_turn().await?;
    let (question, _) = question(&request, &service, &viewer).await?;
    let format = ExportFormat::from_request(&request);
    if question.state == PeopleState::Invited {
        let invited = invited::pending(&service, &viewer).await?.unwrap_or_default();
        let rows = matching(invited, &question.search);
        return format.response(&request, &viewer, &service.makers, "invitations", rows, turn);
    }
    let names = service.names;
    let covered = viewer.workspace.live.shown().log_covered;
    let now = service.clock.now();
    let known = KnownLog { covered, moment: now };
    let served = viewer.workspace.live.served();
    let rows = service.makers.export(async move {
        let accounts: Option<Vec<Account>> = served.map(|served| {
            let directory = served.directory();
            let found = question.find(directory, now, 0, usize::MAX);
            let people = found.places.iter().filter_map(|place| directory.people.get(*place));
            people.map(|person| account(directory, person, names, known)).collect()
        });
        accounts.unwrap_or_default()
    });
    format.response(&request, &viewer, &service.makers, "people", rows.await?, turn)
}

/// The names of all roles that people hold, sorted.
fn roles(directory: &Directory) -> Vec<String> {
    let roles = directory.people.iter().filter_map(|person| person.user.role.as_ref());
    let names: BTreeSet<&str> = roles.map(|role| role_name(role)).collect();
    names.into_iter().map(str::to_owned).collect()
}

/// The question to the directory, and the class by which it was restricted.
async fn question(
    request: &HttpRequest,
    service: &Service,
    viewer: &Viewer,
) -> Result<(PeopleQuestion, Option<Class>), ApiError> {
    let mut question = plain_question(request);
    let class = word(text(request, "class").as_deref());
    if let Some(class) = class {
        question.only = Some(Arc::new(with_class(service, viewer, class).await?));
    }
    Ok((question, class))
}

/// The people whose accounts have this class. Without a roster, only bots have one.
async fn with_class(
    service: &Service,
    viewer: &Viewer,
    class: Class,
) -> Result<HashSet<UserId>, ApiError> {
    let Some(served) = viewer.workspace.live.served() else { return Ok(HashSet::new()) };
    let identities = Arc::clone(&viewer.workspace.identities);
    let found = service.makers.page(async move {
        let shown = Shown { directory: served.directory(), as_of: None };
        let known = identities.assess(shown).await?;
        let class_of = |person: &Person| match (&known, person.user.kind()) {
            (Some(known), _) => {
                known.review.get(&person.user.id).and_then(|known| known.identity_class)
            }
            (None, UserKind::Bot) => Some(Class::Bot),
            (None, UserKind::Teammate) => None,
        };
        let people = served.directory().people.iter();
        let fits = |person: &&Person| class_of(person).unwrap_or(Class::Unknown) == class;
        Ok::<_, LedgerError>(people.filter(fits).map(|person| person.user.id.clone()).collect())
    });
    Ok(found.await??)
}

fn plain_question(request: &HttpRequest) -> PeopleQuestion {
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
        only: None,
        second_factor: word(text("mfa").as_deref()),
        inactive_for: text("idle").and_then(|days| days.parse().ok()),
        order: Words::from_word(order).unwrap_or(usual.order),
        descending,
    }
}

fn word<W: Words>(text: Option<&str>) -> Option<W> {
    text.and_then(W::from_word)
}
