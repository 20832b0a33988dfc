//! The table of settings, one file for each section or group of small ones.

mod access;
mod activity;
mod console;
mod import;
mod intercom;
mod limits;
mod notifications;
mod posture;
mod roster;
mod serve;
mod server;
mod telemetry;
mod workspaces;

use std::sync::LazyLock;

pub use access::{Access, Issuer};
pub use activity::Activity;
pub use console::ConsoleOidc;
pub use import::Import;
pub use intercom::{Database, Intercom};
pub use limits::Limits;
pub(super) use notifications::NotificationTable;
pub(super) use posture::ExceptionTable;
pub use posture::Posture;
pub use roster::{Roster, RosterPull};
pub use serve::{Reviews, Scim, Seats, Serve};
pub use server::Server;
pub use telemetry::{LogFormat, Telemetry};
pub(super) use workspaces::WorkspaceTable;

use super::setting::Setting;

/// Returns all settings, in the order of `config/default.toml`. Those of the lists come last.
pub(super) fn settings() -> &'static [Setting] {
    static SETTINGS: LazyLock<Vec<Setting>> = LazyLock::new(|| {
        [
            Server::settings(),
            Database::settings(),
            Intercom::settings(),
            Import::settings(),
            Activity::settings(),
            Serve::settings(),
            Scim::settings(),
            Reviews::settings(),
            Seats::settings(),
            Posture::settings(),
            Roster::settings(),
            RosterPull::settings(),
            Access::settings(),
            ConsoleOidc::settings(),
            Limits::settings(),
            Telemetry::settings(),
            WorkspaceTable::settings(),
            NotificationTable::settings(),
            ExceptionTable::settings(),
            Issuer::settings(),
        ]
        .into_iter()
        .flatten()
        .collect()
    });
    &SETTINGS
}

/// Returns the setting with this key.
pub(super) fn setting(key: &str) -> Option<&'static Setting> {
    settings().iter().find(|setting| setting.key == key)
}

/// Returns the allowed values of a setting, as the rest of the sentence "It must be …".
pub(super) fn allowed(key: &str) -> &'static str {
    setting(key).map_or("another value", |setting| setting.allowed.as_str())
}
