//! The parameters of the change log, of reviews and of the audit trail.

use utoipa::{IntoParams, ToSchema};

use super::parameters::limit;

/// What the log can be asked for.
#[expect(dead_code, reason = "it describes the parameters; `Parameters` reads them")]
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ChangeParameters {
    /// Only changes after this place: the last `next`, or the `cursor` of a change; or at this
    /// moment or later. Everything, where it is left out.
    since: Option<String>,
    /// Only changes of this kind.
    #[param(inline)]
    r#type: Option<KindOfChange>,
    /// The same as `type`.
    #[param(inline)]
    kind: Option<KindOfChange>,
    /// Only changes with this `action`.
    #[param(inline)]
    action: Option<ActionOfChange>,
    /// Only changes of this person and of their memberships: the id of a user (`adm_…`), or an
    /// address, now or earlier.
    person: Option<String>,
    /// Only changes of this team and of memberships in it: the id of a group (`team_…`). With
    /// `person`, only of the membership of that person in that team.
    team: Option<String>,
    /// Only changes that this person made, as Intercom's activity log tells: the id of a user, or
    /// an address.
    actor: Option<String>,
    /// Only changes that were recorded at this moment or later (RFC 3339), or from the beginning of
    /// this day on.
    from: Option<String>,
    /// Only changes that were recorded before this moment (RFC 3339), or up to the end of this day.
    to: Option<String>,
    /// The same as `to`.
    until: Option<String>,
    /// The time zone of dates and of moments without an offset, as the IANA database names it, such
    /// as `Europe/Dublin`; UTC, where it is left out.
    tz: Option<String>,
    /// How many at the most; 100 where it is left out, and all of them as `application/x-ndjson` or
    /// CSV. More than 1000 are 1000, as `limit` and the header `X-Limit-Applied` say.
    #[param(schema_with = limit)]
    limit: Option<u64>,
    /// Whether a CSV begins with a byte order mark, which some spreadsheets want.
    bom: Option<bool>,
}

/// What a review can be asked for.
#[expect(dead_code, reason = "it describes the parameters; `Parameters` reads them")]
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ReviewParameters {
    /// The state at this moment (RFC 3339) or at the end of this day, as the bridge had recorded it
    /// then. Where it is left out: when Intercom last confirmed what is shown.
    as_of: Option<String>,
    /// The moment of the review before (RFC 3339), or the day at whose beginning it was: each row
    /// then says what became of the account since.
    since: Option<String>,
    /// The time zone of dates and of moments without an offset, as the IANA database names it, such
    /// as `Europe/Dublin`; UTC, where it is left out.
    tz: Option<String>,
    /// Whether the CSV begins with a byte order mark, which some spreadsheets want. The mark counts
    /// for its SHA-256.
    bom: Option<bool>,
}

/// What the audit trail can be asked for.
#[expect(dead_code, reason = "it describes the parameters; `Parameters` reads them")]
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AuditParameters {
    /// Only what happened at this moment or later (RFC 3339), or from the beginning of this day on.
    since: Option<String>,
    /// Only what happened before this moment (RFC 3339), or up to the end of this day.
    until: Option<String>,
    /// The time zone of dates and of moments without an offset, as the IANA database names it, such
    /// as `Europe/Dublin`; UTC, where it is left out.
    tz: Option<String>,
    /// Only what this one did: the subject of a token.
    actor: Option<String>,
    /// Only what is of this kind, such as `request` or `token.issued`.
    event: Option<String>,
    /// Only entries after the one that has this `cursor`.
    after: Option<String>,
    /// How many at the most; 100 where it is left out. More than 1000 are 1000, as `limit` and the
    /// header `X-Limit-Applied` say.
    #[param(schema_with = limit)]
    limit: Option<u64>,
}

/// What changed.
#[expect(dead_code, reason = "it describes the words; `ledger::ChangeKind` has them")]
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum KindOfChange {
    User,
    Group,
    Membership,
}

/// What became of it.
#[expect(dead_code, reason = "it describes the words; `directory::Changed` has them")]
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum ActionOfChange {
    Created,
    Updated,
    Removed,
    Restored,
}
