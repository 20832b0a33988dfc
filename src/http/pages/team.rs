//! The page of one team: its members now or on an earlier day, and its history.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use maud::{Markup, html};

use super::changes_view::{made_by, subject};
use super::format::{number, person_name, role_name, team_name};
use super::html::{PageRefusals, offset, page, text};
use super::layout::{self, Section, empty, scrolling_table};
use super::list::{ListAddress, Page, date_field};
use super::past::State;
use super::view;
use super::viewer::Viewer;
use super::wording::describe;
use crate::directory::{Directory, GroupId, Person, Team, account_id, team_id};
use crate::http::errors::ApiError;
use crate::http::request::negotiation::{HTML, preferred_form};
use crate::http::state::service::Service;
use crate::ledger::ChangeQuestion;
use crate::limits;
use crate::tabular::ChangeDocument;

/// What the page shows.
struct TeamPage {
    id: GroupId,
    state: State,
    /// The requested day, as the viewer wrote it; empty for the current state.
    as_of: String,
    /// The number of members to skip.
    offset: usize,
    /// Newest first.
    changes: Vec<ChangeDocument>,
    /// Whether earlier changes are left out, because there are very many.
    is_cut: bool,
}

impl TeamPage {
    fn team(&self) -> Option<(&Directory, &Team)> {
        let directory = self.state.directory()?;
        let team = directory.teams.iter().find(|team| team.group.id == self.id)?;
        Some((directory, team))
    }

    /// The name in the shown state, else the latest one in the history, else the id.
    fn name(&self) -> String {
        let shown = self.team().map(|(_, team)| team_name(team));
        let recorded = self.changes.iter().find_map(|change| change.group_display_name.clone());
        shown.or(recorded).unwrap_or_else(|| team_id(&self.id))
    }
}

/// Shows one team: its members now or on an earlier day, and its history.
#[utoipa::path(
    get, path = "/teams/{id}", operation_id = "team_page", tag = "pages",
    params(
        ("id" = String, Path, description = "The id of the team: `team_…`."),
        ("workspace" = Option<String>, Query, description = "The name of the workspace. The default is the first one of the session."),
        ("as_of" = Option<String>, Query, description = "A day or time in the past, such as 2026-03-01, whose members are shown. A day is one of the viewer's time zone."),
        ("offset" = Option<String>, Query, description = "How many members to skip."),
    ),
    responses(
        (status = 200, description = "An HTML page. Without a session, the page explains how to sign in.", content_type = "text/html", body = String),
        (status = 404, description = "The workspace never had a team with this id.", content_type = "text/html", body = String),
        PageRefusals,
    ),
)]
pub async fn team(
    request: HttpRequest,
    service: Data<Service>,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    preferred_form(&request, &[HTML])?;
    let Some(viewer) = Viewer::from_request(&request, &service).await? else {
        return Ok(page(StatusCode::OK, view::signed_out(&service)));
    };
    let _turn = service.makers.console_turn().await?;
    let id = GroupId::new(id.strip_prefix("team_").unwrap_or(&id));
    let as_of = text(&request, "as_of").unwrap_or_default();
    let question = ChangeQuestion { team: Some(id.clone()), ..ChangeQuestion::default() };
    let ledger = &service.stores.ledger;
    let name = &viewer.workspace.name;
    let history = ledger.newest_changes(name, &question, None, limits::PAGE_HISTORY).await?;
    let team = TeamPage {
        state: State::at(&service, &viewer, &as_of).await?,
        changes: history.changes.iter().map(ChangeDocument::from).collect(),
        is_cut: history.next.is_some(),
        offset: offset(&request),
        as_of,
        id,
    };
    if team.team().is_none() && team.changes.is_empty() {
        return Ok(page(StatusCode::NOT_FOUND, unknown(&viewer)));
    }
    let html = service.makers.page(async move { render(&viewer, &team) });
    Ok(page(StatusCode::OK, html.await?))
}

fn unknown(viewer: &Viewer) -> String {
    let main = html! {
        h1 { "Unknown team" }
        p { "This workspace never had a team with this id. " a href=(viewer.address("/teams", &[])) { "All teams" } }
    };
    layout::page(viewer, Section::Teams, "Unknown team", &main)
}

fn render(viewer: &Viewer, team: &TeamPage) -> String {
    let name = team.name();
    let main = html! {
        p { a href=(viewer.address("/teams", &[])) { "All teams" } }
        h1 { bdi { (name) } }
        section {
            h2 { @if team.as_of.is_empty() { "Members now" } @else { "Members on " (team.as_of) } }
            form class="filters" method="get" {
                input type="hidden" name="workspace" value=(viewer.workspace.name);
                (date_field("as_of", "Members on another day", &team.as_of))
                button class="main" { "Show" }
                @if !team.as_of.is_empty() { a href=(viewer.team_address(&team_id(&team.id))) { "Now" } }
            }
            @match (&team.state, team.team()) {
                (State::Missing(why), _) => (empty(why, &html! { "Choose another day." })),
                (_, Some((directory, found))) => (members(viewer, team, directory, found)),
                (_, None) => p class="notice" role="status" { "The workspace did not have this team at that time." },
            }
        }
        (history(viewer, team))
    };
    layout::page(viewer, Section::Teams, &name, &main)
}

fn members(viewer: &Viewer, page: &TeamPage, directory: &Directory, team: &Team) -> Markup {
    let people = team.members.iter().filter_map(|link| directory.people.get(link.place as usize));
    let people: Vec<&Person> = people.collect();
    let (part, shown) = Page::of(&people, page.offset, limits::PAGE_ROWS);
    let path = format!("/teams/{}", team_id(&page.id));
    html! {
        @if people.is_empty() { p { "No members." } } @else {
            (scrolling_table("Members", &html! {
                caption { (part.caption()) }
                thead { tr { th scope="col" { "Name" } th scope="col" { "Address" } th scope="col" { "Role" } } }
                tbody {
                    @for person in shown {
                        @let role = person.user.role.as_deref().map(role_name);
                        tr {
                            td { a href=(viewer.person_address(&account_id(&person.user.id))) { bdi { (person_name(&person.user)) } } }
                            td { bdi { (person.user.email.as_deref().unwrap_or("unknown")) } }
                            td { bdi { (role.unwrap_or("unknown")) } }
                        }
                    }
                }
            }))
            (ListAddress::new(viewer, &path).with("as_of", &*page.as_of).pages(&part))
        }
        p { a href=(viewer.members_address(team)) { "Search and export the members in the list of people" } }
    }
}

fn history(viewer: &Viewer, team: &TeamPage) -> Markup {
    html! {
        section {
            h2 { "History" }
            (scrolling_table("History", &html! {
                caption {
                    @if team.changes.is_empty() { "No changes are recorded" } @else { "Newest first" }
                    @if team.is_cut { ", the latest " (number(team.changes.len())) ". The page Changes has all" }
                }
                thead { tr {
                    th scope="col" { "Recorded" } th scope="col" { "Person or team" } th scope="col" { "Change" }
                    th scope="col" { "Made by" } th scope="col" { "Made at" }
                } }
                tbody {
                    @for change in &team.changes {
                        tr {
                            td { (viewer.times.show(change.at)) }
                            td { (subject(viewer, change)) }
                            td { @for sentence in describe(change) { div { bdi { (sentence) } } } }
                            (made_by(viewer, change.actor.as_ref()))
                        }
                    }
                }
            }))
            p { a href=(viewer.address("/changes", &[("team", &team_id(&team.id))])) { "All changes of this team" } }
        }
    }
}
