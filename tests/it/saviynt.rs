//! The package for Saviynt EIC, run by a simulated EIC.

mod tasks;

use std::io::{Read, Write};
use std::net::TcpStream;

use intercom_scim_bridge::access::Scope;
use intercom_scim_bridge::app::App;
use intercom_scim_bridge::clock::Clock;
use reqwest::Method;
use serde_json::{Value, json};
use simulator::{Company, Fault};

use crate::support::bridge::{self, Bridge, dozen, http, token};
use crate::support::database::TestDatabase;
use crate::support::eic::site::{Site, found, large, same, truth};
use crate::support::eic::{Eic, Package, Pause, Status};
use crate::support::hand::TOKEN;
use crate::support::shell::Shell;

#[tokio::test(flavor = "multi_thread")]
async fn a_full_import_is_the_truth_account_by_account_and_membership_by_membership() {
    let site = Site::of(large()).await;
    for style in ["scim", "flat"] {
        let package = site.package(style).await;
        for form in ["ImportAccountEntJSON.json", "ImportAccountEntJSON.per-team.json"] {
            let what = format!("{style} {form}");
            let mut eic = Eic::new(&package["ConnectionJSON.json"]);
            eic.connection.test().await.unwrap();
            assert_eq!(eic.connection.refreshes, 1, "the first call gets its token");
            let done =
                eic.import(&package[form], &package["STATUS_THRESHOLD_CONFIG.json"]).await.unwrap();
            assert_eq!(done.accounts, 2_500, "{what}");
            same(&eic, &site.simulator, &what);
            assert_eq!(eic.connection.refreshes, 1, "{what}");
        }
        let mut eic = Eic::new(&package["ConnectionJSON.bearer.json"]);
        eic.connection.test().await.unwrap();
        assert_eq!(
            (eic.connection.refreshes, eic.connection.calls),
            (0, 1),
            "a token that does not change"
        );
    }
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leaver_becomes_inactive_and_loses_all_entitlements() {
    let site = Site::of(dozen()).await;
    for (style, generation) in [("scim", 2), ("flat", 3)] {
        let package = site.package(style).await;
        let import = &package["ImportAccountEntJSON.json"];
        let thresholds = &package["STATUS_THRESHOLD_CONFIG.json"];
        let mut eic = Eic::new(&package["ConnectionJSON.json"]);
        eic.import(import, thresholds).await.unwrap();
        same(&eic, &site.simulator, style);
        let before = eic.accounts.clone();
        eic.import(import, thresholds).await.unwrap();
        assert_eq!(eic.accounts, before, "nothing changed");

        let gone = site.simulator.change(|workspace| {
            let people: Vec<u64> = workspace.admins().map(|(id, _)| id).collect();
            let team = workspace.teams().next().unwrap().0;
            let members = &mut workspace.team_mut(team).unwrap().members;
            let out = *members.keys().next().unwrap();
            members.remove(&out);
            let new = workspace.add_teammate(&format!("New Comer {generation}"));
            workspace.team_mut(team).unwrap().members.insert(new, None);
            workspace.add_team(&format!("Team {generation}"), &[people[2], new]);
            let gone = people[if style == "scim" { 4 } else { 5 }];
            workspace.remove_admin(gone, people[0], 1_772_366_500);
            format!("adm_{gone}")
        });
        assert_eq!(site.import().await["generation"], json!(generation));
        site.shows(generation).await;
        eic.import(import, thresholds).await.unwrap();
        assert_eq!(
            (eic.accounts[&gone].status, eic.accounts[&gone].links.len()),
            (Status::Inactive, 0)
        );
        same(&eic, &site.simulator, style);
    }
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bridge_that_is_restarted_in_mid_import_goes_on_or_fails_but_never_gives_a_short_list() {
    let mut site = Site::of(simulator::seed(
        Company { admins: 900, teams: 12, seed: 3, now: 1_772_366_400 },
        TOKEN,
    ))
    .await;
    for style in ["scim", "flat"] {
        let package = site.package(style).await;
        let import = &package["ImportAccountEntJSON.json"];
        let thresholds = &package["STATUS_THRESHOLD_CONFIG.json"];
        let mut eic = Eic::new(&package["ConnectionJSON.json"]);

        // The bridge restarts during a walk with the same state, and the walk continues.
        let (pause, reached, go_on) = pause();
        let (restarted, done) = tokio::join!(
            async {
                reached.await.unwrap();
                site.app.stop().await;
                site.app = App::start(&site.config, Clock::System).await.unwrap();
                site.shows(1).await;
                go_on.send(()).unwrap();
                site
            },
            eic.import_with(import, thresholds, Some(pause)),
        );
        site = restarted;
        assert_eq!(done.unwrap().accounts, 900, "{style}");
        same(&eic, &site.simulator, style);

        // The bridge does not come back in time.
        let before = eic.accounts.clone();
        let (pause, reached, go_on) = self::pause();
        let (stopped, done) = tokio::join!(
            async {
                reached.await.unwrap();
                site.app.stop().await;
                go_on.send(()).unwrap();
                (site.config, site.simulator, site.database)
            },
            eic.import_with(import, thresholds, Some(pause)),
        );
        assert_eq!((done, &eic.accounts), (Err("no answer".to_owned()), &before), "{style}");
        let (config, simulator, database) = stopped;
        let app = App::start(&config, Clock::System).await.unwrap();
        site = Site { app, config, simulator, database };
        site.shows(1).await;
    }
    site.stop().await;
}

fn pause() -> (Pause, tokio::sync::oneshot::Receiver<()>, tokio::sync::oneshot::Sender<()>) {
    let ((reached, is_reached), (goes_on, go_on)) =
        (tokio::sync::oneshot::channel(), tokio::sync::oneshot::channel());
    (Pause { after_page: 2, reached, go_on }, is_reached, goes_on)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_during_a_walk_appears_only_in_the_next_walk() {
    let site = Site::of(simulator::seed(
        Company { admins: 900, teams: 12, seed: 3, now: 1_772_366_400 },
        TOKEN,
    ))
    .await;
    for (style, generation) in [("scim", 2), ("flat", 3)] {
        let package = site.package(style).await;
        let import = &package["ImportAccountEntJSON.json"];
        let thresholds = &package["STATUS_THRESHOLD_CONFIG.json"];
        let mut eic = Eic::new(&package["ConnectionJSON.json"]);
        let (pause, reached, go_on) = pause();
        let before = truth(&site.simulator);
        let ((), done) = tokio::join!(
            async {
                reached.await.unwrap();
                site.simulator.change(|workspace| {
                    let people: Vec<u64> = workspace.admins().map(|(id, _)| id).collect();
                    for gone in &people[1..5] {
                        workspace.remove_admin(*gone, people[0], 1_772_366_500);
                    }
                });
                site.import().await;
                site.shows(generation).await;
                go_on.send(()).unwrap();
            },
            eic.import_with(import, thresholds, Some(pause)),
        );
        done.unwrap();
        assert!(
            found(&eic).accounts == before.accounts,
            "{style}: the accounts that there were when it began"
        );
        eic.import(import, thresholds).await.unwrap();
        same(&eic, &site.simulator, style);
    }
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_intercom_fails_an_import_reads_the_known_state_or_fails() {
    let site = Site::of(dozen()).await;
    let package = site.package("scim").await;
    let import = &package["ImportAccountEntJSON.json"];
    let thresholds = &package["STATUS_THRESHOLD_CONFIG.json"];
    let mut eic = Eic::new(&package["ConnectionJSON.json"]);
    eic.import(import, thresholds).await.unwrap();
    let before = eic.accounts.clone();
    site.simulator.fail_from_now_on(Fault::Unauthorized, "");
    assert_eq!(site.import().await["status"], json!("failed"));
    eic.import(import, thresholds).await.unwrap();
    assert_eq!(eic.accounts, before);

    // A bridge that never reached Intercom has no data. It returns an error instead of an empty
    // list.
    let other = TestDatabase::sqlite();
    let Site { app, config, simulator, .. } = site;
    app.stop().await;
    let mut fresh = bridge::config(&other, &simulator.base_url());
    fresh.server.bind = config.server.bind;
    let app = App::start(&fresh, Clock::System).await.unwrap();
    let bearer = token(&app, &[Scope::ScimRead]);
    let mut connection = package["ConnectionJSON.bearer.json"].clone();
    connection["authentications"]["acctAuth"]["accessToken"] = json!(format!("Bearer {bearer}"));
    let mut of_fresh = Eic::new(&connection);
    of_fresh.accounts.clone_from(&before);
    let refused = of_fresh.import(import, thresholds).await.unwrap_err();
    assert!(refused.starts_with("503 "), "{refused}");
    assert_eq!(of_fresh.accounts, before);
    app.stop().await;
    simulator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_saviynts_ways_of_paging_some_lose_records_and_the_docs_say_how_many() {
    let site = Site::of(large()).await;
    let docs = include_str!("../../docs/clients/saviynt.md");
    let scim = site.package("scim").await;
    let flat = site.package("flat").await;
    let users = format!("{}/scim/v2/Users", site.base_url());
    let url = "/accountParams/call/call1/http/url";
    let paging = "/accountParams/call/call1/pagination";
    let accounts = format!("{}/api/v1/accounts?include_removed=true", site.base_url());
    for (way, package, first, of) in [
        ("by Link", &scim, format!("{users}?count=200&cursor="), "2,500 of 2,500"),
        ("computed", &scim, format!("{users}?startIndex=1&count=200"), "2,500 of 2,500"),
        ("page", &scim, users.clone(), "99 of 2,500"),
        ("offset, SCIM", &scim, users.clone(), "2,499 of 2,500"),
        ("offset, flat", &flat, accounts, "2,500 of 2,500"),
    ] {
        // The test runs the example of the docs.
        let (_, after) = docs
            .split_once(&format!("`{way}`"))
            .unwrap_or_else(|| panic!("the docs do not name {way}"));
        let example = after.split("```json").nth(1).unwrap().split("```").next().unwrap();
        let example = example.replace("https://bridge.example.com", &site.base_url());
        assert!(
            after.split("```json").next().unwrap().contains(of),
            "{way}: the docs do not say {of}"
        );
        let mut import = package["ImportAccountEntJSON.json"].clone();
        *import.pointer_mut(url).unwrap() = json!(first);
        *import.pointer_mut(paging).unwrap() =
            serde_json::from_str::<Value>(&example).unwrap()["pagination"].clone();
        let mut eic = Eic::new(&package["ConnectionJSON.json"]);
        eic.import(&import, &package["STATUS_THRESHOLD_CONFIG.json"]).await.unwrap();
        let known = truth(&site.simulator).accounts;
        let seen = found(&eic).accounts;
        assert!(seen.iter().all(|(id, columns)| known.get(id) == Some(columns)), "{way}");
        let thousands = seen.len() / 1000;
        let rest = seen.len() % 1000;
        let seen = if thousands > 0 {
            format!("{thousands},{rest:03} of 2,500")
        } else {
            format!("{rest} of 2,500")
        };
        assert_eq!(seen, of, "{way}");
    }
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_lost_many_is_not_acted_on() {
    let site = Site::of(dozen()).await;
    let package = site.package("scim").await;
    let import = &package["ImportAccountEntJSON.json"];
    let thresholds = &package["STATUS_THRESHOLD_CONFIG.json"];
    let mut eic = Eic::new(&package["ConnectionJSON.json"]);
    eic.import(import, thresholds).await.unwrap();
    let before = eic.accounts.clone();
    // A mistake in the connection: the first page is taken for the whole list.
    let mut short = import.clone();
    *short.pointer_mut("/accountParams/call/call1/http/url").unwrap() =
        json!(format!("{}/scim/v2/Users?count=3", site.base_url()));
    let done = eic.import(&short, thresholds).await.unwrap();
    assert_eq!((done.accounts, done.spared), (3, 9));
    assert!(eic.accounts.iter().all(|(id, account)| account.status == before[id].status));
    site.stop().await;
}

/// Replaces the time from which an import of recent changes asks.
///
/// Two days ago, the bridge had not seen any teammate. So the tests ask for changes since a later
/// time.
fn set_start(import: &mut Value, style: &str, moment: &str) {
    let url = import.pointer_mut("/accountParams/call/call1/http/url").unwrap();
    let text = url.as_str().unwrap();
    let replaced = if style == "scim" {
        let (before, rest) = text.split_once("${new").unwrap();
        let (_, after) = rest.split_once('}').unwrap();
        format!("{before}{moment}{after}")
    } else {
        let (before, after) = text.split_once("modified_since=2d").unwrap();
        format!("{before}modified_since={moment}{after}")
    };
    *url = json!(replaced);
}

/// Asserts that each of the two guards against suspensions is enough by itself. Without both,
/// accounts change, but none is suspended.
async fn assert_each_guard_is_enough(eic: &Eic, package: &Package, recent: &Value, style: &str) {
    let thresholds = &package["STATUS_THRESHOLD_CONFIG.recent.json"];
    for (without, changed) in
        [("accountsNotInImportAction", false), ("accountThresholdValue", false), ("both", true)]
    {
        let mut weaker = thresholds.clone();
        let rules = weaker["statusAndThresholdConfig"].as_object_mut().unwrap();
        if without != "accountThresholdValue" {
            rules.remove("accountsNotInImportAction");
        }
        if without != "accountsNotInImportAction" {
            rules.insert("accountThresholdValue".to_owned(), json!(1_000));
        }
        let mut other = Eic::new(&package["ConnectionJSON.json"]);
        other.accounts.clone_from(&eic.accounts);
        other.import(recent, &weaker).await.unwrap();
        assert_eq!(other.accounts != eic.accounts, changed, "{style} without {without}");
        assert!(
            other.accounts.values().all(|account| account.status != Status::Suspended),
            "{style} {without}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_of_recent_changes_sees_them_and_removes_no_other_account() {
    let site = Site::of(dozen()).await;
    for (style, generation) in [("scim", 2), ("flat", 3)] {
        let package = site.package(style).await;
        let mut eic = Eic::new(&package["ConnectionJSON.json"]);
        eic.import(&package["ImportAccountEntJSON.json"], &package["STATUS_THRESHOLD_CONFIG.json"])
            .await
            .unwrap();
        // One teammate leaves. For this EIC, all others changed long ago.
        let gone = site.simulator.change(|workspace| {
            let people: Vec<u64> = workspace.admins().map(|(id, _)| id).collect();
            workspace.remove_admin(people[4], people[0], 1_772_366_500);
            format!("adm_{}", people[4])
        });
        site.import().await;
        site.shows(generation).await;
        let mut recent = package["ImportAccountEntJSON.recent.json"].clone();
        set_start(&mut recent, style, &eic_moment(&site, &gone).await);
        let before = eic.accounts.clone();
        let done =
            eic.import(&recent, &package["STATUS_THRESHOLD_CONFIG.recent.json"]).await.unwrap();
        assert_eq!(done.accounts, 1, "{style}: only the account that changed");
        assert_eq!(eic.accounts[&gone].status, Status::Inactive);
        for (id, account) in eic.accounts.iter().filter(|(id, _)| **id != gone) {
            assert_eq!(account, &before[id], "{style}");
        }
        assert_eq!(
            eic.accounts[&gone].links, before[&gone].links,
            "this import cannot see which access ended"
        );
        assert_each_guard_is_enough(&eic, &package, &recent, style).await;
        // The bridge understands the query as the package writes it.
        let done = eic.import(
            &package["ImportAccountEntJSON.recent.json"],
            &package["STATUS_THRESHOLD_CONFIG.recent.json"],
        );
        assert!(done.await.unwrap().accounts >= 12, "{style}: all were first seen within two days");
    }
    site.stop().await;
}

async fn eic_moment(site: &Site, account: &str) -> String {
    let request = http().get(format!("{}/scim/v2/Users/{account}", site.base_url()));
    let user = Bridge::send(request.bearer_auth(token(&site.app, &Scope::ALL))).await.json();
    user["meta"]["lastModified"].as_str().unwrap().to_owned()
}

#[test]
fn the_command_writes_nothing_over_and_says_what_does_not_fit() {
    let shell = Shell::new()
        .set("DATABASE_URL", "sqlite://none.db?mode=rwc")
        .set("INTERCOM_ACCESS_TOKEN", TOKEN);
    let package = ["saviynt-package", "--base-url", "https://bridge.example.com"];
    let first = shell.run(&package);
    assert_eq!(
        (first.code, first.stdout.as_str()),
        (Some(0), "20 files were written to saviynt; start with README.md\n")
    );
    assert!(
        first
            .stderr
            .contains("there is no database here, so the thresholds have their smallest values")
    );
    assert!(
        first.stderr.contains("set server.public_url to https://bridge.example.com"),
        "{}",
        first.stderr
    );
    assert!(!shell.directory.path().join("none.db").exists(), "it only looks");
    let again = shell.run(&package);
    assert_eq!(again.code, Some(1));
    assert!(again.stderr.contains("already exists, so nothing was written"), "{}", again.stderr);
    for wrong in [
        "bridge.example.com",
        "ftp://bridge.example.com",
        "https://bridge.example.com/scim",
        "https://a:b@c",
        "https://a\"b.example.com",
        "https://a${x}b.example.com",
    ] {
        assert_eq!(shell.run(&["saviynt-package", "--base-url", wrong]).code, Some(2), "{wrong}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn link_is_written_as_clients_look_for_it() {
    let bridge = Bridge::serving(dozen()).await;
    for path in ["/scim/v2/Users?count=2", "/api/v1/accounts?limit=2"] {
        let mut stream = TcpStream::connect(bridge.app.address()).unwrap();
        let accept = if path.starts_with("/api") { "text/csv" } else { "*/*" };
        let head = format!(
            "GET {path} HTTP/1.1\r\nHost: x\r\nAccept: {accept}\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\r\n",
            bridge.token
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.contains("\r\nLink: <http"), "{answer}");
    }
    assert_eq!(
        bridge
            .ask(Method::HEAD, "/scim/v2/Users?count=2")
            .await
            .header("link")
            .matches("rel=")
            .count(),
        1
    );
    bridge.stop().await;
}
