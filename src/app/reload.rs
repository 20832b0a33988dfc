//! SIGHUP: the running bridge reads settings, secrets in files and certificates again.
//!
//! Intercom's access tokens, client secrets, the secrets of the roster's pull and the certificate
//! are applied without a restart (as is the log level, which the command applies). Other settings
//! that have changed are listed in the log. What cannot be read is ignored: the previous value
//! stays in use.

use std::sync::{Arc, Mutex, PoisonError};

use secrecy::{ExposeSecret, SecretString};

use super::pull::pull_credentials;
use crate::access::WebhookKey;
use crate::config::{Config, ConfigError, RosterPull, WorkspaceConfig};
use crate::directory::{ImportRequest, Trigger};
use crate::http::{Certificates, Service};
use crate::identities::pull::Puller;
use crate::runtime::WorkspaceHandle;

/// The values that a reload compares with, and the certificates that it reads again.
pub struct Reload {
    certificates: Option<Arc<Certificates>>,
    /// The settings at the start of the bridge.
    started: Config,
    /// The workspaces, with the secrets that are in use now.
    running: Mutex<Vec<WorkspaceConfig>>,
    /// The pull of the roster; `None` without one.
    pull: Option<Box<PullInUse>>,
}

/// The pull of the roster.
struct PullInUse {
    puller: Arc<Puller>,
    /// The settings, with the secrets that are in use now.
    settings: Mutex<RosterPull>,
}

/// The outcome of a reload.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Reloaded {
    /// The new values that are now in use.
    pub taken: Vec<String>,
    /// The changes that need a restart.
    pub after_restart: Vec<String>,
    /// Why new values cannot be used, in sentences. The previous values stay in use.
    pub refused: Vec<String>,
}

/// Settings that are applied without a restart, here or by the command.
const TAKEN: [&str; 3] = ["intercom.access_token", "intercom.client_secret", "telemetry.log_level"];

/// The same, if the roster is pulled.
const TAKEN_BY_PULL: [&str; 2] = ["roster.pull.token", "roster.pull.client_secret"];

impl Reload {
    pub fn new(
        config: &Config,
        certificates: Option<Arc<Certificates>>,
        puller: Option<Arc<Puller>>,
    ) -> Self {
        let running = Mutex::new(config.workspaces());
        let pull = puller.map(|puller| {
            let settings = Mutex::new(config.roster_pull.clone());
            Box::new(PullInUse { puller, settings })
        });
        Self { certificates, started: config.clone(), running, pull }
    }

    /// Applies what can be applied without a restart, logs the outcome and returns it. `read` are
    /// the settings, read again.
    pub fn again(&self, service: &Service, read: Result<Config, ConfigError>) -> Reloaded {
        let mut reloaded = Reloaded::default();
        match self.certificates.as_ref().map(|certificates| certificates.read_again()) {
            None | Some(Ok(false)) => {}
            Some(Ok(true)) => reloaded.taken.push("the TLS certificate".to_owned()),
            Some(Err(error)) => reloaded
                .refused
                .push(format!("{error}; the previous TLS certificate is still used")),
        }
        match read {
            Ok(fresh) => self.take(service, &fresh, &mut reloaded),
            Err(ConfigError(findings)) => {
                let none = "no setting was applied, and the previous settings are still used";
                reloaded
                    .refused
                    .extend(findings.into_iter().map(|finding| format!("{finding}; {none}")));
            }
        }
        log(&reloaded);
        reloaded
    }

    fn take(&self, service: &Service, fresh: &Config, reloaded: &mut Reloaded) {
        fresh.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let named = fresh.workspaces();
        for gone in
            running.iter().filter(|known| !named.iter().any(|fresh| fresh.name == known.name))
        {
            reloaded
                .after_restart
                .push(format!("workspace {}, which was removed from the settings", gone.name));
        }
        for fresh in &named {
            let known = running.iter_mut().find(|known| known.name == fresh.name);
            let Some((known, workspace)) = known.zip(service.workspaces.get(&fresh.name)) else {
                reloaded.after_restart.push(format!("workspace {}, which is new", fresh.name));
                continue;
            };
            take_token(service, workspace, known, fresh, reloaded);
            take_client_secret(workspace, known, fresh, reloaded);
            let before = (&known.region, &known.base_url, &known.client_id);
            let now = (&fresh.region, &fresh.base_url, &fresh.client_id);
            if before != now {
                let what = format!("region, base_url or client_id of workspace {}", fresh.name);
                reloaded.after_restart.push(what);
            }
        }
        if let Some(pull) = &self.pull {
            let mut known = pull.settings.lock().unwrap_or_else(PoisonError::into_inner);
            take_pull_secrets(&pull.puller, &mut known, &fresh.roster_pull, reloaded);
        }
        let is_taken =
            |key: &str| TAKEN.contains(&key) || self.pull.is_some() && TAKEN_BY_PULL.contains(&key);
        let changed = self.started.fingerprint.changed(&fresh.fingerprint);
        let others = changed.into_iter().filter(|key| !is_taken(key));
        reloaded.after_restart.extend(others.map(str::to_owned));
    }
}

fn differ(one: &SecretString, other: &SecretString) -> bool {
    one.expose_secret() != other.expose_secret()
}

fn take_token(
    service: &Service,
    workspace: &WorkspaceHandle,
    known: &mut WorkspaceConfig,
    fresh: &WorkspaceConfig,
    reloaded: &mut Reloaded,
) {
    let what = format!("the access token of workspace {}", fresh.name);
    match (&known.access_token, &fresh.access_token) {
        (Some(before), Some(token)) if differ(before, token) => {
            match workspace.connector.take(Some(token)) {
                Ok(()) => {
                    known.access_token = Some(token.clone());
                    reloaded.taken.push(what);
                    // An import shows at once whether Intercom accepts the token.
                    workspace
                        .nudge
                        .ask(ImportRequest::incremental(Trigger::Start), service.clock.running());
                }
                Err(why) => reloaded
                    .refused
                    .push(format!("{what} cannot be used: {why}; the previous one is still used")),
            }
        }
        (Some(_), None) => reloaded.refused.push(missing(&what)),
        (None, Some(_)) => reloaded.after_restart.push(format!("{what}, which had none")),
        (Some(_), Some(_)) | (None, None) => {}
    }
}

fn take_client_secret(
    workspace: &WorkspaceHandle,
    known: &mut WorkspaceConfig,
    fresh: &WorkspaceConfig,
    reloaded: &mut Reloaded,
) {
    let what = format!("the client secret of workspace {}", fresh.name);
    match (&known.client_secret, &fresh.client_secret) {
        (Some(before), Some(secret)) if !differ(before, secret) => {}
        (_, Some(secret)) => {
            workspace.webhook_key.store(Some(Arc::new(WebhookKey::new(secret))));
            workspace.connector.take_client_secret(secret);
            known.client_secret = Some(secret.clone());
            reloaded.taken.push(what);
        }
        (Some(_), None) => reloaded.refused.push(missing(&what)),
        (None, None) => {}
    }
}

/// Takes the token or the client secret of the pull. The other settings need a restart.
fn take_pull_secrets(
    puller: &Puller,
    known: &mut RosterPull,
    fresh: &RosterPull,
    reloaded: &mut Reloaded,
) {
    let secrets = [
        ("roster.pull.token", &known.token, &fresh.token),
        ("roster.pull.client_secret", &known.client_secret, &fresh.client_secret),
    ];
    let mut changed = Vec::new();
    for (what, before, now) in secrets {
        match (before, now) {
            (Some(before), Some(now)) if differ(before, now) => changed.push(what.to_owned()),
            (Some(_), None) => reloaded.refused.push(missing(what)),
            (None, Some(_)) => reloaded.after_restart.push(format!("{what}, which had none")),
            (Some(_), Some(_)) | (None, None) => {}
        }
    }
    if changed.is_empty() {
        return;
    }
    if known.token.is_some() {
        known.token = fresh.token.clone().or_else(|| known.token.take());
    }
    if known.client_secret.is_some() {
        known.client_secret = fresh.client_secret.clone().or_else(|| known.client_secret.take());
    }
    if let Some(credentials) = pull_credentials(known) {
        puller.take(credentials);
        reloaded.taken.extend(changed);
    }
}

fn missing(what: &str) -> String {
    format!("{what} is missing; the previous one is used until the bridge is restarted")
}

/// Logs the outcome of a reload.
fn log(reloaded: &Reloaded) {
    let taken = if reloaded.taken.is_empty() {
        "nothing has changed".to_owned()
    } else {
        reloaded.taken.join(", ")
    };
    tracing::info!(taken, "settings, secrets in files and certificates were read again");
    if !reloaded.after_restart.is_empty() {
        let changed = reloaded.after_restart.join(", ");
        tracing::warn!(
            changed,
            "these settings have changed and need a restart; until then the previous ones are used"
        );
    }
    for why in &reloaded.refused {
        tracing::error!(why, "some of what was read again cannot be used");
    }
}
