//! Exports: exactly the rows that a page with the same filters lists, as CSV or JSON.

use std::future::Future;

use actix_web::body::{BodySize, BoxBody};
use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use futures_util::stream;
use serde::Serialize;
use tokio::sync::OwnedSemaphorePermit;

use super::html::parameter;
use super::viewer::Viewer;
use crate::http::errors::ApiError;
use crate::http::request::negotiation::JSON;
use crate::http::response::chunks::{Chunks, Unfinished, write_table};
use crate::http::response::large::Makers;
use crate::http::response::table::{self, CSV};
use crate::ledger::LedgerError;
use crate::tabular::Row;

/// The format of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFormat {
    Csv,
    Json,
}

/// A JSON list of rows.
#[derive(Serialize)]
struct List {
    items: [(); 0],
}

impl ExportFormat {
    /// The parameter `format`; CSV without one.
    pub fn from_request(request: &HttpRequest) -> Self {
        match parameter(request, "format").as_deref() {
            Some("json") => Self::Json,
            _ => Self::Csv,
        }
    }

    /// The body of an export whose rows are read page by page while it is sent. `read` returns a
    /// page and the place of the next one; it is called with `None` first. `R` is a row in CSV.
    pub fn stream<P, T, R, F, Fut>(
        self,
        request: &HttpRequest,
        makers: &Makers,
        turn: OwnedSemaphorePermit,
        read: F,
    ) -> BoxBody
    where
        P: Send + 'static,
        T: Serialize + Send + 'static,
        R: Row + From<T>,
        F: Fn(Option<P>) -> Fut + Send + 'static,
        Fut: Future<Output = Result<(Vec<T>, Option<P>), LedgerError>> + Send,
    {
        let begin = Reader { read, next: Next::Begin };
        let chunks = stream::try_unfold(begin, move |Reader { read, next }| async move {
            let (is_first, place) = match next {
                Next::Begin => (true, None),
                Next::After(place) => (false, Some(place)),
                Next::End => return Ok(None),
            };
            let (rows, place) = read(place).await?;
            let is_last = place.is_none();
            let chunk = self.chunk::<T, R>(rows, is_first, is_last).ok_or(Unfinished::Row)?;
            Ok::<_, Unfinished>(Some((
                chunk,
                Reader { read, next: place.map_or(Next::End, Next::After) },
            )))
        });
        makers.stream(request, turn, BodySize::Stream, chunks)
    }

    /// One page of an export.
    fn chunk<T: Serialize, R: Row + From<T>>(
        self,
        rows: Vec<T>,
        is_first: bool,
        is_last: bool,
    ) -> Option<Bytes> {
        let mut chunk = Vec::new();
        match self {
            Self::Csv => {
                if is_first {
                    chunk = table::head::<R>(true)?;
                }
                let rows: Vec<R> = rows.into_iter().map(R::from).collect();
                write_table(&rows, false, &mut chunk)?;
            }
            Self::Json => {
                if is_first {
                    chunk.extend_from_slice(b"{\"items\":[\n");
                }
                for (place, row) in rows.iter().enumerate() {
                    if place > 0 || !is_first {
                        chunk.extend_from_slice(b",\n");
                    }
                    serde_json::to_writer(&mut chunk, row).ok()?;
                }
                if is_last {
                    chunk.extend_from_slice(b"\n]}\n");
                }
            }
        }
        Some(chunk.into())
    }

    /// The response with these rows: a list in JSON, or CSV with a byte order mark for spreadsheets.
    /// They are serialised while the response is sent. The turn is held until then.
    ///
    /// # Errors
    /// If the beginning of the file cannot be serialised.
    pub fn response<T: Row + Send + 'static>(
        self,
        request: &HttpRequest,
        viewer: &Viewer,
        makers: &Makers,
        what: &str,
        rows: Vec<T>,
        turn: OwnedSemaphorePermit,
    ) -> Result<HttpResponse, ApiError> {
        let rows = rows.into_iter();
        let chunks = match self {
            Self::Json => Chunks::json(&List { items: [] }, rows)?,
            Self::Csv => Chunks::table(true, rows)?,
        };
        let body = makers.stream(request, turn, BodySize::Stream, stream::iter(chunks));
        Ok(self.file(viewer, what, body))
    }

    /// The response: a file named after the workspace and `what`.
    pub fn file(self, viewer: &Viewer, what: &str, body: BoxBody) -> HttpResponse {
        let (media_type, ending) = match self {
            Self::Csv => (CSV, "csv"),
            Self::Json => (JSON, "json"),
        };
        let name = format!("attachment; filename=\"{}-{what}.{ending}\"", viewer.workspace.name);
        HttpResponse::Ok()
            .content_type(media_type)
            .insert_header((CACHE_CONTROL, "no-store"))
            .insert_header((CONTENT_DISPOSITION, name))
            .body(body)
    }
}

/// Where an export is.
enum Next<P> {
    Begin,
    After(P),
    End,
}

/// An export that is read page by page.
struct Reader<P, F> {
    read: F,
    next: Next<P>,
}
