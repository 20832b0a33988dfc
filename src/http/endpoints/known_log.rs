//! How much of Intercom's activity log was known at a moment.

use time::OffsetDateTime;

use crate::directory::InvitationEvent;
use crate::http::errors::ApiError;
use crate::http::extract::caller::{Caller, ImportRead};
use crate::tabular::KnownLog;

/// Returns how much of the activity log was known at a moment, by default now.
pub async fn known_log(
    caller: &Caller<ImportRead>,
    as_of: Option<OffsetDateTime>,
) -> Result<KnownLog, ApiError> {
    let service = &caller.service;
    let covered = match as_of {
        Some(moment) => {
            let (ledger, lookback) = (&service.stores.ledger, service.activity_lookback);
            ledger.log_covered(&caller.workspace.name, moment, lookback).await?
        }
        None => caller.workspace.live.shown().log_covered,
    };
    Ok(KnownLog { covered, moment: as_of.unwrap_or_else(|| service.clock.now()) })
}

/// Returns the entries about invitations, as far as the log was known.
pub async fn invitation_events(
    caller: &Caller<ImportRead>,
    known: KnownLog,
) -> Result<Vec<InvitationEvent>, ApiError> {
    let Some((_, until)) = known.covered else { return Ok(Vec::new()) };
    let ledger = &caller.service.stores.ledger;
    Ok(ledger.invitation_events(&caller.workspace.name, until).await?)
}
