//! Clients that log in with their secret. Looking at one by its slow hash takes a core for a while, on purpose, so this is
//! where floods are held back, in such a way that nobody with a right secret waits for those with wrong ones:
//!
//! * A right secret that this process has seen is known again by a fast hash, under a key that is drawn at each start and
//!   stays in memory. It counts only while the slow hash that it was compared with is still the client's.
//! * A secret that bears the bridge's tag ([`super::client_secret_of`]) was made here for this client. Those have turns of
//!   their own, and there is no way to make many.
//! * Any other secret of the right form may be one of an earlier version: so many tries for each client and address, and few at
//!   a time.
//! * What cannot be a secret of the bridge's costs nothing.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::hmac;
use secrecy::ExposeSecret;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::secrets::{is_client_secret, is_tagged_secret, looks_like_client_secret, secret_id};
use super::{AccessError, Allowances, AnonymousLimits, TokenRequest, TooMany, Vault, random_secret};
use crate::clock::{self, Clock};
use crate::ledger::OAuthClient;
use crate::limits;

/// Looks at clients' secrets.
pub struct ClientLogin {
    clock: Clock,
    vault: Arc<Vault>,
    /// Of those who may be anybody, so many look into the database at a time.
    lookups: Semaphore,
    tagged: Lane,
    untagged: Lane,
    /// Tries of secrets without a tag.
    attempts: AnonymousLimits,
    /// Tokens of clients that are who they say they are.
    logins: AnonymousLimits,
    /// For the fast hashes.
    key: hmac::Key,
    seen: Mutex<HashMap<String, Seen>>,
}

/// Secrets that are looked at by their slow hash: few at a time, and of one client one, so that whoever floods in the name of
/// one keeps no other out.
struct Lane {
    turns: Semaphore,
    of_client: Allowances,
}

/// Secrets of a client that were looked at.
#[derive(Default)]
struct Seen {
    /// The fast hash of one that was right, and the slow hash that it was compared with.
    right: Vec<(hmac::Tag, String)>,
    /// The fast hashes of those that bear a tag and were wrong: a client's earlier ones, which never become right again.
    wrong: Vec<hmac::Tag>,
}

/// How a secret compares with the hashes of a client's.
enum Compared {
    /// It is the one that this hash is of.
    Right {
        /// In PHC form.
        hash: String,
    },
    /// It is none of them.
    Wrong,
}

/// How it went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Login {
    /// It is the client, and may have a token.
    Granted {
        /// Which of its secrets it showed; see [`super::secret_id`].
        secret: String,
    },
    /// It is not, or is disabled.
    Refused,
    /// Too many ask.
    TooMany(TooMany),
}

impl ClientLogin {
    /// Nobody has tried yet. `vault` knows the tags of secrets.
    ///
    /// # Errors
    /// [`AccessError::Key`] when the system gives no randomness.
    pub fn new(vault: Arc<Vault>, clock: Clock) -> Result<Self, AccessError> {
        let lane = || Lane {
            turns: Semaphore::new(limits::SECRETS_AT_A_TIME),
            of_client: Allowances::new(0, 0, clock.clone()),
        };
        Ok(Self {
            vault,
            lookups: Semaphore::new(limits::LOOKUPS_AT_A_TIME),
            tagged: lane(),
            untagged: lane(),
            attempts: AnonymousLimits::new(limits::LOGIN_TRIES, limits::LOGIN_TRY_PAUSE, clock.clone()),
            logins: AnonymousLimits::new(limits::LOGINS, limits::LOGIN_PAUSE, clock.clone()),
            key: hmac::Key::new(hmac::HMAC_SHA256, random_secret()?.expose_secret().as_bytes()),
            seen: Mutex::default(),
            clock,
        })
    }

    /// The right to look something up in the database for somebody who may be anybody. It is held while that lasts, so that
    /// floods do not take all connections. None, when that takes too long.
    pub async fn lookup(&self) -> Option<SemaphorePermit<'_>> {
        turn(&self.lookups, &self.clock).await.ok()
    }

    /// Looks whether it is the client. `address` is where it asks from: what one address does keeps no other out.
    pub async fn look(&self, request: &TokenRequest, client: Option<OAuthClient>, address: &str) -> Login {
        // What cannot be a secret of ours, and whoever cannot be a client of ours, costs nothing. Ids are random, so that
        // telling them apart by the time tells nobody anything.
        let known = client.filter(|client| client.disabled_at.is_none());
        let Some(client) = known.filter(|_| looks_like_client_secret(request.secret.expose_secret())) else {
            return Login::Refused;
        };
        let now = self.clock.now();
        // Where it was replaced in the future, a clock was ahead, and it would last too long.
        let overlaps = client.rotated_at.is_none_or(|at| clock::age(now, at).is_some());
        let previous = client.previous.filter(|(_, until)| now < *until && overlaps).map(|(hash, _)| hash);
        let hashes: Vec<String> = [client.secret_hash].into_iter().chain(previous).collect();
        let compared = match self.recall(&client.id, request, &hashes) {
            Some(known) => known,
            None => match self.compare(request, &client.id, hashes, address).await {
                Ok(compared) => compared,
                Err(too_many) => return Login::TooMany(too_many),
            },
        };
        let Compared::Right { hash } = compared else { return Login::Refused };
        match self.logins.ask(&client.id) {
            Ok(()) => Login::Granted { secret: secret_id(&hash) },
            Err(too_many) => Login::TooMany(too_many),
        }
    }

    /// How a secret compares that was looked at before; none if it was not.
    fn recall(&self, id: &str, request: &TokenRequest, hashes: &[String]) -> Option<Compared> {
        let secret = request.secret.expose_secret().as_bytes();
        let is_it = |tag: &hmac::Tag| hmac::verify(&self.key, secret, tag.as_ref()).is_ok();
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = seen.get(id)?;
        let right = seen.right.iter().find(|(tag, hash)| hashes.contains(hash) && is_it(tag));
        match right {
            Some((_, hash)) => Some(Compared::Right { hash: hash.clone() }),
            None => seen.wrong.iter().any(is_it).then_some(Compared::Wrong),
        }
    }

    /// Looks how a secret compares.
    async fn compare(
        &self,
        request: &TokenRequest,
        id: &str,
        hashes: Vec<String>,
        address: &str,
    ) -> Result<Compared, TooMany> {
        let is_tagged = is_tagged_secret(&request.secret, id, &self.vault);
        let lane = if is_tagged { &self.tagged } else { &self.untagged };
        if !is_tagged {
            self.attempts.ask(&format!("{id} {address}"))?;
        }
        let _one_at_a_time = lane.of_client.for_client(id).expensive().await?;
        // The one before may have been the same.
        if let Some(known) = self.recall(id, request, &hashes) {
            return Ok(known);
        }
        let _turn = turn(&lane.turns, &self.clock).await?;
        let secret = request.secret.clone();
        let looked =
            tokio::task::spawn_blocking(move || hashes.into_iter().find(|hash| is_client_secret(&secret, hash)));
        // It panics never, and is not cancelled.
        let found = looked.await.unwrap_or(None);
        let compared = found.map_or(Compared::Wrong, |hash| Compared::Right { hash });
        self.remember(id, request, &compared, is_tagged);
        Ok(compared)
    }

    fn remember(&self, id: &str, request: &TokenRequest, compared: &Compared, is_tagged: bool) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= limits::REMEMBERED_TOKENS && !seen.contains_key(id) {
            seen.clear();
        }
        let tag = hmac::sign(&self.key, request.secret.expose_secret().as_bytes());
        let seen = seen.entry(id.to_owned()).or_default();
        match compared {
            Compared::Right { hash } => {
                // There are two at the most that are good at a time.
                seen.right.truncate(1);
                seen.right.insert(0, (tag, hash.clone()));
            }
            // Anybody can make any number of those without a tag.
            Compared::Wrong if is_tagged => {
                seen.wrong.truncate(limits::REMEMBERED_WRONG_SECRETS - 1);
                seen.wrong.insert(0, tag);
            }
            Compared::Wrong => {}
        }
    }
}

/// A turn, if it comes in time.
async fn turn<'a>(turns: &'a Semaphore, clock: &Clock) -> Result<SemaphorePermit<'a>, TooMany> {
    let turn = clock.within(limits::SECRET_WAIT, turns.acquire()).await;
    turn.and_then(Result::ok).ok_or(TooMany { retry_after: Duration::from_secs(1) })
}

impl fmt::Debug for ClientLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientLogin")
    }
}

#[cfg(test)]
mod tests {
    use argon2::password_hash::PasswordHasher;
    use argon2::{Algorithm, Argon2, Params, Version};
    use secrecy::SecretString;
    use time::OffsetDateTime;

    use super::super::{client_secret, client_secret_of};
    use super::*;

    /// A hash that takes no time.
    fn quick_hash(secret: &SecretString) -> String {
        let params = Params::new(8, 1, 1, None).unwrap();
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        argon2.hash_password(secret.expose_secret().as_bytes()).unwrap().to_string()
    }

    fn vault() -> Arc<Vault> {
        Arc::new(Vault::new(&Vault::fresh_key().unwrap(), None).unwrap())
    }

    fn client(secret: &SecretString) -> OAuthClient {
        let now = OffsetDateTime::UNIX_EPOCH;
        OAuthClient {
            id: "cli_a".to_owned(),
            name: "A".to_owned(),
            secret_hash: quick_hash(secret),
            previous: None,
            scope: String::new(),
            workspaces: Vec::new(),
            created_at: now,
            rotated_at: None,
            disabled_at: None,
        }
    }

    fn asks(secret: &SecretString) -> TokenRequest {
        TokenRequest { client_id: "cli_a".to_owned(), secret: secret.clone(), scope: None }
    }

    fn secret() -> SecretString {
        client_secret().unwrap().0
    }

    fn login(vault: &Arc<Vault>) -> (ClientLogin, Clock) {
        let clock = Clock::manual(OffsetDateTime::UNIX_EPOCH + Duration::from_hours(1));
        (ClientLogin::new(Arc::clone(vault), clock.clone()).unwrap(), clock)
    }

    #[tokio::test]
    async fn guesses_are_so_many_and_keep_no_secret_of_the_bridge_s_own_out() {
        let vault = vault();
        let (login, clock) = login(&vault);
        let (right, _) = client_secret_of("cli_a", &vault).unwrap();
        let client = client(&right);
        let tries = limits::LOGIN_TRIES.get();
        for number in 1..=tries + 5 {
            let went = login.look(&asks(&secret()), Some(client.clone()), "192.0.2.1").await;
            assert_eq!(went == Login::Refused, number <= tries, "try {number}: {went:?}");
        }
        let granted = Login::Granted { secret: secret_id(&client.secret_hash) };
        assert_eq!(login.look(&asks(&right), Some(client.clone()), "192.0.2.1").await, granted);
        let other = login.look(&asks(&secret()), Some(client.clone()), "192.0.2.2").await;
        assert_eq!(other, Login::Refused, "another address has tries of its own");
        clock.advance(limits::LOGIN_TRY_PAUSE);
        assert_eq!(
            login.look(&asks(&secret()), Some(client.clone()), "192.0.2.1").await,
            Login::Refused,
            "and it passes"
        );
        // A right secret is not good without its client, nor for one that is disabled.
        assert_eq!(login.look(&asks(&right), None, "192.0.2.1").await, Login::Refused);
        let disabled = OAuthClient { disabled_at: Some(OffsetDateTime::UNIX_EPOCH), ..client };
        assert_eq!(login.look(&asks(&right), Some(disabled), "192.0.2.1").await, Login::Refused);
    }

    #[tokio::test]
    async fn a_right_secret_is_known_again_as_long_as_it_is_the_client_s() {
        let (login, clock) = login(&vault());
        let (old, new) = (secret(), secret());
        let before = client(&old);
        let granted = |client: &OAuthClient| Login::Granted { secret: secret_id(&client.secret_hash) };
        assert_eq!(login.look(&asks(&old), Some(before.clone()), "x").await, granted(&before));
        // No guess keeps it out.
        for _ in 0..limits::LOGIN_TRIES.get() + 5 {
            login.look(&asks(&secret()), Some(before.clone()), "x").await;
        }
        assert_eq!(login.look(&asks(&old), Some(before.clone()), "x").await, granted(&before));
        let until = clock.now() + Duration::from_hours(1);
        let after = OAuthClient { previous: Some((before.secret_hash.clone(), until)), ..client(&new) };
        assert_eq!(login.look(&asks(&old), Some(after.clone()), "x").await, granted(&before), "both are good");
        clock.advance(Duration::from_hours(1));
        assert_eq!(login.look(&asks(&old), Some(after.clone()), "x").await, Login::Refused, "its time is over");
        assert_eq!(login.look(&asks(&new), Some(after.clone()), "x").await, granted(&after));
    }

    #[tokio::test]
    async fn an_earlier_secret_of_a_client_costs_nothing_the_second_time() {
        let vault = vault();
        let (login, _) = login(&vault);
        let (leaked, _) = client_secret_of("cli_a", &vault).unwrap();
        let (right, _) = client_secret_of("cli_a", &vault).unwrap();
        let client = client(&right);
        for _ in 0..200 {
            assert_eq!(login.look(&asks(&leaked), Some(client.clone()), "x").await, Login::Refused);
        }
        assert_eq!(login.seen.lock().unwrap()["cli_a"].wrong.len(), 1);
        assert!(matches!(login.look(&asks(&right), Some(client), "x").await, Login::Granted { .. }));
    }

    #[tokio::test]
    async fn a_client_that_keeps_no_token_gets_so_many() {
        let (login, _) = login(&vault());
        let right = secret();
        let client = client(&right);
        let mut went = Vec::new();
        for _ in 0..=limits::LOGINS.get() {
            went.push(login.look(&asks(&right), Some(client.clone()), "x").await);
        }
        assert!(matches!(went.pop(), Some(Login::TooMany(_))));
        assert!(went.iter().all(|login| matches!(login, Login::Granted { .. })));
    }
}
