//! Rows as CSV (RFC 4180), for clients that do not read JSON.

use super::cells::{Cell, cells};
use crate::tabular::Row;

/// The media type (RFC 4180 §3).
pub const CSV: &str = "text/csv; charset=utf-8; header=present";

/// Some spreadsheets read a file as UTF-8 only if it begins with this.
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// What precedes the rows: a byte order mark if `with_mark`, and the header. `None` if it cannot be
/// serialised.
pub fn head<R: Row>(with_mark: bool) -> Option<Vec<u8>> {
    let mark = if with_mark { BYTE_ORDER_MARK } else { "" };
    Some([mark.as_bytes(), &header::<R>()?].concat())
}

/// Rows as a whole table with its header. `None` if a row cannot be serialised.
pub fn table<R: Row>(rows: &[R]) -> Option<Vec<u8>> {
    Some([head::<R>(false)?, lines(rows)?].concat())
}

/// RFC 4180 §2: "Each record is located on a separate line, delimited by a line break (CRLF)."
fn writer() -> csv::Writer<Vec<u8>> {
    csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new())
}

/// The header line.
fn header<R: Row>() -> Option<Vec<u8>> {
    let mut writer = writer();
    writer.write_record(R::COLUMNS).ok()?;
    writer.into_inner().ok()
}

/// The lines of rows. An unknown value is an empty cell. `None` if a row cannot be serialised.
pub fn lines<R: Row>(rows: &[R]) -> Option<Vec<u8>> {
    let mut writer = writer();
    for row in rows {
        for cell in cells(row, R::COLUMNS)? {
            writer.write_field(guarded_text(cell)).ok()?;
        }
        writer.write_record(None::<&[u8]>).ok()?;
    }
    writer.into_inner().ok()
}

fn guarded_text(cell: Cell) -> String {
    match cell {
        Cell::Empty => String::new(),
        Cell::Text(text) => guarded(&text),
        // A list or an object has texts, too.
        Cell::Other(text) if text.starts_with(['[', '{']) => guarded(&text),
        Cell::Other(text) => text,
    }
}

/// Characters at which a spreadsheet may split a cell in two, depending on its settings.
const SEPARATORS: [char; 4] = [';', '\t', '\n', '\r'];

/// Escapes a text so that no spreadsheet runs it as a formula (CSV injection): people choose their
/// names themselves. Each part that could be a formula gets a leading apostrophe. Parts that begin
/// with an apostrophe get one too, so that a reader restores the text by removing one leading
/// apostrophe from each part.
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

/// Whether a spreadsheet could take a part for a formula. Spreadsheets ignore leading quotes,
/// blanks and invisible characters.
fn needs_guard(part: &str) -> bool {
    let is_ignored = |letter: char| {
        letter.is_whitespace()
            || letter.is_control()
            || matches!(letter, '"' | '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    let begins = part.trim_start_matches(is_ignored);
    // Spreadsheets read the full-width and small forms of East Asian typography like the ASCII
    // ones.
    let is_formula = begins.starts_with([
        '=', '+', '-', '@', '\'', '＝', '＋', '－', '＠', '＇', '﹦', '﹢', '﹣', '﹫', '−',
    ]);
    is_formula || part.starts_with(|letter: char| letter.is_control())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cell(text: &str) -> String {
        guarded_text(Cell::Text(text.to_owned()))
    }

    /// Removes the escapes, as a reader of the table does.
    fn read_back(cell: &str) -> String {
        cell.split_inclusive(SEPARATORS)
            .map(|part| part.strip_prefix('\'').unwrap_or(part))
            .collect()
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
        let json = r#"{"name":"x;=HYPERLINK(1)","list":["a; +1"]}"#;
        let guarded = guarded_text(Cell::Other(json.to_owned()));
        assert_eq!(guarded, r#"{"name":"x;'=HYPERLINK(1)","list":["a;' +1"]}"#);
        assert_eq!(read_back(&guarded), json);
        assert_eq!(
            (guarded_text(Cell::Other("-1".to_owned())), guarded_text(Cell::Empty)),
            ("-1".to_owned(), String::new())
        );
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
