//! Whether this machine's clock can be trusted. Commands that delete by age check this first,
//! because what they delete cannot be restored.

use time::macros::format_description;
use time::{Date, Duration, OffsetDateTime};

use super::error::CommandError;
use crate::clock::{self, Clock};
use crate::config::Config;
use crate::intercom::Client;

/// How this machine's clock compares with Intercom's.
#[derive(Debug, PartialEq, Eq)]
pub enum Comparison {
    /// They agree.
    Agrees,
    /// They differ by this many seconds; positive if this machine's clock is ahead.
    Differs(i64),
    /// Intercom's clock is not known, for this reason.
    Unknown(String),
}

/// Compares this machine's clock with the one that Intercom's responses name. Every workspace of
/// the settings can answer; the named one is tried first.
pub async fn compare(config: &Config, workspace: &str, clock: &Clock) -> Comparison {
    let mut workspaces = config.workspaces();
    workspaces.sort_by_key(|known| known.name != workspace);
    let mut reason = "no workspace has an access token".to_owned();
    for workspace in &workspaces {
        let Ok(connection) = config.connection(workspace) else { continue };
        let asked = match Client::new(connection, clock.clone()) {
            Ok(client) => client.compare_clocks().await.map_err(|error| error.to_string()),
            Err(error) => Err(error),
        };
        match asked {
            Ok(ahead) if clock::agree(ahead) => return Comparison::Agrees,
            Ok(ahead) => return Comparison::Differs(ahead),
            Err(error) => reason = error,
        }
    }
    Comparison::Unknown(reason)
}

/// Returns what confirms that this machine's clock is not ahead, in words for the audit trail:
/// Intercom's clock, or the date that the operator named with `--today`.
///
/// # Errors
/// If nothing confirms it; the error says what to do.
pub async fn confirm(
    config: &Config,
    workspace: &str,
    today: Option<Date>,
    clock: &Clock,
) -> Result<String, CommandError> {
    let now = clock.now();
    if let Some(today) = today {
        return if is_day_of(today, now) {
            Ok(format!("the operator named the date: {today}"))
        } else {
            Err(CommandError::new(format!(
                "--today names {today}, and this machine's clock shows {}: set the clock, or correct --today",
                now.date()
            )))
        };
    }
    match compare(config, workspace, clock).await {
        Comparison::Agrees => Ok("Intercom's clock agrees with this machine's".to_owned()),
        Comparison::Differs(ahead) if ahead < 0 => {
            Ok("this machine's clock is behind Intercom's".to_owned())
        }
        Comparison::Differs(ahead) => Err(CommandError::new(format!(
            "this machine's clock is {ahead} s ahead of Intercom's, so history would be deleted too early: set the clock and \
             run the command again"
        ))),
        Comparison::Unknown(reason) => Err(CommandError::new(format!(
            "nothing confirms this machine's clock ({reason}), and if it is ahead, history would be deleted too early: run the \
             command where Intercom can be reached, or name today's date with --today if the clock is right: it shows {}",
            now.date()
        ))),
    }
}

/// Whether `now` is on this day in at least one time zone.
fn is_day_of(day: Date, now: OffsetDateTime) -> bool {
    let since = now - day.midnight().assume_utc();
    (Duration::hours(-14)..Duration::hours(24 + 12)).contains(&since)
}

/// Parses a date such as 2026-03-01.
pub fn date(text: &str) -> Result<Date, String> {
    Date::parse(text.trim(), format_description!("[year]-[month]-[day]"))
        .map_err(|_| "must be a date such as 2026-03-01".to_owned())
}

#[cfg(test)]
mod tests {
    use time::macros::{date, datetime};

    use super::*;

    #[test]
    fn a_date_is_today_wherever_on_earth_the_operator_is() {
        let today = date!(2026 - 11 - 27);
        for now in [
            datetime!(2026-11-26 10:00 UTC),
            datetime!(2026-11-27 0:00 UTC),
            datetime!(2026-11-28 11:59 UTC),
        ] {
            assert!(is_day_of(today, now), "{now}");
        }
        for now in [
            datetime!(2026-11-26 9:59 UTC),
            datetime!(2026-11-28 12:00 UTC),
            datetime!(2027-11-27 12:00 UTC),
        ] {
            assert!(!is_day_of(today, now), "{now}");
        }
    }
}
