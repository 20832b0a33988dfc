//! The state of a workspace, and what people do to it. Each deed leaves its entry in the activity log.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// A workspace. Ids count up from a base, as Intercom's do.
#[derive(Clone, Debug)]
pub struct Workspace {
    /// `id_code`.
    pub id_code: String,
    /// What the company calls it.
    pub name: String,
    /// `US`, `EU` or `AU`.
    pub region: String,
    /// The only token that opens it.
    pub access_token: String,
    /// How avatars are written.
    pub avatar_shape: AvatarShape,
    /// Whether `/admins` still shows an older state than single reads do.
    pub(crate) lagging_admins: Option<BTreeMap<u64, Vec<u64>>>,
    pub(crate) admins: BTreeMap<u64, Admin>,
    pub(crate) teams: BTreeMap<u64, Team>,
    pub(crate) log: Vec<Entry>,
    pub(crate) revision: u64,
    next_id: u64,
}

/// Live answers give an object where the description says a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AvatarShape {
    /// `{"type":"avatar","image_url":…}`.
    Object,
    /// The URL alone.
    Text,
}

/// A teammate.
#[derive(Clone, Debug, Default)]
pub struct Admin {
    /// Whole name.
    pub name: String,
    /// Sign-in address.
    pub email: String,
    /// Absent for many.
    pub job_title: Option<String>,
    /// Away now.
    pub away: bool,
    /// Paid seat.
    pub has_inbox_seat: bool,
    /// Role, if any.
    pub role: Option<Role>,
    /// Picture, if any.
    pub avatar_url: Option<String>,
}

/// A role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// A team.
#[derive(Clone, Debug, Default)]
pub struct Team {
    /// Its name.
    pub name: String,
    /// Who is in it.
    pub members: BTreeMap<u64, Option<Priority>>,
    /// Ids that the team lists although no admin lists the team.
    pub one_sided: Vec<u64>,
    /// `manual`, `round_robin`, `load_balanced`.
    pub distribution_method: Option<String>,
    /// For `load_balanced`.
    pub assignment_limit: Option<u32>,
}

/// Priority level of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// First.
    Primary,
    /// Second.
    Secondary,
}

/// An entry of the activity log.
#[derive(Clone, Debug)]
pub struct Entry {
    /// UUID.
    pub id: String,
    /// UNIX seconds.
    pub created_at: i64,
    /// For example `app_admin_join`.
    pub activity_type: String,
    /// Who did it.
    pub performed_by: u64,
    /// Their address then.
    pub performed_by_email: String,
    /// Details.
    pub metadata: Value,
}

impl Workspace {
    /// An empty workspace that `access_token` opens.
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
            log: Vec::new(),
            revision: 0,
            next_id: 4_423_433,
        }
    }

    fn id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// Adds somebody without a trace in the log.
    pub fn add_admin(&mut self, admin: Admin) -> u64 {
        let id = self.id();
        self.admins.insert(id, admin);
        id
    }

    /// Adds a teammate by name, with an address made from it.
    pub fn add_teammate(&mut self, name: &str) -> u64 {
        let email = format!("{}@example.com", name.to_lowercase().replace(' ', "."));
        self.add_admin(Admin { name: name.to_owned(), email, ..Admin::default() })
    }

    /// Adds a team without a trace in the log.
    pub fn add_team(&mut self, name: &str, members: &[u64]) -> u64 {
        let id = self.id();
        let members = members.iter().map(|id| (*id, None)).collect();
        self.teams.insert(id, Team { name: name.to_owned(), members, ..Team::default() });
        id
    }

    /// Somebody accepts an invitation.
    pub fn join(&mut self, admin: Admin, at: i64) -> u64 {
        let (first, last) = split(&admin.name);
        let id = self.add_admin(admin);
        self.note(at, "app_admin_join", id, json!({"admin": {"id": id, "first_name": first, "last_name": last}}));
        id
    }

    /// `by` removes somebody.
    pub fn remove_admin(&mut self, id: u64, by: u64, at: i64) {
        if let Some(admin) = self.admins.remove(&id) {
            let (first, last) = split(&admin.name);
            for team in self.teams.values_mut() {
                team.members.remove(&id);
            }
            self.note(at, "admin_deletion", by, json!({"admin": {"id": id, "first_name": first, "last_name": last}}));
        }
    }

    /// Somebody who was removed is back, under the same id and without a trace in the log.
    pub fn put_back(&mut self, id: u64, admin: Admin) {
        self.admins.insert(id, admin);
    }

    /// Empties the activity log.
    pub fn forget_log(&mut self) {
        self.log.clear();
    }

    /// Somebody signs in.
    pub fn sign_in(&mut self, id: u64, method: &str, at: i64) {
        self.note(at, "admin_login_success", id, json!({"sign_in_method": method}));
    }

    /// Somebody turns two-factor authentication on or off.
    pub fn set_two_factor(&mut self, id: u64, enabled: bool, at: i64) {
        self.note(at, "admin_two_factor_auth_change", id, json!({"enabled": enabled}));
    }

    /// `by` sets somebody's permissions.
    pub fn set_permissions(&mut self, id: u64, by: u64, granted: &[&str], at: i64) {
        let Some((first, last)) = self.admins.get(&id).map(|admin| split(&admin.name)) else { return };
        let none: serde_json::Map<String, Value> =
            PERMISSIONS.iter().map(|name| ((*name).to_owned(), json!(false))).collect();
        let mut after = none.clone();
        after.extend(granted.iter().map(|name| ((*name).to_owned(), json!(true))));
        let metadata = json!({
            "admin": {"id": id, "first_name": first, "last_name": last},
            "before": {"permissions": none, "conversation_access": {}},
            "after": {"permissions": after, "conversation_access": {"access_type": "all"}},
        });
        self.note(at, "admin_permission_change", by, metadata);
    }

    /// Writes an entry into the activity log.
    pub fn note(&mut self, at: i64, activity_type: &str, performed_by: u64, metadata: Value) {
        let performed_by_email = self.admins.get(&performed_by).map(|admin| admin.email.clone()).unwrap_or_default();
        self.log.push(Entry {
            id: uuid(self.log.len() as u64),
            created_at: at,
            activity_type: activity_type.to_owned(),
            performed_by,
            performed_by_email,
            metadata,
        });
    }

    /// An admin, to be changed.
    pub fn admin_mut(&mut self, id: u64) -> Option<&mut Admin> {
        self.admins.get_mut(&id)
    }

    /// A team, to be changed.
    pub fn team_mut(&mut self, id: u64) -> Option<&mut Team> {
        self.teams.get_mut(&id)
    }

    /// Ends a team.
    pub fn remove_team(&mut self, id: u64) {
        self.teams.remove(&id);
    }

    /// The admins by id.
    pub fn admins(&self) -> impl Iterator<Item = (u64, &Admin)> {
        self.admins.iter().map(|(id, admin)| (*id, admin))
    }

    /// The teams by id.
    pub fn teams(&self) -> impl Iterator<Item = (u64, &Team)> {
        self.teams.iter().map(|(id, team)| (*id, team))
    }

    /// From now on the list of admins shows today's memberships, whatever changes; single reads stay true.
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

/// The permissions that Intercom's log names.
const PERMISSIONS: &[&str] = &[
    "access_billing_settings",
    "access_developer_hub",
    "access_product_settings",
    "access_reporting",
    "access_workspace_settings",
    "create_and_edit_bots",
    "export_data",
    "manage_apps_and_integrations",
    "manage_articles",
    "manage_inbox_rules",
    "manage_inbox_views",
    "manage_messages_settings",
    "manage_messenger_settings",
    "manage_saved_replies",
    "manage_tags",
    "manage_teammates",
    "reassign_conversations",
    "redact_conversation_parts",
    "send_messages",
];

fn split(name: &str) -> (String, String) {
    name.split_once(' ').map_or((name.to_owned(), String::new()), |(first, last)| (first.to_owned(), last.to_owned()))
}

/// A version-4-shaped id that depends on the number alone.
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
