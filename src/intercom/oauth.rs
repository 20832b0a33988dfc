//! Connects a workspace by OAuth instead of a pasted token.
//!
//! An operator authorises the app at Intercom. Intercom redirects the browser back with a code,
//! which the bridge exchanges for an access token. The request names no scopes (they are fixed in
//! the app), and there is no refresh token: an access token does not expire.
//!
//! Intercom:
//! <https://developers.intercom.com/docs/build-an-integration/learn-more/authentication/setting-up-oauth>.

use std::fmt;

use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::{Value, json};

use super::answer::{NO_CODE, is_code};
use super::{Client, Connection, IntercomError, Outage, Region};
use crate::limits;

/// The path of the token endpoint.
const TOKEN_PATH: &str = "/auth/eagle/token";

/// The reason why Intercom issued no token for a code. It contains Intercom's error codes and no
/// other text of Intercom's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TradeError {
    /// Intercom does not know the app, or the secret is not the app's.
    #[error("Intercom does not accept the client id and client secret of the app ({0})")]
    App(Answer),
    /// The code is not valid, or not any more.
    #[error(
        "Intercom does not accept the code that it gave ({0}); it was used before, or is too old"
    )]
    Code(Answer),
    /// Intercom refused without a clear reason. It does so both for a wrong client secret and for a
    /// used code.
    #[error(
        "Intercom gave no access token ({0}): the client id or client secret of the app is wrong, or the code that Intercom gave \
         was used before or is too old"
    )]
    Refused(Answer),
    /// The workspace is hosted in another region.
    #[error(
        "Intercom gave no access token ({0}): the workspace is hosted in another region than the bridge asks"
    )]
    Region(Answer),
    /// An error response that is not Intercom's.
    #[error("no access token was given ({0}): what answered does not seem to be Intercom's API")]
    NotIntercom(Answer),
    /// Intercom's response contains no usable token.
    #[error("Intercom's response has no access token: {0}")]
    NoToken(&'static str),
    /// Intercom could not be reached, or its rate limit is used up.
    #[error("{0}")]
    Unanswered(IntercomError),
}

/// Intercom's error response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    status: u16,
    code: String,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.status, self.code)
    }
}

impl TradeError {
    /// Returns what an operator can do about it. The workspace must be connected again in any case:
    /// a code is valid for one attempt.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::App(_) => {
                "Compare INTERCOM_CLIENT_ID and INTERCOM_CLIENT_SECRET, or client_id and client_secret of this workspace in \
                 [[workspaces]], with your app in Intercom's Developer Hub (Basic information), and the region with the \
                 workspace's. Restart the bridge after a change, then run `intercom-scim-bridge connect` again."
            }
            Self::Code(_) => {
                "Run `intercom-scim-bridge connect` again, and open the address that it prints once, within a few minutes."
            }
            Self::Refused(_) => {
                "Run `intercom-scim-bridge connect` again. If it is refused again, compare INTERCOM_CLIENT_ID and \
                 INTERCOM_CLIENT_SECRET, or client_id and client_secret of this workspace in [[workspaces]], with your app in \
                 Intercom's Developer Hub (Basic information), and the region with the workspace's; restart the bridge after a \
                 change."
            }
            Self::Region(_) => {
                "Set INTERCOM_REGION, or region of this workspace in [[workspaces]], to where the workspace is hosted (us, eu or \
                 au), restart the bridge, then run `intercom-scim-bridge connect` again."
            }
            Self::NotIntercom(_) | Self::NoToken(_) => {
                "Check that INTERCOM_BASE_URL, if it is set, and every proxy on the way lead to Intercom's API, then run \
                 `intercom-scim-bridge connect` again."
            }
            Self::Unanswered(_) => {
                "Run `intercom-scim-bridge connect` again later; if that does not help, check the network, INTERCOM_BASE_URL and \
                 Intercom's status page."
            }
        }
    }
}

/// Returns the authorisation URL, where an operator authorises the app. It depends on the region.
#[must_use]
pub fn authorise_url(
    connection: &Connection,
    client_id: &str,
    state: &str,
    callback: &str,
) -> Option<Url> {
    let host = match connection.region {
        Some(Region::Us) => "https://app.intercom.com/oauth",
        Some(Region::Eu) => "https://app.eu.intercom.com/oauth",
        Some(Region::Au) => "https://app.au.intercom.com/oauth",
        // A custom base URL belongs to a simulator, which serves both API and authorisation page.
        None => &format!("{}/oauth", connection.base_url.as_str().trim_end_matches('/')),
    };
    Url::parse_with_params(
        host,
        [("client_id", client_id), ("state", state), ("redirect_uri", callback)],
    )
    .ok()
}

/// Exchanges the authorisation code for an access token.
///
/// # Errors
/// The reason why Intercom issued no token. A code is valid once, for a few minutes.
pub async fn trade_code(
    client: &Client,
    client_id: &str,
    client_secret: &SecretString,
    code: &str,
) -> Result<SecretString, TradeError> {
    #[derive(Serialize)]
    struct Trade<'a> {
        code: &'a str,
        client_id: &'a str,
        client_secret: &'a str,
    }
    let trade = Trade { code, client_id, client_secret: client_secret.expose_secret() };
    match client.post_once(TOKEN_PATH, &trade, false).await {
        Ok(body) => token_of(&body),
        Err(error) => Err(trade_error(error)),
    }
}

/// Maps a failed token request.
fn trade_error(error: IntercomError) -> TradeError {
    match error {
        IntercomError::Unauthorized { code, .. } => refused(401, code),
        IntercomError::Forbidden { code, .. } => refused(403, code),
        IntercomError::NotFound { code, .. } => refused(404, code),
        IntercomError::WrongRegion { .. } => {
            TradeError::Region(Answer { status: 403, code: "region_mismatch".to_owned() })
        }
        // Only the operator's browser is ever redirected.
        IntercomError::Unavailable {
            outage: Outage::NotIntercom { status: 300..=399, .. },
            ..
        }
        | IntercomError::Refused { status: 300..=399, .. } => {
            TradeError::NoToken("it leads to another address")
        }
        IntercomError::Unavailable { outage: Outage::NotIntercom { status, .. }, .. } => {
            refused(status, NO_CODE.to_owned())
        }
        IntercomError::Refused { status, code, .. } => refused(status, code),
        IntercomError::TooLarge { .. } => TradeError::NoToken("it is far too long"),
        other => TradeError::Unanswered(other),
    }
}

/// Maps an error code. Intercom does not document its codes for this; those of RFC 6749 §5.2 are
/// recognised.
fn refused(status: u16, code: String) -> TradeError {
    let says = |words: &[&str]| words.iter().any(|word| code.contains(word));
    let app = says(&["client", "secret", "application", "app_"]);
    let grant = says(&["_code", "code_", "grant", "expired"]);
    let region = says(&["region"]);
    let nothing = code == NO_CODE;
    let answer = Answer { status, code };
    match (app, grant, status) {
        _ if region => TradeError::Region(answer),
        (true, false, _) => TradeError::App(answer),
        (false, true, _) => TradeError::Code(answer),
        (.., 400 | 401 | 403 | 422) => TradeError::Refused(answer),
        _ if nothing => TradeError::NotIntercom(answer),
        _ => TradeError::Refused(answer),
    }
}

/// Returns the token in a response. Intercom sends it twice, as `token` and as `access_token`; one
/// is enough.
fn token_of(body: &[u8]) -> Result<SecretString, TradeError> {
    // RFC 8259 §8.1: parsers may ignore a byte order mark.
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii();
    if body.is_empty() {
        return Err(TradeError::NoToken("it is empty"));
    }
    let answer: Value =
        serde_json::from_slice(body).map_err(|_| TradeError::NoToken("it is not JSON"))?;
    if let Some(code) = error_code(&answer) {
        return Err(refused(200, code));
    }
    let given = ["access_token", "token"].map(|name| answer.get(name)).into_iter().flatten();
    let given: Vec<&Value> = given.filter(|token| !token.is_null()).collect();
    let texts: Vec<&str> = given.iter().filter_map(|token| token.as_str()).map(str::trim).collect();
    match texts.iter().find(|text| is_token(text)) {
        Some(token) => Ok(SecretString::from(*token)),
        None if given.is_empty() => {
            Err(TradeError::NoToken("it has neither `access_token` nor `token`"))
        }
        None if texts.is_empty() => Err(TradeError::NoToken("its token is not a text")),
        None if texts.iter().all(|text| text.is_empty()) => {
            Err(TradeError::NoToken("its token is empty"))
        }
        None => {
            Err(TradeError::NoToken("its token is too long, or has characters that no token has"))
        }
    }
}

/// Whether a text can be a token. RFC 6750 §2.1 allows letters, digits and a few signs; this
/// accepts all printable ASCII.
fn is_token(text: &str) -> bool {
    (1..=limits::INTERCOM_TOKEN_BYTES).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Returns the error code of a 200 response that is an error: from Intercom's list of errors, or as
/// in RFC 6749 §5.2.
fn error_code(answer: &Value) -> Option<String> {
    let listed = answer.pointer("/errors/0").map(|error| &error["code"]);
    let code = listed.or_else(|| answer.get("error").filter(|error| !error.is_null()))?;
    Some(code.as_str().filter(|code| is_code(code)).unwrap_or(NO_CODE).to_owned())
}

/// Uninstalls the app from the workspace, which invalidates its token.
///
/// # Errors
/// The reason why Intercom did not do so.
pub async fn uninstall(client: &Client) -> Result<(), IntercomError> {
    client.post_once("/auth/uninstall", &json!({}), true).await.map(|_| ())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::intercom::Outage;

    #[test]
    fn a_token_is_taken_from_either_member_and_only_if_it_is_one() {
        for body in [
            r#"{"token_type": "Bearer", "token": "dG9r", "access_token": "dG9r"}"#,
            r#"{"token": "dG9r"}"#,
            r#"{"access_token": "dG9r"}"#,
            r#"{"access_token": null, "token": "dG9r"}"#,
            r#"{"access_token": "", "token": "dG9r"}"#,
            r#"{"access_token": 7, "token": " dG9r\n", "error": null, "errors": []}"#,
            "\u{feff}{\"token\": \"dG9r\"}",
        ] {
            let token = token_of(body.as_bytes()).unwrap_or_else(|error| panic!("{body}: {error}"));
            assert_eq!(token.expose_secret(), "dG9r", "{body}");
        }
        for (body, what) in [
            ("", "it is empty"),
            ("<html>Gateway</html>", "it is not JSON"),
            ("token=dG9r", "it is not JSON"),
            ("null", "it has neither `access_token` nor `token`"),
            ("[]", "it has neither `access_token` nor `token`"),
            ("{}", "it has neither `access_token` nor `token`"),
            (r#"{"access_token": null}"#, "it has neither `access_token` nor `token`"),
            (r#"{"access_token": 7}"#, "its token is not a text"),
            (r#"{"token": {"value": "dG9r"}}"#, "its token is not a text"),
            (r#"{"token": "  "}"#, "its token is empty"),
            (
                r#"{"token": "dG9r dG9r"}"#,
                "its token is too long, or has characters that no token has",
            ),
            (
                r#"{"token": "dG9r\u0000"}"#,
                "its token is too long, or has characters that no token has",
            ),
        ] {
            assert_eq!(token_of(body.as_bytes()).unwrap_err(), TradeError::NoToken(what), "{body}");
        }
        let long = json!({"token": "x".repeat(limits::INTERCOM_TOKEN_BYTES + 1)}).to_string();
        assert!(matches!(token_of(long.as_bytes()), Err(TradeError::NoToken(_))));
    }

    #[test]
    fn a_refusal_contains_only_the_code_that_intercom_sent() {
        let told = |code: &str| refused(401, code.to_owned());
        for code in ["invalid_client", "client_secret_invalid", "application_not_found"] {
            assert!(matches!(told(code), TradeError::App(_)), "{code}");
        }
        for code in ["invalid_grant", "invalid_code", "code_expired"] {
            assert!(matches!(told(code), TradeError::Code(_)), "{code}");
        }
        for code in ["unauthorized", "server_error", "not_found", NO_CODE, "client_code_mismatch"] {
            let refused = told(code);
            assert!(matches!(refused, TradeError::Refused(_)), "{code}");
            let sentence = refused.to_string();
            assert!(
                sentence.contains("client secret") && sentence.contains("used before"),
                "{sentence}"
            );
        }
        assert!(matches!(told("region_mismatch"), TradeError::Region(_)));
        assert!(matches!(refused(404, NO_CODE.to_owned()), TradeError::NotIntercom(_)));
        for (body, expected) in [
            (
                r#"{"type": "error.list", "errors": [{"code": "unauthorized", "message": "Ada"}]}"#,
                "200 unauthorized",
            ),
            (r#"{"type": "error.list", "errors": [{"message": "Ada"}]}"#, "200 without a code"),
            (r#"{"error": "invalid_grant", "error_description": "Ada"}"#, "200 invalid_grant"),
            (r#"{"error": {"message": "Ada"}}"#, "200 without a code"),
        ] {
            let sentence = token_of(body.as_bytes()).unwrap_err().to_string();
            assert!(sentence.contains(expected) && !sentence.contains("Ada"), "{sentence}");
        }
    }

    #[test]
    fn an_outage_is_no_refusal() {
        let outage = Outage::Answered { status: 503, code: "service_unavailable".to_owned() };
        let down = IntercomError::Unavailable { resource: TOKEN_PATH.to_owned(), outage };
        assert_eq!(trade_error(down.clone()), TradeError::Unanswered(down));
        let moved = IntercomError::Refused {
            resource: TOKEN_PATH.to_owned(),
            status: 302,
            code: NO_CODE.to_owned(),
        };
        assert_eq!(trade_error(moved), TradeError::NoToken("it leads to another address"));
    }

    proptest! {
        #[test]
        fn no_response_causes_a_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = token_of(&body);
        }
    }

    #[test]
    fn each_region_lets_apps_in_at_its_own_place() {
        for (region, place) in [
            (Some(Region::Us), "https://app.intercom.com/oauth"),
            (Some(Region::Eu), "https://app.eu.intercom.com/oauth"),
            (Some(Region::Au), "https://app.au.intercom.com/oauth"),
            (None, "http://127.0.0.1:9/oauth"),
        ] {
            let connection = Connection {
                access_token: None,
                base_url: Url::parse("http://127.0.0.1:9/").unwrap(),
                region,
                api_version: "2.16".to_owned(),
                connect_timeout: Duration::from_secs(1),
                read_timeout: Duration::from_secs(1),
            };
            let url = authorise_url(
                &connection,
                "app",
                "a b&c",
                "https://bridge.example/connect/intercom/callback",
            );
            let query = "client_id=app&state=a+b%26c&redirect_uri=https%3A%2F%2Fbridge.example%2Fconnect%2Fintercom%2Fcallback";
            assert_eq!(url.unwrap().as_str(), format!("{place}?{query}"));
        }
    }
}
