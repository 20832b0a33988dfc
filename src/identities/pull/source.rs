//! From where a roster is pulled.

use reqwest::Url;
use secrecy::SecretString;

use crate::roster::PullKind;

/// From where a roster is pulled.
#[derive(Clone, Debug)]
pub struct PullSource {
    /// The root of the API.
    pub url: Url,
    /// Its kind.
    pub kind: PullKind,
    /// How the bridge signs in.
    pub credentials: PullCredentials,
    /// The name of the source.
    pub source: String,
}

/// How a pull signs in.
#[derive(Clone, Debug)]
pub enum PullCredentials {
    /// A token.
    Token(SecretString),
    /// Tokens are issued for client credentials (RFC 6749 §4.4).
    Client {
        /// The client id.
        id: String,
        /// The client secret.
        secret: SecretString,
        /// Where tokens are issued.
        token_url: Url,
        /// The scope of the tokens.
        scope: Option<String>,
    },
}
