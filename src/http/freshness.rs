//! How old an answer may be, and waiting for a newer one.

use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header::CACHE_CONTROL;

use super::caller::{Caller, ScimRead};
use super::service::scim_base_url;
use crate::directory::SnapshotId;
use crate::import::ImportRequest;
use crate::ledger::Trigger;
use crate::scim::{ScimError, ServedSnapshot};

/// A served snapshot to answer from.
pub struct Fresh {
    /// The served snapshot.
    pub served: Arc<ServedSnapshot>,
    /// How long ago Intercom said that it is so, in whole seconds (RFC 9111 §5.1, `Age`); none where nobody knows.
    pub age: Option<u64>,
}

/// The current served snapshot, after waiting for a newer one if the client wants one.
///
/// RFC 9111 §5.2.1: `no-cache` and `max-age` in a request say how old an answer the client takes. NB: where Intercom
/// cannot be read in time, the answer is what there is, with its true age: an old answer that says so serves better
/// than none.
pub async fn served<S>(request: &HttpRequest, caller: &Caller<S>) -> Result<Fresh, ScimError> {
    let (service, workspace) = (&caller.service, &caller.workspace);
    let freshness = service.freshness;
    // A workspace whose imports fail is tried again by its own schedule, not by every question.
    let failing = || workspace.health.failing();
    let wanted = if freshness.read_through { Some(Duration::ZERO) } else { wanted_age(request) };
    if let Some(wanted) = wanted.filter(|_| !failing()) {
        // What began after the question is as young as can be, and nothing else is for one that wants the present.
        let young = |age: Option<Duration>| !wanted.is_zero() && age.is_some_and(|age| age <= wanted);
        let now = service.clock.running();
        if !young(workspace.live.age(now)) {
            let ticket = workspace.nudge.ask(ImportRequest::incremental(Trigger::Query), now);
            let either = async {
                tokio::select! {
                    _ = workspace.live.shows(|shown| young(shown.age(service.clock.running()))) => {}
                    () = workspace.nudge.served(ticket) => {}
                }
            };
            // Few answers wait, and all are moved about with the room that this takes.
            Box::pin(service.clock.within(freshness.max_wait, either)).await;
        }
    }
    let served = seen(workspace.live.served().ok_or(ScimError::NotReady)?, request, caller);
    let now = service.clock.running();
    let age = workspace.live.age(now);
    // An age that nobody knows is too great.
    if freshness.max_age.is_some_and(|max_age| age.is_none_or(|age| age > max_age)) && !failing() {
        workspace.nudge.ask(ImportRequest::incremental(Trigger::Query), now);
    }
    Ok(Fresh { served, age: age.map(|age| age.as_secs()) })
}

/// The served snapshot that a walk goes on over: the list that it began with, whatever was published since.
pub fn served_at(
    request: &HttpRequest,
    caller: &Caller<ScimRead>,
    snapshot_id: SnapshotId,
) -> Result<Fresh, ScimError> {
    let served = caller.workspace.live.served_at(snapshot_id).ok_or(ScimError::ExpiredCursor)?;
    let current = caller.workspace.live.served().is_some_and(|current| current.snapshot_id() == snapshot_id);
    // When Intercom last said that an earlier list is so is not kept.
    let served = seen(served, request, caller);
    let age = caller.workspace.live.age(caller.service.clock.running());
    Ok(Fresh { served, age: age.filter(|_| current).map(|age| age.as_secs()) })
}

/// The served snapshot as this client sees it: under the address by which a trusted proxy says it reached the bridge.
fn seen<S>(served: Arc<ServedSnapshot>, request: &HttpRequest, caller: &Caller<S>) -> Arc<ServedSnapshot> {
    match caller.service.origin.forwarded(request) {
        Some(url) => Arc::new(served.seen_from(scim_base_url(&url, &caller.workspace.name))),
        None => served,
    }
}

/// How old an answer the client takes; none where it does not say.
fn wanted_age(request: &HttpRequest) -> Option<Duration> {
    let values = request.headers().get_all(CACHE_CONTROL).filter_map(|value| value.to_str().ok());
    let directives = values.flat_map(|value| value.split(',')).map(|directive| directive.trim().to_ascii_lowercase());
    directives
        .filter_map(|directive| match directive.as_str() {
            "no-cache" => Some(Duration::ZERO),
            directive => directive.strip_prefix("max-age=")?.parse().ok().map(Duration::from_secs),
        })
        .min()
}
