//! The console: who can open it, what it shows, and that it is accessible.

mod acting;
mod acting_tasks;
mod audit;
mod browsers;
mod imports;
mod open_id;
mod people;
mod reading;
mod reviews;
mod tasks;

use intercom_scim_bridge::access::{hash_of_random, random_secret};
use intercom_scim_bridge::console::{ConsoleRole, SignInMethod, SignedIn};
use intercom_scim_bridge::limits;
use reqwest::Method;
use secrecy::ExposeSecret;
use serde_json::json;
use simulator::Company;

use browsers::ENTER;

use crate::audit::entries;
use crate::support::bridge::{Answer, Bridge, dozen, http, start_import};
use crate::support::browser::Browser;
use crate::support::hand::TOKEN;
use crate::support::secrets;
use crate::support::shell::Shell;
use crate::support::waiting::eventually;

/// Makes a sign-in link for a viewer, which is valid once, and returns its secret.
async fn link(bridge: &Bridge, workspaces: &[&str]) -> String {
    link_for(bridge, "Vera Viewer", ConsoleRole::Viewer, workspaces).await
}

/// Makes a sign-in link, which is valid once, and returns its secret.
async fn link_for(bridge: &Bridge, name: &str, role: ConsoleRole, workspaces: &[&str]) -> String {
    let link = random_secret().unwrap();
    let now = bridge.app.service().clock.now();
    let person = SignedIn {
        name: name.to_owned(),
        role,
        method: SignInMethod::Link,
        workspaces: workspaces.iter().map(|name| (*name).to_owned()).collect(),
    };
    let hash = hash_of_random(link.expose_secret());
    bridge
        .app
        .service()
        .stores
        .page_sessions
        .add_login_link(&hash, &person, now + limits::LOGIN_LINK, Vec::new())
        .await
        .unwrap();
    link.expose_secret().to_owned()
}

async fn log_in(bridge: &Bridge, link: &str, site: &str) -> Answer {
    let request = bridge.request(Method::POST, "/login").header("Sec-Fetch-Site", site);
    let form = request
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(format!("link={link}"));
    let answer = form.send().await.unwrap();
    // The cookie is a secret, so this response is not scanned for secrets.
    let status = answer.status();
    let headers = answer.headers().clone();
    Answer { status, headers, text: answer.text().await.unwrap() }
}

fn session(answer: &Answer) -> String {
    let cookie = answer.header("set-cookie");
    for part in ["HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    secrets::keep(cookie.split(';').next().unwrap().split('=').nth(1).unwrap());
    cookie.split(';').next().unwrap().to_owned()
}

/// Signs a person in to the default workspace, and returns the cookie of the session.
async fn signed_in_as(bridge: &Bridge, name: &str, role: ConsoleRole) -> String {
    let link = link_for(bridge, name, role, &["default"]).await;
    session(&log_in(bridge, &link, "same-origin").await)
}

/// Returns the token of the forms of a page.
fn token_of(page: &Answer) -> String {
    let after = page.text.split("name=\"csrf\" value=\"").nth(1).expect(&page.text);
    after.split('"').next().unwrap().to_owned()
}

/// Sends a form of the default workspace with the token of the session.
async fn act(bridge: &Bridge, cookie: &str, path: &str, fields: impl Into<String>) -> Answer {
    let fields = fields.into();
    let token = token_of(&page(bridge, "/imports", cookie).await);
    let request = bridge.request(Method::POST, &format!("{path}?workspace=default"));
    let request = request
        .header("Cookie", cookie)
        .header("Sec-Fetch-Site", "same-origin")
        .header("Content-Type", "application/x-www-form-urlencoded");
    Bridge::send(request.body(format!("csrf={token}&{fields}"))).await
}

async fn page(bridge: &Bridge, path: &str, cookie: &str) -> Answer {
    let answer = Bridge::send(bridge.request(Method::GET, path).header("Cookie", cookie)).await;
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(
        answer
            .header("content-security-policy")
            .starts_with("default-src 'none'; style-src 'self'")
    );
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_is_good_once_and_a_session_until_it_is_ended() {
    let bridge = Bridge::serving(dozen()).await;
    let anonymous = page(&bridge, "/", "").await;
    assert!(
        anonymous.text.contains("login-link") && !anonymous.text.contains("northwind"),
        "{}",
        anonymous.text
    );
    let link = link(&bridge, &["default"]).await;

    // Programs that open links do not use the link up. Forms of other sites are refused.
    for _ in 0..2 {
        assert!(
            page(&bridge, &format!("/login?link={link}"), "")
                .await
                .text
                .contains("Open the console")
        );
    }
    assert_eq!(log_in(&bridge, &link, "cross-site").await.status, 400);
    let answer = log_in(&bridge, &link, "same-origin").await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (303, "/"));
    let cookie = session(&answer);
    assert_eq!(log_in(&bridge, &link, "same-origin").await.status, 400, "once");
    assert_eq!(log_in(&bridge, &"x".repeat(43), "same-origin").await.status, 400);

    let people = page(&bridge, "/people", &cookie).await;
    assert!(people.text.contains("@northwind.example"), "{}", people.text);
    let audit = bridge.get("/api/v1/audit?event=page.session_begun").await.json();
    assert_eq!(audit["items"].as_array().unwrap().len(), 1);

    let viewed =
        entries(&bridge, "&actor=Vera%20Viewer", |entry| entry["event"] == "request").await;
    assert_eq!(viewed[0]["workspace"], json!("default"));
    let identity = viewed[0]["identity"].as_str().unwrap();
    assert!(identity.starts_with("console session ") && identity.ends_with(" by link"));

    for site in ["cross-site", "same-site"] {
        let end = bridge.request(Method::POST, "/logout").header("Cookie", &cookie);
        assert_eq!(Bridge::send(end.header("Sec-Fetch-Site", site)).await.status, 403);
    }
    let without_token = bridge.request(Method::POST, "/logout").header("Cookie", &cookie);
    assert_eq!(Bridge::send(without_token).await.status, 403);
    let token = token_of(&page(&bridge, "/people", &cookie).await);
    let end = bridge.request(Method::POST, "/logout").header("Cookie", &cookie);
    assert_eq!(Bridge::send(end.body(format!("csrf={token}"))).await.status, 303);
    for path in ["/", "/people", "/people/export", "/people/adm_4423436", "/teams"] {
        let ended = page(&bridge, path, &cookie).await;
        assert!(ended.text.contains("login-link"), "{path}: the session has ended");
        assert!(!ended.text.contains("northwind"), "{path}");
    }
    let audit = bridge.get("/api/v1/audit?event=page.session_ended").await.json();
    assert_eq!(audit["items"].as_array().unwrap().len(), 1);
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_show_the_state_and_run_nothing_that_a_name_contains() {
    let mut workspace = dozen();
    let evil = workspace.add_teammate("<script>alert(1)</script>");
    workspace.admin_mut(evil).unwrap().email = "evil@northwind.example".to_owned();
    let bridge = Bridge::serving(workspace).await;
    let cookie = session(&log_in(&bridge, &link(&bridge, &["default"]).await, "same-origin").await);
    bridge.ask(Method::DELETE, "/scim/v2/Users/adm_4423436").await;
    bridge.simulator.change(|workspace| {
        let gone = workspace.admins().nth(4).unwrap().0;
        let by = workspace.admins().next().unwrap().0;
        workspace.remove_admin(gone, by, 1_772_366_500);
    });
    start_import(&bridge, "", "wait=30").await;
    bridge.shows(2).await;
    let status = page(&bridge, "/", &cookie).await.text;
    for shown in
        ["connected", "remove account", "Left the workspace", "1 left", "<svg", "incremental"]
    {
        assert!(status.contains(shown), "{shown}: {status}");
    }
    let people = page(&bridge, "/people", &cookie).await.text;
    assert!(people.contains("&lt;script&gt;") && !people.contains("<script"), "{people}");
    let hostile = page(&bridge, "/people?q=%22%3E%3Cscript%3E&offset=99999", &cookie).await.text;
    assert!(hostile.contains("No people match") && !hostile.contains("<script"), "{hostile}");
    for odd in [
        "/people?offset=18446744073709551615",
        "/people?offset=-1&sort=-&state=none&idle=99999999&seat=&team=team_&role=%00",
        "/people?offset=1&offset=2&q=%FF",
        "/people/adm_4423436?as_of=9999-99-99",
        "/?workspace=none",
    ] {
        assert_eq!(page(&bridge, odd, &cookie).await.status, 200, "{odd}");
    }
    // A workspace of others looks like one that does not exist.
    let other = session(&log_in(&bridge, &link(&bridge, &["emea"]).await, "same-origin").await);
    for path in ["/", "/people", "/people/export", "/people/adm_4423436", "/teams"] {
        let path = format!("{path}?workspace=default");
        assert!(!page(&bridge, &path, &other).await.text.contains("northwind"), "{path}");
    }
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_prints_an_address_that_the_bridge_takes() {
    let simulator = simulator::Simulator::start(dozen(), simulator::Options::default()).unwrap();
    let shell = Shell::new()
        .set("INTERCOM_ACCESS_TOKEN", TOKEN)
        .set("INTERCOM_BASE_URL", simulator.base_url())
        .set("BRIDGE_SERVER__BIND", format!("127.0.0.1:{}", crate::support::bridge::free_port()));
    assert_eq!(shell.run(&["migrate"]).code, Some(0));
    let told = shell.run(&["login-link"]);
    assert_eq!(told.code, Some(0), "{}", told.stderr);
    let address = told.stdout.trim().to_owned();
    let link = secrets::keep(address.split("link=").nth(1).unwrap());
    let running = shell.start(&["serve"]);
    let base = address.split("/login").next().unwrap().to_owned();
    let response = eventually("a bridge listens", async || {
        let form = http()
            .post(format!("{base}/login"))
            .header("Content-Type", "application/x-www-form-urlencoded");
        form.body(format!("link={link}")).send().await
    });
    assert_eq!(response.await.status(), 303);
    let ended = shell.run(&["login-link", "--end-sessions"]);
    assert_eq!((ended.code, ended.stdout.trim()), (Some(0), "ended: 1"), "{}", ended.stderr);
    assert_eq!(running.interrupt().code, Some(0));
    assert_eq!(shell.run(&["login-link", "--workspace", "none"]).code, Some(1));
    simulator.stop().await;
}

/// A bridge with an eventful history.
async fn eventful() -> Bridge {
    let company = Company { admins: 180, teams: 9, seed: 7, now: 1_772_366_400 };
    let bridge = Bridge::serving(simulator::seed(company, TOKEN)).await;
    for round in 0_usize..6 {
        bridge.simulator.change(|workspace| {
            let people: Vec<u64> = workspace.admins().map(|(id, _)| id).collect();
            let team = workspace.teams().nth(round).unwrap().0;
            for number in 0..=(round * 3) % 7 {
                let new = workspace.add_teammate(&format!("Joiner {round} {number}"));
                workspace.team_mut(team).unwrap().members.insert(new, None);
            }
            if round % 2 == 1 {
                workspace.remove_admin(people[round + 4], people[0], 1_772_366_500);
            }
        });
        start_import(&bridge, "", "wait=30").await;
    }
    bridge.shows(7).await;
    let ticket = json!({
        "operation": "remove_account", "target": "adm_4423440", "user_name": "leaver@northwind.example",
        "comment": "Saviynt tasks 4711",
    });
    let request =
        bridge.request(Method::POST, "/api/v1/lifecycle/requests").bearer_auth(&bridge.token);
    Bridge::send(request.body(ticket.to_string())).await;
    bridge
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_work_with_a_keyboard_without_scripts_and_on_a_phone() {
    let bridge = eventful().await;
    let Some(browser) = Browser::start((1280, 1700), false).await else { return };
    let address =
        async || bridge.url(&format!("/login?link={}", link(&bridge, &["default"]).await));
    browser.open(&address().await).await;
    assert_eq!(browser.title().await, "Sign in · Intercom SCIM bridge");
    browser.press_on("button", ENTER).await;
    browser.shows("<title>Overview · default · Intercom SCIM bridge</title>").await;
    assert_eq!(browser.text(".counts .good").await, "connected");
    browser.press_on("input[type=search]", &format!("joiner 3{ENTER}")).await;
    browser.shows("<bdi>Joiner 3 0</bdi>").await;
    assert!(browser.text("caption").await.starts_with("1 to "));
    browser.press_on("tbody a", ENTER).await;
    browser.shows("Joined the workspace").await;
    assert_eq!(browser.text("h1").await, "Joiner 3 0");
    browser.close().await;

    let Some(telephone) = Browser::start((500, 900), true).await else { return };
    telephone.open(&address().await).await;
    telephone.press_on("button", ENTER).await;
    telephone.shows("Search people").await;
    let labels = telephone
        .run("return [...document.querySelectorAll('svg')].every(svg => svg.getAttribute('aria-label').length > 20)");
    assert_eq!(labels.await, json!(true));

    // The page of the OpenAPI description loads from the bridge alone, and its Authorize dialog
    // offers both ways.
    telephone.open(&bridge.url("/docs/")).await;
    telephone
        .until("document.querySelectorAll('.opblock').length > 60 && !!document.querySelector('.authorize')")
        .await;
    telephone.run("document.querySelector('.authorize').click()").await;
    let ways = "[...document.querySelectorAll('.auth-container h4')].map(title => title.textContent).join(' ')";
    telephone.until(&format!("{ways}.includes('oauth2') && {ways}.includes('bearer')")).await;
    telephone.close().await;
    bridge.stop().await;
}
