//! The main task of each page, done in a browser without scripts: on a wide screen and on a phone.

use super::browsers::{ENTER, signed_in};
use crate::support::bridge::{Bridge, dozen, start_import};
use crate::support::browser::Browser;

/// Writes into a field, which may be one for a day.
async fn fill(browser: &Browser, name: &str, value: &str) {
    let script = format!("document.querySelector('main [name={name}]').value = '{value}'");
    browser.run(&script).await;
}

/// Presses the button of the filters, and waits for the next page. The present one may contain the
/// texts that a test waits for.
async fn show(browser: &Browser) {
    browser.run("document.documentElement.dataset.present = 'yes'").await;
    browser.press_on("main form button.main", ENTER).await;
    browser
        .until("!document.documentElement.dataset.present && document.readyState === 'complete'")
        .await;
}

/// Changes: who removed Bo.
async fn find_who_removed_bo(bridge: &Bridge, browser: &Browser, by: &str) {
    browser.open(&bridge.url("/changes")).await;
    fill(browser, "person", "Bo Removed").await;
    fill(browser, "action", "removed").await;
    fill(browser, "kind", "user").await;
    show(browser).await;
    browser.shows("Left the workspace").await;
    assert_eq!(browser.text("tbody td:nth-child(4)").await, by);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_main_task_of_each_page_is_done_on_a_wide_screen_and_on_a_phone() {
    let bridge = Bridge::serving(dozen()).await;
    let now = bridge.app.service().clock.now();
    bridge.simulator.change(|workspace| {
        let people: Vec<u64> = workspace.admins().map(|(id, _)| id).collect();
        workspace.admin_mut(people[1]).unwrap().name = "Bo Removed".to_owned();
    });
    start_import(&bridge, "", "wait=30").await;
    bridge.shows(2).await;
    bridge.simulator.change(|workspace| {
        let people: Vec<u64> = workspace.admins().map(|(id, _)| id).collect();
        workspace.remove_admin(people[1], people[0], now.unix_timestamp());
    });
    start_import(&bridge, "", "wait=30").await;
    bridge.shows(3).await;
    let log = bridge.get("/api/v1/changes?limit=1").await.json();
    let first = log["items"][0]["at"].as_str().unwrap().to_owned();
    let removals = bridge.get("/api/v1/changes?action=removed&type=user").await.json();
    let by = &removals["items"][0]["actor"];
    let by = by["display_name"].as_str().or(by["email"].as_str()).unwrap().to_owned();
    for size in [(1280, 1000), (500, 900)] {
        let Some(browser) = signed_in(&bridge, size, false).await else { return };
        // People: find a person who was removed, and what they could do then.
        browser.open(&bridge.url("/people")).await;
        fill(&browser, "q", "bo removed").await;
        fill(&browser, "state", "removed").await;
        show(&browser).await;
        browser.shows("1 to 1 of 1").await;
        browser.press_on("tbody a", ENTER).await;
        browser.shows("Timeline").await;
        browser.shows(&by).await;
        let here = browser.run("return location.pathname").await;
        browser.open(&bridge.url(&format!("{}?as_of={first}", here.as_str().unwrap()))).await;
        browser.shows(&format!("Access on {first}")).await;
        assert_eq!(browser.text("dl.facts .badge").await, "active");

        find_who_removed_bo(&bridge, &browser, &by).await;

        // Compare: who left since the first import.
        browser.open(&bridge.url(&format!("/compare?from={first}"))).await;
        browser.shows("<h2>Left</h2>").await;

        // Teams: who is in a team.
        browser.open(&bridge.url("/teams")).await;
        browser.press_on("tbody a", ENTER).await;
        browser.shows("Members now").await;

        // Posture: what to do about a failing check.
        browser.open(&bridge.url("/posture")).await;
        fill(&browser, "status", "fail").await;
        show(&browser).await;
        browser.shows("What to do:").await;

        // Activity: what a person did.
        browser.open(&bridge.url("/activity")).await;
        fill(&browser, "person", &by).await;
        show(&browser).await;
        browser.shows(&format!("{by}</bdi>")).await;

        // Seats: which are unused. Identities: what to do without a roster.
        browser.open(&bridge.url("/seats")).await;
        fill(&browser, "use", "unused").await;
        show(&browser).await;
        browser.until("location.search.includes('use=unused')").await;
        browser.open(&bridge.url("/identities")).await;
        browser.shows("roster import").await;

        // The time zone, which the next page uses.
        browser.open(&bridge.url("/time-zone?back=%2Fchanges")).await;
        fill(&browser, "zone", "Asia/Kolkata").await;
        show(&browser).await;
        browser.shows("+05:30</time>").await;
        browser.close().await;
    }
    bridge.stop().await;
}
