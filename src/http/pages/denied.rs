//! The pages of refused requests: what is wrong, and what the person can do.

use actix_web::http::StatusCode;
use maud::{Markup, html};

use super::layout::plain_page;
use super::viewer::Viewer;
use crate::console::ConsoleAction;
use crate::http::errors::ApiError;

/// The request comes from a page of another site.
pub fn another_site() -> ApiError {
    refused(
        StatusCode::FORBIDDEN,
        "This request came from another site",
        &html! {
            p { "Nothing was changed. The console accepts changes only from its own pages." }
            p { "If you did not expect this, another page tried to act in your name. Close that page." }
            (back())
        },
    )
}

/// The request has no valid session.
pub fn no_session() -> ApiError {
    refused(
        StatusCode::FORBIDDEN,
        "You are not signed in",
        &html! {
            p { "Nothing was changed. Your session has ended, or this browser never had one." }
            p { a href="/" { "Sign in" } ", then repeat what you did." }
        },
    )
}

/// The form does not have the token of the session.
pub fn wrong_token() -> ApiError {
    refused(
        StatusCode::FORBIDDEN,
        "This form is not valid any more",
        &html! {
            p { "Nothing was changed. The form does not belong to your present session. That happens if you signed in again after the page was loaded." }
            p { "Go back, load the page again, and repeat what you did." }
            (back())
        },
    )
}

/// The address does not name a workspace of the session.
pub fn no_workspace() -> ApiError {
    refused(
        StatusCode::FORBIDDEN,
        "You cannot change this workspace",
        &html! {
            p { "Nothing was changed. Your session does not include the workspace of this form." }
            p { "Ask an operator for access to the workspace, then sign in again." }
            (back())
        },
    )
}

/// The role of the person may not do this.
pub fn too_small_a_role(viewer: &Viewer, action: ConsoleAction) -> ApiError {
    let needed = action.needs();
    let role = viewer.person.role;
    refused(
        StatusCode::FORBIDDEN,
        "Your role does not permit this",
        &html! {
            p { "Nothing was changed. This needs the role " strong { (needed) } "; you have the role " strong { (role) } "." }
            p { "Ask an operator for the role, then sign in again. An operator gives it with " code { "login-link --role " (needed) } ", or with the groups of your identity provider." }
            (back())
        },
    )
}

/// The form cannot be processed. `why` says what to correct.
pub fn invalid(why: &str) -> ApiError {
    refused(
        StatusCode::BAD_REQUEST,
        "The form cannot be accepted",
        &html! {
            p { "Nothing was changed." }
            p { (why) }
            p { "Go back and correct the form." }
            (back())
        },
    )
}

/// There is no such thing in this workspace.
pub fn not_found(what: &str) -> ApiError {
    refused(
        StatusCode::NOT_FOUND,
        "Not found",
        &html! {
            p { "This workspace has no such " (what) "." }
            (back())
        },
    )
}

fn back() -> Markup {
    html! { p { a href="/" { "Go to the overview" } } }
}

/// A refusal with a page of its own.
fn refused(status: StatusCode, title: &str, text: &Markup) -> ApiError {
    let html = plain_page(title, text);
    ApiError::Page { status, html }
}
