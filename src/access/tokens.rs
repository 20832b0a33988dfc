//! Bearer tokens: the bridge's own, which are signed JWTs (RFC 7519, RFC 9068) by a key made at first start, and those
//! of trusted issuers.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use jsonwebtoken::{Algorithm, Header};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::claims::Claims;
use super::issuers::{is_access_token, seconds, signature_only};
use super::secrets::random_id;
use super::verified::{Remembered, Revoked, Verified};
use super::{Allowance, Allowances, Issuer, KeyRing, Scope, SealError, TrustedIssuer, Vault};
use crate::clock::Clock;
use crate::ledger::{AuditEntry, Ledger, LedgerError, SealedKey};
use crate::limits;

/// `aud` of the bridge's own tokens.
const SELF: &str = "intercom-scim-bridge";

/// The claim that says with which of its secrets a client got a token.
const SECRET_ID: &str = "secret_id";

/// RFC 9068 §2.1: "JWT access tokens MUST include this media type in the "typ" header parameter".
const ACCESS_TOKEN: &str = "at+jwt";

/// How tokens are issued and verified.
#[derive(Debug)]
pub struct TokenOptions {
    /// Opens the keys that the ledger keeps.
    pub vault: Arc<Vault>,
    /// `iss` of the bridge's own tokens: where clients reach it.
    pub issuer: String,
    /// Whose tokens are taken too.
    pub trusted: Vec<TrustedIssuer>,
    /// How many requests a second a client may make; 0 for any number.
    pub requests_per_second: u32,
    /// How many at once after a rest.
    pub burst: u32,
}

/// Issues and verifies tokens.
pub struct Tokens {
    vault: Arc<Vault>,
    issuer: String,
    clock: Clock,
    ring: ArcSwap<KeyRing>,
    /// The keys as they stand in the ledger.
    sealed: RwLock<Vec<SealedKey>>,
    trusted: Vec<Issuer>,
    revoked: ArcSwap<Revoked>,
    allowances: Allowances,
    remembered: RwLock<Remembered>,
}

/// What a token is to allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Whom it is for; appears in the audit trail and the record of refused writes.
    pub subject: String,
    /// The OAuth client that it is issued to; it ends when that is disabled.
    pub client: Option<String>,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// In which workspaces.
    pub workspaces: Vec<String>,
    /// How long.
    pub ttl: Duration,
}

/// A token that was issued.
#[derive(Debug)]
pub struct Issued {
    /// The token.
    pub token: SecretString,
    /// `jti`.
    pub id: String,
    /// `kid`.
    pub key_id: String,
    /// When it was issued.
    pub issued_at: OffsetDateTime,
    /// When it ends.
    pub expires_at: OffsetDateTime,
}

/// Who asks, as a verified token says.
#[derive(Clone, Debug)]
pub struct Principal {
    /// `sub`.
    pub subject: String,
    /// Which client this is, as no other: subjects may be the same.
    pub identity: String,
    /// `client_id`, of an OAuth client of the bridge.
    pub client: Option<String>,
    /// `scope`; words that name no scope of ours are left out.
    pub scopes: Vec<Scope>,
    /// `workspaces`.
    pub workspaces: Vec<String>,
    /// What it may still ask now.
    pub allowance: Arc<Allowance>,
}

impl Principal {
    /// Whether the token is for that workspace.
    #[must_use]
    pub fn opens(&self, workspace: &str) -> bool {
        self.workspaces.iter().any(|name| name == workspace)
    }
}

/// Why a token is not good. Callers outside are told only that it is not, and whether its time has passed.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// Longer than [`limits::BEARER_TOKEN_BYTES`].
    #[error("the token is too long")]
    TooLong,
    /// Another form, type, algorithm, key, issuer or audience, or a changed one.
    #[error("the token is neither one of this bridge nor of an issuer that it trusts")]
    Invalid,
    /// Its time has passed.
    #[error("the token has expired")]
    Expired,
    /// Its time has not come.
    #[error("the token is not valid yet")]
    NotYet,
    /// It was taken back, or its client was disabled.
    #[error("the token was revoked")]
    Revoked,
    /// The keys of its issuer cannot be read, so nobody knows.
    #[error("the keys of {issuer} cannot be read")]
    KeysUnavailable {
        /// Whose.
        issuer: String,
    },
    /// The bridge's key cannot be used, or made.
    #[error("the bridge's signing key cannot be used")]
    Key,
    /// A secret that the ledger keeps cannot be opened.
    #[error(transparent)]
    Sealed(#[from] SealError),
    /// The ledger that keeps the keys cannot be used.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl AccessError {
    /// Whether the signature was good: whoever shows the token is no stranger.
    #[must_use]
    pub fn is_of_a_known_token(&self) -> bool {
        matches!(self, Self::Expired | Self::NotYet | Self::Revoked)
    }

    /// The error with its cause, for logs and the shell.
    #[must_use]
    pub fn chain(&self) -> String {
        match self {
            Self::Ledger(error) => error.chain(),
            other => other.to_string(),
        }
    }
}

impl Tokens {
    /// Takes the keys from the ledger, or makes the first one there. Those under an earlier seal are sealed anew.
    ///
    /// # Errors
    /// When the ledger cannot be used, or holds a key that cannot be opened.
    pub async fn open(ledger: &Ledger, options: TokenOptions, clock: Clock) -> Result<Self, AccessError> {
        let vault = options.vault;
        for key in ledger.signing_keys().await? {
            if let Some(sealed) = KeyRing::reseal(&vault, &key)? {
                ledger.reseal_signing_key(&key.id, sealed).await?;
            }
        }
        let (ring, sealed) = open_ring(ledger, &vault, &clock).await?;
        let trusted: Result<Vec<Issuer>, _> =
            options.trusted.into_iter().map(|trusted| Issuer::new(trusted, clock.clone())).collect();
        Ok(Self {
            ring: ArcSwap::from_pointee(ring),
            sealed: RwLock::new(sealed),
            trusted: trusted?,
            revoked: ArcSwap::from_pointee(Revoked::new(ledger.revocations().await?)),
            allowances: Allowances::new(options.requests_per_second, options.burst, clock.clone()),
            remembered: RwLock::default(),
            issuer: options.issuer,
            vault,
            clock,
        })
    }

    /// Takes note of what was done to keys, clients and tokens, here or by another process.
    ///
    /// # Errors
    /// When the ledger cannot be read, or holds a key that cannot be opened; then all stays as it was.
    pub async fn refresh(&self, ledger: &Ledger) -> Result<(), AccessError> {
        let revoked = ledger.revocations().await?;
        if self.revoked.load().all != revoked {
            self.revoked.store(Arc::new(Revoked::new(revoked)));
        }
        let now = ledger.signing_keys().await?;
        let changed = *self.sealed.read().unwrap_or_else(PoisonError::into_inner) != now;
        if changed {
            let (ring, sealed) = open_ring(ledger, &self.vault, &self.clock).await?;
            self.ring.store(Arc::new(ring));
            // A key may have been withdrawn.
            self.remembered.write().unwrap_or_else(PoisonError::into_inner).tokens.clear();
            *self.sealed.write().unwrap_or_else(PoisonError::into_inner) = sealed;
        }
        Ok(())
    }

    /// Puts a fresh key in place of the one that signs. What was signed before stays good until a moment.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub async fn rotate(
        &self,
        ledger: &Ledger,
        verifies_until: OffsetDateTime,
        event: AuditEntry,
    ) -> Result<String, AccessError> {
        let fresh = KeyRing::fresh(&self.vault)?;
        let id = fresh.id.clone();
        let event = AuditEntry { target: Some(id.clone()), ..event };
        ledger.rotate_signing_key(fresh, verifies_until, vec![event], self.clock.now()).await?;
        self.refresh(ledger).await?;
        Ok(id)
    }

    /// The public keys of the bridge's own tokens (RFC 7517 §5).
    #[must_use]
    pub fn jwks(&self) -> Value {
        self.ring.load().jwks().clone()
    }

    /// `iss` of the bridge's own tokens.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Opens and seals what else the ledger keeps.
    #[must_use]
    pub fn vault(&self) -> &Arc<Vault> {
        &self.vault
    }

    /// Makes a token.
    ///
    /// # Errors
    /// [`AccessError::Key`] when it cannot be signed.
    pub fn issue(&self, grant: &Grant) -> Result<Issued, AccessError> {
        self.issue_by(grant, None)
    }

    /// Makes a token for a client that has shown a secret; `secret` is its [`super::secret_id`]. The token ends with that secret,
    /// where the secret ends at once.
    ///
    /// # Errors
    /// [`AccessError::Key`] when it cannot be signed.
    pub fn issue_by(&self, grant: &Grant, secret: Option<&str>) -> Result<Issued, AccessError> {
        let ring = self.ring.load();
        let (key_id, key) = ring.signing();
        let (id, now) = (random_id("tok_")?, self.clock.now());
        let (issued, ends) = (now.unix_timestamp(), now.unix_timestamp().saturating_add(seconds(grant.ttl)));
        let mut claims = json!({
            "iss": self.issuer,
            "aud": SELF,
            "sub": grant.subject,
            "iat": issued,
            "nbf": issued,
            "exp": ends,
            "jti": id,
            "scope": Scope::list(&grant.scopes),
            "workspaces": grant.workspaces,
        });
        if let Some(client) = &grant.client {
            claims["client_id"] = json!(client);
        }
        if let Some(secret) = secret {
            claims[SECRET_ID] = json!(secret);
        }
        let mut header = Header::new(Algorithm::EdDSA);
        (header.typ, header.kid) = (Some(ACCESS_TOKEN.to_owned()), Some(key_id.to_owned()));
        let token = jsonwebtoken::encode(&header, &claims, key).map_err(|_| AccessError::Key)?;
        Ok(Issued {
            token: token.into(),
            id,
            key_id: key_id.to_owned(),
            issued_at: now,
            expires_at: OffsetDateTime::from_unix_timestamp(ends).unwrap_or(now),
        })
    }

    /// Who asks, if the token was verified before.
    ///
    /// # Errors
    /// Why it is not good any more.
    pub fn recall(&self, token: &[u8]) -> Option<Result<Arc<Principal>, AccessError>> {
        if token.len() > limits::BEARER_TOKEN_BYTES {
            return Some(Err(AccessError::TooLong));
        }
        let remembered = self.remembered.read().unwrap_or_else(PoisonError::into_inner);
        let verified = remembered.find(token)?;
        verified.again.is_none_or(|again| self.clock.running() < again).then(|| {
            self.is_good(verified, self.clock.now().unix_timestamp())?;
            Ok(Arc::clone(&verified.principal))
        })
    }

    /// Checks a token and tells who asks.
    ///
    /// # Errors
    /// Why it is not good; see [`AccessError`].
    pub async fn verify(&self, token: impl AsRef<[u8]>) -> Result<Arc<Principal>, AccessError> {
        let token = token.as_ref();
        if let Some(known) = self.recall(token) {
            return known;
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| AccessError::Invalid)?;
        let ring = self.ring.load_full();
        let verified = match self.own(&ring, token, &header) {
            Some(own) => own?,
            None => self.others(token, &header).await?,
        };
        self.is_good(&verified, self.clock.now().unix_timestamp())?;
        let (principal, mut remembered) =
            (Arc::clone(&verified.principal), self.remembered.write().unwrap_or_else(PoisonError::into_inner));
        // Keys that were changed meanwhile may not be those that verified it.
        if Arc::ptr_eq(&ring, &self.ring.load()) {
            remembered.add(token, verified);
        }
        Ok(principal)
    }

    fn is_good(&self, verified: &Verified, now: i64) -> Result<(), AccessError> {
        if now >= verified.exp {
            return Err(AccessError::Expired);
        }
        if now < verified.nbf {
            return Err(AccessError::NotYet);
        }
        if self.revoked.load().has(verified) { Err(AccessError::Revoked) } else { Ok(()) }
    }

    /// What a token says that names a key of the bridge's own.
    ///
    /// NB: `iss` is not compared. It tells others where the token is from; the bridge knows its own by their key, which
    /// signs nothing else, and they stay good when its address changes.
    fn own(&self, ring: &KeyRing, token: &[u8], header: &Header) -> Option<Result<Verified, AccessError>> {
        let (key, until) = ring.verifying(header.kid.as_deref()?, self.clock.now())?;
        if header.alg != Algorithm::EdDSA || header.typ.as_deref() != Some(ACCESS_TOKEN) || header.crit.is_some() {
            return Some(Err(AccessError::Invalid));
        }
        let claims = jsonwebtoken::decode::<Claims>(token, key, &signature_only(Algorithm::EdDSA));
        Some(claims.map_err(|_| AccessError::Invalid).and_then(|token| {
            let claims = token.claims;
            let text = |name: &str| claims.text(name).map(str::to_owned).ok_or(AccessError::Invalid);
            let time = |name: &str| claims.time(name).ok_or(AccessError::Invalid);
            if !claims.is_for(&[SELF.to_owned()]) {
                return Err(AccessError::Invalid);
            }
            let (id, client) = (text("jti")?, claims.text("client_id").map(str::to_owned));
            let identity = client.as_ref().map_or_else(|| format!("token {id}"), |client| format!("client {client}"));
            let allowance = self.allowances.for_client(&identity);
            let principal = Principal {
                subject: text("sub")?,
                identity,
                client,
                scopes: claims.words("scope").into_iter().filter_map(|word| word.parse().ok()).collect(),
                workspaces: claims.words("workspaces").into_iter().map(str::to_owned).collect(),
                allowance,
            };
            let nbf = time("nbf")?.saturating_sub(seconds(limits::TOKEN_LEEWAY));
            // What a key signed that signs no more ends with it.
            let exp = time("exp")?.min(until.map_or(i64::MAX, OffsetDateTime::unix_timestamp));
            let (secret, issued_at) =
                (claims.text(SECRET_ID).map(str::to_owned), claims.time("iat").unwrap_or(i64::MIN));
            Ok(Verified { principal: Arc::new(principal), id: Some(id), secret, issued_at, nbf, exp, again: None })
        }))
    }

    /// What a token of a trusted issuer says.
    async fn others(&self, token: &[u8], header: &Header) -> Result<Verified, AccessError> {
        if !is_access_token(header) {
            return Err(AccessError::Invalid);
        }
        let claims =
            jsonwebtoken::dangerous::insecure_decode_claims::<Claims>(token).map_err(|_| AccessError::Invalid)?;
        // Only to know whom to ask; that it is so is verified afterwards.
        let named = claims.text("iss").ok_or(AccessError::Invalid)?;
        let issuer = self.trusted.iter().find(|issuer| issuer.name() == named).ok_or(AccessError::Invalid)?;
        let said = issuer.verify(token, header).await?;
        let identity = format!("issuer {named} {}", said.subject);
        let allowance = self.allowances.for_client(&identity);
        let (subject, scopes, workspaces) = (said.subject, said.scopes, said.workspaces);
        let principal = Principal { subject, identity, client: None, scopes, workspaces, allowance };
        let (nbf, exp, again) = (said.nbf, said.exp, Some(said.again));
        Ok(Verified { principal: Arc::new(principal), id: None, secret: None, issued_at: nbf, nbf, exp, again })
    }

    /// How many verified tokens are remembered; at the most [`limits::REMEMBERED_TOKENS`].
    #[must_use]
    pub fn remembered(&self) -> usize {
        self.remembered.read().unwrap_or_else(PoisonError::into_inner).tokens.len()
    }
}

/// The keys of the ledger, opened; where none signs, one is made.
async fn open_ring(ledger: &Ledger, vault: &Vault, clock: &Clock) -> Result<(KeyRing, Vec<SealedKey>), AccessError> {
    if !ledger.signing_keys().await?.iter().any(|key| key.verifies_until.is_none()) {
        ledger.add_signing_key(KeyRing::fresh(vault)?, clock.now()).await?;
    }
    let sealed = ledger.signing_keys().await?;
    Ok((KeyRing::open(vault, &sealed)?.ok_or(AccessError::Key)?, sealed))
}

impl Issued {
    /// The token itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.token.expose_secret()
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("ring", &self.ring.load()).finish_non_exhaustive()
    }
}
