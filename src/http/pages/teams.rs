//! The list of teams. The members of a team are the people of that team.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use maud::{Markup, html};

use super::format::{number, team_name};
use super::html::{PageRefusals, offset, page};
use super::layout::{self, Section, scrolling_table};
use super::list::{ListAddress, Page};
use super::view;
use super::viewer::Viewer;
use crate::directory::{Directory, Team, team_id, text};
use crate::http::errors::ApiError;
use crate::http::request::negotiation::{HTML, preferred_form};
use crate::http::state::service::Service;
use crate::limits;

/// Shows the teams of a workspace, by name.
#[utoipa::path(
    get, path = "/teams", operation_id = "teams_page", tag = "pages",
    params(
        ("workspace" = Option<String>, Query, description = "The name of the workspace. The default is the first one of the session."),
        ("offset" = Option<String>, Query, description = "How many teams to skip."),
    ),
    responses(
        (status = 200, description = "An HTML page. Without a session, the page explains how to sign in.", content_type = "text/html", body = String),
        PageRefusals,
    ),
)]
pub async fn teams(request: HttpRequest, service: Data<Service>) -> Result<HttpResponse, ApiError> {
    preferred_form(&request, &[HTML])?;
    let Some(viewer) = Viewer::from_request(&request, &service).await? else {
        return Ok(page(StatusCode::OK, view::signed_out(&service)));
    };
    let _turn = service.makers.console_turn().await?;
    let offset = offset(&request);
    let html = service.makers.page(async move {
        let served = viewer.workspace.live.served();
        let main = html! {
            h1 { "Teams" }
            @match &served {
                None => (layout::nothing_imported()),
                Some(served) => (table(&viewer, served.directory(), offset)),
            }
        };
        layout::page(&viewer, Section::Teams, "Teams", &main)
    });
    Ok(page(StatusCode::OK, html.await?))
}

fn table(viewer: &Viewer, directory: &Directory, offset: usize) -> Markup {
    let mut teams: Vec<&Team> = directory.teams.iter().collect();
    teams.sort_by_cached_key(|team| text::folded(&team_name(team)).into_owned());
    let (page, teams) = Page::of(&teams, offset, limits::PAGE_ROWS);
    html! {
        (scrolling_table("Teams", &html! {
            caption { (page.caption()) }
            thead { tr { th scope="col" { "Name" } th scope="col" class="number" { "Members" } th scope="col" { "Last change" } } }
            tbody {
                @for team in teams {
                    tr {
                        td { a href=(viewer.team_address(&team_id(&team.group.id))) { bdi { (team_name(team)) } } }
                        td class="number" { a href=(viewer.members_address(team)) { (number(team.members.len())) } }
                        td { (viewer.times.show(team.stamps.last_modified)) }
                    }
                }
            }
        }))
        (ListAddress::new(viewer, "/teams").pages(&page))
    }
}
