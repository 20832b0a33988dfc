//! Intercom's list of roles, beside the lists that decide access. It never fails an import.

use super::Importer;
use crate::clock;
use crate::directory::{Mode, Observation, RoleList, Warning};
use crate::intercom::read_roles;
use crate::ledger::LedgerError;
use crate::limits;

/// The entries of the activity log after which the list is read again.
const ROLE_ENTRIES: [&str; 3] = ["role_creation", "role_change", "role_deletion"];

impl Importer {
    /// Reads the list of roles in a full import, and when the activity log says that a role changed.
    /// If the list cannot be read, the last one stays for a week; then the roles are those that
    /// people have.
    pub(super) async fn with_roles(
        &self,
        mode: Mode,
        mut observation: Observation,
    ) -> Result<Observation, LedgerError> {
        if !self.options.roles {
            observation.roles = Some(RoleList::default());
            return Ok(observation);
        }
        let mut entries = observation.activity.iter();
        let is_due =
            mode == Mode::Full || entries.any(|entry| ROLE_ENTRIES.contains(&entry.kind.as_str()));
        if !is_due {
            return Ok(observation);
        }
        match read_roles(&self.client).await {
            Ok((list, skipped)) => {
                if skipped > 0 {
                    let detail = format!(
                        "{skipped} entries of /roles have no id or no name, so no role counts as removed"
                    );
                    observation.warnings.push(Warning::new(ROLES_PARTIAL, detail));
                }
                observation.add_roles(list);
            }
            Err(error) => {
                let detail = format!(
                    "{error}; the last list of roles stays for a week, and without one the roles are those that \
                     teammates have"
                );
                observation.warnings.push(Warning::new(ROLES_PARTIAL, detail));
                let read_at = self.ledger.memory(&self.workspace).await?.roles_read_at;
                let age = read_at.and_then(|at| clock::age(self.clock.now(), at));
                if age.is_none_or(|age| age > limits::ROLES_KEPT) {
                    observation.roles = Some(RoleList::default());
                }
            }
        }
        Ok(observation)
    }
}

/// The warning that the list of roles could not be read, or not in full.
const ROLES_PARTIAL: &str = "roles_partial";
