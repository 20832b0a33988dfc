//! Verifies the ledger: every version matches its digest, every generation matches its hash, and
//! each follows the one before it. [`verify_records`](super::verify_records) does the
//! same for runs, log entries and requests.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sea_orm::{
    ColumnTrait, DbBackend, EntityTrait, IsolationLevel, QueryFilter, QuerySelect, TransactionTrait,
};

use super::chain::{self, ChangeCounts, Head, KindCounts, Step, Steps};
use super::salting::{USER, version_key};
use super::verification::{Amended, GenerationRecord, VerificationRun};
use super::verify_chain::Tail;
use super::versions::{GROUPS, MEMBERSHIPS, ROLES, USERS, Version, Versions};
use super::{Ledger, LedgerError, Moment, Verified, digests, generation_rows, prune, rows};
use crate::database::entities::{generations, imports, prunings};
use crate::directory::Generation;
use crate::limits;

impl Ledger {
    /// Verifies the history of a workspace. `known_head` is a hash that the operator noted: of a
    /// generation, or the `head` of an earlier verification.
    ///
    /// # Errors
    /// [`LedgerError::Database`]. A deviation is a finding, not an error.
    pub async fn verify(
        &self,
        workspace: &str,
        known_head: Option<&str>,
    ) -> Result<Verified, LedgerError> {
        // A single snapshot of the database, whatever is committed meanwhile. A transaction of
        // SQLite has one anyway.
        let postgres = self.database.connection.get_database_backend() == DbBackend::Postgres;
        let isolation = postgres.then_some(IsolationLevel::RepeatableRead);
        let db = &self.database.connection.begin_with_config(isolation, None).await?;
        let latest = generation_rows::latest_generation(db, workspace).await?;
        let last = latest.as_ref().map_or(0, |latest| latest.number);
        let pruned = generation_rows::last_pruned(db, workspace).await?;
        let pruned_to = pruned.as_ref().map_or(0, |pruned| pruned.generation);
        let mut check = VerificationRun {
            db,
            workspace,
            known_head,
            pruned_to,
            previous: None,
            recorded: HashMap::new(),
            amended: Amended::default(),
            verified: Verified::default(),
        };
        check.verified.known_head = known_head.map(|_| false);
        let tail = check.records().await?;
        let mut next = 1;
        while next <= last {
            let rows = generation_rows::generations_between(db, workspace, next, last).await?;
            let Some(end) = rows.last().map(|row| row.number) else { break };
            for row in rows {
                check.follows(next, &row);
                check.is_this_the_head(&row.hash, Moment { generation: row.number, at: row.at });
                next = row.number + 1;
                check.generation(&row).await?;
                if row.number >= pruned_to && check.verified.first.is_none() {
                    check.verified.first = Some(Moment { generation: row.number, at: row.at });
                }
                check.previous = Some(row);
            }
            next = next.max(end + 1);
        }
        if let Some(pruned) = &pruned {
            check.state(pruned).await?;
            check.verified.shortened_at = check.verified.shortened_at.max(Some(pruned.at));
        }
        check.strays(last).await?;
        check.head(tail, latest);
        Ok(check.verified)
    }
}

/// What a generation did to a table, according to its rows.
struct TableSteps {
    steps: Vec<Step>,
    /// Findings: versions that it opened and that do not match their digests.
    wrong: Vec<String>,
}

impl VerificationRun<'_> {
    /// Sets the head: the hash of the last record, or of the latest generation if an earlier
    /// version of the bridge committed that one after the last record.
    fn head(&mut self, tail: Option<Tail>, latest: Option<generations::Model>) {
        self.verified.head_generation = latest.as_ref().map(|latest| latest.number);
        self.verified.last =
            latest.as_ref().map(|latest| Moment { generation: latest.number, at: latest.at });
        let number = latest.as_ref().map_or(0, |latest| latest.number);
        let newest = match (tail, latest) {
            (Some(tail), _) if tail.generation >= number => Some((tail.hash, tail.at)),
            (_, Some(latest)) => Some((latest.hash, latest.at)),
            (tail, None) => tail.map(|tail| (tail.hash, tail.at)),
        };
        if let Some((hash, at)) = newest {
            (self.verified.head, self.verified.head_at) = (hash, Some(at));
        }
    }

    /// Checks that a generation follows the one before it.
    fn follows(&mut self, expected: Generation, row: &generations::Model) {
        for missing in expected..row.number.min(expected + 10) {
            self.found(format!("generations: generation {missing} is missing"));
        }
        if row.number == expected {
            let hash =
                self.previous.as_ref().map_or(chain::START, |previous| previous.hash.as_str());
            if row.previous_hash != hash {
                self.found(format!(
                    "generations: generation {} does not follow the one before it",
                    row.number
                ));
            }
        }
    }

    /// Checks that a generation matches its record and its hash, and its versions their digests.
    async fn generation(&mut self, row: &generations::Model) -> Result<(), LedgerError> {
        self.verified.generations += 1;
        let before = self.verified.findings.len();
        let number = row.number;
        self.compare_with_record(row);
        let steps = self.steps_of_all_tables(number).await?;
        if number <= self.pruned_to {
            // The versions that ended by then are pruned. Those that remain were checked above, row
            // by row.
            return Ok(());
        }
        for step in steps.users.iter().filter(|step| step.closed && step.opened.is_none()) {
            self.found(format!(
                "user_versions: the version of user {} from generation {number} on is missing",
                step.key
            ));
        }
        self.compare_counts(row, &steps);
        let evidence =
            self.recorded.get(&number).filter(|record| row.evidence == Some(record.sequence));
        let evidence = evidence.map(|record| (record.sequence, record.previous_hash.as_str()));
        if row.evidence.is_some() && evidence.is_none() {
            // The missing or changed record is reported already.
            return Ok(());
        }
        let head =
            Head { workspace: self.workspace, number, run: row.import_id, at: row.at, evidence };
        if chain::hash(&row.previous_hash, &head, &steps) != row.hash
            && self.verified.findings.len() == before
        {
            self.found(format!(
                "generations: generation {number} was changed: its time, its run, its hash, or the versions that ended in it"
            ));
        }
        Ok(())
    }

    /// Checks that the record of a generation exists and has its hash.
    fn compare_with_record(&mut self, row: &generations::Model) {
        let number = row.number;
        let fits = |record: &GenerationRecord| {
            row.evidence == Some(record.sequence) && record.hash == row.hash
        };
        match self.recorded.get(&number) {
            Some(record) if !fits(record) => {
                self.found(format!("generations: generation {number} does not match its record"));
            }
            None if row.evidence.is_some() => {
                self.found(format!("evidence: the record of generation {number} is missing"));
            }
            _ => {}
        }
    }

    /// Returns what a generation opened and closed, and reports the versions that do not match
    /// their digests.
    async fn steps_of_all_tables(&mut self, number: Generation) -> Result<Steps, LedgerError> {
        let users = self
            .steps(&USERS, number, |row| {
                let digest = digests::of_user(row).unwrap_or_default();
                self.is_as_recorded(
                    USER,
                    &version_key(row),
                    &row.digest,
                    &digest,
                    row.proof.as_deref(),
                )
            })
            .await?;
        let groups = self
            .steps(&GROUPS, number, |row| {
                chain::digest(self.workspace, number, &rows::group(row.clone())) == row.digest
            })
            .await?;
        let memberships = self
            .steps(&MEMBERSHIPS, number, |row| {
                let membership = rows::membership(row.clone());
                membership
                    .is_ok_and(|one| chain::digest(self.workspace, number, &one) == row.digest)
            })
            .await?;
        let roles = self
            .steps(&ROLES, number, |row| {
                chain::digest(self.workspace, number, &rows::role(row.clone())) == row.digest
            })
            .await?;
        Ok(Steps {
            users: self.took(users),
            groups: self.took(groups),
            memberships: self.took(memberships),
            roles: self.took(roles),
        })
    }

    fn took(&mut self, found: TableSteps) -> Vec<Step> {
        let TableSteps { steps, wrong } = found;
        self.verified.versions += steps.iter().filter(|step| step.opened.is_some()).count() as u64;
        for what in wrong {
            self.found(what);
        }
        steps
    }

    fn compare_counts(&mut self, row: &generations::Model, steps: &Steps) {
        let before = self
            .previous
            .as_ref()
            .and_then(|previous| ChangeCounts::from_row(previous).ok())
            .unwrap_or_default();
        let Ok(then) = ChangeCounts::from_row(row) else {
            return self.found(format!(
                "generations: the tally of generation {} cannot be read",
                row.number
            ));
        };
        let now = steps.counts(&before);
        let kinds: [(&str, KindCounts, KindCounts); 4] = [
            (USERS.name, then.users, now.users),
            (GROUPS.name, then.groups, now.groups),
            (MEMBERSHIPS.name, then.memberships, now.memberships),
            (ROLES.name, then.roles, now.roles),
        ];
        for (table, then, now) in kinds {
            for (what, then, now) in
                [("began", then.opened, now.opened), ("ended", then.closed, now.closed)]
            {
                if then != now {
                    let number = row.number;
                    self.found(format!("{table}: {then} versions {what} in generation {number}, and there are {now}"));
                }
            }
        }
        if then != now {
            self.found(format!(
                "generations: the tally of generation {} does not match its changes",
                row.number
            ));
        }
    }

    /// What a generation did to a table, according to its rows, and which of the versions that it
    /// opened do not match their digests.
    async fn steps<E>(
        &self,
        versions: &Versions<E>,
        number: Generation,
        is_as_recorded: impl Fn(&E::Model) -> bool,
    ) -> Result<TableSteps, LedgerError>
    where
        E: EntityTrait,
        E::Model: Version,
    {
        let mut wrong = Vec::new();
        let mut steps: BTreeMap<String, (bool, Option<String>)> = BTreeMap::new();
        for row in versions.closed_by(self.workspace, number).all(self.db).await? {
            steps.entry(row.key()).or_default().0 = true;
        }
        for row in versions.opened_by(self.workspace, number).all(self.db).await? {
            let key = row.key();
            if !is_as_recorded(&row) {
                wrong
                    .push(format!("{}: {key} from generation {number} was changed", versions.name));
            }
            steps.entry(key).or_default().1 = Some(row.digest().to_owned());
        }
        let steps =
            steps.into_iter().map(|(key, (closed, opened))| Step { key, closed, opened }).collect();
        Ok(TableSteps { steps, wrong })
    }

    /// Checks that the versions that were open when the history was pruned are still there.
    async fn state(&mut self, pruned: &prunings::Model) -> Result<(), LedgerError> {
        let number = pruned.generation;
        let row = generation_rows::generation(self.db, self.workspace, number).await?;
        let hash = row.map_or_else(String::new, |row| row.hash);
        let digests = prune::digests_at(self.db, self.workspace, number).await?;
        if chain::hash_of_state(&hash, digests) != pruned.hash {
            self.found(format!(
                "the history was pruned up to generation {number}, and versions that were true \
                 then are missing or changed"
            ));
        }
        Ok(())
    }

    /// Reports rows that refer to generations that do not exist.
    async fn strays(&mut self, latest: Generation) -> Result<(), LedgerError> {
        self.stray(&USERS, latest).await?;
        self.stray(&GROUPS, latest).await?;
        self.stray(&MEMBERSHIPS, latest).await?;
        self.stray(&ROLES, latest).await?;
        let runs = imports::Entity::find()
            .filter(imports::Column::Workspace.eq(self.workspace))
            .filter(imports::Column::Generation.gt(latest))
            .limit(limits::FINDINGS as u64)
            .all(self.db)
            .await?;
        for run in runs {
            let generation = run.generation.unwrap_or_default();
            self.found(format!(
                "generations: generation {generation}, which import {} recorded, is missing",
                run.id
            ));
        }
        Ok(())
    }

    async fn stray<E>(
        &mut self,
        versions: &Versions<E>,
        latest: Generation,
    ) -> Result<(), LedgerError>
    where
        E: EntityTrait,
        E::Model: Version,
    {
        let query = E::find()
            .filter(versions.workspace.eq(self.workspace))
            .filter(versions.outside(latest));
        let rows = query.limit(limits::FINDINGS as u64).all(self.db).await?;
        let stray = |row: &E::Model| {
            let (table, key, from) = (versions.name, row.key(), row.from());
            format!(
                "{table}: {key} from generation {from} begins or ends in a generation that does not exist"
            )
        };
        let strays: BTreeSet<String> = rows.iter().map(stray).collect();
        for stray in strays {
            self.found(stray);
        }
        Ok(())
    }
}
