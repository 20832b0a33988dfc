//! `check`: the database, the encryption key and the recorded times.

use secrecy::ExposeSecret;

use super::proxy::check_seen_proxies;
use super::report::Report;
use crate::access::KeyRing;
use crate::app::{missing_file, stored_vault, without_password};
use crate::clock::Clock;
use crate::config::Config;
use crate::database::Database;
use crate::stores::{AccessStore, NotificationStore, Stores};

/// Checks the encryption key. Creates nothing: the first start creates a missing key.
async fn check_encryption_key(config: &Config, store: &AccessStore, report: &mut Report) {
    match stored_vault(config, store).await {
        Ok(None) => report.ok(
            "encryption",
            "there is no encryption key yet; the first start creates one, or set access.encryption_key",
        ),
        Ok(Some(vault)) => match store.signing_keys().await {
            Ok(keys) => match KeyRing::open(&vault, &keys) {
                Ok(_) => report.ok("encryption", "the encryption key opens the secrets in the database"),
                Err(error) => report.failed("encryption", &error.to_string()),
            },
            Err(error) => report.failed("encryption", &error.chain()),
        },
        Err(error) => report.failed("encryption", &error.to_string()),
    }
}

/// Checks the database. Creates nothing: the first start creates a missing SQLite database; any
/// other missing database is a failure.
pub async fn check_database(config: &Config, clock: &Clock, report: &mut Report) {
    let url = config.database.url.expose_secret();
    let name = without_password(url);
    if missing_file(url).is_some() {
        return report
            .ok("database", &format!("{name} does not exist yet; the first start creates it"));
    }
    let database = match Database::open(url).await {
        Ok(database) => database,
        Err(error) => {
            let detail = format!(
                "{name} cannot be used: {}; check DATABASE_URL, and that the database runs and accepts the bridge's connection",
                error.chain()
            );
            return report.failed("database", &detail);
        }
    };
    let stores = Stores::new(&database);
    match database.pending_migrations().await {
        Ok(0) => {
            report.ok("database", &format!("{name} is up to date"));
            check_times(config, &stores, clock, report).await;
            check_encryption_key(config, &stores.access, report).await;
            check_notifications(config, &stores.notifications, report).await;
            check_seen_proxies(config, &stores.audit, clock, report).await;
        }
        Ok(pending) => report.warn(
            "database",
            &format!("{name} lacks {pending} migrations; the next start, or `migrate`, runs them"),
        ),
        Err(error) => {
            report.failed("database", &format!("{name} cannot be read: {}", error.chain()));
        }
    }
    stores.close().await;
}

/// Reports the endpoints of outbound webhooks that fail.
async fn check_notifications(config: &Config, store: &NotificationStore, report: &mut Report) {
    for endpoint in &config.notifications {
        let name = &endpoint.name;
        match store.endpoint(&endpoint.workspace, name).await {
            Ok(stored) => match stored.and_then(|stored| stored.standing.failure_of(name)) {
                None => report.ok("notifications", &format!("the endpoint {name} does not fail")),
                Some(failure) => {
                    let detail = format!("{}; {}", failure.detail, failure.remedy);
                    report.warn("notifications", &detail);
                }
            },
            Err(error) => report.failed("notifications", &error.chain()),
        }
    }
}

/// Reports recorded times that lie in the future.
async fn check_times(config: &Config, stores: &Stores, clock: &Clock, report: &mut Report) {
    let now = clock.now();
    let workspaces = config.workspaces();
    for workspace in &workspaces {
        let prefix = if workspaces.len() > 1 {
            format!("workspace {}: ", workspace.name)
        } else {
            String::new()
        };
        match stores.times_ahead(&workspace.name, now).await {
            Ok(None) => {
                report.ok("times", &format!("{prefix}no recorded time lies in the future"));
            }
            Ok(Some(ahead)) => {
                let failure = ahead.failure(now);
                report.warn("times", &format!("{prefix}{}; {}", failure.detail, failure.remedy));
            }
            Err(error) => report.failed("times", &format!("{prefix}{}", error.chain())),
        }
    }
}
