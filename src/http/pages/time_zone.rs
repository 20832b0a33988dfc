//! The choice of the time zone in which the pages write times.

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, LOCATION};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use maud::{Markup, html};

use super::html::{PageRefusals, page, parameter};
use super::layout::{self, Section};
use super::session::{by_another_site, is_secure};
use super::viewer::Viewer;
use super::{times, view};
use crate::http::errors::ApiError;
use crate::http::extract::body::Body;
use crate::http::request::negotiation::{HTML, preferred_form};
use crate::http::request::query;
use crate::http::state::service::Service;
use crate::http::wire::BodyRefusals;
use crate::moments::Zone;

/// Shows the form with which a viewer chooses a time zone.
#[utoipa::path(
    get, path = "/time-zone", operation_id = "time_zone_page", tag = "pages",
    params(
        ("workspace" = Option<String>, Query, description = "The name of the workspace. The default is the first one of the session."),
        ("back" = Option<String>, Query, description = "The path and query of the page to return to."),
    ),
    responses(
        (status = 200, description = "An HTML page. Without a session, the page explains how to sign in.", content_type = "text/html", body = String),
        PageRefusals,
    ),
)]
pub async fn time_zone(
    request: HttpRequest,
    service: Data<Service>,
) -> Result<HttpResponse, ApiError> {
    preferred_form(&request, &[HTML])?;
    let Some(viewer) = Viewer::from_request(&request, &service).await? else {
        return Ok(page(StatusCode::OK, view::signed_out(&service)));
    };
    let back = back(parameter(&request, "back"));
    let html = layout::page(&viewer, Section::Overview, "Time zone", &form(&viewer, &back));
    Ok(page(StatusCode::OK, html))
}

/// Keeps the chosen time zone in a cookie.
///
/// It changes only how the pages write times.
#[utoipa::path(
    post, path = "/time-zone", operation_id = "choose_time_zone", tag = "pages",
    request_body(content = Option<String>, content_type = "application/x-www-form-urlencoded", description = "The form fields `zone`, a name of the IANA database such as `Europe/Dublin`, and `back`, the path and query of the page to return to."),
    responses(
        (status = 303, description = "Redirects to the page `back` and sets the cookie. An unknown zone changes nothing."),
        (status = 400, description = "The request comes from another site.", content_type = "text/html", body = String),
        PageRefusals,
        BodyRefusals,
    ),
)]
pub async fn choose_time_zone(
    request: HttpRequest,
    service: Data<Service>,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    preferred_form(&request, &[HTML])?;
    if by_another_site(&request, &service) {
        return Ok(page(StatusCode::BAD_REQUEST, view::signed_out(&service)));
    }
    let mut response = HttpResponse::SeeOther();
    response
        .insert_header((LOCATION, back(query::first(&body.0, "back"))))
        .insert_header((CACHE_CONTROL, "no-store"));
    if let Some(zone) = query::first(&body.0, "zone").and_then(|name| Zone::named(&name)) {
        response.cookie(times::cookie(&zone, is_secure(&service)));
    }
    Ok(response.finish())
}

/// The page to return to: a path of this bridge. Everything else could lead to another site.
fn back(wanted: Option<String>) -> String {
    let is_ours = |path: &String| {
        let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'\\';
        path.starts_with('/') && !path.starts_with("//") && path.bytes().all(plain)
    };
    wanted.filter(is_ours).unwrap_or_else(|| "/".to_owned())
}

fn form(viewer: &Viewer, back: &str) -> Markup {
    let current = viewer.times.zone.name();
    html! {
        h1 { "Time zone" }
        p { "All pages write times in this zone, and in UTC beside it. The choice is kept in this browser." }
        form class="filters" method="post" action="/time-zone" {
            input type="hidden" name="back" value=(back);
            label { "Time zone"
                select name="zone" {
                    option value="UTC" selected[viewer.times.is_utc()] { "UTC" }
                    @for name in Zone::names().filter(|name| name.contains('/')) {
                        option value=(name) selected[name == current] { (name.replace('_', " ")) }
                    }
                }
            }
            button class="main" { "Use this time zone" }
            a href=(back) { "Cancel" }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_the_bridge_are_returned_to() {
        let returned = |text: &str| back(Some(text.to_owned()));
        assert_eq!(returned("/people?q=a%20b"), "/people?q=a%20b");
        for foreign in ["//evil.example", "/\\evil.example", "https://evil.example", "/a\r\nb", ""]
        {
            assert_eq!(returned(foreign), "/", "{foreign}");
        }
        assert_eq!(back(None), "/");
    }
}
