//! Responses that are prepared when a served snapshot is built.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::etag::ETag;
use super::project::Projection;
use super::render;
use super::view::{OfKind, Resource, ResourceKind, View};

/// The response to each resource of a [`View`], for requests without `attributes` and
/// `excludedAttributes`. Cheap to clone. What the cache does not hold is rendered on request.
#[derive(Clone, Debug, Default)]
pub(super) struct ResponseCache {
    blocks: OfKind<Arc<[Block]>>,
}

/// The number of responses in a block. With larger blocks, a page has fewer slices; with smaller
/// ones, less is rendered again after a change.
const BLOCK: usize = 64;

/// The responses to up to [`BLOCK`] consecutive resources. They are stored one after the other,
/// separated by commas, as in a page, so a part of a list is a few slices of blocks. If one
/// resource changes, only its block is rendered again; the other blocks are shared between
/// generations.
#[derive(Clone, Debug, Default)]
struct Block {
    /// Empty if the cache does not hold these responses.
    responses: Bytes,
    /// The offset of the end of each response.
    ends: Arc<[u32]>,
}

impl ResponseCache {
    /// Renders the response to each resource of a view, and sets the versions of the resources.
    /// Blocks are shared with the cache of an earlier view as far as they are the same.
    pub fn build(view: &mut View, earlier: Option<(&View, &Self)>) -> Self {
        let mut cache = Self::default();
        for kind in ResourceKind::ALL {
            let mut versions = Vec::with_capacity(view.count(kind));
            cache.blocks[kind as usize] =
                build_blocks(view, kind, earlier, Some(&mut versions)).into();
            view.set_versions(kind, versions);
        }
        cache
    }

    /// Renders the response to each resource of a view whose versions are set already, because it is
    /// another one with other URLs.
    pub fn with_given_versions(view: &View, earlier: Option<(&View, &Self)>) -> Self {
        let blocks = |kind| build_blocks(view, kind, earlier, None).into();
        Self { blocks: ResourceKind::ALL.map(blocks) }
    }

    /// The response to one resource.
    pub fn response(&self, resource: Resource<'_>) -> Bytes {
        let place = resource.place();
        let block = self.block(resource.kind(), place / BLOCK);
        let cached = block.and_then(|block| block.slice(place % BLOCK..place % BLOCK + 1));
        cached.unwrap_or_else(|| rendered(resource))
    }

    /// The responses to the resources of a kind at these positions, as chunks to be joined by
    /// commas.
    pub fn responses<'a>(
        &'a self,
        view: &'a View,
        kind: ResourceKind,
        places: Range<usize>,
    ) -> impl Iterator<Item = Bytes> {
        let blocks = places.start / BLOCK..places.end.div_ceil(BLOCK);
        blocks.flat_map(move |number| {
            let first = number * BLOCK;
            let part = places.start.max(first)..places.end.min(first + BLOCK);
            let block = self.block(kind, number);
            match block.and_then(|block| block.slice(part.start - first..part.end - first)) {
                Some(cached) => vec![cached],
                None => view.part(kind, part).map(rendered).collect(),
            }
        })
    }

    /// Returns a copy that keeps only the blocks that it shares with a newer cache.
    pub fn shared_with(&self, newer: &Self) -> Self {
        let shared = |ours: &[Block], theirs: &[Block]| -> Arc<[Block]> {
            let keep = |(number, block): (usize, &Block)| {
                let is_shared =
                    theirs.get(number).is_some_and(|other| Arc::ptr_eq(&block.ends, &other.ends));
                if is_shared { block.clone() } else { Block::default() }
            };
            ours.iter().enumerate().map(keep).collect()
        };
        let of_kind =
            |kind: ResourceKind| shared(&self.blocks[kind as usize], &newer.blocks[kind as usize]);
        Self { blocks: ResourceKind::ALL.map(of_kind) }
    }

    fn block(&self, kind: ResourceKind, number: usize) -> Option<&Block> {
        self.blocks[kind as usize].get(number)
    }
}

impl Block {
    /// The consecutive responses at these positions within the block, if the cache holds them.
    fn slice(&self, places: Range<usize>) -> Option<Bytes> {
        let last = places.end.checked_sub(1).filter(|last| *last >= places.start)?;
        let end = *self.ends.get(last)?;
        let start = match places.start.checked_sub(1) {
            // A comma follows each response.
            Some(before) => self.ends[before] + 1,
            None => 0,
        };
        Some(self.responses.slice(start as usize..end as usize))
    }
}

/// Returns the blocks of a kind, and adds the versions of its resources to `versions`. If that is
/// `None`, the view has them already.
fn build_blocks(
    view: &View,
    kind: ResourceKind,
    earlier: Option<(&View, &ResponseCache)>,
    mut versions: Option<&mut Vec<ETag>>,
) -> Vec<Block> {
    let count = view.count(kind);
    let mut blocks = Vec::with_capacity(count.div_ceil(BLOCK));
    let mut size = 0;
    for number in 0..count.div_ceil(BLOCK) {
        let places = number * BLOCK..count.min((number + 1) * BLOCK);
        let previous = earlier.and_then(|(_, cache)| cache.block(kind, number));
        let unchanged = previous.zip(earlier).filter(|(block, (before, _))| {
            block.ends.len() == places.len()
                && places.clone().all(|place| view.is_unchanged(before, kind, place))
        });
        if let Some((block, (before, _))) = unchanged {
            if let Some(versions) = &mut versions {
                versions.extend_from_slice(&before.versions(kind)[places]);
            }
            blocks.push(block.clone());
            continue;
        }
        // Reserve the size of this block in the earlier cache, or else of the preceding block, and
        // an eighth more. A buffer that has to grow briefly takes twice the memory, and the block
        // with the team of all teammates is a tenth of the total.
        size = previous.map_or(size, |block| block.responses.len());
        let block = render_block(view, kind, places, size + size / 8, versions.as_deref_mut());
        size = block.responses.len();
        // Values that differ, or are not shared, may still render to the same responses.
        let same = previous.filter(|previous| previous.responses == block.responses);
        blocks.push(same.cloned().unwrap_or(block));
    }
    blocks
}

/// Renders a block and adds the versions of its resources, if the view does not have them yet.
/// `room` is the initial capacity in bytes.
fn render_block(
    view: &View,
    kind: ResourceKind,
    places: Range<usize>,
    room: usize,
    mut versions: Option<&mut Vec<ETag>>,
) -> Block {
    let projection = Projection::default_of(view.resource_type(kind));
    let mut responses = Vec::with_capacity(room);
    let mut ends = Vec::with_capacity(BLOCK);
    for resource in view.part(kind, places) {
        if !responses.is_empty() {
            responses.push(b',');
        }
        let start = responses.len();
        render::resource(&mut responses, resource, &projection);
        if let Some(versions) = &mut versions {
            versions.push(ETag::insert(&mut responses[start..]));
        }
        // A block is far smaller than 4 GB.
        ends.push(u32::try_from(responses.len()).unwrap_or(u32::MAX));
    }
    // The box drops the spare capacity.
    Block { responses: responses.into_boxed_slice().into(), ends: ends.into() }
}

/// Renders a response that the cache does not hold.
fn rendered(resource: Resource<'_>) -> Bytes {
    render::body(resource, &Projection::default_of(resource.resource_type()))
}
