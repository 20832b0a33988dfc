//! How the pages write times: in the zone that the viewer chose, in UTC, and relative to now.

use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, SameSite, time as cookie_time};
use maud::{Markup, html};
use time::OffsetDateTime;
use time::macros::format_description;

use crate::limits;
use crate::moments::Zone;

/// The cookie with the name of the viewer's time zone. It says nothing about a person, and no
/// decision depends on it.
const COOKIE: &str = "bridge_time_zone";

/// The zone in which a page writes times, and the time of the page.
#[derive(Clone, Debug)]
pub struct Times {
    /// The zone that the viewer chose; UTC by default.
    pub zone: Zone,
    /// When the page was made.
    pub now: OffsetDateTime,
}

impl Times {
    /// The zone of the viewer's cookie. An invalid one is ignored.
    pub fn from_request(request: &HttpRequest, now: OffsetDateTime) -> Self {
        let zone = request.cookie(COOKIE).and_then(|cookie| Zone::named(cookie.value()));
        Self { zone: zone.unwrap_or(Zone::UTC), now }
    }

    /// Whether the viewer's zone is UTC, so that a time needs to be written only once.
    pub fn is_utc(&self) -> bool {
        matches!(self.zone.name(), "UTC" | "Etc/UTC")
    }

    /// A moment to the minute in the viewer's zone, with the zone's offset.
    pub fn text(&self, moment: OffsetDateTime) -> String {
        if self.is_utc() {
            return utc(moment);
        }
        let form = format_description!(
            "[year]-[month]-[day] [hour]:[minute] [offset_hour sign:mandatory]:[offset_minute]"
        );
        self.zone.local(moment).format(form).unwrap_or_default()
    }

    /// A day in the viewer's zone.
    pub fn day(&self, moment: OffsetDateTime) -> String {
        let form = format_description!("[year]-[month]-[day]");
        self.zone.local(moment).format(form).unwrap_or_default()
    }

    /// A moment in the viewer's zone; beside it, smaller, the same in UTC and how long ago it was.
    pub fn show(&self, moment: OffsetDateTime) -> Markup {
        let machine = crate::date_time::written(moment);
        html! {
            span class="time" {
                time datetime=(machine) { (self.text(moment)) }
                span class="beside" {
                    @if !self.is_utc() { (utc(moment)) ", " }
                    (relative(moment, self.now))
                }
            }
        }
    }

    /// A moment that may be unknown.
    pub fn known(&self, moment: Option<OffsetDateTime>) -> Markup {
        moment.map_or_else(|| html! { "unknown" }, |moment| self.show(moment))
    }
}

/// The cookie that keeps the choice of a zone.
pub fn cookie(zone: &Zone, is_secure: bool) -> Cookie<'static> {
    Cookie::build(COOKIE, zone.name().to_owned())
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(is_secure)
        .max_age(cookie_time::Duration::days(limits::TIME_ZONE_COOKIE_DAYS))
        .finish()
}

/// A moment to the minute in UTC.
fn utc(moment: OffsetDateTime) -> String {
    let form = format_description!("[year]-[month]-[day] [hour]:[minute] UTC");
    moment.to_offset(time::UtcOffset::UTC).format(form).unwrap_or_default()
}

/// How long before or after `now` a moment is, in one unit.
pub fn relative(moment: OffsetDateTime, now: OffsetDateTime) -> String {
    let seconds = (now - moment).whole_seconds();
    let Some(length) = length(seconds.unsigned_abs()) else { return "just now".to_owned() };
    if seconds > 0 { format!("{length} ago") } else { format!("in {length}") }
}

/// A length in its largest whole unit; `None` if it is shorter than a minute.
pub fn length(seconds: u64) -> Option<String> {
    const UNITS: [(u64, &str); 5] = [
        (365 * 86_400, "year"),
        (30 * 86_400, "month"),
        (86_400, "day"),
        (3_600, "hour"),
        (60, "minute"),
    ];
    let (unit, name) = UNITS.into_iter().find(|(unit, _)| seconds >= *unit)?;
    let count = seconds / unit;
    Some(format!("{count} {name}{}", if count == 1 { "" } else { "s" }))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn in_zone(name: &str) -> Times {
        Times { zone: Zone::named(name).unwrap(), now: datetime!(2026-03-30 12:00 UTC) }
    }

    #[test]
    fn a_time_is_written_in_the_zone_of_the_viewer_and_in_utc() {
        let moment = datetime!(2026-03-29 23:30:59 UTC);
        assert_eq!(in_zone("UTC").text(moment), "2026-03-29 23:30 UTC");
        assert_eq!(in_zone("Europe/Dublin").text(moment), "2026-03-30 00:30 +01:00");
        assert_eq!(in_zone("Asia/Kolkata").text(moment), "2026-03-30 05:00 +05:30");
        let shown = in_zone("Europe/Dublin").show(moment).into_string();
        assert!(shown.contains("datetime=\"2026-03-29T23:30:59"), "{shown}");
        assert!(shown.contains("2026-03-29 23:30 UTC, 12 hours ago"), "{shown}");
    }

    #[test]
    fn relative_times_have_one_unit() {
        let now = datetime!(2026-03-30 12:00 UTC);
        let at = |seconds| relative(now - time::Duration::seconds(seconds), now);
        assert_eq!(at(59), "just now");
        assert_eq!(at(-59), "just now");
        assert_eq!(at(60), "1 minute ago");
        assert_eq!(at(7_199), "1 hour ago");
        assert_eq!(at(86_400 * 29), "29 days ago");
        assert_eq!(at(86_400 * 31), "1 month ago");
        assert_eq!(at(86_400 * 800), "2 years ago");
        assert_eq!(at(-86_400 * 3), "in 3 days");
    }
}
