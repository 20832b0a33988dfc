//! What people do with teams. Everything except renaming adds an entry to the activity log, as in
//! Intercom. Times are UNIX seconds.

use serde_json::{Value, json};

use crate::workspace::{Team, Workspace};

impl Workspace {
    /// Creates a team on behalf of `by`. Returns its id.
    pub fn create_team(&mut self, name: &str, members: &[u64], by: u64, at: i64) -> u64 {
        let id = self.add_team(name, members);
        let metadata = json!({
            "team": {"id": id, "name": name, "member_count": members.len()},
        });
        self.note(at, "app_team_creation", by, metadata);
        id
    }

    /// Renames a team. Intercom's log has no type for this.
    pub fn rename_team(&mut self, id: u64, name: &str) {
        if let Some(team) = self.teams.get_mut(&id) {
            name.clone_into(&mut team.name);
        }
    }

    /// Deletes a team on behalf of `by`.
    pub fn delete_team(&mut self, id: u64, by: u64, at: i64) {
        if let Some(team) = self.teams.remove(&id) {
            let metadata = json!({
                "team": {"id": id, "name": team.name, "member_count": team.members.len()},
            });
            self.note(at, "app_team_deletion", by, metadata);
        }
    }

    /// Adds members to a team and removes others, on behalf of `by`.
    pub fn change_members(&mut self, id: u64, add: &[u64], remove: &[u64], by: u64, at: i64) {
        let known: Vec<u64> =
            add.iter().copied().filter(|admin| self.admins.contains_key(admin)).collect();
        let Some(team) = self.teams.get_mut(&id) else { return };
        let members = |team: &Team| -> Value { team.members.keys().copied().collect() };
        let before = members(team);
        team.members.extend(known.into_iter().map(|admin| (admin, None)));
        team.members.retain(|admin, _| !remove.contains(admin));
        let after = members(team);
        if before == after {
            return;
        }
        let metadata = json!({
            "team": {"id": id, "name": team.name},
            "before": {"admin_ids": before},
            "after": {"admin_ids": after},
        });
        self.note(at, "app_team_membership_modification", by, metadata);
    }

    /// Sets how many conversations a member of a team gets at most.
    pub fn set_assignment_limit(&mut self, id: u64, limit: u32, by: u64, at: i64) {
        let Some(team) = self.teams.get_mut(&id) else { return };
        team.distribution_method = Some("load_balanced".to_owned());
        team.assignment_limit = Some(limit);
        let metadata = json!({
            "team": {"id": id, "name": team.name}, "team_assignment_limit": limit,
        });
        self.note(at, "team_assignment_limit_change", by, metadata);
    }
}
