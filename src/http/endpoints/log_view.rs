//! What the views that rest on Intercom's activity log have in common: one moment for the state and
//! for the log.

use actix_web::http::header::{AGE, HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use time::OffsetDateTime;

use super::known_log::known_log;
use super::table_request::TableRequest;
use super::tabular::{Shown, Source};
use crate::date_time;
use crate::http::errors::ApiError;
use crate::http::extract::caller::{Caller, ImportRead};
use crate::http::request::parameters::Parameters;
use crate::http::response::large::Turn;
use crate::tabular::KnownLog;

/// A request for a page of such a view, and what the page is made from.
pub struct LogView {
    pub parameters: Parameters,
    pub source: Source,
    pub known: KnownLog,
    /// Whether the client asked for a moment in the past (`as_of`).
    pub is_past: bool,
    pub offset: usize,
    pub limit: usize,
    age: Option<u64>,
    pub turn: Turn,
}

impl LogView {
    /// Reads the parameters, waits for a turn and reads the state. `more` are the parameters of
    /// this view only.
    pub async fn from_request(
        request: &HttpRequest,
        caller: &Caller<ImportRead>,
        more: &[&str],
    ) -> Result<Self, ApiError> {
        let received = TableRequest::receive(request, caller, more).await?;
        let _reading = received.reading_past(caller).await?;
        let TableRequest { parameters, as_of, offset, limit, turn, .. } = received;
        let shown = match as_of {
            Some(moment) => Shown::at(caller, moment, None).await?,
            None => Shown::current(request, caller).await?,
        };
        let known = known_log(caller, as_of).await?;
        let Shown { source, age, .. } = shown;
        Ok(Self { parameters, source, known, is_past: as_of.is_some(), offset, limit, age, turn })
    }

    /// The address of the next page. It has the moment of this page, so that all pages belong to
    /// one list. `count` rows of `total` are on this page.
    pub fn next(
        &self,
        request: &HttpRequest,
        caller: &Caller<ImportRead>,
        count: usize,
        total: usize,
    ) -> Option<String> {
        let offset = self.offset.saturating_add(count);
        if count == 0 || offset >= total {
            return None;
        }
        let changed = [
            ("offset", offset.to_string()),
            ("limit", self.limit.to_string()),
            ("as_of", date_time::written(self.known.moment).to_string()),
        ];
        Some(self.parameters.link(request, &caller.service.origin.url(), &changed))
    }

    /// A response with the age of the state, and with the moment and the range of the log, which a
    /// table has no other place for.
    pub fn response(&self) -> HttpResponseBuilder {
        let mut response = HttpResponse::Ok();
        if let Some(age) = self.age {
            response.insert_header((AGE, age));
        }
        let KnownLog { covered, moment } = self.known;
        set_time(&mut response, "x-as-of", Some(moment));
        set_time(&mut response, "x-activity-log-from", covered.map(|(since, _)| since));
        set_time(&mut response, "x-activity-log-to", covered.map(|(_, until)| until));
        response
    }
}

/// Sets a header to a time.
fn set_time(response: &mut HttpResponseBuilder, name: &'static str, at: Option<OffsetDateTime>) {
    let value = at.and_then(|at| HeaderValue::from_str(date_time::written(at).as_str()).ok());
    if let Some(value) = value {
        response.insert_header((HeaderName::from_static(name), value));
    }
}
