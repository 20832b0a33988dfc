//! The age of responses, and waiting for a newer served snapshot.

use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header::CACHE_CONTROL;

use super::caller::{Caller, ScimRead};
use crate::base_urls::{okta_base_url, scim_base_url};
use crate::directory::{ImportRequest, Trigger};
use crate::http::errors::ApiError;
use crate::http::request::route_pattern::Pattern;
use crate::scim::{ListId, ScimError, ServedSnapshot};

/// The served snapshot that a response is made from.
pub struct Fresh {
    /// The served snapshot.
    pub served: Arc<ServedSnapshot>,
    /// How long ago Intercom confirmed it, in whole seconds (RFC 9111 §5.1, `Age`); `None` if that
    /// is unknown.
    pub age: Option<u64>,
}

/// Returns the current served snapshot. If the client wants a newer one, waits for an import first.
///
/// RFC 9111 §5.2.1: `no-cache` and `max-age` in a request say how old a response the client
/// accepts. NB: if Intercom cannot be read in time, the current snapshot is returned with its true
/// age: an old response that says so is better than none.
pub async fn served<S>(request: &HttpRequest, caller: &Caller<S>) -> Result<Fresh, ApiError> {
    let service = &caller.service;
    let workspace = &caller.workspace;
    let freshness = service.freshness;
    // If imports fail, requests do not cause more of them: the importer retries on its own
    // schedule.
    let failing = || workspace.health.failing();
    let wanted = if freshness.read_through { Some(Duration::ZERO) } else { wanted_age(request) };
    if let Some(wanted) = wanted.filter(|_| !failing()) {
        // A wanted age of zero is only satisfied by an import that began after this request
        // (`served(ticket)` below).
        let young =
            |age: Option<Duration>| !wanted.is_zero() && age.is_some_and(|age| age <= wanted);
        let now = service.clock.running();
        if !young(workspace.live.age(now)) {
            let ticket = workspace.nudge.ask(ImportRequest::incremental(Trigger::Query), now);
            let either = async {
                tokio::select! {
                    _ = workspace.live.shows(|shown| young(shown.age(service.clock.running()))) => {}
                    () = workspace.nudge.served(ticket) => {}
                }
            };
            // Boxed: few requests wait, and its size would otherwise be part of every request's
            // future.
            Box::pin(service.clock.within(freshness.max_wait, either)).await;
        }
    }
    let served =
        with_client_urls(workspace.live.served().ok_or(ApiError::NotReady)?, request, caller);
    let now = service.clock.running();
    let age = workspace.live.age(now);
    // An unknown age counts as too old.
    if freshness.max_age.is_some_and(|max_age| age.is_none_or(|age| age > max_age)) && !failing() {
        workspace.nudge.ask(ImportRequest::incremental(Trigger::Query), now);
    }
    Ok(Fresh { served, age: age.map(|age| age.as_secs()) })
}

/// Returns the served snapshot of a cursor: the one that the walk began with, whatever was
/// published since.
pub fn served_as(
    request: &HttpRequest,
    caller: &Caller<ScimRead>,
    list: ListId,
) -> Result<Fresh, ApiError> {
    let live = &caller.workspace.live;
    let served = live.served_at(list.snapshot_id).filter(|served| served.list_id() == list);
    let served = served.ok_or(ScimError::ExpiredCursor)?;
    let current = live.served().is_some_and(|current| current.list_id() == list);
    // The age is only known for the current snapshot.
    let served = with_client_urls(served, request, caller);
    let age = caller.workspace.live.age(caller.service.clock.running());
    Ok(Fresh { served, age: age.filter(|_| current).map(|age| age.as_secs()) })
}

/// Returns the served snapshot with the URLs that this client uses, if a trusted proxy says that
/// they differ, or if it uses the second base URL.
fn with_client_urls<S>(
    served: Arc<ServedSnapshot>,
    request: &HttpRequest,
    caller: &Caller<S>,
) -> Arc<ServedSnapshot> {
    let forwarded = caller.service.origin.forwarded();
    if Pattern::is_below_second_root(request) {
        return match (forwarded, served.at_second_base_url()) {
            (None, Some(second)) => Arc::clone(second),
            (forwarded, _) => {
                let url = forwarded.unwrap_or_else(|| caller.service.origin.url());
                Arc::new(served.seen_from(okta_base_url(&url, &caller.workspace.name)))
            }
        };
    }
    match forwarded {
        Some(url) => Arc::new(served.seen_from(scim_base_url(&url, &caller.workspace.name))),
        None => served,
    }
}

/// The greatest age that the client accepts; `None` if it does not say.
fn wanted_age(request: &HttpRequest) -> Option<Duration> {
    let values = request.headers().get_all(CACHE_CONTROL).filter_map(|value| value.to_str().ok());
    let directives = values
        .flat_map(|value| value.split(','))
        .map(|directive| directive.trim().to_ascii_lowercase());
    directives
        .filter_map(|directive| match directive.as_str() {
            "no-cache" => Some(Duration::ZERO),
            directive => directive.strip_prefix("max-age=")?.parse().ok().map(Duration::from_secs),
        })
        .min()
}
