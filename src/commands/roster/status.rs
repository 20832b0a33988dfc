//! `roster status`.

use serde_json::{Value, json};

use crate::commands::error::CommandError;
use crate::commands::output::{print_line, print_table, rfc3339, when, when_known};
use crate::identities::{Identities, Shown};
use crate::stores::StoredVersion;

/// Prints the versions, and what they mean for the accounts.
pub async fn print(identities: &Identities, as_json: bool) -> Result<(), CommandError> {
    let versions = identities.store().versions(identities.workspace()).await?;
    let directory = identities.recorded_directory().await?;
    let shown = Shown { directory: &directory, as_of: None };
    let assessment = identities.assess(shown).await?;
    if as_json {
        let counts = assessment.as_ref().map(|assessment| {
            json!({
                "roster_version": assessment.versions.roster_version,
                "generation": assessment.versions.generation,
                "decisions_version": assessment.versions.decisions_version,
                "accounts": assessment.identities.len(),
                "unmatched": assessment.unmatched.len(),
                "terminated_active": assessment.terminated_count(),
                "ownerless": assessment.ownerless.len(),
                "stale": identities.is_stale(assessment.confirmed_at),
            })
        });
        let versions: Vec<Value> = versions.iter().map(version_document).collect();
        print_line(&json!({"in_force": counts, "versions": versions}).to_string());
        return Ok(());
    }
    let rows: Vec<_> = versions.iter().map(cells).collect();
    print_table(["VERSION", "STATE", "ROWS", "SOURCE", "IMPORTED", "CONFIRMED", "BY"], &rows);
    for version in versions.iter().filter(|version| version.in_force_at.is_none()) {
        print_line(&format!("version {}: {}", version.number, version.reasons.join("; ")));
    }
    let Some(assessment) = assessment else {
        print_line("no roster is in force");
        return Ok(());
    };
    print_line(&format!(
        "{} active accounts: {} without a person, {} of people who have ended, {} service \
         accounts without an active owner",
        assessment.identities.len(),
        assessment.unmatched.len(),
        assessment.terminated_count(),
        assessment.ownerless.len()
    ));
    if identities.is_stale(assessment.confirmed_at) {
        print_line(&format!(
            "the roster is older than roster.max_age: its source was last read on {}",
            when(assessment.confirmed_at)
        ));
    }
    Ok(())
}

fn cells(version: &StoredVersion) -> [String; 7] {
    [
        version.number.to_string(),
        version.state.to_string(),
        version.rows.to_string(),
        version.source.clone(),
        when(version.at),
        when_known(Some(version.confirmed_at)),
        version.by.clone(),
    ]
}

fn version_document(version: &StoredVersion) -> Value {
    json!({
        "version": version.number,
        "state": version.state,
        "source": version.source,
        "sha256": version.sha256,
        "rows": version.rows,
        "at": rfc3339(Some(version.at)),
        "by": version.by,
        "reasons": version.reasons,
        "in_force_at": rfc3339(version.in_force_at),
        "accepted_by": version.accepted_by,
        "confirmed_at": rfc3339(Some(version.confirmed_at)),
    })
}
