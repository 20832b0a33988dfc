//! The kinds of log entries that the bridge reads.

use std::collections::BTreeSet;

use super::kind::{Fetched, Group};
use super::table::{KINDS, kind_named};

/// The setting `activity.types`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum WantedKinds {
    /// The kinds that matter for security ([`Fetched::Default`]), and those that this version does
    /// not know.
    #[default]
    Security,
    /// Every entry.
    All,
    /// These kinds, and those from which the bridge learns about accounts.
    These(BTreeSet<String>),
}

/// The kinds from which the bridge learns when people joined, signed in and were invited, and their
/// permissions. They are read whatever the setting says.
pub const NEEDED: [&str; 15] = [
    "admin_deletion",
    "admin_deprovisioned",
    "admin_invite_change",
    "admin_invite_creation",
    "admin_invite_deletion",
    "admin_login_success",
    "admin_permission_change",
    "admin_provisioned",
    "admin_two_factor_auth_change",
    "app_admin_join",
    "app_team_membership_modification",
    "role_change",
    "role_creation",
    "role_deletion",
    "seat_change",
];

impl WantedKinds {
    /// Parses the setting. `None` if it names no kind.
    #[must_use]
    pub fn parse(names: &[String]) -> Option<Self> {
        match names {
            [] => None,
            [word] if word.eq_ignore_ascii_case("security") => Some(Self::Security),
            [word] if word.eq_ignore_ascii_case("all") => Some(Self::All),
            names => {
                let is_name = |name: &String| {
                    (1..=100).contains(&name.len())
                        && name.bytes().all(|byte| {
                            byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'
                        })
                };
                let words = ["security", "all"];
                let fits = names.iter().all(|name| is_name(name) && !words.contains(&&**name));
                fits.then(|| Self::These(names.iter().cloned().collect()))
            }
        }
    }

    /// Whether entries of this kind are kept.
    #[must_use]
    pub fn includes(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Security => {
                let kind = kind_named(name);
                kind.fetched == Fetched::Default || kind.group == Group::Unknown
            }
            Self::These(names) => names.contains(name) || NEEDED.contains(&name),
        }
    }

    /// The kinds to ask Intercom for; `None` to ask for all. `listed` are the kinds that the
    /// workspace has, if they are known.
    #[must_use]
    pub fn to_request(&self, listed: Option<&BTreeSet<String>>) -> Option<Vec<String>> {
        let wanted: BTreeSet<String> = match self {
            Self::All => return None,
            Self::Security => {
                let known = KINDS.iter().filter(|kind| kind.fetched == Fetched::Default);
                let unknown = listed.into_iter().flatten().filter(|name| is_unknown(name));
                known.map(|kind| kind.name.to_owned()).chain(unknown.cloned()).collect()
            }
            Self::These(names) => names.iter().cloned().chain(NEEDED.map(str::to_owned)).collect(),
        };
        let wanted = wanted.into_iter();
        Some(match listed {
            Some(listed) => wanted.filter(|name| listed.contains(name)).collect(),
            None => wanted.collect(),
        })
        // An empty list could mean no filter.
        .filter(|names: &Vec<String>| !names.is_empty())
    }
}

/// Whether this version of the bridge does not know a kind.
#[must_use]
pub fn is_unknown(name: &str) -> bool {
    kind_named(name).group == Group::Unknown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn sixty_five_documented_kinds_are_read_by_default() {
        let listed: BTreeSet<String> = KINDS.iter().map(|kind| kind.name.to_owned()).collect();
        assert_eq!(listed.len(), KINDS.len(), "each kind has one entry");
        let wanted = WantedKinds::Security.to_request(Some(&listed)).unwrap();
        // Two of them are on branches of Intercom's description that are not merged.
        assert_eq!(wanted.len(), 65 + 2);
        assert!(NEEDED.iter().all(|needed| wanted.iter().any(|name| name == needed)));
    }

    #[test]
    fn a_kind_that_only_the_workspace_has_is_requested_and_stored() {
        let listed = BTreeSet::from(["teleportation".to_owned(), "macro_update".to_owned()]);
        let wanted = WantedKinds::Security.to_request(Some(&listed)).unwrap();
        assert_eq!(wanted, ["teleportation"]);
        assert!(WantedKinds::Security.includes("teleportation"));
        assert!(!WantedKinds::Security.includes("macro_update"));
        assert!(WantedKinds::All.includes("macro_update"));
        assert_eq!(WantedKinds::All.to_request(Some(&listed)), None);
    }

    #[test]
    fn named_kinds_are_read_besides_those_that_the_bridge_needs() {
        let these = WantedKinds::parse(&names(&["macro_update", "teleportation"])).unwrap();
        assert!(these.includes("macro_update") && these.includes("admin_login_success"));
        assert!(these.includes("teleportation") && !these.includes("bulk_export"));
        assert!(these.to_request(None).unwrap().contains(&"teleportation".to_owned()));
        for wrong in [&["Macro"][..], &["security", "macro_update"], &[""], &["a b"], &[]] {
            assert_eq!(WantedKinds::parse(&names(wrong)), None, "{wrong:?}");
        }
    }
}
