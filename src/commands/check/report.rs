//! The findings of `check`, as text or as JSON.

use serde::Serialize;
use serde_json::json;

use crate::commands::error::CommandError;
use crate::commands::output::print_line;

/// The result of one check.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Ok,
    Warning,
    Failed,
}

#[derive(Serialize)]
struct CheckResult {
    state: State,
    check: &'static str,
    workspace: Option<String>,
    detail: String,
}

/// The findings of all checks.
pub struct Report {
    json: bool,
    /// The workspace of the current checks, if there are several.
    pub workspace: Option<String>,
    findings: Vec<CheckResult>,
}

impl Report {
    /// Creates a report as text or, with `json`, as JSON.
    pub fn new(json: bool) -> Self {
        Self { json, workspace: None, findings: Vec::new() }
    }

    /// Adds a finding. Text output is printed at once, because the next check may take a while.
    fn find(&mut self, state: State, check: &'static str, detail: &str) {
        let finding = CheckResult {
            state,
            check,
            workspace: self.workspace.clone(),
            detail: detail.to_owned(),
        };
        if !self.json {
            let word = match state {
                State::Ok => "ok",
                State::Warning => "warning",
                State::Failed => "failed",
            };
            let workspace =
                finding.workspace.as_ref().map(|name| format!("{name}: ")).unwrap_or_default();
            print_line(&format!("{word:8} {check:14} {workspace}{detail}"));
        }
        self.findings.push(finding);
    }

    /// Adds a success.
    pub fn ok(&mut self, check: &'static str, detail: &str) {
        self.find(State::Ok, check, detail);
    }

    /// Adds a warning.
    pub fn warn(&mut self, check: &'static str, detail: &str) {
        self.find(State::Warning, check, detail);
    }

    /// Adds a failure.
    pub fn failed(&mut self, check: &'static str, detail: &str) {
        self.find(State::Failed, check, detail);
    }

    /// Prints the findings as JSON if that was requested. Fails if a check has failed.
    pub fn end(self) -> Result<(), CommandError> {
        let failures =
            self.findings.iter().filter(|finding| finding.state == State::Failed).count();
        if self.json {
            print_line(&json!({"failed": failures, "checks": self.findings}).to_string());
        }
        match failures {
            0 => Ok(()),
            1 => Err(CommandError::new("one check failed; see above")),
            failures => Err(CommandError::new(format!("{failures} checks failed; see above"))),
        }
    }
}
