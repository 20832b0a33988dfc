//! `roster status`.

use serde_json::json;

use crate::commands::error::CommandError;
use crate::commands::output::{print_line, print_table, when, when_known};
use crate::http::{RosterStatus, RosterVersion};
use crate::identities::{Identities, Shown};

/// Prints the versions, and what they mean for the accounts. The JSON is the response of
/// `GET /api/v1/roster`.
pub async fn print(identities: &Identities, as_json: bool) -> Result<(), CommandError> {
    let directory = identities.recorded_directory().await?;
    let overview = identities.overview(Shown { directory: &directory, as_of: None }).await?;
    let status = RosterStatus::new(identities, overview);
    if as_json {
        print_line(&json!(status).to_string());
    } else {
        print_text(&status);
    }
    Ok(())
}

fn print_text(status: &RosterStatus) {
    let rows: Vec<_> = status.versions.iter().map(cells).collect();
    print_table(["VERSION", "STATE", "ROWS", "SOURCE", "IMPORTED", "CONFIRMED", "BY"], &rows);
    for version in status.versions.iter().filter(|version| version.in_force_at.is_none()) {
        print_line(&format!("version {}: {}", version.version, version.reasons.join("; ")));
    }
    let Some(figures) = &status.in_force else {
        print_line("no roster is in force");
        return;
    };
    print_line(&format!(
        "{} active accounts: {} without a person, {} of people who have left, {} service \
         accounts without an active owner",
        figures.accounts, figures.unmatched, figures.terminated_active, figures.ownerless
    ));
    let mut versions = status.versions.iter();
    let in_force = versions.find(|version| version.version == figures.roster_version);
    if let Some(version) = in_force.filter(|_| figures.stale) {
        print_line(&format!(
            "the roster is older than roster.max_age: its source was last read on {}",
            when(version.confirmed_at)
        ));
    }
}

fn cells(version: &RosterVersion) -> [String; 7] {
    [
        version.version.to_string(),
        version.state.to_string(),
        version.rows.to_string(),
        version.source.clone(),
        when(version.at),
        when_known(Some(version.confirmed_at)),
        version.by.clone(),
    ]
}
