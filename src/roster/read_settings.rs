//! The settings and bounds for reading a file of people.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Class;
use super::columns::ColumnMapping;
use super::dates::DateFormat;
use crate::limits;

/// The format in which a file is to be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RequestedFormat {
    /// Recognise it: JSON begins with `[` or `{`.
    #[default]
    Auto,
    /// Delimited text.
    Csv,
    /// JSON, either form.
    Json,
}

/// The settings for reading, and the request's own.
#[derive(Clone, Debug, Default)]
pub struct ReadSettings {
    /// The name of the source, for [`Person::source`](super::Person::source).
    pub source: Arc<str>,
    /// The format.
    pub format: RequestedFormat,
    /// `roster.columns`
    pub columns: ColumnMapping,
    /// `roster.classes`: words and their class.
    pub classes: BTreeMap<String, Class>,
    /// `roster.date_format`
    pub date_format: Option<DateFormat>,
    /// `roster.match_personal`: whether private addresses are kept.
    pub match_personal: bool,
}

/// Bounds for one file.
#[derive(Clone, Copy, Debug)]
pub struct ReadBounds {
    /// The maximum size in bytes.
    pub bytes: usize,
    /// The maximum number of rows.
    pub rows: usize,
    /// The maximum number of columns.
    pub columns: usize,
    /// The maximum size of a cell in bytes.
    pub cell_bytes: usize,
    /// The maximum number of errors, and of warnings, that a report lists.
    pub problems: usize,
}

impl Default for ReadBounds {
    fn default() -> Self {
        Self {
            bytes: limits::ROSTER_BYTES,
            rows: limits::ROSTER_ROWS,
            columns: limits::ROSTER_COLUMNS,
            cell_bytes: limits::ROSTER_CELL_BYTES,
            problems: limits::ROSTER_PROBLEMS,
        }
    }
}
