//! The pattern of a request's path.

use std::cell::OnceCell;
use std::sync::Arc;

use actix_web::HttpRequest;

use crate::measures::{Measures, RouteMeasures};

/// The pattern of a path, for logs, metrics and the audit trail. It is stored with the route
/// because the framework's `match_pattern` matches all patterns once more.
pub struct Pattern {
    plain: Arc<str>,
    with_workspace: Arc<str>,
    has_id: bool,
    measures: OnceCell<RouteMeasures>,
}

impl Pattern {
    /// The pattern of a path below `root`, which exists for each workspace.
    pub fn new(root: &str, path: &str) -> Self {
        let with_workspace = format!("/workspaces/{{workspace}}{root}{path}");
        let (plain, has_id) = (format!("{root}{path}").into(), path.contains("{id}"));
        Self { plain, with_workspace: with_workspace.into(), has_id, measures: OnceCell::new() }
    }

    /// The pattern that a request's path matched; `None` for a path outside of such a root.
    pub fn matched(request: &HttpRequest) -> Option<&Self> {
        request.app_data::<Self>()
    }

    /// The pattern without the workspace, the same for all workspaces.
    pub fn of_every_workspace(&self) -> &str {
        &self.plain
    }

    /// The pattern, with `/workspaces/{workspace}` if the request's path has it.
    pub fn of_this_workspace(&self, request: &HttpRequest) -> &Arc<str> {
        let named = request.match_info().get("workspace").is_some();
        if named { &self.with_workspace } else { &self.plain }
    }

    /// The metrics of this route, created at its first response.
    pub fn measures(&self, all: &Measures) -> &RouteMeasures {
        self.measures.get_or_init(|| all.of_route(Arc::clone(&self.plain)))
    }

    /// The `{id}` in a request's path. For routes of `routes::by_id` it is the unmatched rest
    /// of the path.
    pub fn id<'r>(&self, request: &'r HttpRequest) -> Option<&'r str> {
        let path = self.has_id.then(|| request.match_info())?;
        path.get("id")
            .or_else(|| path.unprocessed().strip_prefix('/').filter(|id| !id.contains('/')))
    }
}
