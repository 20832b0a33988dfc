//! Lists: which resources match, in which order, and which of them are on the page (RFC 7644 §3.4.2, RFC 9865).

use std::ops::Range;

use bytes::Bytes;

use super::cursor::{Cursor, CursorKey};
use super::filter::{Expression, Filter};
use super::project::Projection;
use super::query::Query;
use super::render;
use super::schema::{ResourceType, urn};
use super::shelves::Piece;
use super::sort::Order;
use super::value::Resource;
use super::{Picture, ScimError, resource_types};
use crate::directory::Edition;

/// How large pages are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageRules {
    /// When the client does not say.
    pub default_count: usize,
    /// At the most; RFC 7644 §3.4.2.4 lets a service provider return fewer than asked for.
    pub max_count: usize,
    /// Whether clients may walk by cursor.
    pub cursors: bool,
}

/// Who walks over a list, and with which key the cursors on the way are sealed.
#[derive(Clone, Copy, Debug)]
pub struct Walker<'a> {
    /// Seals the cursors.
    pub key: &'a CursorKey,
    /// The client, and the workspace that it looks at; a cursor is good for nobody else and nowhere else.
    pub client: &'a str,
    /// See `client`.
    pub workspace: &'a str,
}

/// A part of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The list that it is part of; none for the one that is shown now.
    pub edition: Option<Edition>,
    /// How many resources lie before it.
    start: usize,
    /// How many it takes at the most.
    count: usize,
    by_cursor: bool,
}

/// An answer to a query for several resources (RFC 7644 §3.4.2, ListResponse).
#[derive(Debug, PartialEq, Eq)]
pub struct Page {
    /// The JSON.
    pub body: Body,
    /// How many resources match, on all pages.
    pub total_results: usize,
    /// How many are on this page.
    pub items_per_page: usize,
    /// Where the next page begins; none on the last.
    pub next: Option<Next>,
}

/// JSON that is to be sent.
#[derive(Debug, PartialEq, Eq)]
pub enum Body {
    /// In one.
    Whole(Bytes),
    /// In pieces that follow each other. Most are ready before anybody asks.
    Pieces(Vec<Bytes>),
}

/// Where the next page begins, as the parameter that asks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// `startIndex`
    Index(usize),
    /// `cursor`
    Cursor(String),
}

impl Next {
    fn cursor(&self) -> Option<&str> {
        match self {
            Self::Index(_) => None,
            Self::Cursor(cursor) => Some(cursor),
        }
    }
}

/// A query that fits the types of resources that it is about. Whatever is wrong with it was found when it was made, before
/// anything is read or awaited.
#[derive(Clone, Debug)]
pub struct Question {
    query: Query,
    types: &'static [&'static ResourceType],
    /// For each of the types; none where nothing is filtered, or where the users are found by their name.
    filters: Vec<Filter>,
    order: Option<Order>,
}

impl Query {
    /// Asks this of resources of these types.
    ///
    /// # Errors
    /// [`ScimError::InvalidFilter`] when the filter, [`ScimError::InvalidValue`] when `sortBy` does not fit the types.
    pub fn about(self, types: &'static [&'static ResourceType]) -> Result<Question, ScimError> {
        let filters = match &self.filter {
            // Of all users, the commonest question of all fits, and needs no filter.
            Some(filter) if filter.user_name().is_none() || types != [resource_types::USER] => {
                types.iter().map(|kind| Filter::bind(filter, kind, types)).collect::<Result<_, _>>()?
            }
            _ => Vec::new(),
        };
        let order = self.sort.as_ref().map(|sort| sort.bind(types)).transpose()?;
        Ok(Question { query: self, types, filters, order })
    }
}

impl Question {
    /// The types of resources that it is about.
    #[must_use]
    pub fn types(&self) -> &'static [&'static ResourceType] {
        self.types
    }

    /// Which part of the list is asked for.
    ///
    /// # Errors
    /// [`ScimError::InvalidCursor`], or [`ScimError::InvalidCount`] for another page size than the walk began with.
    pub fn window(&self, rules: PageRules, walker: Walker<'_>) -> Result<Window, ScimError> {
        let Query { cursor, start_index, count, .. } = &self.query;
        let asked = count.map(|count| count.min(rules.max_count));
        let count = asked.unwrap_or(rules.default_count);
        // RFC 9865 §2.4: without either parameter the default method, which stays the one that was there first.
        let Some(cursor) = cursor.as_deref().filter(|_| rules.cursors) else {
            let start = start_index.unwrap_or(1) - 1;
            return Ok(Window { edition: None, start, count, by_cursor: false });
        };
        // RFC 9865 §2.1: "The cursor is omitted or empty" for the first page.
        if cursor.is_empty() {
            return Ok(Window { edition: None, start: 0, count, by_cursor: true });
        }
        let cursor = walker.key.open(cursor, &self.purpose(walker))?;
        if asked.is_some_and(|asked| asked != cursor.count) {
            return Err(ScimError::InvalidCount { expected: cursor.count });
        }
        let edition = Some(cursor.edition);
        Ok(Window { edition, start: cursor.start, count: cursor.count, by_cursor: true })
    }

    /// How many comparisons answering takes, roughly.
    #[must_use]
    pub fn effort(&self, picture: &Picture) -> usize {
        let filter = self.query.filter.as_ref().filter(|_| !self.filters.is_empty());
        let resources: usize = self.types.iter().map(|kind| picture.count(kind)).sum();
        resources.saturating_mul(filter.map_or(0, Expression::size) + usize::from(self.order.is_some()))
    }

    /// Answers for the resources that lie in the window.
    ///
    /// # Errors
    /// [`ScimError::Internal`] where a cursor cannot be made.
    pub fn list(&self, picture: &Picture, window: Window, walker: Walker<'_>) -> Result<Page, ScimError> {
        let Listed { total_results, items_per_page, pieces } = self.select(picture, window);
        let cursor = |start| {
            let cursor = Cursor { edition: picture.edition(), start, count: window.count };
            walker.key.seal(cursor, &self.purpose(walker))
        };
        let end = window.start.saturating_add(items_per_page);
        let more = items_per_page > 0 && end < total_results;
        let next = match (more, window.by_cursor) {
            (false, _) => None,
            (true, true) => Some(Next::Cursor(cursor(end)?)),
            (true, false) => Some(Next::Index(end + 1)),
        };
        let previous = match window.start.checked_sub(window.count) {
            Some(start) if window.by_cursor && window.count > 0 => Some(cursor(start)?),
            _ => None,
        };

        let head = ListHead {
            total_results,
            items_per_page,
            start_index: (!window.by_cursor).then_some(window.start + 1),
            next_cursor: next.as_ref().and_then(Next::cursor),
            previous_cursor: previous.as_deref(),
        };
        let length: usize = pieces.iter().map(|piece| piece.bytes().len() + COMMA.len()).sum();
        let body = if length < TOGETHER {
            let mut body = head.written(length + TAIL.len()).into_bytes();
            for (place, piece) in pieces.iter().enumerate() {
                body.extend_from_slice(if place == 0 { b"" } else { COMMA });
                body.extend_from_slice(piece.bytes());
            }
            body.extend_from_slice(TAIL);
            Body::Whole(body.into())
        } else {
            let mut body = Vec::with_capacity(2 * pieces.len() + 1);
            body.push(head.written(0).into());
            for piece in pieces {
                body.extend([piece.shared(), Bytes::from_static(COMMA)]);
            }
            // In the place of the last comma.
            body.pop();
            body.push(Bytes::from_static(TAIL));
            Body::Pieces(body)
        };
        Ok(Page { body, total_results, items_per_page, next })
    }

    fn select<'p>(&self, picture: &'p Picture, window: Window) -> Listed<'p> {
        let Self { query, types, .. } = self;
        let (total_results, shown) = if query.filter.is_none() && query.sort.is_none() {
            // What matches is everything, in the order that it is kept in: only the page needs to be looked at.
            let parts = parts(picture, types, window);
            let total_results = types.iter().map(|kind| picture.count(kind)).sum();
            if types.iter().all(|kind| query.projection(kind).is_none()) {
                let items_per_page = parts.iter().map(|(_, places)| places.len()).sum();
                let pieces = parts.into_iter().flat_map(|(kind, places)| picture.ready_part(kind, places)).collect();
                return Listed { total_results, items_per_page, pieces };
            }
            let shown = parts.into_iter().flat_map(|(kind, places)| picture.part(kind, places)).collect();
            (total_results, shown)
        } else {
            self.matching(picture, window)
        };
        // None at all where nothing in particular is asked for.
        let projections: Vec<(&ResourceType, Projection)> =
            types.iter().filter_map(|kind| Some((*kind, query.projection(kind)?))).collect();
        let projection = |resource: &Resource<'_>| {
            projections.iter().find(|(kind, _)| *kind == resource.resource_type()).map(|(_, projection)| projection)
        };
        let items_per_page = shown.len();
        let pieces = shown.iter().map(|resource| match projection(resource) {
            None => resource.piece(),
            Some(projection) => {
                let mut body = Vec::new();
                render::resource(&mut body, *resource, projection);
                Piece::Made(body.into())
            }
        });
        Listed { total_results, items_per_page, pieces: pieces.collect() }
    }

    /// How many resources match a filter, and those that lie in the window, sorted.
    fn matching<'p>(&self, picture: &'p Picture, window: Window) -> (usize, Vec<Resource<'p>>) {
        let mut matching = Vec::new();
        match &self.query.filter {
            Some(filter) if self.filters.is_empty() => {
                matching.extend(filter.user_name().into_iter().flat_map(|name| picture.users_named(name)));
            }
            filter => {
                for (place, kind) in self.types.iter().enumerate() {
                    let fulfils =
                        |resource: &Resource<'_>| self.filters.get(place).is_none_or(|by| by.matches(*resource));
                    // In the one order that all pages share: by id.
                    matching.extend(picture.all(kind).filter(fulfils));
                }
                // NB: somebody who left and was invited again is two accounts of one name and address. Many clients take the
                // first that they find, which has to be the one that is in use.
                if filter.as_ref().is_some_and(Expression::looks_up_a_person) {
                    let users = matching.partition_point(|found| found.resource_type() == resource_types::USER);
                    matching[..users].sort_by_key(|user| !user.is_active());
                }
            }
        }
        if let Some(order) = &self.order {
            order.apply(&mut matching);
        }
        let total = matching.len();
        (total, matching.into_iter().skip(window.start).take(window.count).collect())
    }

    /// What a cursor is sealed for: RFC 9865 §2.1, the other parameters "MUST" stay the same from page to page.
    fn purpose(&self, walker: Walker<'_>) -> String {
        let types: Vec<&str> = self.types.iter().map(|kind| kind.name).collect();
        format!("{}\n{}\n{}\n{}", walker.workspace, walker.client, types.join(","), self.query.canonical())
    }
}

/// A ListResponse up to its resources.
struct ListHead<'a> {
    total_results: usize,
    items_per_page: usize,
    /// RFC 9865 §2: not in answers to walks by cursor.
    start_index: Option<usize>,
    next_cursor: Option<&'a str>,
    previous_cursor: Option<&'a str>,
}

impl ListHead<'_> {
    /// With so much room for what follows.
    fn written(&self, more: usize) -> String {
        let cursors = [("nextCursor", self.next_cursor), ("previousCursor", self.previous_cursor)];
        let room: usize = cursors.iter().filter_map(|(_, cursor)| *cursor).map(str::len).sum();
        let mut head = String::with_capacity(256 + room + more);
        let mut number = itoa::Buffer::new();
        head.extend([
            r#"{"schemas":[""#,
            urn::LIST_RESPONSE,
            r#""],"totalResults":"#,
            number.format(self.total_results),
        ]);
        if let Some(start_index) = self.start_index {
            head.extend([r#","startIndex":"#, number.format(start_index)]);
        }
        // Cursors have no characters that need escapes.
        for (name, cursor) in cursors {
            if let Some(cursor) = cursor {
                head.extend([",\"", name, "\":\"", cursor, "\""]);
            }
        }
        head.extend([r#","itemsPerPage":"#, number.format(self.items_per_page), r#","Resources":["#]);
        head
    }
}

/// What stands between two resources.
const COMMA: &[u8] = b",";

/// What ends a ListResponse.
const TAIL: &[u8] = b"]}";

/// Below this many bytes, putting the pieces of an answer together is less work than sending them one by one.
const TOGETHER: usize = 16 * 1024;

/// The resources of a page, as JSON.
struct Listed<'p> {
    total_results: usize,
    items_per_page: usize,
    /// Without the commas between them.
    pieces: Vec<Piece<'p>>,
}

/// Which places of each type lie in a window over everything.
fn parts(
    picture: &Picture,
    types: &[&'static ResourceType],
    window: Window,
) -> Vec<(&'static ResourceType, Range<usize>)> {
    let (mut skip, mut room) = (window.start, window.count);
    let mut parts = Vec::new();
    for kind in types {
        let count = picture.count(kind);
        let start = skip.min(count);
        let end = start.saturating_add(room).min(count);
        parts.push((*kind, start..end));
        skip -= start;
        room -= end - start;
    }
    parts
}
