//! The progress of a reading.

/// The step that a reading has reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Identifying the workspace.
    Workspace,
    /// Reading the admins.
    Admins,
    /// Reading the teams.
    Teams,
    /// Reading again the admins and teams about which the lists disagree.
    Rereading {
        /// The number of admins and teams to read again.
        count: usize,
    },
    /// Reading a page of the activity log.
    Activity {
        /// The number of the page.
        page: u32,
    },
}
