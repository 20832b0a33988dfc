//! Closes the open requests that the served snapshot shows to be done.

use time::OffsetDateTime;

use super::{Live, PastStates};
use crate::directory::Generation;
use crate::ledger::LedgerError;
use crate::limits;
use crate::requests::{RequestEnd, RequestState, seen_done};
use crate::stores::{Closing, RequestQuestion, RequestStore};

/// Closes the open requests of a workspace that the served snapshot shows to be done.
///
/// # Errors
/// If the ledger cannot be read or written.
pub async fn settle_requests(
    requests: &RequestStore,
    workspace: &str,
    live: &Live,
    past: &PastStates,
    now: OffsetDateTime,
) -> Result<(), LedgerError> {
    let Some(served) = live.served() else { return Ok(()) };
    let generation = served.snapshot_id().generation;
    // The state with people who were removed long ago, whom the served snapshot omits. It is read
    // when it is needed.
    let mut everybody = None;
    let mut question =
        RequestQuestion { state: Some(RequestState::Open), ..RequestQuestion::default() };
    loop {
        let (open, _) = requests.list(workspace, &question, limits::LIST_ITEMS as u64).await?;
        let mut done = seen_done(served.directory(), &open);
        let is_served = |target: &str| served.by_id(target).is_some();
        if open
            .iter()
            .filter_map(|request| request.target.as_deref())
            .any(|target| !is_served(target))
        {
            if everybody.is_none() {
                everybody = Some(past.at(generation).await?);
            }
            if let Some(everybody) = &everybody {
                done = seen_done(everybody, &open);
            }
        }
        for request in done {
            close_as_seen(requests, workspace, generation, &request.reference, now).await?;
        }
        match open.last() {
            Some(last) if open.len() == limits::LIST_ITEMS => {
                question.before = Some(last.reference.clone());
            }
            _ => return Ok(()),
        }
    }
}

/// Closes a request whose change a generation shows.
///
/// # Errors
/// If the ledger cannot be written.
pub async fn close_as_seen(
    requests: &RequestStore,
    workspace: &str,
    generation: Generation,
    reference: &str,
    now: OffsetDateTime,
) -> Result<(), LedgerError> {
    let closing = Closing {
        by: "import".to_owned(),
        note: Some(format!("seen in generation {generation}")),
        end: RequestEnd::Done,
        at: now,
    };
    requests.close(workspace, reference, closing).await.map(drop)
}
