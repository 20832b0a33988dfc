//! Rows as CSV (RFC 4180), for those who cannot read JSON.

use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use serde::Serialize;

use super::cells::{Cell, cells};
use super::errors::ApiError;
use super::large::{Chunks, Makers, Turn};
use super::negotiation::{JSON, preferred_form, tell_next};
use crate::flat::Row;

/// The media type (RFC 4180 §3).
pub const CSV: &str = "text/csv; charset=utf-8; header=present";

/// The rows as CSV where the client wants that, else as JSON: `list` is all of that but for its rows. The next page of a CSV
/// is in `Link`.
pub async fn answer<R: Row + Send + 'static, L: Serialize>(
    request: &HttpRequest,
    mut response: HttpResponseBuilder,
    (makers, turn): (&Makers, Turn),
    (rows, next): (Vec<R>, Option<&str>),
    list: &L,
) -> Result<HttpResponse, ApiError> {
    let rows = rows.into_iter();
    if preferred_form(request, &[JSON, CSV])? == JSON {
        let body = makers.body(turn, Chunks::json(list, rows)?).await?;
        return Ok(response.content_type(JSON).body(body));
    }
    let mut response = response.content_type(CSV).body(makers.body(turn, Chunks::table(false, rows)?).await?);
    if let Some(next) = next {
        tell_next(&mut response, &format!("<{next}>; rel=\"next\""));
    }
    Ok(response)
}

/// What some spreadsheets want at the beginning, to take the rest for UTF-8.
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// What stands before the rows: a byte order mark, where one is wanted, and the header.
pub fn head<R: Row>(with_mark: bool) -> Option<Vec<u8>> {
    let mark = if with_mark { BYTE_ORDER_MARK } else { "" };
    Some([mark.as_bytes(), &header::<R>()?].concat())
}

/// RFC 4180 §2: "Each record is located on a separate line, delimited by a line break (CRLF)."
fn writer() -> csv::Writer<Vec<u8>> {
    csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new())
}

/// The header alone.
fn header<R: Row>() -> Option<Vec<u8>> {
    let mut writer = writer();
    writer.write_record(R::COLUMNS).ok()?;
    writer.into_inner().ok()
}

/// The rows alone. What is unknown is an empty cell.
pub fn lines<R: Row>(rows: &[R]) -> Option<Vec<u8>> {
    let mut writer = writer();
    for row in rows {
        for cell in cells(row, R::COLUMNS)? {
            writer.write_field(shown(cell, R::FOR_SPREADSHEETS)).ok()?;
        }
        writer.write_record(None::<&[u8]>).ok()?;
    }
    writer.into_inner().ok()
}

fn shown(cell: Cell, for_spreadsheets: bool) -> String {
    match cell {
        Cell::Empty => String::new(),
        // Some spreadsheets begin a new cell at each semicolon, which lists here have between their items.
        Cell::Text(text) if for_spreadsheets && text.contains(';') => {
            text.split(';').map(|part| harmless(part.to_owned())).collect::<Vec<_>>().join(";")
        }
        Cell::Text(text) if for_spreadsheets => harmless(text),
        Cell::Text(text) | Cell::Other(text) => text,
    }
}

/// A spreadsheet would take what begins so for a formula, and run it: somebody's name may be one.
fn harmless(text: String) -> String {
    let blank = |letter: char| letter == ' ' || letter.is_control();
    let first = text.trim_start_matches(blank);
    let formula = first.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']) || text.starts_with(char::is_control);
    if formula { format!("'{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str, for_spreadsheets: bool) -> String {
        shown(Cell::Text(text.to_owned()), for_spreadsheets)
    }

    #[test]
    fn no_cell_is_a_formula_for_people_and_every_cell_is_itself_for_machines() {
        for formula in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"] {
            assert_eq!(text(formula, true), format!("'{formula}"));
            assert_eq!(text(formula, false), formula);
        }
        assert_eq!(text("a=1", true), "a=1");
        assert_eq!(text("Support;=1+1; @x;Billing", true), "Support;'=1+1;' @x;Billing");
        assert_eq!(
            (shown(Cell::Other("-1".to_owned()), true), shown(Cell::Empty, true)),
            ("-1".to_owned(), String::new())
        );
    }
}
