//! OAuth clients and tokens: the list, disabling a client and revoking a token. Secrets are never
//! shown; the commands `client` and `token` make new ones.

use std::collections::HashMap;

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use maud::{Markup, html};
use time::OffsetDateTime;

use super::acting::{Acting, DisableClient, RevokeToken};
use super::form::{Notice, acting_form, notice};
use super::html::{PageRefusals, page};
use super::layout::{self, Section, scrolling_table};
use super::viewer::Viewer;
use super::{denied, view};
use crate::access::authentication_method;
use crate::console::ConsoleAction;
use crate::http::errors::ApiError;
use crate::http::request::negotiation::{HTML, preferred_form};
use crate::http::state::service::Service;
use crate::http::wire::BodyRefusals;
use crate::limits;
use crate::stores::{IssuedToken, OAuthClient};

/// Shows the OAuth clients and the tokens for workspaces of the session, with their last use.
#[utoipa::path(
    get, path = "/clients", operation_id = "clients_page", tag = "pages",
    params(("workspace" = Option<String>, Query, description = "The name of the workspace. The default is the first one of the session.")),
    responses(
        (status = 200, description = "An HTML page. Without a session, the page explains how to sign in.", content_type = "text/html", body = String),
        (status = 403, description = "The role of the session is too small.", content_type = "text/html", body = String),
        PageRefusals,
    ),
)]
pub async fn clients(
    request: HttpRequest,
    service: Data<Service>,
) -> Result<HttpResponse, ApiError> {
    preferred_form(&request, &[HTML])?;
    let Some(viewer) = Viewer::from_request(&request, &service).await? else {
        return Ok(page(StatusCode::OK, view::signed_out(&service)));
    };
    viewer.require(ConsoleAction::ReadClients)?;
    let notice = notice(&request);
    let _turn = service.makers.console_turn().await?;
    let lists = Lists::load(&service, &viewer).await?;
    let main = html! {
        h1 { "Clients and tokens" }
        p class="lead" { "Programs that read this bridge. A new client or token is made on the command line, which shows its secret once." }
        (notice)
        (clients_table(&viewer, &lists))
        (tokens_table(&viewer, &lists))
    };
    let title = "Clients and tokens";
    Ok(page(StatusCode::OK, layout::page(&viewer, Section::Clients, title, &main)))
}

/// The clients and tokens that have access to the workspace of the page.
struct Lists {
    clients: Vec<OAuthClient>,
    tokens: Vec<IssuedToken>,
    /// When each was last used, by its name in the audit trail.
    uses: HashMap<String, OffsetDateTime>,
    now: OffsetDateTime,
}

impl Lists {
    async fn load(service: &Service, viewer: &Viewer) -> Result<Self, ApiError> {
        let access = &service.stores.access;
        let is_here = |all: &[String]| all.iter().any(|name| **name == *viewer.workspace.name);
        let mut clients = access.clients().await?;
        clients.retain(|client| is_here(&client.workspaces));
        // Those that still work come first.
        clients.sort_by_key(|client| (client.disabled_at.is_some(), client.name.to_lowercase()));
        let mut tokens = access.tokens().await?;
        tokens.retain(|token| is_here(&token.workspaces));
        let now = service.clock.now();
        tokens.sort_by_key(|token| !is_valid(token, now));
        tokens.truncate(limits::PAGE_TOKENS);
        let names = clients.iter().map(|client| format!("client {}", client.id));
        let names = names.chain(tokens.iter().map(|token| format!("token {}", token.id)));
        let uses = service.stores.audit.last_uses(&names.collect::<Vec<_>>()).await?;
        Ok(Self { clients, tokens, uses, now })
    }

    fn last_use(&self, viewer: &Viewer, kind: &str, id: &str) -> Markup {
        let used = self.uses.get(&format!("{kind} {id}"));
        used.map_or_else(|| html! { "—" }, |at| viewer.times.show(*at))
    }
}

fn is_valid(token: &IssuedToken, now: OffsetDateTime) -> bool {
    token.revoked_at.is_none() && token.expires_at > now
}

fn clients_table(viewer: &Viewer, lists: &Lists) -> Markup {
    html! {
        h2 { "OAuth clients" }
        @if lists.clients.is_empty() {
            p class="empty" { "No OAuth client has access to this workspace. An operator makes one with the command " code { "client create" } "." }
        } @else {
            (scrolling_table("OAuth clients", &html! {
                caption { "Last use is known as far back as the audit trail is kept" }
                thead { tr {
                    th scope="col" { "Name" }
                    th scope="col" { "Scopes" }
                    th scope="col" { "Workspaces" }
                    th scope="col" { "Created" }
                    th scope="col" { "Last used" }
                    th scope="col" { "State" }
                } }
                tbody { @for client in &lists.clients { (client_row(viewer, lists, client)) } }
            }))
        }
    }
}

fn client_row(viewer: &Viewer, lists: &Lists, client: &OAuthClient) -> Markup {
    let sentence = html! { "Disable " bdi { (client.name) } " for good" };
    let fields = confirmed("client", &client.id, &sentence, "Disable");
    let form = acting_form(viewer, ConsoleAction::DisableClient, "/clients/disable", &fields);
    html! {
        tr {
            td { bdi { (client.name) } div { code { (client.id) } } }
            td { (client.scope) div { (authentication_method(&client.secret_hash)) } }
            td { (client.workspaces.join(", ")) }
            td {
                (viewer.times.show(client.created_at))
                @if let Some(at) = client.rotated_at { div { "new secret " (viewer.times.show(at)) } }
            }
            td { (lists.last_use(viewer, "client", &client.id)) }
            td {
                @match client.disabled_at {
                    Some(at) => { "disabled " (viewer.times.show(at)) },
                    None => {
                        span class="good" { "active" }
                        (revocation(viewer, &client.workspaces, "Disable", &client.name, &form))
                    }
                }
            }
        }
    }
}

fn tokens_table(viewer: &Viewer, lists: &Lists) -> Markup {
    html! {
        h2 { "Tokens" }
        @if lists.tokens.is_empty() {
            p class="empty" { "No long-lived token was issued for this workspace." }
        } @else {
            (scrolling_table("Tokens", &html! {
                caption { "Tokens that were issued by the command line. Those of OAuth clients are short-lived and not listed" }
                thead { tr {
                    th scope="col" { "Subject" }
                    th scope="col" { "Scopes" }
                    th scope="col" { "Workspaces" }
                    th scope="col" { "Issued" }
                    th scope="col" { "Expires" }
                    th scope="col" { "Last used" }
                    th scope="col" { "State" }
                } }
                tbody { @for token in &lists.tokens { (token_row(viewer, lists, token)) } }
            }))
        }
    }
}

fn token_row(viewer: &Viewer, lists: &Lists, token: &IssuedToken) -> Markup {
    let sentence = html! { "Revoke the token of " bdi { (token.subject) } " for good" };
    let fields = confirmed("token", &token.id, &sentence, "Revoke");
    let form = acting_form(viewer, ConsoleAction::RevokeToken, "/clients/revoke", &fields);
    html! {
        tr {
            td { bdi { (token.subject) } div { code { (token.id) } } }
            td { (token.scope) }
            td { (token.workspaces.join(", ")) }
            td { (viewer.times.show(token.issued_at)) }
            td { (viewer.times.show(token.expires_at)) }
            td { (lists.last_use(viewer, "token", &token.id)) }
            td {
                @match token.revoked_at {
                    Some(at) => { "revoked " (viewer.times.show(at)) },
                    None if !is_valid(token, lists.now) => "expired",
                    None => {
                        span class="good" { "valid" }
                        (revocation(viewer, &token.workspaces, "Revoke", &token.subject, &form))
                    }
                }
            }
        }
    }
}

/// The fields of a form that ends access: the id, a box to tick, and the button.
fn confirmed(field: &str, id: &str, sentence: &Markup, button: &str) -> Markup {
    html! {
        input type="hidden" name=(field) value=(id);
        label class="check" {
            input type="checkbox" name="sure" value="yes" required;
            (sentence)
        }
        button class="danger" { (button) }
    }
}

/// The form that ends access; an explanation if that would concern workspaces of others.
fn revocation(
    viewer: &Viewer,
    workspaces: &[String],
    action: &str,
    name: &str,
    form: &Markup,
) -> Markup {
    html! {
        @if viewer.has_all(workspaces) {
            details {
                summary { (action) span class="hidden" { " " (name) } }
                (form)
            }
        } @else {
            div { "It also has access to workspaces that you cannot see, so you cannot end it here." }
        }
    }
}

impl Viewer {
    /// Whether all of these workspaces belong to the session.
    fn has_all(&self, workspaces: &[String]) -> bool {
        workspaces.iter().all(|name| self.person.workspaces.contains(name))
    }

    /// Refuses to end access to workspaces that the session does not have.
    fn require_all(&self, workspaces: &[String]) -> Result<(), ApiError> {
        if self.has_all(workspaces) { Ok(()) } else { Err(denied::no_workspace()) }
    }
}

/// Disables an OAuth client for good.
#[utoipa::path(
    post, path = "/clients/disable", operation_id = "disable_client", tag = "pages",
    params(("workspace" = String, Query, description = "The name of the workspace.")),
    request_body(content = String, content_type = "application/x-www-form-urlencoded", description = "The form fields `csrf`, `client` and `sure` (`yes`)."),
    responses(
        (status = 303, description = "Redirects to the list of clients."),
        (status = 403, description = "No session, no token of the session, too small a role, or a client of other workspaces.", content_type = "text/html", body = String),
        PageRefusals,
        BodyRefusals,
    ),
)]
pub async fn disable(acting: Acting<DisableClient>) -> Result<HttpResponse, ApiError> {
    sure(&acting)?;
    let id = acting.form.text("client").unwrap_or_default();
    let access = &acting.service.stores.access;
    let known = access.client(id).await?.filter(|client| {
        client.workspaces.iter().any(|name| **name == *acting.viewer.workspace.name)
    });
    let client = known.ok_or_else(|| denied::not_found("client"))?;
    acting.viewer.require_all(&client.workspaces)?;
    let events = acting.events("client.disabled", id, &client.workspaces);
    let changed = access.disable_client(id, events, acting.service.clock.now()).await?;
    let notice = if changed { Notice::ClientDisabled } else { Notice::AlreadyInvalid };
    Ok(acting.done("/clients", notice))
}

/// Revokes a token for good.
#[utoipa::path(
    post, path = "/clients/revoke", operation_id = "revoke_token_page", tag = "pages",
    params(("workspace" = String, Query, description = "The name of the workspace.")),
    request_body(content = String, content_type = "application/x-www-form-urlencoded", description = "The form fields `csrf`, `token` and `sure` (`yes`)."),
    responses(
        (status = 303, description = "Redirects to the list of clients."),
        (status = 403, description = "No session, no token of the session, too small a role, or a token for other workspaces.", content_type = "text/html", body = String),
        PageRefusals,
        BodyRefusals,
    ),
)]
pub async fn revoke(acting: Acting<RevokeToken>) -> Result<HttpResponse, ApiError> {
    sure(&acting)?;
    let id = acting.form.text("token").unwrap_or_default();
    let access = &acting.service.stores.access;
    let tokens = access.tokens().await?;
    let known = tokens.into_iter().find(|token| {
        token.id == id
            && token.workspaces.iter().any(|name| **name == *acting.viewer.workspace.name)
    });
    let token = known.ok_or_else(|| denied::not_found("token"))?;
    acting.viewer.require_all(&token.workspaces)?;
    let events = acting.events("token.revoked", id, &token.workspaces);
    let changed = access.revoke_token(id, events, acting.service.clock.now()).await?;
    let notice = if changed { Notice::TokenRevoked } else { Notice::AlreadyInvalid };
    Ok(acting.done("/clients", notice))
}

fn sure<A>(acting: &Acting<A>) -> Result<(), ApiError> {
    if acting.form.text("sure") == Some("yes") {
        Ok(())
    } else {
        Err(denied::invalid("Tick that you are sure. This cannot be undone."))
    }
}
