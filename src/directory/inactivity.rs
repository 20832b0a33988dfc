//! When people were last active, as the activity log shows it, and who was not.

use serde_json::Value;
use time::{Duration, OffsetDateTime};

use super::{Activity, ActivitySource, LastActivity, LogFacts, User, UserId, UserKind};

/// The `kind` of entries that say when Intercom last saw activity of a person. A full log has very
/// many of them, so they are not read by default.
pub const OCCUPANCY: &str = "admin_occupancy_state_change";

/// The `kind` of entries about away mode. Those that Intercom made by itself show no activity.
pub const AWAY_MODE: &str = "admin_away_mode_change";

/// The kinds of entries whose performer did not necessarily do anything: a sign-in was attempted,
/// or Intercom's staff acted as the teammate.
pub const NOT_BY_THE_PERFORMER: [&str; 5] = [
    "admin_impersonation_end",
    "admin_impersonation_start",
    "admin_login_failure",
    "admin_password_reset_request",
    "admin_unauthorized_sign_in_method",
];

/// How far the activity log may lag behind a moment at which it still shows that a person was not
/// active.
const LOG_MAY_LAG: Duration = Duration::DAY;

impl LastActivity {
    /// Returns who was active according to a log entry, and when. `None` if the entry does not show
    /// that.
    ///
    /// The performer of an entry was active at its time. There are two exceptions. Entries of the
    /// kinds in [`NOT_BY_THE_PERFORMER`], and changes that Intercom made by itself
    /// (`metadata.auto_changed`, for example away mode), show nothing. An entry of the kind
    /// [`OCCUPANCY`] shows the time in `metadata.last_activity_at`: Intercom also writes such an
    /// entry when a person becomes idle.
    #[must_use]
    pub fn shown_by(entry: &Activity) -> Option<(UserId, Self)> {
        if NOT_BY_THE_PERFORMER.contains(&entry.kind.as_str()) {
            return None;
        }
        let performer = || entry.performed_by.as_ref()?.id.clone();
        let by = |id, at, source| Some((id, Self { at, source }));
        match entry.kind.as_str() {
            OCCUPANCY => {
                let at = measured(&entry.metadata.value())?.min(entry.at);
                by(entry.subject().or_else(performer)?, at, ActivitySource::Occupancy)
            }
            LogFacts::SIGN_IN => {
                by(entry.subject().or_else(performer)?, entry.at, ActivitySource::SignIn)
            }
            AWAY_MODE if is_automatic(&entry.metadata.value()) => None,
            _ => by(performer()?, entry.at, ActivitySource::ActivityLog),
        }
    }
}

/// The time in `last_activity_at`: UNIX seconds, as a number or a string, or RFC 3339.
fn measured(metadata: &Value) -> Option<OffsetDateTime> {
    let from_seconds = |seconds| OffsetDateTime::from_unix_timestamp(seconds).ok();
    match metadata.get("last_activity_at")? {
        Value::Number(seconds) => from_seconds(seconds.as_i64()?),
        Value::String(text) => match text.trim().parse() {
            Ok(seconds) => from_seconds(seconds),
            Err(_) => match crate::moments::parse(text.trim())? {
                crate::moments::DateTime::Moment(at) => Some(at),
                crate::moments::DateTime::Day(_) => None,
            },
        },
        _ => None,
    }
}

fn is_automatic(metadata: &Value) -> bool {
    metadata.get("auto_changed") == Some(&Value::Bool(true))
}

impl LogFacts {
    /// Returns the last activity of a person that these facts contain.
    #[must_use]
    pub fn last_activity(&self, id: &UserId) -> Option<LastActivity> {
        let sign_in = self.sign_ins.get(id);
        let sign_in =
            sign_in.map(|one| LastActivity { at: one.at, source: ActivitySource::SignIn });
        LastActivity::newer(self.activity.get(id).copied(), sign_in)
    }
}

/// Where the last activity of a person comes from: the source, or why there is none. `never`: the
/// log covers the whole time since the person joined. `unknown`: it does not, or this is a bot.
#[must_use]
pub fn activity_source(
    last: Option<LastActivity>,
    user: &User,
    covered: Option<(OffsetDateTime, OffsetDateTime)>,
    moment: OffsetDateTime,
) -> &'static str {
    let was_never = || {
        let (since, until) = covered?;
        let joined = user.joined_at.filter(|_| user.kind() == UserKind::Teammate)?;
        Some(since <= joined && reaches(until, moment))
    };
    match last {
        Some(last) => last.source.as_str(),
        None if was_never() == Some(true) => "never",
        None => "unknown",
    }
}

/// Whether a person has not been active for more than `days` days at a moment. `None` if the log
/// does not cover them, and for bots. A person who joined within these days counts as active.
///
/// `last_activity_at` is the last known activity up to that moment, and `covered` the time range
/// for which the log was read without a gap.
#[must_use]
pub fn is_inactive(
    user: &User,
    last_activity_at: Option<OffsetDateTime>,
    covered: Option<(OffsetDateTime, OffsetDateTime)>,
    moment: OffsetDateTime,
    days: i64,
) -> Option<bool> {
    let first = moment.saturating_sub(Duration::days(days));
    if user.kind() == UserKind::Bot {
        return None;
    }
    if last_activity_at.is_some_and(|at| at >= first)
        || user.joined_at.is_some_and(|at| at >= first)
    {
        return Some(false);
    }
    let (since, until) = covered?;
    let is_known = reaches(until, moment) && (last_activity_at.is_some() || since <= first);
    is_known.then_some(true)
}

/// Whether a log that was read up to `until` still shows who was not active at `moment`.
fn reaches(until: OffsetDateTime, moment: OffsetDateTime) -> bool {
    until.saturating_add(LOG_MAY_LAG) >= moment
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use time::macros::datetime;

    use super::*;
    use crate::directory::Actor;

    const NOW: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);

    fn entry(kind: &str, metadata: Value) -> Activity {
        Activity {
            id: "e1".to_owned(),
            at: NOW,
            kind: kind.to_owned(),
            performed_by: Some(Actor { id: Some(UserId::new("7")), ..Actor::default() }),
            description: None,
            metadata: metadata.into(),
        }
    }

    fn shown(kind: &str, metadata: Value) -> Option<(String, i64, &'static str)> {
        let (id, last) = LastActivity::shown_by(&entry(kind, metadata))?;
        Some((id.to_string(), (NOW - last.at).whole_seconds(), last.source.as_str()))
    }

    #[test]
    fn the_performer_of_an_entry_was_active_unless_another_person_may_have_acted() {
        let some = |id: &str, ago, source| Some((id.to_owned(), ago, source));
        let about_another = json!({"admin": {"id": 9}});
        assert_eq!(
            shown("admin_permission_change", about_another.clone()),
            some("7", 0, "activity_log")
        );
        assert_eq!(shown("app_admin_join", json!({})), some("7", 0, "activity_log"));
        assert_eq!(shown("admin_login_success", json!({})), some("7", 0, "sign_in"));
        assert_eq!(shown("a_new_kind", json!(null)), some("7", 0, "activity_log"));
        for kind in NOT_BY_THE_PERFORMER {
            assert_eq!(shown(kind, about_another.clone()), None, "{kind}");
        }
        let away = "admin_away_mode_change";
        assert_eq!(shown(away, json!({"auto_changed": true})), None);
        assert_eq!(shown(away, json!({"auto_changed": false})), some("7", 0, "activity_log"));
        let nobody = Activity { performed_by: None, ..entry("role_change", json!({})) };
        assert_eq!(LastActivity::shown_by(&nobody), None);
    }

    #[test]
    fn a_change_of_occupancy_shows_the_time_that_intercom_measured() {
        let at = NOW.unix_timestamp() - 600;
        let some = |id: &str| Some((id.to_owned(), 600, "occupancy"));
        assert_eq!(shown(OCCUPANCY, json!({"last_activity_at": at})), some("7"));
        assert_eq!(shown(OCCUPANCY, json!({"last_activity_at": at.to_string()})), some("7"));
        assert_eq!(
            shown(OCCUPANCY, json!({"last_activity_at": "2026-03-01T11:50:00Z"})),
            some("7")
        );
        assert_eq!(
            shown(OCCUPANCY, json!({"admin": {"id": "8"}, "last_activity_at": at})),
            some("8")
        );
        // Nobody was active after the entry was written.
        let later = json!({"last_activity_at": NOW.unix_timestamp() + 600});
        assert_eq!(shown(OCCUPANCY, later), Some(("7".to_owned(), 0, "occupancy")));
        for nothing in
            [json!({}), json!({"last_activity_at": null}), json!({"last_activity_at": []})]
        {
            assert_eq!(shown(OCCUPANCY, nothing.clone()), None, "{nothing}");
        }
    }

    #[test]
    fn never_is_said_only_where_the_log_covers_the_time_since_joining() {
        let days_ago = |days: i64| NOW - Duration::days(days);
        let said = |joined: Option<i64>, covered: Option<(i64, i64)>| {
            let user = User { joined_at: joined.map(days_ago), ..User::new(UserId::new("1")) };
            let covered = covered.map(|(since, until)| (days_ago(since), days_ago(until)));
            activity_source(None, &user, covered, NOW)
        };
        for (joined, covered, expected) in [
            (Some(100), Some((365, 0)), "never"),
            (Some(365), Some((365, 0)), "never"),
            (Some(366), Some((365, 0)), "unknown"),
            (None, Some((365, 0)), "unknown"),
            (Some(100), Some((365, 3)), "unknown"),
            (Some(100), None, "unknown"),
        ] {
            assert_eq!(said(joined, covered), expected, "{joined:?} {covered:?}");
        }
        let last = LastActivity { at: NOW, source: ActivitySource::Occupancy };
        let user = User::new(UserId::new("1"));
        assert_eq!(activity_source(Some(last), &user, None, NOW), "occupancy");
    }
}
