//! Connecting a workspace: the token that imports use, and where it comes from.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use secrecy::SecretString;

use super::importer::another_workspace;
use crate::clock::Clock;
use crate::directory::Workspace;
use crate::intercom::{self, Client, Connection, IntercomError, TradeError, Traffic};
use crate::ledger::{Ledger, LedgerError};

/// The Intercom app by which a workspace is connected.
#[derive(Clone, Debug)]
pub struct OAuthApp {
    /// The client id.
    pub client_id: String,
    /// The client secret.
    pub client_secret: SecretString,
}

/// Manages the access token of a workspace. Nothing else changes the token.
pub struct Connector {
    workspace: String,
    client: Arc<Client>,
    connection: Connection,
    /// `None` if the settings have an access token.
    app: ArcSwapOption<OAuthApp>,
    ledger: Ledger,
    clock: Clock,
}

/// Why a workspace cannot be connected.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The settings have an access token, or no app.
    #[error(
        "this workspace is not connected by OAuth: its settings have an access token, or no client_id and client_secret"
    )]
    NoApp,
    /// Intercom issued no token.
    #[error("{0}")]
    NoToken(#[from] TradeError),
    /// The issued token cannot be used.
    #[error("Intercom gave an access token that cannot be used: {0}")]
    Client(String),
    /// Intercom issued a token, but its workspace could not be determined.
    #[error("Intercom gave an access token, but does not say which workspace it opens: {0}")]
    Unidentified(IntercomError),
    /// The token opens another workspace than the recorded one.
    #[error("{0}")]
    AnotherWorkspace(String),
    /// The ledger, which holds the recorded workspace, cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl ConnectError {
    /// The remedy; `None` if the error text already says it.
    #[must_use]
    pub fn remedy(&self) -> Option<String> {
        Some(match self {
            Self::NoToken(error) => error.remedy().to_owned(),
            // The token was just issued, so an access token in the settings is not the cause.
            Self::Unidentified(IntercomError::Unauthorized { .. }) => {
                "Check that INTERCOM_REGION, or region of this workspace in [[workspaces]], is where the workspace is hosted (us, \
                 eu or au), then run `intercom-scim-bridge connect` again."
                    .to_owned()
            }
            Self::Unidentified(error) => {
                format!("What to do: {}. Then run `intercom-scim-bridge connect` again.", error.remedy())
            }
            Self::AnotherWorkspace(_) => {
                "Run `intercom-scim-bridge connect` again and let the app into the recorded workspace, or set DATABASE_URL to \
                 another database for this one."
                    .to_owned()
            }
            Self::NoApp | Self::Client(_) | Self::Ledger(_) => return None,
        })
    }
}

impl Connector {
    /// Creates the connector of `workspace`. If the client has an access token from the settings,
    /// `app` is not used.
    #[must_use]
    pub fn new(
        workspace: impl Into<String>,
        client: Arc<Client>,
        app: Option<OAuthApp>,
        ledger: Ledger,
        clock: Clock,
    ) -> Self {
        let connection = client.connection().clone();
        let app = app.filter(|_| connection.access_token.is_none());
        Self {
            workspace: workspace.into(),
            client,
            connection,
            app: app.map(Arc::new).into(),
            ledger,
            clock,
        }
    }

    /// Whether the workspace is connected by OAuth, not by a token in the settings.
    #[must_use]
    pub fn by_oauth(&self) -> bool {
        self.app.load().is_some()
    }

    /// The counts of calls to Intercom so far.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        self.client.traffic()
    }

    /// The calls that remain in Intercom's rate limit window; `None` before Intercom has sent it.
    #[must_use]
    pub fn rate_limit_left(&self) -> Option<u64> {
        self.client.allowance().remaining
    }

    /// How many seconds this machine's clock was ahead of Intercom's at the last response; negative
    /// if behind.
    #[must_use]
    pub fn clock_ahead(&self) -> Option<i64> {
        self.client.allowance().clock_ahead
    }

    /// Like [`Connector::clock_ahead`], but as of now: it also notices if this machine's clock was
    /// set since the last response. `None` before the first response.
    #[must_use]
    pub fn clock_ahead_now(&self) -> Option<i64> {
        self.client.clock_ahead_now()
    }

    /// Returns the URL where a person authorises the app; `None` without an app.
    #[must_use]
    pub fn authorise_url(&self, state: &str, callback: &str) -> Option<String> {
        let app = self.app.load_full()?;
        intercom::authorise_url(&self.connection, &app.client_id, state, callback).map(String::from)
    }

    /// Exchanges the authorisation code for a token, and reads which workspace the token opens.
    /// Imports do not use the token yet.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub async fn trade(&self, code: &str) -> Result<(SecretString, Workspace), ConnectError> {
        let app = self.app.load_full().ok_or(ConnectError::NoApp)?;
        let token =
            intercom::trade_code(&self.client, &app.client_id, &app.client_secret, code).await?;
        let connection =
            Connection { access_token: Some(token.clone()), ..self.connection.clone() };
        let fresh = Client::new(connection, self.clock.clone()).map_err(ConnectError::Client)?;
        let (workspace, _) =
            intercom::identify(&fresh).await.map_err(ConnectError::Unidentified)?;
        let recorded = self.ledger.workspace(&self.workspace).await?.unwrap_or_default();
        match another_workspace(&recorded, &workspace) {
            Some(other) => {
                // The token will not be used, so revoke it.
                if let Err(error) = intercom::uninstall(&fresh).await {
                    tracing::warn!(workspace = %self.workspace, error = %error, "a token that is not used could not be revoked");
                }
                Err(ConnectError::AnotherWorkspace(other))
            }
            None => Ok((token, workspace)),
        }
    }

    /// Makes imports use this token from now on; `None` removes the token.
    ///
    /// # Errors
    /// A message if the token contains characters that no token has.
    pub fn take(&self, token: Option<&SecretString>) -> Result<(), String> {
        self.client.set_token(token)
    }

    /// Replaces the client secret of the app, if the workspace is connected by OAuth.
    pub fn take_client_secret(&self, client_secret: &SecretString) {
        if let Some(app) = self.app.load_full() {
            let (client_id, client_secret) = (app.client_id.clone(), client_secret.clone());
            self.app.store(Some(Arc::new(OAuthApp { client_id, client_secret })));
        }
    }

    /// Uninstalls the app from the workspace, at Intercom.
    ///
    /// # Errors
    /// Any failure of the call to Intercom.
    pub async fn uninstall(&self) -> Result<(), IntercomError> {
        intercom::uninstall(&self.client).await
    }
}
