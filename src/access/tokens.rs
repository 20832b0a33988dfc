//! The bridge's own bearer tokens: signed JWTs (RFC 7519), EdDSA, by a key made at first start.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use super::Scope;
use crate::clock::Clock;
use crate::ledger::{Ledger, LedgerError, SigningKey};
use crate::limits;

/// `iss` and `aud` of the bridge's own tokens.
const SELF: &str = "intercom-scim-bridge";

/// Issues and verifies tokens.
pub struct Tokens {
    key_id: String,
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
    clock: Clock,
    /// Tokens whose signature was found good, by their hash. Their times are compared at each use.
    remembered: RwLock<HashMap<Box<[u8]>, Arc<Verified>>>,
}

/// A token whose signature is good.
struct Verified {
    principal: Arc<Principal>,
    nbf: i64,
    exp: i64,
}

/// What a token is to allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Whom it is for; appears in the record of refused writes.
    pub subject: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// In which workspaces.
    pub workspaces: Vec<String>,
    /// How long.
    pub ttl: Duration,
}

/// Who asks, as a verified token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// `sub`.
    pub subject: String,
    /// `scope`; words that name no scope of ours are left out.
    pub scopes: Vec<Scope>,
    /// `workspaces`.
    pub workspaces: Vec<String>,
}

/// Why a token is not good. Callers outside are told only that it is not.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// Longer than [`limits::BEARER_TOKEN_BYTES`].
    #[error("the token is too long")]
    TooLong,
    /// Not a token of ours: another form, algorithm, key, issuer or audience, or a changed one.
    #[error("the token is not one of this bridge")]
    Invalid(#[source] jsonwebtoken::errors::Error),
    /// Its time has passed.
    #[error("the token has expired")]
    Expired,
    /// Its time has not come.
    #[error("the token is not valid yet")]
    NotYet,
    /// The bridge's key cannot be used.
    #[error("the bridge's signing key cannot be used")]
    Key,
    /// The ledger that keeps the key cannot be used.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    iat: i64,
    nbf: i64,
    exp: i64,
    jti: String,
    scope: String,
    workspaces: Vec<String>,
}

impl Tokens {
    /// Takes the signing key from the ledger, or makes it there.
    ///
    /// # Errors
    /// When the ledger cannot be used, or holds a key that is none.
    pub async fn open(ledger: &Ledger, clock: Clock) -> Result<Self, AccessError> {
        let pkcs8 = Ed25519KeyPair::generate().and_then(|key| key.to_pkcs8()).map_err(|_| AccessError::Key)?;
        let fresh = SigningKey { id: random_id()?, pkcs8: pkcs8.as_ref().to_vec() };
        let key = ledger.signing_key(fresh, clock.now()).await?;
        let pair = Ed25519KeyPair::from_pkcs8(&key.pkcs8).map_err(|_| AccessError::Key)?;
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[SELF]);
        validation.set_audience(&[SELF]);
        validation.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
        // Times are compared below, on the bridge's clock.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        Ok(Self {
            key_id: key.id,
            encoding: EncodingKey::from_ed_der(&key.pkcs8),
            decoding: DecodingKey::from_ed_der(pair.public_key().as_ref()),
            validation,
            clock,
            remembered: RwLock::default(),
        })
    }

    /// A secret for another purpose, the same in every bridge on the same database.
    ///
    /// # Errors
    /// [`AccessError::Key`].
    pub fn derive(&self, purpose: &str) -> Result<[u8; 32], AccessError> {
        let mut secret = [0; 32];
        let prk = Salt::new(HKDF_SHA256, b"intercom-scim-bridge").extract(self.encoding.as_bytes());
        let info = [purpose.as_bytes()];
        let okm = prk.expand(&info, HKDF_SHA256).map_err(|_| AccessError::Key)?;
        okm.fill(&mut secret).map_err(|_| AccessError::Key)?;
        Ok(secret)
    }

    /// Makes a token.
    ///
    /// # Errors
    /// [`AccessError::Key`] when it cannot be signed.
    pub fn issue(&self, grant: &Grant) -> Result<String, AccessError> {
        let now = self.clock.now().unix_timestamp();
        let ttl = i64::try_from(grant.ttl.as_secs()).unwrap_or(i64::MAX);
        let claims = Claims {
            iss: SELF.to_owned(),
            aud: SELF.to_owned(),
            sub: grant.subject.clone(),
            iat: now,
            nbf: now,
            exp: now.saturating_add(ttl),
            jti: random_id()?,
            scope: grant.scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(" "),
            workspaces: grant.workspaces.clone(),
        };
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(self.key_id.clone());
        jsonwebtoken::encode(&header, &claims, &self.encoding).map_err(|_| AccessError::Key)
    }

    /// Checks a token and tells who asks.
    ///
    /// # Errors
    /// Why it is not good; see [`AccessError`].
    pub fn verify(&self, token: impl AsRef<[u8]>) -> Result<Arc<Principal>, AccessError> {
        let token = token.as_ref();
        if token.len() > limits::BEARER_TOKEN_BYTES {
            return Err(AccessError::TooLong);
        }
        let verified = self.signed(token)?;
        let now = self.clock.now().unix_timestamp();
        let leeway = i64::try_from(limits::TOKEN_LEEWAY.as_secs()).unwrap_or(0);
        if now >= verified.exp {
            return Err(AccessError::Expired);
        }
        if now < verified.nbf.saturating_sub(leeway) {
            return Err(AccessError::NotYet);
        }
        Ok(Arc::clone(&verified.principal))
    }

    /// What a token says that bears our signature.
    fn signed(&self, token: &[u8]) -> Result<Arc<Verified>, AccessError> {
        let hash = digest(&SHA256, token);
        let known = self.remembered.read().unwrap_or_else(PoisonError::into_inner).get(hash.as_ref()).cloned();
        if let Some(verified) = known {
            return Ok(verified);
        }
        let claims = jsonwebtoken::decode::<Claims>(token, &self.decoding, &self.validation)
            .map_err(AccessError::Invalid)?
            .claims;
        let scopes = claims.scope.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        let principal = Principal { subject: claims.sub, scopes, workspaces: claims.workspaces };
        let verified = Arc::new(Verified { principal: Arc::new(principal), nbf: claims.nbf, exp: claims.exp });
        let mut remembered = self.remembered.write().unwrap_or_else(PoisonError::into_inner);
        if remembered.len() >= limits::REMEMBERED_TOKENS {
            remembered.clear();
        }
        remembered.insert(hash.as_ref().into(), Arc::clone(&verified));
        Ok(verified)
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

/// 128 random bits as text.
fn random_id() -> Result<String, AccessError> {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| AccessError::Key)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}
