//! Lists: which resources match, in which order, and which of them are on the page (RFC 7644 §3.4.2, RFC 9865).

use super::cursor::{Cursor, CursorKey};
use super::filter::Filter;
use super::project::Projection;
use super::query::{Query, write};
use super::schema::{ResourceType, urn};
use super::value::Resource;
use super::{Picture, ScimError, resource_types};
use crate::directory::Generation;

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
    /// The workspace and the client; a cursor is good for nobody else.
    pub name: &'a str,
}

/// A part of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The generation whose list it is part of; none for the one that is shown now.
    pub generation: Option<Generation>,
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
    pub body: Vec<u8>,
    /// How many resources match, on all pages.
    pub total_results: usize,
    /// How many are on this page.
    pub items_per_page: usize,
    /// Where the next page begins; none on the last.
    pub next: Option<Next>,
}

/// Where the next page begins, as the parameter that asks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// `startIndex`
    Index(usize),
    /// `cursor`
    Cursor(String),
}

impl Query {
    /// Which part of the list over these types is asked for.
    ///
    /// # Errors
    /// [`ScimError::InvalidCursor`], or [`ScimError::InvalidCount`] for another page size than the walk began with.
    pub fn window(
        &self,
        types: &[&'static ResourceType],
        rules: PageRules,
        walker: Walker<'_>,
    ) -> Result<Window, ScimError> {
        let asked = self.count.map(|count| count.min(rules.max_count));
        let count = asked.unwrap_or(rules.default_count);
        // RFC 9865 §2.4: without either parameter the default method, which stays the one that was there first.
        let Some(cursor) = self.cursor.as_deref().filter(|_| rules.cursors) else {
            let start = self.start_index.unwrap_or(1) - 1;
            return Ok(Window { generation: None, start, count, by_cursor: false });
        };
        // RFC 9865 §2.1: "The cursor is omitted or empty" for the first page.
        if cursor.is_empty() {
            return Ok(Window { generation: None, start: 0, count, by_cursor: true });
        }
        let cursor = walker.key.open(cursor, &self.purpose(types, walker))?;
        if asked.is_some_and(|asked| asked != cursor.count) {
            return Err(ScimError::InvalidCount { expected: cursor.count });
        }
        let generation = Some(cursor.generation);
        Ok(Window { generation, start: cursor.start, count: cursor.count, by_cursor: true })
    }

    /// Answers for the resources of the types that lie in the window.
    ///
    /// # Errors
    /// [`ScimError::InvalidFilter`] when the filter, [`ScimError::InvalidValue`] when `sortBy` does not fit the types.
    pub fn list(
        &self,
        picture: &Picture,
        types: &[&'static ResourceType],
        window: Window,
        walker: Walker<'_>,
    ) -> Result<Page, ScimError> {
        let (total_results, shown) = self.select(picture, types, window)?;
        let cursor = |start| {
            let cursor = Cursor { generation: picture.generation(), start, count: window.count };
            walker.key.seal(cursor, &self.purpose(types, walker))
        };
        let end = window.start.saturating_add(shown.len());
        let more = !shown.is_empty() && end < total_results;
        let next = match (more, window.by_cursor) {
            (false, _) => None,
            (true, true) => Some(Next::Cursor(cursor(end)?)),
            (true, false) => Some(Next::Index(end + 1)),
        };
        let previous = match window.start.checked_sub(window.count) {
            Some(start) if window.by_cursor && window.count > 0 => Some(cursor(start)?),
            _ => None,
        };

        let start_index = (!window.by_cursor).then(|| format!(r#","startIndex":{}"#, window.start + 1));
        let next_cursor = match &next {
            Some(Next::Cursor(next)) => Some(format!(r#","nextCursor":"{next}""#)),
            _ => None,
        };
        let head = format!(
            r#"{{"schemas":["{}"],"totalResults":{total_results}{}{}{},"itemsPerPage":{},"Resources":["#,
            urn::LIST_RESPONSE,
            start_index.unwrap_or_default(),
            next_cursor.unwrap_or_default(),
            previous.map(|previous| format!(r#","previousCursor":"{previous}""#)).unwrap_or_default(),
            shown.len(),
        );
        let body = self.body(head, &shown, types);
        Ok(Page { body, total_results, items_per_page: shown.len(), next })
    }

    /// How many resources match, and those that lie in the window.
    fn select<'p>(
        &self,
        picture: &'p Picture,
        types: &[&'static ResourceType],
        window: Window,
    ) -> Result<(usize, Vec<Resource<'p>>), ScimError> {
        // What matches is everything, in the order that it is kept in: nothing needs to be looked at but the page.
        if self.filter.is_none() && self.sort.is_none() {
            let total = types.iter().map(|kind| picture.count(kind)).sum();
            let mut skipped = window.start;
            let mut shown = Vec::new();
            for kind in types {
                let room = window.count - shown.len();
                shown.extend(picture.part(kind, skipped, room));
                skipped = skipped.saturating_sub(picture.count(kind));
            }
            return Ok((total, shown));
        }
        let mut matching = Vec::new();
        for kind in types {
            let filter = self.filter.as_ref().map(|filter| Filter::bind(filter, kind, types)).transpose()?;
            self.add_matching(&mut matching, picture, kind, filter.as_ref());
        }
        if let Some(sort) = &self.sort {
            sort.apply(&mut matching, types)?;
        }
        let total = matching.len();
        Ok((total, matching.into_iter().skip(window.start).take(window.count).collect()))
    }

    /// Adds the resources of a type that match, in the one order that all pages share: by id.
    fn add_matching<'p>(
        &self,
        matching: &mut Vec<Resource<'p>>,
        picture: &'p Picture,
        kind: &'static ResourceType,
        filter: Option<&Filter>,
    ) {
        let fulfils = |resource: &Resource<'p>| filter.is_none_or(|filter| filter.matches(*resource));
        match self.user_name() {
            // The commonest question of all needs no search. The filter still has the last word.
            Some(name) if kind == resource_types::USER => matching.extend(picture.users_named(name).filter(fulfils)),
            _ => matching.extend(picture.part(kind, 0, usize::MAX).filter(fulfils)),
        }
    }

    fn body(&self, head: String, shown: &[Resource<'_>], types: &[&'static ResourceType]) -> Vec<u8> {
        let projections: Vec<(&ResourceType, Projection)> =
            types.iter().map(|kind| (*kind, self.projection(kind))).collect();
        let size: usize = shown.iter().map(|resource| resource.ready().body.len() + 1).sum();
        let mut body = head.into_bytes();
        body.reserve(size + 2);
        for (place, resource) in shown.iter().enumerate() {
            if place > 0 {
                body.push(b',');
            }
            if let Some((_, projection)) = projections.iter().find(|(kind, _)| *kind == resource.resource_type()) {
                write(&mut body, *resource, projection);
            }
        }
        body.extend_from_slice(b"]}");
        body
    }

    /// What a cursor is sealed for: RFC 9865 §2.1, the other parameters "MUST" stay the same from page to page.
    fn purpose(&self, types: &[&'static ResourceType], walker: Walker<'_>) -> String {
        let types: Vec<&str> = types.iter().map(|kind| kind.name).collect();
        format!("{}\n{}\n{}", walker.name, types.join(","), self.canonical())
    }
}
