//! The rows of an access review for the console, which stores them when a review is begun.

use std::sync::Arc;

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::reviews::invited;
use super::tabular::Source;
use crate::directory::{Directory, Generation};
use crate::http::errors::ApiError;
use crate::http::state::service::Service;
use crate::identities::Shown;
use crate::ledger::LedgerError;
use crate::runtime::WorkspaceHandle;
use crate::tabular::{ReviewBasis, ReviewedAccount, review, reviewed_invitation};

/// The rows of a review.
pub struct ReviewRows {
    /// Each row with the id of its account or invitation, in the order of the export.
    pub rows: Vec<(String, Value)>,
    /// The generation that they show.
    pub generation: Generation,
    /// The time that they show.
    pub as_of: OffsetDateTime,
}

/// The rows of a review of the state at `as_of`, or now, compared with that at `since`. They are
/// those of `/api/v1/reviews/accounts`, with the people of the roster.
///
/// # Errors
/// `ApiError` if the workspace was not recorded then, or the database is unavailable.
pub async fn review_rows(
    service: &Service,
    workspace: &Arc<WorkspaceHandle>,
    as_of: Option<OffsetDateTime>,
    since: Option<OffsetDateTime>,
) -> Result<ReviewRows, ApiError> {
    let ledger = &service.stores.ledger;
    let name = &*workspace.name;
    let moment = as_of.unwrap_or_else(|| service.clock.now());
    let generation = generation_at(service, workspace, moment).await?;
    // Not the served snapshot: it omits people who were removed long ago, and a comparison needs
    // them.
    let source = Source::Past(past(workspace, generation).await?);
    let before = match since {
        Some(since) => {
            let generation = generation_at(service, workspace, since).await?;
            Some(past(workspace, generation).await?)
        }
        None => None,
    };
    let log = ledger.log_facts(name, moment, service.activity_lookback).await?;
    let invitations = invited(ledger, name, log.covered.map(|(_, until)| until), &source).await?;
    let directory = source.directory();
    let identities = workspace.identities.assess(Shown { directory, as_of }).await?;
    let basis = ReviewBasis {
        privileged_roles: &service.privileged_roles,
        log: &log,
        moment,
        identities: identities.as_ref().map(|assessment| &assessment.review),
    };
    let mut rows = review(directory, before.as_deref(), basis);
    rows.extend(invitations.iter().filter_map(|invitation| {
        reviewed_invitation(invitation, &directory.workspace, since, basis)
    }));
    let row = |row: &ReviewedAccount| (row.account_id.clone(), json!(row));
    Ok(ReviewRows { rows: rows.iter().map(row).collect(), generation, as_of: moment })
}

async fn generation_at(
    service: &Service,
    workspace: &WorkspaceHandle,
    moment: OffsetDateTime,
) -> Result<Generation, ApiError> {
    let generation = service.stores.ledger.generation_at(&workspace.name, moment).await?;
    generation.ok_or_else(|| ApiError::InvalidValue {
        why: "the bridge had not recorded this workspace yet on that day; choose a later day"
            .to_owned(),
    })
}

async fn past(
    workspace: &WorkspaceHandle,
    generation: Generation,
) -> Result<Arc<Directory>, LedgerError> {
    workspace.past.at(generation).await
}
