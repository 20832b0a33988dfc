//! The checks of an ID token (OpenID Connect Core §3.1.3.7).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, Validation};
use serde_json::Value;

use super::error::SignInError;
use crate::access::claims::Claims;
use crate::access::published_keys::PublishedKeys;
use crate::access::secrets::is_same_secret;
use crate::limits;

/// What an ID token must say.
pub struct Expected<'a> {
    /// The `iss`.
    pub issuer: &'a str,
    /// The `aud`.
    pub client_id: &'a str,
    /// The `nonce` of this sign-in.
    pub nonce: &'a str,
    /// The current time, in seconds since 1970.
    pub now: i64,
}

/// The algorithms that are accepted. `none` and HMAC are missing: the first is no signature, and
/// for the second every holder of the client secret could sign.
const ALGORITHMS: [Algorithm; 4] =
    [Algorithm::RS256, Algorithm::PS256, Algorithm::ES256, Algorithm::EdDSA];

/// Checks the signature and the claims of an ID token. Returns the claims.
///
/// # Errors
/// [`SignInError::Token`] with what is wrong, or [`SignInError::Unavailable`] if the keys cannot be
/// read.
pub async fn verify(
    token: &str,
    keys: &PublishedKeys,
    expected: &Expected<'_>,
) -> Result<Claims, SignInError> {
    let (algorithm, id) = header(token)?;
    let known = keys
        .with(id.as_deref(), algorithm)
        .await
        .ok_or(SignInError::Unavailable("does not publish its keys"))?;
    // OpenID Connect Core §10.1: the `kid` is needed only if there are several keys.
    let mut candidates = known.set.candidates(id.as_deref(), algorithm).peekable();
    if candidates.peek().is_none() {
        return Err(SignInError::Token("it is signed with an unknown key"));
    }
    let mut signature_only = Validation::new(algorithm);
    signature_only.required_spec_claims.clear();
    signature_only.validate_exp = false;
    signature_only.validate_aud = false;
    let read =
        candidates.find_map(|key| jsonwebtoken::decode::<Claims>(token, key, &signature_only).ok());
    let claims = read.ok_or(SignInError::Token("its signature is wrong"))?.claims;
    check(&claims, expected)?;
    Ok(claims)
}

/// Reads the algorithm and the `kid` of a token. jsonwebtoken would refuse `none` too, but without
/// a reason.
fn header(token: &str) -> Result<(Algorithm, Option<String>), SignInError> {
    let unreadable = || SignInError::Token("it cannot be read");
    let head = token.split('.').next().and_then(decoded).ok_or_else(unreadable)?;
    let head: Value = serde_json::from_slice(&head).map_err(|_| unreadable())?;
    // RFC 7515 §4.1.11: a token with an unknown extension must be refused.
    if head.get("crit").is_some() {
        return Err(SignInError::Token("it needs an extension that is not supported"));
    }
    let name = head.get("alg").and_then(Value::as_str).unwrap_or_default();
    let algorithm = name.parse::<Algorithm>().ok().filter(|known| ALGORITHMS.contains(known));
    let algorithm = algorithm
        .ok_or(SignInError::Token("it is not signed, or with an algorithm that is not accepted"))?;
    Ok((algorithm, head.get("kid").and_then(Value::as_str).map(str::to_owned)))
}

/// Checks the claims.
fn check(claims: &Claims, expected: &Expected<'_>) -> Result<(), SignInError> {
    let wrong = |what| Err(SignInError::Token(what));
    if claims.text("iss") != Some(expected.issuer) {
        return wrong("it is from another issuer");
    }
    let client = [expected.client_id.to_owned()];
    if !claims.is_for(&client) {
        return wrong("it is for another application");
    }
    // §3.1.3.7: "If the ID Token contains multiple audiences, the Client SHOULD verify that an azp
    // Claim is present"; if it is present, it "SHOULD verify that its client_id is the Claim Value".
    let audiences = claims.0.get("aud").and_then(Value::as_array).map_or(1, Vec::len);
    let party = claims.text("azp");
    if party.map_or(audiences > 1, |party| party != expected.client_id) {
        return wrong("it was issued to another application");
    }
    let leeway = i64::try_from(limits::OIDC_LEEWAY.as_secs()).unwrap_or_default();
    let Some(ends) = claims.time("exp") else { return wrong("it does not say when it expires") };
    if expected.now >= ends.saturating_add(leeway) {
        return wrong("it has expired");
    }
    let Some(issued) = claims.time("iat") else {
        return wrong("it does not say when it was issued");
    };
    let begins = claims.time("nbf").map_or(issued, |begins| begins.max(issued));
    if begins > expected.now.saturating_add(leeway) {
        return wrong("it is not valid yet; the clock of the provider or of the bridge is wrong");
    }
    // §3.1.3.7: "a nonce Claim MUST be present and its value checked to verify that it is the same
    // value as the one that was sent in the Authentication Request".
    if !claims.text("nonce").is_some_and(|nonce| is_same_secret(nonce, expected.nonce)) {
        return wrong("it belongs to another sign-in");
    }
    // §2: the subject "MUST NOT exceed 255 ASCII characters in length".
    let is_fit = |subject: &str| subject.len() <= 255 && !subject.chars().any(char::is_control);
    if !claims.text("sub").is_some_and(is_fit) {
        return wrong("it does not say who you are");
    }
    Ok(())
}

/// Decodes a part of a token.
fn decoded(part: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(part).ok()
}
