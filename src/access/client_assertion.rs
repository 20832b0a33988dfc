//! Verifies the JWTs by which OAuth clients authenticate (RFC 7523 §2.2, `private_key_jwt`).

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use jsonwebtoken::{Algorithm, Header};
use time::OffsetDateTime;

use super::AccessError;
use super::claims::Claims;
use super::client_keys::ClientKeys;
use super::issuers::{seconds, signature_only};
use super::key_set::KeySet;
use super::published_keys::{HttpClient, PublishedKeys, Url, http_client};
use super::secrets::{hash_of_random, secret_id};
use crate::clock::{self, Clock};
use crate::limits;
use crate::stores::OAuthClient;

/// The algorithms with which clients may sign, as in `alg`. HMAC is missing: the bridge stores no
/// secret that it could verify such a signature with.
pub const ASSERTION_ALGORITHMS: [&str; 4] = ["RS256", "PS256", "ES256", "EdDSA"];

/// Verifies the assertions of clients.
pub struct ClientAssertions {
    clock: Clock,
    http: HttpClient,
    /// The values of `aud` that mean this bridge.
    audiences: [String; 2],
    /// The keys of clients that publish theirs.
    published: Mutex<HashMap<Url, Arc<PublishedKeys>>>,
}

/// A valid assertion. It authenticates its client once: the caller records it, and refuses it if it
/// is recorded already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidAssertion {
    /// The id of the client's registered keys, which its tokens contain: see
    /// [`secret_id`](super::secrets::secret_id).
    pub keys: String,
    /// The hash of its `jti`.
    pub hash: String,
    /// Until when it must be remembered.
    pub expires_at: OffsetDateTime,
}

/// Why an assertion does not authenticate a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AssertionRefusal {
    /// It is not a JWT, or the client is unknown, or none of its keys made the signature. The
    /// response does not say which.
    Unverified,
    /// The signature is the client's, but the assertion is not valid, for this reason.
    Wrong(&'static str),
    /// The keys at the client's URL cannot be read.
    KeysUnavailable,
}

/// The client that an assertion names; nothing is verified. `None` if it is not a JWT with a `sub`.
///
/// RFC 7521 §4.2: "The "client_id" is unnecessary for client assertion authentication because the
/// client is identified by the subject within the assertion."
#[must_use]
pub fn named_client(assertion: &str) -> Option<String> {
    let claims = jsonwebtoken::dangerous::insecure_decode_claims::<Claims>(assertion).ok()?;
    claims.text("sub").map(str::to_owned)
}

impl ClientAssertions {
    /// Starts without keys. `issuer` is the public URL of the bridge.
    ///
    /// # Errors
    /// [`AccessError::Key`] if TLS cannot be set up.
    pub fn new(issuer: &str, clock: Clock) -> Result<Self, AccessError> {
        Ok(Self {
            clock,
            http: http_client()?,
            audiences: [issuer.to_owned(), format!("{issuer}/oauth/token")],
            published: Mutex::default(),
        })
    }

    /// Verifies an assertion of `client`.
    ///
    /// # Errors
    /// [`AssertionRefusal`].
    pub async fn verify(
        &self,
        assertion: &str,
        client: &OAuthClient,
    ) -> Result<ValidAssertion, AssertionRefusal> {
        use AssertionRefusal::{Unverified, Wrong};
        let header = jsonwebtoken::decode_header(assertion).map_err(|_| Unverified)?;
        if client.disabled_at.is_some() || !is_client_assertion(&header) {
            return Err(Unverified);
        }
        let now = self.clock.now();
        // As for secrets: an overlap whose beginning lies in the future would last too long.
        let overlaps = client.rotated_at.is_none_or(|at| clock::age(now, at).is_some());
        let previous = client.previous.as_ref().filter(|(_, until)| now < *until && overlaps);
        let stored = [Some(&client.secret_hash), previous.map(|(stored, _)| stored)];
        for stored in stored.into_iter().flatten() {
            let Some(keys) = ClientKeys::read(stored) else { continue };
            if let Some(claims) = self.verified_claims(assertion, &header, keys).await? {
                let expires_at = self.check(&claims, client, now).map_err(Wrong)?;
                let id = claims.text("jti").unwrap_or_default();
                return Ok(ValidAssertion {
                    keys: secret_id(stored),
                    hash: hash_of_random(id),
                    expires_at,
                });
            }
        }
        Err(Unverified)
    }

    /// The claims, if one of the keys made the signature.
    async fn verified_claims(
        &self,
        assertion: &str,
        header: &Header,
        keys: ClientKeys,
    ) -> Result<Option<Claims>, AssertionRefusal> {
        let verify = |keys: &KeySet| {
            keys.candidates(header.kid.as_deref(), header.alg).find_map(|key| {
                let decoded =
                    jsonwebtoken::decode::<Claims>(assertion, key, &signature_only(header.alg));
                decoded.ok().map(|decoded| decoded.claims)
            })
        };
        match keys {
            ClientKeys::Set(keys) => Ok(verify(&keys)),
            ClientKeys::Url(url) => {
                let published = self.published(url);
                let keys = published.with(header.kid.as_deref(), header.alg).await;
                Ok(verify(&keys.ok_or(AssertionRefusal::KeysUnavailable)?.set))
            }
        }
    }

    /// The keys at the URL of a client. Only an operator can register URLs, so there are few.
    fn published(&self, url: Url) -> Arc<PublishedKeys> {
        let mut published = self.published.lock().unwrap_or_else(PoisonError::into_inner);
        if published.len() >= limits::REMEMBERED_TOKENS && !published.contains_key(&url) {
            published.clear();
        }
        let keys = published.entry(url.clone()).or_insert_with(|| {
            Arc::new(PublishedKeys::new(url, self.http.clone(), self.clock.clone()))
        });
        Arc::clone(keys)
    }

    /// Checks the claims of an assertion whose signature is valid. Returns until when it must be
    /// remembered.
    fn check(
        &self,
        claims: &Claims,
        client: &OAuthClient,
        now: OffsetDateTime,
    ) -> Result<OffsetDateTime, &'static str> {
        // RFC 7523 §3: "For client authentication, the subject MUST be the "client_id" of the OAuth
        // client." The client is the issuer too.
        if claims.text("iss") != Some(&client.id) || claims.text("sub") != Some(&client.id) {
            return Err("iss and sub of the assertion must be the client id");
        }
        // NB: RFC 7523 §3 allows further audiences. Then another server that got the assertion
        // could use it here, so each must be this bridge.
        if !claims.is_only_for(&self.audiences) {
            return Err(
                "aud of the assertion must be the issuer or the token endpoint, and nothing \
                        else; see /.well-known/oauth-authorization-server",
            );
        }
        let leeway = seconds(limits::TOKEN_LEEWAY);
        let seconds_now = now.unix_timestamp();
        let longest = seconds(limits::ASSERTION_LIFETIME);
        // RFC 7523 §3: "The JWT MUST contain an "exp" (expiration time) claim".
        let exp = claims.time("exp").ok_or("exp of the assertion is missing")?;
        if seconds_now >= exp.saturating_add(leeway) {
            return Err("the assertion has expired");
        }
        // RFC 7523 §3: "the authorization server may reject JWTs with an "exp" claim value that is
        // unreasonably far in the future."
        if exp > seconds_now.saturating_add(longest + leeway) {
            return Err("exp of the assertion is more than one hour ahead");
        }
        let begins = claims.time("nbf").max(claims.time("iat"));
        if begins.is_some_and(|begins| begins > seconds_now.saturating_add(leeway)) {
            return Err("the assertion is not valid yet; nbf or iat is in the future");
        }
        if claims.text("jti").is_none_or(|id| id.len() > limits::SUBJECT_BYTES) {
            return Err("jti of the assertion is missing or too long");
        }
        let remembered = OffsetDateTime::from_unix_timestamp(exp.saturating_add(2 * leeway));
        remembered.map_err(|_| "exp of the assertion is not a valid time")
    }
}

/// Whether a header may be that of a client's assertion. RFC 8725 §3.11: explicit types exclude
/// other JWTs, such as access tokens.
fn is_client_assertion(header: &Header) -> bool {
    let typ = header.typ.as_deref().map(str::to_ascii_lowercase);
    let typ = typ.as_deref().map(|typ| typ.strip_prefix("application/").unwrap_or(typ));
    header.crit.is_none()
        && matches!(typ, None | Some("jwt" | "client-authentication+jwt"))
        && matches!(
            header.alg,
            Algorithm::RS256 | Algorithm::PS256 | Algorithm::ES256 | Algorithm::EdDSA
        )
}

impl fmt::Debug for ClientAssertions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientAssertions")
    }
}
