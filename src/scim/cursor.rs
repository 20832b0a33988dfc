//! Cursors (RFC 9865): encrypted positions in a list, so that the bridge stores no state for them.
//!
//! RFC 9865 §5 requires that forged cursors are detected and that a cursor of one client is useless
//! to another. Authenticated encryption ensures both: the query, the client and the workspace are
//! the associated data, so a cursor does not open for any other.

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::error::ScimError;
use super::snapshot::ListId;
use crate::directory::{Generation, SnapshotId};

/// A position in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The list, the same from the first page to the last.
    pub list: ListId,
    /// The number of resources before the page.
    pub start: usize,
    /// The page size.
    pub count: usize,
}

/// The key that encrypts and decrypts cursors.
#[derive(Debug)]
pub struct CursorKey(RandomizedNonceKey);

/// Length of the nonce that precedes the ciphertext, in bytes.
const NONCE: usize = 12;

impl CursorKey {
    /// Length of the secret in bytes.
    pub const SECRET: usize = 32;

    /// Creates a key from a secret. Bridges with the same secret accept each other's cursors.
    /// Returns `None` if the cryptographic library rejects the secret.
    #[must_use]
    pub fn new(secret: &[u8; Self::SECRET]) -> Option<Self> {
        RandomizedNonceKey::new(&AES_256_GCM, secret).ok().map(Self)
    }

    /// Encrypts a cursor. `purpose` identifies the query and the client.
    ///
    /// RFC 9865 §2.1 allows only the unreserved characters of RFC 3986; base64url has no others.
    ///
    /// # Errors
    /// [`ScimError::Internal`] if no random nonce can be generated.
    pub fn seal(&self, cursor: Cursor, purpose: &str) -> Result<String, ScimError> {
        let ListId { snapshot_id, additions } = cursor.list;
        let mut sealed = [
            snapshot_id.generation.to_be_bytes(),
            wide(snapshot_id.left_out),
            additions.to_be_bytes(),
            wide(cursor.start),
            wide(cursor.count),
        ]
        .concat();
        let nonce = self
            .0
            .seal_in_place_append_tag(Aad::from(purpose.as_bytes()), &mut sealed)
            .map_err(|_| ScimError::Internal)?;
        Ok(URL_SAFE_NO_PAD.encode([nonce.as_ref().as_slice(), &sealed].concat()))
    }

    /// Decrypts a cursor that was encrypted for the same purpose.
    ///
    /// # Errors
    /// [`ScimError::InvalidCursor`] for any other string.
    pub fn open(&self, cursor: &str, purpose: &str) -> Result<Cursor, ScimError> {
        self.unseal(cursor, purpose).ok_or(ScimError::InvalidCursor)
    }

    fn unseal(&self, cursor: &str, purpose: &str) -> Option<Cursor> {
        let mut bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let (nonce, sealed) = bytes.split_at_mut_checked(NONCE)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let opened = self.0.open_in_place(nonce, Aad::from(purpose.as_bytes()), sealed).ok()?;
        let mut numbers = opened
            .chunks_exact(8)
            .filter_map(|bytes| bytes.try_into().ok())
            .map(u64::from_be_bytes);
        Some(Cursor {
            list: ListId {
                snapshot_id: SnapshotId {
                    generation: Generation::try_from(numbers.next()?).ok()?,
                    left_out: usize::try_from(numbers.next()?).ok()?,
                },
                additions: numbers.next()?,
            },
            start: usize::try_from(numbers.next()?).ok()?,
            count: usize::try_from(numbers.next()?).ok()?,
        })
    }
}

fn wide(number: usize) -> [u8; 8] {
    // `usize` has at most 64 bits on all supported machines.
    u64::try_from(number).unwrap_or(u64::MAX).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CURSOR: Cursor = Cursor {
        list: ListId {
            snapshot_id: SnapshotId { generation: 7, left_out: 1 },
            additions: u64::MAX,
        },
        start: 200,
        count: 100,
    };

    fn key() -> CursorKey {
        CursorKey::new(&[1; CursorKey::SECRET]).unwrap()
    }

    #[test]
    fn a_cursor_opens_only_for_its_own_query() {
        let sealed = key().seal(CURSOR, "all users, ada").unwrap();
        assert_eq!(key().open(&sealed, "all users, ada"), Ok(CURSOR));
        assert_eq!(key().open(&sealed, "all users, bo"), Err(ScimError::InvalidCursor));
        let other = CursorKey::new(&[2; CursorKey::SECRET]).unwrap();
        assert_eq!(other.open(&sealed, "all users, ada"), Err(ScimError::InvalidCursor));
    }

    #[test]
    fn a_cursor_holds_only_characters_that_need_no_escape_and_never_looks_the_same_twice() {
        let first = key().seal(CURSOR, "").unwrap();
        let second = key().seal(CURSOR, "").unwrap();
        assert!(first.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)));
        assert_ne!(first, second);
    }

    proptest::proptest! {
        #[test]
        fn a_changed_cursor_does_not_open(place in 0_usize..68, bit in 0_u8..8) {
            let mut bytes = URL_SAFE_NO_PAD.decode(key().seal(CURSOR, "x").unwrap()).unwrap();
            proptest::prop_assert_eq!(bytes.len(), 68);
            bytes[place] ^= 1 << bit;
            proptest::prop_assert_eq!(key().open(&URL_SAFE_NO_PAD.encode(bytes), "x"), Err(ScimError::InvalidCursor));
        }

        #[test]
        fn no_text_makes_opening_panic(text in "\\PC*") {
            proptest::prop_assert_eq!(key().open(&text, "x"), Err(ScimError::InvalidCursor));
        }
    }
}
