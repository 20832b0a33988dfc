//! The main task of each page that changes something, done with the keyboard in a browser, on a
//! desktop without scripts and on a phone.

use std::collections::BTreeMap;

use intercom_scim_bridge::console::ConsoleRole;
use intercom_scim_bridge::stores::OAuthClient;
use reqwest::Method;
use serde_json::json;

use super::imports::held;
use super::link_for;
use crate::roster;
use crate::support::bridge::{Bridge, dozen};
use crate::support::browser::Browser;

const ENTER: &str = "\u{E007}";
const SPACE: &str = " ";

/// A desktop without scripts, and a phone.
const SIZES: [((u32, u32), bool); 2] = [((1280, 1100), false), ((500, 900), true)];

/// Opens the console in a browser as this person; `None` if no browser is installed.
async fn open(bridge: &Bridge, name: &str, size: ((u32, u32), bool)) -> Option<Browser> {
    let browser = Browser::start(size.0, size.1).await?;
    let link = link_for(bridge, name, ConsoleRole::Admin, &["default"]).await;
    browser.open(&bridge.url(&format!("/login?link={link}"))).await;
    browser.press_on("button", ENTER).await;
    browser.shows("Overview</h1>").await;
    Some(browser)
}

/// The page does not scroll sideways. Needs scripts.
async fn fits(browser: &Browser, size: ((u32, u32), bool), path: &str) {
    if !size.1 {
        return;
    }
    let width =
        browser.run("return [document.documentElement.scrollWidth, window.innerWidth]").await;
    assert!(width[0].as_u64() <= width[1].as_u64(), "{path} is as wide as the screen: {width}");
}

async fn visit(bridge: &Bridge, browser: &Browser, size: ((u32, u32), bool), path: &str) {
    browser.open(&bridge.url(path)).await;
    browser.shows("</h1>").await;
    fits(browser, size, path).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_import_is_released_in_a_browser() {
    for size in SIZES {
        let bridge = Bridge::serving(dozen()).await;
        let Some(browser) = open(&bridge, "Ada", size).await else { return };
        let gone = held(&bridge, 4).await;
        visit(&bridge, &browser, size, "/imports").await;
        browser.shows(&gone[0]).await;
        browser.press_on("form[action^='/imports/release'] input[type=checkbox]", SPACE).await;
        browser.press_on("form[action^='/imports/release'] button", ENTER).await;
        browser.shows("The import was released").await;
        bridge.shows(2).await;
        browser.close().await;
        bridge.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_closed_and_a_client_disabled_in_a_browser() {
    for size in SIZES {
        let bridge = Bridge::serving(dozen()).await;
        let Some(browser) = open(&bridge, "Ada", size).await else { return };
        let ticket = json!({"operation": "remove_account", "target": "adm_4423440"});
        let request =
            bridge.request(Method::POST, "/api/v1/lifecycle/requests").bearer_auth(&bridge.token);
        Bridge::send(request.body(ticket.to_string())).await;
        visit(&bridge, &browser, size, "/requests").await;
        browser.press_on("td summary", ENTER).await;
        browser.press_on("td input[name=note]", "Done by hand").await;
        browser.press_on("td button[value=done]", ENTER).await;
        browser.shows("The request was closed").await;

        let client = OAuthClient {
            id: "one".to_owned(),
            name: "A very long name of a client ".repeat(3),
            secret_hash: "hash".to_owned(),
            previous: None,
            scope: "scim.read import.read activity.read lifecycle.write".to_owned(),
            workspaces: vec!["default".to_owned()],
            created_at: bridge.app.service().clock.now(),
            rotated_at: None,
            disabled_at: None,
        };
        bridge.app.service().stores.access.add_client(&client, Vec::new()).await.unwrap();
        visit(&bridge, &browser, size, "/clients").await;
        browser.press_on("td summary", ENTER).await;
        browser.press_on("form[action^='/clients/disable'] input[type=checkbox]", SPACE).await;
        browser.press_on("form[action^='/clients/disable'] button", ENTER).await;
        browser.shows("The client was disabled").await;
        visit(&bridge, &browser, size, "/audit?event=client.disabled").await;
        browser.shows("client.disabled").await;
        browser.close().await;
        bridge.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_account_is_matched_in_a_browser() {
    for size in SIZES {
        let bridge = roster::api::bridge().await;
        let rows = roster::api::roster(&bridge).await;
        assert_eq!(roster::api::put(&bridge, "", rows).await.status, 200);
        let Some(browser) = open(&bridge, "Ada", size).await else { return };
        let accounts = bridge.get("/api/v1/accounts").await.json();
        let id = accounts["items"].as_array().unwrap().last().unwrap()["id"].clone();
        let path = format!("/people/{}", id.as_str().unwrap());
        visit(&bridge, &browser, size, &path).await;
        let form = "form[action^='/identities/decide']";
        browser.press_on("#decide > summary", ENTER).await;
        browser.press_on(&format!("{form} select"), "It is a service").await;
        browser.press_on(&format!("{form} input[name=person]"), "0002").await;
        browser.press_on(&format!("{form} input[name=why]"), "Sends reports").await;
        browser.press_on(&format!("{form} button"), ENTER).await;
        browser.shows("is responsible").await;
        browser.close().await;
        bridge.stop().await;
    }
}

/// Goes through a review up to the signature.
async fn reviewed(bridge: &Bridge, browser: &Browser, size: ((u32, u32), bool)) {
    visit(bridge, browser, size, "/reviews").await;
    browser.press_on("form[action^='/reviews/begin'] button", ENTER).await;
    browser.shows("Access review 1</h1>").await;
    fits(browser, size, "/reviews/1").await;
    browser.press_on("input[type=radio][value=remove]", SPACE).await;
    browser.press_on("button[value=keep]", ENTER).await;
    browser.shows("The decisions were saved").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_review_is_signed_in_a_browser() {
    for size in SIZES {
        let bridge = Bridge::serving(dozen()).await;
        let Some(browser) = open(&bridge, "Ada", size).await else { return };
        reviewed(&bridge, &browser, size).await;
        browser.press_on("input[name=sure]", SPACE).await;
        browser.press_on("form[action*='/sign'] button", ENTER).await;
        browser.shows("Download the evidence bundle").await;
        fits(&browser, size, "/reviews/1").await;
        let requests = bridge.get("/api/v1/lifecycle/requests").await.json();
        assert_eq!(requests["total"], 1);
        browser.close().await;
        bridge.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "writes docs/pictures"]
async fn pictures_of_the_review_for_the_docs() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/pictures");
    std::fs::create_dir_all(folder).unwrap();
    let names = BTreeMap::from([((1280, 1100), "review"), ((500, 900), "review-phone")]);
    for (size, name) in names {
        let bridge = Bridge::serving(dozen()).await;
        let browser = open(&bridge, "Ada", (size, true)).await.unwrap();
        reviewed(&bridge, &browser, (size, true)).await;
        browser.open(&bridge.url("/reviews/1")).await;
        browser.shows("</h1>").await;
        std::fs::write(format!("{folder}/{name}.png"), browser.screenshot().await).unwrap();
        browser.close().await;
        bridge.stop().await;
    }
}
