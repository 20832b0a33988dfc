//! The rows of the roster's views as tables.

use crate::roster::{DecisionRow, Identity, Ownerless, TerminatedActive, UnmatchedAccount};
use crate::tabular::Row;

impl Row for Identity {
    const COLUMNS: &'static [&'static str] = Self::COLUMNS;
}

impl Row for UnmatchedAccount {
    const COLUMNS: &'static [&'static str] = Self::COLUMNS;
}

impl Row for TerminatedActive {
    const COLUMNS: &'static [&'static str] = Self::COLUMNS;
}

impl Row for Ownerless {
    const COLUMNS: &'static [&'static str] = Self::COLUMNS;
}

impl Row for DecisionRow {
    const COLUMNS: &'static [&'static str] = Self::COLUMNS;
}
