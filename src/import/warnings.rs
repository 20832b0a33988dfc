//! Selects the warnings that are kept with a run. Pure.

use std::collections::HashMap;

use super::health::REMOVALS_WAIT;
use crate::activity::is_unknown;
use crate::directory::{KeptBack, Memory, Observation, Warning};
use crate::limits;

/// Returns the first warnings of each kind. If some are left out, the last warning says how many.
pub(super) fn bounded(warnings: &[Warning]) -> Vec<Warning> {
    let mut of_kind: HashMap<&str, usize> = HashMap::new();
    let mut kept: Vec<Warning> = Vec::new();
    for warning in warnings {
        let count = of_kind.entry(&warning.code).or_default();
        *count += 1;
        if *count <= limits::RUN_WARNINGS_OF_A_KIND && kept.len() < limits::RUN_WARNINGS {
            kept.push(warning.clone());
        }
    }
    if warnings.len() > kept.len() {
        kept.push(Warning::new(
            "more_warnings",
            format!("{} more warnings were left out", warnings.len() - kept.len()),
        ));
    }
    kept
}

/// The warning that the workspace has kinds of log entries that this version of the bridge does not
/// know. `known` has those about which it was given before.
pub(super) fn new_kinds(observation: &Observation, known: &Memory) -> Option<Warning> {
    let listed = observation.log_kinds.as_ref()?;
    let new: Vec<&str> = listed
        .iter()
        .filter(|name| is_unknown(name) && !known.log_kinds.contains(*name))
        .map(String::as_str)
        .take(limits::RUN_WARNINGS_OF_A_KIND)
        .collect();
    let detail = format!(
        "Intercom's activity log has kinds of entries that this version of the bridge does not know: {}; they are \
         recorded without a class and a severity, unless activity.types names other kinds",
        new.join(", ")
    );
    (!new.is_empty()).then(|| Warning::new("activity_kinds_new", detail))
}

/// Prepends the warning that removals wait.
pub(super) fn with_kept_back(warnings: &[Warning], kept: KeptBack) -> Vec<Warning> {
    let KeptBack { users, groups, memberships } = kept;
    let detail = format!(
        "{users} people, {groups} teams and {memberships} memberships that Intercom did not list stay as they are until it \
         lists everything in a form that can be read; the other warnings of this run say what \
         could not be read"
    );
    std::iter::once(Warning::new(REMOVALS_WAIT, detail)).chain(warnings.iter().cloned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_warnings_of_a_kind_hide_none_of_another() {
        let many = (0..5_000).map(|number| Warning::new("field_unreadable", number.to_string()));
        let all: Vec<Warning> = many.chain([Warning::new("list_incomplete", "x")]).collect();
        let kept = bounded(&all);
        let codes: Vec<&str> =
            kept.iter().rev().take(2).map(|warning| warning.code.as_str()).collect();
        assert_eq!(codes, ["more_warnings", "list_incomplete"]);
        assert!(kept.len() <= limits::RUN_WARNINGS + 1);
        assert_eq!(kept.last().unwrap().detail, "4975 more warnings were left out");
        assert_eq!(bounded(&all[..3]), all[..3]);
    }
}
