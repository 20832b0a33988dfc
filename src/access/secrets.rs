//! Random names and secrets, and the hashes that are kept of them.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};

use super::AccessError;

/// How client secrets begin, so that scanners of repositories know one when they see it.
const CLIENT_SECRET: &str = "iscs_";
/// 256 random bits as Base64.
const RANDOM: usize = 43;

/// 128 random bits as text.
///
/// # Errors
/// [`AccessError::Key`] when the system gives no randomness.
pub fn random_id() -> Result<String, AccessError> {
    random::<16>()
}

/// What a request is known by: nobody can guess it, nor tell from it how many there are.
///
/// # Errors
/// [`AccessError::Key`] when the system gives no randomness.
pub fn random_reference() -> Result<String, AccessError> {
    Ok(format!("req_{}", random::<12>()?))
}

/// 256 random bits as text.
///
/// # Errors
/// [`AccessError::Key`] when the system gives no randomness.
pub fn random_secret() -> Result<SecretString, AccessError> {
    Ok(random::<32>()?.into())
}

fn random<const BYTES: usize>() -> Result<String, AccessError> {
    let mut bytes = [0; BYTES];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| AccessError::Key)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// The hash of a random secret of 256 bits, for comparing; nobody can guess what it is of, so it need not be slow.
#[must_use]
pub fn hash_of_random(secret: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, secret.as_bytes()))
}

/// Whether a text has the form of [`random_secret`]'s; what has not needs no looking up.
#[must_use]
pub fn looks_random(text: &str) -> bool {
    text.len() == RANDOM && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// A fresh secret for a client, and its argon2id hash in PHC form.
///
/// # Errors
/// [`AccessError::Key`] when the system gives no randomness.
pub fn client_secret() -> Result<(SecretString, String), AccessError> {
    let secret: SecretString = format!("{CLIENT_SECRET}{}", random::<32>()?).into();
    let hash = Argon2::default().hash_password(secret.expose_secret().as_bytes()).map_err(|_| AccessError::Key)?;
    Ok((secret, hash.to_string()))
}

/// Whether a text has the form of a client's secret; what has not needs no hashing to be refused.
#[must_use]
pub fn looks_like_client_secret(text: &str) -> bool {
    text.strip_prefix(CLIENT_SECRET).is_some_and(looks_random)
}

/// Whether a secret is the one that a hash is of. It takes some hundredths of a second and 19 MiB, on purpose.
#[must_use]
pub fn is_client_secret(secret: &SecretString, hash: &str) -> bool {
    PasswordHash::new(hash)
        .is_ok_and(|hash| Argon2::default().verify_password(secret.expose_secret().as_bytes(), &hash).is_ok())
}

/// A client's id: its name in small letters, and something random, since names need not differ.
///
/// # Errors
/// [`AccessError::Key`] when the system gives no randomness.
pub fn client_id(name: &str) -> Result<String, AccessError> {
    let letters = name.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' });
    let words: String = letters.take(32).collect::<String>().to_ascii_lowercase();
    let words: Vec<&str> = words.split('-').filter(|word| !word.is_empty()).collect();
    let mut random = [0; 8];
    aws_lc_rs::rand::fill(&mut random).map_err(|_| AccessError::Key)?;
    let random = format!("{:016x}", u64::from_be_bytes(random));
    Ok(words.into_iter().chain([random.as_str()]).collect::<Vec<_>>().join("-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_known_by_its_hash_alone() {
        let (secret, hash) = client_secret().unwrap();
        assert!(hash.starts_with("$argon2id$") && !hash.contains(secret.expose_secret()));
        assert!(looks_like_client_secret(secret.expose_secret()));
        assert!(is_client_secret(&secret, &hash));
        assert!(!is_client_secret(&client_secret().unwrap().0, &hash));
        assert!(!is_client_secret(&secret, "no hash"));
        for other in ["", "iscs_", "password", &secret.expose_secret()[1..], &format!("{}x", secret.expose_secret())] {
            assert!(!looks_like_client_secret(other), "{other}");
        }
    }

    #[test]
    fn an_id_says_whose_it_is() {
        let id = client_id("Saviynt EIC (prod)").unwrap();
        assert!(id.starts_with("saviynt-eic-prod-"), "{id}");
        assert_eq!(client_id("é").unwrap().len(), 16, "a name without letters leaves what is random");
        assert_ne!(id, client_id("Saviynt EIC (prod)").unwrap());
    }
}
