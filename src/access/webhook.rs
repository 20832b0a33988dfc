//! Verifies the signatures of Intercom's webhooks.

use std::fmt;

use aws_lc_rs::hmac::{self, HMAC_SHA1_FOR_LEGACY_USE_ONLY};
use secrecy::{ExposeSecret, SecretString};

/// The length of an HMAC with SHA-1.
const SHA1_BYTES: usize = 20;

/// The key that verifies webhooks: the client secret of the Intercom app that sends them.
pub struct WebhookKey(hmac::Key);

impl WebhookKey {
    /// Makes the key from the app's client secret.
    #[must_use]
    pub fn new(client_secret: &SecretString) -> Self {
        Self(hmac::Key::new(
            HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            client_secret.expose_secret().as_bytes(),
        ))
    }

    /// Whether `signature`, the value of `X-Hub-Signature`, is the signature of the body. Compares
    /// in constant time.
    #[must_use]
    pub fn signed(&self, signature: &str, body: &[u8]) -> bool {
        let digits = signature.strip_prefix("sha1=").unwrap_or_default();
        let mut tag = [0; SHA1_BYTES];
        // An error if the signature is empty, truncated or too long.
        hex::decode_to_slice(digits, &mut tag).is_ok() && hmac::verify(&self.0, body, &tag).is_ok()
    }
}

impl fmt::Debug for WebhookKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_signature_of_this_body_under_this_secret_fits() {
        // RFC 2202, test case 2.
        let key = WebhookKey::new(&SecretString::from("Jefe"));
        let body = &b"what do ya want for nothing?"[..];
        let signature = "sha1=effcdf6ae5eb2fa2d27416d5f184df9c259a7c79";
        assert!(key.signed(signature, body));
        assert!(!key.signed(signature, b"what do ya want for something?"));
        assert!(!WebhookKey::new(&SecretString::from("Joe")).signed(signature, body));
        for wrong in [
            "",
            "sha1=",
            "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
            "sha1=effcdf6ae5eb2fa2d27416d5f184df9c259a7c7",
            "sha1=zz",
            "sha256=effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
        ] {
            assert!(!key.signed(wrong, body), "{wrong}");
        }
        assert_eq!(format!("{key:?}"), "WebhookKey");
    }
}
