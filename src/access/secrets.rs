//! Random ids and secrets, and their hashes.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};

use super::sealing::TAG;
use super::{AccessError, Vault};

/// The prefix of client secrets. Secret scanners recognise them by it.
const CLIENT_SECRET: &str = "iscs_";
/// The length of 256 bits in Base64url.
const RANDOM: usize = 43;

/// Returns 128 random bits as text after a prefix such as `tok_`. The prefix says what the id is
/// for, and prevents that some begin with a hyphen, as options of commands do.
///
/// # Errors
/// [`AccessError::Key`] if the system provides no randomness.
pub fn random_id(prefix: &str) -> Result<String, AccessError> {
    Ok(format!("{prefix}{}", random::<16>()?))
}

/// Returns a random id for a request. It cannot be guessed, and does not reveal the number of
/// requests.
///
/// # Errors
/// [`AccessError::Key`] if the system provides no randomness.
pub fn random_reference() -> Result<String, AccessError> {
    Ok(format!("req_{}", random::<12>()?))
}

/// Returns 256 random bits as text.
///
/// # Errors
/// [`AccessError::Key`] if the system provides no randomness.
pub fn random_secret() -> Result<SecretString, AccessError> {
    Ok(random::<32>()?.into())
}

fn random<const BYTES: usize>() -> Result<String, AccessError> {
    Ok(URL_SAFE_NO_PAD.encode(random_bytes::<BYTES>()?))
}

fn random_bytes<const BYTES: usize>() -> Result<[u8; BYTES], AccessError> {
    let mut bytes = [0; BYTES];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| AccessError::Key)?;
    Ok(bytes)
}

/// Returns the hash (SHA-256) of a random secret of 256 bits. The secret cannot be guessed, so the
/// hash need not be slow.
#[must_use]
pub fn hash_of_random(secret: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, secret.as_bytes()))
}

/// Returns another secret, made from a random one for a purpose. It does not reveal the first one.
#[must_use]
pub fn derived_secret(secret: &str, purpose: &str) -> String {
    hash_of_random(&format!("{purpose} {secret}"))
}

/// Whether two secrets are equal. The time that this takes does not reveal where they differ.
#[must_use]
pub fn is_same_secret(one: &str, other: &str) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(one.as_bytes(), other.as_bytes()).is_ok()
}

/// Whether a text has the form of a secret of [`random_secret`]. Other texts need no lookup.
#[must_use]
pub fn looks_random(text: &str) -> bool {
    text.len() == RANDOM
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// Returns a new client secret and its argon2id hash in PHC form. The secret has no tag; see
/// [`client_secret_of`].
///
/// # Errors
/// [`AccessError::Key`] if the system provides no randomness.
pub fn client_secret() -> Result<(SecretString, String), AccessError> {
    hashed(format!("{CLIENT_SECRET}{}", random::<32>()?).into())
}

/// Returns a new client secret with a tag, and its hash. Only bridges with this encryption key can
/// compute the tag for this client. So invented secrets are recognised in microseconds, without the
/// slow hash, and clients with real ones do not wait for guesses.
///
/// # Errors
/// [`AccessError::Key`] if the system provides no randomness; [`AccessError::Sealed`] if the tag
/// cannot be computed.
pub fn client_secret_of(id: &str, vault: &Vault) -> Result<(SecretString, String), AccessError> {
    let random: [u8; 32] = random_bytes()?;
    let tag = vault.tag(CLIENT_SECRETS, &tagged(id, &random))?;
    hashed(
        format!("{CLIENT_SECRET}{}", URL_SAFE_NO_PAD.encode([&random[..], &tag].concat())).into(),
    )
}

/// The purpose for which the key of the tags is derived.
const CLIENT_SECRETS: &str = "client_secrets";

/// The message that the tag of a secret authenticates. Ids contain no NUL, so it is unambiguous.
fn tagged(id: &str, random: &[u8]) -> Vec<u8> {
    [id.as_bytes(), &[0], random].concat()
}

fn hashed(secret: SecretString) -> Result<(SecretString, String), AccessError> {
    let hash = Argon2::default()
        .hash_password(secret.expose_secret().as_bytes())
        .map_err(|_| AccessError::Key)?;
    Ok((secret, hash.to_string()))
}

/// Whether a text has the form of a client secret. Other texts are refused without hashing.
#[must_use]
pub fn looks_like_client_secret(text: &str) -> bool {
    secret_bytes(text).is_some_and(|bytes| matches!(bytes.len(), 32 | TAGGED))
}

/// The bytes of a client secret after its prefix.
fn secret_bytes(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text.strip_prefix(CLIENT_SECRET)?).ok()
}

/// The number of bytes of a secret with its tag.
const TAGGED: usize = 32 + TAG;

/// Whether a secret has the tag of [`client_secret_of`] for this client. Secrets of earlier
/// versions have none, and tags from before the last two changes of the encryption key are no
/// longer recognised.
#[must_use]
pub fn is_tagged_secret(secret: &SecretString, id: &str, vault: &Vault) -> bool {
    let bytes = secret_bytes(secret.expose_secret()).filter(|bytes| bytes.len() == TAGGED);
    bytes.is_some_and(|bytes| {
        let (random, tag) = bytes.split_at(32);
        vault.is_tag(CLIENT_SECRETS, &tagged(id, random), tag)
    })
}

/// Returns the id of a client's secret, computed from its hash. Tokens contain it; it does not
/// reveal the secret.
#[must_use]
pub fn secret_id(hash: &str) -> String {
    let mut id = hash_of_random(hash);
    id.truncate(16);
    id
}

/// Whether a secret matches an argon2id hash. This takes some hundredths of a second and 19 MiB, on
/// purpose.
#[must_use]
pub fn is_client_secret(secret: &SecretString, hash: &str) -> bool {
    PasswordHash::new(hash).is_ok_and(|hash| {
        Argon2::default().verify_password(secret.expose_secret().as_bytes(), &hash).is_ok()
    })
}

/// Returns a new client id: `cli_`, the name in lower case, and a random part, since names need not
/// be unique.
///
/// # Errors
/// [`AccessError::Key`] if the system provides no randomness.
pub fn client_id(name: &str) -> Result<String, AccessError> {
    let letters =
        name.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' });
    let words: String = letters.take(32).collect::<String>().to_ascii_lowercase();
    let words: Vec<&str> = words.split('-').filter(|word| !word.is_empty()).collect();
    let random = format!("{:016x}", u64::from_be_bytes(random_bytes()?));
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
        for other in [
            "",
            "iscs_",
            "password",
            &secret.expose_secret()[1..],
            &format!("{}x", secret.expose_secret()),
        ] {
            assert!(!looks_like_client_secret(other), "{other}");
        }
    }

    #[test]
    fn a_secret_shows_the_bridge_that_it_made_it_for_this_client() {
        let vault = |byte: u8| {
            Vault::new(&base64::engine::general_purpose::STANDARD.encode([byte; 32]).into(), None)
                .unwrap()
        };
        let (secret, hash) = client_secret_of("cli_a", &vault(1)).unwrap();
        assert!(
            looks_like_client_secret(secret.expose_secret()) && is_client_secret(&secret, &hash)
        );
        assert!(is_tagged_secret(&secret, "cli_a", &vault(1)));
        assert!(
            !is_tagged_secret(&secret, "cli_b", &vault(1))
                && !is_tagged_secret(&secret, "cli_a", &vault(2))
        );
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
        assert_eq!(
            client_id("é").unwrap().len(),
            20,
            "a name without letters leaves what is random"
        );
        assert_ne!(id, client_id("Saviynt EIC (prod)").unwrap());
    }
}
