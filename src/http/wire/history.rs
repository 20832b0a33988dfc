//! The parameters of the change log, of reviews and of the audit trail.

use utoipa::IntoParams;

use super::parameters::limit;
use crate::directory::{ChangeAction, ChangeKind};

/// The query parameters of the log.
#[expect(dead_code, reason = "it describes the parameters; `Parameters` reads them")]
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ChangeParameters {
    /// Only changes after this position: the last `next`, or the `cursor` of a change. A time (RFC
    /// 3339) is accepted too. The default is the beginning of the history.
    since: Option<String>,
    /// Only changes of this type.
    #[param(inline)]
    r#type: Option<ChangeKind>,
    /// Another name of `type`.
    #[param(inline)]
    kind: Option<ChangeKind>,
    /// Only changes with this action.
    #[param(inline)]
    action: Option<ChangeAction>,
    /// Only changes of this user and of the user's memberships: an id (`adm_…`), or a current or
    /// former address.
    person: Option<String>,
    /// Only changes of this group and of its memberships: an id (`team_…`). With `person`, only
    /// changes of the membership of that user in that group.
    team: Option<String>,
    /// Only changes that this teammate made, according to Intercom's activity log: an id (`adm_…`)
    /// or an address.
    actor: Option<String>,
    /// Only changes that were recorded at or after this time (RFC 3339), or from the beginning of
    /// this day.
    from: Option<String>,
    /// Only changes that were recorded before this time (RFC 3339), or up to the end of this day.
    to: Option<String>,
    /// Another name of `to`.
    until: Option<String>,
    /// The time zone of dates, and of times without an offset: a name of the IANA database, such as
    /// `Europe/Dublin`. The default is UTC.
    tz: Option<String>,
    /// The maximum number of changes; the default is 100, and all for `application/x-ndjson` and
    /// CSV. More than 1000 means 1000, as `limit` in the body and the header `X-Limit-Applied`
    /// show.
    #[param(schema_with = limit)]
    limit: Option<u64>,
    /// Whether the CSV begins with a byte order mark, which some spreadsheets need.
    bom: Option<bool>,
}

/// The query parameters of a review.
#[expect(dead_code, reason = "it describes the parameters; `Parameters` reads them")]
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ReviewParameters {
    /// Return the state that the bridge had recorded at this time (RFC 3339) or at the end of this
    /// day. The default is the time when the bridge last read Intercom and found the served state
    /// to be current.
    as_of: Option<String>,
    /// The time of the previous review (RFC 3339), or the day at whose beginning it was. Each row
    /// then says how the account changed since.
    since: Option<String>,
    /// The time zone of dates, and of times without an offset: a name of the IANA database, such as
    /// `Europe/Dublin`. The default is UTC.
    tz: Option<String>,
    /// Whether the CSV begins with a byte order mark, which some spreadsheets need. The SHA-256
    /// includes the mark.
    bom: Option<bool>,
    /// Whether pending invitations follow the accounts, with `status: invited`. The default is
    /// true.
    include_invited: Option<bool>,
}

/// The query parameters of the audit trail.
#[expect(dead_code, reason = "it describes the parameters; `Parameters` reads them")]
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AuditParameters {
    /// Only entries at or after this time (RFC 3339), or from the beginning of this day.
    since: Option<String>,
    /// Only entries before this time (RFC 3339), or up to the end of this day.
    until: Option<String>,
    /// The time zone of dates, and of times without an offset: a name of the IANA database, such as
    /// `Europe/Dublin`. The default is UTC.
    tz: Option<String>,
    /// Only entries of this actor: the subject of a token.
    actor: Option<String>,
    /// Only entries of this kind, such as `request` or `token.issued`.
    event: Option<String>,
    /// Only entries after the one with this `cursor`.
    after: Option<String>,
    /// The maximum number of items; the default is 100. More than 1000 means 1000, as `limit` in
    /// the body and the header `X-Limit-Applied` show.
    #[param(schema_with = limit)]
    limit: Option<u64>,
}
