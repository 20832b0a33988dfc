//! Trusted issuers: their tokens are verified with the public keys that they publish (RFC 7517).

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jsonwebtoken::{Algorithm, Header, Validation};

use super::claims::Claims;
use super::published_keys::{PublishedKeys, Url, http_client};
use super::{AccessError, Scope};
use crate::clock::Clock;
use crate::limits;

/// The algorithms with which an issuer may sign tokens. `none` and HMAC are deliberately missing:
/// anybody could forge tokens with `none`, and with HMAC by using the public key as the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SigningAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256 and keys of at least 2048 bits.
    Rs256,
    /// ECDSA over P-256 with SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
}

impl SigningAlgorithm {
    fn algorithm(self) -> Algorithm {
        match self {
            Self::Rs256 => Algorithm::RS256,
            Self::Es256 => Algorithm::ES256,
            Self::EdDsa => Algorithm::EdDSA,
        }
    }
}

impl FromStr for SigningAlgorithm {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "RS256" => Ok(Self::Rs256),
            "ES256" => Ok(Self::Es256),
            "EdDSA" => Ok(Self::EdDsa),
            _ => Err("there are RS256, ES256 and EdDSA".to_owned()),
        }
    }
}

/// The settings of a trusted issuer.
#[derive(Clone, Debug)]
pub struct TrustedIssuer {
    /// The exact `iss`.
    pub issuer: String,
    /// The URL of its keys.
    pub jwks_url: Url,
    /// The accepted audiences: `aud` must contain one of them.
    pub audiences: Vec<String>,
    /// The accepted algorithms.
    pub algorithms: Vec<SigningAlgorithm>,
    /// The accepted difference of its clock.
    pub leeway: Duration,
    /// The claim with the subject.
    pub subject_claim: String,
    /// The claim with the permissions: `scope`, `scp`, `roles`, `realm_access.roles` …
    pub scope_claim: String,
    /// The scopes that each word of that claim grants. If it is empty, the words are the bridge's
    /// scopes.
    pub scopes: BTreeMap<String, Vec<Scope>>,
    /// The workspaces that its tokens are valid for.
    pub workspaces: Vec<String>,
}

/// The verified contents of an issuer's token.
#[derive(Debug)]
pub struct Assertion {
    pub subject: String,
    pub scopes: Vec<Scope>,
    pub workspaces: Vec<String>,
    pub nbf: i64,
    pub exp: i64,
    /// When it must be verified again, on [`Clock::running`], since its key may have been withdrawn
    /// by then.
    pub again: Duration,
}

/// An issuer with its keys.
pub struct Issuer {
    trusted: TrustedIssuer,
    clock: Clock,
    keys: PublishedKeys,
}

impl Issuer {
    /// Prepares an issuer. Sends no request yet.
    ///
    /// # Errors
    /// [`AccessError::Key`] if TLS cannot be set up.
    pub fn new(trusted: TrustedIssuer, clock: Clock) -> Result<Self, AccessError> {
        let keys = PublishedKeys::new(trusted.jwks_url.clone(), http_client()?, clock.clone());
        Ok(Self { trusted, clock, keys })
    }

    /// The `iss`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.trusted.issuer
    }

    /// Fetches its keys, as a check, and returns how many of them can be used.
    ///
    /// # Errors
    /// The reason, in a few words.
    pub async fn check_keys(&self) -> Result<usize, &'static str> {
        self.keys.count().await
    }

    /// Verifies a token that names this issuer.
    ///
    /// # Errors
    /// [`AccessError`], if the token is not valid; [`AccessError::KeysUnavailable`] if the keys
    /// cannot be read now.
    pub async fn verify(&self, token: &[u8], header: &Header) -> Result<Assertion, AccessError> {
        let trusted = &self.trusted;
        let allowed =
            trusted.algorithms.iter().any(|algorithm| algorithm.algorithm() == header.alg);
        if !allowed || !is_access_token(header) {
            return Err(AccessError::Invalid);
        }
        let id = header.kid.as_deref().ok_or(AccessError::Invalid)?;
        let keys = self
            .keys
            .with(Some(id), header.alg)
            .await
            .ok_or_else(|| AccessError::KeysUnavailable { issuer: trusted.issuer.clone() })?;
        let key = keys.set.named(id, header.alg).ok_or(AccessError::Invalid)?;
        let claims = jsonwebtoken::decode::<Claims>(token, key, &signature_only(header.alg));
        let claims = claims.map_err(|_| AccessError::Invalid)?.claims;
        if claims.text("iss") != Some(&trusted.issuer) || !claims.is_for(&trusted.audiences) {
            return Err(AccessError::Invalid);
        }
        // OpenID Connect Core §2: these claims are in ID tokens, which are for the app that a
        // person signs in to, not for APIs.
        if ["nonce", "at_hash", "c_hash"].iter().any(|name| claims.0.contains_key(*name)) {
            return Err(AccessError::Invalid);
        }
        let subject = claims.text(&trusted.subject_claim).filter(|subject| is_fit(subject));
        let subject = subject.ok_or(AccessError::Invalid)?.to_owned();
        let leeway = seconds(trusted.leeway);
        let ends = claims.time("exp").ok_or(AccessError::Invalid)?;
        // A token with `iat` in the future was issued by a clock that was ahead, so it is not valid
        // before then.
        let begins = claims.time("nbf").max(claims.time("iat"));
        // The key may be withdrawn, so the token is verified again when the keys are fetched again.
        let again =
            (keys.fetched_at + limits::JWKS_MAX_AGE).max(self.clock.running() + limits::JWKS_PAUSE);
        let exp = ends.saturating_add(leeway);
        if self.clock.now().unix_timestamp() >= exp {
            return Err(AccessError::Expired);
        }
        Ok(Assertion {
            subject,
            scopes: self.scopes(&claims),
            workspaces: trusted.workspaces.clone(),
            nbf: begins.map_or(i64::MIN, |begins| begins.saturating_sub(leeway)),
            exp,
            again,
        })
    }

    fn scopes(&self, claims: &Claims) -> Vec<Scope> {
        let words = claims.words(&self.trusted.scope_claim);
        if self.trusted.scopes.is_empty() {
            return words.into_iter().filter_map(|word| word.parse().ok()).collect();
        }
        words
            .into_iter()
            .filter_map(|word| self.trusted.scopes.get(word))
            .flatten()
            .copied()
            .collect()
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuer").field("issuer", &self.trusted.issuer).finish_non_exhaustive()
    }
}

/// Whether a header may be that of an access token.
///
/// RFC 8725 §3.11: explicit types exclude other JWTs, such as logout tokens. Most issuers set `JWT`
/// or nothing.
///
/// RFC 7515 §4.1.11: a token with an unknown extension in `crit` must be refused. The bridge knows
/// none.
pub(super) fn is_access_token(header: &Header) -> bool {
    let typ = header.typ.as_deref().map(str::to_ascii_lowercase);
    header.crit.is_none()
        && matches!(typ.as_deref(), None | Some("jwt" | "at+jwt" | "application/at+jwt"))
}

/// Validates the signature only. The claims are checked afterwards, on the bridge's clock.
pub(super) fn signature_only(algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims.clear();
    (validation.validate_exp, validation.validate_nbf, validation.validate_aud) =
        (false, false, false);
    validation
}

/// Whether a subject can be recorded unchanged, and cannot be confused with the command line.
fn is_fit(subject: &str) -> bool {
    subject != "command line"
        && subject.len() <= limits::SUBJECT_BYTES
        && !subject.chars().any(char::is_control)
}

pub(super) fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}
