//! The pages for signing in.

use maud::html;

use super::layout::plain_page;
use crate::http::state::service::Service;

/// The page for visitors without a session.
pub fn signed_out(service: &Service) -> String {
    plain_page(
        "Sign in",
        &html! {
            @if service.open_id.is_some() {
                p { a class="button" href="/oidc/start" { "Sign in with your company account" } }
                p { "Or get a link for signing in: run this command where the bridge runs, and open the link that it prints:" }
            } @else {
                p { "You are not signed in. To get a link for signing in, run this command where the bridge runs, and open the link that it prints:" }
            }
            p { code { "intercom-scim-bridge login-link" } }
            p { a href="/docs/" { "The description of the API" } }
        },
    )
}

/// The page with the button that starts a session. Programs that follow links press no buttons.
pub fn log_in(link: &str) -> String {
    plain_page(
        "Sign in",
        &html! {
            form method="post" action="/login" {
                input type="hidden" name="link" value=(link);
                button class="main" autofocus { "Open the console" }
            }
        },
    )
}

/// The page for an invalid link.
pub fn no_link() -> String {
    plain_page(
        "This link is no longer valid",
        &html! {
            p { "A link is valid once, for ten minutes. For a new one, run this command again where the bridge runs:" }
            p { code { "intercom-scim-bridge login-link" } }
        },
    )
}
