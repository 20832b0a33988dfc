//! The forms of the console that change something: their fields, their token, and what the next
//! page says about the change.

use actix_web::HttpRequest;
use maud::{Markup, html};

use super::html::parameter;
use super::viewer::Viewer;
use crate::console::ConsoleAction;
use crate::http::request::query;
use crate::limits;
use crate::words::{Words, words};

/// The name of the field with the token of the session.
pub const CSRF: &str = "csrf";

/// The fields of a form that a browser sent.
pub struct FormData(Vec<(String, String)>);

impl FormData {
    /// Parses the body of a request.
    pub fn parse(body: &[u8]) -> Self {
        Self(query::pairs(body))
    }

    /// A field, without space around it; `None` if it is missing, empty, longer than a comment, or
    /// has a character that PostgreSQL cannot store.
    pub fn text(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(known, _)| known == name)?;
        let value = value.trim();
        let fit = (1..=limits::COMMENT_BYTES).contains(&value.len()) && !value.contains('\0');
        fit.then_some(value)
    }

    /// The rests of the names of fields that begin so.
    pub fn names_after<'a>(&'a self, start: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter_map(move |(name, _)| name.strip_prefix(start))
    }

    /// A field whose value is one of the words of an enum.
    pub fn word<W: Words>(&self, name: &str) -> Option<W> {
        self.text(name).and_then(W::from_word)
    }
}

/// A form that changes something. Renders nothing for a person whose role may not do it; the
/// request would be refused. `fields` has the visible fields and the button.
pub fn acting_form(viewer: &Viewer, action: ConsoleAction, path: &str, fields: &Markup) -> Markup {
    html! {
        @if viewer.person.can(action) {
            form class="act" method="post" action=(viewer.address(path, &[])) {
                (token(viewer))
                (fields)
            }
        }
    }
}

/// The hidden field with the token of the session. Every form that changes something has it.
pub fn token(viewer: &Viewer) -> Markup {
    html! { input type="hidden" name=(CSRF) value=(viewer.csrf); }
}

words! {
    /// What was done, as the next page says it.
    pub enum Notice {
        ImportStarted = "import_started",
        ImportReleased = "import_released",
        ImportKept = "import_kept",
        RequestClosed = "request_closed",
        RequestClosedBefore = "request_closed_before",
        ClientDisabled = "client_disabled",
        TokenRevoked = "token_revoked",
        AlreadyInvalid = "already_invalid",
        DecisionRecorded = "decision_recorded",
        DecisionRevoked = "decision_revoked",
        ReviewBegun = "review_begun",
        ReviewSaved = "review_saved",
        ReviewSigned = "review_signed",
        ReviewDiscarded = "review_discarded",
        ReviewClosedBefore = "review_closed_before",
    }
}

impl Notice {
    fn sentence(self) -> &'static str {
        match self {
            Self::ImportStarted => {
                "The import was requested. It begins when no other import is running."
            }
            Self::ImportReleased => {
                "The import was released. It reads Intercom again and makes the changes that it finds."
            }
            Self::ImportKept => {
                "Nothing was removed. The people and teams stay as they are recorded until an import is released."
            }
            Self::RequestClosed => "The request was closed.",
            Self::RequestClosedBefore => "The request was closed before. Nothing was changed.",
            Self::ClientDisabled => {
                "The client was disabled. Its tokens become invalid within a second."
            }
            Self::TokenRevoked => "The token was revoked. It becomes invalid within a second.",
            Self::AlreadyInvalid => "It was disabled or revoked before. Nothing was changed.",
            Self::DecisionRecorded => "The decision was recorded.",
            Self::DecisionRevoked => "The decision was undone.",
            Self::ReviewBegun => "The review was begun. Decide about each account, then sign it.",
            Self::ReviewSaved => "The decisions were saved.",
            Self::ReviewSigned => "The review was signed. It cannot be changed any more.",
            Self::ReviewDiscarded => "The review was discarded.",
            Self::ReviewClosedBefore => {
                "The review was signed or discarded before, so nothing was changed."
            }
        }
    }
}

/// What the last change did, if the address of the page says so.
pub fn notice(request: &HttpRequest) -> Markup {
    let done = parameter(request, "notice").as_deref().and_then(Notice::from_word);
    html! {
        @if let Some(done) = done {
            p class="notice good" role="status" { (done.sentence()) }
        }
    }
}
