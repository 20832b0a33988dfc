//! Lists: selects, sorts and pages the matching resources (RFC 7644 §3.4.2, RFC 9865).

use std::ops::Range;

use bytes::Bytes;

use super::cursor::{Cursor, CursorKey};
use super::error::ScimError;
use super::filter::{Expression, Filter};
use super::project::Projection;
use super::query::Query;
use super::render;
use super::schema::{ResourceType, resource_types};
use super::snapshot::{ListId, ServedSnapshot};
use super::sort::Order;
use super::urn;
use super::view::{Resource, ResourceKind};

/// The limits for pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageRules {
    /// The page size if the request has no `count`.
    pub default_count: usize,
    /// The largest page size. RFC 7644 §3.4.2.4 lets a service provider return fewer resources than
    /// requested.
    pub max_count: usize,
    /// Whether clients may page by cursor.
    pub cursors: bool,
}

/// The client that pages through a list, and the key that encrypts its cursors.
#[derive(Clone, Copy, Debug)]
pub struct Walker<'a> {
    /// Encrypts and authenticates the cursors.
    pub key: &'a CursorKey,
    /// The client. A cursor is valid only for the client and the workspace that it was issued for.
    pub client: &'a str,
    /// The workspace; see `client`.
    pub workspace: &'a str,
}

/// The part of a list that a page shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The list of a cursor; `None` for the current snapshot.
    pub list: Option<ListId>,
    /// The number of resources before this page.
    pub(super) start: usize,
    /// The maximum number of resources on this page.
    pub(super) count: usize,
    by_cursor: bool,
}

/// A response to a query for several resources (RFC 7644 §3.4.2, ListResponse).
#[derive(Debug, PartialEq, Eq)]
pub struct Page {
    /// The response body, JSON.
    pub body: Body,
    /// The number of matching resources on all pages.
    pub total_results: usize,
    /// The number of resources on this page.
    pub items_per_page: usize,
    /// The start of the next page; `None` on the last page.
    pub next: Option<Next>,
}

/// A JSON response body.
#[derive(Debug, PartialEq, Eq)]
pub enum Body {
    /// One contiguous buffer.
    Whole(Bytes),
    /// Chunks to be sent in order. Most are slices of prepared responses.
    Chunks(Vec<Bytes>),
}

/// The start of the next page, as the value of the query parameter that requests it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// `startIndex`, counted from 1.
    Index(usize),
    /// `cursor`, an encrypted position.
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

/// A query that is bound to resource types. Its filter and sort attribute are valid; the cursor and
/// its page size are validated by [`Question::window`].
#[derive(Clone, Debug)]
pub struct Question {
    pub(super) query: Query,
    pub(super) types: &'static [&'static ResourceType],
    /// One filter for each type, in order. Empty if the query has no filter, or if the name index
    /// answers it.
    pub(super) filters: Vec<Filter>,
    pub(super) order: Option<Order>,
}

impl Query {
    /// Binds the query to resource types.
    ///
    /// # Errors
    /// [`ScimError::InvalidFilter`] if the filter, [`ScimError::InvalidValue`] if `sortBy` does not
    /// fit the types.
    pub fn about(self, types: &'static [&'static ResourceType]) -> Result<Question, ScimError> {
        let filters = match &self.filter {
            // `userName eq "…"` on users alone is the most frequent query. It is always valid, and
            // the name index answers it.
            Some(filter) if filter.user_name().is_none() || types != [resource_types::USER] => {
                types
                    .iter()
                    .map(|kind| Filter::bind(filter, kind, types))
                    .collect::<Result<_, _>>()?
            }
            _ => Vec::new(),
        };
        let order = self.sort.as_ref().map(|sort| sort.bind(types)).transpose()?;
        Ok(Question { query: self, types, filters, order })
    }
}

impl Question {
    /// The resource types that the query searches.
    #[must_use]
    pub fn types(&self) -> &'static [&'static ResourceType] {
        self.types
    }

    /// Returns the part of the list that the query requests.
    ///
    /// # Errors
    /// [`ScimError::InvalidCursor`] for a cursor that does not open. [`ScimError::InvalidCount`] if
    /// `count` differs from the page size of the first page.
    pub fn window(&self, rules: PageRules, walker: Walker<'_>) -> Result<Window, ScimError> {
        let Query { cursor, start_index, count, .. } = &self.query;
        let requested = count.map(|count| count.min(rules.max_count));
        let count = requested.unwrap_or(rules.default_count);
        // RFC 9865 §2.4: without `startIndex` and `cursor`, the default method applies. It is
        // paging by index, for compatibility with earlier versions.
        let Some(cursor) = cursor.as_deref().filter(|_| rules.cursors) else {
            let start = start_index.unwrap_or(1) - 1;
            return Ok(Window { list: None, start, count, by_cursor: false });
        };
        // RFC 9865 §2.1: "The cursor is omitted or empty" in the request for the first page.
        if cursor.is_empty() {
            return Ok(Window { list: None, start: 0, count, by_cursor: true });
        }
        let cursor = walker.key.open(cursor, &self.purpose(walker))?;
        if requested.is_some_and(|requested| requested != cursor.count) {
            return Err(ScimError::InvalidCount { expected: cursor.count });
        }
        let list = Some(cursor.list);
        Ok(Window { list, start: cursor.start, count: cursor.count, by_cursor: true })
    }

    /// Returns the page of resources in the window.
    ///
    /// # Errors
    /// [`ScimError::Internal`] if a cursor cannot be encrypted.
    pub fn list(
        &self,
        served: &ServedSnapshot,
        window: Window,
        walker: Walker<'_>,
    ) -> Result<Page, ScimError> {
        let Listed { total_results, items_per_page, chunks } = self.select(served, window);
        let cursor = |start| {
            let cursor = Cursor { list: served.list_id(), start, count: window.count };
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
        let length: usize = chunks.iter().map(|chunk| chunk.len() + COMMA.len()).sum();
        let body = if length < TOGETHER {
            let mut body = head.written(length + TAIL.len()).into_bytes();
            for (place, chunk) in chunks.iter().enumerate() {
                body.extend_from_slice(if place == 0 { b"" } else { COMMA });
                body.extend_from_slice(chunk);
            }
            body.extend_from_slice(TAIL);
            Body::Whole(body.into())
        } else {
            let mut body = Vec::with_capacity(2 * chunks.len() + 1);
            body.push(head.written(0).into());
            for chunk in chunks {
                body.extend([chunk, Bytes::from_static(COMMA)]);
            }
            // Replace the last comma with the end of the list.
            body.pop();
            body.push(Bytes::from_static(TAIL));
            Body::Chunks(body)
        };
        Ok(Page { body, total_results, items_per_page, next })
    }

    fn select(&self, served: &ServedSnapshot, window: Window) -> Listed {
        let Self { query, types, .. } = self;
        let (total_results, shown) = if query.filter.is_none() && query.sort.is_none() {
            // Every resource matches, in the stored order, so only those on the page need to be
            // read.
            let parts = parts(served, types, window);
            let total_results = types.iter().map(|kind| served.count(kind)).sum();
            if types.iter().all(|kind| query.projection(kind).is_none()) {
                let items_per_page = parts.iter().map(|(_, places)| places.len()).sum();
                let chunks = parts
                    .into_iter()
                    .flat_map(|(kind, places)| served.responses(kind, places))
                    .collect();
                return Listed { total_results, items_per_page, chunks };
            }
            let shown =
                parts.into_iter().flat_map(|(kind, places)| served.part(kind, places)).collect();
            (total_results, shown)
        } else {
            self.matching(served, window)
        };
        // Empty if the query has neither `attributes` nor `excludedAttributes`.
        let projections: Vec<(&ResourceType, Projection)> =
            types.iter().filter_map(|kind| Some((*kind, query.projection(kind)?))).collect();
        let projection = |resource: &Resource<'_>| {
            projections
                .iter()
                .find(|(kind, _)| *kind == resource.resource_type())
                .map(|(_, projection)| projection)
        };
        let items_per_page = shown.len();
        let chunks = shown.iter().map(|resource| match projection(resource) {
            None => served.response(*resource),
            Some(projection) => render::body(*resource, projection),
        });
        Listed { total_results, items_per_page, chunks: chunks.collect() }
    }

    /// Returns the number of resources that match, and those in the window, sorted.
    fn matching<'p>(
        &self,
        served: &'p ServedSnapshot,
        window: Window,
    ) -> (usize, Vec<Resource<'p>>) {
        let mut matching = Vec::new();
        match &self.query.filter {
            Some(filter) if self.filters.is_empty() => {
                matching.extend(
                    filter.user_name().into_iter().flat_map(|name| served.users_named(name)),
                );
            }
            filter => {
                for (place, kind) in self.types.iter().enumerate() {
                    let fulfils = |resource: &Resource<'_>| {
                        self.filters.get(place).is_none_or(|by| by.matches(*resource))
                    };
                    // Ordered by id, so that all pages share one order.
                    matching.extend(served.all(kind).filter(fulfils));
                }
                // NB: a teammate who was removed and invited again has two accounts with the same
                // name and address. Many clients use the first result, so the active account comes
                // first.
                if filter.as_ref().is_some_and(Expression::looks_up_a_person) {
                    let users =
                        matching.partition_point(|found| found.kind() == ResourceKind::User);
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

    /// The associated data of a cursor. RFC 9865 §2.1: the other parameters "MUST" stay the same
    /// from page to page.
    fn purpose(&self, walker: Walker<'_>) -> String {
        // Two forms of the catalogue have types with one name, and some types share a schema.
        let schema = |kind: &ResourceType| kind.schema().map_or("", |schema| schema.id);
        let name = |kind: &&ResourceType| format!("{} {}", kind.name, schema(kind));
        let types: Vec<String> = self.types.iter().map(name).collect();
        format!(
            "{}\n{}\n{}\n{}",
            walker.workspace,
            walker.client,
            types.join(","),
            self.query.canonical()
        )
    }
}

/// The part of a ListResponse before its resources.
struct ListHead<'a> {
    total_results: usize,
    items_per_page: usize,
    /// `None` when the client pages by cursor (RFC 9865 §2).
    start_index: Option<usize>,
    next_cursor: Option<&'a str>,
    previous_cursor: Option<&'a str>,
}

impl ListHead<'_> {
    /// Serialises the head and reserves `more` bytes for the body.
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
        // Cursors are base64url, so they need no JSON escapes.
        for (name, cursor) in cursors {
            if let Some(cursor) = cursor {
                head.extend([",\"", name, "\":\"", cursor, "\""]);
            }
        }
        head.extend([
            r#","itemsPerPage":"#,
            number.format(self.items_per_page),
            r#","Resources":["#,
        ]);
        head
    }
}

/// The separator between two resources.
const COMMA: &[u8] = b",";

/// The end of a ListResponse.
const TAIL: &[u8] = b"]}";

/// Below this size in bytes, copying the chunks into one buffer costs less than sending each
/// separately.
const TOGETHER: usize = 16 * 1024;

/// The resources of a page, as JSON.
struct Listed {
    total_results: usize,
    items_per_page: usize,
    /// The chunks, without the commas between them.
    chunks: Vec<Bytes>,
}

/// Splits a window over all types into a range of positions for each type.
fn parts(
    served: &ServedSnapshot,
    types: &[&'static ResourceType],
    window: Window,
) -> Vec<(&'static ResourceType, Range<usize>)> {
    let mut skip = window.start;
    let mut room = window.count;
    let mut parts = Vec::new();
    for kind in types {
        let count = served.count(kind);
        let start = skip.min(count);
        let end = start.saturating_add(room).min(count);
        parts.push((*kind, start..end));
        skip -= start;
        room -= end - start;
    }
    parts
}
