//! The chunks of a large body, which are serialised from rows one after the other.

use actix_web::web::Bytes;
use serde::Serialize;

use super::table;
use crate::http::errors::ApiError;
use crate::ledger::LedgerError;
use crate::limits;
use crate::tabular::Row;

/// Why a response is incomplete. Its connection is closed, so that the client does not take the
/// part for the whole.
#[derive(Debug, thiserror::Error)]
pub enum Unfinished {
    /// The ledger cannot be read.
    #[error("the ledger cannot be read: {0}")]
    Ledger(#[from] LedgerError),
    /// A row cannot be serialised. This is a bug of the bridge.
    #[error("a row cannot be written")]
    Row,
    /// The task that produces the response ended without an end mark. This is a bug of the bridge.
    #[error("the answer was not made to its end")]
    Ended,
}

/// Splits a JSON document in its last empty array of this name: into what stands before and after
/// the elements.
///
/// # Errors
/// If the document cannot be serialised, or has no such array.
pub fn split_at_list(
    document: &impl Serialize,
    name: &str,
) -> Result<(Vec<u8>, Vec<u8>), ApiError> {
    let cut = || {
        let mut head = serde_json::to_vec(document).ok()?;
        let empty = format!("\"{name}\":[]");
        // This cannot match inside a string: there, quotation marks are escaped.
        let at = memchr::memmem::rfind(&head, empty.as_bytes())? + empty.len() - 1;
        let tail = head.split_off(at);
        Some((head, tail))
    };
    cut().ok_or(ApiError::Internal)
}

/// Appends rows to a chunk. The flag is set for the first rows of the body. `None` if a row cannot
/// be serialised.
type Write<T> = fn(&[T], bool, &mut Vec<u8>) -> Option<()>;

/// An iterator over the chunks of a body, which serialises rows.
pub struct Chunks<R: Iterator> {
    head: Vec<u8>,
    rows: R,
    tail: Vec<u8>,
    write: Write<R::Item>,
    begun: bool,
    ended: bool,
}

impl<R: Iterator<Item: Serialize>> Chunks<R> {
    /// A JSON list. `list` is the document with an empty array `items`, which `rows` fill.
    ///
    /// # Errors
    /// If `list` cannot be serialised, or has no empty `items`.
    pub fn json(list: &impl Serialize, rows: R) -> Result<Self, ApiError> {
        Self::list(list, "items", rows)
    }

    /// The same with an array of this name.
    ///
    /// # Errors
    /// As for [`Chunks::json`].
    pub fn list(list: &impl Serialize, name: &str, rows: R) -> Result<Self, ApiError> {
        let (head, tail) = split_at_list(list, name)?;
        Ok(Self { head, rows, tail, write: write_json, begun: false, ended: false })
    }

    /// A JSON array.
    pub fn array(rows: R) -> Self {
        let (head, tail) = (b"[".to_vec(), b"]".to_vec());
        Self { head, rows, tail, write: write_json, begun: false, ended: false }
    }

    /// One JSON document on each line.
    pub fn lines(rows: R) -> Self {
        Self {
            head: Vec::new(),
            rows,
            tail: Vec::new(),
            write: write_lines,
            begun: false,
            ended: false,
        }
    }
}

impl<R: Iterator<Item: Row>> Chunks<R> {
    /// A CSV table with its header; `with_mark`: after a byte order mark.
    ///
    /// # Errors
    /// If the header cannot be serialised.
    pub fn table(with_mark: bool, rows: R) -> Result<Self, ApiError> {
        let head = table::head::<R::Item>(with_mark).ok_or(ApiError::Internal)?;
        Ok(Self { head, rows, tail: Vec::new(), write: write_table, begun: false, ended: false })
    }
}

impl<R: Iterator> Iterator for Chunks<R> {
    type Item = Result<Bytes, Unfinished>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut chunk = std::mem::take(&mut self.head);
        while chunk.len() < limits::ANSWER_CHUNK_BYTES && !self.ended {
            let rows: Vec<R::Item> = self.rows.by_ref().take(limits::ROWS_AT_ONCE).collect();
            if rows.is_empty() {
                chunk.append(&mut self.tail);
                self.ended = true;
            } else if (self.write)(&rows, !std::mem::replace(&mut self.begun, true), &mut chunk)
                .is_none()
            {
                self.ended = true;
                return Some(Err(Unfinished::Row));
            }
        }
        (!chunk.is_empty()).then(|| Ok(chunk.into()))
    }
}

fn write_json<T: Serialize>(rows: &[T], mut first: bool, chunk: &mut Vec<u8>) -> Option<()> {
    for row in rows {
        if !std::mem::take(&mut first) {
            chunk.push(b',');
        }
        serde_json::to_writer(&mut *chunk, row).ok()?;
    }
    Some(())
}

/// Writes one JSON document on each line.
pub fn write_lines<T: Serialize>(rows: &[T], _: bool, chunk: &mut Vec<u8>) -> Option<()> {
    for row in rows {
        serde_json::to_writer(&mut *chunk, row).ok()?;
        chunk.push(b'\n');
    }
    Some(())
}

/// Writes rows of a CSV table.
pub fn write_table<T: Row>(rows: &[T], _: bool, chunk: &mut Vec<u8>) -> Option<()> {
    chunk.append(&mut table::lines(rows)?);
    Some(())
}
