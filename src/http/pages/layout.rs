//! What all pages share: the document, the header with its navigation, and the footer. All values
//! are escaped; there are no scripts.

use maud::{DOCTYPE, Markup, html};

use super::viewer::{Viewer, address};
use crate::import::ConnectionState;

/// A section of the console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    Overview,
    People,
    Teams,
}

impl Section {
    const ALL: [Self; 3] = [Self::Overview, Self::People, Self::Teams];

    fn title(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::People => "People",
            Self::Teams => "Teams",
        }
    }

    fn path(self) -> &'static str {
        match self {
            Self::Overview => "/",
            Self::People => "/people",
            Self::Teams => "/teams",
        }
    }
}

/// Renders a complete document.
pub fn document(title: &str, body: &Markup) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                link rel="stylesheet" href="/status.css";
            }
            body { (body) }
        }
    }
    .into_string()
}

/// Renders a page of the console: `title` names it in the browser, `main` is its content.
pub fn page(viewer: &Viewer, section: Section, title: &str, main: &Markup) -> String {
    let workspace = &*viewer.workspace.name;
    let served = viewer.workspace.live.served();
    let generation = served.map_or(0, |served| served.snapshot_id().generation);
    document(
        &format!("{title} · {workspace} · Intercom SCIM bridge"),
        &html! {
            a class="skip" href="#content" { "Skip to the content" }
            header {
                p class="product" { "Intercom SCIM bridge" }
                nav aria-label="Sections" {
                    @for one in Section::ALL {
                        @let current = (one == section).then_some("page");
                        a href=(viewer.address(one.path(), &[])) aria-current=[current] { (one.title()) }
                    }
                }
                @if viewer.all.len() > 1 { (workspaces(viewer, section)) }
                form method="post" action="/logout" { button { "Sign out" } }
            }
            main id="content" { (main) }
            footer { "intercom-scim-bridge " (crate::VERSION) " · times are UTC · generation " (generation) }
        },
    )
}

fn workspaces(viewer: &Viewer, section: Section) -> Markup {
    html! {
        nav aria-label="Workspaces" {
            @for other in &viewer.all {
                @let current = (other.name == viewer.workspace.name).then_some("true");
                @let connection = other.health.standing().connection;
                a href=(address(section.path(), &other.name, &[])) aria-current=[current] { (other.name) }
                @if connection != ConnectionState::Connected {
                    span class=(css_class(connection)) { (connection.as_str()) }
                }
            }
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

/// The CSS class of a connection, which gives it its colour.
pub fn css_class(connection: ConnectionState) -> &'static str {
    match connection {
        ConnectionState::Connected => "good",
        ConnectionState::Degraded => "warn",
        ConnectionState::Disconnected => "bad",
    }
}
