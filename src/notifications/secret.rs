//! Signatures of notifications, by the Standard Webhooks scheme.

use std::fmt;

use aws_lc_rs::hmac::{self, HMAC_SHA256};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The prefix of a secret.
const PREFIX: &str = "whsec_";

/// Standard Webhooks: "between 24 bytes (192 bits) and 64 bytes (512 bits)".
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// The secrets of an endpoint: one, or several while a secret is replaced.
#[derive(Clone)]
pub struct Secrets(Vec<hmac::Key>);

/// Why a text has no secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "whsec_ followed by 24 to 64 random bytes as Base64, such as the output of \
     `echo whsec_$(openssl rand -base64 32)`; several secrets, separated by commas, while one is \
     replaced"
)]
pub struct SecretError;

impl Secrets {
    /// Reads secrets, which are separated by commas.
    ///
    /// # Errors
    /// [`SecretError`] if one of them is not a secret of Standard Webhooks.
    pub fn read(text: &str) -> Result<Self, SecretError> {
        let key = |text: &str| {
            let encoded = text.trim().strip_prefix(PREFIX)?;
            let bytes = STANDARD.decode(encoded).ok()?;
            SECRET_BYTES.contains(&bytes.len()).then(|| hmac::Key::new(HMAC_SHA256, &bytes))
        };
        text.split(',').map(key).collect::<Option<_>>().map(Self).ok_or(SecretError)
    }

    /// The value of the header `webhook-signature`: one signature for each secret.
    ///
    /// Standard Webhooks: the signed content is the id, the timestamp and the body, joined by dots.
    /// "If multiple signatures are sent they are separated by spaces."
    #[must_use]
    pub fn signature(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let mut content = format!("{id}.{timestamp}.").into_bytes();
        content.extend_from_slice(body);
        let sign = |key: &hmac::Key| format!("v1,{}", STANDARD.encode(hmac::sign(key, &content)));
        self.0.iter().map(sign).collect::<Vec<_>>().join(" ")
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the libraries of Standard Webhooks.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    #[test]
    fn the_signature_is_that_of_the_example_of_standard_webhooks() {
        let secrets = Secrets::read(SECRET).unwrap();
        let signature = secrets.signature(
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            br#"{"test": 2432232314}"#,
        );
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn while_a_secret_is_replaced_there_is_a_signature_for_each() {
        let other = format!("whsec_{}", STANDARD.encode([7; 32]));
        let both = Secrets::read(&format!("{other}, {SECRET}")).unwrap();
        let signature = both.signature("a", 1, b"{}");
        let alone = |secret: &str| Secrets::read(secret).unwrap().signature("a", 1, b"{}");
        assert_eq!(signature, format!("{} {}", alone(&other), alone(SECRET)));
        assert_eq!(format!("{both:?}"), "Secrets");
    }

    #[test]
    fn texts_that_are_no_secrets_are_refused() {
        let encoded = |bytes: usize| format!("whsec_{}", STANDARD.encode(vec![1; bytes]));
        assert!(Secrets::read(&encoded(24)).is_ok() && Secrets::read(&encoded(64)).is_ok());
        for text in [
            "",
            "whsec_",
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "whsec_not base64!",
            &encoded(23),
            &encoded(65),
            &format!("{SECRET},"),
        ] {
            assert_eq!(Secrets::read(text).err(), Some(SecretError), "{text}");
        }
    }
}
