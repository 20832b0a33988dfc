//! What was understood of a file, and what was wrong with it. No value of a cell is in it, except
//! words for class and status that are not known.

use std::collections::BTreeMap;
use std::fmt;

use super::columns::{BadColumns, ColumnUse, Field, SourceSystem};
use super::encoding::{NotText, Place, TextEncoding};
use crate::words::words;

/// The maximum number of different unknown words that a report names.
const WORDS_NAMED: usize = 20;

/// The maximum length of a word that a report names, in characters.
const WORD_CHARACTERS: usize = 30;

/// Something wrong in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The line, from 1; `None` if the problem is not in one line.
    pub line: Option<u64>,
    /// The title of the column, or its number.
    pub column: Option<String>,
    /// What is wrong.
    pub kind: ProblemKind,
}

/// What can be wrong in a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProblemKind {
    /// The file is larger than allowed.
    #[error("the file is larger than {max} bytes. Leave out columns that are not needed")]
    TooLarge {
        /// The maximum.
        max: usize,
    },
    /// The file is not text.
    #[error("{0}")]
    NotText(#[from] NotText),
    /// The file has no header.
    #[error(
        "no header was found: a line with the titles of the columns, separated by comma, \
         semicolon, tab or `|`. At most five lines may stand before it"
    )]
    NoHeader,
    /// The columns do not fit.
    #[error("{0}")]
    Columns(#[from] BadColumns),
    /// The file has no row with a person.
    #[error("the file has no people. An empty roster is never taken over")]
    NoPeople,
    /// The file has too many rows.
    #[error("the file has more than {max} rows. Export only the people of this company")]
    TooManyRows {
        /// The maximum.
        max: usize,
    },
    /// The file has too many columns.
    #[error("the file has more than {max} columns. Export only the columns that are needed")]
    TooManyColumns {
        /// The maximum.
        max: usize,
    },
    /// A quote is never closed.
    #[error("a quote is opened and never closed. Nothing after it was read")]
    OpenQuote,
    /// A row has more cells than the header.
    #[error(
        "the row has {cells} cells, and the header has {titles}. Quote cells that \
         contain the separator"
    )]
    TooManyCells {
        /// Cells of the row.
        cells: usize,
        /// Cells of the header.
        titles: usize,
    },
    /// A cell is too long.
    #[error("the cell is longer than {max} bytes")]
    LongCell {
        /// The maximum.
        max: usize,
    },
    /// A list of a JSON record is too long.
    #[error("a list of the record has more than {max} elements, or one that is too long")]
    LongList {
        /// The maximum.
        max: usize,
    },
    /// JSON cannot be read.
    #[error("not valid JSON from column {column} of the record on")]
    Json {
        /// The place, in bytes from 1.
        column: usize,
    },
    /// A JSON record is not an object.
    #[error("the record is not a JSON object with a member for each column")]
    NotAnObject,
    /// A JSON object has a member twice.
    #[error("the record has two members of the same name")]
    MemberTwice,
    /// A person has no key.
    #[error(
        "the row has no employee number, no id and no readable address, so the person cannot be \
         distinguished from others. Add one, or remove the row"
    )]
    NoKey,
    /// Two rows have the same key.
    #[error(
        "the row has the same key as line {first}. Correct one of them, or choose another key \
         column (`roster.columns.key`)"
    )]
    SameKey {
        /// The line of the other row.
        first: u64,
    },
    /// An end date cannot be read. Without it a leaver would count as active.
    #[error(
        "the date cannot be read. Write 2026-04-10, or set `roster.date_format` to the \
         form of the file"
    )]
    UnreadableEnd,
    /// A start date cannot be read.
    #[error(
        "the date cannot be read and is left out. Write 2026-04-10, or set \
         `roster.date_format` to the form of the file"
    )]
    UnreadableStart,
    /// The end lies before the start.
    #[error("the end date lies before the start date. The person counts as having left")]
    EndBeforeStart,
    /// An address cannot be read.
    #[error("the address cannot be read and is left out")]
    UnreadableAddress,
    /// The file is not UTF-8.
    #[error(
        "the file is not valid UTF-8 from {0} on and was read as Windows-1252. Check names with \
         accents, or export as UTF-8"
    )]
    Windows1252(Place),
    /// A status is not known.
    #[error("status words that are not known; these people count as active: {0}")]
    UnknownStatus(Words),
    /// A class is not known.
    #[error("class words that are not known; name their class in `roster.classes`: {0}")]
    UnknownClass(Words),
}

impl ProblemKind {
    /// Whether the file cannot be taken over because of it.
    #[must_use]
    pub fn is_error(&self) -> bool {
        !matches!(
            self,
            Self::UnreadableStart
                | Self::EndBeforeStart
                | Self::UnreadableAddress
                | Self::Windows1252(_)
                | Self::UnknownStatus(_)
                | Self::UnknownClass(_)
        )
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.line, &self.column) {
            (Some(line), Some(column)) => write!(f, "line {line}, {column}: {}", self.kind),
            (Some(line), None) => write!(f, "line {line}: {}", self.kind),
            (None, Some(column)) => write!(f, "{column}: {}", self.kind),
            (None, None) => write!(f, "{}", self.kind),
        }
    }
}

/// Unknown words and how many rows have each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    named: BTreeMap<String, u64>,
    /// Rows with words that are not named: too many, or they may be personal data.
    others: u64,
}

impl Words {
    /// Counts a word. What may be a value of another column is not named: only short words of
    /// letters are.
    pub fn add(&mut self, word: &str) {
        let is_word = word.chars().count() <= WORD_CHARACTERS
            && word.chars().all(|letter| letter.is_alphabetic() || letter == ' ');
        if let Some(count) = self.named.get_mut(word) {
            *count += 1;
        } else if is_word && self.named.len() < WORDS_NAMED {
            self.named.insert(word.to_owned(), 1);
        } else {
            self.others += 1;
        }
    }

    /// Whether no word was counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.named.is_empty() && self.others == 0
    }
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: Vec<String> =
            self.named.iter().map(|(word, count)| format!("\"{word}\" ({count} rows)")).collect();
        if self.others > 0 {
            parts.push(format!("others ({} rows)", self.others));
        }
        f.write_str(&parts.join(", "))
    }
}

words! {
    /// The format of a file.
    pub enum FileFormat {
        /// Delimited text.
        Csv = "csv",
        /// JSON: an array of objects, or one object per line.
        Json = "json",
    }
}

/// A report on one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The format.
    pub format: Option<FileFormat>,
    /// The encoding.
    pub encoding: Option<TextEncoding>,
    /// The character between the cells of a CSV file.
    pub separator: Option<char>,
    /// The system that wrote the file, if it was recognised.
    pub system: Option<SourceSystem>,
    /// Each column with its title (if that is safe to show) and its use.
    pub columns: Vec<(String, ColumnUse)>,
    /// The fields that have a column.
    pub fields: Vec<Field>,
    /// Rows that were read, without blank ones.
    pub rows: usize,
    /// People without any readable address.
    pub without_address: usize,
    /// The first errors, in the order of the file.
    pub errors: Vec<Problem>,
    /// The number of all errors.
    pub error_count: usize,
    /// The first warnings, in the order of the file.
    pub warnings: Vec<Problem>,
    /// The number of all warnings.
    pub warning_count: usize,
}

impl Report {
    /// Adds a problem. Of errors and of warnings only the first `max` are kept; all are counted.
    pub(super) fn add(&mut self, problem: Problem, max: usize) {
        let (kept, count) = if problem.kind.is_error() {
            (&mut self.errors, &mut self.error_count)
        } else {
            (&mut self.warnings, &mut self.warning_count)
        };
        *count += 1;
        if kept.len() < max {
            kept.push(problem);
        }
    }

    /// Whether the people may be stored.
    #[must_use]
    pub fn is_acceptable(&self) -> bool {
        self.error_count == 0
    }
}
