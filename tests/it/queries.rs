//! Paging, searches, and the freshness of responses.

use std::time::Duration;

use intercom_scim_bridge::access::{Grant, Scope};
use intercom_scim_bridge::app::App;
use intercom_scim_bridge::clock::Clock;
use reqwest::Method;
use serde_json::{Value, json};
use simulator::{Fault, Options, Simulator};

use crate::support::bridge::{self, Answer, Bridge, dozen};
use crate::support::database::TestDatabase;
use crate::support::hand::TOKEN;

fn ids(answer: &Value) -> Vec<String> {
    let resources = answer["Resources"].as_array().unwrap();
    resources.iter().map(|resource| resource["id"].as_str().unwrap().to_owned()).collect()
}

async fn search(bridge: &Bridge, path: &str, body: &Value) -> Answer {
    let request = bridge.request(Method::POST, path).bearer_auth(&bridge.token);
    Bridge::send(request.header("Content-Type", "application/scim+json").body(body.to_string()))
        .await
}

async fn with(bridge: &Bridge, path: &str, header: (&str, &str)) -> Answer {
    Bridge::send(
        bridge.request(Method::GET, path).bearer_auth(&bridge.token).header(header.0, header.1),
    )
    .await
}

const SEARCH_REQUEST: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";

#[tokio::test]
async fn a_search_answers_as_the_same_question_in_a_url_does() {
    let bridge = Bridge::serving(dozen()).await;
    for (path, endpoint) in [("", ""), ("/Users", "/Users"), ("/Groups", "/Groups")] {
        let asked = bridge
            .get(&format!(
                "/scim/v2{endpoint}?filter=displayName+pr&sortBy=displayName&sortOrder=descending&startIndex=2&count=2&attributes=displayName"
            ))
            .await;
        let body = json!({
            "schemas": [SEARCH_REQUEST], "filter": "displayName pr", "sortBy": "displayName", "sortOrder": "descending",
            "startIndex": 2, "count": 2, "attributes": ["displayName"],
        });
        let searched = search(&bridge, &format!("/scim/v2{path}/.search"), &body).await;
        assert_eq!((searched.status.as_u16(), &searched.text), (200, &asked.text), "{path}");
        assert_eq!(searched.header("content-type"), "application/scim+json");
        assert_eq!(searched.json()["itemsPerPage"], json!(2));
    }
    let everything = search(&bridge, "/scim/v2/.search", &json!({})).await.json();
    assert_eq!(everything["totalResults"], json!(15), "schemas may be left out");
    bridge.stop().await;
}

#[tokio::test]
async fn an_unreadable_search_is_refused_with_the_reason() {
    let bridge = Bridge::serving(dozen()).await;
    let post = async |kind: &str, body: &str| {
        let request =
            bridge.request(Method::POST, "/scim/v2/Users/.search").bearer_auth(&bridge.token);
        let answer = Bridge::send(request.header("Content-Type", kind).body(body.to_owned())).await;
        let error = answer.json();
        format!(
            "{} {} {}",
            answer.status.as_u16(),
            error["scimType"].as_str().unwrap_or("-"),
            error["detail"].as_str().unwrap()
        )
    };
    let huge = format!("{{\"filter\":\"{}\"}}", "x".repeat(300_000));
    insta::assert_snapshot!(
        [
            post("application/scim+json", "{").await,
            post("application/json; charset=utf-8", "[]").await,
            post("application/json", r#"{"count":"many"}"#).await,
            post("application/json", r#"{"attributes":{},"sortBy":1}"#).await,
            post(
                "application/json",
                r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"]}"#
            )
            .await,
            post("application/json", r#"{"attributes":["id"],"excludedAttributes":["name"]}"#)
                .await,
            post("application/json", r#"{"filter":"userName"}"#).await,
            post("text/plain", "{}").await,
            post("application/json", &huge).await,
        ]
        .join("\n")
    );
    bridge.stop().await;
}

#[tokio::test]
async fn a_search_may_be_written_in_texts_alone_as_some_libraries_do() {
    let bridge = Bridge::serving(dozen()).await;
    for (path, endpoint) in [("", ""), ("/Users", "/Users"), ("/Groups", "/Groups")] {
        let asked = bridge
            .get(&format!(
                "/scim/v2{endpoint}?filter=displayName+pr&sortBy=displayName&sortOrder=descending&startIndex=2&count=2&attributes=displayName,meta.created"
            ))
            .await;
        let body = json!({
            "schemas": [SEARCH_REQUEST], "filter": "displayName pr", "sortBy": "displayName", "sortOrder": "DESCENDING",
            "startIndex": "2", "count": "2", "attributes": "displayName , meta.created", "excludedAttributes": "",
        });
        let searched = search(&bridge, &format!("/scim/v2{path}/.search"), &body).await;
        assert_eq!((searched.status.as_u16(), &searched.text), (200, &asked.text), "{path}");
    }
    bridge.stop().await;
}

#[tokio::test]
async fn a_person_who_left_and_was_invited_again_is_found_by_the_active_account() {
    let bridge = Bridge::serving(dozen()).await;
    let first = bridge.get("/scim/v2/Users?count=1").await.json()["Resources"][0].clone();
    let old = first["id"].as_str().unwrap();
    let address = first["userName"].as_str().unwrap();
    let new = bridge.simulator.change(|workspace| {
        let people: Vec<u64> = workspace.admins().map(|(id, _)| id).collect();
        let admin = workspace.admin_mut(people[0]).unwrap().clone();
        workspace.remove_admin(people[0], people[1], 1_772_366_500);
        format!(
            "adm_{}",
            workspace.add_admin(simulator::Admin { email: address.to_uppercase(), ..admin })
        )
    });
    assert_eq!(
        with(&bridge, "/scim/v2/Users?count=0", ("Cache-Control", "no-cache")).await.status,
        200
    );
    bridge.shows(2).await;
    for filter in [
        format!("userName eq \"{address}\""),
        format!("urn:ietf:params:scim:schemas:core:2.0:User:userName eq \"{address}\""),
        format!("emails eq \"{address}\""),
        format!("emails.value eq \"{address}\""),
        format!("emails[value eq \"{address}\"]"),
        format!("emails[type eq \"work\" and value eq \"{address}\"]"),
        format!("emails[type eq \"work\"].value eq \"{address}\""),
        format!("urn:ietf:params:scim:schemas:core:2.0:User:emails[value eq \"{address}\"]"),
    ] {
        for endpoint in ["", "/Users"] {
            let body = json!({ "filter": filter });
            let both = search(&bridge, &format!("/scim/v2{endpoint}/.search"), &body).await.json();
            assert_eq!(ids(&both), [new.as_str(), old], "{filter}");
            let query = form_urlencoded::Serializer::new(String::new())
                .append_pair("filter", &filter)
                .finish();
            let one = bridge.get(&format!("/scim/v2{endpoint}?{query}&count=1")).await.json();
            assert_eq!(
                (ids(&one), &one["totalResults"]),
                (vec![new.clone()], &json!(2)),
                "{filter}"
            );
        }
    }
    bridge.stop().await;
}

#[tokio::test]
async fn a_question_that_cannot_be_answered_is_refused_before_anything_is_awaited() {
    const WRONG: [&str; 9] = [
        "/scim/v2/Users?filter=userName",
        "/scim/v2/Users?filter=shoeSize+pr",
        "/scim/v2/Users?filter=active+gt+true",
        "/scim/v2/Groups?filter=userName+eq+%22x%22",
        "/scim/v2?filter=shoeSize+eq+%22x%22",
        "/scim/v2/Users?sortBy=shoeSize",
        "/scim/v2/Users?cursor=forged",
        "/scim/v2/Users/adm_1?attributes=id&excludedAttributes=name",
        "/scim/v2/Me?attributes=id&excludedAttributes=name",
    ];
    let never_imported = Bridge::starting_with(dozen(), |config| {
        config.intercom.access_token = Some(secrecy::SecretString::from("another"));
    })
    .await;
    assert_eq!(never_imported.get("/scim/v2/Users?filter=userName+pr").await.status, 503);
    for wrong in WRONG {
        assert_eq!(never_imported.get(wrong).await.status, 400, "{wrong}");
    }
    never_imported.stop().await;

    let bridge = Bridge::serving(dozen()).await;
    let _ = bridge.simulator.take_calls();
    for wrong in WRONG {
        let answer = with(&bridge, wrong, ("Cache-Control", "no-cache")).await;
        assert_eq!(answer.status, 400, "{wrong}: {}", answer.text);
    }
    let request = bridge.request(Method::POST, "/scim/v2/Users/.search").bearer_auth(&bridge.token);
    let request =
        request.header("Cache-Control", "no-cache").header("Content-Type", "application/scim+json");
    assert_eq!(
        Bridge::send(request.body(r#"{"filter":"shoeSize pr"}"#)).await.json()["scimType"],
        json!("invalidFilter")
    );
    assert_eq!(
        bridge.simulator.take_calls(),
        Vec::<String>::new(),
        "nothing was read for any of them"
    );
    bridge.stop().await;
}

#[tokio::test]
async fn a_question_of_many_comparisons_is_answered_like_any_other() {
    let company = simulator::Company { admins: 120, teams: 3, seed: 7, now: 1_772_366_400 };
    let bridge = Bridge::serving(simulator::seed(company, TOKEN)).await;
    let somebody = ids(&bridge.get("/scim/v2/Users?startIndex=60&count=1").await.json());
    let others = "id eq \"adm_0\" or ".repeat(700);
    let filter = format!("{others}id eq \"{}\"", somebody[0]);
    let found =
        search(&bridge, "/scim/v2/Users/.search", &json!({ "filter": filter })).await.json();
    assert_eq!((ids(&found), &found["totalResults"]), (somebody, &json!(1)));
    let wrong = search(
        &bridge,
        "/scim/v2/Users/.search",
        &json!({ "filter": format!("{others}shoeSize pr") }),
    )
    .await;
    assert_eq!((wrong.status.as_u16(), &wrong.json()["scimType"]), (400, &json!("invalidFilter")));
    bridge.stop().await;
}

#[tokio::test]
async fn me_is_the_teammate_whose_address_is_the_subject_of_the_token() {
    let bridge = Bridge::serving(dozen()).await;
    assert_eq!(bridge.get("/scim/v2/Me").await.status, 501);
    let somebody = bridge.get("/scim/v2/Users?count=1").await.json()["Resources"][0].clone();
    let grant = Grant {
        client: None,
        subject: somebody["userName"].as_str().unwrap().to_uppercase(),
        scopes: vec![Scope::ScimRead],
        workspaces: vec!["default".to_owned()],
        ttl: Duration::from_hours(1),
    };
    let token = bridge.app.service().tokens.issue(&grant).unwrap();
    let me =
        Bridge::send(bridge.request(Method::GET, "/scim/v2/Me").bearer_auth(token.expose())).await;
    assert_eq!((me.status.as_u16(), &me.json()), (200, &somebody));
    assert_eq!(me.header("location"), somebody["meta"]["location"].as_str().unwrap());
    let write = bridge.ask(Method::PATCH, "/scim/v2/Me").await;
    assert_eq!(write.status, 501);
    bridge.stop().await;
}

#[tokio::test]
async fn a_resource_of_another_version_than_if_match_names_is_not_shown() {
    let bridge = Bridge::serving(dozen()).await;
    let user = bridge.get("/scim/v2/Users?count=1").await.json()["Resources"][0].clone();
    let path = format!("/scim/v2/Users/{}", user["id"].as_str().unwrap());
    let version = user["meta"]["version"].as_str().unwrap();
    for (tag, status) in [(version, 200), ("*", 200), ("W/\"other\"", 412)] {
        assert_eq!(with(&bridge, &path, ("If-Match", tag)).await.status.as_u16(), status, "{tag}");
    }
    bridge.stop().await;
}

#[tokio::test]
async fn following_the_links_from_page_to_page_shows_everything_once() {
    let bridge = Bridge::serving(dozen()).await;
    let whole = ids(&bridge.get("/scim/v2/Users?filter=displayName%20co%20%22a%22").await.json());
    for first in ["startIndex=1&count=2", "cursor&count=2", "count=2"] {
        let mut path = format!("/scim/v2/Users?{first}&filter=displayName%20co%20%22a%22");
        let mut walked = Vec::new();
        loop {
            let page = bridge.get(&path).await;
            walked.extend(ids(&page.json()));
            assert!(walked.len() <= whole.len(), "{first}");
            let link = page.header("link");
            if link.is_empty() {
                break;
            }
            let next = link
                .strip_prefix('<')
                .and_then(|link| link.strip_suffix(">; rel=\"next\""))
                .unwrap();
            path = next.strip_prefix(&bridge.url("")).unwrap().to_owned();
        }
        assert_eq!(walked, whole, "{first}");
    }
    bridge.stop().await;
}

#[tokio::test]
async fn a_walk_by_cursor_goes_on_over_the_list_it_began_with_until_that_is_not_kept_any_more() {
    let bridge = Bridge::serving(dozen()).await;
    let before = ids(&bridge.get("/scim/v2/Users").await.json());
    let first = bridge.get("/scim/v2/Users?cursor&count=5").await.json();
    let cursor = first["nextCursor"].as_str().unwrap();
    let mut generation = 1;
    let mut publish = async |bridge: &Bridge| {
        generation += 1;
        bridge
            .simulator
            .change(|workspace| workspace.add_teammate(&format!("New Comer {generation}")));
        assert_eq!(
            with(bridge, "/scim/v2/Users?count=0", ("Cache-Control", "no-cache")).await.status,
            200
        );
        bridge.shows(generation).await;
    };
    publish(&bridge).await;
    let second = bridge.get(&format!("/scim/v2/Users?cursor={cursor}&count=5")).await.json();
    assert_eq!(
        (ids(&second), &second["totalResults"]),
        (before[5..10].to_vec(), &json!(12)),
        "as it was"
    );
    assert_eq!(bridge.get("/scim/v2/Users").await.json()["totalResults"], json!(13));
    for _ in 0..5 {
        publish(&bridge).await;
    }
    let late = bridge.get(&format!("/scim/v2/Users?cursor={cursor}&count=5")).await;
    assert_eq!((late.status.as_u16(), &late.json()["scimType"]), (400, &json!("expiredCursor")));
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn paging_by_cursor_can_be_switched_off() {
    let database = TestDatabase::sqlite();
    let simulator = Simulator::start(dozen(), Options::default()).unwrap();
    let mut settings = bridge::config(&database, &simulator.base_url());
    settings.scim.cursor_pagination = false;
    let app = App::start(&settings, Clock::System).await.unwrap();
    app.service().workspaces["default"].live.shows(|shown| shown.generation == 1).await;
    let get = async |path: &str| -> Value {
        let url = format!("http://{}{path}", app.address());
        let request = bridge::http().get(url).bearer_auth(bridge::token(&app, &Scope::ALL));
        request.send().await.unwrap().json().await.unwrap()
    };
    assert!(get("/scim/v2/ServiceProviderConfig").await.get("pagination").is_none());
    let page = get("/scim/v2/Users?cursor&count=5").await;
    assert_eq!((&page["startIndex"], page.get("nextCursor")), (&json!(1), None));
    app.stop().await;
    simulator.stop().await;
}

#[tokio::test]
async fn a_response_has_its_age_and_a_client_with_a_lower_max_age_waits_for_an_import() {
    let bridge = Bridge::serving(dozen()).await;
    let _ = bridge.simulator.take_calls();
    let plain = bridge.get("/scim/v2/Users?count=0").await;
    assert!(plain.header("age").parse::<u64>().unwrap() < 60);
    assert_eq!(
        with(&bridge, "/scim/v2/Users?count=0", ("Cache-Control", "max-age=300")).await.status,
        200
    );
    assert_eq!(bridge.simulator.take_calls().len(), 0, "it is young enough");

    bridge.simulator.change(|workspace| workspace.add_teammate("New Comer"));
    let path = "/scim/v2/Users?filter=displayName+eq+%22New+Comer%22";
    assert_eq!(bridge.get(path).await.json()["totalResults"], json!(0));
    let fresh = with(&bridge, path, ("Cache-Control", "no-cache")).await;
    assert_eq!(
        fresh.json()["totalResults"],
        json!(1),
        "asking is an Intercom read if the client wants it"
    );
    assert_eq!(bridge.simulator.take_calls().len(), 3, "one incremental import");
    bridge.stop().await;
}

#[tokio::test]
async fn values_without_a_generation_are_fresh_too() {
    let bridge = Bridge::serving(dozen()).await;
    let path = "/scim/v2/Users?count=1&attributes=urn:ietf:params:scim:schemas:extension:intercom:2.0:User:awayModeEnabled";
    let away = |answer: &Answer| {
        answer.json()["Resources"][0]["urn:ietf:params:scim:schemas:extension:intercom:2.0:User"]["awayModeEnabled"]
            .as_bool()
            .unwrap()
    };
    let before = away(&bridge.get(path).await);
    bridge.simulator.change(|workspace| {
        let first = workspace.admins().map(|(id, _)| id).min().unwrap();
        workspace.admin_mut(first).unwrap().away = !before;
    });
    assert_eq!(away(&with(&bridge, path, ("Cache-Control", "no-cache")).await), !before);
    assert_eq!(
        bridge.app.service().workspaces["default"].live.served().unwrap().snapshot_id().generation,
        1
    );
    bridge.stop().await;
}

#[tokio::test]
async fn an_invalid_or_huge_max_age_is_accepted() {
    let bridge = Bridge::serving(dozen()).await;
    for directive in [
        "max-age=99999999999999",
        "max-age=18446744073709551615",
        "max-age=-1",
        "max-age=soon",
        "max-age",
    ] {
        assert_eq!(
            with(&bridge, "/scim/v2/Users", ("Cache-Control", directive)).await.status,
            200,
            "{directive}"
        );
    }
    bridge.stop().await;
}

#[tokio::test]
async fn concurrent_waiters_share_one_import() {
    let bridge = Bridge::serving(dozen()).await;
    let _ = bridge.simulator.take_calls();
    let ask = || with(&bridge, "/scim/v2/Groups", ("Cache-Control", "no-cache"));
    let answers: [Answer; 6] = tokio::join!(ask(), ask(), ask(), ask(), ask(), ask()).into();
    assert!(answers.iter().all(|answer| answer.status == 200));
    // At most two imports: one that began before the last request came, and one for the requests
    // after that.
    assert!(bridge.simulator.take_calls().len() <= 6);
    bridge.stop().await;
}

#[tokio::test]
async fn a_client_with_a_max_age_gets_the_current_state_while_intercom_is_unreachable() {
    let bridge = Bridge::serving(dozen()).await;
    bridge.simulator.fail_from_now_on(Fault::Unauthorized, "");
    let waited = with(&bridge, "/scim/v2/Users?count=0", ("Cache-Control", "no-cache")).await;
    assert_eq!((waited.status.as_u16(), &waited.json()["totalResults"]), (200, &json!(12)));
    let _ = bridge.simulator.take_calls();
    assert_eq!(with(&bridge, "/scim/v2/Users", ("Cache-Control", "no-cache")).await.status, 200);
    assert_eq!(
        bridge.simulator.take_calls().len(),
        0,
        "the schedule tries again, not every question"
    );
    bridge.stop().await;
}
