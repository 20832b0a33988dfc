//! Which events an endpoint gets.

use crate::activity::{Group, Severity, kind_named, severity_of};
use crate::directory::Activity;

/// Which events an endpoint gets. Each part that is empty accepts everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Whether it gets entries of Intercom's activity log.
    pub activity: bool,
    /// The kinds of log entries, as Intercom spells them.
    pub types: Vec<String>,
    /// The subjects of log entries.
    pub groups: Vec<Group>,
    /// The severities of log entries and of findings.
    pub severities: Vec<Severity>,
    /// Whether it gets changes of teammates, teams and memberships.
    pub changes: bool,
    /// Whether it gets new findings of the posture that fail.
    pub posture: bool,
}

impl Filter {
    /// Whether the endpoint gets a log entry.
    #[must_use]
    pub fn accepts_entry(&self, entry: &Activity) -> bool {
        let kind = kind_named(&entry.kind);
        self.activity
            && (self.types.is_empty() || self.types.contains(&entry.kind))
            && (self.groups.is_empty() || self.groups.contains(&kind.group))
            && self.accepts_severity(severity_of(kind, entry))
    }

    /// Whether the endpoint gets a finding of this severity; `None` if it is not known.
    #[must_use]
    pub fn accepts_finding(&self, severity: Option<Severity>) -> bool {
        self.posture && severity.is_none_or(|severity| self.accepts_severity(severity))
    }

    fn accepts_severity(&self, severity: Severity) -> bool {
        self.severities.is_empty() || self.severities.contains(&severity)
    }
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::*;

    fn entry(kind: &str) -> Activity {
        Activity {
            id: "1".to_owned(),
            kind: kind.to_owned(),
            at: OffsetDateTime::UNIX_EPOCH,
            performed_by: None,
            description: None,
            metadata: serde_json::json!({}).into(),
        }
    }

    #[test]
    fn an_entry_must_fit_every_part_that_is_set() {
        let all = Filter { activity: true, ..Filter::default() };
        assert!(all.accepts_entry(&entry("admin_login_failure")));
        assert!(all.accepts_entry(&entry("a_kind_of_tomorrow")));
        assert!(!Filter::default().accepts_entry(&entry("admin_login_failure")));
        let types = Filter { types: vec!["bulk_export".to_owned()], ..all.clone() };
        assert!(types.accepts_entry(&entry("bulk_export")));
        assert!(!types.accepts_entry(&entry("admin_login_failure")));
        let high = Filter { severities: vec![Severity::High], ..all.clone() };
        assert!(high.accepts_entry(&entry("bulk_export")));
        assert!(!high.accepts_entry(&entry("admin_login_success")));
        let access = Filter { groups: vec![Group::Access], ..high };
        assert!(!access.accepts_entry(&entry("bulk_export")));
    }

    #[test]
    fn a_finding_must_have_an_accepted_severity() {
        let high = Filter {
            posture: true,
            severities: vec![Severity::High, Severity::Critical],
            ..Filter::default()
        };
        assert!(high.accepts_finding(Some(Severity::Critical)));
        assert!(!high.accepts_finding(Some(Severity::Low)));
        assert!(high.accepts_finding(None));
        assert!(!Filter::default().accepts_finding(Some(Severity::Critical)));
    }
}
