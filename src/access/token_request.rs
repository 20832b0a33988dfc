//! Parses token requests: OAuth 2.0 client credentials (RFC 6749 §4.4). The client authenticates by
//! a secret, or by a signed JWT (RFC 7523 §2.2). Without side effects.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::SecretString;

use super::client_assertion::named_client;

/// Why a token request is refused (RFC 6749 §5.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenRefusal {
    /// The request is malformed, for this reason.
    InvalidRequest(&'static str),
    /// The client is unknown, or its secret is wrong. The response does not say which.
    InvalidClient,
    /// The client's assertion is not valid, for this reason.
    InvalidAssertion(&'static str),
    /// The grant type is not `client_credentials`.
    UnsupportedGrantType,
    /// The client requests a scope that it may not have.
    InvalidScope,
    /// A `resource` is not an absolute URI (RFC 8707 §2).
    InvalidTarget,
}

impl TokenRefusal {
    /// The `error` of the response.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidRequest(_) => "invalid_request",
            Self::InvalidClient | Self::InvalidAssertion(_) => "invalid_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
        }
    }

    /// The `error_description` of the response. RFC 6749 §5.2 allows only ASCII without quotes.
    #[must_use]
    pub fn description(&self) -> &'static str {
        match self {
            Self::InvalidRequest(why) | Self::InvalidAssertion(why) => why,
            Self::InvalidClient => {
                "the client is unknown or disabled, or its secret or signature is wrong"
            }
            Self::UnsupportedGrantType => "grant_type must be client_credentials",
            Self::InvalidScope => {
                "the client may not have all of this scope; leave it out for all it may have"
            }
            Self::InvalidTarget => {
                "each resource must be an absolute URI without a fragment (RFC 8707)"
            }
        }
    }
}

/// A client's request for a token.
#[derive(Debug)]
pub struct TokenRequest {
    /// The client's id.
    pub client_id: String,
    /// How it authenticates.
    pub proof: ClientCredential,
    /// The requested scope; `None` for all that the client may have.
    pub scope: Option<String>,
}

/// How a client authenticates.
#[derive(Debug)]
pub enum ClientCredential {
    /// By its secret.
    Secret(SecretString),
    /// By a signed JWT (RFC 7523 §2.2).
    Assertion(SecretString),
}

impl TokenRequest {
    /// Parses the `Authorization` headers and the form-encoded body.
    ///
    /// NB: `resource` (RFC 8707) may be any absolute URI, and `audience` anything. Whatever they
    /// name, the token is valid for this bridge only, as its `aud` says.
    ///
    /// # Errors
    /// [`TokenRefusal`].
    pub fn read(authorizations: &[&[u8]], body: &[u8]) -> Result<Self, TokenRefusal> {
        use TokenRefusal::InvalidRequest;
        let form: Vec<(Cow<'_, str>, Cow<'_, str>)> = form_urlencoded::parse(body).collect();
        // RFC 6749 §3.2: "Request and response parameters MUST NOT be included more than once." RFC
        // 8707 §2: "Multiple resource parameters MAY be used".
        let mut names: Vec<&str> =
            form.iter().map(|(name, _)| &**name).filter(|name| *name != RESOURCE).collect();
        names.sort_unstable();
        if names.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(InvalidRequest("a parameter comes twice"));
        }
        let value = |name: &str| {
            // RFC 6749 §3.2: "Parameters sent without a value MUST be treated as if they were
            // omitted from the request."
            let given = form.iter().find(|(known, _)| known == name).map(|(_, value)| &**value);
            given.filter(|value| !value.is_empty())
        };
        let grant = value("grant_type");
        let scope = value("scope").map(str::to_owned);
        let id = value("client_id");
        let secret = value("client_secret");
        let assertion = assertion(value("client_assertion_type"), value("client_assertion"))?;
        match grant {
            None => {
                return Err(InvalidRequest("grant_type is missing; it must be client_credentials"));
            }
            Some("client_credentials") => {}
            Some(_) => return Err(TokenRefusal::UnsupportedGrantType),
        }
        let mut resources =
            form.iter().filter(|(name, value)| name == RESOURCE && !value.is_empty());
        if !resources.all(|(_, value)| is_absolute_uri(value)) {
            return Err(TokenRefusal::InvalidTarget);
        }
        // Other schemes are ignored: they are for a proxy on the way, for example.
        let mut credentials = authorizations.iter().filter_map(|header| basic_credentials(header));
        let authorization = credentials.next();
        if authorization.is_some() && authorizations.len() > 1 {
            return Err(InvalidRequest("there are several headers Authorization; send one"));
        }
        let (client_id, proof) = authentication(authorization, id, secret, assertion)?;
        Ok(Self { client_id, proof, scope })
    }

    /// Returns the scope of the token: the requested part of `scope` (words separated by spaces),
    /// or all of it.
    ///
    /// # Errors
    /// [`TokenRefusal::InvalidScope`] if the request contains other words, or none.
    pub fn scope<'a>(&'a self, scope: &'a str) -> Result<&'a str, TokenRefusal> {
        let Some(wanted) = &self.scope else { return Ok(scope) };
        let may = |word: &str| scope.split_whitespace().any(|allowed| allowed == word);
        let named = !wanted.trim().is_empty();
        if named && wanted.split_whitespace().all(may) {
            Ok(wanted)
        } else {
            Err(TokenRefusal::InvalidScope)
        }
    }
}

/// The parameter that names the services which the token is for (RFC 8707).
const RESOURCE: &str = "resource";

/// RFC 7521 §4.2: "The value will be an absolute URI." RFC 7523 §2.2 defines this one.
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The client's assertion, if there is one.
fn assertion<'a>(
    kind: Option<&str>,
    assertion: Option<&'a str>,
) -> Result<Option<&'a str>, TokenRefusal> {
    use TokenRefusal::InvalidRequest;
    match (kind, assertion) {
        (None, None) => Ok(None),
        (Some(JWT_BEARER), Some(assertion)) => Ok(Some(assertion)),
        (Some(_), None) => Err(InvalidRequest("client_assertion is missing")),
        _ => Err(InvalidRequest(
            "client_assertion_type must be urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        )),
    }
}

/// The client, and how it authenticates.
///
/// RFC 6749 §2.3: "The client MUST NOT use more than one authentication method in each request."
fn authentication(
    header: Option<&[u8]>,
    id: Option<&str>,
    secret: Option<&str>,
    assertion: Option<&str>,
) -> Result<(String, ClientCredential), TokenRefusal> {
    use TokenRefusal::{InvalidClient, InvalidRequest};
    if assertion.is_some() && (header.is_some() || secret.is_some()) {
        return Err(InvalidRequest("send a secret or an assertion, not both"));
    }
    let (named, proof) = match (header, secret, assertion) {
        (Some(_), Some(_), _) => {
            return Err(InvalidRequest(
                "the secret comes in the header and in the body; send it once",
            ));
        }
        (Some(header), None, _) => {
            let (named, secret) = id_and_secret(header).ok_or(InvalidClient)?;
            if id.is_some_and(|id| id != named) {
                return Err(InvalidRequest(
                    "client_id in the body is another one than in the header",
                ));
            }
            (named, ClientCredential::Secret(secret.into()))
        }
        (None, Some(secret), _) => {
            (id.ok_or(InvalidClient)?.to_owned(), ClientCredential::Secret(secret.into()))
        }
        (None, None, Some(assertion)) => {
            let named = named_client(assertion).ok_or(InvalidClient)?;
            // RFC 7521 §4.2: "If present, the value of the "client_id" parameter MUST identify the
            // same client as is identified by the client assertion."
            if id.is_some_and(|id| id != named) {
                return Err(InvalidRequest("client_id is another one than sub of the assertion"));
            }
            (named, ClientCredential::Assertion(assertion.into()))
        }
        (None, None, None) => return Err(InvalidClient),
    };
    Ok((named, proof))
}

/// RFC 8707 §2: "Its value MUST be an absolute URI, as specified by Section 4.3 of RFC3986", which
/// has no fragment.
fn is_absolute_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let of_scheme = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.bytes().all(of_scheme)
        && !rest.trim_start_matches('/').is_empty()
        && rest.bytes().all(|byte| byte.is_ascii_graphic() && !b"#\"<>\\^`{|}".contains(&byte))
}

/// Returns the credentials of a header with the scheme Basic.
fn basic_credentials(header: &[u8]) -> Option<&[u8]> {
    let header = header.trim_ascii();
    let (scheme, credentials) =
        header.split_at(header.iter().position(|byte| *byte == b' ').unwrap_or(header.len()));
    scheme.eq_ignore_ascii_case(b"basic").then(|| credentials.trim_ascii())
}

/// Decodes id and secret: form-encoded (RFC 6749 §2.3.1), as user and password of RFC 7617.
fn id_and_secret(credentials: &[u8]) -> Option<(String, String)> {
    let pair = String::from_utf8(STANDARD.decode(credentials).ok()?).ok()?;
    let (id, secret) = pair.split_once(':')?;
    let decoded = |text: &str| {
        // Some clients do not form-encode them. A text with an `&` is not encoded, and is used as
        // it is.
        let whole = |form: &str| {
            form_urlencoded::parse(form.as_bytes()).next().map(|(_, value)| value.into_owned())
        };
        whole(&format!("x={text}"))
            .filter(|_| !text.contains('&'))
            .unwrap_or_else(|| text.to_owned())
    };
    Some((decoded(id), decoded(secret)))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    const GRANT: &str = "grant_type=client_credentials";

    fn read(header: Option<&str>, body: &str) -> Result<(String, String), TokenRefusal> {
        read_all(header.as_slice(), body)
    }

    fn read_all(headers: &[&str], body: &str) -> Result<(String, String), TokenRefusal> {
        let headers: Vec<&[u8]> = headers.iter().map(|header| header.as_bytes()).collect();
        let request = TokenRequest::read(&headers, body.as_bytes())?;
        let (ClientCredential::Secret(proof) | ClientCredential::Assertion(proof)) = request.proof;
        Ok((request.client_id, proof.expose_secret().to_owned()))
    }

    fn header(pair: &str) -> String {
        format!("Basic {}", STANDARD.encode(pair))
    }

    #[test]
    fn both_ways_of_showing_a_secret_are_read() {
        let in_body = format!("{GRANT}&client_id=a&client_secret=s%2Bs");
        assert_eq!(read(None, &in_body), Ok(("a".to_owned(), "s+s".to_owned())));
        assert_eq!(read(Some(&header("a%3Ab:s")), GRANT), Ok(("a:b".to_owned(), "s".to_owned())));
        let named_too = format!("{GRANT}&client_id=a");
        assert_eq!(
            read(Some(&header("a:s").replace("Basic", "bAsIc")), &named_too).unwrap().0,
            "a"
        );
    }

    #[test]
    fn an_unreadable_request_is_refused_with_its_reason() {
        use TokenRefusal::{InvalidClient, InvalidRequest, UnsupportedGrantType};
        let both = format!("{GRANT}&client_id=a&client_secret=s");
        for (authorization, body, refusal) in [
            (None, "", InvalidRequest("grant_type is missing; it must be client_credentials")),
            (
                None,
                "grant_type=",
                InvalidRequest("grant_type is missing; it must be client_credentials"),
            ),
            (None, "grant_type=password&client_id=a&client_secret=s", UnsupportedGrantType),
            (None, &format!("{both}&scope=a&scope=b"), InvalidRequest("a parameter comes twice")),
            (
                Some(header("a:s")),
                &both,
                InvalidRequest("the secret comes in the header and in the body; send it once"),
            ),
            (None, GRANT, InvalidClient),
            (None, &format!("{GRANT}&client_id=a"), InvalidClient),
            (Some("Bearer x".to_owned()), GRANT, InvalidClient),
            (Some("Basic !".to_owned()), GRANT, InvalidClient),
        ] {
            assert_eq!(read(authorization.as_deref(), body), Err(refusal), "{body}");
        }
    }

    #[test]
    fn another_scheme_beside_a_secret_in_the_body_is_ignored() {
        let body = format!("{GRANT}&client_id=a&client_secret=s");
        let known = ("a".to_owned(), "s".to_owned());
        for other in [
            "Bearer x",
            "bearer",
            "Negotiate YII=",
            "Digest username=\"a\"",
            "DPoP x",
            "Basically x",
            "",
        ] {
            assert_eq!(read(Some(other), &body), Ok(known.clone()), "{other}");
            assert_eq!(read_all(&[other, "Bearer y"], &body), Ok(known.clone()), "{other}");
            assert_eq!(read(Some(other), GRANT), Err(TokenRefusal::InvalidClient), "{other}");
            let several = read_all(&[other, &header("a:s")], GRANT);
            assert!(
                matches!(several, Err(TokenRefusal::InvalidRequest(_))),
                "{other}: {several:?}"
            );
        }
        assert!(matches!(read(Some("Basic"), &body), Err(TokenRefusal::InvalidRequest(_))));
    }

    #[test]
    fn resources_may_repeat_and_must_be_absolute_uris() {
        let with = |more: &str| read(Some(&header("a:s")), &format!("{GRANT}&{more}"));
        for fine in [
            "resource=https%3A%2F%2Fb.example%2Fscim%2Fv2&resource=https%3A%2F%2Fb.example%2Fapi%2Fv1%3Fx%3D1",
            "resource=https://b.example&resource=https://b.example",
            "resource=urn:example:bridge",
            "resource=",
            "audience=x&requested_token_type=y",
        ] {
            assert!(with(fine).is_ok(), "{fine}");
        }
        for wrong in [
            "b.example",
            "/scim/v2",
            "https%3A%2F%2Fb.example%2F%23part",
            "https:",
            "https://",
            "1s:x",
            "a:b c",
            "u:%C3%A9",
        ] {
            assert_eq!(
                with(&format!("resource={wrong}")),
                Err(TokenRefusal::InvalidTarget),
                "{wrong}"
            );
            let second = format!("resource=https://b.example&resource={wrong}");
            assert_eq!(with(&second), Err(TokenRefusal::InvalidTarget), "{wrong}");
        }
        assert!(matches!(with("audience=x&audience=y"), Err(TokenRefusal::InvalidRequest(_))));
    }

    #[test]
    fn a_client_gets_the_requested_scopes_that_it_may_have() {
        let request = |scope: &str| {
            let body = format!("{GRANT}&client_id=a&client_secret=s&scope={scope}");
            TokenRequest::read(&[], body.as_bytes()).unwrap()
        };
        let all = "scim.read import.read";
        assert_eq!(request("").scope(all), Ok(all));
        assert_eq!(request("import.read").scope(all), Ok("import.read"));
        assert_eq!(request("+").scope(all), Err(TokenRefusal::InvalidScope));
        assert_eq!(request("import.read+admin").scope(all), Err(TokenRefusal::InvalidScope));
    }
}
