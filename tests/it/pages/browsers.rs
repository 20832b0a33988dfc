//! Every page in a browser: on a wide screen, on a phone, on the narrowest screen, in light and
//! dark, with a keyboard; and the pictures for the documentation.

use intercom_scim_bridge::console::ConsoleRole;
use serde_json::{Value, json};

use super::{eventful, link_for};
use crate::support::bridge::Bridge;
use crate::support::browser::Browser;

pub const ENTER: &str = "\u{E007}";

/// The pages, with a text that each shows.
pub const PAGES: &[(&str, &str)] = &[
    ("/", "Overview"),
    ("/people", "People"),
    ("/people/adm_4423436", "Access now"),
    ("/teams", "Teams"),
    ("/identities", "Identities"),
    ("/seats", "Paid seats"),
    ("/changes", "Changes"),
    ("/compare", "Compare two days"),
    ("/activity", "Activity"),
    ("/posture", "Failing"),
    ("/reviews", "Access reviews"),
    ("/requests", "Requests"),
    ("/imports", "Imports"),
    ("/clients", "Clients and tokens"),
    ("/audit", "Audit trail"),
    ("/time-zone", "Time zone"),
];

/// Opens the console in a new browser.
pub async fn signed_in(bridge: &Bridge, size: (u32, u32), javascript: bool) -> Option<Browser> {
    let browser = Browser::start(size, javascript).await?;
    let link = link_for(bridge, "Ada Admin", ConsoleRole::Admin, &["default"]).await;
    browser.open(&bridge.url(&format!("/login?link={link}"))).await;
    browser.press_on("button", ENTER).await;
    browser.shows("Search people").await;
    Some(browser)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_fits_screens_of_every_width_without_scripts() {
    let bridge = eventful().await;
    let Some(browser) = signed_in(&bridge, (1280, 1000), false).await else { return };
    for width in [320, 500, 1280] {
        browser.set_width(width).await;
        for (path, text) in PAGES {
            browser.open(&bridge.url(path)).await;
            browser.shows(text).await;
            let measured = browser
                .run("return [document.documentElement.scrollWidth, window.innerWidth]")
                .await;
            assert_eq!(measured[1], json!(width), "{path}");
            assert!(
                measured[0].as_u64() <= measured[1].as_u64(),
                "{path} scrolls sideways at {width} pixels: {measured}"
            );
        }
    }
    // The menu opens on a phone without a script.
    browser.set_width(400).await;
    browser.open(&bridge.url("/people")).await;
    let shown = "return document.querySelector('#menu').checkVisibility()";
    assert_eq!(browser.run(shown).await, json!(false));
    browser.press_on("button.menu", ENTER).await;
    browser.until("document.querySelector('#menu').checkVisibility()").await;
    browser.press_on("#menu a[href^='/teams']", ENTER).await;
    browser.shows("<h1>Teams</h1>").await;
    browser.close().await;
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn axe_finds_nothing_on_any_page_in_light_and_dark() {
    let Ok(axe) = std::env::var("AXE") else {
        eprintln!("skipped: AXE does not name the script (.ci/run installs it)");
        return;
    };
    let axe = std::fs::read_to_string(axe).unwrap();
    let bridge = eventful().await;
    let Some(browser) = signed_in(&bridge, (1280, 1000), true).await else { return };
    for scheme in ["light", "dark"] {
        browser.prefer(scheme).await;
        for width in [390, 1280] {
            browser.set_width(width).await;
            for (path, text) in PAGES.iter().chain([&("/nowhere", "Page not found")]) {
                browser.open(&bridge.url(path)).await;
                browser.shows(text).await;
                let found = violations(&browser, &axe).await;
                assert_eq!(found, json!([]), "{path} in {scheme} at {width} pixels: {found:#}");
            }
        }
    }
    browser.close().await;
    bridge.stop().await;
}

/// The violations that axe-core finds on the open page: the rule, and the elements.
async fn violations(browser: &Browser, axe: &str) -> Value {
    browser.run(axe).await;
    browser
        .run_async(
            "const done = arguments[arguments.length - 1];
            axe.run(document, {resultTypes: ['violations']}).then(result => done(result.violations.map(one =>
                [one.id, one.help, one.nodes.map(node => [node.html, node.failureSummary])])), error => done(String(error)))",
        )
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_print_has_the_date_and_the_generation() {
    let bridge = eventful().await;
    let Some(browser) = signed_in(&bridge, (1280, 1000), true).await else { return };
    browser.emulate_print().await;
    for (path, text) in PAGES {
        browser.open(&bridge.url(path)).await;
        browser.shows(text).await;
        let footer = browser.text("footer").await;
        assert!(footer.contains("generation 7") && footer.contains("UTC"), "{path}: {footer}");
        let hidden = "return [...document.querySelectorAll('#menu, form, button')].every(one => !one.checkVisibility())";
        assert_eq!(browser.run(hidden).await, json!(true), "{path} prints no controls");
    }
    browser.close().await;
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "writes docs/pictures"]
async fn pictures_for_the_docs() {
    let bridge = eventful().await;
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/pictures");
    std::fs::create_dir_all(folder).unwrap();
    let log = bridge.get("/api/v1/changes?limit=1").await.json();
    let compare = format!("/compare?from={}", log["items"][0]["at"].as_str().unwrap());
    for (name, path) in [
        ("overview", "/"),
        ("people", "/people"),
        ("person", "/people/adm_4423436"),
        ("compare", &*compare),
        ("posture", "/posture"),
    ] {
        for (ending, size) in [("", (1280, 1000)), ("-phone", (500, 1000))] {
            let browser = signed_in(&bridge, size, true).await.unwrap();
            browser.open(&bridge.url(path)).await;
            browser.shows("<h1>").await;
            let picture = browser.screenshot().await;
            std::fs::write(format!("{folder}/{name}{ending}.png"), picture).unwrap();
            browser.close().await;
        }
    }
    bridge.stop().await;
}
