//! Responses that are prepared when a served snapshot is built.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;

use super::index::Index;

/// The number of prepared responses in a block. They are stored one after the other, separated by
/// commas, as in a page, so a part of a list is a few slices of blocks. If one resource changes,
/// only its block is rebuilt; the other blocks are shared between generations.
pub(super) const BLOCK: usize = 64;

/// The prepared responses of one resource type. Positions are those in the directory.
#[derive(Clone, Debug, Default)]
pub(super) struct ResponseCache {
    all: Vec<ResponseBlock>,
    by_id: Arc<Index>,
    count: usize,
}

/// A block of prepared responses, for up to [`SHELF`] consecutive resources.
#[derive(Clone, Debug)]
pub(super) struct ResponseBlock {
    ids: Arc<[Box<str>]>,
    /// The responses to requests without `attributes` and `excludedAttributes`. Empty if responses
    /// are rendered on request.
    answers: Bytes,
    /// The span of each response. Separate from the less frequently used fields, so that more spans
    /// fit in the CPU cache.
    spans: Arc<[ResponseSpan]>,
    versions: Arc<[ETag]>,
    /// The offset of the id in each response. It is the same in all: they begin with the same
    /// bytes.
    id_at: usize,
}

/// The position of a response in its block.
#[derive(Clone, Copy, Debug)]
pub(super) struct ResponseSpan {
    from: u32,
    to: u32,
    id_length: u16,
    /// The offset of the userName in the response. The name is compared there because those bytes
    /// are sent next. With its length in bytes; 0 if the JSON form of the name is escaped, or if
    /// there is no userName.
    name_at: u16,
    name_length: u16,
}

impl ResponseSpan {
    /// The span of the response that was written last: from offset `from` to the end. It has this
    /// id and name.
    pub fn locate(written: &[u8], from: usize, id: &str, name: &str) -> Self {
        let (name_at, name_length) = Self::place_of(name, &written[from..]).unwrap_or_default();
        // These conversions do not fail in practice: no block exceeds 4 GB, and no request has room
        // for an id of 64 KB.
        let place = |place| u32::try_from(place).unwrap_or(u32::MAX);
        let id_length = id.len().try_into().unwrap_or(u16::MAX);
        Self { from: place(from), to: place(written.len()), id_length, name_at, name_length }
    }

    /// Returns the offset and length of the userName in a response, if its JSON form is not
    /// escaped.
    fn place_of(name: &str, answer: &[u8]) -> Option<(u16, u16)> {
        // No JSON string can contain this: quotes in strings are escaped.
        const USER_NAME: &[u8] = br#""userName":""#;
        let at = memchr::memmem::find(answer, USER_NAME)? + USER_NAME.len();
        answer[at..].strip_prefix(name.as_bytes())?.strip_prefix(b"\"")?;
        Some((at.try_into().ok()?, name.len().try_into().ok()?))
    }
}

/// A chunk of a JSON response.
pub(super) enum Chunk<'s> {
    /// Consecutive prepared responses. Borrowed: most chunks are copied, which needs no update of a
    /// reference count.
    Cached {
        /// All responses of the block.
        block: &'s Bytes,
        /// The slice of `block` to send.
        answers: &'s [u8],
    },
    /// A response rendered on request.
    Made(Bytes),
}

impl Chunk<'_> {
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Cached { answers, .. } => answers,
            Self::Made(made) => made,
        }
    }

    /// Returns the chunk as shared bytes, which may outlive the snapshot.
    pub fn shared(self) -> Bytes {
        match self {
            Self::Cached { block, answers } => block.slice_ref(answers),
            Self::Made(made) => made,
        }
    }
}

/// The JSON before the location in a response.
pub(super) const BEFORE_LOCATION: &str = r#""location":""#;

/// The JSON after the location in a response, with dots in place of the hash.
pub(super) const AFTER_LOCATION: &str = r#"","version":"W/\"................\""}}"#;

/// A weak ETag, including the quotes: `W/"…"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ETag([u8; 20]);

impl ETag {
    /// The placeholder in a response before its version, a hash of the response, is known.
    pub const PENDING: Self = Self(*b"W/\"................\"");

    /// The range of the hash in the ETag: sixteen characters.
    const HASH: Range<usize> = 3..19;

    pub fn as_str(&self) -> &str {
        // It is always ASCII.
        str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Writes the version into a response that has the placeholder, and returns it.
    ///
    /// RFC 7644 §3.14: the version belongs to the stored resource. It is therefore a hash of the
    /// whole response, whichever attributes a client requests. Volatile values are not in that
    /// response, so they do not change the version.
    pub fn settle(answer: &mut [u8]) -> Self {
        let mut version = Self::PENDING;
        // Twelve bytes are sixteen characters in base64url.
        let hash = digest(&SHA256, answer);
        let _ = URL_SAFE_NO_PAD.encode_slice(&hash.as_ref()[..12], &mut version.0[Self::HASH]);
        // `meta.version` is the last string of a response, so search from the end: a name earlier
        // in the response could contain the same dots.
        let dots = &Self::PENDING.0[Self::HASH];
        if let Some(at) = memchr::memmem::rfind(answer, dots) {
            answer[at..at + dots.len()].copy_from_slice(&version.0[Self::HASH]);
        }
        version
    }
}

/// The JSON before an id.
const ID: &[u8] = br#""id":""#;

impl ResponseBlock {
    /// Returns this block with one response for each id: their spans, versions and bytes.
    pub fn filled(&self, spans: Vec<ResponseSpan>, versions: Vec<ETag>, answers: Vec<u8>) -> Self {
        let id_at = memchr::memmem::find(&answers, ID).map_or(0, |at| at + ID.len());
        let answers = answers.into_boxed_slice().into();
        Self {
            ids: Arc::clone(&self.ids),
            answers,
            spans: spans.into(),
            versions: versions.into(),
            id_at,
        }
    }

    /// Whether `id` is the id at this position within the block. It is compared in the response,
    /// whose bytes are sent next.
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

    /// Whether this block has responses, and they equal those of `other`: ids and versions are the
    /// same.
    pub fn is_good_for(&self, other: &Self) -> bool {
        self.is_filled() && self.ids == other.ids && self.versions == other.versions
    }

    /// The positions of the block's resources, given the block's number.
    pub fn places(&self, number: usize) -> Range<usize> {
        number * BLOCK..number * BLOCK + self.len()
    }

    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// The size of the responses in bytes.
    pub fn bytes(&self) -> usize {
        self.answers.len()
    }
}

impl ResponseCache {
    /// Creates blocks with ids and without responses.
    pub fn of_ids(prefix: &str, ids: impl Iterator<Item = impl fmt::Display>) -> Self {
        let ids: Vec<Box<str>> = ids.map(|id| format!("{prefix}{id}").into()).collect();
        let (count, by_id) = (ids.len(), Arc::new(Index::build(ids.iter().map(AsRef::as_ref))));
        let (mut ids, mut all) =
            (ids.into_iter().peekable(), Vec::with_capacity(count.div_ceil(BLOCK)));
        while ids.peek().is_some() {
            let ids = ids.by_ref().take(BLOCK).collect();
            all.push(ResponseBlock {
                ids,
                answers: Bytes::new(),
                spans: Arc::default(),
                versions: Arc::default(),
                id_at: 0,
            });
        }
        Self { all, by_id, count }
    }

    /// The number of resources.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The block with this number, counted from 0.
    pub fn get(&self, number: usize) -> Option<&ResponseBlock> {
        self.all.get(number)
    }

    /// The number of blocks.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Replaces a block with one for the same ids.
    pub fn put(&mut self, number: usize, neighbours: ResponseBlock) {
        self.all[number] = neighbours;
    }

    /// The id at this position.
    pub fn id(&self, place: usize) -> &str {
        &self.all[place / BLOCK].ids[place % BLOCK]
    }

    /// The version of the response at this position.
    pub fn version(&self, place: usize) -> &ETag {
        let versions = self.all.get(place / BLOCK).map(|neighbours| &neighbours.versions);
        versions.and_then(|versions| versions.get(place % BLOCK)).unwrap_or(&ETag::PENDING)
    }

    /// The position of the resource with this id.
    pub fn place(&self, id: &str) -> Option<u32> {
        self.by_id.candidates(id).find(|place| {
            let place = *place as usize;
            self.all[place / BLOCK].is_at(place % BLOCK, id)
        })
    }

    /// The responses at these positions, separated by commas, if the block has responses. All
    /// positions must be in one block.
    pub fn answers(&self, places: Range<usize>) -> Option<Chunk<'_>> {
        let last = places.end.checked_sub(1).filter(|last| *last >= places.start)?;
        let neighbours = self.all.get(places.start / BLOCK)?;
        let (first, last) =
            (neighbours.spans.get(places.start % BLOCK)?, neighbours.spans.get(last % BLOCK)?);
        // `None` if the block has no responses.
        let answers = neighbours.answers.get(first.from as usize..last.to as usize)?;
        Some(Chunk::Cached { block: &neighbours.answers, answers })
    }

    /// The userName in the response at this position, if the block has responses and the name's
    /// JSON form is not escaped.
    pub fn name(&self, place: usize) -> Option<&[u8]> {
        let neighbours = self.all.get(place / BLOCK)?;
        let ResponseSpan { from, name_at, name_length, .. } =
            *neighbours.spans.get(place % BLOCK)?;
        let from = from as usize + usize::from(name_at);
        neighbours
            .answers
            .get(from..from + usize::from(name_length))
            .filter(|name| !name.is_empty())
    }

    /// Returns a copy that keeps only the responses whose blocks are shared with `others`.
    pub fn shared_with(&self, others: &Self) -> Self {
        let all = self.all.iter().enumerate().map(|(number, neighbours)| {
            let shared = others
                .get(number)
                .is_some_and(|other| other.answers.as_ptr() == neighbours.answers.as_ptr());
            let answers = if shared { neighbours.answers.clone() } else { Bytes::new() };
            ResponseBlock { answers, ..neighbours.clone() }
        });
        Self { all: all.collect(), by_id: Arc::clone(&self.by_id), count: self.count }
    }
}
