//! The public keys of an OAuth client that authenticates by signed JWTs (`private_key_jwt`).
//!
//! The database has them in place of the hash of a secret. So a client has either a secret or
//! keys, and both are replaced in the same way.

use serde_json::{Map, Value, json};

use super::key_set::KeySet;
use super::published_keys::Url;
use crate::limits;

/// How a stored JWK Set begins.
const SET: &str = "jwks:";
/// How the stored URL of a JWK Set begins.
const URL: &str = "jwks_url:";

/// The keys of a client.
pub enum ClientKeys {
    /// These keys.
    Set(KeySet),
    /// The keys at this URL.
    Url(Url),
}

/// Why keys cannot be registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientKeysError {
    /// The text is not JSON, or neither a JWK Set nor a JWK.
    #[error("it must be a JWK Set, {{\"keys\": […]}}, or a single JWK (RFC 7517)")]
    NoKeySet,
    /// It contains the private part of a key, or a symmetric key.
    #[error(
        "it contains a private or symmetric key; register the public keys only, and replace that \
         key if others may have seen it"
    )]
    Private,
    /// None of its keys can be used.
    #[error(
        "it has no usable key; use RSA of at least 2048 bits (RS256 or PS256), P-256 (ES256) or \
         Ed25519 (EdDSA), for signatures"
    )]
    NoUsableKey,
    /// It has too many keys.
    #[error("it has more than {} keys", limits::CLIENT_KEYS)]
    TooMany,
    /// The URL is not a safe one.
    #[error("it must be an https URL; http is allowed only for this machine")]
    UnsafeUrl,
}

impl ClientKeys {
    /// Returns what the database stores for a JWK Set or a single JWK: only the members that the
    /// bridge uses.
    ///
    /// # Errors
    /// [`ClientKeysError`].
    pub fn stored_set(text: &str) -> Result<String, ClientKeysError> {
        let document: Map<String, Value> =
            serde_json::from_str(text).map_err(|_| ClientKeysError::NoKeySet)?;
        let keys = match document.get("keys") {
            Some(Value::Array(keys)) => keys.clone(),
            None if document.contains_key("kty") => vec![Value::Object(document)],
            _ => return Err(ClientKeysError::NoKeySet),
        };
        // RFC 7518 §6.2.2, §6.3.2, §6.4: `d` and the factors are private; `k` is a symmetric key.
        let is_private = |key: &Value| {
            ["d", "p", "q", "dp", "dq", "qi", "oth", "k"].iter().any(|name| !key[*name].is_null())
        };
        if keys.iter().any(is_private) {
            return Err(ClientKeysError::Private);
        }
        if keys.len() > limits::CLIENT_KEYS {
            return Err(ClientKeysError::TooMany);
        }
        let public = |key: &Value| -> Map<String, Value> {
            let used = ["kty", "kid", "use", "alg", "crv", "x", "y", "n", "e"];
            let members = used.iter().filter_map(|name| Some((*name, key.get(*name)?.clone())));
            members.map(|(name, value)| (name.to_owned(), value)).collect()
        };
        let set = json!({"keys": keys.iter().map(public).collect::<Vec<_>>()}).to_string();
        match KeySet::read(set.as_bytes()) {
            Ok(keys) if !keys.is_empty() => Ok(format!("{SET}{set}")),
            _ => Err(ClientKeysError::NoUsableKey),
        }
    }

    /// Returns what the database stores for the URL of a JWK Set.
    ///
    /// # Errors
    /// [`ClientKeysError::UnsafeUrl`]: keys that are read over plain HTTP could be forged.
    pub fn stored_url(text: &str) -> Result<String, ClientKeysError> {
        let url = Url::parse(text.trim()).map_err(|_| ClientKeysError::UnsafeUrl)?;
        let is_local = matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
        let is_safe = url.scheme() == "https" || url.scheme() == "http" && is_local;
        if !is_safe || url.host_str().is_none() || url.password().is_some() {
            return Err(ClientKeysError::UnsafeUrl);
        }
        Ok(format!("{URL}{url}"))
    }

    /// Reads what the database stores; `None` for the hash of a secret.
    #[must_use]
    pub fn read(stored: &str) -> Option<Self> {
        if let Some(url) = stored.strip_prefix(URL) {
            return Url::parse(url).ok().map(Self::Url);
        }
        KeySet::read(stored.strip_prefix(SET)?.as_bytes()).ok().map(Self::Set)
    }
}

/// The method by which a client authenticates, from what the database stores for it. The words are
/// those of RFC 7591 §2.
#[must_use]
pub fn authentication_method(stored: &str) -> &'static str {
    if stored.starts_with(SET) || stored.starts_with(URL) {
        "private_key_jwt"
    } else {
        "client_secret"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ED: &str = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"a"}"#;

    #[test]
    fn a_set_and_a_single_key_are_stored_without_members_that_are_not_used() {
        let single = ClientKeys::stored_set(ED).unwrap();
        let more = ED.replace("\"kid\"", "\"x5c\":[\"…\"],\"kid\"");
        assert_eq!(ClientKeys::stored_set(&format!("{{\"keys\":[{more}]}}")).unwrap(), single);
        assert!(
            matches!(ClientKeys::read(&single), Some(ClientKeys::Set(keys)) if keys.len() == 1)
        );
        assert_eq!(authentication_method(&single), "private_key_jwt");
        assert!(ClientKeys::read("$argon2id$v=19$x").is_none());
    }

    #[test]
    fn private_symmetric_unusable_and_too_many_keys_are_refused() {
        let private =
            ED.replace("\"kid\"", "\"d\":\"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A\",\"kid\"");
        let many = format!("{{\"keys\":[{}]}}", vec![ED; limits::CLIENT_KEYS + 1].join(","));
        for (text, error) in [
            ("", ClientKeysError::NoKeySet),
            ("[]", ClientKeysError::NoKeySet),
            ("{\"keys\":{}}", ClientKeysError::NoKeySet),
            ("{\"keys\":[]}", ClientKeysError::NoUsableKey),
            (
                "{\"kty\":\"oct\",\"k\":\"AyM1SysPpbyDfgZld3umj1qzKObwVMko\"}",
                ClientKeysError::Private,
            ),
            ("{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}", ClientKeysError::NoUsableKey),
            (private.as_str(), ClientKeysError::Private),
            (many.as_str(), ClientKeysError::TooMany),
        ] {
            assert_eq!(ClientKeys::stored_set(text), Err(error), "{text}");
        }
    }

    #[test]
    fn a_url_is_https_or_on_this_machine() {
        assert!(ClientKeys::stored_url("https://idp.example/keys").is_ok());
        assert!(ClientKeys::stored_url("http://127.0.0.1:9/keys").is_ok());
        for wrong in ["http://idp.example/keys", "file:///keys", "keys", "https://a:b@idp.example"]
        {
            assert_eq!(ClientKeys::stored_url(wrong), Err(ClientKeysError::UnsafeUrl), "{wrong}");
        }
    }
}
