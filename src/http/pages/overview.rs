//! Gathers the data of the overview.

use std::sync::Arc;

use actix_web::web::Data;
use time::OffsetDateTime;

use super::chart::Point;
use super::format::team_name;
use super::held::Held;
use super::invited::pending;
use super::posture::report;
use super::viewer::Viewer;
use crate::directory::{ChangePosition, Directory, Failure, Run, account_id, team_id};
use crate::http::errors::ApiError;
use crate::http::state::service::Service;
use crate::http::wire::LifecycleRequest;
use crate::identities::RosterStanding;
use crate::import::ConnectionState;
use crate::ledger::LedgerError;
use crate::limits;
use crate::posture::{CheckId, CheckResult, Severity, Status};
use crate::requests::RequestState;
use crate::stores::RequestQuestion;
use crate::tabular::ChangeDocument;

/// The data of one workspace on the overview.
pub struct Overview {
    pub connection: ConnectionState,
    pub problem: Option<Failure>,
    /// The newest import, if it is held.
    pub held: Option<Held>,
    pub time_problems: Vec<Failure>,
    pub age_seconds: Option<u64>,
    pub generation: Option<i64>,
    pub active: usize,
    pub teams: usize,
    pub open_requests: usize,
    /// The checks of the posture that fail; `None` before the first import.
    pub failing: Option<Vec<FailingCheck>>,
    /// What the roster says; `None` without one.
    pub roster: Option<Arc<RosterStanding>>,
    /// The number of pending invitations; `None` if it is unknown.
    pub invited: Option<usize>,
    pub requests: Vec<LifecycleRequest>,
    /// Newest first.
    pub runs: Vec<Run>,
    /// Newest first, each with the name of what it concerns.
    pub changes: Vec<(ChangeDocument, String)>,
    /// The number of teammates over time.
    pub accounts: Vec<Point>,
    /// The number of changes of each import.
    pub activity: Vec<Point>,
}

/// A check of the posture that fails.
pub struct FailingCheck {
    pub id: CheckId,
    pub title: &'static str,
    pub severity: Severity,
    pub reason: String,
}

impl Overview {
    /// Loads the data of a workspace.
    pub async fn load(service: &Data<Service>, viewer: &Viewer) -> Result<Self, ApiError> {
        let workspace = &viewer.workspace;
        let now = service.clock.now();
        let name = &*workspace.name;
        let standing = workspace.health.standing();
        let served = workspace.live.served();
        let runs = service.stores.ledger.runs(name, None, limits::PAGE_LATEST as u64).await?;
        let changing = service.stores.ledger.runs_that_changed(name, limits::PAGE_RUNS).await?;
        let open =
            RequestQuestion { state: Some(RequestState::Open), ..RequestQuestion::default() };
        let (requests, open_requests) =
            service.stores.requests.list(name, &open, limits::PAGE_LATEST as u64).await?;
        let generation = served.as_ref().map(|served| served.snapshot_id().generation);
        let directory = served.as_ref().map(|served| served.directory());
        let people = directory.map_or(&[][..], |directory| &directory.people);
        let active = people.iter().filter(|person| person.user.active).count();
        let changes = latest_changes(service, name, generation.unwrap_or(0)).await?;
        Ok(Self {
            held: Held::load(service, name).await?,
            failing: failing(service, viewer).await?,
            roster: workspace.identities.standing().filter(|standing| standing.version > 0),
            invited: pending(service, viewer).await?.map(|rows| rows.len()),
            connection: standing.connection,
            problem: standing.problem,
            age_seconds: workspace.live.age(service.clock.running()).map(|age| age.as_secs()),
            time_problems: standing.times.problems,
            generation,
            active,
            teams: directory.map_or(0, |directory| directory.teams.len()),
            open_requests: usize::try_from(open_requests).unwrap_or(usize::MAX),
            requests: requests.into_iter().map(LifecycleRequest::from).collect(),
            changes: changes
                .into_iter()
                .map(|change| {
                    let about = directory.map(|directory| about(directory, &change));
                    let about = about.unwrap_or_else(|| change.id.clone());
                    (change, about)
                })
                .collect(),
            accounts: over_time(&changing, active, now),
            // Without the first import, which changed everything: beside it, all others would be
            // too small to see.
            activity: changing
                .iter()
                .rev()
                .filter(|run| run.generation > Some(1))
                .map(changed)
                .collect(),
            runs,
        })
    }
}

/// The checks of the posture that fail, the most severe first.
async fn failing(
    service: &Data<Service>,
    viewer: &Viewer,
) -> Result<Option<Vec<FailingCheck>>, ApiError> {
    let Some(report) = report(service, viewer).await? else { return Ok(None) };
    let fails = |check: &CheckResult| check.status == Status::Fail && check.failed > 0;
    let mut failing: Vec<FailingCheck> = report
        .checks
        .into_iter()
        .filter(fails)
        .map(|check| FailingCheck {
            id: check.id,
            title: check.title,
            severity: check.severity,
            reason: check.reason,
        })
        .collect();
    failing.sort_by_key(|check| std::cmp::Reverse(check.severity));
    Ok(Some(failing))
}

/// Returns the latest changes, newest first, without those of the first import.
async fn latest_changes(
    service: &Service,
    name: &str,
    latest: i64,
) -> Result<Vec<ChangeDocument>, LedgerError> {
    let mut found = Vec::new();
    let earliest = (latest - limits::PAGE_GENERATIONS).max(1);
    for generation in (earliest + 1..=latest).rev() {
        let since = ChangePosition::end_of(generation - 1);
        let page = match service.stores.ledger.changes(name, &since, None, limits::LIST_ITEMS).await
        {
            // The history before this generation was pruned.
            Err(LedgerError::Pruned { .. }) => break,
            page => page?,
        };
        let of_it = page.changes.iter().filter(|change| change.generation == generation).rev();
        found.extend(of_it.map(ChangeDocument::from).take(limits::PAGE_LATEST - found.len()));
        if found.len() >= limits::PAGE_LATEST {
            break;
        }
    }
    Ok(found)
}

/// Describes what a change concerns, by the names of the teammate and the team.
fn about(directory: &Directory, change: &ChangeDocument) -> String {
    let person = |id: &String| {
        let found = directory.people.iter().find(|person| account_id(&person.user.id) == *id);
        found.and_then(|person| person.user.name.clone()).unwrap_or_else(|| id.clone())
    };
    let team = |id: &String| {
        let found = directory.teams.iter().find(|team| team_id(&team.group.id) == *id);
        found.map_or_else(|| id.clone(), team_name)
    };
    match (&change.user_id, &change.group_id) {
        (Some(user), Some(group)) => format!("{} in {}", person(user), team(group)),
        (Some(user), None) => person(user),
        (None, Some(group)) => team(group),
        (None, None) => change.id.clone(),
    }
}

/// The number of teammates after each import that changed something, calculated backwards from the
/// current number.
fn over_time(runs: &[Run], active: usize, now: OffsetDateTime) -> Vec<Point> {
    let mut value = active;
    let mut points = vec![Point { at: now, value }];
    for run in runs {
        points.push(Point { at: run.started_at, value });
        value = (value + run.counts.users_removed)
            .saturating_sub(run.counts.users_created + run.counts.users_restored);
    }
    points.reverse();
    points
}

fn changed(run: &Run) -> Point {
    let counts = &run.counts;
    let people =
        counts.users_created + counts.users_updated + counts.users_removed + counts.users_restored;
    let teams = counts.groups_created + counts.groups_updated + counts.groups_removed;
    let members =
        counts.memberships_created + counts.memberships_updated + counts.memberships_removed;
    Point { at: run.started_at, value: people + teams + members }
}
