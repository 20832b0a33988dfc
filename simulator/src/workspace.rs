//! The state of a workspace, and changes of it that leave no trace in the activity log.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::configuration::Configuration;

/// A workspace. Ids are counted up from a base, as in Intercom.
#[derive(Clone, Debug)]
pub struct Workspace {
    /// Intercom's `id_code` of the workspace.
    pub id_code: String,
    /// The name of the workspace.
    pub name: String,
    /// The region: `US`, `EU` or `AU`.
    pub region: String,
    /// The access token. Tokens granted by OAuth are valid too.
    pub access_token: String,
    /// The JSON form of avatars.
    pub avatar_shape: AvatarShape,
    /// The memberships by admin that `/admins` shows, if that list lags behind reads of single
    /// admins.
    pub(crate) lagging_admins: Option<BTreeMap<u64, Vec<u64>>>,
    pub(crate) admins: BTreeMap<u64, Admin>,
    pub(crate) teams: BTreeMap<u64, Team>,
    /// The open invitations, by address.
    pub(crate) invitations: BTreeMap<String, Invitation>,
    /// The descriptions of roles that exist whether somebody has them or not, by id.
    pub(crate) listed_roles: BTreeMap<String, (String, Option<String>)>,
    /// Settings, roles, apps, secrets and rules.
    pub(crate) configuration: Configuration,
    /// The answer to `GET /ip_allowlist`; `None` if the token may not read it.
    pub ip_allowlist: Option<Value>,
    /// The entries of `GET /data_connectors`; `None` if the token may not read them.
    pub data_connectors: Option<Vec<Value>>,
    pub(crate) log: Vec<Entry>,
    pub(crate) revision: u64,
    next_id: u64,
}

/// The JSON form of an avatar. Intercom's responses contain an object, although its API description
/// says string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AvatarShape {
    /// `{"type":"avatar","image_url":…}`.
    Object,
    /// The URL as a string.
    Text,
}

/// A teammate.
#[derive(Clone, Debug, Default)]
pub struct Admin {
    /// The full name.
    pub name: String,
    /// The sign-in address.
    pub email: String,
    /// The job title; many admins have none.
    pub job_title: Option<String>,
    /// Whether the admin is away.
    pub away: bool,
    /// Whether the admin has a paid inbox seat.
    pub has_inbox_seat: bool,
    /// The role, if any.
    pub role: Option<Role>,
    /// The URL of the avatar, if any.
    pub avatar_url: Option<String>,
    /// The permissions. Only the activity log shows them.
    pub permissions: BTreeSet<String>,
    /// Whether two-factor authentication is on. Only the activity log shows it.
    pub two_factor: bool,
}

/// An open invitation. Only the activity log shows it.
#[derive(Clone, Debug)]
pub struct Invitation {
    /// The role that the invited person will have.
    pub role: Role,
    /// When it was sent, in UNIX seconds.
    pub sent_at: i64,
}

/// A role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// The id.
    pub id: String,
    /// The name.
    pub name: String,
}

/// A team.
#[derive(Clone, Debug, Default)]
pub struct Team {
    /// The name.
    pub name: String,
    /// The ids of the members, with their priority levels.
    pub members: BTreeMap<u64, Option<Priority>>,
    /// Ids that the team lists although the admins do not list the team.
    pub one_sided: Vec<u64>,
    /// The distribution method: `manual`, `round_robin` or `load_balanced`.
    pub distribution_method: Option<String>,
    /// The assignment limit, for `load_balanced`.
    pub assignment_limit: Option<u32>,
}

/// The priority level of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// Gets the team's conversations first.
    Primary,
    /// Gets them if no primary member is free.
    Secondary,
}

/// An entry of the activity log.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The id, a UUID.
    pub id: String,
    /// The time in UNIX seconds.
    pub created_at: i64,
    /// The type, for example `app_admin_join`.
    pub activity_type: String,
    /// The id of the admin who did it.
    pub performed_by: u64,
    /// The address of that admin at the time.
    pub performed_by_email: String,
    /// The details; their shape depends on the type.
    pub metadata: Value,
}

impl Workspace {
    /// Creates an empty workspace with this access token.
    pub fn new(access_token: impl Into<String>) -> Self {
        Self {
            id_code: "wjw5eps7".to_owned(),
            name: "Northwind Support".to_owned(),
            region: "US".to_owned(),
            access_token: access_token.into(),
            avatar_shape: AvatarShape::Object,
            lagging_admins: None,
            admins: BTreeMap::new(),
            teams: BTreeMap::new(),
            invitations: BTreeMap::new(),
            listed_roles: BTreeMap::new(),
            configuration: Configuration::default(),
            ip_allowlist: None,
            data_connectors: None,
            log: Vec::new(),
            revision: 0,
            next_id: 4_423_433,
        }
    }

    fn id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// Adds an admin without an entry in the log.
    pub fn add_admin(&mut self, admin: Admin) -> u64 {
        let id = self.id();
        self.admins.insert(id, admin);
        id
    }

    /// Adds an admin by name, with an address derived from it, and without an entry in the log.
    pub fn add_teammate(&mut self, name: &str) -> u64 {
        let email = format!("{}@example.com", name.to_lowercase().replace(' ', "."));
        self.add_admin(Admin { name: name.to_owned(), email, ..Admin::default() })
    }

    /// Adds a role to the list of roles, or changes its name and description there.
    pub fn list_role(&mut self, role: &Role, description: Option<&str>) {
        let listed = (role.name.clone(), description.map(str::to_owned));
        self.listed_roles.insert(role.id.clone(), listed);
    }

    /// Removes a role from the list of roles. It stays there as long as an admin has it.
    pub fn unlist_role(&mut self, id: &str) {
        self.listed_roles.remove(id);
    }

    /// Adds a team without an entry in the log.
    pub fn add_team(&mut self, name: &str, members: &[u64]) -> u64 {
        let id = self.id();
        let members = members.iter().map(|id| (*id, None)).collect();
        self.teams.insert(id, Team { name: name.to_owned(), members, ..Team::default() });
        id
    }

    /// Restores a removed admin with the same id, without an entry in the log.
    pub fn put_back(&mut self, id: u64, admin: Admin) {
        self.admins.insert(id, admin);
    }

    /// Empties the activity log.
    pub fn forget_log(&mut self) {
        self.log.clear();
    }

    /// Adds an entry to the activity log.
    pub fn note(&mut self, at: i64, activity_type: &str, performed_by: u64, metadata: Value) {
        let performed_by_email =
            self.admins.get(&performed_by).map(|admin| admin.email.clone()).unwrap_or_default();
        self.log.push(Entry {
            id: uuid(self.log.len() as u64),
            created_at: at,
            activity_type: activity_type.to_owned(),
            performed_by,
            performed_by_email,
            metadata,
        });
    }

    /// Returns an admin to be changed.
    pub fn admin_mut(&mut self, id: u64) -> Option<&mut Admin> {
        self.admins.get_mut(&id)
    }

    /// Returns a team to be changed.
    pub fn team_mut(&mut self, id: u64) -> Option<&mut Team> {
        self.teams.get_mut(&id)
    }

    /// Removes a team, without an entry in the log.
    pub fn remove_team(&mut self, id: u64) {
        self.teams.remove(&id);
    }

    /// The admins, ordered by id.
    pub fn admins(&self) -> impl Iterator<Item = (u64, &Admin)> {
        self.admins.iter().map(|(id, admin)| (*id, admin))
    }

    /// The ids of the people: all admins but the bot.
    pub(crate) fn people(&self) -> impl Iterator<Item = u64> {
        let people = self.admins().filter(|(_, admin)| !admin.email.starts_with("operator+"));
        people.map(|(id, _)| id)
    }

    /// The teams, ordered by id.
    pub fn teams(&self) -> impl Iterator<Item = (u64, &Team)> {
        self.teams.iter().map(|(id, team)| (*id, team))
    }

    /// Freezes the memberships in the list of admins at the current state. Reads of single admins
    /// stay up to date.
    pub fn let_admin_list_lag(&mut self) {
        self.lagging_admins = Some(self.memberships_by_admin());
    }

    pub(crate) fn memberships_by_admin(&self) -> BTreeMap<u64, Vec<u64>> {
        let mut by_admin: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
        for (team_id, team) in &self.teams {
            for admin_id in team.members.keys() {
                by_admin.entry(*admin_id).or_default().push(*team_id);
            }
        }
        by_admin
    }
}

/// An id in the form of a UUID version 4, derived from the number alone.
fn uuid(number: u64) -> String {
    let mixed = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    format!(
        "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
        mixed >> 32,
        (mixed >> 16) & 0xffff,
        (mixed >> 4) & 0xfff,
        mixed & 0xfff,
        number
    )
}
