//! The parameters of the feed of log entries.

use utoipa::IntoParams;

use super::parameters::limit;
use crate::activity::Format;

/// The query parameters of the feed.
#[expect(dead_code, reason = "it describes the parameters; `Parameters` reads them")]
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ActivityParameters {
    /// Only entries after this position: the last `next`, or the `cursor` of an entry. A time (RFC
    /// 3339) means entries that were recorded since, and `now` only those recorded from now on.
    /// The default is the oldest entry.
    since: Option<String>,
    /// Only entries that were recorded at or after this time: RFC 3339, a day, or seconds since
    /// 1970. Entries of such a period are ordered by the time of recording.
    recorded_from: Option<String>,
    /// Only entries that were recorded before this time, or up to the end of this day. Periods
    /// whose ends meet miss no entry and repeat none, once `recorded_to` has passed.
    recorded_to: Option<String>,
    /// Only entries that were recorded within this time before now, such as `15m`. It replaces
    /// `recorded_from`.
    last: Option<String>,
    /// Only entries of events at or after this time: RFC 3339, a day, or seconds since 1970.
    /// Without `since` and a period of recording, entries are ordered by the time of the event.
    /// Entries that Intercom provides late are then missed by a client that does not ask again.
    from: Option<String>,
    /// Only entries of events before this time, or up to the end of this day.
    to: Option<String>,
    /// The time zone of dates, and of times without an offset: a name of the IANA database, such as
    /// `Europe/Dublin`. The default is UTC.
    tz: Option<String>,
    /// Only entries of these types, as Intercom spells them. The parameter may be repeated, or have
    /// several types with commas.
    r#type: Option<String>,
    /// Only entries of these groups: `authentication`, `access`, `settings`, `apps`, `data`,
    /// `content`, `unknown`. May be repeated, or have several with commas.
    group: Option<String>,
    /// Only entries with these severities: `unknown`, `informational`, `low`, `medium`, `high`,
    /// `critical`. May be repeated, or have several with commas.
    severity: Option<String>,
    /// Only entries of events that this teammate caused: an id (`adm_…`), or an address.
    actor: Option<String>,
    /// Only entries about this teammate: an id (`adm_…`), or an address.
    subject: Option<String>,
    /// The form of the entries: `native` (the default), `ocsf` for events of the Open Cybersecurity
    /// Schema Framework 1.8.0, or `ecs` for documents of the Elastic Common Schema 9.4.0.
    #[param(inline)]
    format: Option<Format>,
    #[param(schema_with = limit)]
    limit: Option<u64>,
    /// Whether the CSV begins with a byte order mark, which some spreadsheets need.
    bom: Option<bool>,
}

/// The query parameters of the list of types.
#[expect(dead_code, reason = "it describes the parameters; `Parameters` reads them")]
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ActivityTypeParameters {
    /// Only types of these groups: `authentication`, `access`, `settings`, `apps`, `data`,
    /// `content`, `unknown`. May be repeated, or have several with commas.
    group: Option<String>,
}
