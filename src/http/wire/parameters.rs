//! The query parameters of lists.

use utoipa::openapi::Schema;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, OneOfBuilder, SchemaFormat, Type};
use utoipa::{IntoParams, ToSchema};

use crate::requests::{Operation, RequestState};
use crate::tabular::SeatUse;

/// The query parameters of a list.
#[expect(
    dead_code,
    reason = "it describes the parameters; `scim::Query` reads them, as liberally as clients need"
)]
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub struct ListParameters {
    /// A filter (RFC 7644 §3.4.2.2), for example `userName eq "ada@example.com"` or `displayName sw
    /// "Support"`.
    filter: Option<String>,
    /// The attribute to sort by (RFC 7644 §3.4.2.3). The default is the id.
    sort_by: Option<String>,
    /// `ascending` (the default) or `descending`.
    #[param(inline)]
    sort_order: Option<SortOrder>,
    #[param(schema_with = start_index)]
    start_index: Option<i64>,
    /// Cursor-based paging instead of `startIndex` (RFC 9865): empty for the first page, then the
    /// `nextCursor` of the previous page.
    cursor: Option<String>,
    #[param(schema_with = count)]
    count: Option<i64>,
    /// The attributes to return, separated by commas (RFC 7644 §3.4.2.5).
    attributes: Option<String>,
    /// The attributes to leave out, separated by commas (RFC 7644 §3.4.2.5).
    excluded_attributes: Option<String>,
}

/// The query parameters of the record of requests.
#[expect(dead_code, reason = "it describes the parameters; `Parameters` reads them")]
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RequestParameters {
    /// Only requests in this state.
    #[param(inline)]
    state: Option<RequestState>,
    /// Only requests for this operation.
    #[param(inline)]
    operation: Option<Operation>,
    /// Only requests about this account, team or entitlement, by id.
    target: Option<String>,
    /// Only requests older than the one with this id. `next` contains it.
    before: Option<String>,
    /// The maximum number of items; the default is 100. More than 1000 means 1000, as `limit` in
    /// the body and the header `X-Limit-Applied` show.
    #[param(schema_with = limit)]
    limit: Option<u64>,
}

/// The query parameters of a flat view.
#[expect(dead_code, reason = "it describes the parameters; `Parameters` reads them")]
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct FlatParameters {
    /// The maximum number of items; the default is 100. More than 1000 means 1000, as `limit` in
    /// the body and the header `X-Limit-Applied` show.
    #[param(schema_with = limit)]
    limit: Option<u64>,
    /// How many rows to skip. The list may change between two requests; pages from `next` belong to
    /// one list.
    #[param(minimum = 0)]
    offset: Option<i64>,
    #[param(schema_with = modified_since)]
    modified_since: Option<String>,
    /// Whether to include removed teammates. They stay visible for `import.retention_days` days.
    include_removed: Option<bool>,
    /// Return the state that the bridge had recorded at this time (RFC 3339) or at the end of this
    /// day.
    as_of: Option<String>,
    /// The time zone of dates, and of times without an offset: a name of the IANA database, such as
    /// `Europe/Dublin`. The default is UTC.
    tz: Option<String>,
    /// The id of the snapshot that the pages belong to. `next` contains it.
    #[param(pattern = r"^[1-9][0-9]{0,17}\.[0-9]{1,9}$")]
    edition: Option<String>,
}

/// The query parameters of a view that rests on the activity log.
#[expect(dead_code, reason = "it describes the parameters; `Parameters` reads them")]
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct LogViewParameters {
    /// The maximum number of items; the default is 100. More than 1000 means 1000, as `limit` in
    /// the body and the header `X-Limit-Applied` show.
    #[param(schema_with = limit)]
    limit: Option<u64>,
    /// How many rows to skip. Pages from `next` belong to one list.
    #[param(minimum = 0)]
    offset: Option<i64>,
    /// Return what the bridge knew at this time (RFC 3339) or at the end of this day.
    as_of: Option<String>,
    /// The time zone of dates, and of times without an offset: a name of the IANA database, such as
    /// `Europe/Dublin`. The default is UTC.
    tz: Option<String>,
}

/// The query parameters of the view of seats.
#[expect(dead_code, reason = "it describes the parameters; `Parameters` reads them")]
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SeatParameters {
    /// The maximum number of items; the default is 100. More than 1000 means 1000, as `limit` in
    /// the body and the header `X-Limit-Applied` show.
    #[param(schema_with = limit)]
    limit: Option<u64>,
    /// How many rows to skip. Pages from `next` belong to one list.
    #[param(minimum = 0)]
    offset: Option<i64>,
    /// Return what the bridge knew at this time (RFC 3339) or at the end of this day.
    as_of: Option<String>,
    /// The time zone of dates, and of times without an offset: a name of the IANA database, such as
    /// `Europe/Dublin`. The default is UTC.
    tz: Option<String>,
    /// After how many days without activity a seat is unused, such as `30d`. The default is
    /// `seats.unused_after`.
    #[param(pattern = "^[0-9]{1,4}d?$")]
    unused_for: Option<String>,
    /// Only seats with this use.
    #[param(inline)]
    r#use: Option<SeatUse>,
}

/// The query parameters of a list of runs.
#[expect(dead_code, reason = "it describes the parameters; `Parameters` reads them")]
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RunParameters {
    /// The maximum number of items; the default is 100. More than 1000 means 1000, as `limit` in
    /// the body and the header `X-Limit-Applied` show.
    #[param(schema_with = limit)]
    limit: Option<u64>,
    /// Only runs with a smaller number. `next` contains it.
    #[param(minimum = 1)]
    before: Option<i64>,
}

// utoipa drops the description of a parameter that has a schema of its own. So these schemas
// contain it, and `complete` moves it.

/// The schema of `startIndex`: any whole number is valid (RFC 7644 §3.4.2.4).
pub(super) fn start_index() -> Schema {
    let description = "The index of the first match to return, counted from 1 (RFC 7644 §3.4.2.4). Less than 1 means 1.";
    ObjectBuilder::new().schema_type(Type::Integer).description(Some(description)).into()
}

pub(super) fn count() -> Schema {
    let description = "The maximum number of resources (RFC 7644 §3.4.2.4). A negative number means 0. More than `scim.max_results` means `scim.max_results`.";
    ObjectBuilder::new().schema_type(Type::Integer).description(Some(description)).into()
}

/// The schema of `limit`. It has no `format`, which would set a maximum: any positive number is
/// valid.
pub(super) fn limit() -> Schema {
    let description = "The maximum number of items; the default is 100. More than 1000 means 1000, as `limit` in the body and the header `X-Limit-Applied` show.";
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(1))
        .description(Some(description))
        .into()
}

fn modified_since() -> Schema {
    let of = |format| {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(format)))
    };
    let ago = ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[0-9]{1,4}[smhd]$"));
    let description = "Only rows that changed since: a time (RFC 3339), a day (from its beginning), or a duration before now, such as `2d`. For memberships: all memberships of accounts that changed.";
    let moments = OneOfBuilder::new().item(of(KnownFormat::DateTime)).item(of(KnownFormat::Date));
    moments.item(ago).description(Some(description)).into()
}

/// RFC 7644 §3.4.2.3.
#[expect(dead_code, reason = "it describes the words; `Query` reads them")]
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum SortOrder {
    Ascending,
    Descending,
}
