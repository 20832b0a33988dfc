//! Intercom's side of OAuth: a person lets the app in (here at once), a code is traded for a token, an app is taken out.

use serde_json::{Value, json};

/// An app in Intercom's Developer Hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OAuthApp {
    /// Its client id.
    pub client_id: String,
    /// Its client secret.
    pub client_secret: String,
}

/// The codes and tokens that were given for an app.
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

    /// Gives the app another secret.
    pub fn rotate(&mut self, client_secret: &str) {
        if let Some(app) = &mut self.app {
            client_secret.clone_into(&mut app.client_secret);
        }
    }

    /// Lets the app in: where the browser is sent back to. None for another app.
    pub fn authorise(&mut self, client_id: &str, state: &str, redirect_uri: &str) -> Option<String> {
        self.app.as_ref().filter(|app| app.client_id == client_id)?;
        self.given += 1;
        let code = format!("simulated-code-{}", self.given);
        self.codes.push(code.clone());
        Some(format!("{redirect_uri}?code={code}&state={state}"))
    }

    /// A token for a code, which is good once.
    pub fn trade(&mut self, body: &Value) -> Option<Value> {
        let app = self.app.as_ref()?;
        let (id, secret, code) = (body["client_id"].as_str()?, body["client_secret"].as_str()?, body["code"].as_str()?);
        let at = self.codes.iter().position(|known| known == code)?;
        self.codes.remove(at);
        if (id, secret) != (app.client_id.as_str(), app.client_secret.as_str()) {
            return None;
        }
        let token = format!("simulated-oauth-token-{}", self.given);
        self.tokens.push(token.clone());
        Some(json!({"token_type": "Bearer", "token": token, "access_token": token}))
    }

    /// Whether a token was given and not taken back.
    pub fn opens(&self, token: &str) -> bool {
        self.tokens.iter().any(|known| known == token)
    }

    /// Takes the app out of the workspace that a token is of. NB: Intercom ends all tokens of that workspace; here each is
    /// for one of its own.
    pub fn uninstall(&mut self, token: &str) {
        self.tokens.retain(|known| known != token);
    }
}
