//! Tables of delimited text (CSV), as spreadsheets and identity providers write them.
//!
//! Not the `csv` crate: that one does not report a quote that is never closed, and counts lines
//! only at `\n`. Errors here name the line, which must be right in files with any line ends.

use std::borrow::Cow;

/// The characters that may separate cells, the most usual first.
const SEPARATORS: [char; 4] = [',', ';', '\t', '|'];

/// The maximum number of lines before the header.
const LINES_BEFORE_HEADER: usize = 5;

/// A quote that is opened on this line and never closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenQuote {
    /// The line, from 1.
    pub line: u64,
}

/// A table without a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoHeader {
    /// No line with several cells, and none that is the name of a known column.
    NotFound,
    /// A quote is not closed.
    OpenQuote(OpenQuote),
}

/// Reads the cells of a text, row by row.
#[derive(Clone, Debug)]
pub struct Delimited<'a> {
    rest: &'a str,
    separator: char,
    /// The number of the line at which `rest` begins, from 1.
    line: u64,
}

impl<'a> Delimited<'a> {
    /// Finds the separator and the header. `is_column` recognises the name of a column: a header
    /// may have a single one.
    ///
    /// # Errors
    /// [`NoHeader`].
    pub fn open(
        text: &'a str,
        is_column: impl Fn(&str) -> bool,
    ) -> Result<(Self, Vec<String>), NoHeader> {
        let mut rows = Self { rest: text, separator: ',', line: 1 };
        let fixed = rows.take_separator_line();
        let mut skipped = 0;
        while skipped <= LINES_BEFORE_HEADER && rows.skip_blank_lines() {
            let candidates =
                SEPARATORS.into_iter().filter(|each| fixed.is_none_or(|it| it == *each));
            let mut best: Option<(Self, Vec<String>)> = None;
            let mut open_quote = None;
            for separator in candidates.chain(fixed.filter(|it| !SEPARATORS.contains(it))) {
                let mut attempt = Self { separator, ..rows.clone() };
                let mut cells = Vec::new();
                if let Err(open) = attempt.next_row(&mut cells) {
                    open_quote = Some(open);
                } else if best.as_ref().is_none_or(|(_, most)| cells.len() > most.len()) {
                    best = Some((attempt, cells));
                }
            }
            let Some((after, cells)) = best else {
                return Err(open_quote.map_or(NoHeader::NotFound, NoHeader::OpenQuote));
            };
            let first = cells.first().map(|cell| cell.trim()).unwrap_or_default();
            let is_header = match cells.len() {
                _ if first.to_ascii_lowercase().starts_with("version:") => false,
                1 => is_column(first),
                _ => true,
            };
            if is_header {
                return Ok((after, cells));
            }
            rows = Self { separator: ',', ..after };
            skipped += 1;
        }
        Err(NoHeader::NotFound)
    }

    /// The character between cells.
    #[must_use]
    pub fn separator(&self) -> char {
        self.separator
    }

    /// Reads the next row into `cells`, and returns the line on which it begins; `None` at the end.
    /// Blank lines are skipped.
    ///
    /// # Errors
    /// [`OpenQuote`]; there are no rows after it.
    pub fn next_row(&mut self, cells: &mut Vec<String>) -> Result<Option<u64>, OpenQuote> {
        if !self.skip_blank_lines() {
            return Ok(None);
        }
        let line = self.line;
        let mut count = 0;
        loop {
            if cells.len() == count {
                cells.push(String::new());
            }
            let Some(cell) = cells.get_mut(count) else { return Ok(None) };
            cell.clear();
            count += 1;
            self.read_cell(cell)?;
            if let Some(rest) = self.rest.strip_prefix(self.separator) {
                self.rest = rest;
            } else {
                self.end_line();
                cells.truncate(count);
                return Ok(Some(line));
            }
        }
    }

    /// Reads a cell up to a separator or the end of a line, which stay in `rest`.
    fn read_cell(&mut self, cell: &mut String) -> Result<(), OpenQuote> {
        if let Some(quoted) = self.rest.strip_prefix('"') {
            let opened = OpenQuote { line: self.line };
            self.rest = quoted;
            loop {
                let end = self.rest.find('"').ok_or(opened)?;
                let (text, after) = self.rest.split_at(end);
                self.line += line_ends(text);
                cell.push_str(text);
                let after = after.get(1..).unwrap_or_default();
                self.rest = after;
                // RFC 4180 §2.7: a quote inside is written twice.
                let Some(more) = after.strip_prefix('"') else { break };
                cell.push('"');
                self.rest = more;
            }
        }
        // Text after the closing quote is kept, as spreadsheets do.
        let end = self.rest.find([self.separator, '\n', '\r']).unwrap_or(self.rest.len());
        let (text, rest) = self.rest.split_at(end);
        cell.push_str(text);
        self.rest = rest;
        Ok(())
    }

    /// Skips the end of a line: CRLF, LF or CR. Returns whether there was one.
    fn end_line(&mut self) -> bool {
        let rest = self.rest.strip_prefix("\r\n").or_else(|| self.rest.strip_prefix(['\n', '\r']));
        if let Some(rest) = rest {
            self.rest = rest;
            self.line += 1;
        }
        rest.is_some()
    }

    /// Skips lines of blanks; tabs are cells if they separate. Returns whether text follows.
    fn skip_blank_lines(&mut self) -> bool {
        loop {
            let end = self.rest.find(['\n', '\r']).unwrap_or(self.rest.len());
            let (line, rest) = self.rest.split_at(end);
            if !line.trim().is_empty() {
                return true;
            }
            self.rest = rest;
            if !self.end_line() {
                return false;
            }
        }
    }

    /// Takes a first line such as `sep=;`, which Excel writes and reads.
    fn take_separator_line(&mut self) -> Option<char> {
        let end = self.rest.find(['\n', '\r']).unwrap_or(self.rest.len());
        let (line, rest) = self.rest.split_at(end);
        let line = line.trim_matches([' ', '"']);
        let value = line.get(..4).filter(|start| start.eq_ignore_ascii_case("sep="))?;
        let mut separator = line.get(value.len()..)?.chars();
        let found = separator.next()?;
        if separator.next().is_some() || found == '"' {
            return None;
        }
        self.rest = rest;
        self.end_line();
        Some(found)
    }
}

/// Returns the number of line ends in a text; CRLF is one.
fn line_ends(text: &str) -> u64 {
    let bytes = text.as_bytes();
    let ends = bytes.iter().enumerate().filter(|(place, byte)| match byte {
        b'\n' => true,
        b'\r' => bytes.get(place + 1) != Some(&b'\n'),
        _ => false,
    });
    u64::try_from(ends.count()).unwrap_or(u64::MAX)
}

/// Returns the text of a cell. Excel's `="00123"`, which keeps it from dropping zeros, is
/// unwrapped.
#[must_use]
pub fn cell_text(cell: &str) -> Cow<'_, str> {
    let cell = cell.trim();
    let formula = cell.strip_prefix("=\"").and_then(|rest| rest.strip_suffix('"'));
    match formula {
        Some(text) if text.contains("\"\"") => text.replace("\"\"", "\"").into(),
        Some(text) => text.into(),
        None => cell.into(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Rows = Vec<(u64, Vec<String>)>;

    fn rows(text: &str) -> (char, Vec<String>, Rows) {
        let (mut table, header) = Delimited::open(text, |name| name == "email").unwrap();
        let mut cells = Vec::new();
        let mut rows = Vec::new();
        while let Some(line) = table.next_row(&mut cells).unwrap() {
            rows.push((line, cells.clone()));
        }
        (table.separator(), header, rows)
    }

    fn row(line: u64, cells: &[&str]) -> (u64, Vec<String>) {
        (line, cells.iter().map(|cell| (*cell).to_owned()).collect())
    }

    #[test]
    fn the_separator_is_the_one_that_gives_the_header_the_most_cells() {
        for (text, separator) in [
            ("name,email\nIda,x", ','),
            ("name;email\nIda,x;y", ';'),
            ("name\temail\nIda\tx", '\t'),
            ("name|email\nIda|x", '|'),
            ("\"a,b,c\";email\nIda;x", ';'),
            ("sep=;\nname,x;email\nIda;x", ';'),
            ("\"sep=;\"\r\nname;email\r\nIda;x", ';'),
            ("sep=^\nname^email\nIda^x", '^'),
        ] {
            assert_eq!(rows(text).0, separator, "{text}");
            assert_eq!(rows(text).1.len(), 2, "{text}");
        }
    }

    #[test]
    fn lines_keep_their_numbers_over_blank_lines_quotes_and_all_line_ends() {
        let expected = [row(3, &["Ida", "a\nb"]), row(6, &["Bo", ""]), row(7, &["Al", "x\"y"])];
        let text = "name,email\n\nIda,\"a\nb\"\n\nBo,\nAl,\"x\"\"y\"";
        assert_eq!(rows(text).2, expected);
        let windows = rows(&text.replace('\n', "\r\n")).2;
        assert_eq!(windows[1..], expected[1..]);
        let mac = rows(&text.replace('\n', "\r")).2;
        assert_eq!(mac[1..], expected[1..]);
        assert_eq!(mac[0].1, ["Ida", "a\rb"]);
    }

    #[test]
    fn lines_before_the_header_are_skipped() {
        let header = ["name".to_owned(), "email".to_owned()];
        for text in [
            "version:v1.0\nname,email\n",
            "version:v1.0,,\nname,email\n",
            "\n\nStaff of Acme\n\nCreated yesterday\nname,email\n",
        ] {
            assert_eq!(rows(text).1, header, "{text}");
        }
        assert_eq!(rows("Staff\nemail\nx").1, ["email"]);
        let many = "Staff\n".repeat(6) + "name,email\n";
        assert_eq!(Delimited::open(&many, |_| false).unwrap_err(), NoHeader::NotFound);
        assert_eq!(Delimited::open("hello", |_| false).unwrap_err(), NoHeader::NotFound);
    }

    #[test]
    fn a_quote_that_never_closes_is_reported_with_its_line() {
        let (mut table, _) = Delimited::open("name,email\nIda,x\nBo,\"y\nAl,z", |_| false).unwrap();
        let mut cells = Vec::new();
        assert_eq!(table.next_row(&mut cells), Ok(Some(2)));
        assert_eq!(table.next_row(&mut cells), Err(OpenQuote { line: 3 }));
        let header = Delimited::open("\"name,email\nIda", |_| false).unwrap_err();
        assert_eq!(header, NoHeader::OpenQuote(OpenQuote { line: 1 }));
    }

    #[test]
    fn zeros_that_a_spreadsheet_formula_protects_are_kept() {
        for (cell, text) in
            [("=\"00123\"", "00123"), ("00123 ", "00123"), ("=\"a\"\"b\"", "a\"b"), ("=1", "=1")]
        {
            assert_eq!(cell_text(cell), text);
        }
        let table = rows("name,email\n\"=\"\"00123\"\"\",x\n=\"00123\",y\n").2;
        assert!(table.iter().all(|(_, cells)| cell_text(&cells[0]) == "00123"));
    }

    proptest! {
        #[test]
        fn any_cells_are_read_as_they_were_written(
            table in proptest::collection::vec(proptest::collection::vec("[a-c,;\t|\"\n\r é]{0,6}", 3), 1..6),
            separator in 0_usize..4,
        ) {
            let separator = SEPARATORS[separator];
            let quoted = |cell: &String| format!("\"{}\"", cell.replace('"', "\"\""));
            let mut text = ["email", "b", "c"].join(&separator.to_string());
            for cells in &table {
                let cells: Vec<String> = cells.iter().map(quoted).collect();
                text += "\r\n";
                text += &cells.join(&separator.to_string());
            }
            let read = rows(&text).2.into_iter().map(|(_, cells)| cells);
            prop_assert_eq!(read.collect::<Vec<_>>(), table);
        }

        #[test]
        fn no_text_makes_reading_panic_or_go_on_for_ever(text in "[a\"\r\n,;é=]{0,40}|\\PC{0,40}") {
            if let Ok((mut table, _)) = Delimited::open(&text, |_| true) {
                let mut cells = Vec::new();
                let mut count = 0;
                while let Ok(Some(_)) = table.next_row(&mut cells) {
                    count += 1;
                    prop_assert!(count <= text.len());
                }
            }
        }
    }
}
