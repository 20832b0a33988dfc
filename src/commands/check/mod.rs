//! `check`: checks the configuration, certificate, database, issuers and Intercom. Each line says
//! what to do. One file for each subject; `report` writes the findings as text or as JSON.

mod database;
mod intercom;
mod proxy;
mod report;

use clap::Args;

use database::check_database;
use intercom::check_intercom;
use proxy::check_proxy;
use report::Report;

use super::error::CommandError;
use crate::access::Issuer;
use crate::app::{OpenFiles, trusted_issuers};
use crate::clock::Clock;
use crate::config::{Config, ConfigError, WorkspaceConfig, is_local};
use crate::http::Certificates;

#[derive(Debug, Args)]
pub struct Arguments {
    /// Print the results as JSON.
    #[arg(long)]
    json: bool,
}

pub async fn run(
    arguments: &Arguments,
    config: Result<Config, ConfigError>,
    clock: Clock,
) -> Result<(), CommandError> {
    let mut report = Report::new(arguments.json);
    match config {
        Err(ConfigError(findings)) => {
            for finding in findings {
                report.failed("configuration", &finding);
            }
        }
        Ok(config) => {
            report.ok("configuration", "all settings are valid");
            for warning in &config.warnings {
                report.warn("configuration", warning);
            }
            check_certificate(&config, &mut report);
            check_proxy(&config, &mut report);
            check_open_files(&config, &mut report);
            check_database(&config, &clock, &mut report).await;
            check_issuers(&config, &clock, &mut report).await;
            let workspaces = config.workspaces();
            for workspace in &workspaces {
                report.workspace = (workspaces.len() > 1).then(|| workspace.name.clone());
                check_webhooks(workspace, &mut report);
                check_intercom(&config, workspace, clock.clone(), &mut report).await;
            }
        }
    }
    report.end()
}

fn check_open_files(config: &Config, report: &mut Report) {
    match OpenFiles::raised().too_few(config) {
        None => report.ok("open files", "the limit suffices for limits.max_connections"),
        Some(why) => report.warn("open files", &why),
    }
}

fn check_certificate(config: &Config, report: &mut Report) {
    let bind = config.server.bind;
    let files = config.server.tls_cert.as_ref().zip(config.server.tls_key.as_ref());
    match files.map(|(chain, key)| Certificates::load(chain, key)) {
        Some(Ok(_)) => report.ok("tls", "the certificate and its key can be used"),
        Some(Err(error)) => report.failed("tls", &error.to_string()),
        None if bind.ip().is_loopback() => report.ok("tls", "not needed: the bridge listens only on this machine"),
        None if has_tls_in_front(config) => report.ok(
            "tls",
            &format!(
                "the bridge listens on {bind} without TLS; according to server.public_url, a proxy in \
                 front of it terminates TLS, or it is used only on this machine"
            ),
        ),
        None => report.warn(
            "tls",
            &format!(
                "the bridge listens on {bind} without TLS; set server.tls_cert and server.tls_key, or \
                 put a proxy with TLS in front"
            ),
        ),
    }
}

/// Whether clients reach the bridge through TLS, or only from this machine.
fn has_tls_in_front(config: &Config) -> bool {
    config.server.public_url.as_ref().is_some_and(|url| url.scheme() == "https" || is_local(url))
}

/// Checks the trusted issuers. The bridge starts without them; tokens of an issuer whose keys
/// cannot be read are refused.
async fn check_issuers(config: &Config, clock: &Clock, report: &mut Report) {
    for trusted in trusted_issuers(config) {
        let name = trusted.issuer.clone();
        let looked = match Issuer::new(trusted, clock.clone()) {
            Ok(issuer) => issuer.check_keys().await,
            Err(_) => Err("TLS cannot be set up"),
        };
        match looked {
            Ok(0) => report
                .failed("issuer", &format!("{name} publishes no usable key; check its jwks_url")),
            Ok(keys) => report.ok("issuer", &format!("{name} publishes {keys} usable keys")),
            Err(why) => {
                report.failed(
                    "issuer",
                    &format!("the keys of {name} cannot be read: {why}; check its jwks_url"),
                );
            }
        }
    }
}

fn check_webhooks(workspace: &WorkspaceConfig, report: &mut Report) {
    if workspace.client_secret.is_some() {
        report.ok("webhooks", "the client secret is set, so Intercom's webhooks are accepted");
    } else {
        let detail = "not used: there is no client secret, so changes wait for the next poll; set INTERCOM_CLIENT_SECRET to \
                      use them";
        report.ok("webhooks", detail);
    }
}
