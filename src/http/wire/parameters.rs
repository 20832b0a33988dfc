//! The query parameters of lists.

use utoipa::openapi::Schema;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, OneOfBuilder, SchemaFormat, Type};
use utoipa::{IntoParams, ToSchema};

use crate::requests::{Operation, RequestState};

/// What a list can be asked for.
#[expect(
    dead_code,
    reason = "it describes the parameters; `scim::Query` reads them, as liberally as clients need"
)]
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub struct ListParameters {
    /// A filter as of RFC 7644 §3.4.2.2, for example `userName eq "ada@example.com"` or
    /// `displayName sw "Support"`.
    filter: Option<String>,
    /// The attribute to sort by; without one, resources come by id.
    sort_by: Option<String>,
    /// `ascending`, where it is left out, or `descending`.
    #[param(inline)]
    sort_order: Option<SortOrder>,
    #[param(schema_with = start_index)]
    start_index: Option<i64>,
    /// Instead of `startIndex`: empty on the first page, then the `nextCursor` of the page before
    /// (RFC 9865).
    cursor: Option<String>,
    #[param(schema_with = count)]
    count: Option<i64>,
    /// Only these attributes, separated by commas.
    attributes: Option<String>,
    /// All but these attributes, separated by commas.
    excluded_attributes: Option<String>,
}

/// What the record of requests can be asked for.
#[expect(dead_code, reason = "it describes the parameters; `Parameters` reads them")]
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RequestParameters {
    /// Only in this state.
    #[param(inline)]
    state: Option<RequestState>,
    /// Only of this operation.
    #[param(inline)]
    operation: Option<Operation>,
    /// Only about this account, team or entitlement, by its id.
    target: Option<String>,
    /// Only requests that were made before the one of this id.
    before: Option<String>,
    /// How many at the most; 100 where it is left out. More than 1000 are 1000, as `limit` and the
    /// header `X-Limit-Applied` say.
    #[param(schema_with = limit)]
    limit: Option<u64>,
}

/// What a flat view can be asked for.
#[expect(dead_code, reason = "it describes the parameters; `Parameters` reads them")]
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct FlatParameters {
    /// How many rows at the most; 100 where it is left out. More than 1000 are 1000, as `limit` and
    /// the header `X-Limit-Applied` say.
    #[param(schema_with = limit)]
    limit: Option<u64>,
    /// How many rows to leave out. NB: between two pages the list may change; `next` keeps to one.
    #[param(minimum = 0)]
    offset: Option<i64>,
    #[param(schema_with = modified_since)]
    modified_since: Option<String>,
    /// Whether accounts of removed teammates are wanted too, as long as `import.retention_days`
    /// keeps them.
    include_removed: Option<bool>,
    /// The state at this moment (RFC 3339) or at the end of this day, as the bridge had recorded it
    /// then.
    as_of: Option<String>,
    /// The time zone of dates and of moments without an offset, as the IANA database names it, such
    /// as `Europe/Dublin`; UTC, where it is left out.
    tz: Option<String>,
    /// Which list of people a walk goes on over; `next` has it.
    #[param(pattern = r"^[1-9][0-9]{0,17}\.[0-9]{1,9}$")]
    edition: Option<String>,
}

/// What a list of runs can be asked for.
#[expect(dead_code, reason = "it describes the parameters; `Parameters` reads them")]
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RunParameters {
    /// How many at the most; 100 where it is left out. More than 1000 are 1000, as `limit` and the
    /// header `X-Limit-Applied` say.
    #[param(schema_with = limit)]
    limit: Option<u64>,
    /// Only runs before this one; `next` has it.
    #[param(minimum = 1)]
    before: Option<i64>,
}

// utoipa drops the description of a parameter that has a schema of its own. So these schemas
// contain it, and `complete` moves it.

/// The schema of `startIndex`: any whole number is valid (RFC 7644 §3.4.2.4).
pub(super) fn start_index() -> Schema {
    let description = "Which match comes first, counted from 1; less than 1 means 1.";
    ObjectBuilder::new().schema_type(Type::Integer).description(Some(description)).into()
}

pub(super) fn count() -> Schema {
    let description =
        "How many at the most; less than 0 means 0, and more than `scim.max_results` means that.";
    ObjectBuilder::new().schema_type(Type::Integer).description(Some(description)).into()
}

/// The schema of `limit`. It has no `format`, which would set a maximum: any positive number is
/// valid.
pub(super) fn limit() -> Schema {
    let description = "How many at the most; 100 where it is left out. More than 1000 are 1000, as `limit` and the header \
                       `X-Limit-Applied` say.";
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
    let description = "Only what changed at this moment (RFC 3339) or later, or from the beginning of this day on, or since so \
                       long ago, such as `2d`. Of memberships: all of the accounts that changed.";
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
