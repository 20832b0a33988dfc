//! Reads the next events of an endpoint from the three sources, in the order of their recording.

use std::collections::BTreeSet;

use time::OffsetDateTime;

use super::endpoint::Endpoint;
use crate::activity::{Context, Entry, Order, Position, Severity, subject_of};
use crate::directory::{Activity, ChangePosition, UserId};
use crate::ledger::{FeedAnswer, LedgerError};
use crate::limits;
use crate::notifications::{Filter, Message, NewFinding, Place, Places};
use crate::posture::CheckId;
use crate::stores::{NumberedFinding, Stores};
use crate::words::Words;

/// A step of an endpoint through its events.
#[derive(Clone, Debug)]
pub(super) struct Step {
    /// The place after the step.
    pub place: Place,
    /// The message to deliver before; `None` if only events that the endpoint does not get are
    /// passed.
    pub message: Option<Message>,
    /// When the event was recorded.
    at: OffsetDateTime,
}

/// What was read of one source.
#[derive(Debug, Default)]
struct Read {
    steps: Vec<Step>,
    /// The place after everything that was read.
    end: Option<Place>,
    /// Whether there is more after it.
    more: bool,
}

impl Read {
    /// Whether there is no step and no other place.
    fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.end.is_none()
    }

    /// Times go back where a clock was set back. Each step gets the latest time up to it, so that
    /// sorting by time keeps the order of the source.
    fn let_times_rise(&mut self) {
        let mut latest = OffsetDateTime::UNIX_EPOCH;
        for step in &mut self.steps {
            latest = latest.max(step.at);
            step.at = latest;
        }
    }

    /// The time of the last step.
    fn latest(&self) -> OffsetDateTime {
        self.steps.last().map_or(OffsetDateTime::UNIX_EPOCH, |step| step.at)
    }
}

/// The places after everything that is recorded now, for the sources that the endpoint gets.
///
/// # Errors
/// [`LedgerError::Database`].
pub async fn ends(stores: &Stores, endpoint: &Endpoint) -> Result<Places, LedgerError> {
    let workspace = endpoint.workspace.as_str();
    let Filter { activity, changes, posture, .. } = endpoint.filter;
    Ok(Places {
        activity: if activity { Some(stores.ledger.feed_end(workspace).await?) } else { None },
        changes: if changes {
            Some(ChangePosition::end_of(stores.ledger.generation(workspace).await?))
        } else {
            None
        },
        findings: if posture { Some(stores.posture.last_finding(workspace).await?) } else { None },
    })
}

/// Reads the next steps after the places. Each source keeps its order, and events of different
/// sources are in the order in which they were recorded.
pub(super) async fn next_steps(
    stores: &Stores,
    endpoint: &Endpoint,
    places: &Places,
) -> Result<Vec<Step>, LedgerError> {
    // Findings and changes are read before log entries: what an import records while this reads
    // then comes with its log entries first.
    let findings = match places.findings {
        Some(number) => findings(stores, endpoint, number).await?,
        None => Read::default(),
    };
    let changes = match &places.changes {
        Some(position) => changes(stores, endpoint, position).await?,
        None => Read::default(),
    };
    let entries = match places.activity {
        Some(position) => entries(stores, endpoint, position).await?,
        None => Read::default(),
    };
    Ok(merged(vec![entries, changes, findings]))
}

/// The first message after the places, and the places after it. `None` if no message waits.
///
/// # Errors
/// The errors of the ledger.
pub async fn first_waiting(
    stores: &Stores,
    endpoint: &Endpoint,
    places: &Places,
) -> Result<Option<(Message, Places)>, LedgerError> {
    let mut places = places.clone();
    for _ in 0..limits::NOTIFICATION_PAGES_SKIPPED {
        let steps = next_steps(stores, endpoint, &places).await?;
        if steps.is_empty() {
            break;
        }
        for Step { place, message, .. } in steps {
            places.advance(place);
            if let Some(message) = message {
                return Ok(Some((message, places)));
            }
        }
    }
    Ok(None)
}

/// Merges what was read of the sources. A source that was not read to its end may have an event
/// that was recorded before the rest of another one, so the others wait there.
fn merged(mut reads: Vec<Read>) -> Vec<Step> {
    reads.iter_mut().for_each(Read::let_times_rise);
    let open = reads.iter().filter(|read| read.more && !read.is_empty());
    let horizon = open.map(Read::latest).min();
    let is_due = |step: &Step| horizon.is_none_or(|horizon| step.at <= horizon);
    let mut due = Vec::new();
    let mut ends = Vec::new();
    for read in reads {
        let fits = read.steps.iter().take_while(|step| is_due(step)).count();
        let is_whole = fits == read.steps.len();
        let latest = read.latest();
        due.extend(read.steps.into_iter().take(fits));
        if is_whole && let Some(place) = read.end {
            ends.push(Step { place, message: None, at: latest });
        }
    }
    // Stable: events of the same import keep the order of the sources.
    due.sort_by_key(|step| step.at);
    due.extend(ends);
    due
}

async fn entries(
    stores: &Stores,
    endpoint: &Endpoint,
    position: Position,
) -> Result<Read, LedgerError> {
    let name = endpoint.workspace.as_str();
    let ledger = &stores.ledger;
    let filter = &endpoint.filter;
    let accepts = |entry: &Activity| filter.accepts_entry(entry);
    let order = Order::Recording;
    let limit = limits::NOTIFICATION_PAGE;
    let page = match ledger.feed(name, &order, Some(position), limit, &accepts).await? {
        FeedAnswer::Page(page) => page,
        FeedAnswer::Pruned(next) => {
            warn_pruned(endpoint, "log entries");
            return Ok(Read { end: Some(Place::Activity(next)), more: true, ..Read::default() });
        }
    };
    let end = (page.next != position).then_some(Place::Activity(page.next));
    if page.entries.is_empty() {
        return Ok(Read { end, more: page.more, ..Read::default() });
    }
    let named: BTreeSet<UserId> = page.entries.iter().flat_map(people_of).collect();
    let people = ledger.people_named(name, named).await?;
    let workspace = ledger.workspace(name).await?.unwrap_or_default();
    let context = Context { workspace: &workspace, workspace_name: name, people: &people };
    let step = |entry: Entry| Step {
        place: Place::Activity(after_entry(entry.seq, page.next)),
        at: entry.recorded_at,
        message: Some(Message::of_entry(entry, endpoint.format, &context)),
    };
    let steps = page.entries.into_iter().map(step).collect();
    Ok(Read { steps, end, more: page.more })
}

/// The place after an entry of a page. It keeps what `next`, the place after the page, knows of
/// prunings: otherwise the same pruning would be reported again.
fn after_entry(seq: i64, next: Position) -> Position {
    match next {
        Position::Recording { known_pruned, .. } => Position::Recording { seq, known_pruned },
        _ => Position::Recording { seq, known_pruned: 0 },
    }
}

/// The teammates that an entry names.
fn people_of(entry: &Entry) -> Vec<UserId> {
    let actor = entry.activity.performed_by.as_ref().and_then(|actor| actor.id.clone());
    actor.into_iter().chain(subject_of(&entry.activity)).collect()
}

async fn changes(
    stores: &Stores,
    endpoint: &Endpoint,
    position: &ChangePosition,
) -> Result<Read, LedgerError> {
    let name = endpoint.workspace.as_str();
    let ledger = &stores.ledger;
    let latest = ledger.generation(name).await?;
    // The usual case, which needs no further query.
    if position.after.is_none() && position.generation == latest {
        return Ok(Read::default());
    }
    let page = match ledger.changes(name, position, None, limits::NOTIFICATION_PAGE).await {
        Err(LedgerError::Pruned { .. }) => {
            warn_pruned(endpoint, "changes");
            let earliest = ledger.earliest(name).await?;
            return Ok(Read { end: Some(Place::Changes(earliest)), more: true, ..Read::default() });
        }
        // The database was replaced by an earlier copy.
        Err(LedgerError::NoSuchPosition) => {
            warn_beyond(endpoint, "changes");
            let end = ChangePosition::end_of(latest);
            return Ok(Read { end: Some(Place::Changes(end)), more: true, ..Read::default() });
        }
        page => page?,
    };
    let end = (page.next != *position).then_some(Place::Changes(page.next));
    let steps = page.changes.into_iter().map(|change| Step {
        message: Some(Message::of_change(&change, name)),
        at: change.at,
        place: Place::Changes(change.position),
    });
    Ok(Read { steps: steps.collect(), end, more: page.more })
}

async fn findings(stores: &Stores, endpoint: &Endpoint, number: i64) -> Result<Read, LedgerError> {
    let name = endpoint.workspace.as_str();
    let limit = limits::NOTIFICATION_PAGE;
    let found = stores.posture.findings_after(name, number, limit).await?;
    let more = found.len() == limit;
    let end = found.last().map(|last| Place::Findings(last.number));
    let accepted = found.into_iter().filter_map(new_finding);
    let accepted = accepted.filter(|finding| endpoint.filter.accepts_finding(finding.severity));
    let steps = accepted.map(|finding| Step {
        place: Place::Findings(finding.number),
        at: finding.began_at,
        message: Some(Message::of_finding(&finding, name)),
    });
    Ok(Read { steps: steps.collect(), end, more })
}

/// `None` for a check that this version does not have.
fn new_finding(finding: NumberedFinding) -> Option<NewFinding> {
    Some(NewFinding {
        check: CheckId::from_word(&finding.check)?,
        severity: finding.severity.as_deref().and_then(Severity::from_word),
        number: finding.number,
        id: finding.id,
        began_at: finding.began_at,
        began_generation: finding.began_generation,
    })
}

fn warn_pruned(endpoint: &Endpoint, what: &str) {
    tracing::warn!(
        workspace = endpoint.workspace.as_str(),
        endpoint = endpoint.name.as_str(),
        "{what} were deleted by a pruning before the endpoint got them; it continues after them"
    );
}

/// Warns that an endpoint was served up to a place that the database does not have.
pub(super) fn warn_beyond(endpoint: &Endpoint, source: &str) {
    tracing::warn!(
        workspace = endpoint.workspace.as_str(),
        endpoint = endpoint.name.as_str(),
        "the endpoint was served up to {source} that the database does not have; was it replaced \
         by an earlier copy? The endpoint continues with {source} that are recorded from now on"
    );
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn step(place: Place, second: i64) -> Step {
        let at = OffsetDateTime::UNIX_EPOCH + time::Duration::seconds(second);
        Step { place, message: None, at }
    }

    fn entry(seq: i64, second: i64) -> Step {
        step(Place::Activity(Position::Recording { seq, known_pruned: 0 }), second)
    }

    fn places(steps: Vec<Step>) -> Vec<Place> {
        steps.into_iter().map(|step| step.place).collect()
    }

    fn read(steps: &[Step], more: bool) -> Read {
        Read { steps: steps.to_vec(), end: None, more }
    }

    #[test]
    fn events_of_different_sources_come_in_the_order_of_their_recording() {
        let entries = [entry(1, 10), entry(2, 30)];
        let findings = [step(Place::Findings(1), 20), step(Place::Findings(2), 30)];
        let merged = places(merged(vec![read(&entries, false), read(&findings, false)]));
        let expected =
            [&entries[0].place, &findings[0].place, &entries[1].place, &findings[1].place];
        assert!(merged.iter().eq(expected), "{merged:?}");
    }

    #[test]
    fn a_source_waits_for_one_that_was_not_read_to_its_end() {
        let entries = [entry(1, 10), entry(2, 20)];
        let findings = [step(Place::Findings(1), 15), step(Place::Findings(2), 25)];
        let steps = merged(vec![read(&entries, true), read(&findings, false)]);
        let expected = [&entries[0].place, &findings[0].place, &entries[1].place];
        assert!(places(steps).iter().eq(expected));
    }

    #[test]
    fn a_clock_that_was_set_back_does_not_reorder_a_source() {
        let entries = [entry(1, 100), entry(2, 10), entry(3, 110)];
        let steps = merged(vec![read(&entries, false)]);
        assert!(places(steps).iter().eq(entries.iter().map(|step| &step.place)));
    }

    #[test]
    fn a_clock_that_was_set_back_within_a_full_page_stops_no_endpoint() {
        let entries = [entry(1, 100), entry(2, 10)];
        let steps = merged(vec![read(&entries, true)]);
        assert!(places(steps).iter().eq(entries.iter().map(|step| &step.place)));
    }

    #[test]
    fn the_place_after_an_entry_keeps_what_is_known_of_prunings() {
        let next = Position::Recording { seq: 9, known_pruned: 20 };
        let expected = Position::Recording { seq: 4, known_pruned: 20 };
        assert_eq!(after_entry(4, next), expected);
    }

    fn some_reads() -> impl Strategy<Value = Vec<Read>> {
        let times = proptest::collection::vec(-5_i64..20, 0..6);
        let source = (times, any::<bool>(), any::<bool>());
        proptest::collection::vec(source, 0..4).prop_map(|sources| {
            let read = |(number, (times, has_end, more)): (i64, (Vec<i64>, bool, bool))| {
                let place = |seq: i64| Place::Findings(number * 100 + seq);
                let steps = (1..).zip(times).map(|(seq, at)| step(place(seq), at)).collect();
                Read { steps, end: has_end.then(|| place(99)), more }
            };
            (1..).zip(sources).map(read).collect()
        })
    }

    /// The places of a source in their order, with its end.
    fn places_of(read: &Read) -> Vec<Place> {
        let steps = read.steps.iter().map(|step| step.place.clone());
        steps.chain(read.end.clone()).collect()
    }

    proptest! {
        #[test]
        fn some_steps_are_due_if_anything_was_read_and_each_source_keeps_its_order(
            reads in some_reads(),
        ) {
            let sources: Vec<Vec<Place>> = reads.iter().map(places_of).collect();
            let merged = places(merged(reads));
            prop_assert_eq!(merged.is_empty(), sources.iter().all(Vec::is_empty));
            for source in &sources {
                let own: Vec<&Place> =
                    merged.iter().filter(|place| source.contains(place)).collect();
                prop_assert!(own.iter().copied().eq(source.iter().take(own.len())));
            }
        }
    }
}
