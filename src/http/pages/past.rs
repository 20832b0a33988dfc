//! The state of a workspace on a day that the viewer chose.

use std::sync::Arc;

use time::OffsetDateTime;

use super::times::Times;
use super::viewer::Viewer;
use crate::directory::Directory;
use crate::http::errors::ApiError;
use crate::http::state::service::Service;
use crate::ledger::LedgerError;
use crate::moments::{self, Edge};
use crate::scim::ServedSnapshot;

/// The state of the workspace that a page shows.
pub enum State {
    /// The current one.
    Current(Arc<ServedSnapshot>),
    /// The one at the requested time.
    Past(Arc<Directory>),
    /// None can be shown, for this reason.
    Missing(&'static str),
}

impl State {
    /// The directory; `None` if no state can be shown.
    pub fn directory(&self) -> Option<&Directory> {
        match self {
            Self::Current(served) => Some(served.directory()),
            Self::Past(directory) => Some(directory),
            Self::Missing(_) => None,
        }
    }

    /// The state at the time that the viewer wrote, or the current one if the text is empty.
    pub async fn at(service: &Service, viewer: &Viewer, text: &str) -> Result<Self, ApiError> {
        let text = text.trim();
        if text.is_empty() {
            let served = viewer.workspace.live.served();
            return Ok(served.map_or(Self::Missing("Nothing was imported yet."), Self::Current));
        }
        let Some(moment) = moment(text, &viewer.times) else {
            return Ok(Self::Missing("This is not a day or time in the past, such as 2026-03-01."));
        };
        let name = &viewer.workspace.name;
        let generation = match service.stores.ledger.generation_at(name, moment).await {
            Ok(Some(generation)) => generation,
            Ok(None) => {
                return Ok(Self::Missing(
                    "The bridge had not recorded this workspace yet at that time.",
                ));
            }
            Err(LedgerError::Pruned { .. }) => return Ok(Self::Missing(PRUNED)),
            Err(error) => return Err(error.into()),
        };
        let workspace = Arc::clone(&viewer.workspace);
        match service.makers.page(async move { workspace.past.at(generation).await }).await? {
            Ok(directory) => Ok(Self::Past(directory)),
            Err(LedgerError::Pruned { .. }) => Ok(Self::Missing(PRUNED)),
            Err(error) => Err(error.into()),
        }
    }
}

const PRUNED: &str = "The history of that time was pruned.";

/// Reads a day of the viewer's zone (its last moment, at most now) or a time; `None` if it is
/// neither, or in the future.
fn moment(text: &str, times: &Times) -> Option<OffsetDateTime> {
    let start = moments::read(text, Edge::Start, &times.zone)?.moment;
    let last = moments::read(text, Edge::Last, &times.zone)?.moment;
    (start <= times.now).then_some(last.min(times.now))
}
