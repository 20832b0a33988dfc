//! The state with what several rules ask of it, computed once.

use std::collections::HashMap;

use time::{Duration, OffsetDateTime};

use super::log::kind;
use super::outcome::{Draft, Evidence};
use super::state::{Account, State};
use super::status::Status;
use crate::directory::{
    Activity, User, UserId, UserKind, account_id, is_machine_address, user_name,
};

/// The permissions that together make an account privileged, as the activity log names them.
const PRIVILEGED: [&str; 2] = ["manage_teammates", "access_workspace_settings"];

/// The permission to export data, as the activity log names it.
const EXPORT: &str = "export_data";

/// The state, and indexes of it.
pub struct Facts<'a> {
    /// The state.
    pub state: &'a State<'a>,
    /// The accounts of people that are in the workspace, sorted by id. Bots are left out: Intercom
    /// owns them.
    pub active: Vec<Active<'a>>,
    by_id: HashMap<&'a UserId, &'a Account<'a>>,
    by_kind: HashMap<&'a str, Vec<&'a Activity>>,
}

/// An active account.
#[derive(Clone, Copy)]
pub struct Active<'a> {
    /// The teammate.
    pub user: &'a User,
    /// When the bridge first saw the account.
    pub first_seen: OffsetDateTime,
    /// Whether it is privileged.
    pub privilege: Privilege,
}

/// Whether an account is privileged, and how that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Privilege {
    /// The name of its role says so.
    ByRole,
    /// It holds the permissions.
    ByPermissions,
    /// It is not.
    No,
    /// Neither role nor permissions tell.
    Unknown,
}

/// Who caused an event.
#[derive(Clone, Copy)]
pub enum Performer<'a> {
    /// A person in the workspace.
    Active(Active<'a>),
    /// A person who is not in the workspace any more.
    Gone,
    /// Intercom's bot.
    Machine,
    /// The entry does not say.
    Unknown,
}

impl Privilege {
    /// Whether the account is known to be privileged.
    pub fn is_privileged(self) -> bool {
        matches!(self, Self::ByRole | Self::ByPermissions)
    }

    /// A word for evidence.
    pub fn word(self) -> &'static str {
        match self {
            Self::ByRole => "role",
            Self::ByPermissions => "permissions",
            Self::No => "no",
            Self::Unknown => "unknown",
        }
    }
}

impl<'a> Facts<'a> {
    /// Computes the indexes.
    #[must_use]
    pub fn new(state: &'a State<'a>) -> Self {
        let is_person = |user: &User| user.kind() == UserKind::Teammate;
        let mut active: Vec<Active<'a>> = state
            .accounts
            .iter()
            .filter(|account| account.user.active && is_person(account.user))
            .map(|account| Active {
                user: account.user,
                first_seen: account.first_seen,
                privilege: privilege(state, account.user),
            })
            .collect();
        active.sort_by(|a, b| a.user.id.cmp(&b.user.id));
        let mut by_kind: HashMap<&str, Vec<&Activity>> = HashMap::new();
        for entry in state.log.entries.iter().filter(|entry| entry.at <= state.now) {
            by_kind.entry(entry.kind.as_str()).or_default().push(entry);
        }
        for entries in by_kind.values_mut() {
            entries.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
        }
        let by_id = state.accounts.iter().map(|account| (&account.user.id, account)).collect();
        Self { state, active, by_id, by_kind }
    }

    /// The entries of a kind up to now, oldest first.
    pub fn entries(&self, kind: &str) -> &[&'a Activity] {
        self.by_kind.get(kind).map_or(&[], Vec::as_slice)
    }

    /// The entries of some kinds within `posture.window`, oldest first of each kind.
    pub fn recent<'s>(&'s self, kinds: &'s [&str]) -> impl Iterator<Item = &'a Activity> + 's {
        let first = self.before(self.state.settings.window);
        let entries = kinds.iter().flat_map(|kind| self.entries(kind)).copied();
        entries.filter(move |entry| entry.at >= first)
    }

    /// The moment this long before now.
    #[must_use]
    pub fn before(&self, span: Duration) -> OffsetDateTime {
        self.state.now.checked_sub(span).unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }

    /// The account with an id, active or not.
    #[must_use]
    pub fn account(&self, id: &UserId) -> Option<&'a Account<'a>> {
        self.by_id.get(id).copied()
    }

    /// The active account with an id.
    #[must_use]
    pub fn active(&self, id: &UserId) -> Option<&Active<'a>> {
        let place = self.active.binary_search_by(|active| active.user.id.cmp(id)).ok()?;
        self.active.get(place)
    }

    /// Who caused an event.
    #[must_use]
    pub fn performer(&self, entry: &Activity) -> Performer<'a> {
        let Some(actor) = &entry.performed_by else { return Performer::Unknown };
        if actor.email.as_deref().is_some_and(is_machine_address) {
            return Performer::Machine;
        }
        let Some(id) = &actor.id else { return Performer::Unknown };
        let account = self.account(id);
        if account.is_some_and(|account| account.user.kind() == UserKind::Bot) {
            return Performer::Machine;
        }
        self.active(id).map_or(Performer::Gone, |active| Performer::Active(*active))
    }

    /// The display name of the actor: the address at that time, else an id.
    #[must_use]
    pub fn performer_name(&self, entry: &Activity) -> Option<String> {
        let actor = entry.performed_by.as_ref()?;
        let account = || self.account(actor.id.as_ref()?).map(|account| user_name(account.user));
        actor.email.clone().or_else(account).or_else(|| actor.id.as_ref().map(account_id))
    }

    /// The accounts that are known to be privileged.
    #[must_use]
    pub fn privileged(&self) -> Vec<&Active<'a>> {
        self.active.iter().filter(|account| account.privilege.is_privileged()).collect()
    }

    /// The ids of the active accounts of which it is unknown whether they are privileged.
    #[must_use]
    pub fn undecided(&self) -> Vec<String> {
        let undecided = self.active.iter().filter(|one| one.privilege == Privilege::Unknown);
        undecided.map(|one| account_id(&one.user.id)).collect()
    }

    /// When each person's second factor was last switched on or off, according to the log.
    #[must_use]
    pub fn second_factor_since(&self) -> HashMap<UserId, OffsetDateTime> {
        let entries = self.entries(kind::SECOND_FACTOR).iter();
        entries.filter_map(|entry| Some((entry.subject()?, entry.at))).collect()
    }
}

fn privilege(state: &State<'_>, user: &User) -> Privilege {
    let by_permissions = || match user.permissions.as_deref() {
        None => Privilege::Unknown,
        Some(held) if PRIVILEGED.iter().all(|wanted| held.iter().any(|one| one == wanted)) => {
            Privilege::ByPermissions
        }
        Some(_) => Privilege::No,
    };
    if state.settings.privileged_roles.is_empty() {
        return by_permissions();
    }
    match user.role.as_ref().and_then(|role| role.name.as_deref()) {
        Some(role) if state.settings.is_privileged_role(role) => Privilege::ByRole,
        Some(_) => Privilege::No,
        None => by_permissions(),
    }
}

impl Active<'_> {
    /// Whether the account may export data; `None` if its permissions are unknown.
    pub fn may_export(&self) -> Option<bool> {
        Some(self.user.permissions.as_deref()?.iter().any(|held| held == EXPORT))
    }

    /// The name of the role.
    pub fn role(&self) -> Option<&str> {
        let role = self.user.role.as_ref()?;
        Some(role.name.as_deref().unwrap_or(&role.id))
    }

    /// When the teammate joined. If that is unknown, when the bridge first saw the account.
    pub fn joined_at(&self) -> OffsetDateTime {
        self.user.joined_at.unwrap_or(self.first_seen)
    }

    /// A finding about the account.
    pub fn finding(&self, status: Status, message: String, evidence: Evidence) -> Draft {
        Draft {
            subject: account_id(&self.user.id),
            name: Some(user_name(self.user)),
            address: self.user.email.clone(),
            status,
            severity: None,
            message,
            evidence,
            count: 1,
        }
    }

    /// The display name of the account.
    pub fn name(&self) -> String {
        user_name(self.user)
    }
}
