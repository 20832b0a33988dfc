//! When clients and tokens were last used, according to the audit trail.

use std::collections::HashMap;

use time::OffsetDateTime;

use crate::config::Config;
use crate::database::DatabaseError;
use crate::stores::AuditStore;

/// Returns when each of these last used the bridge, according to the audit trail. `kind` is the
/// prefix of the id in the trail: `client` or `token`.
pub async fn last_uses(
    store: &AuditStore,
    kind: &str,
    ids: impl Iterator<Item = &str>,
) -> Result<HashMap<String, OffsetDateTime>, DatabaseError> {
    let identities: Vec<String> = ids.map(|id| format!("{kind} {id}")).collect();
    let uses = store.last_uses(&identities).await?;
    let id = |identity: String| {
        identity.split_once(' ').map(|(_, id)| id.to_owned()).unwrap_or_default()
    };
    Ok(uses.into_iter().map(|(identity, at)| (id(identity), at)).collect())
}

/// Prints how far back the last use is known.
pub fn print_last_use_note(config: &Config) {
    eprintln!(
        "LAST USED is known for the last {} days (access.audit_retention_days); - means not used since then.",
        config.access.audit_retention_days
    );
}
