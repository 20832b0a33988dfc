//! Places by a text.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

/// Places by a text that is kept elsewhere: an index that holds its keys too takes three times the room.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    places: HashTable<u32>,
    state: DefaultHashBuilder,
}

impl Index {
    pub fn of<'a>(texts: impl ExactSizeIterator<Item = &'a str>) -> Self {
        let state = DefaultHashBuilder::default();
        let hashes: Vec<u64> = texts.map(|text| state.hash_one(text)).collect();
        let mut places = HashTable::with_capacity(hashes.len());
        for (place, hash) in (0..).zip(&hashes) {
            places.insert_unique(*hash, place, |place: &u32| hashes[*place as usize]);
        }
        Self { places, state }
    }

    /// The places that may be those of a text; the text at the place has the last word.
    pub fn candidates(&self, text: &str) -> impl Iterator<Item = u32> {
        self.places.iter_hash(self.state.hash_one(text)).copied()
    }
}
