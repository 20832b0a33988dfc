//! The hash chain over the generations.
//!
//! Each version has a digest of its content. The hash of a generation covers the hash of the
//! generation before it, its own time and run, the digest of every version that it opened, and the
//! keys of the versions that it closed. So if a row is changed, added or removed later, the hash of
//! its generation does not match any more, and neither does any hash after it.
//!
//! Runs, log entries, requests and prunings have records in a second chain
//! ([`evidence`](super::evidence)). Each generation is a record in that chain too, and its hash
//! covers the record before it. So the hash of the last record covers everything.

use aws_lc_rs::digest::{Context, SHA256, digest as sha256};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::LedgerError;
use crate::clock::to_millis;
use crate::database::entities::generations;
use crate::directory::{ChangeKind, Generation, RunId};

/// The previous hash of the first generation.
pub(super) const START: &str = "";

/// What a generation did to one person, team or membership.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// The id. For a membership: the team's id, a space, and the person's id.
    pub key: String,
    /// Whether a version ended.
    pub closed: bool,
    /// The digest of the version that began, if one did.
    pub opened: Option<String>,
}

/// What a generation did to people, teams, memberships and listed roles. Each list is sorted by key,
/// byte by byte.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Steps {
    pub users: Vec<Step>,
    pub groups: Vec<Step>,
    pub memberships: Vec<Step>,
    pub roles: Vec<Step>,
}

/// How many people, teams, memberships and listed roles a generation changed. Stored in the column `tally`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct ChangeCounts {
    pub users: KindCounts,
    pub groups: KindCounts,
    pub memberships: KindCounts,
    pub roles: KindCounts,
}

impl ChangeCounts {
    /// The counts of one kind.
    pub(super) fn of(&self, kind: ChangeKind) -> KindCounts {
        match kind {
            ChangeKind::User => self.users,
            ChangeKind::Group => self.groups,
            ChangeKind::Membership => self.memberships,
            ChangeKind::Role => self.roles,
        }
    }

    pub(super) fn from_row(row: &generations::Model) -> Result<Self, LedgerError> {
        Self::deserialize(&row.tally).map_err(|_| LedgerError::Corrupt {
            what: format!("generations.tally of generation {}", row.number),
        })
    }
}

/// How many versions of one kind a generation touched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct KindCounts {
    /// Changes: one for each person, team or membership.
    pub changed: u64,
    /// Changes in this generation and in all before it.
    pub so_far: u64,
    /// Versions that began.
    pub opened: u64,
    /// Versions that ended.
    pub closed: u64,
}

impl Steps {
    /// Counts the steps. `before` are the counts of the generation before.
    pub(super) fn counts(&self, before: &ChangeCounts) -> ChangeCounts {
        fn count_kind(steps: &[Step], before: KindCounts) -> KindCounts {
            let count = |is: fn(&&Step) -> bool| steps.iter().filter(is).count() as u64;
            KindCounts {
                changed: steps.len() as u64,
                so_far: before.so_far + steps.len() as u64,
                opened: count(|step| step.opened.is_some()),
                closed: count(|step| step.closed),
            }
        }
        ChangeCounts {
            users: count_kind(&self.users, before.users),
            groups: count_kind(&self.groups, before.groups),
            memberships: count_kind(&self.memberships, before.memberships),
            roles: count_kind(&self.roles, before.roles),
        }
    }
}

/// The fields of a generation that its hash covers.
pub(super) struct Head<'a> {
    pub workspace: &'a str,
    pub number: Generation,
    pub run: RunId,
    pub at: OffsetDateTime,
    /// The number of the generation's own record, and the hash of the record before it. `None` for
    /// generations that were committed before there were records.
    pub evidence: Option<(i64, &'a str)>,
}

/// SHA-256, as 43 characters of base64url, over the previous hash, the generation's head and its
/// steps.
pub(super) fn hash(previous: &str, head: &Head<'_>, steps: &Steps) -> String {
    let mut context = Context::new(&SHA256);
    line(
        &mut context,
        &[
            "generation",
            head.workspace,
            &head.number.to_string(),
            &head.run.to_string(),
            &to_millis(head.at).to_string(),
            previous,
        ],
    );
    if let Some((sequence, before)) = head.evidence {
        line(&mut context, &["evidence", &sequence.to_string(), before]);
    }
    // Without roles the hash is that of versions of the bridge that did not read them.
    let kinds = [
        ("user", &steps.users),
        ("group", &steps.groups),
        ("membership", &steps.memberships),
        ("role", &steps.roles),
    ];
    for (kind, steps) in kinds {
        for Step { key, closed, opened } in steps {
            let closed = if *closed { "closed" } else { "" };
            line(&mut context, &[kind, key, closed, opened.as_deref().unwrap_or_default()]);
        }
    }
    URL_SAFE_NO_PAD.encode(context.finish())
}

/// The fields of a record that its hash covers.
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

/// The hash of a record, over the hash of the record before it. The record of a generation has the
/// generation's hash instead.
pub(super) fn record_hash(previous: &str, head: &RecordHead<'_>) -> String {
    let mut context = Context::new(&SHA256);
    let RecordHead { workspace, sequence, kind, subject, count, at, digest } = head;
    let (sequence, count, at) = (sequence.to_string(), count.to_string(), at.to_string());
    line(
        &mut context,
        &["record", workspace, &sequence, kind, subject, &count, &at, digest, previous],
    );
    URL_SAFE_NO_PAD.encode(context.finish())
}

/// Adds a digest to the fold of the digests before it. With the fold of the first ones, the rest
/// can be checked without them.
pub(super) fn fold(so_far: &str, digest: &str) -> String {
    let mut context = Context::new(&SHA256);
    line(&mut context, &["fold", so_far, digest]);
    URL_SAFE_NO_PAD.encode(context.finish())
}

/// The hash of everything that was true at the end of a generation. A pruned history begins with
/// it. `previous` is the hash of that generation.
pub(super) fn hash_of_state(previous: &str, digests: impl IntoIterator<Item = String>) -> String {
    let mut context = Context::new(&SHA256);
    line(&mut context, &["state", previous]);
    digests.into_iter().for_each(|digest| line(&mut context, &[&digest]));
    URL_SAFE_NO_PAD.encode(context.finish())
}

/// SHA-256 over a version's workspace, first generation and value, as 43 characters of base64url.
pub(super) fn digest(workspace: &str, from: Generation, value: &impl Serialize) -> String {
    // Domain values are structs of texts, numbers and times, which always serialise.
    let json = serde_json::to_vec(&(workspace, from, value)).unwrap_or_default();
    URL_SAFE_NO_PAD.encode(sha256(&SHA256, &json))
}

/// Hashes the parts, each followed by a character that none of them contains.
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
        Head {
            workspace: "default",
            number,
            run: 3,
            at: OffsetDateTime::UNIX_EPOCH,
            evidence: None,
        }
    }

    #[test]
    fn whatever_is_different_makes_another_hash() {
        let steps = Steps {
            users: vec![step("1", true, Some("a")), step("2", true, None)],
            ..Steps::default()
        };
        let as_groups = Steps { groups: steps.users.clone(), ..Steps::default() };
        let as_roles = Steps { roles: steps.users.clone(), ..Steps::default() };
        let other = Steps {
            users: vec![step("1", true, Some("b")), step("2", true, None)],
            ..Steps::default()
        };
        let fewer = Steps { users: steps.users[..1].to_vec(), ..Steps::default() };
        let hashes = [
            hash("", &head(1), &steps),
            hash("x", &head(1), &steps),
            hash("", &head(2), &steps),
            hash("", &Head { run: 4, ..head(1) }, &steps),
            hash(
                "",
                &Head {
                    at: OffsetDateTime::UNIX_EPOCH + time::Duration::milliseconds(1),
                    ..head(1)
                },
                &steps,
            ),
            hash("", &Head { evidence: Some((5, "a")), ..head(1) }, &steps),
            hash("", &Head { evidence: Some((5, "b")), ..head(1) }, &steps),
            hash("", &Head { evidence: Some((6, "a")), ..head(1) }, &steps),
            hash("", &head(1), &as_groups),
            hash("", &head(1), &as_roles),
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
        let counts = steps.counts(&steps.counts(&ChangeCounts::default()));
        assert_eq!(counts.users, KindCounts { changed: 2, so_far: 4, opened: 2, closed: 1 });
        assert_eq!(counts.memberships, KindCounts { changed: 1, so_far: 2, opened: 0, closed: 1 });
        assert_eq!(counts.groups, KindCounts::default());
    }
}
