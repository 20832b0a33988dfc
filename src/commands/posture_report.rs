//! The report of the posture, for `posture` and `posture bundle`.

use std::sync::Arc;

use time::OffsetDateTime;

use super::arguments::moment_of;
use super::error::CommandError;
use crate::app::{identities_of, posture_basis};
use crate::assessment::Assessment;
use crate::clock::Clock;
use crate::config::Config;
use crate::directory::Directory;
use crate::moments::{Edge, Zone};
use crate::posture::Report;
use crate::stores::Stores;

/// The moment of `--as-of`; `None` for now. Of today, only the part until now is known.
pub fn moment_of_report(
    as_of: Option<&str>,
    zone: Option<&Zone>,
    now: OffsetDateTime,
) -> Result<Option<OffsetDateTime>, CommandError> {
    let zone = zone.cloned().unwrap_or(Zone::UTC);
    if moment_of(as_of, Edge::Start, &zone)?.is_some_and(|begun| begun > now) {
        return Err(CommandError::wrong_use("--as-of must not be in the future"));
    }
    Ok(moment_of(as_of, Edge::Last, &zone)?.filter(|moment| *moment < now))
}

/// Evaluates the checks for now, or for a moment of the past. Also returns the accounts of then.
pub async fn evaluated(
    config: &Config,
    stores: &Stores,
    workspace: &str,
    as_of: Option<OffsetDateTime>,
    now: OffsetDateTime,
) -> Result<(Report, Directory), CommandError> {
    let ledger = &stores.ledger;
    let generation = match as_of {
        Some(moment) => ledger.generation_at(workspace, moment).await?,
        None => Some(ledger.generation(workspace).await?).filter(|generation| *generation > 0),
    };
    let moment = as_of.unwrap_or(now);
    let generation = generation.ok_or_else(|| {
        CommandError::new(
            "the bridge had not recorded this workspace yet at that time; run an import, or name a later time",
        )
    })?;
    let snapshot = stores.ledger.snapshot(workspace, generation).await?;
    let directory = Directory::new(snapshot, OffsetDateTime::UNIX_EPOCH, None);
    let assessment = Assessment {
        workspace: workspace.to_owned(),
        moment,
        is_past: as_of.is_some(),
        hides_people: false,
        generation,
        basis: Arc::new(posture_basis(config)),
    };
    let identities = identities_of(config, workspace, stores, &Clock::System);
    let evaluated = assessment.evaluate(stores, &identities, &directory).await?;
    Ok((evaluated.report, directory))
}
