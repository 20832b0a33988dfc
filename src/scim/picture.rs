//! A workspace at one generation, ready to be asked. It never changes: a new generation is a new picture.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use serde::Deserialize;

use super::project::Projection;
use super::render;
use super::resource_types;
use super::schema::{self, ResourceType};
use super::value::{GroupRef, Resource, UserRef};
use crate::directory::{Generation, Group, Membership, Priority, Snapshot, Stamps, User, UserId, Volatile, Workspace};

/// A workspace's users and groups as SCIM shows them. What did not change from one generation to the next is shared
/// between their pictures, so that keeping several takes little more room than keeping one.
#[derive(Debug)]
pub struct Picture {
    generation: Generation,
    workspace: Workspace,
    base_url: String,
    names: Names,
    users: Vec<UserEntry>,
    user_shelves: Vec<Bytes>,
    groups: Vec<GroupEntry>,
    group_shelves: Vec<Bytes>,
    user_by_id: HashMap<Box<str>, u32>,
    /// By the folded userName, which is not caseExact (RFC 7643 §4.1.1).
    users_by_name: HashMap<Box<str>, Vec<u32>>,
    group_by_id: HashMap<Box<str>, u32>,
}

/// How names of one word are split.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Names {
    /// The word is the given name and the family name: some importers refuse an empty one.
    #[default]
    Repeat,
    /// The word is the given name, and there is no family name.
    GivenOnly,
}

/// A user, with what is made once for a generation.
#[derive(Debug)]
pub(super) struct UserEntry {
    pub id: Box<str>,
    pub user: Arc<User>,
    pub volatile: Arc<Volatile>,
    pub stamps: Stamps,
    pub groups: Links,
    pub ready: Ready,
}

/// A group, with what is made once for a generation.
#[derive(Debug)]
pub(super) struct GroupEntry {
    pub id: Box<str>,
    pub group: Arc<Group>,
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
    pub version: Arc<str>,
    /// The JSON, a part of a shelf.
    pub body: Bytes,
    /// Where on the shelf it begins.
    at: usize,
}

/// How many ready answers stand on a shelf, one after the other with commas between, as a page holds them. A part of a
/// list is then a few slices of shelves. One change makes one shelf anew; the others are shared from generation to
/// generation.
const SHELF: usize = 64;

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
    /// slash at its end; locations and references begin with it. `previous` is an earlier picture, to share with.
    #[must_use]
    pub fn new(snapshot: Snapshot, base_url: impl Into<String>, names: Names, previous: Option<&Self>) -> Self {
        let users: Vec<UserEntry> = snapshot
            .users
            .into_iter()
            .map(|(recorded, volatile)| {
                let id: Box<str> = format!("adm_{}", recorded.value.id).into();
                let before = previous.and_then(|picture| picture.user_entry(&id));
                UserEntry {
                    user: shared(recorded.value, before.map(|entry| &entry.user)),
                    volatile: shared(volatile, before.map(|entry| &entry.volatile)),
                    stamps: recorded.stamps,
                    groups: Links::default(),
                    ready: Ready::default(),
                    id,
                }
            })
            .collect();
        let groups: Vec<GroupEntry> = snapshot
            .groups
            .into_iter()
            .map(|recorded| {
                let id: Box<str> = format!("team_{}", recorded.value.id).into();
                let before = previous.and_then(|picture| picture.group_entry(&id));
                GroupEntry {
                    group: shared(recorded.value, before.map(|entry| &entry.group)),
                    stamps: recorded.stamps,
                    members: Links::default(),
                    ready: Ready::default(),
                    id,
                }
            })
            .collect();
        let mut users_by_name: HashMap<Box<str>, Vec<u32>> = HashMap::with_capacity(users.len());
        for (place, user) in places(&users) {
            users_by_name.entry(user.user_name().to_lowercase().into()).or_default().push(place);
        }
        // NB: somebody who left and was invited again is two accounts of one userName, which RFC 7643 §4.1.1 has be
        // unique. Both are kept, since pullers know them by id; whoever asks for the name sees the active one first.
        for namesakes in users_by_name.values_mut().filter(|namesakes| namesakes.len() > 1) {
            namesakes.sort_by_key(|place| !users[*place as usize].user.active);
        }
        let mut picture = Self {
            generation: snapshot.generation,
            workspace: snapshot.workspace,
            base_url: base_url.into(),
            names,
            user_by_id: places(&users).map(|(place, user)| (user.id.clone(), place)).collect(),
            group_by_id: places(&groups).map(|(place, group)| (group.id.clone(), place)).collect(),
            users_by_name,
            users,
            user_shelves: Vec::new(),
            groups,
            group_shelves: Vec::new(),
        };
        picture.link(&snapshot.memberships);
        picture.make_ready(previous);
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
    fn make_ready(&mut self, previous: Option<&Self>) {
        for kind in resource_types::ALL {
            let versions: Vec<Arc<str>> = self
                .all(kind)
                .map(|resource| version_of(resource, previous.and_then(|picture| picture.by_id(resource.id()))))
                .collect();
            self.readies(kind).zip(versions).for_each(|(ready, version)| ready.version = version);
            let (shelves, bodies) = self.write_shelves(kind, previous);
            self.readies(kind).zip(bodies).for_each(|(ready, (at, body))| (ready.at, ready.body) = (at, body));
            if *kind == resource_types::USER {
                self.user_shelves = shelves;
            } else {
                self.group_shelves = shelves;
            }
        }
    }

    fn readies(&mut self, kind: &ResourceType) -> impl Iterator<Item = &mut Ready> {
        let (users, groups) = if *kind == schema::USER {
            (&mut self.users[..], &mut self.groups[..0])
        } else {
            (&mut self.users[..0], &mut self.groups[..])
        };
        users.iter_mut().map(|user| &mut user.ready).chain(groups.iter_mut().map(|group| &mut group.ready))
    }

    /// Writes the answers of a type onto shelves, or takes the earlier shelf where it holds the same.
    fn write_shelves(&self, kind: &ResourceType, previous: Option<&Self>) -> (Vec<Bytes>, Vec<(usize, Bytes)>) {
        let resources: Vec<Resource<'_>> = self.all(kind).collect();
        let before: Vec<Resource<'_>> = previous.iter().flat_map(|picture| picture.all(kind)).collect();
        let mut before = before.chunks(SHELF).zip(previous.map_or(&[][..], |picture| picture.shelves(kind)));
        let mut shelves = Vec::with_capacity(resources.len().div_ceil(SHELF));
        let mut bodies = Vec::with_capacity(resources.len());
        for neighbours in resources.chunks(SHELF) {
            let same = |before: &[Resource<'_>]| {
                before.len() == neighbours.len()
                    && before.iter().zip(neighbours).all(|(before, now)| {
                        before.id() == now.id() && Arc::ptr_eq(&before.ready().version, &now.ready().version)
                    })
            };
            if let Some((before, kept)) = before.next().filter(|(before, _)| same(before)) {
                bodies.extend(before.iter().map(|before| (before.ready().at, before.ready().body.clone())));
                shelves.push(kept.clone());
                continue;
            }
            let mut written = Vec::new();
            let mut places = Vec::with_capacity(neighbours.len());
            for resource in neighbours {
                if !written.is_empty() {
                    written.push(b',');
                }
                let start = written.len();
                render::resource(&mut written, *resource, &Projection::default_of(kind));
                places.push(start..written.len());
            }
            let filled = Bytes::from(written.into_boxed_slice());
            bodies.extend(places.into_iter().map(|place| (place.start, filled.slice(place))));
            shelves.push(filled);
        }
        (shelves, bodies)
    }

    fn shelves(&self, kind: &ResourceType) -> &[Bytes] {
        if *kind == schema::USER { &self.user_shelves } else { &self.group_shelves }
    }

    /// The ready answers of a type at these places, as slices of shelves; to be joined by commas.
    pub(super) fn ready_part(&self, kind: &ResourceType, places: Range<usize>) -> impl Iterator<Item = Bytes> {
        let of_shelf = move |shelf: usize| {
            let first = places.start.max(shelf * SHELF);
            let last = places.end.min((shelf + 1) * SHELF).checked_sub(1).filter(|last| *last >= first)?;
            let start = self.ready_at(kind, first)?.at;
            let end = self.ready_at(kind, last).map(|ready| ready.at + ready.body.len())?;
            Some(self.shelves(kind)[shelf].slice(start..end))
        };
        (places.start / SHELF..places.end.div_ceil(SHELF)).filter_map(of_shelf)
    }

    fn ready_at(&self, kind: &ResourceType, place: usize) -> Option<&Ready> {
        if *kind == schema::USER {
            self.users.get(place).map(|user| &user.ready)
        } else {
            self.groups.get(place).map(|group| &group.ready)
        }
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

    /// The user or group with that SCIM id; ids are caseExact (RFC 7643 §3.1).
    #[must_use]
    pub fn by_id(&self, id: &str) -> Option<Resource<'_>> {
        match self.user_by_id.get(id) {
            Some(place) => self.user_at(*place),
            None => self.group_by_id.get(id).and_then(|place| self.group_at(*place)),
        }
    }

    /// How many resources of a type there are.
    #[must_use]
    pub fn count(&self, kind: &ResourceType) -> usize {
        if *kind == schema::USER { self.users.len() } else { self.groups.len() }
    }

    /// The resources of a type, by id.
    pub fn all(&self, kind: &ResourceType) -> impl Iterator<Item = Resource<'_>> {
        self.part(kind, 0..self.count(kind))
    }

    /// The resources of a type at these places, by id. Places that there are not are left out.
    pub fn part(&self, kind: &ResourceType, places: Range<usize>) -> impl Iterator<Item = Resource<'_>> {
        let places = places.start.min(self.count(kind))..places.end.min(self.count(kind));
        let (users, groups) = if *kind == schema::USER { (places, 0..0) } else { (0..0, places) };
        let users = self.users[users].iter().map(|entry| self.as_user(entry));
        users.chain(self.groups[groups].iter().map(|entry| self.as_group(entry)))
    }

    /// Whether it shows these values that are not access.
    #[must_use]
    pub fn shows_volatile(&self, values: &HashMap<UserId, Volatile>) -> bool {
        self.users.iter().all(|entry| {
            values
                .get(&entry.user.id)
                .map_or_else(|| *entry.volatile == Volatile::default(), |values| *entry.volatile == *values)
        })
    }

    /// The users with that userName, in any case.
    pub fn users_named(&self, user_name: &str) -> impl Iterator<Item = Resource<'_>> {
        let places = self.users_by_name.get(user_name.to_lowercase().as_str()).map_or(&[][..], Vec::as_slice);
        places.iter().filter_map(|place| self.user_at(*place))
    }

    /// How names of one word are split.
    pub(super) fn names(&self) -> Names {
        self.names
    }

    pub(super) fn user_at(&self, place: u32) -> Option<Resource<'_>> {
        self.users.get(place as usize).map(|entry| self.as_user(entry))
    }

    pub(super) fn group_at(&self, place: u32) -> Option<Resource<'_>> {
        self.groups.get(place as usize).map(|entry| self.as_group(entry))
    }

    fn as_user<'p>(&'p self, entry: &'p UserEntry) -> Resource<'p> {
        Resource::User(UserRef { picture: self, entry })
    }

    fn as_group<'p>(&'p self, entry: &'p GroupEntry) -> Resource<'p> {
        Resource::Group(GroupRef { picture: self, entry })
    }

    fn user_entry(&self, id: &str) -> Option<&UserEntry> {
        self.user_by_id.get(id).and_then(|place| self.users.get(*place as usize))
    }

    fn group_entry(&self, id: &str) -> Option<&GroupEntry> {
        self.group_by_id.get(id).and_then(|place| self.groups.get(*place as usize))
    }
}

/// The value, in the earlier place where it is the same.
fn shared<T: PartialEq>(value: T, before: Option<&Arc<T>>) -> Arc<T> {
    match before {
        Some(before) if **before == value => Arc::clone(before),
        _ => Arc::new(value),
    }
}

/// A hash of the answer before it has a version.
fn version_of(resource: Resource<'_>, before: Option<Resource<'_>>) -> Arc<str> {
    let mut body = Vec::new();
    render::resource(&mut body, resource, &Projection::default_of(resource.resource_type()));
    let hash = digest(&SHA256, &body);
    let version = format!("W/\"{}\"", URL_SAFE_NO_PAD.encode(&hash.as_ref()[..12]));
    match before.map(|before| &before.ready().version) {
        Some(before) if **before == *version => Arc::clone(before),
        _ => version.into(),
    }
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
