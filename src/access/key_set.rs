//! Public keys for signatures, as a JWK Set (RFC 7517 §5) has them.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

/// The public keys of a JWK Set that can be used here.
#[derive(Default)]
pub struct KeySet {
    keys: Vec<PublicKey>,
}

/// One of the keys.
struct PublicKey {
    id: Option<String>,
    algorithm: Algorithm,
    key: DecodingKey,
}

#[derive(Deserialize)]
struct JwkSet {
    keys: Vec<Value>,
}

impl KeySet {
    /// Reads a JWK Set.
    ///
    /// RFC 7517 §5: "Implementations SHOULD ignore JWKs within a JWK Set that use "kty" (key type)
    /// values that are not understood by them, that are missing required members, or for which
    /// values are out of the supported ranges."
    ///
    /// # Errors
    /// [`serde_json::Error`] if the bytes are no JSON object with a list `keys`.
    pub fn read(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        let published: JwkSet = serde_json::from_slice(bytes)?;
        let keys = published.keys.into_iter();
        let keys = keys.filter_map(|key| PublicKey::new(&serde_json::from_value(key).ok()?));
        Ok(Self { keys: keys.collect() })
    }

    /// The number of keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is no key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The key with this id, if it is for this algorithm.
    ///
    /// RFC 8725 §3.1: "each key MUST be used with exactly one algorithm".
    #[must_use]
    pub fn named(&self, id: &str, algorithm: Algorithm) -> Option<&DecodingKey> {
        let named = |key: &&PublicKey| key.id.as_deref() == Some(id) && key.algorithm == algorithm;
        self.keys.iter().find(named).map(|key| &key.key)
    }

    /// The keys that may have made a signature with this algorithm and this `kid`. Without a `kid`,
    /// these are all keys for the algorithm. A key without an id fits every `kid`.
    pub fn candidates(
        &self,
        id: Option<&str>,
        algorithm: Algorithm,
    ) -> impl Iterator<Item = &DecodingKey> {
        let fits = move |key: &&PublicKey| {
            let named = match (key.id.as_deref(), id) {
                (Some(known), Some(wanted)) => known == wanted,
                _ => true,
            };
            named && key.algorithm == algorithm
        };
        self.keys.iter().filter(fits).map(|key| &key.key)
    }
}

impl PublicKey {
    /// The key of a JWK, if it is for signatures of a supported algorithm.
    fn new(key: &Jwk) -> Option<Self> {
        let named = key.common.key_algorithm;
        let algorithm = match &key.algorithm {
            AlgorithmParameters::RSA(rsa) => {
                // NIST SP 800-131A: keys below 2048 bits are no longer safe.
                let bytes = URL_SAFE_NO_PAD.decode(&rsa.n).ok()?;
                let significant = bytes.iter().skip_while(|byte| **byte == 0).count();
                (significant >= 256).then_some(match named {
                    Some(KeyAlgorithm::PS256) => Algorithm::PS256,
                    _ => Algorithm::RS256,
                })?
            }
            AlgorithmParameters::EllipticCurve(curve) if curve.curve == EllipticCurve::P256 => {
                Algorithm::ES256
            }
            AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519 => {
                Algorithm::EdDSA
            }
            _ => return None,
        };
        let for_signatures =
            key.common.public_key_use.as_ref().is_none_or(|what| *what == PublicKeyUse::Signature);
        let expected = match algorithm {
            Algorithm::RS256 => KeyAlgorithm::RS256,
            Algorithm::PS256 => KeyAlgorithm::PS256,
            Algorithm::ES256 => KeyAlgorithm::ES256,
            _ => KeyAlgorithm::EdDSA,
        };
        if !for_signatures || named.is_some_and(|named| named != expected) {
            return None;
        }
        let id = key.common.key_id.clone();
        Some(Self { id, algorithm, key: DecodingKey::from_jwk(key).ok()? })
    }
}
