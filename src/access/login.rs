//! Clients that log in with their secret. Looking at one takes a core for a while, on purpose, so this is where floods
//! are held back.

use std::time::Duration;

use tokio::sync::Semaphore;

use super::secrets::{is_client_secret, looks_like_client_secret};
use super::{Allowances, Strangers, TokenRequest, TooMany};
use crate::clock::{self, Clock};
use crate::ledger::OAuthClient;
use crate::limits;

/// Looks at clients' secrets.
#[derive(Debug)]
pub struct ClientLogin {
    clock: Clock,
    /// Two are looked at at a time, and of one client one: whoever floods in the name of one keeps no other out.
    turns: Semaphore,
    of_client: Allowances,
    attempts: Strangers,
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
        let attempts = Strangers::new(limits::LOGINS, limits::LOGIN_PAUSE, clock.clone());
        let of_client = Allowances::new(0, 0, clock.clone());
        Self { clock, turns: Semaphore::new(limits::SECRETS_AT_A_TIME), of_client, attempts }
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
        if let Err(too_many) = self.attempts.ask(&format!("{} {address}", client.id)) {
            return Login::TooMany(too_many);
        }
        let _one_at_a_time = match self.of_client.of(&client.id).expensive().await {
            Ok(turn) => turn,
            Err(too_many) => return Login::TooMany(too_many),
        };
        let Some(Ok(_turn)) = self.clock.within(limits::SECRET_WAIT, self.turns.acquire()).await else {
            return Login::TooMany(TooMany { retry_after: Duration::from_secs(1) });
        };
        let (secret, now) = (request.secret.clone(), self.clock.now());
        let fits = tokio::task::spawn_blocking(move || {
            // Where it was replaced in the future, a clock was ahead, and it would last too long.
            let overlaps = client.rotated_at.is_none_or(|at| clock::age(now, at).is_some());
            let previous = client.previous.filter(|(_, until)| now < *until && overlaps);
            is_client_secret(&secret, &client.secret_hash)
                || previous.is_some_and(|(hash, _)| is_client_secret(&secret, &hash))
        });
        if fits.await.unwrap_or(false) { Login::Granted } else { Login::Refused }
    }
}
