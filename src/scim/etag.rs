//! The versions of resources (RFC 7644 §3.14).

use std::ops::Range;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// A weak ETag, including the quotes: `W/"…"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ETag([u8; 20]);

impl ETag {
    /// The placeholder in a response before its version, a hash of the response, is known.
    pub const PENDING: Self = Self(*b"W/\"................\"");

    /// The range of the hash in the ETag: sixteen characters.
    const HASH: Range<usize> = 3..19;

    pub fn as_str(&self) -> &str {
        // It is always ASCII.
        str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Computes the version of a response that has the placeholder, writes it into the response,
    /// and returns it.
    ///
    /// RFC 7644 §3.14: the version belongs to the stored resource. It is therefore a hash of the
    /// whole response, whichever attributes a client requests. Volatile values are not in that
    /// response, so they do not change the version.
    pub fn insert(response: &mut [u8]) -> Self {
        let mut version = Self::PENDING;
        // Twelve bytes are sixteen characters in base64url.
        let hash = digest(&SHA256, response);
        let _ = URL_SAFE_NO_PAD.encode_slice(&hash.as_ref()[..12], &mut version.0[Self::HASH]);
        // `meta.version` is the last string of a response, so search from the end: a name earlier
        // in the response could contain the same dots.
        let dots = &Self::PENDING.0[Self::HASH];
        if let Some(at) = memchr::memmem::rfind(response, dots) {
            response[at..at + dots.len()].copy_from_slice(&version.0[Self::HASH]);
        }
        version
    }
}
