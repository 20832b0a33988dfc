//! What the demo prints once the bridge can be used.

use std::time::Duration;

use indicatif::ProgressBar;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use simulator::Simulator;
use time::Date;

use super::arguments::Arguments;
use crate::access::{Grant, Scope, client_id, client_secret_of};
use crate::app::App;
use crate::base_urls::{api_base_url, scim_base_url};
use crate::commands::error::CommandError;
use crate::commands::login_link;
use crate::commands::output::print_line;
use crate::console::{ConsoleRole, SignInMethod, SignedIn};
use crate::directory::DEFAULT_WORKSPACE;
use crate::limits;
use crate::scim::resource_types;
use crate::stores::OAuthClient;

/// Waits until the bridge has imported once itself, then prints how to use it.
pub async fn print(
    app: &App,
    arguments: &Arguments,
    simulator: &Simulator,
    bar: &ProgressBar,
) -> Result<(), CommandError> {
    let service = app.service();
    if let Some(workspace) = service.workspaces.get(DEFAULT_WORKSPACE) {
        let imported = async {
            while workspace.health.standing().last_run.is_none() {
                service.clock.sleep(limits::RUN_POLL).await;
            }
        };
        service.clock.within(limits::IMPORT_WAIT, imported).await;
    }
    let issued = service.tokens.issue(&Grant {
        subject: "demo".to_owned(),
        client: None,
        scopes: Scope::ALL.to_vec(),
        workspaces: vec![DEFAULT_WORKSPACE.to_owned()],
        ttl: Duration::from_hours(24),
    })?;
    let url = &service.origin.public_url;
    let person = SignedIn {
        name: "demo".to_owned(),
        role: ConsoleRole::Admin,
        method: SignInMethod::Link,
        workspaces: vec![DEFAULT_WORKSPACE.to_owned()],
    };
    let now = service.clock.now();
    let login = login_link::create(&service.stores.page_sessions, url, &person, now).await?;
    bar.finish_and_clear();
    if arguments.json {
        let (client, secret) = client(app).await?;
        let line = json!({
            "scim_base_url": scim_base_url(url, DEFAULT_WORKSPACE),
            "api_base_url": api_base_url(url, DEFAULT_WORKSPACE),
            "access_token": issued.expose(),
            "client_id": client,
            "client_secret": secret.expose_secret(),
            "intercom_base_url": simulator.base_url(),
            "login_link": login,
        });
        print_line(&line.to_string());
    } else {
        print_line(&guide(app, arguments, simulator, issued.expose(), &login));
    }
    Ok(())
}

fn guide(
    app: &App,
    arguments: &Arguments,
    simulator: &Simulator,
    token: &str,
    login: &str,
) -> String {
    let url = &app.service().origin.public_url;
    let (scim, api) = (scim_base_url(url, DEFAULT_WORKSPACE), api_base_url(url, DEFAULT_WORKSPACE));
    let happens = if arguments.quiet {
        "Nothing happens there any more, because of --quiet.".to_owned()
    } else {
        let every = humantime::format_duration(arguments.every);
        format!("Something happens there every {every}; the console shows it.")
    };
    format!(
        r#"Console. Open this link once, within ten minutes:
{login}

SCIM base URL and token, for a connector:
{scim}
TOKEN='{token}'

Paste TOKEN='…' into another shell, then try:

# Who left in the last two weeks? Connectors poll like this.
curl -s -G -H "Authorization: Bearer $TOKEN" '{scim}/Users' --data-urlencode 'filter=active eq false and meta.lastModified gt "{two_weeks_ago}T00:00:00Z"'

# Who had access 30 days ago?
curl -s -H "Authorization: Bearer $TOKEN" -H 'Accept: text/csv' '{api}/accounts?as_of={month_ago}'

# Who removed whom in the last 30 days?
curl -s -H "Authorization: Bearer $TOKEN" -H 'Accept: text/csv' '{api}/changes?type=user&action=removed&from={month_ago}'

# Which accounts belong to people who have left, according to the company's roster?
curl -s -H "Authorization: Bearer $TOKEN" -H 'Accept: text/csv' '{api}/roster/terminated-active'

# A write. It is refused, with what to do instead.
curl -s -X DELETE -H "Authorization: Bearer $TOKEN" '{scim}/Users/{id}'

# The export for an access review, with what changed since the last one, 30 days ago.
curl -s -H "Authorization: Bearer $TOKEN" -H 'Accept: text/csv' '{api}/reviews/accounts?since={month_ago}'

Read on: {url}/docs/ describes the API. README.md says how to connect your own Intercom.

Intercom is simulated at {intercom}: about {admins} teammates with a history of {days} days. {happens}
The database is temporary. Ctrl-C ends everything."#,
        two_weeks_ago = days_ago(app, 14),
        month_ago = days_ago(app, 30),
        id = someone(app),
        intercom = simulator.base_url(),
        admins = arguments.company.admins,
        days = simulator::Story::DAYS,
    )
}

fn days_ago(app: &App, days: i64) -> Date {
    (app.service().clock.now() - time::Duration::days(days)).date()
}

/// Creates an OAuth client with all scopes. Returns its id and secret.
async fn client(app: &App) -> Result<(String, SecretString), CommandError> {
    let id = client_id("demo")?;
    let (secret, secret_hash) = client_secret_of(&id, app.service().tokens.vault())?;
    let client = OAuthClient {
        id,
        name: "demo".to_owned(),
        secret_hash,
        previous: None,
        scope: Scope::list(&Scope::ALL),
        workspaces: vec![DEFAULT_WORKSPACE.to_owned()],
        created_at: app.service().clock.now(),
        rotated_at: None,
        disabled_at: None,
    };
    app.service().stores.access.add_client(&client, Vec::new()).await?;
    Ok((client.id, secret))
}

/// The id of a user, for the example of a write.
fn someone(app: &App) -> String {
    let workspace = app.service().workspaces.get(DEFAULT_WORKSPACE);
    let served = workspace.and_then(|workspace| workspace.live.served());
    let users = served.map(|served| {
        served.part(resource_types::USER, 0..2).last().map(crate::scim::Resource::id)
    });
    users.flatten().unwrap_or_default()
}
