//! The bridge's signing keys, opened: one signs, and the others still verify their tokens.

use std::collections::HashMap;
use std::fmt;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{DecodingKey, EncodingKey};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::secrets::random_id;
use super::{AccessError, Vault};
use crate::stores::SealedKey;

/// The opened keys of the database.
pub struct KeyRing {
    signing: (String, EncodingKey),
    verifying: HashMap<String, Verifying>,
    jwks: Value,
}

struct Verifying {
    key: DecodingKey,
    until: Option<OffsetDateTime>,
}

/// The purpose for which a key is sealed.
fn purpose(id: &str) -> String {
    format!("signing_keys/{id}")
}

impl KeyRing {
    /// Generates a key and seals it.
    ///
    /// # Errors
    /// [`AccessError::Key`] or [`AccessError::Sealed`] if the system provides no randomness.
    pub fn fresh(vault: &Vault) -> Result<SealedKey, AccessError> {
        let pair = Ed25519KeyPair::generate()
            .and_then(|pair| pair.to_pkcs8())
            .map_err(|_| AccessError::Key)?;
        let id = random_id("key_")?;
        Ok(SealedKey {
            sealed: vault.seal(&purpose(&id), pair.as_ref())?,
            id,
            verifies_until: None,
        })
    }

    /// Seals a key anew, with the current encryption key. `None` if it is sealed with that already.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub fn reseal(vault: &Vault, key: &SealedKey) -> Result<Option<Vec<u8>>, AccessError> {
        if vault.is_current(&key.sealed) {
            return Ok(None);
        }
        let opened = vault.open(&purpose(&key.id), &key.sealed)?;
        Ok(Some(vault.seal(&purpose(&key.id), opened.expose_secret())?))
    }

    /// Opens the keys of the database, which are sorted oldest first; `None` if none of them signs.
    ///
    /// # Errors
    /// If one of them cannot be opened.
    pub fn open(vault: &Vault, keys: &[SealedKey]) -> Result<Option<Self>, AccessError> {
        let mut signing = None;
        let mut verifying = HashMap::new();
        let mut public = Vec::new();
        for SealedKey { id, sealed, verifies_until } in keys {
            let pkcs8 = vault.open(&purpose(id), sealed)?;
            let pair =
                Ed25519KeyPair::from_pkcs8(pkcs8.expose_secret()).map_err(|_| AccessError::Key)?;
            let public_key = pair.public_key().as_ref();
            // RFC 8037 §2.
            public.push(json!({
                "kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(public_key),
                "kid": id, "use": "sig", "alg": "EdDSA",
            }));
            let key = DecodingKey::from_ed_der(public_key);
            verifying.insert(id.clone(), Verifying { key, until: *verifies_until });
            if signing.is_none() && verifies_until.is_none() {
                signing = Some((id.clone(), EncodingKey::from_ed_der(pkcs8.expose_secret())));
            }
        }
        Ok(signing.map(|signing| Self { signing, verifying, jwks: json!({ "keys": public }) }))
    }

    /// The id of the signing key, and the key.
    #[must_use]
    pub fn signing(&self) -> (&str, &EncodingKey) {
        (&self.signing.0, &self.signing.1)
    }

    /// The key with this id, if its tokens are still valid, and the end of their validity (`None`
    /// for the signing key).
    #[must_use]
    pub fn verifying(
        &self,
        id: &str,
        now: OffsetDateTime,
    ) -> Option<(&DecodingKey, Option<OffsetDateTime>)> {
        let key = self.verifying.get(id).filter(|key| key.until.is_none_or(|until| now < until));
        key.map(|key| (&key.key, key.until))
    }

    /// The public keys, as a JWK Set (RFC 7517 §5).
    #[must_use]
    pub fn jwks(&self) -> &Value {
        &self.jwks
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing").field("signing", &self.signing.0).finish_non_exhaustive()
    }
}
