//! The served snapshot: a workspace at one generation, prepared for requests. It is immutable; a
//! new generation is a new snapshot.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::index::Index;
use super::project::Projection;
use super::render;
use super::resource_types;
use super::response_cache::{
    AFTER_LOCATION, BEFORE_LOCATION, BLOCK, Chunk, ETag, ResponseBlock, ResponseCache, ResponseSpan,
};
use super::schema::{self, ResourceType};
use super::value::{GroupRef, Resource, UserRef};
use crate::directory::text::folded;
use crate::directory::{Directory, Link, Names, SnapshotId, Workspace};

/// A workspace's users and groups as SCIM resources. Snapshots of consecutive generations share
/// what did not change, so several take little more memory than one.
#[derive(Clone, Debug)]
pub struct ServedSnapshot {
    directory: Arc<Directory>,
    base_url: String,
    /// Whether `base_url` differs from the one in the prepared responses, so that these cannot be
    /// used.
    elsewhere: bool,
    names: Names,
    users: Arc<ResponseCache>,
    groups: Arc<ResponseCache>,
    /// Index by the case-folded userName, which is not caseExact (RFC 7643 §4.1.1).
    users_by_name: Arc<Index>,
}

impl ServedSnapshot {
    /// Builds the served snapshot of a directory. `base_url` is the root of the workspace's SCIM
    /// service, without a trailing slash; locations and references begin with it. `previous` is an
    /// earlier snapshot with which unchanged blocks are shared.
    #[must_use]
    pub fn new(
        directory: Directory,
        base_url: impl Into<String>,
        names: Names,
        previous: Option<&Self>,
    ) -> Self {
        let users =
            ResponseCache::of_ids("adm_", directory.people.iter().map(|person| &person.user.id));
        let groups =
            ResponseCache::of_ids("team_", directory.teams.iter().map(|team| &team.group.id));
        let mut served = Self {
            directory: Arc::new(directory),
            base_url: base_url.into(),
            elsewhere: false,
            names,
            users: Arc::new(users),
            groups: Arc::new(groups),
            users_by_name: Arc::default(),
        };
        let names: Vec<Cow<'_, str>> =
            served.all(resource_types::USER).map(|user| folded(user.name())).collect();
        let users_by_name = Index::build(names.iter().map(AsRef::as_ref));
        served.users_by_name = Arc::new(users_by_name);
        served.make_ready(previous);
        served
    }

    /// Returns the same snapshot with another base URL for locations and references. Its responses
    /// are rendered on request.
    #[must_use]
    pub fn seen_from(&self, base_url: impl Into<String>) -> Self {
        Self { base_url: base_url.into(), elsewhere: true, ..self.clone() }
    }

    /// Returns a copy to keep beside a newer snapshot. It keeps only the prepared responses that it
    /// shares with the newer one. The others are rendered on request.
    #[must_use]
    pub fn beside(&self, newer: &Self) -> Self {
        let users = Arc::new(self.users.shared_with(&newer.users));
        let groups = Arc::new(self.groups.shared_with(&newer.groups));
        Self { users, groups, ..self.clone() }
    }

    /// Prepares a response for each resource, or reuses the block of the earlier snapshot if it has
    /// the same responses.
    fn make_ready(&mut self, previous: Option<&Self>) {
        let mut bytes = 0;
        for kind in resource_types::ALL {
            for number in 0..self.responses(kind).len() {
                let same = previous.and_then(|previous| self.same_block(kind, number, previous));
                let neighbours = same.cloned().or_else(|| {
                    let earlier =
                        previous.and_then(|previous| previous.responses(kind).get(number));
                    // Reserve the size of the earlier block, or else of the previous one, and an
                    // eighth more. A buffer that has to grow briefly takes twice the memory, and
                    // the block with the team of all teammates is a tenth of the total.
                    bytes = earlier.map_or(bytes, ResponseBlock::bytes);
                    let neighbours = self.written_block(kind, number, bytes + bytes / 8)?;
                    bytes = neighbours.bytes();
                    // Different values may still render to the same responses.
                    Some(
                        earlier
                            .filter(|earlier| earlier.is_good_for(&neighbours))
                            .cloned()
                            .unwrap_or(neighbours),
                    )
                });
                if let Some(neighbours) = neighbours {
                    self.responses_mut(kind).put(number, neighbours);
                }
            }
        }
    }

    /// Returns the block of an earlier snapshot if its responses are still valid: no value that
    /// they show has changed.
    fn same_block<'p>(
        &self,
        kind: &ResourceType,
        number: usize,
        earlier: &'p Self,
    ) -> Option<&'p ResponseBlock> {
        let neighbours =
            earlier.responses(kind).get(number).filter(|neighbours| neighbours.is_filled())?;
        let mut places = neighbours.places(number);
        let same = self.responses(kind).get(number)?.len() == neighbours.len()
            && places.all(|place| self.says_the_same(earlier, kind, place));
        same.then_some(neighbours)
    }

    /// Renders a block. `room` is the initial capacity in bytes.
    fn written_block(
        &self,
        kind: &ResourceType,
        number: usize,
        room: usize,
    ) -> Option<ResponseBlock> {
        let empty = self.responses(kind).get(number)?;
        let (mut written, mut spans, mut versions) =
            (Vec::with_capacity(room), Vec::with_capacity(BLOCK), Vec::with_capacity(BLOCK));
        for resource in self.part(kind, empty.places(number)) {
            if !written.is_empty() {
                written.push(b',');
            }
            let from = written.len();
            render::resource(&mut written, resource, &Projection::default_of(kind));
            versions.push(ETag::settle(&mut written[from..]));
            spans.push(ResponseSpan::locate(&written, from, resource.id(), resource.name()));
        }
        Some(empty.filled(spans, versions, written))
    }

    /// Whether the response at this position is the same as in an earlier snapshot: no value that
    /// it shows has changed.
    fn says_the_same(&self, earlier: &Self, kind: &ResourceType, place: usize) -> bool {
        let (now, was) = (&self.directory, &earlier.directory);
        let same_service = self.base_url == earlier.base_url && self.names == earlier.names;
        if !same_service || now.workspace != was.workspace {
            return false;
        }
        if *kind == schema::USER {
            let same_team = |link: &Link| {
                let place = link.place as usize;
                was.teams
                    .get(place)
                    .is_some_and(|team| Arc::ptr_eq(&team.group, &now.teams[place].group))
            };
            let (Some(is), Some(was)) = (now.people.get(place), was.people.get(place)) else {
                return false;
            };
            Arc::ptr_eq(&is.user, &was.user)
                && is.stamps == was.stamps
                && is.teams == was.teams
                && is.teams.iter().all(same_team)
        } else {
            let same_person = |link: &Link| {
                let place = link.place as usize;
                was.people
                    .get(place)
                    .is_some_and(|person| Arc::ptr_eq(&person.user, &now.people[place].user))
            };
            let (Some(is), Some(was)) = (now.teams.get(place), was.teams.get(place)) else {
                return false;
            };
            Arc::ptr_eq(&is.group, &was.group)
                && is.stamps == was.stamps
                && is.members == was.members
                && is.members.iter().all(same_person)
        }
    }

    fn responses(&self, kind: &ResourceType) -> &ResponseCache {
        if *kind == schema::USER { &self.users } else { &self.groups }
    }

    fn responses_mut(&mut self, kind: &ResourceType) -> &mut ResponseCache {
        Arc::make_mut(if *kind == schema::USER { &mut self.users } else { &mut self.groups })
    }

    /// The responses of a type at these positions, as chunks to be joined by commas: slices of
    /// blocks, or single rendered responses.
    pub(super) fn ready_part(
        &self,
        kind: &ResourceType,
        places: Range<usize>,
    ) -> impl Iterator<Item = Chunk<'_>> {
        let responses = places.start / BLOCK..places.end.div_ceil(BLOCK);
        responses.flat_map(move |number| {
            let part = places.start.max(number * BLOCK)..places.end.min((number + 1) * BLOCK);
            match self.shelved(kind, part.clone()) {
                Some(answers) => vec![answers],
                None => self.part(kind, part).map(Resource::chunk).collect(),
            }
        })
    }

    /// The prepared responses at these positions of one block, if there are any for this base URL.
    fn shelved(&self, kind: &ResourceType, places: Range<usize>) -> Option<Chunk<'_>> {
        if self.elsewhere { None } else { self.responses(kind).answers(places) }
    }

    /// The directory that the snapshot was built from.
    #[must_use]
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// The snapshot id.
    #[must_use]
    pub fn snapshot_id(&self) -> SnapshotId {
        self.directory.snapshot_id
    }

    /// The workspace.
    #[must_use]
    pub fn workspace(&self) -> &Workspace {
        &self.directory.workspace
    }

    /// The root of the workspace's SCIM service, without a trailing slash.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Returns the user or group with this SCIM id. Ids are caseExact (RFC 7643 §3.1).
    #[must_use]
    pub fn by_id(&self, id: &str) -> Option<Resource<'_>> {
        match self.users.place(id) {
            Some(place) => self.user_at(place),
            None => self.groups.place(id).and_then(|place| self.group_at(place)),
        }
    }

    /// The number of resources of a type.
    #[must_use]
    pub fn count(&self, kind: &ResourceType) -> usize {
        self.responses(kind).count()
    }

    /// The resources of a type, ordered by id.
    #[must_use]
    pub fn all(&self, kind: &ResourceType) -> impl ExactSizeIterator<Item = Resource<'_>> {
        self.part(kind, 0..self.count(kind))
    }

    /// The resources of a type at these positions, ordered by id. Positions beyond the end are
    /// ignored.
    #[must_use]
    pub fn part(
        &self,
        kind: &ResourceType,
        places: Range<usize>,
    ) -> impl ExactSizeIterator<Item = Resource<'_>> {
        let places = places.start.min(self.count(kind))..places.end.min(self.count(kind));
        let user = *kind == schema::USER;
        places.map(move |place| if user { self.as_user(place) } else { self.as_group(place) })
    }

    /// The users with this userName, in any case and any Unicode normalisation form.
    ///
    /// NB: a teammate who was removed and invited again has two accounts with one userName, which
    /// RFC 7643 §4.1.1 requires to be unique. Both are kept, since clients know them by id. A
    /// search by name returns the active one first.
    pub fn users_named(&self, user_name: &str) -> impl Iterator<Item = Resource<'_>> {
        let wanted = folded(user_name);
        let candidates =
            self.users_by_name.candidates(&wanted).filter_map(|place| self.user_at(place));
        let is_it = |user: &Resource<'_>| {
            let shown = self.users.name(user.place());
            shown == Some(wanted.as_bytes()) || folded(user.name()) == wanted
        };
        let mut namesakes = candidates.filter(is_it);
        let mut one = namesakes.next();
        let mut several: Vec<Resource<'_>> = namesakes.collect();
        if !several.is_empty() {
            several.extend(one.take());
            several.sort_by_key(|user| (!user.is_active(), user.place()));
        }
        one.into_iter().chain(several)
    }

    /// How a name of one word becomes given and family name.
    pub(super) fn names(&self) -> Names {
        self.names
    }

    pub(super) fn user_at(&self, place: u32) -> Option<Resource<'_>> {
        let place = place as usize;
        (place < self.users.count()).then(|| self.as_user(place))
    }

    pub(super) fn group_at(&self, place: u32) -> Option<Resource<'_>> {
        let place = place as usize;
        (place < self.groups.count()).then(|| self.as_group(place))
    }

    fn as_user(&self, place: usize) -> Resource<'_> {
        Resource::User(UserRef { served: self, person: &self.directory.people[place], place })
    }

    fn as_group(&self, place: usize) -> Resource<'_> {
        Resource::Group(GroupRef { served: self, team: &self.directory.teams[place], place })
    }
}

impl<'a> Resource<'a> {
    fn place(self) -> usize {
        match self {
            Self::User(user) => user.place,
            Self::Group(group) => group.place,
        }
    }

    /// The SCIM id.
    #[must_use]
    pub fn id(self) -> &'a str {
        match self {
            Self::User(user) => user.served.users.id(user.place),
            Self::Group(group) => group.served.groups.id(group.place),
        }
    }

    /// The weak ETag of the resource: `W/"…"`.
    #[must_use]
    pub fn version(self) -> &'a str {
        match self {
            Self::User(user) => user.served.users.version(user.place).as_str(),
            Self::Group(group) => group.served.groups.version(group.place).as_str(),
        }
    }

    /// The response to a request without `attributes` and `excludedAttributes`, which is prepared
    /// once for each generation.
    #[must_use]
    pub fn ready(self) -> Bytes {
        self.chunk().shared()
    }

    /// The same as a chunk that borrows from the snapshot.
    pub(super) fn chunk(self) -> Chunk<'a> {
        self.shelved().unwrap_or_else(|| {
            let mut made = Vec::new();
            render::resource(&mut made, self, &Projection::default_of(self.resource_type()));
            Chunk::Made(made.into())
        })
    }

    fn shelved(self) -> Option<Chunk<'a>> {
        let place = self.place();
        self.served().shelved(self.resource_type(), place..place + 1)
    }

    /// The URL of the resource, as a slice of the prepared response where possible.
    #[must_use]
    pub fn ready_location(self) -> Bytes {
        let cut = || {
            let answer = self.shelved()?.shared();
            let parts = [self.served().base_url(), self.resource_type().endpoint, "/", self.id()];
            let end = answer.len().checked_sub(AFTER_LOCATION.len())?;
            let start = end.checked_sub(parts.map(str::len).iter().sum())?;
            // If JSON escapes the location, it is longer there, so the slice would not begin at the
            // location.
            answer[..start].ends_with(BEFORE_LOCATION.as_bytes()).then(|| answer.slice(start..end))
        };
        cut().unwrap_or_else(|| self.location().into())
    }
}
