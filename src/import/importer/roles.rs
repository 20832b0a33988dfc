//! Intercom's list of roles, beside the lists that decide access. It never fails an import.

use super::Importer;
use crate::clock;
use crate::directory::{Mode, Observation, RoleList, RoleListState, Warning};
use crate::intercom::read_roles;
use crate::ledger::LedgerError;
use crate::limits;

impl Importer {
    /// Reads the list of roles in a full import, and in an incremental one if a role may have
    /// changed. If Intercom does not respond, the last list stays for a week. If Intercom refuses
    /// the list, the roles are those that people have, until a full import can read it.
    pub(super) async fn with_roles(
        &self,
        mode: Mode,
        mut observation: Observation,
    ) -> Result<Observation, LedgerError> {
        if !self.options.roles {
            observation.roles = Some(RoleList::default());
            return Ok(observation);
        }
        let memory = self.ledger.memory(&self.workspace).await?;
        if mode == Mode::Incremental && !memory.role_list_is_due(&observation) {
            return Ok(observation);
        }
        let detail = match read_roles(&self.client).await {
            Ok((list, skipped)) => {
                observation.roles = Some(list);
                (skipped > 0).then(|| {
                    format!(
                        "{skipped} entries of /roles have no id or no name, so no role counts as removed"
                    )
                })
            }
            Err(error) if error.is_refusal() => {
                let refused = RoleList { state: RoleListState::Refused, ..RoleList::default() };
                observation.roles = Some(refused);
                Some(format!(
                    "{error}; the roles are those that teammates have, until a full import can read the list"
                ))
            }
            Err(error) => {
                let age = memory.roles_read_at.and_then(|at| clock::age(self.clock.now(), at));
                // An unknown age is no reason to drop the list: the clock may have been set back.
                if age.is_some_and(|age| age > limits::ROLES_KEPT) {
                    observation.roles = Some(RoleList::default());
                }
                Some(format!(
                    "{error}; the last list of roles stays for a week, and without one the roles are those that \
                     teammates have"
                ))
            }
        };
        observation.warnings.extend(detail.map(|detail| Warning::new(ROLES_PARTIAL, detail)));
        Ok(observation)
    }
}

/// The warning that the list of roles could not be read, or not in full.
const ROLES_PARTIAL: &str = "roles_partial";
