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

/// The moment of `--as-of`; now without it. Of today, only the part until now is known.
pub fn moment_of_report(
    as_of: Option<&str>,
    zone: Option<&Zone>,
    now: OffsetDateTime,
) -> Result<OffsetDateTime, CommandError> {
    let zone = zone.cloned().unwrap_or(Zone::UTC);
    if moment_of(as_of, Edge::Start, &zone)?.is_some_and(|begun| begun > now) {
        return Err(CommandError::wrong_use("--as-of must not be in the future"));
    }
    Ok(moment_of(as_of, Edge::Last, &zone)?.map_or(now, |moment| moment.min(now)))
}

/// Evaluates the checks. Also returns the accounts of that moment.
pub async fn evaluated(
    config: &Config,
    stores: &Stores,
    workspace: &str,
    moment: OffsetDateTime,
) -> Result<(Report, Directory), CommandError> {
    let generation = stores.ledger.generation_at(workspace, moment).await?.ok_or_else(|| {
        CommandError::new(
            "the bridge had not recorded this workspace yet at that time; run an import, or name a later time",
        )
    })?;
    let snapshot = stores.ledger.snapshot(workspace, generation).await?;
    let directory = Directory::new(snapshot, OffsetDateTime::UNIX_EPOCH, None);
    let assessment = Assessment {
        workspace: workspace.to_owned(),
        moment,
        is_past: true,
        hides_people: false,
        generation,
        basis: Arc::new(posture_basis(config)),
    };
    let identities = identities_of(config, workspace, stores, &Clock::System);
    let evaluated = assessment.evaluate(stores, &identities, &directory).await?;
    Ok((evaluated.report, directory))
}
