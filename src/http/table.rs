//! Rows as CSV (RFC 4180), for those who cannot read JSON.

use actix_web::http::header::LINK;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use serde::Serialize;

use super::errors::ApiError;
use super::negotiation::accepts;
use crate::flat::Row;
use crate::scim::ScimError;

const CSV: &str = "text/csv";

/// The rows as CSV where the client wants that, else `list` as JSON. The next page of a CSV is in `Link`.
pub fn answer<R: Row, L: Serialize>(
    request: &HttpRequest,
    mut response: HttpResponseBuilder,
    (rows, next): (&[R], Option<&str>),
    list: &L,
) -> Result<HttpResponse, ApiError> {
    if !accepts(request, CSV) {
        return Ok(response.json(list));
    }
    if let Some(next) = next {
        response.insert_header((LINK, format!("<{next}>; rel=\"next\"")));
    }
    Ok(response.content_type("text/csv; charset=utf-8; header=present").body(csv(rows).ok_or(ScimError::Internal)?))
}

/// What is unknown is an empty cell.
fn csv<R: Row>(rows: &[R]) -> Option<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new()
        .has_headers(false)
        // RFC 4180 §2: "Each record is located on a separate line, delimited by a line break (CRLF)."
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    writer.write_record(R::COLUMNS).ok()?;
    rows.iter().try_for_each(|row| writer.serialize(row)).ok()?;
    writer.into_inner().ok()
}
