//! A workspace at one generation, ready to be asked. It never changes: a new generation is a new picture.

use std::borrow::Cow;
use std::hash::BuildHasher;
use std::ops::Range;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use hashbrown::{DefaultHashBuilder, HashTable};

use super::project::Projection;
use super::render;
use super::resource_types;
use super::schema::{self, ResourceType};
use super::value::{GroupRef, Resource, UserRef};
use crate::directory::{Directory, Edition, Link, Names, Workspace};

/// A workspace's users and groups as SCIM shows them. What did not change from one generation to the next is shared
/// between their pictures, so that keeping several takes little more room than keeping one.
#[derive(Debug)]
pub struct Picture {
    directory: Arc<Directory>,
    base_url: String,
    /// Whether the ready answers begin with another address.
    elsewhere: bool,
    names: Names,
    users: Arc<Shelved>,
    groups: Arc<Shelved>,
    /// By the folded userName, which is not caseExact (RFC 7643 §4.1.1).
    users_by_name: Arc<Index>,
}

/// As names are compared that are not caseExact. Most are in lower case already.
fn folded(name: &str) -> Cow<'_, str> {
    // To the end in any case: then many bytes are looked at in one step.
    let changes = name.bytes().fold(false, |any, byte| any | !byte.is_ascii() | byte.is_ascii_uppercase());
    if changes { name.to_lowercase().into() } else { name.into() }
}

/// What is made once for each resource of a type. Places are those in the directory.
#[derive(Clone, Debug, Default)]
struct Shelved {
    entries: Vec<Entry>,
    by_id: Index,
    /// The answers as they are without `attributes` and `excludedAttributes`, [`SHELF`] on each.
    shelves: Vec<Bytes>,
}

/// What is made once for a resource.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub id: Box<str>,
    answer: Answer,
}

/// An answer, and where on its shelf it is.
#[derive(Clone, Copy, Debug)]
struct Answer {
    version: Version,
    from: u32,
    to: u32,
    /// Where in the answer a user's name stands, to be compared there: it is sent next. And how long it is; 0 where JSON
    /// writes it in another way.
    name_at: u16,
    name_length: u16,
}

impl Answer {
    /// Before there is one.
    const PENDING: Self = Self { version: Version::PENDING, from: 0, to: 0, name_at: 0, name_length: 0 };

    /// Where a name stands in an answer, and how long it is, if it stands there as it is.
    fn place_of(name: &str, answer: &[u8]) -> Option<(u16, u16)> {
        // No text can hold this: its quotes have backslashes.
        const USER_NAME: &[u8] = br#""userName":""#;
        let at = memchr::memmem::find(answer, USER_NAME)? + USER_NAME.len();
        answer[at..].strip_prefix(name.as_bytes())?.strip_prefix(b"\"")?;
        Some((at.try_into().ok()?, name.len().try_into().ok()?))
    }
}

/// A weak ETag, quotes and all: `W/"…"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Version([u8; 20]);

impl Version {
    /// What stands in an answer while its version, a hash of it, is not known yet.
    const PENDING: Self = Self(*b"W/\"................\"");

    /// Length of the hash in characters, and where it begins.
    const HASH: Range<usize> = 3..19;

    pub fn as_str(&self) -> &str {
        // It is made of ASCII.
        str::from_utf8(&self.0).unwrap_or_default()
    }

    /// RFC 7644 §3.14: the version is of the stored resource, so it is a hash of the whole answer, whatever
    /// part of it somebody asks for. Volatile values are not in that answer and not in the version.
    ///
    /// Takes an answer with a pending version, and writes the version into it.
    fn settle(answer: &mut [u8]) -> Self {
        let mut version = Self::PENDING;
        // Twelve bytes are sixteen characters.
        let hash = digest(&SHA256, answer);
        let _ = URL_SAFE_NO_PAD.encode_slice(&hash.as_ref()[..12], &mut version.0[Self::HASH]);
        // `meta.version` is the last text of an answer; before it, somebody's name could look like it.
        let dots = &Self::PENDING.0[Self::HASH];
        if let Some(at) = memchr::memmem::rfind(answer, dots) {
            answer[at..at + dots.len()].copy_from_slice(&version.0[Self::HASH]);
        }
        version
    }
}

/// Places by a text that is kept elsewhere: an index that holds its keys too takes three times the room.
#[derive(Clone, Debug, Default)]
struct Index {
    places: HashTable<u32>,
    state: DefaultHashBuilder,
}

impl Index {
    fn of<'a>(texts: impl ExactSizeIterator<Item = &'a str>) -> Self {
        let state = DefaultHashBuilder::default();
        let hashes: Vec<u64> = texts.map(|text| state.hash_one(text)).collect();
        let mut places = HashTable::with_capacity(hashes.len());
        for (place, hash) in (0..).zip(&hashes) {
            places.insert_unique(*hash, place, |place: &u32| hashes[*place as usize]);
        }
        Self { places, state }
    }

    /// The places that may be those of a text; the text at the place has the last word.
    fn candidates(&self, text: &str) -> impl Iterator<Item = u32> {
        self.places.iter_hash(self.state.hash_one(text)).copied()
    }
}

/// How many ready answers stand on a shelf, one after the other with commas between, as a page holds them. A part of a
/// list is then a few slices of shelves. One change makes one shelf anew; the others are shared from generation to
/// generation.
const SHELF: usize = 64;

impl Shelved {
    fn of_ids(prefix: &str, ids: impl Iterator<Item = impl std::fmt::Display>) -> Self {
        let entry = |id| Entry { id: format!("{prefix}{id}").into(), answer: Answer::PENDING };
        let entries: Vec<Entry> = ids.map(entry).collect();
        Self { by_id: Index::of(entries.iter().map(|entry| &*entry.id)), entries, shelves: Vec::new() }
    }

    fn place(&self, id: &str) -> Option<u32> {
        self.by_id.candidates(id).find(|place| &*self.entries[*place as usize].id == id)
    }

    fn body(&self, place: usize) -> Bytes {
        let Answer { from, to, .. } = self.entries[place].answer;
        self.shelves[place / SHELF].slice(from as usize..to as usize)
    }

    /// The name in the answer at a place, if it stands there as it is.
    fn name(&self, place: usize) -> Option<&str> {
        let Answer { from, name_at, name_length, .. } = self.entries.get(place)?.answer;
        let from = from as usize + usize::from(name_at);
        let name = self.shelves.get(place / SHELF)?.get(from..from + usize::from(name_length))?;
        str::from_utf8(name).ok().filter(|name| !name.is_empty())
    }
}

impl Picture {
    /// Makes the picture of a directory. `base_url` is the root of the workspace's SCIM service, without a
    /// slash at its end; locations and references begin with it. `previous` is an earlier picture, to share with.
    #[must_use]
    pub fn new(directory: Directory, base_url: impl Into<String>, names: Names, previous: Option<&Self>) -> Self {
        let users = Shelved::of_ids("adm_", directory.people.iter().map(|person| &person.user.id));
        let groups = Shelved::of_ids("team_", directory.teams.iter().map(|team| &team.group.id));
        let mut picture = Self {
            directory: Arc::new(directory),
            base_url: base_url.into(),
            elsewhere: false,
            names,
            users: Arc::new(users),
            groups: Arc::new(groups),
            users_by_name: Arc::default(),
        };
        let names: Vec<Cow<'_, str>> = picture.all(resource_types::USER).map(|user| folded(user.name())).collect();
        let users_by_name = Index::of(names.iter().map(AsRef::as_ref));
        picture.users_by_name = Arc::new(users_by_name);
        picture.make_ready(previous);
        picture
    }

    /// The same picture, seen from another address: locations and references begin with that. Its answers are made when
    /// they are asked for.
    #[must_use]
    pub fn seen_from(&self, base_url: impl Into<String>) -> Self {
        Self {
            directory: Arc::clone(&self.directory),
            base_url: base_url.into(),
            elsewhere: true,
            names: self.names,
            users: Arc::clone(&self.users),
            groups: Arc::clone(&self.groups),
            users_by_name: Arc::clone(&self.users_by_name),
        }
    }

    fn make_ready(&mut self, previous: Option<&Self>) {
        for kind in resource_types::ALL {
            let (shelves, answers) = self.write_shelves(kind, previous);
            let ready = self.shelved_mut(kind);
            for (entry, answer) in ready.entries.iter_mut().zip(answers) {
                entry.answer = answer;
            }
            ready.shelves = shelves;
        }
    }

    /// Writes the answers of a type onto shelves, or takes the earlier shelf where it holds the same.
    fn write_shelves(&self, kind: &ResourceType, previous: Option<&Self>) -> (Vec<Bytes>, Vec<Answer>) {
        let entries = &self.shelved(kind).entries;
        let before = previous.map(|picture| picture.shelved(kind));
        let mut before = before.iter().flat_map(|shelved| shelved.entries.chunks(SHELF).zip(&shelved.shelves));
        let mut shelves = Vec::with_capacity(entries.len().div_ceil(SHELF));
        let mut answers = Vec::with_capacity(entries.len());
        let mut written = Vec::new();
        for (start, neighbours) in (0..).step_by(SHELF).zip(entries.chunks(SHELF)) {
            let earlier = before.next();
            if let (Some((was, kept)), Some(previous)) = (earlier, previous)
                && was.len() == neighbours.len()
                && (start..start + was.len()).all(|place| self.says_the_same(previous, kind, place))
            {
                answers.extend(was.iter().map(|entry| entry.answer));
                shelves.push(kept.clone());
                continue;
            }
            written.clear();
            for resource in self.part(kind, start..start + neighbours.len()) {
                if !written.is_empty() {
                    written.push(b',');
                }
                let from = written.len();
                render::resource(&mut written, resource, &Projection::default_of(kind));
                let version = Version::settle(&mut written[from..]);
                let (name_at, name_length) = Answer::place_of(resource.name(), &written[from..]).unwrap_or_default();
                // A shelf of more than four gigabytes does not fit any machine that this runs on.
                let place = |place| u32::try_from(place).unwrap_or(u32::MAX);
                answers.push(Answer { version, from: place(from), to: place(written.len()), name_at, name_length });
            }
            let same = |before: &[Entry]| {
                let now = neighbours.iter().zip(&answers[start..]);
                let same = |(was, (is, answer)): (&Entry, (&Entry, &Answer))| {
                    was.id == is.id && was.answer.version == answer.version
                };
                before.len() == neighbours.len() && before.iter().zip(now).all(same)
            };
            shelves.push(match earlier.filter(|(before, _)| same(before)) {
                Some((_, kept)) => kept.clone(),
                None => Bytes::copy_from_slice(&written),
            });
        }
        (shelves, answers)
    }

    /// Whether the answer at a place is the one that an earlier picture has there: nothing is different that it shows.
    fn says_the_same(&self, earlier: &Self, kind: &ResourceType, place: usize) -> bool {
        let (now, was) = (&self.directory, &earlier.directory);
        let same_service = self.base_url == earlier.base_url && self.names == earlier.names;
        if !same_service || now.workspace != was.workspace {
            return false;
        }
        if *kind == schema::USER {
            let same_team = |link: &Link| {
                let place = link.place as usize;
                was.teams.get(place).is_some_and(|team| Arc::ptr_eq(&team.group, &now.teams[place].group))
            };
            let (Some(is), Some(was)) = (now.people.get(place), was.people.get(place)) else { return false };
            Arc::ptr_eq(&is.user, &was.user)
                && is.stamps == was.stamps
                && is.teams == was.teams
                && is.teams.iter().all(same_team)
        } else {
            let same_person = |link: &Link| {
                let place = link.place as usize;
                was.people.get(place).is_some_and(|person| Arc::ptr_eq(&person.user, &now.people[place].user))
            };
            let (Some(is), Some(was)) = (now.teams.get(place), was.teams.get(place)) else { return false };
            Arc::ptr_eq(&is.group, &was.group)
                && is.stamps == was.stamps
                && is.members == was.members
                && is.members.iter().all(same_person)
        }
    }

    fn shelved(&self, kind: &ResourceType) -> &Shelved {
        if *kind == schema::USER { &self.users } else { &self.groups }
    }

    fn shelved_mut(&mut self, kind: &ResourceType) -> &mut Shelved {
        Arc::make_mut(if *kind == schema::USER { &mut self.users } else { &mut self.groups })
    }

    /// The ready answers of a type at these places, as slices of shelves; to be joined by commas.
    pub(super) fn ready_part(&self, kind: &ResourceType, places: Range<usize>) -> impl Iterator<Item = Bytes> {
        let shelved = self.shelved(kind);
        let (on_shelves, made) = if self.elsewhere { (0..0, places) } else { (places, 0..0) };
        let made = self.part(kind, made).map(Resource::ready);
        Self::on_shelves(shelved, on_shelves).chain(made)
    }

    fn on_shelves(shelved: &Shelved, places: Range<usize>) -> impl Iterator<Item = Bytes> {
        let of_shelf = move |shelf: usize| {
            let first = places.start.max(shelf * SHELF);
            let last = places.end.min((shelf + 1) * SHELF).checked_sub(1).filter(|last| *last >= first)?;
            let (first, last) = (shelved.entries.get(first)?, shelved.entries.get(last)?);
            Some(shelved.shelves[shelf].slice(first.answer.from as usize..last.answer.to as usize))
        };
        (places.start / SHELF..places.end.div_ceil(SHELF)).filter_map(of_shelf)
    }

    /// What it shows.
    #[must_use]
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// Which list of people it shows.
    #[must_use]
    pub fn edition(&self) -> Edition {
        self.directory.edition
    }

    /// Which workspace it shows.
    #[must_use]
    pub fn workspace(&self) -> &Workspace {
        &self.directory.workspace
    }

    /// The root of the workspace's SCIM service.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The user or group with that SCIM id; ids are caseExact (RFC 7643 §3.1).
    #[must_use]
    pub fn by_id(&self, id: &str) -> Option<Resource<'_>> {
        match self.users.place(id) {
            Some(place) => self.user_at(place),
            None => self.groups.place(id).and_then(|place| self.group_at(place)),
        }
    }

    /// How many resources of a type there are.
    #[must_use]
    pub fn count(&self, kind: &ResourceType) -> usize {
        self.shelved(kind).entries.len()
    }

    /// The resources of a type, by id.
    #[must_use]
    pub fn all(&self, kind: &ResourceType) -> impl ExactSizeIterator<Item = Resource<'_>> {
        self.part(kind, 0..self.count(kind))
    }

    /// The resources of a type at these places, by id. Places that there are not are left out.
    #[must_use]
    pub fn part(&self, kind: &ResourceType, places: Range<usize>) -> impl ExactSizeIterator<Item = Resource<'_>> {
        let places = places.start.min(self.count(kind))..places.end.min(self.count(kind));
        let user = *kind == schema::USER;
        places.map(move |place| if user { self.as_user(place) } else { self.as_group(place) })
    }

    /// The users with that userName, in any case.
    ///
    /// NB: somebody who left and was invited again is two accounts of one userName, which RFC 7643 §4.1.1 has be
    /// unique. Both are kept, since pullers know them by id; whoever asks for the name sees the active one first.
    pub fn users_named(&self, user_name: &str) -> impl Iterator<Item = Resource<'_>> {
        let wanted = folded(user_name);
        let candidates = self.users_by_name.candidates(&wanted).filter_map(|place| self.user_at(place));
        let is_it = |user: &Resource<'_>| {
            let name = self.users.name(user.place()).unwrap_or_else(|| user.name());
            folded(name) == wanted
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

    /// How names of one word are split.
    pub(super) fn names(&self) -> Names {
        self.names
    }

    pub(super) fn user_at(&self, place: u32) -> Option<Resource<'_>> {
        let place = place as usize;
        (place < self.users.entries.len()).then(|| self.as_user(place))
    }

    pub(super) fn group_at(&self, place: u32) -> Option<Resource<'_>> {
        let place = place as usize;
        (place < self.groups.entries.len()).then(|| self.as_group(place))
    }

    fn as_user(&self, place: usize) -> Resource<'_> {
        let (person, entry) = (&self.directory.people[place], &self.users.entries[place]);
        Resource::User(UserRef { picture: self, person, entry, place })
    }

    fn as_group(&self, place: usize) -> Resource<'_> {
        let (team, entry) = (&self.directory.teams[place], &self.groups.entries[place]);
        Resource::Group(GroupRef { picture: self, team, entry, place })
    }
}

impl<'a> Resource<'a> {
    fn place(self) -> usize {
        match self {
            Self::User(user) => user.place,
            Self::Group(group) => group.place,
        }
    }

    /// The weak ETag: `W/"…"`.
    #[must_use]
    pub fn version(self) -> &'a str {
        match self {
            Self::User(user) => user.entry.answer.version.as_str(),
            Self::Group(group) => group.entry.answer.version.as_str(),
        }
    }

    /// The answer that is made once for a generation: the resource without `attributes` and `excludedAttributes`.
    #[must_use]
    pub fn ready(self) -> Bytes {
        match self {
            Self::User(user) if !user.picture.elsewhere => user.picture.users.body(user.place),
            Self::Group(group) if !group.picture.elsewhere => group.picture.groups.body(group.place),
            elsewhere => {
                let mut made = Vec::new();
                render::resource(&mut made, elsewhere, &Projection::default_of(elsewhere.resource_type()));
                made.into()
            }
        }
    }
}
