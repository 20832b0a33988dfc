//! Random names and secrets, and the hashes that are kept of them.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};

use super::sealing::TAG;
use super::{AccessError, Vault};

/// How client secrets begin, so that scanners of repositories know one when they see it.
const CLIENT_SECRET: &str = "iscs_";
/// 256 random bits as Base64.
const RANDOM: usize = 43;

/// 128 random bits as text after a prefix, such as `tok_`: it says what the id is of, and without it one in 64 would begin with
/// a hyphen, as options of commands do.
///
/// # Errors
/// [`AccessError::Key`] when the system gives no randomness.
pub fn random_id(prefix: &str) -> Result<String, AccessError> {
    Ok(format!("{prefix}{}", random::<16>()?))
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

/// A fresh secret for a client, and its argon2id hash in PHC form. Made without a vault, it does not show who made it; see
/// [`client_secret_of`].
///
/// # Errors
/// [`AccessError::Key`] when the system gives no randomness.
pub fn client_secret() -> Result<(SecretString, String), AccessError> {
    hashed(format!("{CLIENT_SECRET}{}", random::<32>()?).into())
}

/// The same, with a tag behind it that only the bridges with this encryption key can make, for this client. So a secret that
/// somebody made up is told from one of the bridge's in microseconds, and without the slow hash: guesses, however many, keep
/// nobody who has a real one waiting.
///
/// # Errors
/// [`AccessError::Key`] when the system gives no randomness.
pub fn client_secret_of(id: &str, vault: &Vault) -> Result<(SecretString, String), AccessError> {
    let mut bytes = [0; 32 + TAG];
    let (random, tag) = bytes.split_at_mut(32);
    aws_lc_rs::rand::fill(random).map_err(|_| AccessError::Key)?;
    tag.copy_from_slice(&vault.tag(CLIENT_SECRETS, &tagged(id, random))?);
    hashed(format!("{CLIENT_SECRET}{}", URL_SAFE_NO_PAD.encode(bytes)).into())
}

/// What the tags of clients' secrets are derived for.
const CLIENT_SECRETS: &str = "client_secrets";

/// What the tag of a secret is of. No id has a NUL in it.
fn tagged(id: &str, random: &[u8]) -> Vec<u8> {
    [id.as_bytes(), &[0], random].concat()
}

fn hashed(secret: SecretString) -> Result<(SecretString, String), AccessError> {
    let hash = Argon2::default().hash_password(secret.expose_secret().as_bytes()).map_err(|_| AccessError::Key)?;
    Ok((secret, hash.to_string()))
}

/// Whether a text has the form of a client's secret; what has not needs no hashing to be refused.
#[must_use]
pub fn looks_like_client_secret(text: &str) -> bool {
    let bytes = text.strip_prefix(CLIENT_SECRET).and_then(|rest| URL_SAFE_NO_PAD.decode(rest).ok());
    bytes.is_some_and(|bytes| matches!(bytes.len(), 32 | TAGGED))
}

/// Bytes of a secret with its tag.
const TAGGED: usize = 32 + TAG;

/// Whether a secret bears the tag of [`client_secret_of`] for this client. Those of earlier versions bear none, and after
/// two changes of the encryption key older tags are not known any more.
#[must_use]
pub fn is_tagged_secret(secret: &SecretString, id: &str, vault: &Vault) -> bool {
    let rest = secret.expose_secret().strip_prefix(CLIENT_SECRET);
    let bytes = rest.and_then(|rest| URL_SAFE_NO_PAD.decode(rest).ok()).filter(|bytes| bytes.len() == TAGGED);
    bytes.is_some_and(|bytes| {
        let (random, tag) = bytes.split_at(32);
        vault.is_tag(CLIENT_SECRETS, &tagged(id, random), tag)
    })
}

/// Which secret of a client a hash is of. Tokens say so, and nobody can tell from it what the secret is.
#[must_use]
pub fn secret_id(hash: &str) -> String {
    let mut id = hash_of_random(hash);
    id.truncate(16);
    id
}

/// Whether a secret is the one that a hash is of. It takes some hundredths of a second and 19 MiB, on purpose.
#[must_use]
pub fn is_client_secret(secret: &SecretString, hash: &str) -> bool {
    PasswordHash::new(hash)
        .is_ok_and(|hash| Argon2::default().verify_password(secret.expose_secret().as_bytes(), &hash).is_ok())
}

/// A client's id: `cli_`, its name in small letters, and something random, since names need not differ.
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
    Ok(format!("cli_{}", words.into_iter().chain([random.as_str()]).collect::<Vec<_>>().join("-")))
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
    fn a_secret_shows_the_bridge_that_it_made_it_for_this_client() {
        let vault =
            |byte: u8| Vault::new(&base64::engine::general_purpose::STANDARD.encode([byte; 32]).into(), None).unwrap();
        let (secret, hash) = client_secret_of("cli_a", &vault(1)).unwrap();
        assert!(looks_like_client_secret(secret.expose_secret()) && is_client_secret(&secret, &hash));
        assert!(is_tagged_secret(&secret, "cli_a", &vault(1)));
        assert!(!is_tagged_secret(&secret, "cli_b", &vault(1)) && !is_tagged_secret(&secret, "cli_a", &vault(2)));
        let mut changed = secret.expose_secret().to_owned();
        changed.replace_range(10..11, if changed.as_bytes()[10] == b'A' { "B" } else { "A" });
        assert!(!is_tagged_secret(&changed.into(), "cli_a", &vault(1)));
        let plain = client_secret().unwrap().0;
        assert!(!is_tagged_secret(&plain, "cli_a", &vault(1)));
        assert_ne!(secret_id(&hash), secret_id(&client_secret().unwrap().1));
    }

    #[test]
    fn an_id_says_whose_it_is() {
        let id = client_id("Saviynt EIC (prod)").unwrap();
        assert!(id.starts_with("cli_saviynt-eic-prod-"), "{id}");
        assert_eq!(client_id("é").unwrap().len(), 20, "a name without letters leaves what is random");
        assert_ne!(id, client_id("Saviynt EIC (prod)").unwrap());
    }
}
