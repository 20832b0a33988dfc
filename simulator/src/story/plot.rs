//! The list of deeds, and the people and teams that take part in them.

use std::collections::BTreeMap;

use crate::dice::Dice;
use crate::seed::{Company, DAY};
use crate::workspace::Workspace;

/// A deed and its time.
pub struct Step {
    /// The time, in UNIX seconds.
    pub at: i64,
    pub deed: Deed,
}

pub type Deed = Box<dyn FnOnce(&mut Scene) + Send>;

/// What a deed works on.
pub struct Scene<'a> {
    pub workspace: &'a mut Workspace,
    pub cast: &'a mut Cast,
    /// The time, in UNIX seconds.
    pub at: i64,
}

/// A person who takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Person {
    /// The first admin, who owns the workspace.
    Owner,
    /// Whoever administers the workspace: the first newcomer, and the owner before she joins.
    It,
    /// One of [`crate::people::NEWCOMERS`], by index.
    Newcomer(usize),
    /// One of those who were there at the beginning, by their place in a shuffled list.
    Veteran(usize),
}

/// The ids of the people and teams that take part.
pub struct Cast {
    owner: u64,
    veterans: Vec<u64>,
    newcomers: BTreeMap<usize, u64>,
    teams: BTreeMap<&'static str, u64>,
}

impl Cast {
    /// Remembers the id of a newcomer.
    pub fn joined(&mut self, newcomer: usize, id: u64) {
        self.newcomers.insert(newcomer, id);
    }

    /// Remembers the id of a team.
    pub fn founded(&mut self, team: &'static str, id: u64) {
        self.teams.insert(team, id);
    }

    /// The id of a team of the story.
    pub fn team(&self, team: &str) -> Option<u64> {
        self.teams.get(team).copied()
    }

    fn id(&self, person: Person) -> Option<u64> {
        match person {
            Person::Owner => Some(self.owner),
            Person::It => self.newcomers.get(&0).copied().or(Some(self.owner)),
            Person::Newcomer(number) => self.newcomers.get(&number).copied(),
            Person::Veteran(place) => self.veterans.get(place).copied(),
        }
    }
}

impl Scene<'_> {
    /// The id of a person, if they have joined and not left.
    pub fn id(&self, person: Person) -> Option<u64> {
        self.cast.id(person).filter(|id| self.workspace.admins.contains_key(id))
    }

    /// Calls `deed` with the workspace, the id of the person, and the time; does nothing if the
    /// person is not there.
    pub fn with(&mut self, person: Person, deed: impl FnOnce(&mut Workspace, u64, i64)) {
        if let Some(id) = self.id(person) {
            deed(self.workspace, id, self.at);
        }
    }
}

/// A story that is being written.
pub struct Plot {
    pub start: i64,
    pub cast: Cast,
    pub steps: Vec<Step>,
    pub dice: Dice,
}

impl Plot {
    pub fn new(workspace: &Workspace, company: Company) -> Self {
        let mut dice = Dice::new(company.seed.rotate_left(17));
        let mut veterans: Vec<u64> = workspace.people().collect();
        let owner = if veterans.is_empty() { 0 } else { veterans.remove(0) };
        for place in (1..veterans.len()).rev() {
            let other = dice.below(u32::try_from(place + 1).unwrap_or(u32::MAX)) as usize;
            veterans.swap(place, other);
        }
        let cast = Cast { owner, veterans, newcomers: BTreeMap::new(), teams: BTreeMap::new() };
        Self { start: company.now, cast, steps: Vec::new(), dice }
    }

    /// The number of people who were there at the beginning, without the owner.
    pub fn veterans(&self) -> usize {
        self.cast.veterans.len()
    }

    /// Adds a deed on a day, counted from 0, at a minute after midnight.
    pub fn on(&mut self, day: i64, minute: i64, deed: impl FnOnce(&mut Scene) + Send + 'static) {
        let at = self.start + day * DAY + minute * 60;
        self.steps.push(Step { at, deed: Box::new(deed) });
    }

    /// Returns a random minute of a working day, between 7:00 and 18:00.
    pub fn minute(&mut self) -> i64 {
        i64::from(420 + self.dice.below(660))
    }
}
