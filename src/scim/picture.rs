//! A workspace at one generation, ready to be asked. It never changes: a new generation is a new picture.

use std::collections::HashMap;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::project::Projection;
use super::render;
use super::value::{GroupRef, Resource, UserRef};
use crate::directory::{Generation, Group, Membership, Priority, Snapshot, Stamps, User, Volatile, Workspace};

/// A workspace's users and groups as SCIM shows them.
#[derive(Debug)]
pub struct Picture {
    generation: Generation,
    workspace: Workspace,
    base_url: String,
    users: Vec<UserEntry>,
    groups: Vec<GroupEntry>,
    user_by_id: HashMap<Box<str>, u32>,
    /// By the folded userName, which is not caseExact (RFC 7643 §4.1.1).
    users_by_name: HashMap<Box<str>, Vec<u32>>,
    group_by_id: HashMap<Box<str>, u32>,
}

/// A user, with what is made once for a generation.
#[derive(Debug)]
pub(super) struct UserEntry {
    pub id: Box<str>,
    pub user: User,
    pub volatile: Volatile,
    pub stamps: Stamps,
    pub groups: Links,
    pub ready: Ready,
}

/// A group, with what is made once for a generation.
#[derive(Debug)]
pub(super) struct GroupEntry {
    pub id: Box<str>,
    pub group: Group,
    pub stamps: Stamps,
    pub members: Links,
    pub ready: Ready,
}

/// One side of the memberships, as places in the picture; `primary` and `secondary` are parts of `all`.
#[derive(Debug, Default)]
pub(super) struct Links {
    pub all: Vec<u32>,
    pub primary: Vec<u32>,
    pub secondary: Vec<u32>,
}

/// A resource's answer as it is without `attributes` and `excludedAttributes`.
#[derive(Clone, Debug, Default)]
pub struct Ready {
    /// The weak ETag, quotes and all: `W/"…"`.
    pub version: Box<str>,
    /// The JSON.
    pub body: Box<[u8]>,
}

impl Links {
    fn add(&mut self, to: u32, priority: Option<Priority>) {
        self.all.push(to);
        match priority {
            Some(Priority::Primary) => self.primary.push(to),
            Some(Priority::Secondary) => self.secondary.push(to),
            None => {}
        }
    }
}

impl UserEntry {
    pub fn user_name(&self) -> &str {
        self.user.email.as_deref().unwrap_or(&self.id)
    }
}

impl GroupEntry {
    pub fn display_name(&self) -> &str {
        self.group.name.as_deref().unwrap_or(&self.id)
    }
}

impl Picture {
    /// Makes the picture of a snapshot. `base_url` is the root of the workspace's SCIM service, without a
    /// slash at its end; locations and references begin with it.
    #[must_use]
    pub fn new(snapshot: Snapshot, base_url: impl Into<String>) -> Self {
        let users: Vec<UserEntry> = snapshot
            .users
            .into_iter()
            .map(|(recorded, volatile)| UserEntry {
                id: format!("adm_{}", recorded.value.id).into(),
                user: recorded.value,
                volatile,
                stamps: recorded.stamps,
                groups: Links::default(),
                ready: Ready::default(),
            })
            .collect();
        let groups: Vec<GroupEntry> = snapshot
            .groups
            .into_iter()
            .map(|recorded| GroupEntry {
                id: format!("team_{}", recorded.value.id).into(),
                group: recorded.value,
                stamps: recorded.stamps,
                members: Links::default(),
                ready: Ready::default(),
            })
            .collect();
        let mut users_by_name: HashMap<Box<str>, Vec<u32>> = HashMap::new();
        for (place, user) in places(&users) {
            users_by_name.entry(user.user_name().to_lowercase().into()).or_default().push(place);
        }
        let mut picture = Self {
            generation: snapshot.generation,
            workspace: snapshot.workspace,
            base_url: base_url.into(),
            user_by_id: places(&users).map(|(place, user)| (user.id.clone(), place)).collect(),
            group_by_id: places(&groups).map(|(place, group)| (group.id.clone(), place)).collect(),
            users_by_name,
            users,
            groups,
        };
        picture.link(&snapshot.memberships);
        picture.make_ready();
        picture
    }

    fn link(&mut self, memberships: &[Membership]) {
        let user_places: HashMap<_, _> =
            places(&self.users).map(|(place, entry)| (entry.user.id.clone(), place)).collect();
        let group_places: HashMap<_, _> =
            places(&self.groups).map(|(place, entry)| (entry.group.id.clone(), place)).collect();
        for membership in memberships {
            // A membership of somebody or something that is not in the picture cannot be shown.
            let ends = (user_places.get(&membership.user), group_places.get(&membership.group));
            if let (Some(&user), Some(&group)) = ends {
                self.users[user as usize].groups.add(group, membership.priority);
                self.groups[group as usize].members.add(user, membership.priority);
            }
        }
    }

    /// RFC 7644 §3.14: the version is of the stored resource, so it is a hash of the whole answer, whatever
    /// part of it somebody asks for. Volatile values are not in that answer and not in the version.
    fn make_ready(&mut self) {
        let versions: Vec<_> = self.users().map(version_of).collect();
        self.users.iter_mut().zip(versions).for_each(|(user, version)| user.ready.version = version);
        let bodies: Vec<_> = self.users().map(body_of).collect();
        self.users.iter_mut().zip(bodies).for_each(|(user, body)| user.ready.body = body);
        let versions: Vec<_> = self.groups().map(version_of).collect();
        self.groups.iter_mut().zip(versions).for_each(|(group, version)| group.ready.version = version);
        let bodies: Vec<_> = self.groups().map(body_of).collect();
        self.groups.iter_mut().zip(bodies).for_each(|(group, body)| group.ready.body = body);
    }

    /// Which generation it shows.
    #[must_use]
    pub fn generation(&self) -> Generation {
        self.generation
    }

    /// Which workspace it shows.
    #[must_use]
    pub fn workspace(&self) -> &Workspace {
        &self.workspace
    }

    /// The root of the workspace's SCIM service.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// How many users there are, the removed ones among them.
    #[must_use]
    pub fn user_count(&self) -> usize {
        self.users.len()
    }

    /// How many groups there are.
    #[must_use]
    pub fn group_count(&self) -> usize {
        self.groups.len()
    }

    /// The user or group with that SCIM id; ids are caseExact (RFC 7643 §3.1).
    #[must_use]
    pub fn by_id(&self, id: &str) -> Option<Resource<'_>> {
        match self.user_by_id.get(id) {
            Some(place) => self.user_at(*place),
            None => self.group_by_id.get(id).and_then(|place| self.group_at(*place)),
        }
    }

    /// All users, by id.
    #[must_use]
    pub fn users(&self) -> impl ExactSizeIterator<Item = Resource<'_>> {
        self.users.iter().map(|entry| Resource::User(UserRef { picture: self, entry }))
    }

    /// All groups, by id.
    #[must_use]
    pub fn groups(&self) -> impl ExactSizeIterator<Item = Resource<'_>> {
        self.groups.iter().map(|entry| Resource::Group(GroupRef { picture: self, entry }))
    }

    /// The users with that userName, in any case.
    pub(super) fn users_named(&self, user_name: &str) -> impl Iterator<Item = Resource<'_>> {
        let places = self.users_by_name.get(user_name.to_lowercase().as_str()).map_or(&[][..], Vec::as_slice);
        places.iter().filter_map(|place| self.user_at(*place))
    }

    pub(super) fn user_at(&self, place: u32) -> Option<Resource<'_>> {
        self.users.get(place as usize).map(|entry| Resource::User(UserRef { picture: self, entry }))
    }

    pub(super) fn group_at(&self, place: u32) -> Option<Resource<'_>> {
        self.groups.get(place as usize).map(|entry| Resource::Group(GroupRef { picture: self, entry }))
    }
}

/// A hash of the answer before it has a version.
fn version_of(resource: Resource<'_>) -> Box<str> {
    let hash = digest(&SHA256, &body_of(resource));
    format!("W/\"{}\"", URL_SAFE_NO_PAD.encode(&hash.as_ref()[..12])).into()
}

fn body_of(resource: Resource<'_>) -> Box<[u8]> {
    let mut body = Vec::new();
    render::resource(&mut body, resource, &Projection::default_of(resource.resource_type()));
    body.into()
}

/// Entries with their places. More than `u32::MAX` do not fit any machine that this runs on.
fn places<T>(entries: &[T]) -> impl Iterator<Item = (u32, &T)> {
    (0..).zip(entries)
}

impl<'a> Resource<'a> {
    /// The answer that is made once for a generation.
    #[must_use]
    pub fn ready(self) -> &'a Ready {
        match self {
            Self::User(user) => &user.entry.ready,
            Self::Group(group) => &group.entry.ready,
        }
    }
}
