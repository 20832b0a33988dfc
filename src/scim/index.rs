//! A hash index from strings to positions.

use std::borrow::Cow;
use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

/// Maps a string to positions. The strings are stored elsewhere: an index that also stores its keys
/// takes three times the memory.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    places: HashTable<u32>,
    state: DefaultHashBuilder,
}

impl Index {
    /// Builds the index of strings that are at the positions 0, 1, 2 …
    pub fn build<'a>(texts: impl ExactSizeIterator<Item = Cow<'a, str>>) -> Self {
        let state = DefaultHashBuilder::default();
        let hashes: Vec<u64> = texts.map(|text| state.hash_one(&*text)).collect();
        let mut places = HashTable::with_capacity(hashes.len());
        for (place, hash) in (0..).zip(&hashes) {
            places.insert_unique(*hash, place, |place: &u32| hashes[*place as usize]);
        }
        Self { places, state }
    }

    /// The positions whose string may equal `text`. The caller must compare with the string at each
    /// position.
    pub fn candidates(&self, text: &str) -> impl Iterator<Item = u32> {
        self.places.iter_hash(self.state.hash_one(text)).copied()
    }
}
