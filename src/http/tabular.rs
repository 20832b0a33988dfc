//! The flat views: accounts, entitlements, memberships; now, or at a moment in the past.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header::AGE;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::caller::{Caller, ImportRead};
use super::errors::ApiError;
use super::freshness;
use super::large::{Makers, Turn};
use super::openapi::{ApiRefusals, FlatParameters, Problem};
use super::parameters::{Parameters, wrong};
use super::table;
use crate::date_time;
use crate::directory::{Directory, Generation, SnapshotId};
use crate::scim::ServedSnapshot;
use crate::tabular::{
    self, AccessMembership, Account, Entitlement, EntitlementType, MembershipSelection, Rows, Selection,
};

/// Some accounts.
#[derive(Serialize, ToSchema)]
pub struct AccountList {
    items: Vec<Account>,
    /// The next page of this very list; null on the last.
    next: Option<String>,
    /// How many there are on all pages.
    total: usize,
    /// How many items a page has at the most: `limit`, up to 1000.
    limit: usize,
}

/// Some entitlements.
#[derive(Serialize, ToSchema)]
pub struct EntitlementList {
    items: Vec<Entitlement>,
    /// The next page of this very list; null on the last.
    next: Option<String>,
    /// How many there are on all pages.
    total: usize,
    /// How many items a page has at the most: `limit`, up to 1000.
    limit: usize,
}

/// Some memberships.
#[derive(Serialize, ToSchema)]
pub struct MembershipList {
    items: Vec<AccessMembership>,
    /// The next page of this very list; null on the last.
    next: Option<String>,
    /// How many there are on all pages.
    total: usize,
    /// How many items a page has at the most: `limit`, up to 1000.
    limit: usize,
}

/// Lists teammates' accounts.
#[utoipa::path(
    get, path = "/api/v1/accounts", operation_id = "list_accounts", tag = "flat views", security(("bearer" = ["import.read"])), params(FlatParameters),
    responses(
        (
            status = 200, description = "Accounts, by id; as CSV, with a header, and the next page in `Link`",
            content((AccountList = "application/json"), (String = "text/csv")),
        ),
        (status = 400, description = "A parameter cannot be read", content_type = "application/problem+json", body = Problem),
        (status = 410, description = "The state of that moment was pruned", content_type = "application/problem+json", body = Problem),
        ApiRefusals,
    ),
)]
pub async fn accounts(request: HttpRequest, caller: Caller<ImportRead>) -> Result<HttpResponse, ApiError> {
    let view = View::from_request(&request, &caller, &[]).await?;
    let (names, past) = (caller.service.names, view.past);
    let rows = view.rows(&caller, move |directory, selection| {
        let mut rows = tabular::accounts(directory, names, selection);
        if past {
            // Sign-ins have no history: those of now are not those of then.
            for account in &mut rows.items {
                (account.last_sign_in_at, account.last_sign_in_method) = (None, None);
            }
        }
        rows
    });
    let Rows { items, total } = rows.await?;
    let next = view.next(&request, &caller, items.len(), total);
    let list = AccountList { items: Vec::new(), next, total, limit: view.selection.limit };
    let (response, turn) = view.answer(&caller);
    table::answer(&request, response, turn, (items, list.next.as_deref()), &list).await
}

/// Lists what teammates can have: teams, roles, seats, permissions.
#[utoipa::path(
    get, path = "/api/v1/entitlements", operation_id = "list_entitlements", tag = "flat views", security(("bearer" = ["import.read"])),
    params(FlatParameters, ("type" = Option<EntitlementType>, Query, description = "Only entitlements of this kind")),
    responses(
        (
            status = 200, description = "Entitlements; as CSV, with a header, and the next page in `Link`",
            content((EntitlementList = "application/json"), (String = "text/csv")),
        ),
        (status = 400, description = "A parameter cannot be read", content_type = "application/problem+json", body = Problem),
        (status = 410, description = "The state of that moment was pruned", content_type = "application/problem+json", body = Problem),
        ApiRefusals,
    ),
)]
pub async fn entitlements(request: HttpRequest, caller: Caller<ImportRead>) -> Result<HttpResponse, ApiError> {
    let view = View::from_request(&request, &caller, &["type"]).await?;
    let kind = view.kind;
    let rows = view.rows(&caller, move |directory, selection| tabular::entitlements(directory, kind, selection));
    let Rows { items, total } = rows.await?;
    let next = view.next(&request, &caller, items.len(), total);
    let list = EntitlementList { items: Vec::new(), next, total, limit: view.selection.limit };
    let (response, turn) = view.answer(&caller);
    table::answer(&request, response, turn, (items, list.next.as_deref()), &list).await
}

/// Lists who has which access.
#[utoipa::path(
    get, path = "/api/v1/memberships", operation_id = "list_memberships", tag = "flat views", security(("bearer" = ["import.read"])),
    params(
        FlatParameters,
        ("type" = Option<EntitlementType>, Query, description = "Only access of this kind"),
        ("account_id" = Option<String>, Query, description = "Only what this account has"),
        ("entitlement_id" = Option<String>, Query, description = "Only who has this entitlement"),
    ),
    responses(
        (
            status = 200, description = "Memberships, by account; as CSV, with a header, and the next page in `Link`",
            content((MembershipList = "application/json"), (String = "text/csv")),
        ),
        (status = 400, description = "A parameter cannot be read", content_type = "application/problem+json", body = Problem),
        (status = 410, description = "The state of that moment was pruned", content_type = "application/problem+json", body = Problem),
        ApiRefusals,
    ),
)]
pub async fn memberships(request: HttpRequest, caller: Caller<ImportRead>) -> Result<HttpResponse, ApiError> {
    let view = View::from_request(&request, &caller, &["type", "account_id", "entitlement_id"]).await?;
    let text = |name: &str| view.parameters.text(name).map(str::to_owned);
    let (kind, account, entitlement) = (view.kind, text("account_id"), text("entitlement_id"));
    let rows = view.rows(&caller, move |directory, selection| {
        let (account, entitlement) = (account.as_deref(), entitlement.as_deref());
        tabular::memberships(directory, MembershipSelection { kind, account, entitlement }, selection)
    });
    let Rows { items, total } = rows.await?;
    let next = view.next(&request, &caller, items.len(), total);
    let list = MembershipList { items: Vec::new(), next, total, limit: view.selection.limit };
    let (response, turn) = view.answer(&caller);
    table::answer(&request, response, turn, (items, list.next.as_deref()), &list).await
}

/// What is asked for, and what it is asked of.
struct View {
    parameters: Parameters,
    source: Source,
    kind: Option<EntitlementType>,
    selection: Selection,
    /// Which list of people it is.
    snapshot_id: Option<SnapshotId>,
    /// Whether it is one of the past.
    past: bool,
    age: Option<u64>,
    turn: Turn,
}

#[derive(Clone)]
enum Source {
    Now(Arc<ServedSnapshot>),
    Then(Arc<Directory>),
}

impl Source {
    fn directory(&self) -> &Directory {
        match self {
            Self::Now(served) => served.directory(),
            Self::Then(directory) => directory,
        }
    }
}

impl View {
    /// `more`: the parameters that this view alone takes.
    async fn from_request(request: &HttpRequest, caller: &Caller<ImportRead>, more: &[&str]) -> Result<Self, ApiError> {
        let parameters = Parameters::parse(request, &[&NAMES, more].concat())?;
        let kind = parameters.word("type", &EntitlementType::ALL)?;
        let as_of = parameters.as_of(caller.service.clock.now())?;
        let snapshot_id =
            parameters.text("edition").map(|text| snapshot_id(text).ok_or_else(|| wrong(NO_EDITION.to_owned())));
        let snapshot_id = snapshot_id.transpose()?;
        let mut selection = Selection {
            modified_since: parameters.moment_or_ago("modified_since", caller.service.clock.now())?,
            include_removed: parameters.flag("include_removed")?,
            gone_by: None,
            offset: parameters.number("offset", 0..=usize::MAX / 2, 0)?,
            limit: parameters.limit(request)?,
        };
        let turn = caller.service.makers.page_turn(&caller.principal.allowance).await?;
        // Reading the past takes long: each client does it once at a time.
        let _reading = match as_of {
            Some(_) => Some(caller.principal.allowance.expensive().await.map_err(ApiError::TooMany)?),
            None => None,
        };
        let (source, snapshot_id, age) = match (as_of, snapshot_id) {
            (Some(moment), pinned) => {
                selection.gone_by = Some(caller.service.gone_by(moment));
                let generation = match pinned {
                    // A generation that was committed since may be dated before the moment, and none later was the state then.
                    Some(snapshot_id) => {
                        let generation = known_snapshot_id(caller, snapshot_id)?.generation;
                        if generation > generation_at(caller, moment).await? {
                            return Err(wrong(NO_EDITION.to_owned()));
                        }
                        generation
                    }
                    None => generation_at(caller, moment).await?,
                };
                let snapshot_id = SnapshotId { generation, left_out: 0 };
                (Source::Then(past(caller, generation).await?), Some(snapshot_id), None)
            }
            (None, None) => {
                let fresh = freshness::served(request, caller).await?;
                let snapshot_id = fresh.served.snapshot_id();
                (Source::Now(fresh.served), Some(snapshot_id), fresh.age)
            }
            (None, Some(snapshot_id)) => {
                let (source, gone_by) = of_snapshot_id(caller, snapshot_id).await?;
                selection.gone_by = gone_by;
                (source, Some(snapshot_id), None)
            }
        };
        Ok(Self { parameters, source, kind, selection, snapshot_id, past: as_of.is_some(), age, turn })
    }

    /// The rows of the page, made apart.
    async fn rows<T: Send + 'static>(
        &self,
        caller: &Caller<ImportRead>,
        make: impl FnOnce(&Directory, Selection) -> Rows<T> + Send + 'static,
    ) -> Result<Rows<T>, ApiError> {
        let (source, selection) = (self.source.clone(), self.selection);
        caller.service.makers.page(async move { make(source.directory(), selection) }).await
    }

    fn answer(self, caller: &Caller<ImportRead>) -> (HttpResponseBuilder, (&Makers, Turn)) {
        let mut response = HttpResponse::Ok();
        if let Some(age) = self.age {
            response.insert_header((AGE, age));
        }
        (response, (&caller.service.makers, self.turn))
    }

    /// The next page of the list that this is a page of, whatever is imported meanwhile.
    fn next(&self, request: &HttpRequest, caller: &Caller<ImportRead>, count: usize, total: usize) -> Option<String> {
        let offset = self.selection.offset.saturating_add(count);
        if count == 0 || offset >= total {
            return None;
        }
        let mut changed = vec![("offset", offset.to_string()), ("limit", self.selection.limit.to_string())];
        if let Some(SnapshotId { generation, left_out }) = self.snapshot_id {
            changed.push(("edition", format!("{generation}.{left_out}")));
        }
        // What was "two days ago" for the first page is so for all.
        if let Some(since) = self.selection.modified_since {
            let since = date_time::whole_millis_from(since);
            changed.push(("modified_since", date_time::written(since).to_string()));
        }
        Some(self.parameters.link(request, &caller.service.origin.url_for(request), &changed))
    }
}

fn snapshot_id(text: &str) -> Option<SnapshotId> {
    let (generation, left_out) = text.split_once('.')?;
    let generation = generation.parse().ok().filter(|generation| *generation > 0)?;
    Some(SnapshotId { generation, left_out: left_out.parse().ok()? })
}

/// The list that a snapshot id names, and who is left out of it.
async fn of_snapshot_id(
    caller: &Caller<ImportRead>,
    snapshot_id: SnapshotId,
) -> Result<(Source, Option<OffsetDateTime>), ApiError> {
    let workspace = &caller.workspace;
    if let Some(served) = workspace.live.served_at(snapshot_id) {
        return Ok((Source::Now(served), None));
    }
    known_snapshot_id(caller, snapshot_id)?;
    let directory = past(caller, snapshot_id.generation).await?;
    let gone_by = directory.gone_by(snapshot_id.left_out);
    Ok((Source::Then(directory), gone_by))
}

/// The state at a generation. It is read apart: of many people that takes a while.
async fn past(caller: &Caller<ImportRead>, generation: Generation) -> Result<Arc<Directory>, ApiError> {
    let workspace = Arc::clone(&caller.workspace);
    Ok(caller.service.makers.page(async move { workspace.past.at(generation).await }).await??)
}

/// The parameters that all flat views take.
const NAMES: [&str; 7] = ["limit", "offset", "modified_since", "include_removed", "as_of", "tz", "edition"];

const NO_EDITION: &str = "edition must be as in the `next` of an earlier answer";

/// The snapshot id, if there was ever such a generation.
fn known_snapshot_id(caller: &Caller<ImportRead>, snapshot_id: SnapshotId) -> Result<SnapshotId, ApiError> {
    let latest = caller.workspace.live.served().map_or(0, |served| served.snapshot_id().generation);
    if snapshot_id.generation > latest { Err(wrong(NO_EDITION.to_owned())) } else { Ok(snapshot_id) }
}

/// The generation that was the latest at a moment.
pub(super) async fn generation_at(caller: &Caller<ImportRead>, moment: OffsetDateTime) -> Result<Generation, ApiError> {
    let (ledger, workspace) = (&caller.service.ledger, &caller.workspace);
    ledger.generation_at(&workspace.name, moment).await?.ok_or_else(|| ApiError::Problem {
        status: StatusCode::NOT_FOUND,
        code: "not_recorded",
        detail: "the bridge had recorded nothing of this workspace by then; ask for a later moment".to_owned(),
    })
}
