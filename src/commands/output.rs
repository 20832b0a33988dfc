//! Output of the commands: lines, tables, times.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

/// Formats a time for people, to the minute.
pub fn when(moment: OffsetDateTime) -> String {
    // Formatting cannot fail: a time has all these parts.
    moment.format(format_description!("[year]-[month]-[day] [hour]:[minute]Z")).unwrap_or_default()
}

/// Formats a time for people; a dash for `None`.
pub fn when_known(moment: Option<OffsetDateTime>) -> String {
    moment.map_or_else(|| "-".to_owned(), when)
}

/// Prints a table; each column is as wide as its widest cell.
pub fn print_table<const COLUMNS: usize>(header: [&str; COLUMNS], rows: &[[String; COLUMNS]]) {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([header[column].chars().count()]).max().unwrap_or(0)
    };
    let widths: [usize; COLUMNS] = std::array::from_fn(width);
    let line = |cells: [&str; COLUMNS]| {
        let padded: Vec<String> =
            cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        print_line(padded.join("  ").trim_end());
    };
    line(header);
    for row in rows {
        line(std::array::from_fn(|column| row[column].as_str()));
    }
}

/// Formats a time of a list for JSON.
pub fn rfc3339(moment: Option<OffsetDateTime>) -> Option<String> {
    moment.and_then(|moment| moment.format(&Rfc3339).ok())
}

/// Writes a line to stdout. A closed pipe is not an error.
pub fn print_line(line: &str) {
    use std::io::Write;
    let mut stdout = std::io::stdout().lock();
    let _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
}
