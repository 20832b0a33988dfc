//! Clients that log in with their secret. Looking at one takes a core for a while, on purpose, so this is where floods
//! are held back.

use std::time::Duration;

use governor::Quota;
use tokio::sync::Semaphore;

use super::secrets::{is_client_secret, looks_like_client_secret};
use super::{Allowances, TokenRequest, TooMany};
use crate::clock::Clock;
use crate::ledger::OAuthClient;
use crate::limits;

/// Looks at clients' secrets.
#[derive(Debug)]
pub struct ClientLogin {
    clock: Clock,
    turns: Semaphore,
    attempts: Allowances,
}

/// How it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Login {
    /// It is the client, and may have a token.
    Granted,
    /// It is not, or is disabled.
    Refused,
    /// Too many ask.
    TooMany(TooMany),
}

impl ClientLogin {
    /// Nobody has tried yet.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        let quota = Quota::with_period(limits::LOGIN_PAUSE).map(|quota| quota.allow_burst(limits::LOGINS));
        let attempts = Allowances::with(quota, clock.clone());
        Self { clock, turns: Semaphore::new(limits::SECRETS_AT_A_TIME), attempts }
    }

    /// Looks whether it is the client. `address` is where it asks from: what one address does keeps no other out.
    pub async fn look(&self, request: &TokenRequest, client: Option<OAuthClient>, address: &str) -> Login {
        use secrecy::ExposeSecret;
        // What cannot be a secret of ours, and whoever cannot be a client of ours, costs nothing. Ids are random, so that
        // telling them apart by the time tells nobody anything.
        let known = client.filter(|client| client.disabled_at.is_none());
        let Some(client) = known.filter(|_| looks_like_client_secret(request.secret.expose_secret())) else {
            return Login::Refused;
        };
        if let Err(too_many) = self.attempts.of(&format!("{} {address}", client.id)).ask() {
            return Login::TooMany(too_many);
        }
        let Some(Ok(_turn)) = self.clock.within(limits::SECRET_WAIT, self.turns.acquire()).await else {
            return Login::TooMany(TooMany { retry_after: Duration::from_secs(1) });
        };
        let (secret, now) = (request.secret.clone(), self.clock.now());
        let fits = tokio::task::spawn_blocking(move || {
            let previous = client.previous.filter(|(_, until)| now < *until);
            is_client_secret(&secret, &client.secret_hash)
                || previous.is_some_and(|(hash, _)| is_client_secret(&secret, &hash))
        });
        if fits.await.unwrap_or(false) { Login::Granted } else { Login::Refused }
    }
}
