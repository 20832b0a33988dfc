//! How much work a query takes. The server answers quick ones at once, and the others apart, so
//! that they delay nobody else.

use super::page::{Question, Window};
use super::path::{self, AttributeName};
use super::project::{Projection, Visibility};
use super::query::Query;
use super::schema::{ResourceType, resource_types};
use super::snapshot::ServedSnapshot;
use super::view::Resource;

/// The work of rendering a resource, in comparisons.
const RENDERING: usize = 20;

impl Question {
    /// The approximate work that the page in the window takes, in comparisons of a filter.
    #[must_use]
    pub fn effort(&self, served: &ServedSnapshot, window: Window) -> usize {
        let filter = self.query.filter.as_ref().filter(|_| !self.filters.is_empty());
        let comparisons = filter.map_or(0, super::filter::Expression::size);
        let resources: usize = self.types.iter().map(|kind| served.count(kind)).sum();
        let searching =
            resources.saturating_mul(comparisons.saturating_add(usize::from(self.order.is_some())));
        let rendering: usize =
            self.types.iter().map(|kind| self.rendering(served, window, kind)).sum();
        searching.saturating_add(rendering)
    }

    fn rendering(
        &self,
        served: &ServedSnapshot,
        window: Window,
        kind: &'static ResourceType,
    ) -> usize {
        if !self.query.renders(served) {
            return 0;
        }
        let end = window.start.saturating_add(window.count);
        let resources = served.count(kind).min(window.count).saturating_mul(RENDERING);
        if kind != resource_types::GROUP || !self.query.shows_members() {
            return resources;
        }
        let members = |group: Resource<'_>| group.members();
        // Which groups match a filter is not known yet.
        let members: usize = if self.query.filter.is_some() || self.query.sort.is_some() {
            served.all(kind).map(members).max().unwrap_or_default()
        } else {
            served.part(kind, window.start..end).map(members).sum()
        };
        resources.saturating_add(members)
    }
}

impl Query {
    /// The approximate work that the response for one resource takes, in comparisons of a filter.
    #[must_use]
    pub fn effort_of_one(&self, served: &ServedSnapshot, resource: Resource<'_>) -> usize {
        if !self.renders(served) {
            return 0;
        }
        RENDERING + if self.shows_members() { resource.members() } else { 0 }
    }

    /// Whether responses must be rendered, because they were not prepared.
    fn renders(&self, served: &ServedSnapshot) -> bool {
        self.has_projection() || !served.is_prepared()
    }

    /// Whether the members of groups are in the response.
    fn shows_members(&self) -> bool {
        let projection = self
            .projection(resource_types::GROUP)
            .unwrap_or_else(|| Projection::default_of(resource_types::GROUP));
        match path::find(resource_types::GROUP, "members") {
            Some(AttributeName::Attribute(members)) => {
                *projection.shown(members.section, members.attribute) != Visibility::No
            }
            _ => true,
        }
    }
}
