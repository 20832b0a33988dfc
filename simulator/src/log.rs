//! Queries of the activity log.

use actix_web::web::Bytes;
use serde_json::Value;

use crate::state::State;
use crate::wire;
use crate::workspace::{Entry, Workspace};

/// Which entries a query of the log asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFilter {
    /// The earliest time, in UNIX seconds.
    pub after: i64,
    /// The latest time, in UNIX seconds.
    pub before: Option<i64>,
    /// The types; `None` for all.
    pub kinds: Option<Vec<String>>,
}

/// The entries that match a filter.
pub struct FilteredLog {
    /// The revision of the workspace.
    revision: u64,
    filter: LogFilter,
    /// The positions of the entries in the log, newest first.
    positions: Vec<usize>,
}

impl LogFilter {
    fn matches(&self, entry: &Entry) -> bool {
        entry.created_at >= self.after
            && self.before.is_none_or(|before| entry.created_at <= before)
            && self.kinds.as_ref().is_none_or(|kinds| kinds.contains(&entry.activity_type))
    }

    fn apply(self, workspace: &Workspace) -> FilteredLog {
        let log = &workspace.log;
        let mut positions: Vec<usize> =
            (0..log.len()).rev().filter(|at| self.matches(&log[*at])).collect();
        positions.sort_by_key(|at| std::cmp::Reverse(log[*at].created_at));
        FilteredLog { revision: workspace.revision, filter: self, positions }
    }
}

impl State {
    /// Renders a page of the log. Pages are counted from 1; `next` gives the reference to the page
    /// with a number.
    pub fn log_page(
        &mut self,
        filter: LogFilter,
        page: usize,
        per_page: usize,
        next: impl Fn(usize) -> Value,
    ) -> Bytes {
        let revision = self.workspace.revision;
        let known = self.filtered_log.take();
        let found = known
            .filter(|known| known.revision == revision && known.filter == filter)
            .unwrap_or_else(|| filter.apply(&self.workspace));
        let total = found.positions.len();
        let start = page.saturating_sub(1).saturating_mul(per_page);
        let on_page = found.positions.iter().skip(start).take(per_page);
        let entries = on_page.map(|at| &self.workspace.log[*at]);
        let body = wire::activity_page(entries, total, page, per_page, next).to_string().into();
        self.filtered_log = Some(found);
        body
    }
}
