//! What all pages share: the document, the navigation and the footer. All values are escaped;
//! there are no scripts.

use maud::{DOCTYPE, Markup, html};

use super::form;
use super::sections::NAVIGATION;
pub use super::sections::Section;
use super::viewer::{Viewer, address};
use crate::import::ConnectionState;

/// Renders a complete document.
pub fn document(title: &str, body: &Markup) -> String {
    // A new version has a new address, so that browsers do not keep the old style sheet.
    let style = concat!("/status.css?v=", env!("CARGO_PKG_VERSION"), "-", env!("BUILD_COMMIT"));
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                link rel="icon" type="image/svg+xml" href="/favicon.svg";
                link rel="stylesheet" href=(style);
            }
            body { (body) }
        }
    }
    .into_string()
}

/// Renders a page without navigation, for visitors without a session and for refusals.
pub fn plain_page(title: &str, main: &Markup) -> String {
    document(
        &format!("{title} · Intercom SCIM bridge"),
        &html! {
            main id="content" class="plain" {
                p class="product" { "Intercom SCIM bridge" }
                h1 { (title) }
                (main)
            }
        },
    )
}

/// Renders a page of the console: `title` names it in the browser, `main` is its content with the
/// heading.
pub fn page(viewer: &Viewer, section: Section, title: &str, main: &Markup) -> String {
    let workspace = &*viewer.workspace.name;
    document(
        &format!("{title} · {workspace} · Intercom SCIM bridge"),
        &html! {
            a class="skip" href="#content" { "Skip to the content" }
            div class="frame" {
                header {
                    p class="product" { a href=(viewer.address("/", &[])) { "Intercom SCIM bridge" } }
                    p class="workspace" { "Workspace " strong { bdi { (workspace) } } }
                    // Browsers open it without a script. On wide screens the style sheet always
                    // shows the menu, as do browsers that do not know `popover`.
                    button class="menu" popovertarget="menu" { "Menu" }
                }
                div id="menu" popover="auto" { (menu(viewer, section)) }
                main id="content" tabindex="-1" { (main) }
                (footer(viewer))
            }
        },
    )
}

fn menu(viewer: &Viewer, section: Section) -> Markup {
    html! {
        nav aria-label="Sections" {
            @for group in &NAVIGATION {
                @if !group.title.is_empty() { p class="group" { (group.title) } }
                ul {
                    @for one in group.sections {
                        @let current = (*one == section).then_some("page");
                        li { a href=(viewer.address(one.path(), &[])) aria-current=[current] { (one.title()) } }
                    }
                }
            }
        }
        @if viewer.all.len() > 1 { (workspaces(viewer, section)) }
        section class="session" aria-label="Your session" {
            p { "Times in " (viewer.times.zone.name()) ". "
                a href=(viewer.address("/time-zone", &[("back", &viewer.here)])) { "Change time zone" } }
            form method="post" action="/logout" {
                (form::token(viewer))
                p { "Signed in as " bdi { (viewer.person.name) } " · " (viewer.person.role) }
                button { "Sign out" }
            }
        }
    }
}

fn workspaces(viewer: &Viewer, section: Section) -> Markup {
    html! {
        nav aria-label="Workspaces" {
            p class="group" { "Workspaces" }
            ul {
                @for other in &viewer.all {
                    @let current = (other.name == viewer.workspace.name).then_some("true");
                    @let connection = other.health.standing().connection;
                    li {
                        a href=(address(section.path(), &other.name, &[])) aria-current=[current] { bdi { (other.name) } }
                        @if connection != ConnectionState::Connected {
                            " " span class={ "badge " (css_class(connection)) } { (connection.as_str()) }
                        }
                    }
                }
            }
        }
    }
}

/// The footer, which a print has on it too: which state the page shows, and when it was made.
fn footer(viewer: &Viewer) -> Markup {
    let served = viewer.workspace.live.served();
    let generation = served.map(|served| served.snapshot_id().generation);
    html! {
        footer {
            p {
                "Workspace " bdi { (viewer.workspace.name) } " · "
                @match generation {
                    Some(generation) => { "generation " (generation) },
                    None => "nothing imported yet",
                }
                " · page made " (viewer.times.text(viewer.times.now))
            }
            p { "intercom-scim-bridge " (crate::VERSION) }
        }
    }
}

/// A table that scrolls sideways where the screen is narrow. `name` names it for screen readers.
pub fn scrolling_table(name: &str, content: &Markup) -> Markup {
    html! {
        div class="scroll" tabindex="0" role="region" aria-label=(name) {
            table { (content) }
        }
    }
}

/// What a page shows when it has no rows: why, and what to do.
pub fn empty(why: &str, remedy: &Markup) -> Markup {
    html! {
        div class="empty" {
            p { strong { (why) } }
            p { (remedy) }
        }
    }
}

/// What a page shows before the first import.
pub fn nothing_imported() -> Markup {
    empty(
        "Nothing was imported yet, so there is nothing to show.",
        &html! { "The first import begins by itself when the bridge can reach Intercom. The overview says whether it can." },
    )
}

/// The CSS class of a connection, which gives it its colour.
pub fn css_class(connection: ConnectionState) -> &'static str {
    match connection {
        ConnectionState::Connected => "good",
        ConnectionState::Degraded => "warn",
        ConnectionState::Disconnected => "bad",
    }
}
