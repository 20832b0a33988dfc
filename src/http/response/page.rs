//! One page of rows, as JSON, NDJSON or CSV.

use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use serde::Serialize;

use super::chunks::Chunks;
use super::large::{Makers, Turn};
use super::table::CSV;
use crate::http::errors::ApiError;
use crate::http::request::negotiation::{JSON, LINES, preferred_form, set_next_link};
use crate::tabular::Row;

/// Answers with a page of rows, as JSON, NDJSON or CSV as the client prefers. `list` is the JSON
/// document without its rows. With NDJSON and CSV, the address of the next page is in `Link`.
pub async fn answer<R: Row + Send + 'static, L: Serialize>(
    request: &HttpRequest,
    mut response: HttpResponseBuilder,
    makers: &Makers,
    turn: Turn,
    rows: Vec<R>,
    next: Option<&str>,
    list: &L,
) -> Result<HttpResponse, ApiError> {
    let rows = rows.into_iter();
    let form = preferred_form(request, &[JSON, LINES, CSV])?;
    let chunks = match form {
        JSON => Chunks::json(list, rows)?,
        LINES => Chunks::lines(rows),
        _ => Chunks::table(false, rows)?,
    };
    let mut response = response.content_type(form).body(makers.body(turn, chunks).await?);
    if form == JSON {
        return Ok(response);
    }
    if let Some(next) = next {
        set_next_link(&mut response, next);
    }
    Ok(response)
}
