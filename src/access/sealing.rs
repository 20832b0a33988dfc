//! Seals the secrets in the database: AES-256-GCM, with a key that is not in it.
//!
//! A sealed secret consists of one byte for the version, four that identify the key, a random
//! nonce, and the ciphertext with its tag. Its purpose is the associated data, so that a row cannot
//! be moved to another's place.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use aws_lc_rs::hmac::{self, HMAC_SHA256};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretSlice, SecretString};

/// The version of the format.
const VERSION: u8 = 1;
const KEY_NAME: usize = 4;
/// The length of a tag of [`Vault::tag`], in bytes.
pub const TAG: usize = 16;
const HEAD: usize = 1 + KEY_NAME + NONCE_LEN;

/// Why a secret cannot be sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The key is not 32 bytes in Base64.
    #[error(
        "access.encryption_key (or its file) is not a key: it must be 32 random bytes in Base64, \
         such as `openssl rand -base64 32` prints them"
    )]
    NoKey,
    /// The secret was sealed with a key that is neither the current nor the previous one.
    #[error(
        "a secret in the database was sealed with another encryption key; give the bridge the one it had \
         (access.encryption_key, access.previous_encryption_key, or the key file beside the database), or, if that is \
         lost, run `keys reset` and issue tokens anew"
    )]
    OtherKey,
    /// The sealed secret was changed, or is for another purpose.
    #[error(
        "a sealed secret in the database was changed; restore it from a backup, or run `keys reset`"
    )]
    Changed,
    /// The system provides no randomness.
    #[error("the system gives no random numbers")]
    NoRandomness,
}

/// Seals and opens secrets.
pub struct Vault {
    current: SealingKey,
    previous: Option<SealingKey>,
}

struct SealingKey {
    name: [u8; KEY_NAME],
    key: LessSafeKey,
    secret: SecretSlice<u8>,
}

impl SealingKey {
    fn read(text: &SecretString) -> Result<Self, SealError> {
        let bytes = STANDARD.decode(text.expose_secret().trim()).map_err(|_| SealError::NoKey)?;
        let key = UnboundKey::new(&AES_256_GCM, &bytes).map_err(|_| SealError::NoKey)?;
        let mut name = [0; KEY_NAME];
        name.copy_from_slice(&digest(&SHA256, &bytes).as_ref()[..KEY_NAME]);
        Ok(Self { name, key: LessSafeKey::new(key), secret: bytes.into() })
    }

    fn derive(&self, purpose: &str) -> Result<[u8; 32], SealError> {
        let mut derived = [0; 32];
        let secret =
            Salt::new(HKDF_SHA256, b"intercom-scim-bridge").extract(self.secret.expose_secret());
        let info = [purpose.as_bytes()];
        let material = secret.expand(&info, HKDF_SHA256).map_err(|_| SealError::NoKey)?;
        material.fill(&mut derived).map_err(|_| SealError::NoKey)?;
        Ok(derived)
    }

    fn tag(&self, purpose: &str, message: &[u8]) -> Result<[u8; TAG], SealError> {
        let whole = hmac::sign(&hmac::Key::new(HMAC_SHA256, &self.derive(purpose)?), message);
        let mut tag = [0; TAG];
        tag.copy_from_slice(&whole.as_ref()[..TAG]);
        Ok(tag)
    }
}

impl Vault {
    /// A vault that seals with `current`. Secrets sealed with `previous` can still be opened.
    ///
    /// # Errors
    /// [`SealError::NoKey`].
    pub fn new(current: &SecretString, previous: Option<&SecretString>) -> Result<Self, SealError> {
        let previous = previous.map(SealingKey::read).transpose()?;
        Ok(Self { current: SealingKey::read(current)?, previous })
    }

    /// Generates a key, in the form that [`Vault::new`] reads.
    ///
    /// # Errors
    /// [`SealError::NoRandomness`].
    pub fn fresh_key() -> Result<SecretString, SealError> {
        let mut bytes = [0; 32];
        aws_lc_rs::rand::fill(&mut bytes).map_err(|_| SealError::NoRandomness)?;
        Ok(STANDARD.encode(bytes).into())
    }

    /// Seals a secret for one purpose, such as `signing_keys/<id>`.
    ///
    /// # Errors
    /// [`SealError::NoRandomness`].
    pub fn seal(&self, purpose: &str, secret: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0; NONCE_LEN];
        aws_lc_rs::rand::fill(&mut nonce).map_err(|_| SealError::NoRandomness)?;
        let mut sealed = Vec::with_capacity(HEAD + secret.len() + AES_256_GCM.tag_len());
        sealed.push(VERSION);
        sealed.extend_from_slice(&self.current.name);
        sealed.extend_from_slice(&nonce);
        let mut body = secret.to_vec();
        let nonce = Nonce::assume_unique_for_key(nonce);
        self.current
            .key
            .seal_in_place_append_tag(nonce, Aad::from(purpose), &mut body)
            .map_err(|_| SealError::NoRandomness)?;
        sealed.append(&mut body);
        Ok(sealed)
    }

    /// Opens a secret that was sealed for this purpose.
    ///
    /// # Errors
    /// [`SealError::OtherKey`], [`SealError::Changed`].
    pub fn open(&self, purpose: &str, sealed: &[u8]) -> Result<SecretSlice<u8>, SealError> {
        let (head, body) = sealed.split_at_checked(HEAD).ok_or(SealError::Changed)?;
        if head[0] != VERSION {
            return Err(SealError::Changed);
        }
        let (name, nonce) = head[1..].split_at(KEY_NAME);
        let key = self.keys().find(|key| key.name == name);
        let key = key.ok_or(SealError::OtherKey)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError::Changed)?;
        let mut body = body.to_vec();
        let length = key
            .key
            .open_in_place(nonce, Aad::from(purpose), &mut body)
            .map_err(|_| SealError::Changed)?
            .len();
        body.truncate(length);
        Ok(body.into())
    }

    fn keys(&self) -> impl Iterator<Item = &SealingKey> {
        std::iter::once(&self.current).chain(&self.previous)
    }

    /// Whether a secret was sealed with the current key.
    #[must_use]
    pub fn is_current(&self, sealed: &[u8]) -> bool {
        sealed.get(1..=KEY_NAME) == Some(&self.current.name[..])
    }

    /// Derives a secret for a purpose (HKDF-SHA-256). It is the same in every bridge with this key.
    ///
    /// # Errors
    /// [`SealError::NoKey`].
    pub fn derive(&self, purpose: &str) -> Result<[u8; 32], SealError> {
        self.current.derive(purpose)
    }

    /// Computes a tag of a message: the first 16 bytes of its HMAC-SHA-256. Only bridges with this
    /// key can compute it.
    ///
    /// # Errors
    /// [`SealError::NoKey`].
    pub fn tag(&self, purpose: &str, message: &[u8]) -> Result<[u8; TAG], SealError> {
        self.current.tag(purpose, message)
    }

    /// Whether `tag` is the tag of the message under the current or the previous key. Compares in
    /// constant time.
    #[must_use]
    pub fn is_tag(&self, purpose: &str, message: &[u8], tag: &[u8]) -> bool {
        let tags = self.keys().filter_map(|key| key.tag(purpose, message).ok());
        tags.fold(false, |found, made| found | verify_slices_are_equal(&made, tag).is_ok())
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault")
    }
}

/// The purpose for which the access token of a connected workspace is sealed.
#[must_use]
pub fn connection_purpose(workspace: &str) -> String {
    format!("connections/{workspace}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> SecretString {
        STANDARD.encode([byte; 32]).into()
    }

    #[test]
    fn a_sealed_value_opens_for_its_purpose_only() {
        let vault = Vault::new(&key(1), None).unwrap();
        let sealed = vault.seal("connections/default", b"dG9rOg").unwrap();
        assert!(!sealed.windows(6).any(|window| window == b"dG9rOg"));
        assert_eq!(vault.open("connections/default", &sealed).unwrap().expose_secret(), b"dG9rOg");
        assert_eq!(vault.open("connections/other", &sealed).unwrap_err(), SealError::Changed);
        assert_ne!(
            vault.seal("connections/default", b"dG9rOg").unwrap(),
            sealed,
            "a nonce is used once"
        );
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(vault.open("connections/default", &changed).is_err(), "byte {at}");
            assert!(vault.open("connections/default", &sealed[..at]).is_err(), "cut at {at}");
        }
        assert_eq!(format!("{vault:?}"), "Vault");
    }

    #[test]
    fn a_key_is_rotated_by_naming_the_one_before() {
        let old = Vault::new(&key(1), None).unwrap();
        let sealed = old.seal("x", b"secret").unwrap();
        let new = Vault::new(&key(2), Some(&key(1))).unwrap();
        assert!(old.is_current(&sealed) && !new.is_current(&sealed));
        let resealed = new.seal("x", new.open("x", &sealed).unwrap().expose_secret()).unwrap();
        let last = Vault::new(&key(2), None).unwrap();
        assert_eq!(last.open("x", &resealed).unwrap().expose_secret(), b"secret");
        assert_eq!(last.open("x", &sealed).unwrap_err(), SealError::OtherKey);
        assert_ne!(new.derive("cursors").unwrap(), old.derive("cursors").unwrap());
        assert_ne!(old.derive("cursors").unwrap(), old.derive("others").unwrap());
    }

    #[test]
    fn a_tag_is_made_by_those_with_the_key_alone() {
        let old = Vault::new(&key(1), None).unwrap();
        let new = Vault::new(&key(2), Some(&key(1))).unwrap();
        let tag = old.tag("a", b"message").unwrap();
        assert!(old.is_tag("a", b"message", &tag) && new.is_tag("a", b"message", &tag));
        assert!(!old.is_tag("b", b"message", &tag) && !old.is_tag("a", b"messages", &tag));
        assert!(!Vault::new(&key(2), None).unwrap().is_tag("a", b"message", &tag));
        assert!(!old.is_tag("a", b"message", &tag[1..]) && !old.is_tag("a", b"message", b""));
    }

    #[test]
    fn a_key_is_32_bytes() {
        for wrong in ["", "c2hvcnQ=", "not base64 at all", &STANDARD.encode([1; 33])] {
            assert_eq!(Vault::new(&wrong.into(), None).unwrap_err(), SealError::NoKey, "{wrong}");
        }
        assert!(Vault::new(&Vault::fresh_key().unwrap(), None).is_ok());
    }
}
