//! One page of rows, as CSV or JSON.

use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use serde::Serialize;

use super::chunks::Chunks;
use super::large::{Makers, Turn};
use super::table::CSV;
use crate::http::errors::ApiError;
use crate::http::request::negotiation::{JSON, preferred_form, set_next_link};
use crate::tabular::Row;

/// Answers with a page of rows, as CSV or JSON as the client prefers. `list` is the JSON document
/// without its rows. With CSV, the address of the next page is in `Link`.
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
    if preferred_form(request, &[JSON, CSV])? == JSON {
        let body = makers.body(turn, Chunks::json(list, rows)?).await?;
        return Ok(response.content_type(JSON).body(body));
    }
    let mut response =
        response.content_type(CSV).body(makers.body(turn, Chunks::table(false, rows)?).await?);
    if let Some(next) = next {
        set_next_link(&mut response, next);
    }
    Ok(response)
}
