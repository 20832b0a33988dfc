//! Decisions about accounts: the forms that pages show, and what the forms do. The page of a person
//! and the list of identities include the forms.

use std::sync::Arc;

use actix_web::HttpResponse;
use maud::{Markup, html};
use time::{Duration, OffsetDateTime};

use super::acting::{Acting, DecideIdentity};
use super::denied;
use super::form::{Notice, acting_form};
use super::html::PageRefusals;
use super::viewer::Viewer;
use crate::console::ConsoleAction;
use crate::http::errors::ApiError;
use crate::http::wire::BodyRefusals;
use crate::identities::{Author, IdentityError, NewDecision, NewVerdict};
use crate::limits;
use crate::moments::{self, Edge, Zone};
use crate::roster::{Class, DecisionId, DecisionKind, DecisionRow};

crate::words::words! {
    /// What a person decides about an account.
    pub enum Choice {
        /// The account belongs to a person of the roster.
        Is = "is",
        /// The account does not belong to that person.
        IsNot = "is_not",
        /// It is a service account with a responsible person.
        Service = "service",
        /// It belongs to a person outside the company, such as a contractor.
        External = "external",
        /// It belongs to an employee who is not in the roster.
        Employee = "employee",
    }
}

/// How long a decision is in force unless the person chooses another day.
const USUAL_DAYS: i64 = 180;

/// The decisions about an account (`adm_…`), with the forms to undo one and to decide anew. Empty
/// without a roster: then there is nobody to match.
///
/// # Errors
/// `ApiError` if the database is unavailable.
pub async fn section(
    viewer: &Viewer,
    account: &str,
    now: OffsetDateTime,
) -> Result<Markup, ApiError> {
    let identities = &viewer.workspace.identities;
    if identities.store().versions(&viewer.workspace.name).await?.is_empty() {
        return Ok(html! {});
    }
    let mut rows = identities.decisions().await?;
    rows.retain(|row| row.account_id == account);
    Ok(html! {
        section {
            h2 { "Whose account this is" }
            @if rows.is_empty() { p { "No person has decided about this account." } }
            @for row in &rows {
                div class="decision" {
                    p {
                        strong { (words(row)) }
                        " " bdi { (row.why) } " · decided by " bdi { (row.by) } " on " (viewer.times.show(row.at))
                        @if let Some(until) = row.until { ", until " (viewer.times.show(until)) }
                        @if let (Some(by), Some(at)) = (&row.revoked_by, row.revoked_at) {
                            ". Undone by " bdi { (by) } " on " (viewer.times.show(at))
                        }
                    }
                    @if row.revoked_at.is_none() { (undo_form(viewer, account, row.id)) }
                }
            }
            @if viewer.person.can(ConsoleAction::DecideIdentity) {
                details id="decide" {
                    summary { "Decide whose account this is" }
                    (decide_form(viewer, account, None, now))
                }
            }
        }
    })
}

/// A decision as a sentence.
fn words(row: &DecisionRow) -> String {
    let person = row.person_key.as_deref().unwrap_or("a person");
    match (row.kind, row.class) {
        (DecisionKind::Is, _) => format!("Belongs to {person}."),
        (DecisionKind::IsNot, _) => format!("Does not belong to {person}."),
        (DecisionKind::Class, class) => {
            let class = class.map_or("unknown", Class::as_str);
            match &row.owner {
                Some(owner) => format!("Class {class}; {owner} is responsible."),
                None => format!("Class {class}."),
            }
        }
    }
}

/// The form to decide about an account (`adm_…`). `person` is a suggestion, by key or address.
pub fn decide_form(
    viewer: &Viewer,
    account: &str,
    person: Option<&str>,
    now: OffsetDateTime,
) -> Markup {
    let until = (now + Duration::days(USUAL_DAYS)).date().to_string();
    let id = |name: &str| format!("{name}-{account}");
    let fields = html! {
        input type="hidden" name="account" value=(account);
        label for=(id("choice")) { "Decision" }
        select id=(id("choice")) name="choice" {
            option value=(Choice::Is) { "It belongs to this person" }
            option value=(Choice::IsNot) { "It does not belong to this person" }
            option value=(Choice::Service) { "It is a service account; this person is responsible" }
            option value=(Choice::External) { "It belongs to someone outside the company" }
            option value=(Choice::Employee) { "It belongs to an employee who is not in the roster" }
        }
        label for=(id("person")) { "Person, by key, employee number or address" }
        input id=(id("person")) name="person" value=(person.unwrap_or_default());
        label for=(id("why")) { "Reason" }
        input id=(id("why")) name="why" required maxlength="1000";
        label for=(id("until")) { "In force until, unless it belongs to this person" }
        input id=(id("until")) type="date" name="until" value=(until);
        button { "Record the decision" }
    };
    acting_form(viewer, ConsoleAction::DecideIdentity, "/identities/decide", &fields)
}

/// The form to undo a decision about an account.
pub fn undo_form(viewer: &Viewer, account: &str, decision: DecisionId) -> Markup {
    let fields = html! {
        input type="hidden" name="account" value=(account);
        input type="hidden" name="decision" value=(decision);
        button { "Undo decision " (decision) }
    };
    acting_form(viewer, ConsoleAction::DecideIdentity, "/identities/undo", &fields)
}

/// Records a decision about an account.
#[utoipa::path(
    post, path = "/identities/decide", operation_id = "decide_identity", tag = "pages",
    params(("workspace" = String, Query, description = "The name of the workspace.")),
    request_body(content = String, content_type = "application/x-www-form-urlencoded", description = "The form fields `csrf`, `account` (`adm_…`), `choice` (`is`, `is_not`, `service`, `external` or `employee`), `person`, `why` and `until` (a day)."),
    responses(
        (status = 303, description = "Redirects to the page of the person."),
        (status = 400, description = "The decision cannot be recorded. The page says why.", content_type = "text/html", body = String),
        (status = 403, description = "No session, no token of the session, or too small a role.", content_type = "text/html", body = String),
        PageRefusals,
        BodyRefusals,
    ),
)]
pub async fn decide(acting: Acting<DecideIdentity>) -> Result<HttpResponse, ApiError> {
    let account = account(&acting)?;
    let identities = Arc::clone(&acting.viewer.workspace.identities);
    let new = NewDecision {
        account: account.clone(),
        verdict: verdict(&acting)?,
        why: acting
            .form
            .text("why")
            .map(str::to_owned)
            .ok_or_else(|| denied::invalid("Give a reason."))?,
        until: until(&acting, &identities.options().zone)?,
    };
    let served = acting.viewer.workspace.live.served().ok_or(ApiError::NotReady)?;
    let author = author(&acting);
    let _turn = acting.service.makers.console_turn().await?;
    let decided = acting
        .service
        .makers
        .page(async move { identities.decide(new, &author, served.directory()).await });
    decided.await?.map_err(refused)?;
    Ok(acting.done(&format!("/people/{account}"), Notice::DecisionRecorded))
}

/// Undoes a decision about an account.
#[utoipa::path(
    post, path = "/identities/undo", operation_id = "undo_identity_decision", tag = "pages",
    params(("workspace" = String, Query, description = "The name of the workspace.")),
    request_body(content = String, content_type = "application/x-www-form-urlencoded", description = "The form fields `csrf`, `account` (`adm_…`) and `decision`, its number."),
    responses(
        (status = 303, description = "Redirects to the page of the person."),
        (status = 400, description = "There is no such decision, or it was undone before.", content_type = "text/html", body = String),
        (status = 403, description = "No session, no token of the session, or too small a role.", content_type = "text/html", body = String),
        PageRefusals,
        BodyRefusals,
    ),
)]
pub async fn undo(acting: Acting<DecideIdentity>) -> Result<HttpResponse, ApiError> {
    let account = account(&acting)?;
    let decision = acting.form.text("decision").and_then(|text| text.parse::<DecisionId>().ok());
    let decision = decision.ok_or_else(|| denied::not_found("decision"))?;
    let identities = Arc::clone(&acting.viewer.workspace.identities);
    let author = author(&acting);
    let _turn = acting.service.makers.console_turn().await?;
    let undone =
        acting.service.makers.page(async move { identities.revoke(decision, &author).await });
    undone.await?.map_err(refused)?;
    Ok(acting.done(&format!("/people/{account}"), Notice::DecisionRevoked))
}

/// The account of the form.
fn account<A>(acting: &Acting<A>) -> Result<String, ApiError> {
    let account = acting.form.text("account").filter(|id| {
        id.len() <= limits::ID_BYTES
            && id
                .strip_prefix("adm_")
                .is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_alphanumeric()))
    });
    account.map(str::to_owned).ok_or_else(|| denied::not_found("account"))
}

fn verdict<A>(acting: &Acting<A>) -> Result<NewVerdict, ApiError> {
    let person = acting.form.text("person").map(str::to_owned);
    let needed = |what: &str| person.clone().ok_or_else(|| denied::invalid(what));
    match acting.form.word::<Choice>("choice") {
        Some(Choice::Is) => {
            Ok(NewVerdict::Is(needed("Name the person to whom the account belongs.")?))
        }
        Some(Choice::IsNot) => {
            Ok(NewVerdict::IsNot(needed("Name the person to whom the account does not belong.")?))
        }
        Some(Choice::Service) => Ok(NewVerdict::Class {
            class: Class::Service,
            owner: Some(needed("Name the person who is responsible for the service account.")?),
        }),
        Some(Choice::External) => Ok(NewVerdict::Class { class: Class::Contractor, owner: None }),
        Some(Choice::Employee) => Ok(NewVerdict::Class { class: Class::Employee, owner: None }),
        None => Err(denied::invalid("Choose a decision.")),
    }
}

/// The first moment at which the decision is not in force any more. That an account belongs to a
/// person stays so.
fn until<A>(acting: &Acting<A>, zone: &Zone) -> Result<Option<OffsetDateTime>, ApiError> {
    if acting.form.word::<Choice>("choice") == Some(Choice::Is) {
        return Ok(None);
    }
    let Some(text) = acting.form.text("until") else { return Ok(None) };
    match moments::read(text, Edge::End, zone) {
        Some(read) => Ok(Some(read.moment)),
        None => Err(denied::invalid("Give the day until which the decision is in force.")),
    }
}

fn author<A>(acting: &Acting<A>) -> Author {
    Author {
        by: acting.viewer.person.name.clone(),
        entry: acting.viewer.audit_entry("", acting.service.clock.now()),
    }
}

/// A refused decision as a page. Errors of the database keep their form.
fn refused(error: IdentityError) -> ApiError {
    match error {
        IdentityError::Ledger(error) => error.into(),
        error => denied::invalid(&error.to_string().replace('`', "")),
    }
}
