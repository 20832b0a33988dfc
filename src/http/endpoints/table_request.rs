//! What requests for a page of a table have in common: the moment, the part of the list, and a turn.

use actix_web::HttpRequest;
use time::OffsetDateTime;
use tokio::sync::OwnedSemaphorePermit;

use crate::http::errors::ApiError;
use crate::http::extract::caller::Caller;
use crate::http::request::parameters::Parameters;
use crate::http::response::large::Turn;

/// A request for a page of a table.
pub struct TableRequest {
    pub parameters: Parameters,
    /// When it was received.
    pub now: OffsetDateTime,
    /// The moment in the past that the client asked for (`as_of`).
    pub as_of: Option<OffsetDateTime>,
    pub offset: usize,
    pub limit: usize,
    /// Lasts until the response is sent.
    pub turn: Turn,
}

impl TableRequest {
    /// The parameters of all tables.
    pub const NAMES: [&'static str; 4] = ["limit", "offset", "as_of", "tz"];

    /// Reads the parameters, and waits for a turn. `more` are the parameters of this table only.
    pub async fn receive<S>(
        request: &HttpRequest,
        caller: &Caller<S>,
        more: &[&str],
    ) -> Result<Self, ApiError> {
        let parameters = Parameters::parse(request, &[&Self::NAMES, more].concat())?;
        let now = caller.service.clock.now();
        let as_of = parameters.as_of(now)?;
        let offset = parameters.number("offset", 0..=usize::MAX / 2, 0)?;
        let limit = parameters.limit()?;
        let turn = caller.service.makers.page_turn(&caller.principal.allowance).await?;
        Ok(Self { parameters, now, as_of, offset, limit, turn })
    }

    /// Waits until the client may read a state of the past, if it asked for one. That is expensive:
    /// each client reads one at a time, as long as it keeps the permit.
    pub async fn reading_past<S>(
        &self,
        caller: &Caller<S>,
    ) -> Result<Option<OwnedSemaphorePermit>, ApiError> {
        match self.as_of {
            Some(_) => {
                caller.principal.allowance.expensive().await.map(Some).map_err(ApiError::TooMany)
            }
            None => Ok(None),
        }
    }
}
