//! The list of teams. The members of a team are the people of that team.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use maud::{Markup, html};

use super::format::{number, team_name, when};
use super::html::page;
use super::layout::{self, Section};
use super::view;
use super::viewer::Viewer;
use crate::directory::{Directory, Team, team_id, text};
use crate::http::errors::ApiError;
use crate::http::request::negotiation::{HTML, preferred_form};
use crate::http::state::service::Service;
use crate::http::wire::Problem;

/// Shows the teams of a workspace, by name.
#[utoipa::path(
    get, path = "/teams", operation_id = "teams_page", tag = "pages",
    params(("workspace" = Option<String>, Query, description = "The name of the workspace. The default is the first one of the session.")),
    responses(
        (status = 200, description = "An HTML page. Without a session, the page explains how to sign in.", content_type = "text/html", body = String),
        (status = 429, description = "Too many requests from one address. `Retry-After` says when to try again.", content_type = "application/problem+json", body = Problem),
        (status = 503, description = "The database is unavailable.", content_type = "application/problem+json", body = Problem),
    ),
)]
pub async fn teams(request: HttpRequest, service: Data<Service>) -> Result<HttpResponse, ApiError> {
    preferred_form(&request, &[HTML])?;
    let Some(viewer) = Viewer::from_request(&request, &service).await? else {
        return Ok(page(StatusCode::OK, view::signed_out()));
    };
    let _turn = service.makers.console_turn().await?;
    let html = service.makers.page(async move {
        let served = viewer.workspace.live.served();
        let main = html! {
            h1 { "Teams" }
            @match &served {
                None => p { "Nothing was imported yet, so there are no teams to show." },
                Some(served) => (table(&viewer, served.directory())),
            }
        };
        layout::page(&viewer, Section::Teams, "Teams", &main)
    });
    Ok(page(StatusCode::OK, html.await?))
}

fn table(viewer: &Viewer, directory: &Directory) -> Markup {
    let mut teams: Vec<&Team> = directory.teams.iter().collect();
    teams.sort_by_cached_key(|team| text::folded(&team_name(team)).into_owned());
    html! {
        div class="scroll" tabindex="0" role="region" aria-label="Teams" {
            table {
                caption { (number(teams.len())) " teams" }
                thead { tr { th scope="col" { "Name" } th scope="col" class="number" { "Members" } th scope="col" { "Last change" } } }
                tbody {
                    @for team in teams {
                        tr {
                            td { a href=(viewer.address("/people", &[("team", &team_id(&team.group.id))])) { bdi { (team_name(team)) } } }
                            td class="number" { (number(team.members.len())) }
                            td { (when(team.stamps.last_modified)) }
                        }
                    }
                }
            }
        }
    }
}
