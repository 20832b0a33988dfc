//! The pending invitations, as far as Intercom's activity log shows them.

use super::viewer::Viewer;
use crate::directory::pending_invitations;
use crate::http::errors::ApiError;
use crate::http::state::service::Service;
use crate::ledger::LedgerError;
use crate::tabular::InvitationRow;

/// The pending invitations. `None` if the log was not read, so that they are unknown.
pub async fn pending(
    service: &Service,
    viewer: &Viewer,
) -> Result<Option<Vec<InvitationRow>>, ApiError> {
    let Some(served) = viewer.workspace.live.served() else { return Ok(None) };
    let Some((_, until)) = viewer.workspace.live.shown().log_covered else { return Ok(None) };
    let (ledger, name) = (service.stores.ledger.clone(), viewer.workspace.name.clone());
    let moment = viewer.times.now;
    let found = service.makers.page(async move {
        let events = ledger.invitation_events(&name, until).await?;
        let directory = served.directory();
        let pending = pending_invitations(&events, directory).pending;
        let row = |one| InvitationRow::new(one, &directory.workspace, moment);
        Ok::<_, LedgerError>(pending.iter().map(row).collect())
    });
    Ok(Some(found.await??))
}
