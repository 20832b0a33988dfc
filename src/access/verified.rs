//! Tokens whose signature was found good, and what was taken back since.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use hashbrown::hash_table::Entry;
use hashbrown::{DefaultHashBuilder, HashTable};
use secrecy::{ExposeSecret, SecretSlice};

use super::Principal;
use super::secrets::secret_id;
use crate::ledger::Revocations;
use crate::limits;

/// What was taken back.
pub(super) struct Revoked {
    pub all: Revocations,
    /// Of each client that was given another secret, when, and the ids of the secrets whose tokens are good.
    secrets: HashMap<String, (i64, Vec<String>)>,
}

impl Revoked {
    pub fn new(all: Revocations) -> Self {
        let secrets = all.rotated.iter().map(|(client, rotation)| {
            let ids = rotation.hashes.iter().map(|hash| secret_id(hash)).collect();
            (client.clone(), (rotation.at.unix_timestamp(), ids))
        });
        Self { secrets: secrets.collect(), all }
    }

    pub fn has(&self, verified: &Verified) -> bool {
        if verified.id.as_ref().is_some_and(|id| self.all.tokens.contains(id)) {
            return true;
        }
        let Some(client) = &verified.principal.client else { return false };
        self.all.clients.contains(client)
            || self.secrets.get(client).is_some_and(|(rotated_at, good)| match &verified.secret {
                Some(secret) => !good.contains(secret),
                // Earlier versions do not say which secret it was.
                None => verified.issued_at <= *rotated_at,
            })
    }
}

/// Tokens whose signature was found good. Their times, and whether they were taken back, are looked at with each use. Bad
/// ones are not remembered: anybody can make any number of them.
///
/// How long a look takes must not tell how near a guess comes: places are found by a hash whose key nobody knows, which could
/// tell a few bits of the end of a signature at most, and the tokens there are compared in a time that depends on their
/// length alone.
#[derive(Default)]
pub(super) struct Remembered {
    pub tokens: HashTable<(SecretSlice<u8>, Verified)>,
    state: DefaultHashBuilder,
}

impl Remembered {
    pub fn find(&self, token: &[u8]) -> Option<&Verified> {
        let is_it = |known: &(SecretSlice<u8>, _)| is_equal(&known.0, token);
        self.tokens.find(self.state.hash_one(end(token)), is_it).map(|(_, verified)| verified)
    }

    pub fn add(&mut self, token: &[u8], verified: Verified) {
        if self.tokens.len() >= limits::REMEMBERED_TOKENS {
            self.tokens.clear();
        }
        let place = |token: &[u8]| self.state.hash_one(end(token));
        let is_it = |known: &(SecretSlice<u8>, _)| is_equal(&known.0, token);
        let entry = self.tokens.entry(place(token), is_it, |(known, _)| place(known.expose_secret()));
        // One that was verified again tells of other times.
        match entry {
            Entry::Occupied(mut known) => known.get_mut().1 = verified,
            Entry::Vacant(free) => {
                free.insert((SecretSlice::from(token.to_vec()), verified));
            }
        }
    }
}

fn is_equal(known: &SecretSlice<u8>, token: &[u8]) -> bool {
    verify_slices_are_equal(known.expose_secret(), token).is_ok()
}

/// Part of the signature: what comes before is much the same in all tokens.
fn end(token: &[u8]) -> &[u8] {
    &token[token.len().saturating_sub(32)..]
}

/// A token whose signature is good.
pub(super) struct Verified {
    pub principal: Arc<Principal>,
    /// `jti` of one of the bridge's own.
    pub id: Option<String>,
    /// With which secret its client got it.
    pub secret: Option<String>,
    /// `iat` of one of the bridge's own.
    pub issued_at: i64,
    pub nbf: i64,
    pub exp: i64,
    /// Of a trusted issuer's, when it is to be verified again, on [`Clock::running`](crate::clock::Clock::running).
    pub again: Option<Duration>,
}
