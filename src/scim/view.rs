//! The directory as SCIM resources: users and groups, and the roles, seats and permissions of the
//! catalogue, with their ids, versions and URLs.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::ops::Range;
use std::sync::Arc;

use super::etag::ETag;
use crate::directory::{
    Catalogue, CatalogueForm, CatalogueItem, Directory, Enterprise, EntitlementType, Names, Person,
    Team, Workspace,
};

/// All that the attributes of resources are computed from. Positions are those in the
/// directory. Cheap to clone.
#[derive(Clone, Debug)]
pub struct View {
    pub(super) directory: Arc<Directory>,
    base_url: String,
    names: Names,
    /// The roles, seats and permissions, if any form shows them.
    catalogue: Option<Arc<Catalogue>>,
    forms: Forms,
    versions: OfKind<Arc<[ETag]>>,
    /// What the roster adds to each user; `None` without the enterprise extension.
    pub(super) enterprise: Option<Arc<[EnterpriseAt]>>,
    /// A hash of that; 0 without the extension.
    pub(super) additions: u64,
}

/// What the roster adds to the user at a position.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct EnterpriseAt {
    pub enterprise: Option<Arc<Enterprise>>,
    /// The position of the manager's user.
    pub manager: Option<u32>,
}

/// One value for each kind of resource, in the order of [`ResourceKind::ALL`].
pub(super) type OfKind<T> = [T; ResourceKind::ALL.len()];

/// The forms in which the catalogue is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Forms {
    /// At the base URL of the workspace.
    pub main: CatalogueForm,
    /// Whether there is a second base URL, which has Okta's form.
    pub second_okta: bool,
}

impl Forms {
    /// Whether a form is shown at any base URL.
    #[must_use]
    pub fn has(self, form: CatalogueForm) -> bool {
        self.main == form || self.second_okta && form == CatalogueForm::Okta
    }

    /// The form at the base URL of the workspace; if that has none, the one at the second base URL.
    #[must_use]
    pub fn shown(self) -> CatalogueForm {
        match self.main {
            CatalogueForm::Off if self.second_okta => CatalogueForm::Okta,
            form => form,
        }
    }
}

/// The kind of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResourceKind {
    /// Users: teammates.
    User,
    /// Groups: teams.
    Group,
    /// Roles, in Okta's form.
    Role,
    /// Kinds of seats, in Okta's form.
    Seat,
    /// Permissions, in Okta's form.
    Permission,
    /// Roles, in the form of the IETF draft.
    DraftRole,
    /// Kinds of seats and permissions, in the form of the IETF draft.
    DraftEntitlement,
}

/// A resource of a served snapshot.
#[derive(Clone, Copy)]
pub enum Resource<'a> {
    /// A user.
    User(UserRef<'a>),
    /// A group.
    Group(GroupRef<'a>),
    /// A role, a kind of seat or a permission.
    Item(ItemRef<'a>),
}

/// A role, a kind of seat or a permission, with the view that it belongs to.
#[derive(Clone, Copy)]
pub struct ItemRef<'a> {
    pub(super) view: &'a View,
    pub(super) item: &'a CatalogueItem,
    kind: ResourceKind,
    place: usize,
}

/// A user, with the view that it belongs to.
#[derive(Clone, Copy)]
pub struct UserRef<'a> {
    pub(super) view: &'a View,
    pub(super) person: &'a Person,
    pub(super) place: usize,
}

/// A group, with the view that it belongs to.
#[derive(Clone, Copy)]
pub struct GroupRef<'a> {
    pub(super) view: &'a View,
    pub(super) team: &'a Team,
    place: usize,
}

impl ResourceKind {
    /// All kinds. Their position here is the discriminant.
    pub(super) const ALL: [Self; 7] = [
        Self::User,
        Self::Group,
        Self::Role,
        Self::Seat,
        Self::Permission,
        Self::DraftRole,
        Self::DraftEntitlement,
    ];

    /// The form of the catalogue that has this kind; `None` for users and groups.
    pub(super) const fn form(self) -> Option<CatalogueForm> {
        match self {
            Self::User | Self::Group => None,
            Self::Role | Self::Seat | Self::Permission => Some(CatalogueForm::Okta),
            Self::DraftRole | Self::DraftEntitlement => Some(CatalogueForm::Draft),
        }
    }

    /// The name of the resource type.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Group => "Group",
            Self::Role | Self::DraftRole => "Role",
            // The words that users carry as the `type` of an entitlement.
            Self::Seat => EntitlementType::Seat.as_str(),
            Self::Permission => EntitlementType::Permission.as_str(),
            Self::DraftEntitlement => "Entitlement",
        }
    }

    /// The path of the endpoint, relative to the base URL.
    pub(super) const fn endpoint(self) -> &'static str {
        match self {
            Self::User => "/Users",
            Self::Group => "/Groups",
            Self::Role | Self::DraftRole => "/Roles",
            Self::Seat => "/Seats",
            Self::Permission => "/Permissions",
            Self::DraftEntitlement => "/Entitlements",
        }
    }

    /// The beginning of SCIM ids. Intercom's id follows. The ids of the catalogue are Intercom's,
    /// since users carry them as values.
    pub(super) const fn id_prefix(self) -> &'static str {
        match self {
            Self::User => "adm_",
            Self::Group => "team_",
            _ => "",
        }
    }
}

impl Resource<'_> {
    /// The number of members of a group; 0 for any other resource.
    pub(super) fn members(self) -> usize {
        match self {
            Self::User(_) | Self::Item(_) => 0,
            Self::Group(group) => group.team.members.len(),
        }
    }
}

impl View {
    /// Creates a view whose resources have no versions yet. `base_url` is the root of the
    /// workspace's SCIM service, without a trailing slash.
    pub(super) fn new(directory: Directory, base_url: String, names: Names, forms: Forms) -> Self {
        let is_shown = forms.has(CatalogueForm::Okta) || forms.has(CatalogueForm::Draft);
        Self {
            catalogue: is_shown.then(|| Arc::new(Catalogue::of(&directory))),
            directory: Arc::new(directory),
            base_url,
            names,
            forms,
            versions: OfKind::default(),
            enterprise: None,
            additions: 0,
        }
    }

    /// Returns the same view with another base URL.
    pub(super) fn with_base_url(&self, base_url: String) -> Self {
        Self { base_url, ..self.clone() }
    }

    /// Sets the versions of all resources of a kind.
    pub(super) fn set_versions(&mut self, kind: ResourceKind, versions: Vec<ETag>) {
        self.versions[kind as usize] = versions.into();
    }

    /// The versions of all resources of a kind; empty before they are set.
    pub(super) fn versions(&self, kind: ResourceKind) -> &[ETag] {
        &self.versions[kind as usize]
    }

    /// The directory.
    pub(super) fn directory(&self) -> &Directory {
        &self.directory
    }

    /// The workspace.
    pub(super) fn workspace(&self) -> &Workspace {
        &self.directory.workspace
    }

    /// The root of the workspace's SCIM service, without a trailing slash.
    pub(super) fn base_url(&self) -> &str {
        &self.base_url
    }

    /// How a name of one word becomes given and family name.
    pub(super) fn names(&self) -> Names {
        self.names
    }

    /// The number of resources of a kind.
    pub(super) fn count(&self, kind: ResourceKind) -> usize {
        match kind {
            ResourceKind::User => self.directory.people.len(),
            ResourceKind::Group => self.directory.teams.len(),
            kind => self.items(kind).len(),
        }
    }

    /// The items of the catalogue that a kind shows.
    fn items(&self, kind: ResourceKind) -> &[CatalogueItem] {
        let is_shown = kind.form().is_some_and(|form| self.forms.has(form));
        match self.catalogue.as_deref().filter(|_| is_shown) {
            None => &[],
            Some(catalogue) => match kind {
                ResourceKind::Role | ResourceKind::DraftRole => catalogue.roles(),
                ResourceKind::Seat => catalogue.seats(),
                ResourceKind::Permission => catalogue.permissions(),
                _ => catalogue.entitlements(),
            },
        }
    }

    /// The role, kind of seat or permission with this id.
    pub(super) fn item_with(&self, kind: ResourceKind, id: &str) -> Option<Resource<'_>> {
        let items = self.items(kind);
        let place = items.iter().position(|item| item.id == id)?;
        Some(self.item(kind, place, &items[place]))
    }

    /// The resources of a kind at these positions, ordered by id. Positions beyond the end are
    /// ignored.
    pub(super) fn part(
        &self,
        kind: ResourceKind,
        places: Range<usize>,
    ) -> impl ExactSizeIterator<Item = Resource<'_>> {
        let count = self.count(kind);
        let places = places.start.min(count)..places.end.min(count);
        places.map(move |place| match kind {
            ResourceKind::User => self.user(place, &self.directory.people[place]),
            ResourceKind::Group => self.group(place, &self.directory.teams[place]),
            kind => self.item(kind, place, &self.items(kind)[place]),
        })
    }

    /// The user at this position.
    pub(super) fn user_at(&self, place: u32) -> Option<Resource<'_>> {
        let place = place as usize;
        self.directory.people.get(place).map(|person| self.user(place, person))
    }

    /// The group at this position.
    pub(super) fn group_at(&self, place: u32) -> Option<Resource<'_>> {
        let place = place as usize;
        self.directory.teams.get(place).map(|team| self.group(place, team))
    }

    fn user<'a>(&'a self, place: usize, person: &'a Person) -> Resource<'a> {
        Resource::User(UserRef { view: self, person, place })
    }

    fn group<'a>(&'a self, place: usize, team: &'a Team) -> Resource<'a> {
        Resource::Group(GroupRef { view: self, team, place })
    }

    fn item<'a>(
        &'a self,
        kind: ResourceKind,
        place: usize,
        item: &'a CatalogueItem,
    ) -> Resource<'a> {
        Resource::Item(ItemRef { view: self, item, kind, place })
    }

    /// Whether no value that the default response of the resource at this position shows has
    /// changed since an earlier view. Users and groups are compared by pointer: consecutive
    /// directories share those that did not change.
    pub(super) fn is_unchanged(&self, earlier: &Self, kind: ResourceKind, place: usize) -> bool {
        let now = &self.directory;
        let before = &earlier.directory;
        let same_service = self.base_url == earlier.base_url
            && self.names == earlier.names
            && self.forms == earlier.forms;
        if !same_service || now.workspace != before.workspace {
            return false;
        }
        let is_same_user = |place: usize| {
            let people = now.people.get(place).zip(before.people.get(place));
            people.is_some_and(|(person, earlier)| Arc::ptr_eq(&person.user, &earlier.user))
        };
        let is_same_group = |place: usize| {
            let teams = now.teams.get(place).zip(before.teams.get(place));
            teams.is_some_and(|(team, earlier)| Arc::ptr_eq(&team.group, &earlier.group))
        };
        // A response also shows values of the resources that it refers to.
        match kind {
            ResourceKind::User => {
                let people = now.people.get(place).zip(before.people.get(place));
                people.is_some_and(|(person, earlier_person)| {
                    is_same_user(place)
                        && person.stamps == earlier_person.stamps
                        && self.has_same_enterprise(earlier, place)
                        && person.teams == earlier_person.teams
                        && person.teams.iter().all(|link| is_same_group(link.place as usize))
                })
            }
            ResourceKind::Group => {
                let teams = now.teams.get(place).zip(before.teams.get(place));
                teams.is_some_and(|(team, earlier)| {
                    is_same_group(place)
                        && team.stamps == earlier.stamps
                        && team.members == earlier.members
                        && team.members.iter().all(|link| is_same_user(link.place as usize))
                })
            }
            kind => self.items(kind).get(place) == earlier.items(kind).get(place),
        }
    }
}

impl<'a> Resource<'a> {
    /// The kind.
    #[must_use]
    pub fn kind(self) -> ResourceKind {
        match self {
            Self::User(_) => ResourceKind::User,
            Self::Group(_) => ResourceKind::Group,
            Self::Item(item) => item.kind,
        }
    }

    /// The SCIM id.
    #[must_use]
    pub fn id(self) -> String {
        [self.kind().id_prefix(), self.intercom_id()].concat()
    }

    /// Intercom's id.
    #[must_use]
    pub fn intercom_id(self) -> &'a str {
        match self {
            Self::User(user) => user.person.user.id.as_str(),
            Self::Group(group) => group.team.group.id.as_str(),
            Self::Item(item) => &item.item.id,
        }
    }

    /// The human-readable name: the userName of a user, the displayName of any other resource. It
    /// defaults to the SCIM id.
    #[must_use]
    pub fn name(self) -> Cow<'a, str> {
        let name = match self {
            Self::User(user) => user.person.user.email.as_deref(),
            Self::Group(group) => group.team.group.name.as_deref(),
            Self::Item(item) => Some(item.item.name.as_str()),
        };
        name.map_or_else(|| self.id().into(), Cow::Borrowed)
    }

    /// Whether the user is active. Always true for other resources.
    #[must_use]
    pub fn is_active(self) -> bool {
        match self {
            Self::User(user) => user.person.user.active,
            Self::Group(_) | Self::Item(_) => true,
        }
    }

    /// The weak ETag of the resource: `W/"…"`. A placeholder before the versions are set.
    #[must_use]
    pub fn version(self) -> &'a str {
        let versions = self.view().versions(self.kind());
        versions.get(self.place()).unwrap_or(&ETag::PENDING).as_str()
    }

    /// The URL of the resource: `meta.location`, and `$ref` in other resources.
    #[must_use]
    pub fn location(self) -> String {
        let kind = self.kind();
        let base_url = self.view().base_url();
        let id = path_segment(self.intercom_id());
        [base_url, kind.endpoint(), "/", kind.id_prefix(), &id].concat()
    }

    /// The view that the resource belongs to.
    pub(super) fn view(self) -> &'a View {
        match self {
            Self::User(user) => user.view,
            Self::Group(group) => group.view,
            Self::Item(item) => item.view,
        }
    }

    /// The position of the resource in the directory.
    pub(super) fn place(self) -> usize {
        match self {
            Self::User(user) => user.place,
            Self::Group(group) => group.place,
            Self::Item(item) => item.place,
        }
    }
}

/// An id as a segment of a URL's path (RFC 3986 §3.3). Intercom's ids are numbers; the key of a
/// permission could be anything.
fn path_segment(id: &str) -> Cow<'_, str> {
    let is_plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    if id.bytes().all(is_plain) {
        return id.into();
    }
    let mut segment = String::with_capacity(id.len() + 8);
    for byte in id.bytes() {
        if is_plain(byte) {
            segment.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(segment, "%{byte:02X}");
        }
    }
    segment.into()
}
