//! The errors of keys, tokens and secrets.

use super::sealing::SealError;
use crate::database::DatabaseError;

/// Why a token is not valid, or cannot be issued or checked. Clients only learn that it is not
/// valid and, if its signature is, whether it has expired, is not valid yet, or was revoked.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// Longer than [`BEARER_TOKEN_BYTES`](crate::limits::BEARER_TOKEN_BYTES).
    #[error("the token is too long")]
    TooLong,
    /// Its form, type, algorithm, key, signature, issuer or audience is wrong.
    #[error("the token is neither one of this bridge nor of an issuer that it trusts")]
    Invalid,
    /// It has expired.
    #[error("the token has expired")]
    Expired,
    /// It is not valid yet.
    #[error("the token is not valid yet")]
    NotYet,
    /// It was revoked, or its client was disabled.
    #[error("the token was revoked")]
    Revoked,
    /// The keys of its issuer cannot be read, so it cannot be verified.
    #[error("the keys of {issuer} cannot be read")]
    KeysUnavailable {
        /// The issuer.
        issuer: String,
    },
    /// The bridge's key cannot be used or generated.
    #[error("the bridge's signing key cannot be used")]
    Key,
    /// A sealed secret of the database cannot be opened.
    #[error(transparent)]
    Sealed(#[from] SealError),
    /// The database cannot be used.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl AccessError {
    /// Whether the signature was valid, so that the client does not count as unauthenticated for
    /// rate limits.
    #[must_use]
    pub fn is_of_a_known_token(&self) -> bool {
        matches!(self, Self::Expired | Self::NotYet | Self::Revoked)
    }

    /// The message with its cause, for logs and the command line.
    #[must_use]
    pub fn chain(&self) -> String {
        match self {
            Self::Database(error) => error.chain(),
            other => other.to_string(),
        }
    }
}
