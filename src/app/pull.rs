//! The pull of rosters, made from the settings.

use crate::clock::Clock;
use crate::config::{Config, RosterPull};
use crate::identities::pull::{PullCredentials, PullSource, Puller};

/// Returns what pulls the roster; `None` without `roster.pull.url`.
///
/// # Errors
/// A sentence, if TLS cannot be set up.
pub fn puller_of(config: &Config, clock: &Clock) -> Result<Option<Puller>, String> {
    let RosterPull { url, kind, source, .. } = &config.roster_pull;
    // The settings were checked together (`Config::load`).
    let (Some(url), Some(completeness)) = (url, config.roster.complete) else { return Ok(None) };
    let Some(credentials) = pull_credentials(&config.roster_pull) else { return Ok(None) };
    let source = PullSource { url: url.clone(), kind: *kind, credentials, source: source.clone() };
    Puller::new(source, completeness, clock.clone()).map(Some)
}

/// How a pull signs in; `None` if the settings do not say it.
pub(super) fn pull_credentials(pull: &RosterPull) -> Option<PullCredentials> {
    if let Some(token) = &pull.token {
        return Some(PullCredentials::Token(token.clone()));
    }
    Some(PullCredentials::Client {
        id: pull.client_id.clone()?,
        secret: pull.client_secret.clone()?,
        token_url: pull.token_url.clone()?,
        scope: pull.scope.clone(),
    })
}
