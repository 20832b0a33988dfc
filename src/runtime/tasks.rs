//! The background tasks that run while the bridge runs, and their state.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use time::OffsetDateTime;

/// The name of a background task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskName {
    /// The kind of task.
    pub task: &'static str,
    /// The workspace that it works for; `None` for all.
    pub workspace: Option<Arc<str>>,
}

/// Whether a task runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskState {
    /// It runs.
    Running,
    /// It stopped because of a fault in the bridge, and is started again shortly.
    Restarting,
}

/// The state of a background task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TaskStatus {
    /// The task: `importer`, `publisher`, `access`, `roster`, `upkeep`, `posture`,
    /// `notifications`, `certificates`, `audit_trail`, `server` or `ops_server`.
    task: &'static str,
    /// The workspace of the task; null for a task of the whole bridge.
    workspace: Option<String>,
    state: TaskState,
    /// How often the task stopped because of a fault in the bridge, since the bridge started.
    failures: u64,
    /// When the task last stopped because of a fault.
    #[serde(with = "time::serde::rfc3339::option")]
    last_failure_at: Option<OffsetDateTime>,
}

/// The state of all background tasks. The supervisor writes it; `/readyz` reads it.
#[derive(Debug, Default)]
pub struct Tasks(Mutex<Vec<TaskStatus>>);

impl Tasks {
    /// Records that a task was started or restarted.
    pub fn started(&self, name: &TaskName) {
        self.update(name, |task| task.state = TaskState::Running);
    }

    /// Records that a task stopped because of a fault.
    pub fn failed(&self, name: &TaskName, now: OffsetDateTime) {
        self.update(name, |task| {
            task.state = TaskState::Restarting;
            task.failures += 1;
            task.last_failure_at = Some(now);
        });
    }

    /// The state of the tasks of those workspaces for which `sees` is true and, if `all`, of the
    /// whole bridge's tasks.
    #[must_use]
    pub fn standing(&self, sees: impl Fn(&str) -> bool, all: bool) -> Vec<TaskStatus> {
        let is_shown = |task: &&TaskStatus| task.workspace.as_deref().map_or(all, &sees);
        self.all().iter().filter(is_shown).cloned().collect()
    }

    fn update(&self, name: &TaskName, change: impl FnOnce(&mut TaskStatus)) {
        let mut all = self.all();
        let workspace = name.workspace.as_deref();
        let known = all
            .iter()
            .position(|task| task.task == name.task && task.workspace.as_deref() == workspace);
        let place = known.unwrap_or(all.len());
        if known.is_none() {
            all.push(TaskStatus {
                task: name.task,
                workspace: workspace.map(str::to_owned),
                state: TaskState::Running,
                failures: 0,
                last_failure_at: None,
            });
        }
        if let Some(task) = all.get_mut(place) {
            change(task);
        }
    }

    fn all(&self) -> MutexGuard<'_, Vec<TaskStatus>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
