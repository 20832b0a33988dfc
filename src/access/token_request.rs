//! What a client sends to get a token: OAuth 2.0 client credentials (RFC 6749 §4.4). Pure.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::SecretString;

/// Why a client gets no token (RFC 6749 §5.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenRefusal {
    /// The request cannot be read; the sentence says why.
    InvalidRequest(&'static str),
    /// The client or its secret is not known. It is not said which.
    InvalidClient,
    /// Another grant than client credentials.
    UnsupportedGrantType,
    /// It wants more than it may.
    InvalidScope,
}

impl TokenRefusal {
    /// `error`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidRequest(_) => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::InvalidScope => "invalid_scope",
        }
    }

    /// `error_description`: RFC 6749 §5.2 allows no quotes and no letters beyond ASCII in it.
    #[must_use]
    pub fn description(&self) -> &'static str {
        match self {
            Self::InvalidRequest(why) => why,
            Self::InvalidClient => "the client is unknown or disabled, or its secret is another one",
            Self::UnsupportedGrantType => "grant_type must be client_credentials",
            Self::InvalidScope => "the client may not have all of this scope; leave it out for all it may have",
        }
    }
}

/// A client's question for a token.
#[derive(Debug)]
pub struct TokenRequest {
    /// Who asks.
    pub client_id: String,
    /// How it proves that.
    pub secret: SecretString,
    /// What it wants, if it does not want all it may have.
    pub scope: Option<String>,
}

impl TokenRequest {
    /// Reads the header `Authorization` and the body, which is form-encoded.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub fn read(authorization: Option<&[u8]>, body: &[u8]) -> Result<Self, TokenRefusal> {
        use TokenRefusal::InvalidRequest;
        let form: Vec<(Cow<'_, str>, Cow<'_, str>)> = form_urlencoded::parse(body).collect();
        // RFC 6749 §3.2: "Request and response parameters MUST NOT be included more than once."
        let mut names: Vec<&str> = form.iter().map(|(name, _)| &**name).collect();
        names.sort_unstable();
        if names.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(InvalidRequest("a parameter comes twice"));
        }
        let value = |name: &str| {
            // RFC 6749 §3.2: "Parameters sent without a value MUST be treated as if they were omitted from the request."
            let given = form.iter().find(|(known, _)| known == name).map(|(_, value)| &**value);
            given.filter(|value| !value.is_empty())
        };
        let (grant, scope) = (value("grant_type"), value("scope").map(str::to_owned));
        let (id, secret) = (value("client_id"), value("client_secret"));
        match grant {
            None => return Err(InvalidRequest("grant_type is missing; it must be client_credentials")),
            Some("client_credentials") => {}
            Some(_) => return Err(TokenRefusal::UnsupportedGrantType),
        }
        match (authorization, id, secret) {
            // RFC 6749 §2.3: "The client MUST NOT use more than one authentication method in each request."
            (Some(_), _, Some(_)) => {
                Err(InvalidRequest("the secret comes in the header and in the body; send it once"))
            }
            (Some(header), id, None) => {
                let (client_id, secret) = basic(header).ok_or(TokenRefusal::InvalidClient)?;
                if id.is_some_and(|id| id != client_id) {
                    return Err(InvalidRequest("client_id in the body is another one than in the header"));
                }
                Ok(Self { client_id, secret: secret.into(), scope })
            }
            (None, Some(id), Some(secret)) => Ok(Self { client_id: id.to_owned(), secret: secret.into(), scope }),
            (None, ..) => Err(TokenRefusal::InvalidClient),
        }
    }

    /// What it gets: all of `scope`, words with spaces between, or the part that it wants.
    ///
    /// # Errors
    /// [`TokenRefusal::InvalidScope`] when it wants what is not in there.
    pub fn scope<'a>(&'a self, scope: &'a str) -> Result<&'a str, TokenRefusal> {
        let Some(wanted) = &self.scope else { return Ok(scope) };
        let may = |word: &str| scope.split_whitespace().any(|allowed| allowed == word);
        let named = !wanted.trim().is_empty();
        if named && wanted.split_whitespace().all(may) { Ok(wanted) } else { Err(TokenRefusal::InvalidScope) }
    }
}

/// RFC 6749 §2.3.1: id and secret, form-encoded, as user and password of RFC 7617.
fn basic(header: &[u8]) -> Option<(String, String)> {
    let (scheme, encoded) = header.trim_ascii().split_at_checked("basic ".len())?;
    if !scheme.eq_ignore_ascii_case(b"basic ") {
        return None;
    }
    let pair = String::from_utf8(STANDARD.decode(encoded.trim_ascii()).ok()?).ok()?;
    let (id, secret) = pair.split_once(':')?;
    let decoded = |text: &str| {
        // What is not encoded at all may hold an `&`.
        let whole = |form: &str| form_urlencoded::parse(form.as_bytes()).next().map(|(_, value)| value.into_owned());
        whole(&format!("x={text}")).filter(|_| !text.contains('&')).unwrap_or_else(|| text.to_owned())
    };
    Some((decoded(id), decoded(secret)))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    const GRANT: &str = "grant_type=client_credentials";

    fn read(header: Option<&str>, body: &str) -> Result<(String, String), TokenRefusal> {
        let request = TokenRequest::read(header.map(str::as_bytes), body.as_bytes())?;
        Ok((request.client_id, request.secret.expose_secret().to_owned()))
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
        assert_eq!(read(Some(&header("a:s").replace("Basic", "bAsIc")), &named_too).unwrap().0, "a");
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_its_reason() {
        use TokenRefusal::{InvalidClient, InvalidRequest, UnsupportedGrantType};
        let both = format!("{GRANT}&client_id=a&client_secret=s");
        for (authorization, body, refusal) in [
            (None, "", InvalidRequest("grant_type is missing; it must be client_credentials")),
            (None, "grant_type=", InvalidRequest("grant_type is missing; it must be client_credentials")),
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
    fn a_client_gets_what_it_may_and_wants() {
        let request = |scope: &str| {
            let body = format!("{GRANT}&client_id=a&client_secret=s&scope={scope}");
            TokenRequest::read(None, body.as_bytes()).unwrap()
        };
        let all = "scim.read import.read";
        assert_eq!(request("").scope(all), Ok(all));
        assert_eq!(request("import.read").scope(all), Ok("import.read"));
        assert_eq!(request("+").scope(all), Err(TokenRefusal::InvalidScope));
        assert_eq!(request("import.read+admin").scope(all), Err(TokenRefusal::InvalidScope));
    }
}
