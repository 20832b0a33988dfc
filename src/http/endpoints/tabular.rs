//! The flat views: accounts, entitlements and memberships, now or at a moment in the past.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header::AGE;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::account_classes::add_classes;
use super::known_log::{invitation_events, known_log};
use super::table_request::TableRequest;
use crate::date_time;
use crate::directory::{
    Directory, EntitlementType, Generation, SnapshotId, UserId, pending_invitations,
};
use crate::http::errors::ApiError;
use crate::http::extract::caller::{Caller, ImportRead};
use crate::http::extract::freshness;
use crate::http::request::parameters::{Parameters, wrong};
use crate::http::response::large::Turn;
use crate::http::response::page;
use crate::http::state::known_exports::DirectoryIdentity;
use crate::http::wire::{ApiRefusals, FlatParameters, ParameterRefusals, PastRefusals};
use crate::scim::ServedSnapshot;
use crate::tabular::{
    self, AccessMembership, Account, Entitlement, KnownLog, MembershipSelection, Row, Rows,
    Selection,
};

/// A page of accounts.
#[derive(Serialize, ToSchema)]
pub struct AccountList {
    items: Vec<Account>,
    /// The URL of the next page of the same list; null on the last page.
    next: Option<String>,
    /// The number of items on all pages.
    total: usize,
    /// The maximum number of items of this page: the `limit` of the request, at most 1000.
    limit: usize,
}

/// A page of entitlements.
#[derive(Serialize, ToSchema)]
pub struct EntitlementList {
    items: Vec<Entitlement>,
    /// The URL of the next page of the same list; null on the last page.
    next: Option<String>,
    /// The number of items on all pages.
    total: usize,
    /// The maximum number of items of this page: the `limit` of the request, at most 1000.
    limit: usize,
}

/// A page of memberships.
#[derive(Serialize, ToSchema)]
pub struct MembershipList {
    items: Vec<AccessMembership>,
    /// The URL of the next page of the same list; null on the last page.
    next: Option<String>,
    /// The number of items on all pages.
    total: usize,
    /// The maximum number of items of this page: the `limit` of the request, at most 1000.
    limit: usize,
}

/// Lists the accounts of teammates.
#[utoipa::path(
    get, path = "/api/v1/accounts", operation_id = "list_accounts", tag = "flat views",
    params(
        FlatParameters,
        ("include_class" = Option<bool>, Query, description = "Whether to include the class of each account, and the reason for it. Needs the scope `roster.read` as well."),
        ("include_invited" = Option<bool>, Query, description = "Whether to include pending invitations, after the accounts, with `status: invited`. They have an address and no account yet."),
    ),
    responses(
        (
            status = 200, description = "Accounts, sorted by id. CSV has a header row, and NDJSON one row on each line. The URL of their next page is in `Link`.",
            content((AccountList = "application/json"), (Account = "application/x-ndjson"), (String = "text/csv")),
        ),
        ParameterRefusals,
        PastRefusals,
        ApiRefusals,
    ),
)]
pub async fn accounts(
    request: HttpRequest,
    caller: Caller<ImportRead>,
) -> Result<HttpResponse, ApiError> {
    let mut view =
        View::from_request(&request, &caller, &["include_class", "include_invited"]).await?;
    let names = caller.service.names;
    let known = known_log(&caller, view.as_of).await?;
    let rows = view.rows(&caller, move |directory, selection| {
        tabular::accounts(directory, names, known, selection)
    });
    let mut rows = rows.await?;
    if let Some(moment) = view.as_of {
        view.show_log_as_of(&caller, moment, &mut rows.items).await?;
    }
    if view.parameters.flag("include_class")? {
        add_classes(&caller, view.shown.source.clone(), view.as_of, &mut rows.items).await?;
    }
    if view.parameters.flag("include_invited")? {
        view.add_invited(&caller, known, &mut rows).await?;
    }
    let list = |next, total, limit| AccountList { items: Vec::new(), next, total, limit };
    view.answer(&request, &caller, rows, list).await
}

/// Lists the entitlements: teams, roles, seats and permissions.
#[utoipa::path(
    get, path = "/api/v1/entitlements", operation_id = "list_entitlements", tag = "flat views",
    params(FlatParameters, ("type" = Option<EntitlementType>, Query, description = "Only entitlements of this kind.")),
    responses(
        (
            status = 200, description = "Entitlements. CSV has a header row, and NDJSON one row on each line. The URL of their next page is in `Link`.",
            content((EntitlementList = "application/json"), (Entitlement = "application/x-ndjson"), (String = "text/csv")),
        ),
        ParameterRefusals,
        PastRefusals,
        ApiRefusals,
    ),
)]
pub async fn entitlements(
    request: HttpRequest,
    caller: Caller<ImportRead>,
) -> Result<HttpResponse, ApiError> {
    let view = View::from_request(&request, &caller, &["type"]).await?;
    let kind = view.kind;
    let rows = view.rows(&caller, move |directory, selection| {
        tabular::entitlements(directory, kind, selection)
    });
    let rows = rows.await?;
    let list = |next, total, limit| EntitlementList { items: Vec::new(), next, total, limit };
    view.answer(&request, &caller, rows, list).await
}

/// Lists which account has which entitlement.
#[utoipa::path(
    get, path = "/api/v1/memberships", operation_id = "list_memberships", tag = "flat views",
    params(
        FlatParameters,
        ("type" = Option<EntitlementType>, Query, description = "Only memberships in entitlements of this kind."),
        ("account_id" = Option<String>, Query, description = "Only memberships of this account, by id (`adm_…`)."),
        ("entitlement_id" = Option<String>, Query, description = "Only memberships in this entitlement, by id."),
    ),
    responses(
        (
            status = 200, description = "Memberships, sorted by account. CSV has a header row, and NDJSON one row on each line. The URL of their next page is in `Link`.",
            content((MembershipList = "application/json"), (AccessMembership = "application/x-ndjson"), (String = "text/csv")),
        ),
        ParameterRefusals,
        PastRefusals,
        ApiRefusals,
    ),
)]
pub async fn memberships(
    request: HttpRequest,
    caller: Caller<ImportRead>,
) -> Result<HttpResponse, ApiError> {
    let view =
        View::from_request(&request, &caller, &["type", "account_id", "entitlement_id"]).await?;
    let text = |name: &str| view.parameters.text(name).map(str::to_owned);
    let kind = view.kind;
    let account = text("account_id");
    let entitlement = text("entitlement_id");
    let rows = view.rows(&caller, move |directory, selection| {
        let account = account.as_deref();
        let entitlement = entitlement.as_deref();
        tabular::memberships(
            directory,
            MembershipSelection { kind, account, entitlement },
            selection,
        )
    });
    let rows = rows.await?;
    let list = |next, total, limit| MembershipList { items: Vec::new(), next, total, limit };
    view.answer(&request, &caller, rows, list).await
}

/// A request for a page of a flat view, and the state that the page is taken from.
pub(super) struct View {
    parameters: Parameters,
    shown: Shown,
    kind: Option<EntitlementType>,
    selection: Selection,
    /// The moment in the past that the client asked for.
    as_of: Option<OffsetDateTime>,
    /// The moment that the next page must show, if its snapshot does not determine the rows.
    pinned: Option<OffsetDateTime>,
    turn: Turn,
}

/// The state that a page is taken from.
pub(super) struct Shown {
    pub source: Source,
    /// The snapshot that all pages of the list show.
    snapshot_id: SnapshotId,
    /// The removal cut-off, if the state was read from the ledger, where nobody is omitted.
    removal_cutoff: Option<OffsetDateTime>,
    /// The value of `Age`.
    pub age: Option<u64>,
}

/// The state from which rows are produced.
#[derive(Clone)]
pub(super) enum Source {
    /// A served snapshot. It omits people who were removed long ago.
    Served(Arc<ServedSnapshot>),
    /// A state that was read from the ledger. It omits nobody.
    Past(Arc<Directory>),
}

impl AsRef<Directory> for Source {
    fn as_ref(&self) -> &Directory {
        self.directory()
    }
}

impl Source {
    /// Which directory in memory it is.
    pub(super) fn identity(&self) -> DirectoryIdentity {
        match self {
            Self::Served(served) => DirectoryIdentity::Served(Arc::downgrade(served)),
            Self::Past(directory) => DirectoryIdentity::Past(Arc::downgrade(directory)),
        }
    }

    pub(super) fn directory(&self) -> &Directory {
        match self {
            Self::Served(served) => served.directory(),
            Self::Past(directory) => directory,
        }
    }
}

/// The generation that a page of a past state shows. Later pages keep the generation of the first
/// page (`pinned`), even if a newer generation exists for that moment now. But a generation that is
/// later than the moment is refused.
async fn past_generation(
    caller: &Caller<ImportRead>,
    moment: OffsetDateTime,
    pinned: Option<SnapshotId>,
) -> Result<Generation, ApiError> {
    let Some(SnapshotId { generation, .. }) = pinned else {
        return generation_at(caller, moment).await;
    };
    check_generation(caller, generation)?;
    if generation > generation_at(caller, moment).await? {
        return Err(invalid_edition());
    }
    Ok(generation)
}

impl Shown {
    /// The current state.
    pub async fn current(
        request: &HttpRequest,
        caller: &Caller<ImportRead>,
    ) -> Result<Self, ApiError> {
        let fresh = freshness::served(request, caller).await?;
        let snapshot_id = fresh.served.snapshot_id();
        let source = Source::Served(fresh.served);
        Ok(Self { source, snapshot_id, removal_cutoff: None, age: fresh.age })
    }

    /// The state at a moment in the past.
    pub async fn at(
        caller: &Caller<ImportRead>,
        moment: OffsetDateTime,
        pinned: Option<SnapshotId>,
    ) -> Result<Self, ApiError> {
        let generation = past_generation(caller, moment, pinned).await?;
        let source = Source::Past(past(caller, generation).await?);
        let snapshot_id = SnapshotId { generation, left_out: 0 };
        let removal_cutoff = Some(caller.service.removal_cutoff(moment));
        Ok(Self { source, snapshot_id, removal_cutoff, age: None })
    }

    /// The state with a snapshot id.
    async fn by_id(caller: &Caller<ImportRead>, snapshot_id: SnapshotId) -> Result<Self, ApiError> {
        if let Some(served) = caller.workspace.live.served_at(snapshot_id) {
            let source = Source::Served(served);
            return Ok(Self { source, snapshot_id, removal_cutoff: None, age: None });
        }
        check_generation(caller, snapshot_id.generation)?;
        let directory = past(caller, snapshot_id.generation).await?;
        let removal_cutoff = directory.removal_cutoff(snapshot_id.left_out);
        Ok(Self { source: Source::Past(directory), snapshot_id, removal_cutoff, age: None })
    }
}

impl View {
    /// Reads the parameters, waits for a turn and reads the state. `more` are the parameters of
    /// this view only.
    pub(super) async fn from_request(
        request: &HttpRequest,
        caller: &Caller<ImportRead>,
        more: &[&str],
    ) -> Result<Self, ApiError> {
        let names = [&NAMES, more].concat();
        let received = TableRequest::receive(request, caller, &names).await?;
        let parameters = &received.parameters;
        let kind = parameters.one_of("type")?;
        let snapshot_id =
            parameters.text("edition").map(|text| snapshot_id(text).ok_or_else(invalid_edition));
        let snapshot_id = snapshot_id.transpose()?;
        let mut selection = Selection {
            modified_since: parameters.moment_or_ago("modified_since", received.now)?,
            include_removed: parameters.flag("include_removed")?,
            removal_cutoff: None,
            offset: received.offset,
            limit: received.limit,
        };
        let _reading = received.reading_past(caller).await?;
        let TableRequest { parameters, as_of, turn, .. } = received;
        let shown = match (as_of, snapshot_id) {
            (Some(moment), pinned) => Shown::at(caller, moment, pinned).await?,
            (None, Some(snapshot_id)) => Shown::by_id(caller, snapshot_id).await?,
            (None, None) => Shown::current(request, caller).await?,
        };
        selection.removal_cutoff = shown.removal_cutoff;
        Ok(Self { parameters, shown, kind, selection, as_of, pinned: None, turn })
    }

    /// Produces the rows of the page, on a page thread.
    pub(super) async fn rows<T: Send + 'static>(
        &self,
        caller: &Caller<ImportRead>,
        make: impl FnOnce(&Directory, Selection) -> Rows<T> + Send + 'static,
    ) -> Result<Rows<T>, ApiError> {
        let source = self.shown.source.clone();
        let selection = self.selection;
        caller.service.makers.page(async move { make(source.directory(), selection) }).await
    }

    /// Replaces the values of the activity log, which the rows have as of now, by those of a
    /// moment.
    async fn show_log_as_of(
        &self,
        caller: &Caller<ImportRead>,
        moment: OffsetDateTime,
        accounts: &mut [Account],
    ) -> Result<(), ApiError> {
        let service = &caller.service;
        let id =
            |account: &Account| UserId::new(account.intercom_id.as_deref().unwrap_or_default());
        let ids: Vec<UserId> = accounts.iter().map(id).collect();
        let lookback = service.activity_lookback;
        let facts = service
            .stores
            .ledger
            .log_facts_of(&caller.workspace.name, moment, lookback, &ids)
            .await?;
        let directory = self.shown.source.directory();
        for (account, id) in accounts.iter_mut().zip(&ids) {
            if let Some(person) = directory.person(id) {
                account.with_log_facts(&person.user, &facts, moment);
            }
        }
        Ok(())
    }

    /// Adds the pending invitations after the accounts.
    async fn add_invited(
        &mut self,
        caller: &Caller<ImportRead>,
        known: KnownLog,
        rows: &mut Rows<Account>,
    ) -> Result<(), ApiError> {
        let events = invitation_events(caller, known).await?;
        let source = self.shown.source.clone();
        let find = async move { pending_invitations(&events, source.directory()) };
        let found = caller.service.makers.page(find).await?;
        let Selection { modified_since, offset, limit, .. } = self.selection;
        let workspace = &self.shown.source.directory().workspace;
        let invited = tabular::invited_accounts(&found, workspace, modified_since);
        let first = offset.saturating_sub(rows.total);
        let room = limit.saturating_sub(rows.items.len());
        rows.total += invited.len();
        rows.items.extend(invited.into_iter().skip(first).take(room));
        // Invitations have no snapshot. The next page shows the same moment.
        self.pinned = Some(known.moment);
        Ok(())
    }

    /// Answers with the rows of the page. `list` makes the JSON document, without rows, of `next`,
    /// `total` and `limit`.
    pub(super) async fn answer<T: Row + Send + 'static, L: Serialize>(
        self,
        request: &HttpRequest,
        caller: &Caller<ImportRead>,
        Rows { items, total }: Rows<T>,
        list: impl FnOnce(Option<String>, usize, usize) -> L,
    ) -> Result<HttpResponse, ApiError> {
        let next = self.next(request, caller, items.len(), total);
        let list = list(next.clone(), total, self.selection.limit);
        let mut response = HttpResponse::Ok();
        if let Some(age) = self.shown.age {
            response.insert_header((AGE, age));
        }
        page::answer(
            request,
            response,
            &caller.service.makers,
            self.turn,
            items,
            next.as_deref(),
            &list,
        )
        .await
    }

    /// The address of the next page. It shows the same snapshot as this page, whatever is imported
    /// meanwhile.
    fn next(
        &self,
        request: &HttpRequest,
        caller: &Caller<ImportRead>,
        count: usize,
        total: usize,
    ) -> Option<String> {
        let offset = self.selection.offset.saturating_add(count);
        if count == 0 || offset >= total {
            return None;
        }
        let mut changed =
            vec![("offset", offset.to_string()), ("limit", self.selection.limit.to_string())];
        let SnapshotId { generation, left_out } = self.shown.snapshot_id;
        changed.push(("edition", format!("{generation}.{left_out}")));
        // A relative time is relative to the request for the first page.
        if let Some(since) = self.selection.modified_since {
            let since = date_time::whole_millis_from(since);
            changed.push(("modified_since", date_time::written(since).to_string()));
        }
        if let Some(moment) = self.pinned {
            changed.push(("as_of", date_time::written(moment).to_string()));
        }
        Some(self.parameters.link(request, &caller.service.origin.url(), &changed))
    }
}

fn snapshot_id(text: &str) -> Option<SnapshotId> {
    let (generation, left_out) = text.split_once('.')?;
    let generation = generation.parse().ok().filter(|generation| *generation > 0)?;
    Some(SnapshotId { generation, left_out: left_out.parse().ok()? })
}

/// Reads the state at a generation, on a page thread: with many people, this takes a while.
async fn past(
    caller: &Caller<ImportRead>,
    generation: Generation,
) -> Result<Arc<Directory>, ApiError> {
    let workspace = Arc::clone(&caller.workspace);
    Ok(caller.service.makers.page(async move { workspace.past.at(generation).await }).await??)
}

/// The parameters that all flat views take, besides those of all tables.
const NAMES: [&str; 3] = ["modified_since", "include_removed", "edition"];

fn invalid_edition() -> ApiError {
    wrong("edition must be copied from the `next` of an earlier response".to_owned())
}

/// Refuses a generation that is later than the served one.
fn check_generation(caller: &Caller<ImportRead>, generation: Generation) -> Result<(), ApiError> {
    let latest = caller.workspace.live.served().map_or(0, |served| served.snapshot_id().generation);
    if generation > latest { Err(invalid_edition()) } else { Ok(()) }
}

/// The latest generation at a moment.
pub(super) async fn generation_at<S>(
    caller: &Caller<S>,
    moment: OffsetDateTime,
) -> Result<Generation, ApiError> {
    let ledger = &caller.service.stores.ledger;
    let workspace = &caller.workspace;
    ledger.generation_at(&workspace.name, moment).await?.ok_or_else(|| ApiError::Problem {
        status: StatusCode::NOT_FOUND,
        code: "not_recorded",
        detail: "the bridge had not recorded this workspace yet at that time; request a later time"
            .to_owned(),
    })
}
