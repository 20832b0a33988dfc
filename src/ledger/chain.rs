//! The hash that ties generations together.
//!
//! Each version has a digest of what it says. Each generation's hash covers the one before it, when and by which run it
//! was made, the digest of every version it opened, and which it closed. So a row that is changed, added or taken away
//! later no longer fits, and neither does any generation after it.
//!
//! Runs, log entries, requests and prunings have records in a second chain ([`evidence`](super::evidence)), in which each
//! generation is a record too: its hash covers the record before it. So the hash of the last record stands for everything.

use aws_lc_rs::digest::{Context, SHA256, digest as sha256};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::entities::generations;
use super::{LedgerError, RunId};
use crate::directory::Generation;

/// What stands before the first generation.
pub(super) const START: &str = "";

/// What a generation did to one person, team or membership.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// The id; of a membership, the team's and the person's with a space between.
    pub key: String,
    /// Whether a version ended.
    pub closed: bool,
    /// The digest of the version that began.
    pub opened: Option<String>,
}

/// What a generation did to people, teams and memberships; each by key, byte by byte.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Steps {
    pub users: Vec<Step>,
    pub groups: Vec<Step>,
    pub memberships: Vec<Step>,
}

/// How many people, teams and memberships a generation changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct ChangeCounts {
    pub users: KindCounts,
    pub groups: KindCounts,
    pub memberships: KindCounts,
}

impl ChangeCounts {
    pub(super) fn from_row(row: &generations::Model) -> Result<Self, LedgerError> {
        Self::deserialize(&row.tally)
            .map_err(|_| LedgerError::Corrupt { what: format!("generations.tally of generation {}", row.number) })
    }
}

/// How many versions of a kind a generation touched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct KindCounts {
    /// Changes: one for each person, team or membership.
    pub changed: u64,
    /// Changes in this generation and all before it.
    pub so_far: u64,
    /// Versions that began.
    pub opened: u64,
    /// Versions that ended.
    pub closed: u64,
}

impl Steps {
    /// Counts them; `before` is the tally of the generation before.
    pub(super) fn tally(&self, before: &ChangeCounts) -> ChangeCounts {
        fn deeds(steps: &[Step], before: KindCounts) -> KindCounts {
            let count = |is: fn(&&Step) -> bool| steps.iter().filter(is).count() as u64;
            KindCounts {
                changed: steps.len() as u64,
                so_far: before.so_far + steps.len() as u64,
                opened: count(|step| step.opened.is_some()),
                closed: count(|step| step.closed),
            }
        }
        ChangeCounts {
            users: deeds(&self.users, before.users),
            groups: deeds(&self.groups, before.groups),
            memberships: deeds(&self.memberships, before.memberships),
        }
    }
}

/// What a generation says of itself.
pub(super) struct Head<'a> {
    pub workspace: &'a str,
    pub number: Generation,
    pub run: RunId,
    pub at: OffsetDateTime,
    /// The number of its own record, and the hash of the record before that. None for generations that were committed
    /// before there were records.
    pub evidence: Option<(i64, &'a str)>,
}

/// SHA-256, as 43 characters of base64url, over the previous hash, the generation's head and its steps.
pub(super) fn hash(previous: &str, head: &Head<'_>, steps: &Steps) -> String {
    let mut context = Context::new(&SHA256);
    let millis = head.at.unix_timestamp_nanos() / 1_000_000;
    line(
        &mut context,
        &["generation", head.workspace, &head.number.to_string(), &head.run.to_string(), &millis.to_string(), previous],
    );
    if let Some((sequence, before)) = head.evidence {
        line(&mut context, &["evidence", &sequence.to_string(), before]);
    }
    for (kind, steps) in [("user", &steps.users), ("group", &steps.groups), ("membership", &steps.memberships)] {
        for Step { key, closed, opened } in steps {
            let closed = if *closed { "closed" } else { "" };
            line(&mut context, &[kind, key, closed, opened.as_deref().unwrap_or_default()]);
        }
    }
    URL_SAFE_NO_PAD.encode(context.finish())
}

/// What a record says of itself.
pub(super) struct RecordHead<'a> {
    pub workspace: &'a str,
    pub sequence: i64,
    pub kind: &'a str,
    pub subject: &'a str,
    pub count: i64,
    /// Milliseconds since the UNIX epoch.
    pub at: i64,
    pub digest: &'a str,
}

/// The hash of a record, over the hash of the record before it. (A generation's record has the generation's hash.)
pub(super) fn record_hash(previous: &str, head: &RecordHead<'_>) -> String {
    let mut context = Context::new(&SHA256);
    let RecordHead { workspace, sequence, kind, subject, count, at, digest } = head;
    let (sequence, count, at) = (sequence.to_string(), count.to_string(), at.to_string());
    line(&mut context, &["record", workspace, &sequence, kind, subject, &count, &at, digest, previous]);
    URL_SAFE_NO_PAD.encode(context.finish())
}

/// Adds one digest to a list of them. Whoever has the fold of the first ones can check the rest without them.
pub(super) fn fold(so_far: &str, digest: &str) -> String {
    let mut context = Context::new(&SHA256);
    line(&mut context, &["fold", so_far, digest]);
    URL_SAFE_NO_PAD.encode(context.finish())
}

/// What is known of everything that was true at the end of a generation, for a history that begins after it.
pub(super) fn hash_of_state(previous: &str, digests: impl IntoIterator<Item = String>) -> String {
    let mut context = Context::new(&SHA256);
    line(&mut context, &["state", previous]);
    digests.into_iter().for_each(|digest| line(&mut context, &[&digest]));
    URL_SAFE_NO_PAD.encode(context.finish())
}

/// SHA-256, as 43 characters of base64url, of what a version says: whose it is, since when, and what was true.
pub(super) fn digest(workspace: &str, from: Generation, value: &impl Serialize) -> String {
    // Domain values are structs of texts, numbers and times, which always serialise.
    let json = serde_json::to_vec(&(workspace, from, value)).unwrap_or_default();
    URL_SAFE_NO_PAD.encode(sha256(&SHA256, &json))
}

/// Parts are told apart by a character that none of them holds.
fn line(context: &mut Context, parts: &[&str]) {
    for part in parts {
        context.update(part.as_bytes());
        context.update(b"\x1f");
    }
    context.update(b"\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(key: &str, closed: bool, opened: Option<&str>) -> Step {
        Step { key: key.to_owned(), closed, opened: opened.map(str::to_owned) }
    }

    fn head(number: Generation) -> Head<'static> {
        Head { workspace: "default", number, run: 3, at: OffsetDateTime::UNIX_EPOCH, evidence: None }
    }

    #[test]
    fn whatever_is_different_makes_another_hash() {
        let steps = Steps { users: vec![step("1", true, Some("a")), step("2", true, None)], ..Steps::default() };
        let as_groups = Steps { groups: steps.users.clone(), ..Steps::default() };
        let other = Steps { users: vec![step("1", true, Some("b")), step("2", true, None)], ..Steps::default() };
        let fewer = Steps { users: steps.users[..1].to_vec(), ..Steps::default() };
        let hashes = [
            hash("", &head(1), &steps),
            hash("x", &head(1), &steps),
            hash("", &head(2), &steps),
            hash("", &Head { run: 4, ..head(1) }, &steps),
            hash("", &Head { at: OffsetDateTime::UNIX_EPOCH + time::Duration::milliseconds(1), ..head(1) }, &steps),
            hash("", &Head { evidence: Some((5, "a")), ..head(1) }, &steps),
            hash("", &Head { evidence: Some((5, "b")), ..head(1) }, &steps),
            hash("", &Head { evidence: Some((6, "a")), ..head(1) }, &steps),
            hash("", &head(1), &as_groups),
            hash("", &head(1), &other),
            hash("", &head(1), &fewer),
        ];
        assert_eq!(hashes.iter().collect::<std::collections::BTreeSet<_>>().len(), hashes.len());
        assert_eq!(hashes[0], hash("", &head(1), &steps.clone()));
    }

    #[test]
    fn a_tally_counts_changes_and_versions() {
        let steps = Steps {
            users: vec![step("1", true, Some("a")), step("2", false, Some("b"))],
            memberships: vec![step("9 1", true, None)],
            ..Steps::default()
        };
        let tally = steps.tally(&steps.tally(&ChangeCounts::default()));
        assert_eq!(tally.users, KindCounts { changed: 2, so_far: 4, opened: 2, closed: 1 });
        assert_eq!(tally.memberships, KindCounts { changed: 1, so_far: 2, opened: 0, closed: 1 });
        assert_eq!(tally.groups, KindCounts::default());
    }
}
