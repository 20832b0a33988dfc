//! Intercom's side of OAuth: a person authorises the app (here immediately), the app exchanges a
//! code for a token, and the app is uninstalled.

use serde_json::{Value, json};

/// An app in Intercom's Developer Hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OAuthApp {
    /// The client id.
    pub client_id: String,
    /// The client secret.
    pub client_secret: String,
}

/// The codes and tokens that were issued to an app.
#[derive(Debug, Default)]
pub struct Grants {
    app: Option<OAuthApp>,
    codes: Vec<String>,
    tokens: Vec<String>,
    given: u32,
}

impl Grants {
    pub fn of(app: Option<OAuthApp>) -> Self {
        Self { app, ..Self::default() }
    }

    /// Replaces the app's client secret.
    pub fn rotate(&mut self, client_secret: &str) {
        if let Some(app) = &mut self.app {
            client_secret.clone_into(&mut app.client_secret);
        }
    }

    /// Authorises the app. Returns the URL to which the browser is redirected, or `None` for an
    /// unknown client id.
    pub fn authorise(
        &mut self,
        client_id: &str,
        state: &str,
        redirect_uri: &str,
    ) -> Option<String> {
        self.app.as_ref().filter(|app| app.client_id == client_id)?;
        self.given += 1;
        let code = format!("simulated-code-{}", self.given);
        self.codes.push(code.clone());
        Some(format!("{redirect_uri}?code={code}&state={state}"))
    }

    /// Exchanges a code for a token. A code is valid once, also if the credentials are wrong.
    pub fn trade(&mut self, body: &Value) -> Option<Value> {
        let app = self.app.as_ref()?;
        let id = body["client_id"].as_str()?;
        let secret = body["client_secret"].as_str()?;
        let code = body["code"].as_str()?;
        let at = self.codes.iter().position(|known| known == code)?;
        self.codes.remove(at);
        if (id, secret) != (app.client_id.as_str(), app.client_secret.as_str()) {
            return None;
        }
        let token = format!("simulated-oauth-token-{}", self.given);
        self.tokens.push(token.clone());
        Some(json!({"token_type": "Bearer", "token": token, "access_token": token}))
    }

    /// Whether a token was issued and not revoked.
    pub fn opens(&self, token: &str) -> bool {
        self.tokens.iter().any(|known| known == token)
    }

    /// Uninstalls the app from the workspace of a token. NB: Intercom revokes all tokens of that
    /// workspace. The simulator revokes only this one, as if each token had its own workspace.
    pub fn uninstall(&mut self, token: &str) {
        self.tokens.retain(|known| known != token);
    }
}
