//! Connecting a workspace by OAuth instead of by a pasted token.
//!
//! A person lets the app in at Intercom; Intercom sends them back with a code, which is traded for an access token.
//! There are no scopes to ask for (they are fixed in the app) and no refresh token: an access token does not end.
//!
//! Intercom: <https://developers.intercom.com/docs/build-an-integration/learn-more/authentication/setting-up-oauth>.

use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::json;

use super::answer::malformed;
use super::{Client, Connection, IntercomError, Region};

/// Where a person lets the app in: each region has a place of its own.
#[must_use]
pub fn authorise_url(connection: &Connection, client_id: &str, state: &str, callback: &str) -> Option<Url> {
    let host = match connection.region {
        Some(Region::Us) => "https://app.intercom.com/oauth",
        Some(Region::Eu) => "https://app.eu.intercom.com/oauth",
        Some(Region::Au) => "https://app.au.intercom.com/oauth",
        // A base URL of one's own: a simulator, which has both under one roof.
        None => &format!("{}/oauth", connection.base_url.as_str().trim_end_matches('/')),
    };
    Url::parse_with_params(host, [("client_id", client_id), ("state", state), ("redirect_uri", callback)]).ok()
}

/// Trades the code that came back for an access token.
///
/// # Errors
/// Whatever keeps Intercom from giving one; a code is good once, and for a short time.
pub async fn trade_code(
    client: &Client,
    client_id: &str,
    client_secret: &SecretString,
    code: &str,
) -> Result<SecretString, IntercomError> {
    #[derive(Serialize)]
    struct Trade<'a> {
        code: &'a str,
        client_id: &'a str,
        client_secret: &'a str,
    }
    let trade = Trade { code, client_id, client_secret: client_secret.expose_secret() };
    let answer = client.post_once("/auth/eagle/token", &trade, false).await?;
    #[derive(serde::Deserialize)]
    struct TokenAnswer {
        access_token: SecretString,
    }
    let answer: TokenAnswer =
        serde_json::from_slice(&answer).map_err(|_| malformed("/auth/eagle/token", "`access_token` is missing"))?;
    Ok(answer.access_token)
}

/// Takes the app out of the workspace: its token opens nothing any more.
///
/// # Errors
/// Whatever keeps Intercom from doing so.
pub async fn uninstall(client: &Client) -> Result<(), IntercomError> {
    client.post_once("/auth/uninstall", &json!({}), true).await.map(|_| ())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

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
            let url = authorise_url(&connection, "app", "a b&c", "https://bridge.example/connect/intercom/callback");
            let query =
                "client_id=app&state=a+b%26c&redirect_uri=https%3A%2F%2Fbridge.example%2Fconnect%2Fintercom%2Fcallback";
            assert_eq!(url.unwrap().as_str(), format!("{place}?{query}"));
        }
    }
}
