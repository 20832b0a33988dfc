//! Proves the ledger whole: every version says what it said when it was written, every generation holds the versions
//! that it held, and each fits the one before it.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{
    ColumnTrait, DatabaseTransaction, DbBackend, EntityTrait, IsolationLevel, QueryFilter, QuerySelect,
    TransactionTrait,
};
use serde::Serialize;

use super::chain::{self, Deeds, Head, Step, Steps, Tally};
use super::entities::{generations, imports};
use super::versions::{GROUPS, MEMBERSHIPS, USERS, Version, Versions};
use super::{Ledger, LedgerError, prune, read, rows};
use crate::directory::Generation;
use crate::limits;

/// What came of a check.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// Generations looked at.
    pub generations: u64,
    /// Versions looked at.
    pub versions: u64,
    /// The hash of the latest generation, which stands for the whole history: whoever keeps it can tell later whether
    /// the history is still the same.
    pub head: String,
    /// Whether the hash that was asked for is that of a generation; none where none was asked for.
    pub known_head: Option<bool>,
    /// What is wrong; nothing in a ledger that is whole. The first ones, where there are many.
    pub findings: Vec<Finding>,
}

/// Something that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding(pub String);

impl Ledger {
    /// Checks the history of a workspace. `known_head` is the hash of a generation that somebody kept.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`]. What is wrong with the ledger is no error but a finding.
    pub async fn verify(&self, workspace: &str, known_head: Option<&str>) -> Result<Verified, LedgerError> {
        // One state of the database, whatever is committed meanwhile.
        // (A transaction of SQLite's sees one anyway.)
        let postgres = self.database.get_database_backend() == DbBackend::Postgres;
        let isolation = postgres.then_some(IsolationLevel::RepeatableRead);
        let db = &self.database.begin_with_config(isolation, None).await?;
        let latest = read::latest_generation(db, workspace).await?.map_or(0, |latest| latest.number);
        let pruned = read::last_pruned(db, workspace).await?;
        let pruned_to = pruned.as_ref().map_or(0, |pruned| pruned.generation);
        let mut check = Check { db, workspace, pruned_to, previous: None, verified: Verified::default() };
        check.verified.known_head = known_head.map(|_| false);
        let mut next = 1;
        while next <= latest {
            let rows = read::generations_between(db, workspace, next, latest).await?;
            let Some(last) = rows.last().map(|row| row.number) else { break };
            for row in rows {
                check.follows(next, &row);
                if known_head == Some(row.hash.as_str()) {
                    check.verified.known_head = Some(true);
                    if row.number < pruned_to {
                        check.found(format!(
                            "generation {} has the hash that was asked for, and history was shortened up to generation {pruned_to}: what was before cannot be proved any more",
                            row.number
                        ));
                    }
                }
                next = row.number + 1;
                check.generation(&row).await?;
                check.previous = Some(row);
            }
            next = next.max(last + 1);
        }
        if let Some(pruned) = pruned {
            check.state(&pruned).await?;
        }
        check.strays(latest).await?;
        check.verified.head = check.previous.map_or_else(String::new, |row| row.hash);
        Ok(check.verified)
    }
}

struct Check<'a> {
    db: &'a DatabaseTransaction,
    workspace: &'a str,
    /// Up to here, only what is still true is kept.
    pruned_to: Generation,
    previous: Option<generations::Model>,
    verified: Verified,
}

impl Check<'_> {
    fn found(&mut self, what: String) {
        if self.verified.findings.len() < limits::FINDINGS {
            self.verified.findings.push(Finding(what));
        }
    }

    /// Whether a generation fits the one before it.
    fn follows(&mut self, expected: Generation, row: &generations::Model) {
        for missing in expected..row.number.min(expected + 10) {
            self.found(format!("generations: generation {missing} is missing"));
        }
        if row.number == expected {
            let hash = self.previous.as_ref().map_or(chain::START, |previous| previous.hash.as_str());
            if row.previous_hash != hash {
                self.found(format!("generations: generation {} does not follow the one before it", row.number));
            }
        }
    }

    /// Whether a generation holds what it held.
    async fn generation(&mut self, row: &generations::Model) -> Result<(), LedgerError> {
        self.verified.generations += 1;
        let before = self.verified.findings.len();
        let number = row.number;
        let users = self
            .steps(&USERS, number, |row| rows::user(row).map(|user| chain::digest(self.workspace, number, &user)))
            .await?;
        let groups =
            self.steps(&GROUPS, number, |row| Ok(chain::digest(self.workspace, number, &rows::group(row)))).await?;
        let memberships = self
            .steps(&MEMBERSHIPS, number, |row| {
                rows::membership(row).map(|one| chain::digest(self.workspace, number, &one))
            })
            .await?;
        let steps = Steps { users: self.took(users), groups: self.took(groups), memberships: self.took(memberships) };
        if number <= self.pruned_to {
            // What ended by then is taken out; what is still true was looked at, row by row.
            return Ok(());
        }
        for step in steps.users.iter().filter(|step| step.closed && step.opened.is_none()) {
            self.found(format!(
                "user_versions: the version of user {} from generation {number} on is missing",
                step.key
            ));
        }
        self.compare_tally(row, &steps);
        let head = Head { workspace: self.workspace, number, run: row.import_id, at: row.at };
        if chain::hash(&row.previous_hash, &head, &steps) != row.hash && self.verified.findings.len() == before {
            self.found(format!(
                "generations: generation {number} is not as it was: its time, its run, its hash or what ended in it was changed"
            ));
        }
        Ok(())
    }

    fn took(&mut self, (steps, wrong): (Vec<Step>, Vec<String>)) -> Vec<Step> {
        self.verified.versions += steps.iter().filter(|step| step.opened.is_some()).count() as u64;
        for what in wrong {
            self.found(what);
        }
        steps
    }

    fn compare_tally(&mut self, row: &generations::Model, steps: &Steps) {
        let before = self.previous.as_ref().and_then(|previous| Tally::of(previous).ok()).unwrap_or_default();
        let Ok(then) = Tally::of(row) else {
            return self.found(format!("generations: the tally of generation {} cannot be read", row.number));
        };
        let now = steps.tally(&before);
        let kinds: [(&str, Deeds, Deeds); 3] = [
            (USERS.name, then.users, now.users),
            (GROUPS.name, then.groups, now.groups),
            (MEMBERSHIPS.name, then.memberships, now.memberships),
        ];
        for (table, then, now) in kinds {
            for (what, then, now) in [("began", then.opened, now.opened), ("ended", then.closed, now.closed)] {
                if then != now {
                    let number = row.number;
                    self.found(format!("{table}: {then} versions {what} in generation {number}, and there are {now}"));
                }
            }
        }
        if then != now {
            self.found(format!("generations: the tally of generation {} is not that of its changes", row.number));
        }
    }

    /// What a generation did to a table, by its rows, and which of the rows it opened are not as they were.
    async fn steps<E>(
        &self,
        versions: &Versions<E>,
        number: Generation,
        digest: impl Fn(E::Model) -> Result<String, LedgerError>,
    ) -> Result<(Vec<Step>, Vec<String>), LedgerError>
    where
        E: EntityTrait,
        E::Model: Version + Clone,
    {
        let mut wrong = Vec::new();
        let mut steps: BTreeMap<String, (bool, Option<String>)> = BTreeMap::new();
        for row in versions.closed_by(self.workspace, number).all(self.db).await? {
            steps.entry(row.key()).or_default().0 = true;
        }
        for row in versions.opened_by(self.workspace, number).all(self.db).await? {
            let key = row.key();
            if digest(row.clone()).ok().as_deref() != Some(row.digest()) {
                wrong.push(format!("{}: {key} from generation {number} was changed", versions.name));
            }
            steps.entry(key).or_default().1 = Some(row.digest().to_owned());
        }
        let steps = steps.into_iter().map(|(key, (closed, opened))| Step { key, closed, opened }).collect();
        Ok((steps, wrong))
    }

    /// Whether what was true when the history was shortened is still there.
    async fn state(&mut self, pruned: &super::entities::prunings::Model) -> Result<(), LedgerError> {
        let number = pruned.generation;
        let row = generations::Entity::find_by_id((self.workspace.to_owned(), number)).one(self.db).await?;
        let hash = row.map_or_else(String::new, |row| row.hash);
        let digests = prune::digests_at(self.db, self.workspace, number).await?;
        if chain::hash_of_state(&hash, digests) != pruned.hash {
            self.found(format!(
                "what was true at generation {number}, when the history was shortened, is not all there"
            ));
        }
        Ok(())
    }

    /// What speaks of generations that are not there.
    async fn strays(&mut self, latest: Generation) -> Result<(), LedgerError> {
        self.stray(&USERS, latest).await?;
        self.stray(&GROUPS, latest).await?;
        self.stray(&MEMBERSHIPS, latest).await?;
        let runs = imports::Entity::find()
            .filter(imports::Column::Workspace.eq(self.workspace))
            .filter(imports::Column::Generation.gt(latest))
            .limit(limits::FINDINGS as u64)
            .all(self.db)
            .await?;
        for run in runs {
            let generation = run.generation.unwrap_or_default();
            self.found(format!("generations: generation {generation}, which import {} recorded, is missing", run.id));
        }
        Ok(())
    }

    async fn stray<E>(&mut self, versions: &Versions<E>, latest: Generation) -> Result<(), LedgerError>
    where
        E: EntityTrait,
        E::Model: Version,
    {
        let query = E::find().filter(versions.workspace.eq(self.workspace)).filter(versions.outside(latest));
        let rows = query.limit(limits::FINDINGS as u64).all(self.db).await?;
        let stray = |row: &E::Model| {
            let (table, key, from) = (versions.name, row.key(), row.from());
            format!("{table}: {key} from generation {from} begins or ends with none that there is")
        };
        let strays: BTreeSet<String> = rows.iter().map(stray).collect();
        for stray in strays {
            self.found(stray);
        }
        Ok(())
    }
}
