//! Rows as CSV (RFC 4180), for those who cannot read JSON.

use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use serde::Serialize;

use super::cells::{Cell, cells};
use super::errors::ApiError;
use super::large::{Chunks, Makers, Turn};
use super::negotiation::{JSON, preferred_form, tell_next};
use crate::tabular::Row;

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
            writer.write_field(shown(cell)).ok()?;
        }
        writer.write_record(None::<&[u8]>).ok()?;
    }
    writer.into_inner().ok()
}

fn shown(cell: Cell) -> String {
    match cell {
        Cell::Empty => String::new(),
        Cell::Text(text) => guarded(&text),
        Cell::Other(text) => text,
    }
}

/// Where a spreadsheet may begin a new cell within what is one cell here, depending on how it was set up.
const SEPARATORS: [char; 4] = [';', '\t', '\n', '\r'];

/// A text as a cell holds it: an apostrophe before each part that a spreadsheet could take for a formula and run. Somebody's
/// name may be one. Parts that begin with an apostrophe get one too, so that whoever reads the table takes one apostrophe off
/// the start of each part and has what was written.
fn guarded(text: &str) -> String {
    let mut guarded = String::with_capacity(text.len());
    for part in text.split_inclusive(SEPARATORS) {
        if needs_guard(part) {
            guarded.push('\'');
        }
        guarded.push_str(part);
    }
    guarded
}

/// Whether a part could be taken for a formula, with what spreadsheets leave out before it: quotes, blanks, and letters that
/// nobody sees.
fn needs_guard(part: &str) -> bool {
    let is_left_out = |letter: char| {
        letter.is_whitespace()
            || letter.is_control()
            || matches!(letter, '"' | '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    let begins = part.trim_start_matches(is_left_out);
    // Those of East Asian typography are read as the usual ones.
    let is_formula =
        begins.starts_with(['=', '+', '-', '@', '\'', '＝', '＋', '－', '＠', '＇', '﹦', '﹢', '﹣', '﹫', '−']);
    is_formula || part.starts_with(|letter: char| letter.is_control())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cell(text: &str) -> String {
        shown(Cell::Text(text.to_owned()))
    }

    /// What whoever reads a table does.
    fn read_back(cell: &str) -> String {
        cell.split_inclusive(SEPARATORS).map(|part| part.strip_prefix('\'').unwrap_or(part)).collect()
    }

    #[test]
    fn no_cell_is_a_formula() {
        for text in [
            "=1+1",
            "+1",
            "-1",
            "@SUM(A1)",
            "\t=1",
            "\r=1",
            " =1",
            "\u{a0}=1",
            "\u{3000}=1",
            "\u{feff}=1",
            "\u{200b}@x",
            "\"=1\"",
            "\"\" +1",
            "＝1",
            "＋1",
            "－1",
            "＠x",
            "﹦1",
            "−1",
            "'=1",
            "' =1",
        ] {
            let cell = cell(text);
            assert!(cell.starts_with('\''), "{text:?}: {cell:?}");
            assert_eq!(read_back(&cell), text);
        }
        for text in ["a=1", "Ada", "a-b", "a@example.com", "", "O'Neill", "5", "(x)"] {
            assert_eq!(cell(text), text);
        }
        assert_eq!(cell("Support;=1+1; @x;Billing"), "Support;'=1+1;' @x;Billing");
        assert_eq!(cell("a\t=1\r\n-2"), "a\t'=1\r'\n'-2");
        assert_eq!((shown(Cell::Other("-1".to_owned())), shown(Cell::Empty)), ("-1".to_owned(), String::new()));
    }

    proptest! {
        #[test]
        fn a_cell_is_read_back_as_it_was(text in "[-=+@';\t\r\n\" a＝]{0,12}") {
            let cell = guarded(&text);
            prop_assert_eq!(read_back(&cell), text);
            for part in cell.split(SEPARATORS) {
                prop_assert!(!part.trim_start_matches([' ', '"']).starts_with(['=', '+', '-', '@', '＝']), "{cell:?}");
            }
        }
    }
}
