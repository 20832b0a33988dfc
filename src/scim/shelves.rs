//! Answers that are ready before anybody asks.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;

use super::index::Index;

/// How many ready answers stand on a shelf, one after the other with commas between, as a page holds them. A part of a
/// list is then a few slices of shelves. One change makes one shelf anew; the others are shared from generation to
/// generation.
pub(super) const SHELF: usize = 64;

/// What is made once for each resource of a type. Places are those in the directory.
#[derive(Clone, Debug, Default)]
pub(super) struct Shelves {
    all: Vec<Shelf>,
    by_id: Arc<Index>,
    count: usize,
}

/// A few neighbours.
#[derive(Clone, Debug)]
pub(super) struct Shelf {
    ids: Arc<[Box<str>]>,
    /// Their answers as they are without `attributes` and `excludedAttributes`; nothing where they are made when they are
    /// asked for.
    answers: Bytes,
    /// Where each answer is. Apart from what is asked for less, so that more of it stays close to the processor.
    spans: Arc<[Span]>,
    versions: Arc<[Version]>,
    /// Where in each answer the id stands: all begin the same.
    id_at: usize,
}

/// Where on its shelf an answer is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    from: u32,
    to: u32,
    id_length: u16,
    /// Where in the answer a user's name stands, to be compared there: it is sent next. And how long it is; 0 where JSON
    /// writes it in another way.
    name_at: u16,
    name_length: u16,
}

impl Span {
    /// Of what was written on a shelf last. It begins at `from` and holds this id and name.
    pub fn of(written: &[u8], from: usize, id: &str, name: &str) -> Self {
        let (name_at, name_length) = Self::place_of(name, &written[from..]).unwrap_or_default();
        // A shelf of more than four gigabytes does not fit any machine that this runs on, and no request has room for an id
        // of 64 KB.
        let place = |place| u32::try_from(place).unwrap_or(u32::MAX);
        let id_length = id.len().try_into().unwrap_or(u16::MAX);
        Self { from: place(from), to: place(written.len()), id_length, name_at, name_length }
    }

    /// Where a name stands in an answer, and how long it is, if it stands there as it is.
    fn place_of(name: &str, answer: &[u8]) -> Option<(u16, u16)> {
        // No text can hold this: its quotes have backslashes.
        const USER_NAME: &[u8] = br#""userName":""#;
        let at = memchr::memmem::find(answer, USER_NAME)? + USER_NAME.len();
        answer[at..].strip_prefix(name.as_bytes())?.strip_prefix(b"\"")?;
        Some((at.try_into().ok()?, name.len().try_into().ok()?))
    }
}

/// JSON that is to be sent.
pub(super) enum Piece<'s> {
    /// Answers that stand next to each other. Most are only copied from there, which moves no counter.
    Standing {
        /// All that stand there.
        shelf: &'s Bytes,
        /// These.
        answers: &'s [u8],
    },
    /// Made when it was asked for.
    Made(Bytes),
}

impl Piece<'_> {
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Standing { answers, .. } => answers,
            Self::Made(made) => made,
        }
    }

    /// To be kept longer than the shelf.
    pub fn shared(self) -> Bytes {
        match self {
            Self::Standing { shelf, answers } => shelf.slice_ref(answers),
            Self::Made(made) => made,
        }
    }
}

/// What stands before the location in an answer.
pub(super) const BEFORE_LOCATION: &str = r#""location":""#;

/// What follows the location in an answer, but for the hash.
pub(super) const AFTER_LOCATION: &str = r#"","version":"W/\"................\""}}"#;

/// A weak ETag, quotes and all: `W/"…"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Version([u8; 20]);

impl Version {
    /// What stands in an answer while its version, a hash of it, is not known yet.
    pub const PENDING: Self = Self(*b"W/\"................\"");

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
    pub fn settle(answer: &mut [u8]) -> Self {
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

/// What stands before an id.
const ID: &[u8] = br#""id":""#;

impl Shelf {
    /// The same with answers, one for each id: where they are, their versions, and their bytes.
    pub fn filled(&self, spans: Vec<Span>, versions: Vec<Version>, answers: Vec<u8>) -> Self {
        let id_at = memchr::memmem::find(&answers, ID).map_or(0, |at| at + ID.len());
        let answers = answers.into_boxed_slice().into();
        Self { ids: Arc::clone(&self.ids), answers, spans: spans.into(), versions: versions.into(), id_at }
    }

    /// Whether that is the id at a place, counted on this shelf. It is compared in the answer, which is sent next.
    fn is_at(&self, place: usize, id: &str) -> bool {
        match self.spans.get(place).filter(|_| self.is_filled()) {
            Some(span) => {
                let shown = self.answers.get(span.from as usize + self.id_at..).unwrap_or_default();
                usize::from(span.id_length) == id.len() && shown.starts_with(id.as_bytes())
            }
            None => *self.ids[place] == *id,
        }
    }

    pub fn is_filled(&self) -> bool {
        !self.answers.is_empty()
    }

    /// Whether this has answers, and they are those of the other.
    pub fn is_good_for(&self, other: &Self) -> bool {
        self.is_filled() && self.ids == other.ids && self.versions == other.versions
    }

    /// The places that it holds, if it is the shelf of that number.
    pub fn places(&self, number: usize) -> Range<usize> {
        number * SHELF..number * SHELF + self.len()
    }

    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// How many bytes its answers take.
    pub fn bytes(&self) -> usize {
        self.answers.len()
    }
}

impl Shelves {
    /// With ids, and without answers.
    pub fn of_ids(prefix: &str, ids: impl Iterator<Item = impl fmt::Display>) -> Self {
        let ids: Vec<Box<str>> = ids.map(|id| format!("{prefix}{id}").into()).collect();
        let (count, by_id) = (ids.len(), Arc::new(Index::of(ids.iter().map(AsRef::as_ref))));
        let (mut ids, mut all) = (ids.into_iter().peekable(), Vec::with_capacity(count.div_ceil(SHELF)));
        while ids.peek().is_some() {
            let ids = ids.by_ref().take(SHELF).collect();
            all.push(Shelf { ids, answers: Bytes::new(), spans: Arc::default(), versions: Arc::default(), id_at: 0 });
        }
        Self { all, by_id, count }
    }

    /// How many answers there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The shelf of that number, counted from 0.
    pub fn get(&self, number: usize) -> Option<&Shelf> {
        self.all.get(number)
    }

    /// How many shelves there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Puts a shelf in the place of one with the same ids.
    pub fn put(&mut self, number: usize, neighbours: Shelf) {
        self.all[number] = neighbours;
    }

    /// The id at a place.
    pub fn id(&self, place: usize) -> &str {
        &self.all[place / SHELF].ids[place % SHELF]
    }

    /// The version of the answer at a place.
    pub fn version(&self, place: usize) -> &Version {
        let versions = self.all.get(place / SHELF).map(|neighbours| &neighbours.versions);
        versions.and_then(|versions| versions.get(place % SHELF)).unwrap_or(&Version::PENDING)
    }

    /// Where the one with that id is.
    pub fn place(&self, id: &str) -> Option<u32> {
        self.by_id.candidates(id).find(|place| {
            let place = *place as usize;
            self.all[place / SHELF].is_at(place % SHELF, id)
        })
    }

    /// The answers at neighbouring places of one shelf with commas between, if it has them.
    pub fn answers(&self, places: Range<usize>) -> Option<Piece<'_>> {
        let last = places.end.checked_sub(1).filter(|last| *last >= places.start)?;
        let neighbours = self.all.get(places.start / SHELF)?;
        let (first, last) = (neighbours.spans.get(places.start % SHELF)?, neighbours.spans.get(last % SHELF)?);
        // None of a shelf without answers.
        let answers = neighbours.answers.get(first.from as usize..last.to as usize)?;
        Some(Piece::Standing { shelf: &neighbours.answers, answers })
    }

    /// The name in the answer at a place, if it stands there as it is.
    pub fn name(&self, place: usize) -> Option<&[u8]> {
        let neighbours = self.all.get(place / SHELF)?;
        let Span { from, name_at, name_length, .. } = *neighbours.spans.get(place % SHELF)?;
        let from = from as usize + usize::from(name_at);
        neighbours.answers.get(from..from + usize::from(name_length)).filter(|name| !name.is_empty())
    }

    /// The same, with those answers alone that others also have.
    pub fn shared_with(&self, others: &Self) -> Self {
        let all = self.all.iter().enumerate().map(|(number, neighbours)| {
            let shared = others.get(number).is_some_and(|other| other.answers.as_ptr() == neighbours.answers.as_ptr());
            let answers = if shared { neighbours.answers.clone() } else { Bytes::new() };
            Shelf { answers, ..neighbours.clone() }
        });
        Self { all: all.collect(), by_id: Arc::clone(&self.by_id), count: self.count }
    }
}
