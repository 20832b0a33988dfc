//! The settings for matching.

use std::collections::{BTreeSet, HashMap};

use time::Duration;

use super::Address;
use super::address::read_domain;
use super::id::normal_id;

/// Sets of domains of one company: `ida@` belongs to the same person in all domains of a set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EquivalentDomains {
    /// The first domain of the set, for each domain of a set.
    representatives: HashMap<String, String>,
}

impl EquivalentDomains {
    /// Creates the sets. Sets that share a domain are one.
    ///
    /// # Errors
    /// The texts that are no domains.
    pub fn new(sets: &[Vec<String>]) -> Result<Self, Vec<String>> {
        let mut joined: Vec<BTreeSet<String>> = Vec::new();
        let mut bad = Vec::new();
        for set in sets {
            let mut domains = BTreeSet::new();
            for text in set {
                let domain = normal_id(text).to_lowercase();
                match read_domain(&domain) {
                    Some(domain) => {
                        domains.insert(domain.into_owned());
                    }
                    None => bad.push(text.clone()),
                }
            }
            let (overlapping, mut others): (Vec<_>, Vec<_>) =
                joined.into_iter().partition(|other| !other.is_disjoint(&domains));
            domains.extend(overlapping.into_iter().flatten());
            others.push(domains);
            joined = others;
        }
        let mut representatives = HashMap::new();
        for set in joined {
            let Some(first) = set.first().cloned() else { continue };
            representatives.extend(set.into_iter().map(|domain| (domain, first.clone())));
        }
        if bad.is_empty() { Ok(Self { representatives }) } else { Err(bad) }
    }

    /// Returns a domain that is equal for all domains of a set; `None` if the domain is in none.
    #[must_use]
    pub fn representative(&self, domain: &str) -> Option<&str> {
        self.representatives.get(domain).map(String::as_str)
    }

    /// Whether there are no sets.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.representatives.is_empty()
    }
}

/// An address of service accounts in the settings; `*` stands for any local part or any domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressPattern {
    local: Option<String>,
    domain: Option<String>,
}

impl AddressPattern {
    /// Reads `support@acme.example`, `support@*` or `*@bots.acme.example`; `None` for other texts,
    /// and for `*@*`, which would be every account.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        const ANY: &str = "any";
        let (local, domain) = text.trim().split_once('@')?;
        let any_local = local == "*";
        let any_domain = domain == "*";
        if any_local && any_domain {
            return None;
        }
        let local = if any_local { ANY } else { local };
        let domain = if any_domain { ANY } else { domain };
        let address = Address::read(&format!("{local}@{domain}"))?;
        Some(Self {
            local: (!any_local).then(|| address.local().to_owned()),
            domain: (!any_domain).then(|| address.domain().to_owned()),
        })
    }

    /// Whether an address has this form.
    #[must_use]
    pub fn fits(&self, address: &Address) -> bool {
        self.local.as_deref().is_none_or(|local| local == address.local())
            && self.domain.as_deref().is_none_or(|domain| domain == address.domain())
    }
}

/// The settings for matching.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MatchSettings {
    /// `roster.equivalent_domains`
    pub equivalent_domains: EquivalentDomains,
    /// `roster.tag_separators`
    pub tag_separators: String,
    /// `roster.match_personal`
    pub match_personal: bool,
    /// `roster.keep_former`, in whole days: how long a former address still matches.
    pub keep_former: Duration,
    /// `roster.service_accounts`
    pub service_accounts: Vec<AddressPattern>,
}

impl Default for MatchSettings {
    fn default() -> Self {
        Self {
            equivalent_domains: EquivalentDomains::default(),
            tag_separators: "+".to_owned(),
            match_personal: false,
            keep_former: Duration::days(365),
            service_accounts: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_that_share_a_domain_are_one() {
        let sets =
            [vec!["b.example", "C.Example."], vec!["d.example"], vec!["a.example", "b.example"]];
        let sets = sets.map(|set| set.into_iter().map(str::to_owned).collect());
        let domains = EquivalentDomains::new(&sets).unwrap();
        for domain in ["a.example", "b.example", "c.example"] {
            assert_eq!(domains.representative(domain), Some("a.example"));
        }
        assert_eq!(domains.representative("d.example"), Some("d.example"));
        assert_eq!(domains.representative("e.example"), None);
        let bad = EquivalentDomains::new(&[vec!["not a domain".to_owned()]]);
        assert_eq!(bad, Err(vec!["not a domain".to_owned()]));
    }

    #[test]
    fn a_pattern_stands_for_one_address_one_local_part_or_one_domain() {
        let address = |text| Address::read(text).unwrap();
        let fits = |pattern, text| AddressPattern::read(pattern).unwrap().fits(&address(text));
        assert!(fits("Support@ACME.example", "support@acme.example"));
        assert!(fits("support@*", "support@other.example"));
        assert!(fits("*@bots.example", "any@bots.example"));
        assert!(!fits("support@*", "support2@acme.example"));
        for bad in ["*@*", "support", "a b@x.example", "", "*"] {
            assert_eq!(AddressPattern::read(bad), None, "{bad}");
        }
    }
}
