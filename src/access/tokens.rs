//! Bearer tokens: the bridge's own, which are JWTs (RFC 7519, RFC 9068), and those of trusted
//! issuers. The bridge generates its first signing key when it is first started.

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
use super::verified::{Remembered, Revoked, VerifiedToken};
use super::{AccessError, Allowances, Issuer, KeyRing, Principal, Scope, TrustedIssuer, Vault};
use crate::clock::Clock;
use crate::database::AuditEntry;
use crate::limits;
use crate::stores::{AccessStore, SealedKey};

/// The `aud` of the bridge's own tokens.
const SELF: &str = "intercom-scim-bridge";

/// The claim with the id of the secret with which the client got the token.
const SECRET_ID: &str = "secret_id";

/// RFC 9068 §2.1: "JWT access tokens MUST include this media type in the "typ" header parameter".
const ACCESS_TOKEN: &str = "at+jwt";

/// Settings for issuing and verifying tokens.
#[derive(Debug)]
pub struct TokenOptions {
    /// Opens and seals the signing keys of the database.
    pub vault: Arc<Vault>,
    /// The `iss` of the bridge's own tokens: its public URL.
    pub issuer: String,
    /// The other issuers whose tokens are accepted.
    pub trusted: Vec<TrustedIssuer>,
    /// The number of requests a second that a client may make; 0 for no limit.
    pub requests_per_second: u32,
    /// The number of requests that it may make at once after a pause.
    pub burst: u32,
}

/// Issues and verifies tokens.
pub struct Tokens {
    vault: Arc<Vault>,
    issuer: String,
    clock: Clock,
    ring: ArcSwap<KeyRing>,
    /// The keys in the database when `ring` was opened.
    sealed: RwLock<Vec<SealedKey>>,
    trusted: Vec<Issuer>,
    revoked: ArcSwap<Revoked>,
    allowances: Allowances,
    remembered: RwLock<Remembered>,
}

/// What a new token allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The `sub`. The audit trail and the record of refused writes show it.
    pub subject: String,
    /// The OAuth client that gets the token, if any. The token becomes invalid when the client is
    /// disabled.
    pub client: Option<String>,
    /// Its scopes.
    pub scopes: Vec<Scope>,
    /// The workspaces that it is valid for.
    pub workspaces: Vec<String>,
    /// How long it is valid.
    pub ttl: Duration,
}

/// An issued token.
#[derive(Debug)]
pub struct Issued {
    /// The token.
    pub token: SecretString,
    /// The `jti`.
    pub id: String,
    /// The `kid` of the key that signed it.
    pub key_id: String,
    /// When it was issued.
    pub issued_at: OffsetDateTime,
    /// When it expires.
    pub expires_at: OffsetDateTime,
}

impl Tokens {
    /// Reads the keys from the database, or creates the first one. Keys that the previous
    /// encryption key sealed are sealed with the current one.
    ///
    /// # Errors
    /// If the database cannot be used, or one of its keys cannot be opened.
    pub async fn open(
        store: &AccessStore,
        options: TokenOptions,
        clock: Clock,
    ) -> Result<Self, AccessError> {
        let vault = options.vault;
        for key in store.signing_keys().await? {
            if let Some(sealed) = KeyRing::reseal(&vault, &key)? {
                store.reseal_signing_key(&key.id, sealed).await?;
            }
        }
        let (ring, sealed) = open_ring(store, &vault, &clock).await?;
        let trusted: Result<Vec<Issuer>, _> = options
            .trusted
            .into_iter()
            .map(|trusted| Issuer::new(trusted, clock.clone()))
            .collect();
        Ok(Self {
            ring: ArcSwap::from_pointee(ring),
            sealed: RwLock::new(sealed),
            trusted: trusted?,
            revoked: ArcSwap::from_pointee(Revoked::new(store.revocations().await?)),
            allowances: Allowances::new(options.requests_per_second, options.burst, clock.clone()),
            remembered: RwLock::default(),
            issuer: options.issuer,
            vault,
            clock,
        })
    }

    /// Reads changes of keys, clients and tokens from the database, by this or another process.
    ///
    /// # Errors
    /// If the database cannot be read, or one of its keys cannot be opened. Then the previous keys
    /// stay in use.
    pub async fn refresh(&self, store: &AccessStore) -> Result<(), AccessError> {
        let revoked = store.revocations().await?;
        if self.revoked.load().all != revoked {
            self.revoked.store(Arc::new(Revoked::new(revoked)));
        }
        let now = store.signing_keys().await?;
        let changed = *self.sealed.read().unwrap_or_else(PoisonError::into_inner) != now;
        if changed {
            let (ring, sealed) = open_ring(store, &self.vault, &self.clock).await?;
            self.ring.store(Arc::new(ring));
            // A key may have been withdrawn.
            self.remembered.write().unwrap_or_else(PoisonError::into_inner).tokens.clear();
            *self.sealed.write().unwrap_or_else(PoisonError::into_inner) = sealed;
        }
        Ok(())
    }

    /// Replaces the signing key by a new one and returns its id. Tokens of the old key stay valid
    /// until `verifies_until`.
    ///
    /// # Errors
    /// If the database cannot be written.
    pub async fn rotate(
        &self,
        store: &AccessStore,
        verifies_until: OffsetDateTime,
        event: AuditEntry,
    ) -> Result<String, AccessError> {
        let fresh = KeyRing::fresh(&self.vault)?;
        let id = fresh.id.clone();
        let event = AuditEntry { target: Some(id.clone()), ..event };
        store.rotate_signing_key(fresh, verifies_until, vec![event], self.clock.now()).await?;
        self.refresh(store).await?;
        Ok(id)
    }

    /// The public keys of the bridge's own tokens (RFC 7517 §5).
    #[must_use]
    pub fn jwks(&self) -> Value {
        self.ring.load().jwks().clone()
    }

    /// The `iss` of the bridge's own tokens.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The vault, which opens and seals the database's other secrets.
    #[must_use]
    pub fn vault(&self) -> &Arc<Vault> {
        &self.vault
    }

    /// Issues a token.
    ///
    /// # Errors
    /// [`AccessError::Key`] if it cannot be signed.
    pub fn issue(&self, grant: &Grant) -> Result<Issued, AccessError> {
        self.issue_by(grant, None)
    }

    /// Issues a token to a client that logged in with a secret; `secret` is its
    /// [`secret_id`](super::secrets::secret_id). The token becomes invalid together with that
    /// secret, if the secret is replaced without an overlap.
    ///
    /// # Errors
    /// [`AccessError::Key`] if it cannot be signed.
    pub fn issue_by(&self, grant: &Grant, secret: Option<&str>) -> Result<Issued, AccessError> {
        let ring = self.ring.load();
        let (key_id, key) = ring.signing();
        let id = random_id("tok_")?;
        let now = self.clock.now();
        let issued = now.unix_timestamp();
        let ends = issued.saturating_add(seconds(grant.ttl));
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

    /// Returns the client of a token that was verified before; `None` for a token that must be
    /// verified.
    ///
    /// # Errors
    /// [`AccessError`], if the token is no longer valid.
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

    /// Verifies a token and returns its client.
    ///
    /// # Errors
    /// [`AccessError`], if the token is not valid.
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
        let principal = Arc::clone(&verified.principal);
        let mut remembered = self.remembered.write().unwrap_or_else(PoisonError::into_inner);
        // Not remembered if the keys have changed meanwhile: the key that verified it may be
        // withdrawn.
        if Arc::ptr_eq(&ring, &self.ring.load()) {
            remembered.add(token, verified);
        }
        Ok(principal)
    }

    fn is_good(&self, verified: &VerifiedToken, now: i64) -> Result<(), AccessError> {
        if now >= verified.exp {
            return Err(AccessError::Expired);
        }
        if now < verified.nbf {
            return Err(AccessError::NotYet);
        }
        if self.revoked.load().has(verified) { Err(AccessError::Revoked) } else { Ok(()) }
    }

    /// Verifies a token of the bridge's own; `None` if it names none of the bridge's keys.
    ///
    /// NB: `iss` is not compared. The key identifies the bridge's own tokens, since it signs
    /// nothing else. So they stay valid when the bridge's address changes.
    fn own(
        &self,
        ring: &KeyRing,
        token: &[u8],
        header: &Header,
    ) -> Option<Result<VerifiedToken, AccessError>> {
        let (key, until) = ring.verifying(header.kid.as_deref()?, self.clock.now())?;
        if header.alg != Algorithm::EdDSA
            || header.typ.as_deref() != Some(ACCESS_TOKEN)
            || header.crit.is_some()
        {
            return Some(Err(AccessError::Invalid));
        }
        let claims = jsonwebtoken::decode::<Claims>(token, key, &signature_only(Algorithm::EdDSA));
        Some(claims.map_err(|_| AccessError::Invalid).and_then(|token| {
            let claims = token.claims;
            let text =
                |name: &str| claims.text(name).map(str::to_owned).ok_or(AccessError::Invalid);
            let time = |name: &str| claims.time(name).ok_or(AccessError::Invalid);
            if !claims.is_for(&[SELF.to_owned()]) {
                return Err(AccessError::Invalid);
            }
            let id = text("jti")?;
            let client = claims.text("client_id").map(str::to_owned);
            let identity = client
                .as_ref()
                .map_or_else(|| format!("token {id}"), |client| format!("client {client}"));
            let allowance = self.allowances.for_client(&identity);
            let principal = Principal {
                subject: text("sub")?,
                identity,
                client,
                scopes: claims
                    .words("scope")
                    .into_iter()
                    .filter_map(|word| word.parse().ok())
                    .collect(),
                workspaces: claims.words("workspaces").into_iter().map(str::to_owned).collect(),
                allowance,
            };
            let nbf = time("nbf")?.saturating_sub(seconds(limits::TOKEN_LEEWAY));
            // The tokens of a replaced key expire with it at the latest.
            let exp = time("exp")?.min(until.map_or(i64::MAX, OffsetDateTime::unix_timestamp));
            let secret = claims.text(SECRET_ID).map(str::to_owned);
            let issued_at = claims.time("iat").unwrap_or(i64::MIN);
            Ok(VerifiedToken {
                principal: Arc::new(principal),
                id: Some(id),
                secret,
                issued_at,
                nbf,
                exp,
                again: None,
            })
        }))
    }

    /// Verifies a token of a trusted issuer.
    async fn others(&self, token: &[u8], header: &Header) -> Result<VerifiedToken, AccessError> {
        if !is_access_token(header) {
            return Err(AccessError::Invalid);
        }
        let claims = jsonwebtoken::dangerous::insecure_decode_claims::<Claims>(token)
            .map_err(|_| AccessError::Invalid)?;
        // Unverified claims, only to find the issuer. `Issuer::verify` verifies them.
        let named = claims.text("iss").ok_or(AccessError::Invalid)?;
        let issuer = self
            .trusted
            .iter()
            .find(|issuer| issuer.name() == named)
            .ok_or(AccessError::Invalid)?;
        let assertion = issuer.verify(token, header).await?;
        let identity = format!("issuer {named} {}", assertion.subject);
        let principal = Principal {
            allowance: self.allowances.for_client(&identity),
            subject: assertion.subject,
            identity,
            client: None,
            scopes: assertion.scopes,
            workspaces: assertion.workspaces,
        };
        Ok(VerifiedToken {
            principal: Arc::new(principal),
            id: None,
            secret: None,
            issued_at: assertion.nbf,
            nbf: assertion.nbf,
            exp: assertion.exp,
            again: Some(assertion.again),
        })
    }

    /// The number of remembered tokens, at most [`limits::REMEMBERED_TOKENS`].
    #[must_use]
    pub fn remembered(&self) -> usize {
        self.remembered.read().unwrap_or_else(PoisonError::into_inner).tokens.len()
    }
}

/// Opens the keys of the database. If none of them signs, a new one is created.
async fn open_ring(
    store: &AccessStore,
    vault: &Vault,
    clock: &Clock,
) -> Result<(KeyRing, Vec<SealedKey>), AccessError> {
    if !store.signing_keys().await?.iter().any(|key| key.verifies_until.is_none()) {
        store.add_signing_key(KeyRing::fresh(vault)?, clock.now()).await?;
    }
    let sealed = store.signing_keys().await?;
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
