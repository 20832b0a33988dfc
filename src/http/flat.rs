//! The flat views: accounts, entitlements, memberships; now, or at a moment in the past.

use std::sync::Arc;

use actix_web::http::header::AGE;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::caller::{Caller, ImportRead};
use super::errors::ApiError;
use super::freshness;
use super::openapi::{ApiRefusals, FlatParameters, Problem};
use super::parameters::{Parameters, wrong};
use crate::directory::{Directory, Edition};
use crate::flat::{self, AccessMembership, Account, Entitlement, EntitlementType, Rows, Selection};
use crate::limits;
use crate::scim::{Picture, ScimError};

/// Some accounts.
#[derive(Serialize, ToSchema)]
pub struct AccountList {
    items: Vec<Account>,
    /// The next page of this very list; null on the last.
    next: Option<String>,
    /// How many there are on all pages.
    total: usize,
}

/// Some entitlements.
#[derive(Serialize, ToSchema)]
pub struct EntitlementList {
    items: Vec<Entitlement>,
    /// The next page of this very list; null on the last.
    next: Option<String>,
    /// How many there are on all pages.
    total: usize,
}

/// Some memberships.
#[derive(Serialize, ToSchema)]
pub struct MembershipList {
    items: Vec<AccessMembership>,
    /// The next page of this very list; null on the last.
    next: Option<String>,
    /// How many there are on all pages.
    total: usize,
}

/// Lists teammates' accounts.
#[utoipa::path(
    get, path = "/api/v1/accounts", tag = "flat views", security(("bearer" = ["import.read"])), params(FlatParameters),
    responses(
        (status = 200, description = "Accounts, by id", body = AccountList),
        (status = 400, description = "A parameter cannot be read", content_type = "application/problem+json", body = Problem),
        (status = 410, description = "The state of that moment was pruned", content_type = "application/problem+json", body = Problem),
        ApiRefusals,
    ),
)]
pub async fn accounts(request: HttpRequest, caller: Caller<ImportRead>) -> Result<HttpResponse, ApiError> {
    let view = View::of(&request, &caller).await?;
    let Rows { mut items, total } = flat::accounts(view.directory(), caller.service.names, view.selection);
    if view.edition.is_none() {
        // Sign-ins have no history: those of now are not those of then.
        for account in &mut items {
            (account.last_sign_in_at, account.last_sign_in_method) = (None, None);
        }
    }
    let next = view.next(&request, &caller, items.len(), total);
    Ok(view.answer().json(AccountList { items, next, total }))
}

/// Lists what teammates can have: teams, roles, seats, permissions.
#[utoipa::path(
    get, path = "/api/v1/entitlements", tag = "flat views", security(("bearer" = ["import.read"])),
    params(FlatParameters, ("type" = Option<EntitlementType>, Query, description = "Only entitlements of this kind")),
    responses(
        (status = 200, description = "Entitlements", body = EntitlementList),
        (status = 400, description = "A parameter cannot be read", content_type = "application/problem+json", body = Problem),
        (status = 410, description = "The state of that moment was pruned", content_type = "application/problem+json", body = Problem),
        ApiRefusals,
    ),
)]
pub async fn entitlements(request: HttpRequest, caller: Caller<ImportRead>) -> Result<HttpResponse, ApiError> {
    let view = View::of(&request, &caller).await?;
    let Rows { items, total } = flat::entitlements(view.directory(), view.kind, view.selection);
    let next = view.next(&request, &caller, items.len(), total);
    Ok(view.answer().json(EntitlementList { items, next, total }))
}

/// Lists who has which access.
#[utoipa::path(
    get, path = "/api/v1/memberships", tag = "flat views", security(("bearer" = ["import.read"])),
    params(FlatParameters, ("type" = Option<EntitlementType>, Query, description = "Only access of this kind")),
    responses(
        (status = 200, description = "Memberships, by account", body = MembershipList),
        (status = 400, description = "A parameter cannot be read", content_type = "application/problem+json", body = Problem),
        (status = 410, description = "The state of that moment was pruned", content_type = "application/problem+json", body = Problem),
        ApiRefusals,
    ),
)]
pub async fn memberships(request: HttpRequest, caller: Caller<ImportRead>) -> Result<HttpResponse, ApiError> {
    let view = View::of(&request, &caller).await?;
    let Rows { items, total } = flat::memberships(view.directory(), view.kind, view.selection);
    let next = view.next(&request, &caller, items.len(), total);
    Ok(view.answer().json(MembershipList { items, next, total }))
}

/// What is asked for, and what it is asked of.
struct View {
    parameters: Parameters,
    source: Source,
    kind: Option<EntitlementType>,
    selection: Selection,
    /// Which list of people it is; none where `as_of` says so.
    edition: Option<Edition>,
    age: Option<i64>,
}

enum Source {
    Now(Arc<Picture>),
    Then(Arc<Directory>),
}

impl View {
    async fn of(request: &HttpRequest, caller: &Caller<ImportRead>) -> Result<Self, ApiError> {
        let parameters = Parameters::of(request)?;
        let kind = parameters.word("type", &EntitlementType::ALL)?;
        let as_of = parameters.moment("as_of")?;
        if as_of.is_some_and(|moment| moment > caller.service.clock.now()) {
            return Err(wrong("as_of must not lie in the future".to_owned()));
        }
        let edition = parameters.text("edition").map(|text| edition(text).ok_or_else(|| wrong(NO_EDITION.to_owned())));
        let mut selection = Selection {
            modified_since: parameters.moment("modified_since")?,
            include_removed: parameters.flag("include_removed")?,
            gone_by: None,
            offset: parameters.number("offset", 0..=usize::MAX, 0)?,
            limit: parameters.number("limit", 1..=limits::LIST_ITEMS, limits::LIST_ITEMS_USUAL)?,
        };
        let (source, edition, age) = match (as_of, edition.transpose()?) {
            (Some(moment), _) => {
                selection.gone_by = Some(caller.service.gone_by(moment));
                (at(caller, moment).await?, None, None)
            }
            (None, None) => {
                let fresh = freshness::picture(request, caller).await?;
                let edition = fresh.picture.edition();
                (Source::Now(fresh.picture), Some(edition), fresh.age)
            }
            (None, Some(edition)) => {
                let (source, gone_by) = of_edition(caller, edition).await?;
                selection.gone_by = gone_by;
                (source, Some(edition), None)
            }
        };
        Ok(Self { parameters, source, kind, selection, edition, age })
    }

    fn directory(&self) -> &Directory {
        match &self.source {
            Source::Now(picture) => picture.directory(),
            Source::Then(directory) => directory,
        }
    }

    fn answer(&self) -> actix_web::HttpResponseBuilder {
        let mut response = HttpResponse::Ok();
        if let Some(age) = self.age {
            response.insert_header((AGE, age));
        }
        response
    }

    /// The next page of the list that this is a page of, whatever is imported meanwhile.
    fn next(&self, request: &HttpRequest, caller: &Caller<ImportRead>, count: usize, total: usize) -> Option<String> {
        let offset = self.selection.offset.saturating_add(count);
        if count == 0 || offset >= total {
            return None;
        }
        let mut changed = vec![("offset", offset.to_string()), ("limit", self.selection.limit.to_string())];
        if let Some(Edition { generation, left_out }) = self.edition {
            changed.push(("edition", format!("{generation}.{left_out}")));
        }
        Some(self.parameters.link(request, &caller.service.public_url, &changed))
    }
}

fn edition(text: &str) -> Option<Edition> {
    let (generation, left_out) = text.split_once('.')?;
    let generation = generation.parse().ok().filter(|generation| *generation > 0)?;
    Some(Edition { generation, left_out: left_out.parse().ok()? })
}

/// The list that an edition names, and who is left out of it.
async fn of_edition(
    caller: &Caller<ImportRead>,
    edition: Edition,
) -> Result<(Source, Option<OffsetDateTime>), ApiError> {
    let workspace = &caller.workspace;
    if let Some(picture) = workspace.live.picture_at(edition) {
        return Ok((Source::Now(picture), None));
    }
    let latest = workspace.live.picture().map_or(0, |picture| picture.edition().generation);
    if edition.generation > latest {
        return Err(wrong(NO_EDITION.to_owned()));
    }
    let directory = workspace.past.at(edition.generation).await?;
    let gone_by = directory.gone_by(edition.left_out);
    Ok((Source::Then(directory), gone_by))
}

const NO_EDITION: &str = "edition must be as in the `next` of an earlier answer";

/// The state at a moment.
async fn at(caller: &Caller<ImportRead>, moment: OffsetDateTime) -> Result<Source, ApiError> {
    let (ledger, workspace) = (&caller.service.ledger, &caller.workspace);
    let generation = ledger.generation_at(&workspace.name, moment).await?.ok_or_else(|| ScimError::NotFound {
        what: "anything recorded at that moment or before; the bridge had not imported this workspace yet. The state"
            .to_owned(),
    })?;
    Ok(Source::Then(workspace.past.at(generation).await?))
}
