//! Whose account it is: person, class and owner of each active account, and what to look at.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::export::ExportFormat;
use super::html::{PageRefusals, offset, page, text};
use super::identities_view::{self, IdentitiesPage, IdentityFilter, IdentityFilters};
use super::view;
use super::viewer::Viewer;
use crate::directory::Directory;
use crate::directory::text::unaccented;
use crate::http::errors::ApiError;
use crate::http::request::negotiation::{HTML, preferred_form};
use crate::http::state::service::Service;
use crate::identities::{Assessment, Shown};
use crate::ledger::LedgerError;
use crate::roster::{Identity, user_id};
use crate::words::Words;

fn filters(request: &HttpRequest) -> IdentityFilters {
    let text = |name| text(request, name).unwrap_or_default();
    IdentityFilters {
        search: text("q"),
        show: IdentityFilter::from_word(&text("show")).unwrap_or(IdentityFilter::All),
        class: Words::from_word(&text("class")),
    }
}

/// The current directory and what the roster says about it. `None` without an import or a roster.
async fn assessed(
    service: &Service,
    viewer: &Viewer,
) -> Result<Option<(Arc<crate::scim::ServedSnapshot>, Arc<Assessment>)>, ApiError> {
    let Some(served) = viewer.workspace.live.served() else { return Ok(None) };
    let identities = Arc::clone(&viewer.workspace.identities);
    let made = service.makers.page(async move {
        let shown = Shown { directory: served.directory(), as_of: None };
        let assessment = identities.assess(shown).await?;
        Ok::<_, LedgerError>(assessment.map(|assessment| (served, assessment)))
    });
    Ok(made.await??)
}

/// The accounts that the filters select.
fn selected(
    directory: &Directory,
    assessment: &Assessment,
    terminated: &BTreeSet<String>,
    filters: &IdentityFilters,
) -> Vec<Identity> {
    let unmatched: BTreeSet<&str> =
        assessment.unmatched.iter().map(|one| &*one.account_id).collect();
    let ownerless: BTreeSet<&str> =
        assessment.ownerless.iter().map(|one| &*one.account_id).collect();
    let search = unaccented(filters.search.trim()).into_owned();
    let contains =
        |value: Option<&str>| value.is_some_and(|value| unaccented(value).contains(&*search));
    let is_wanted = |identity: &&Identity| {
        let id = &*identity.account_id;
        let is_shown = match filters.show {
            IdentityFilter::All => true,
            IdentityFilter::Unmatched => unmatched.contains(id),
            IdentityFilter::Terminated => terminated.contains(id),
            IdentityFilter::Ownerless => ownerless.contains(id),
        };
        let is_found = || {
            let person = directory.person(&user_id(id));
            search.is_empty()
                || contains(Some(&identity.user_name))
                || contains(identity.person_key.as_deref())
                || contains(person.and_then(|person| person.user.name.as_deref()))
        };
        is_shown && filters.class.is_none_or(|class| identity.class == class) && is_found()
    };
    assessment.identities.iter().filter(is_wanted).cloned().collect()
}

/// Shows the person, the class and the owner of each active account.
#[utoipa::path(
    get, path = "/identities", operation_id = "identities_page", tag = "pages",
    params(
        ("workspace" = Option<String>, Query, description = "The name of the workspace. The default is the first one of the session."),
        ("q" = Option<String>, Query, description = "Only accounts whose name, address or person contains this text, without regard to case and accents."),
        ("show" = Option<String>, Query, description = "`all` (the default), `unmatched`, `terminated` or `ownerless`."),
        ("class" = Option<String>, Query, description = "`employee`, `contractor`, `service`, `bot` or `unknown`."),
        ("offset" = Option<String>, Query, description = "How many accounts to skip."),
    ),
    responses(
        (status = 200, description = "An HTML page. Without a session, the page explains how to sign in.", content_type = "text/html", body = String),
        PageRefusals,
    ),
)]
pub async fn identities(
    request: HttpRequest,
    service: Data<Service>,
) -> Result<HttpResponse, ApiError> {
    preferred_form(&request, &[HTML])?;
    let Some(viewer) = Viewer::from_request(&request, &service).await? else {
        return Ok(page(StatusCode::OK, view::signed_out(&service)));
    };
    let _turn = service.makers.console_turn().await?;
    let filters = filters(&request);
    let offset = offset(&request);
    let Some((served, assessment)) = assessed(&service, &viewer).await? else {
        return Ok(page(StatusCode::OK, identities_view::no_roster(&viewer)));
    };
    let identities = Arc::clone(&viewer.workspace.identities);
    let html = service.makers.page(async move {
        let leavers = identities.terminated_active(&assessment).await?;
        let leavers: BTreeMap<_, _> =
            leavers.into_iter().map(|one| (one.account_id.clone(), one)).collect();
        let ids = leavers.keys().cloned().collect();
        let rows = selected(served.directory(), &assessment, &ids, &filters);
        let shown = IdentitiesPage {
            directory: served.directory(),
            assessment: &assessment,
            is_stale: identities.is_stale(assessment.confirmed_at),
            filters,
            rows,
            leavers,
            offset,
        };
        Ok::<_, LedgerError>(identities_view::identities(&viewer, &shown))
    });
    Ok(page(StatusCode::OK, html.await??))
}

/// Exports the accounts that the page with the same parameters lists, in the same order.
#[utoipa::path(
    get, path = "/identities/export", operation_id = "export_identities", tag = "pages",
    params(
        ("workspace" = Option<String>, Query, description = "The name of the workspace. The default is the first one of the session."),
        ("format" = Option<String>, Query, description = "`csv` (the default, with a byte order mark for spreadsheets) or `json`."),
        ("show" = Option<String>, Query, description = "As for the page `/identities`, like all its other parameters."),
    ),
    responses(
        (
            status = 200, description = "The accounts, with the members of `/api/v1/roster/identities`, as CSV or JSON. Without a session, the page explains how to sign in.",
            content((String = "text/csv"), (String = "text/html")),
        ),
        PageRefusals,
    ),
)]
pub async fn export_identities(
    request: HttpRequest,
    service: Data<Service>,
) -> Result<HttpResponse, ApiError> {
    let Some(viewer) = Viewer::from_request(&request, &service).await? else {
        return Ok(page(StatusCode::OK, view::signed_out(&service)));
    };
    let turn = service.makers.console_turn().await?;
    let format = ExportFormat::from_request(&request);
    let filters = filters(&request);
    let assessed = assessed(&service, &viewer).await?;
    let identities = Arc::clone(&viewer.workspace.identities);
    let rows = service.makers.export(async move {
        let Some((served, assessment)) = assessed else { return Ok(Vec::new()) };
        let leavers = identities.terminated_active(&assessment).await?;
        let ids = leavers.into_iter().map(|one| one.account_id).collect();
        Ok::<_, LedgerError>(selected(served.directory(), &assessment, &ids, &filters))
    });
    format.response(&request, &viewer, &service.makers, "identities", rows.await??, turn)
}
