//! The directory as SCIM resources: users and groups, with their ids, versions and URLs.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use super::etag::ETag;
use crate::directory::{Directory, Names, Person, Team, Workspace};

/// All that the attributes of users and groups are computed from. Positions are those in the
/// directory. Cheap to clone.
#[derive(Clone, Debug)]
pub struct View {
    directory: Arc<Directory>,
    base_url: String,
    names: Names,
    user_versions: Arc<[ETag]>,
    group_versions: Arc<[ETag]>,
}

/// The kind of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResourceKind {
    /// Users: teammates.
    User,
    /// Groups: teams.
    Group,
}

/// A resource of a served snapshot.
#[derive(Clone, Copy)]
pub enum Resource<'a> {
    /// A user.
    User(UserRef<'a>),
    /// A group.
    Group(GroupRef<'a>),
}

/// A user, with the view that it belongs to.
#[derive(Clone, Copy)]
pub struct UserRef<'a> {
    pub(super) view: &'a View,
    pub(super) person: &'a Person,
    place: usize,
}

/// A group, with the view that it belongs to.
#[derive(Clone, Copy)]
pub struct GroupRef<'a> {
    pub(super) view: &'a View,
    pub(super) team: &'a Team,
    place: usize,
}

impl ResourceKind {
    /// All kinds, in the order of lists over both.
    pub(super) const ALL: [Self; 2] = [Self::User, Self::Group];

    /// The name of the resource type.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Group => "Group",
        }
    }

    /// The path of the endpoint, relative to the base URL.
    pub(super) const fn endpoint(self) -> &'static str {
        match self {
            Self::User => "/Users",
            Self::Group => "/Groups",
        }
    }

    /// The beginning of SCIM ids. Intercom's id follows.
    pub(super) const fn id_prefix(self) -> &'static str {
        match self {
            Self::User => "adm_",
            Self::Group => "team_",
        }
    }
}

impl Resource<'_> {
    /// The number of members of a group; 0 for a user.
    pub(super) fn members(self) -> usize {
        match self {
            Self::User(_) => 0,
            Self::Group(group) => group.team.members.len(),
        }
    }
}

impl View {
    /// Creates a view whose resources have no versions yet. `base_url` is the root of the
    /// workspace's SCIM service, without a trailing slash.
    pub(super) fn new(directory: Directory, base_url: String, names: Names) -> Self {
        Self {
            directory: Arc::new(directory),
            base_url,
            names,
            user_versions: Arc::default(),
            group_versions: Arc::default(),
        }
    }

    /// Returns the same view with another base URL.
    pub(super) fn with_base_url(&self, base_url: String) -> Self {
        Self { base_url, ..self.clone() }
    }

    /// Sets the versions of all resources of a kind.
    pub(super) fn set_versions(&mut self, kind: ResourceKind, versions: Vec<ETag>) {
        match kind {
            ResourceKind::User => self.user_versions = versions.into(),
            ResourceKind::Group => self.group_versions = versions.into(),
        }
    }

    /// The versions of all resources of a kind; empty before they are set.
    pub(super) fn versions(&self, kind: ResourceKind) -> &[ETag] {
        match kind {
            ResourceKind::User => &self.user_versions,
            ResourceKind::Group => &self.group_versions,
        }
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
        }
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

    /// Whether no value that the default response of the resource at this position shows has
    /// changed since an earlier view. Users and groups are compared by pointer: consecutive
    /// directories share those that did not change.
    pub(super) fn is_unchanged(&self, earlier: &Self, kind: ResourceKind, place: usize) -> bool {
        let now = &self.directory;
        let before = &earlier.directory;
        let same_service = self.base_url == earlier.base_url && self.names == earlier.names;
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
                people.is_some_and(|(person, earlier)| {
                    is_same_user(place)
                        && person.stamps == earlier.stamps
                        && person.teams == earlier.teams
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
        }
    }

    /// The human-readable name: the userName of a user, the displayName of a group. Both default to
    /// the SCIM id.
    #[must_use]
    pub fn name(self) -> Cow<'a, str> {
        let name = match self {
            Self::User(user) => user.person.user.email.as_deref(),
            Self::Group(group) => group.team.group.name.as_deref(),
        };
        name.map_or_else(|| self.id().into(), Cow::Borrowed)
    }

    /// Whether the user is active. Always true for a group.
    #[must_use]
    pub fn is_active(self) -> bool {
        match self {
            Self::User(user) => user.person.user.active,
            Self::Group(_) => true,
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
        [base_url, kind.endpoint(), "/", kind.id_prefix(), self.intercom_id()].concat()
    }

    /// The view that the resource belongs to.
    pub(super) fn view(self) -> &'a View {
        match self {
            Self::User(user) => user.view,
            Self::Group(group) => group.view,
        }
    }

    /// The position of the resource in the directory.
    pub(super) fn place(self) -> usize {
        match self {
            Self::User(user) => user.place,
            Self::Group(group) => group.place,
        }
    }
}
