//! The filters of the changes.

use actix_web::HttpRequest;
use time::OffsetDateTime;

use super::html::text;
use super::named::people_named;
use super::viewer::Viewer;
use crate::directory::{ChangeAction, ChangeKind, GroupId};
use crate::http::errors::ApiError;
use crate::http::state::service::Service;
use crate::ledger::ChangeQuestion;
use crate::moments::{self, Edge, Zone};
use crate::words::Words;

/// The filters, as the viewer wrote them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangeFilters {
    pub from: String,
    pub to: String,
    pub person: String,
    pub team: String,
    pub actor: String,
    pub kind: Option<ChangeKind>,
    pub action: Option<ChangeAction>,
}

impl ChangeFilters {
    /// The filters in the query of a request.
    pub fn from_request(request: &HttpRequest) -> Self {
        let text = |name| text(request, name).unwrap_or_default();
        Self {
            from: text("from"),
            to: text("to"),
            person: text("person"),
            team: text("team"),
            actor: text("actor"),
            kind: Words::from_word(&text("kind")),
            action: Words::from_word(&text("action")),
        }
    }

    /// The question to the ledger. Invalid values do not restrict it.
    pub async fn question(
        &self,
        service: &Service,
        viewer: &Viewer,
    ) -> Result<ChangeQuestion, ApiError> {
        let zone = &viewer.times.zone;
        let team = self.team.trim();
        let team = team.strip_prefix("team_").unwrap_or(team);
        Ok(ChangeQuestion {
            kind: self.kind,
            people: people_named(service, viewer, &self.person).await?.map(|people| people.ids),
            team: (!team.is_empty()).then(|| GroupId::new(team)),
            actor: people_named(service, viewer, &self.actor).await?,
            action: self.action,
            since: moment(&self.from, Edge::Start, zone),
            until: moment(&self.to, Edge::End, zone),
        })
    }
}

/// A moment that the viewer wrote: a day of the viewer's zone, or a time.
pub fn moment(text: &str, edge: Edge, zone: &Zone) -> Option<OffsetDateTime> {
    moments::read(text, edge, zone).map(|read| read.moment)
}
