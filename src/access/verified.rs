//! The cache of tokens whose signature was verified, and the revocations.

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
use crate::limits;
use crate::stores::Revocations;

/// The revocations of tokens, clients and secrets.
pub(super) struct Revoked {
    pub all: Revocations,
    /// For each client whose secret was rotated: when, and the ids of the secrets whose tokens are
    /// still valid.
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

    pub fn has(&self, verified: &VerifiedToken) -> bool {
        if verified.id.as_ref().is_some_and(|id| self.all.tokens.contains(id)) {
            return true;
        }
        let Some(client) = &verified.principal.client else { return false };
        self.all.clients.contains(client)
            || self.secrets.get(client).is_some_and(|(rotated_at, good)| match &verified.secret {
                Some(secret) => !good.contains(secret),
                // Tokens from earlier versions of the bridge do not name the secret.
                None => verified.issued_at <= *rotated_at,
            })
    }
}

/// Tokens whose signature was verified. Their times, and whether they were revoked, are checked at
/// each use. Invalid tokens are not remembered: attackers can generate any number.
///
/// The time of a lookup must not reveal how close a guess is. The table's hash has a random key and
/// covers only the end of the signature, so it reveals a few bits of that at most. Tokens are
/// compared in a time that depends only on their length.
#[derive(Default)]
pub(super) struct Remembered {
    pub tokens: HashTable<(SecretSlice<u8>, VerifiedToken)>,
    state: DefaultHashBuilder,
}

impl Remembered {
    pub fn find(&self, token: &[u8]) -> Option<&VerifiedToken> {
        let is_it = |known: &(SecretSlice<u8>, _)| is_equal(&known.0, token);
        self.tokens.find(self.state.hash_one(end(token)), is_it).map(|(_, verified)| verified)
    }

    pub fn add(&mut self, token: &[u8], verified: VerifiedToken) {
        if self.tokens.len() >= limits::REMEMBERED_TOKENS {
            self.tokens.clear();
        }
        let place = |token: &[u8]| self.state.hash_one(end(token));
        let is_it = |known: &(SecretSlice<u8>, _)| is_equal(&known.0, token);
        let entry =
            self.tokens.entry(place(token), is_it, |(known, _)| place(known.expose_secret()));
        // A token that was verified again has new times.
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

/// Returns the last 32 bytes, which are part of the signature. Tokens are similar before it.
fn end(token: &[u8]) -> &[u8] {
    &token[token.len().saturating_sub(32)..]
}

/// A token whose signature was verified.
pub(super) struct VerifiedToken {
    pub principal: Arc<Principal>,
    /// The `jti` of a token that the bridge issued.
    pub id: Option<String>,
    /// The id of the secret with which the client got the token.
    pub secret: Option<String>,
    /// The `iat` of a token that the bridge issued.
    pub issued_at: i64,
    pub nbf: i64,
    pub exp: i64,
    /// When a token of a trusted issuer must be verified again, on
    /// [`Clock::running`](crate::clock::Clock::running).
    pub again: Option<Duration>,
}
