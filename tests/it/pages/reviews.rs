//! Access reviews in the console.

use std::io::Read;

use intercom_scim_bridge::console::ConsoleRole;
use intercom_scim_bridge::reviews::{NewReview, ReviewDecision, ReviewState};
use intercom_scim_bridge::stores::{Decided, ReviewChanged, Signing, WantedItems};
use reqwest::Method;
use sea_orm::ConnectionTrait;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::{act, page, signed_in_as};
use crate::audit::entries;
use crate::on_both_databases;
use crate::support::bridge::{Answer, Bridge, dozen};
use crate::support::database::TestDatabase;

on_both_databases!(a_review_survives_a_restart_and_is_signed_once_by_one_of_two_processes);

/// Begins a review, and returns its path.
async fn begun(bridge: &Bridge, cookie: &str) -> String {
    let answer = act(bridge, cookie, "/reviews/begin", "").await;
    assert_eq!(answer.status, 303, "{}", answer.text);
    answer.header("location").split('?').next().unwrap().to_owned()
}

/// The accounts on the page of a review.
fn accounts(page: &Answer) -> Vec<String> {
    let fields = page.text.split("name=\"account:").skip(1);
    fields.map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
}

/// Decides about all accounts on the page: the first is removed, the second is a question.
async fn decide_all(bridge: &Bridge, cookie: &str, path: &str) -> Vec<String> {
    let accounts = accounts(&page(bridge, path, cookie).await);
    let mut form = form_urlencoded::Serializer::new(String::new());
    for (place, account) in accounts.iter().enumerate() {
        let decision = ["remove", "ask", "keep"][place.min(2)];
        form.append_pair(&format!("account:{account}"), "1");
        form.append_pair(&format!("decision:{account}"), decision);
        form.append_pair(
            &format!("comment:{account}"),
            if place == 0 { "Left in May" } else { "" },
        );
    }
    let saved = act(bridge, cookie, &format!("{path}/decide"), form.finish()).await;
    assert_eq!(saved.status, 303, "{}", saved.text);
    accounts
}

/// Downloads the evidence bundle, and returns its files.
async fn files(bridge: &Bridge, cookie: &str, path: &str) -> Vec<(String, Vec<u8>)> {
    let request = bridge.request(Method::GET, &format!("{path}/bundle")).header("Cookie", cookie);
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let bytes = answer.bytes().await.unwrap().to_vec();
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
    let mut files = Vec::new();
    for place in 0..zip.len() {
        let mut file = zip.by_index(place).unwrap();
        let mut contents = Vec::new();
        file.read_to_end(&mut contents).unwrap();
        files.push((file.name().unwrap().into_owned(), contents));
    }
    files
}

fn file<'a>(files: &'a [(String, Vec<u8>)], name: &str) -> &'a [u8] {
    &files.iter().find(|(known, _)| known == name).unwrap().1
}

#[tokio::test(flavor = "multi_thread")]
async fn a_review_is_decided_signed_and_becomes_evidence_and_requests() {
    let bridge = Bridge::serving(dozen()).await;
    let cookie = signed_in_as(&bridge, "Rita Reviewer", ConsoleRole::Reviewer).await;
    assert!(page(&bridge, "/reviews", &cookie).await.text.contains("No review was begun yet"));
    let path = begun(&bridge, &cookie).await;
    let shown = page(&bridge, &path, &cookie).await;
    assert!(shown.text.contains("The review was begun") || shown.text.contains("Access review 1"));
    let early = act(&bridge, &cookie, &format!("{path}/sign"), "sure=yes").await;
    assert_eq!(early.status, 400, "{}", early.text);
    assert!(early.text.contains("Decide about each account"), "{}", early.text);

    let accounts = decide_all(&bridge, &cookie, &path).await;
    assert!(accounts.len() >= 11, "{accounts:?}");
    let unsure = act(&bridge, &cookie, &format!("{path}/sign"), "").await;
    assert_eq!(unsure.status, 400, "{}", unsure.text);
    let signed =
        act(&bridge, &cookie, &format!("{path}/sign"), "sure=yes&statement=Done+with+care").await;
    assert_eq!(signed.status, 303, "{}", signed.text);
    let shown = page(&bridge, &path, &cookie).await;
    for text in ["Signed by", "Rita Reviewer", "Done with care", "Left in May", "evidence bundle"] {
        assert!(shown.text.contains(text), "{text}: {}", shown.text);
    }
    assert!(!shown.text.contains("Save the decisions"), "{}", shown.text);

    // The account to remove became a request of the reviewer.
    let requests = bridge.get("/api/v1/lifecycle/requests").await.json();
    assert_eq!(requests["total"], 1, "{requests}");
    let request = &requests["items"][0];
    assert_eq!(request["operation"], "remove_account");
    assert_eq!(request["target"], accounts[0].as_str());
    assert_eq!(request["requester"], "Rita Reviewer");
    assert!(request["comment"].as_str().unwrap().contains("Left in May"));

    // The bundle has the decisions, and each file's SHA-256.
    let bundle = files(&bridge, &cookie, &path).await;
    let manifest: Value = serde_json::from_slice(file(&bundle, "manifest.json")).unwrap();
    assert_eq!(manifest["review"]["signed_by"], "Rita Reviewer");
    assert_eq!(manifest["review"]["remove"], 1);
    assert_eq!(manifest["ledger"]["head"].as_str().unwrap().len(), 43, "{manifest}");
    for described in manifest["files"].as_array().unwrap() {
        let contents = file(&bundle, described["name"].as_str().unwrap());
        let sha256 = hex::encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, contents));
        assert_eq!(described["sha256"], sha256.as_str());
    }
    let csv = String::from_utf8(file(&bundle, "decisions.csv").to_vec()).unwrap();
    assert_eq!(csv.lines().count(), accounts.len() + 1);
    let line = csv.lines().find(|line| line.contains("Left in May")).unwrap();
    assert!(line.contains(request["id"].as_str().unwrap()), "{line}");
    let sha256 = hex::encode(aws_lc_rs::digest::digest(
        &aws_lc_rs::digest::SHA256,
        file(&bundle, "manifest.json"),
    ));
    assert!(shown.text.contains(&sha256), "{}", shown.text);
    let again = files(&bridge, &cookie, &path).await;
    assert_eq!(bundle, again, "the same bytes each time");

    for event in ["review.begun", "review.decided", "review.signed"] {
        let recorded = entries(&bridge, &format!("&event={event}"), |_| true).await;
        assert_eq!(recorded[0]["actor"], "Rita Reviewer", "{event}");
    }
    let verified = bridge.app.service().stores.ledger.verify("default", None).await.unwrap();
    assert!(verified.findings.is_empty(), "{:?}", verified.findings);
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_review_never_changes_and_an_altered_one_is_found() {
    let bridge = Bridge::serving(dozen()).await;
    let cookie = signed_in_as(&bridge, "Rita Reviewer", ConsoleRole::Reviewer).await;
    let path = begun(&bridge, &cookie).await;
    let accounts = decide_all(&bridge, &cookie, &path).await;
    let sign = format!("{path}/sign");
    assert_eq!(act(&bridge, &cookie, &sign, "sure=yes").await.status, 303);
    let before = files(&bridge, &cookie, &path).await;
    let change = format!("account:{0}=1&decision:{0}=keep", accounts[0]);
    for (action, fields) in [("decide", change.as_str()), ("sign", "sure=yes"), ("discard", "")] {
        let refused = act(&bridge, &cookie, &format!("{path}/{action}"), fields).await;
        assert!(refused.header("location").contains("review_closed_before"), "{action}");
    }
    assert_eq!(files(&bridge, &cookie, &path).await, before);
    let requests = bridge.get("/api/v1/lifecycle/requests").await.json();
    assert_eq!(requests["total"], 1, "no further request: {requests}");
    // The store refuses it too, whatever the page does.
    let store = &bridge.app.service().stores.reviews;
    let now = bridge.app.service().clock.now();
    let decided =
        [Decided { account: accounts[0].clone(), decision: ReviewDecision::Keep, comment: None }];
    let changed = store.decide("default", 1, &decided, "Eve", now, Vec::new()).await.unwrap();
    assert_eq!(changed, ReviewChanged::Closed);
    assert_eq!(store.discard("default", 1, Vec::new()).await.unwrap(), ReviewChanged::Closed);
    assert_eq!(store.discard("default", 9, Vec::new()).await.unwrap(), ReviewChanged::Unknown);

    // A change in the database itself does not fit the signature.
    let url = bridge.config.database.url.expose_secret();
    let connection = sea_orm::Database::connect(url).await.unwrap();
    let altered = "UPDATE review_items SET decision = 'keep' WHERE decision = 'remove'";
    connection.execute_unprepared(altered).await.unwrap();
    let request = bridge.request(Method::GET, &format!("{path}/bundle"));
    let refused = Bridge::send(request.header("Cookie", &cookie)).await;
    assert_eq!(refused.status, 409, "{}", refused.text);
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_reviewers_at_once_sign_a_review_once_and_no_decision_comes_after_it() {
    let bridge = Bridge::serving(dozen()).await;
    let rita = signed_in_as(&bridge, "Rita", ConsoleRole::Reviewer).await;
    let ada = signed_in_as(&bridge, "Ada", ConsoleRole::Admin).await;
    let path = begun(&bridge, &rita).await;
    let accounts = decide_all(&bridge, &rita, &path).await;
    let sign = format!("{path}/sign");
    let decide = format!("{path}/decide");
    let change = format!("account:{0}=1&decision:{0}=remove", accounts[2]);
    let (one, other, changed) = tokio::join!(
        act(&bridge, &rita, &sign, "sure=yes"),
        act(&bridge, &ada, &sign, "sure=yes"),
        act(&bridge, &ada, &decide, change.as_str()),
    );
    let signed = [&one, &other]
        .iter()
        .filter(|answer| answer.header("location").contains("review_signed"))
        .count();
    assert_eq!(signed, 1, "{} and {}", one.header("location"), other.header("location"));
    let store = &bridge.app.service().stores.reviews;
    let (review, progress) = store.get("default", 1).await.unwrap().unwrap();
    assert_eq!(review.state, ReviewState::Signed);
    // The decision came before the signature, or not at all.
    let came = changed.header("location").contains("review_saved");
    assert_eq!(progress.remove, if came { 2 } else { 1 });
    let requests = bridge.get("/api/v1/lifecycle/requests").await.json();
    assert_eq!(requests["total"], progress.remove);
    files(&bridge, &rita, &path).await;
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_review_shows_a_date_and_what_changed_since_another_and_the_rest_is_kept_at_once() {
    let bridge = Bridge::serving(dozen()).await;
    let cookie = signed_in_as(&bridge, "Rita Reviewer", ConsoleRole::Reviewer).await;
    for (fields, status) in [
        ("as_of=2001-01-01", 400),
        ("as_of=tomorrow", 400),
        ("since=2001-01-01", 400),
        ("since=2099-01-01", 400),
        ("as_of=2026-03-01&since=2026-03-01", 400),
    ] {
        let answer = act(&bridge, &cookie, "/reviews/begin", fields).await;
        assert_eq!(answer.status, status, "{fields}: {}", answer.text);
    }
    let path = begun(&bridge, &cookie).await;
    let accounts = accounts(&page(&bridge, &path, &cookie).await);
    let fields: Vec<String> =
        accounts.iter().map(|account| format!("account:{account}=1")).collect();
    let rest = format!("{}&rest=keep", fields.join("&"));
    assert_eq!(act(&bridge, &cookie, &format!("{path}/decide"), rest).await.status, 303);
    let store = &bridge.app.service().stores.reviews;
    let (_, undecided) = store.items("default", 1, WantedItems::Undecided, 0, 100).await.unwrap();
    assert_eq!(undecided, 0);
    let discarded = act(&bridge, &cookie, &format!("{path}/discard"), "").await;
    assert_eq!(discarded.status, 303, "{}", discarded.text);
    for odd in ["/reviews/9", "/reviews/x", "/reviews/1/bundle", "/reviews/-1"] {
        assert_eq!(page(&bridge, odd, &cookie).await.status, 404, "{odd}");
    }
    let shown = page(&bridge, &format!("{path}?show=keep&offset=99999999999"), &cookie).await;
    assert_eq!(shown.status, 200);
    let viewer = signed_in_as(&bridge, "Vera", ConsoleRole::Viewer).await;
    assert!(!page(&bridge, "/reviews", &viewer).await.text.contains("Begin a review"));
    let stored = bridge.get("/api/v1/lifecycle/requests").await.json();
    assert_eq!(stored["total"], json!(0));
    bridge.stop().await;
}

/// Two processes on one database.
async fn a_review_survives_a_restart_and_is_signed_once_by_one_of_two_processes(
    database: TestDatabase,
) {
    let now = time::macros::datetime!(2026-03-01 12:00 UTC);
    let new = NewReview {
        workspace: "default".to_owned(),
        made_at: now,
        made_by: "Rita".to_owned(),
        as_of: now,
        since: None,
        generation: 1,
        generation_hash: None,
    };
    let first = database.stores().await.reviews;
    let rows = vec![("adm_1".to_owned(), json!({"account_id": "adm_1", "is_dormant": null}))];
    let number = first.begin(&new, rows, |_| Vec::new()).await.unwrap();
    // Another process finds it as it was.
    let second = database.stores().await.reviews;
    let (review, progress) = second.get("default", number).await.unwrap().unwrap();
    assert_eq!((review.made, review.state), (new, ReviewState::Open));
    assert_eq!((progress.total, progress.undecided()), (1, 1));
    let decided = [Decided {
        account: "adm_1".to_owned(),
        decision: ReviewDecision::Keep,
        comment: Some("fine".to_owned()),
    }];
    let changed = second.decide("default", number, &decided, "Rita", now, Vec::new()).await;
    assert_eq!(changed.unwrap(), ReviewChanged::Done);
    let signing = |by| Signing {
        by,
        statement: None,
        at: now,
        request: &|_| None,
        manifest: &|_, _| Some("hash".to_owned()),
    };
    let (one, other) = tokio::join!(
        first.sign("default", number, signing("Rita"), |_| Vec::new()),
        second.sign("default", number, signing("Ada"), |_| Vec::new()),
    );
    let mut results = [one.unwrap(), other.unwrap()];
    results.sort_by_key(|result| *result != ReviewChanged::Done);
    assert_eq!(results, [ReviewChanged::Done, ReviewChanged::Closed]);
    let changed = second.decide("default", number, &decided, "Eve", now, Vec::new()).await;
    assert_eq!(changed.unwrap(), ReviewChanged::Closed);
    let (items, _) = first.items("default", number, WantedItems::All, 0, 9).await.unwrap();
    let decision = items[0].decision.as_ref().unwrap();
    assert_eq!((&*decision.by, decision.comment.as_deref()), ("Rita", Some("fine")));
}
