//! Invitations, as the activity log shows them. Intercom has no list of them.
//!
//! An invitation is *pending* until the invited person joins or it is withdrawn. Four kinds of log
//! entries record this ([`InvitationEvent::KINDS`]). Intercom does not document their metadata, so
//! it is read softly:
//!
//! * An address is the text of a member with one of the names in [`ADDRESS_NAMES`], or in a list or
//!   object below one, for example `email`, `invitee_email` or `invitee.emails`. Without such a
//!   member, it is the only address anywhere in the metadata. Members about the person who invited
//!   ([`INVITER_NAMES`]), and that person's address, do not count.
//! * The id of an invitation is `id` of an object `invite`, `invitation` or `admin_invite`, or a
//!   member such as `invitation_id`.
//! * The role is the name in `role` or `after.role`.
//!
//! Entries about one invitation are joined by its address and by its id. A join belongs to the
//! invitation of an address if its metadata names the address, if the person who performed it has
//! or had that address, or if the person's account has it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde_json::Value;
use time::OffsetDateTime;

use super::text::folded;
use super::{Activity, Actor, Directory, UserId, id_text};

/// What an entry says about an invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum InvitationStep {
    /// It was sent.
    Sent,
    /// Its role or permissions were changed.
    Changed,
    /// It was withdrawn.
    Withdrawn,
    /// A person joined the workspace.
    Joined,
}

/// An entry of the activity log about invitations, as far as it could be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvitationEvent {
    /// What happened.
    pub step: InvitationStep,
    /// Intercom's id of the entry.
    pub entry: String,
    /// The time of the entry.
    pub at: OffsetDateTime,
    /// The addresses that it names, as written. An entry can record several invitations.
    pub addresses: Vec<String>,
    /// Intercom's id of the invitation.
    pub invitation: Option<String>,
    /// The name of the role.
    pub role: Option<String>,
    /// Who invited, changed or withdrew. Of a join: who joined.
    pub by: Option<Actor>,
    /// Of a join: the id of the account.
    pub joined: Option<UserId>,
}

/// The names of members that hold addresses of invited people, without regard to case and
/// separators.
pub const ADDRESS_NAMES: [&str; 12] = [
    "address",
    "email",
    "emailaddress",
    "emails",
    "invitedemail",
    "invitedemails",
    "inviteeemail",
    "inviteeemails",
    "inviteemail",
    "recipient",
    "recipients",
    "to",
];

/// The names of members about the person who invited, or about a state before. What is below them
/// is no address of the invitation.
pub const INVITER_NAMES: [&str; 8] =
    ["actor", "before", "by", "createdby", "invitedby", "inviter", "performedby", "sender"];

impl InvitationEvent {
    /// The kinds of entries, with what they say.
    pub const KINDS: [(&'static str, InvitationStep); 4] = [
        ("admin_invite_creation", InvitationStep::Sent),
        ("admin_invite_change", InvitationStep::Changed),
        ("admin_invite_deletion", InvitationStep::Withdrawn),
        ("app_admin_join", InvitationStep::Joined),
    ];

    /// Reads an entry. `None` if it is of another kind.
    #[must_use]
    pub fn read(entry: &Activity) -> Option<Self> {
        let (_, step) = Self::KINDS.into_iter().find(|(kind, _)| *kind == entry.kind)?;
        let metadata = entry.metadata.value();
        let by = entry.performed_by.clone();
        let own = by.as_ref().and_then(|actor| actor.email.as_deref());
        let own = own.filter(|_| step != InvitationStep::Joined);
        let text = |pointer: &str| metadata.pointer(pointer).and_then(Value::as_str);
        let role = ["/after/role/name", "/role/name", "/after/role", "/role"];
        Some(Self {
            step,
            entry: entry.id.clone(),
            at: entry.at,
            addresses: addresses(&metadata, own),
            invitation: invitation_id(&metadata),
            role: role.into_iter().find_map(text).map(str::to_owned),
            joined: entry.subject().filter(|_| step == InvitationStep::Joined),
            by,
        })
    }
}

/// An invitation that is pending, as far as the log shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// Identifies the invitation: `inv_` and the id of the entry of the log that records it first.
    /// A number follows if one entry records several invitations.
    pub id: String,
    /// The invited address. `None` if the log does not name it in a form that the bridge can read.
    /// Then it is unknown whether the person has joined.
    pub email: Option<String>,
    /// When it was sent first. `None` if only a later change is in the log.
    pub invited_at: Option<OffsetDateTime>,
    /// When it was sent last.
    pub last_sent_at: Option<OffsetDateTime>,
    /// When its role or permissions were last changed.
    pub changed_at: Option<OffsetDateTime>,
    /// Who sent it last, or changed it if the log does not tell who sent it.
    pub invited_by: Option<Actor>,
    /// The name of the role that the person will have.
    pub role: Option<String>,
    /// Intercom's id of the newest entry of the log about it.
    pub entry: String,
}

/// The pending invitations of a workspace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Invitations {
    /// Those whose address is known, by address; then the others, by time.
    pub pending: Vec<Invitation>,
    /// How many entries about withdrawals name neither an address nor an invitation. Each of them
    /// may concern an invitation that is listed.
    pub unreadable_withdrawals: usize,
}

impl Invitations {
    /// The number of invitations of which the address is unknown.
    #[must_use]
    pub fn without_address(&self) -> usize {
        self.pending.iter().filter(|invitation| invitation.email.is_none()).count()
    }
}

/// What entries about the same invitation have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Key {
    /// The address, as [`folded`] returns it.
    Address(String),
    /// Intercom's id of the invitation.
    Id(String),
    /// Nothing: the id of the entry.
    Entry(String),
}

/// Returns the invitations that are pending. The order of the entries does not matter. An address
/// that an active account of the directory has is not pending, whatever the log says.
///
/// If an invitation and the join or withdrawal have the same time, it is not pending: entries have
/// whole seconds, and their order within one is unknown.
#[must_use]
pub fn pending_invitations(events: &[InvitationEvent], directory: &Directory) -> Invitations {
    let addresses_of_ids = addresses_of_ids(events);
    let keys = |event: &InvitationEvent| keys_of(event, &addresses_of_ids, directory);
    let mut closed: HashMap<Key, OffsetDateTime> = HashMap::new();
    let mut unreadable_withdrawals = 0;
    for event in events {
        if matches!(event.step, InvitationStep::Withdrawn | InvitationStep::Joined) {
            for key in keys(event) {
                unreadable_withdrawals += usize::from(
                    event.step == InvitationStep::Withdrawn && matches!(key, Key::Entry(_)),
                );
                closed.entry(key).and_modify(|at| *at = event.at.max(*at)).or_insert(event.at);
            }
        }
    }
    let active = directory.people.iter().filter(|person| person.user.active);
    let taken: HashSet<String> = active
        .filter_map(|person| person.user.email.as_deref())
        .map(|email| folded(email.trim()).into_owned())
        .collect();
    let mut open: BTreeMap<Key, Vec<&InvitationEvent>> = BTreeMap::new();
    for event in events {
        if matches!(event.step, InvitationStep::Sent | InvitationStep::Changed) {
            for key in keys(event) {
                let is_taken = matches!(&key, Key::Address(address) if taken.contains(address));
                if !is_taken && closed.get(&key).is_none_or(|closed| event.at > *closed) {
                    open.entry(key).or_default().push(event);
                }
            }
        }
    }
    let mut pending: Vec<Invitation> =
        open.iter().filter_map(|(key, events)| invitation(key, events)).collect();
    let rank = |one: &Invitation| (one.email.is_none(), one.email.as_deref().map(fold));
    pending.sort_by(|a, b| {
        rank(a).cmp(&rank(b)).then_with(|| (a.last_at(), &a.id).cmp(&(b.last_at(), &b.id)))
    });
    Invitations { pending, unreadable_withdrawals }
}

impl Invitation {
    /// The time of the newest entry about it.
    #[must_use]
    pub fn last_at(&self) -> Option<OffsetDateTime> {
        self.last_sent_at.max(self.changed_at)
    }
}

fn fold(text: &str) -> String {
    folded(text.trim()).into_owned()
}

/// Puts the open entries about one invitation together.
fn invitation(key: &Key, events: &[&InvitationEvent]) -> Option<Invitation> {
    let mut events = events.to_vec();
    // Within one second, a change follows the invitation.
    events.sort_by(|a, b| (a.at, a.step, &a.entry).cmp(&(b.at, b.step, &b.entry)));
    events.dedup_by(|a, b| a.entry == b.entry);
    let (first, last) = (*events.first()?, *events.last()?);
    let of = |step| events.iter().filter(move |event| event.step == step);
    let sent = of(InvitationStep::Sent).next_back();
    let newest = || events.iter().rev();
    let (email, number) = match key {
        Key::Address(address) => {
            let shown = |event: &&InvitationEvent| {
                event.addresses.iter().find(|one| fold(one) == *address).cloned()
            };
            let shown = newest().find_map(shown).unwrap_or_else(|| address.clone());
            let of_first: BTreeSet<String> = first.addresses.iter().map(|one| fold(one)).collect();
            let number = of_first.iter().position(|one| one == address).unwrap_or_default();
            (Some(shown), number)
        }
        Key::Id(_) | Key::Entry(_) => (None, 0),
    };
    let id = match number {
        0 => format!("inv_{}", first.entry),
        number => format!("inv_{}.{}", first.entry, number + 1),
    };
    Some(Invitation {
        id,
        email,
        invited_at: of(InvitationStep::Sent).next().map(|event| event.at),
        last_sent_at: sent.map(|event| event.at),
        changed_at: of(InvitationStep::Changed).next_back().map(|event| event.at),
        invited_by: sent.unwrap_or(&last).by.clone(),
        role: newest().find_map(|event| event.role.clone()),
        entry: last.entry.clone(),
    })
}

/// Returns the addresses that entries name together with an id of an invitation.
fn addresses_of_ids(events: &[InvitationEvent]) -> HashMap<&str, BTreeSet<String>> {
    let mut known: HashMap<&str, BTreeSet<String>> = HashMap::new();
    for event in events {
        if let Some(id) = &event.invitation {
            known.entry(id).or_default().extend(event.addresses.iter().map(|one| fold(one)));
        }
    }
    known
}

/// Returns the keys of all invitations that an entry concerns.
fn keys_of(
    event: &InvitationEvent,
    addresses_of_ids: &HashMap<&str, BTreeSet<String>>,
    directory: &Directory,
) -> BTreeSet<Key> {
    let mut addresses: BTreeSet<String> = event.addresses.iter().map(|one| fold(one)).collect();
    if event.step == InvitationStep::Joined {
        let actor = event.by.as_ref();
        addresses.extend(actor.and_then(|actor| actor.email.as_deref()).map(fold));
        let ids = [actor.and_then(|actor| actor.id.as_ref()), event.joined.as_ref()];
        let people = ids.into_iter().flatten().filter_map(|id| directory.person(id));
        addresses.extend(people.filter_map(|person| person.user.email.as_deref()).map(fold));
    }
    let mut keys = BTreeSet::new();
    if let Some(id) = &event.invitation {
        let joined = event.step == InvitationStep::Joined;
        // A person can join under another address than the invited one.
        if addresses.is_empty() || joined {
            let of_id = addresses_of_ids.get(id.as_str());
            addresses.extend(of_id.into_iter().flatten().cloned());
        }
        if addresses.is_empty() || joined {
            keys.insert(Key::Id(id.clone()));
        }
    }
    keys.extend(addresses.into_iter().map(Key::Address));
    if keys.is_empty() {
        keys.insert(Key::Entry(event.entry.clone()));
    }
    keys
}

/// Returns the addresses of invited people in the metadata. `own` is the address of the person who
/// performed the entry.
fn addresses(metadata: &Value, own: Option<&str>) -> Vec<String> {
    let mut found = Found::default();
    found.collect_from(metadata, false);
    let is_own = |one: &String| own.is_some_and(|own| fold(own) == fold(one));
    let named: Vec<String> = found.named.into_iter().filter(|one| !is_own(one)).collect();
    if !named.is_empty() {
        return named;
    }
    let mut others = found.others.into_iter().filter(|one| !is_own(one));
    match (others.next(), others.next()) {
        (Some(only), None) => vec![only],
        _ => Vec::new(),
    }
}

/// The addresses in a piece of metadata, without repetitions.
#[derive(Default)]
struct Found {
    /// Those in members that hold addresses.
    named: Vec<String>,
    /// All others.
    others: Vec<String>,
}

impl Found {
    fn collect_from(&mut self, value: &Value, is_named: bool) {
        match value {
            Value::String(text) if is_address(text) => {
                let list = if is_named { &mut self.named } else { &mut self.others };
                if !list.iter().any(|known| fold(known) == fold(text)) {
                    list.push(text.trim().to_owned());
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.collect_from(item, is_named)),
            Value::Object(members) => {
                for (name, value) in members {
                    let name = letters(name);
                    if !INVITER_NAMES.contains(&name.as_str()) {
                        self.collect_from(
                            value,
                            is_named || ADDRESS_NAMES.contains(&name.as_str()),
                        );
                    }
                }
            }
            _ => {}
        }
    }
}

fn letters(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|one| one.to_ascii_lowercase()).collect()
}

/// Whether a text is one e-mail address, at least roughly.
fn is_address(text: &str) -> bool {
    let text = text.trim();
    let parts = text.split_once('@');
    text.len() <= 320
        && !text.contains(|letter: char| letter.is_whitespace() || letter.is_control())
        && parts.is_some_and(|(local, domain)| {
            !local.is_empty() && !domain.is_empty() && !domain.contains('@')
        })
}

/// Returns Intercom's id of the invitation.
fn invitation_id(metadata: &Value) -> Option<String> {
    let places = [
        "/invite/id",
        "/invitation/id",
        "/admin_invite/id",
        "/invite_id",
        "/invitation_id",
        "/admin_invite_id",
    ];
    places.into_iter().find_map(|place| {
        let id = id_text(metadata.pointer(place)?)?;
        Some(id.trim().to_owned()).filter(|id| !id.is_empty())
    })
}

#[cfg(test)]
mod tests;
