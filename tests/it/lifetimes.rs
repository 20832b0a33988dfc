//! Lifetimes of links, sessions, secrets and keys: none is valid for longer than its maximum, even
//! if a wrong clock made it.

use std::time::Duration;

use intercom_scim_bridge::access::client_secret;
use intercom_scim_bridge::clock::Clock;
use intercom_scim_bridge::console::{ConsoleRole, SignInMethod, SignedIn};
use intercom_scim_bridge::limits;
use intercom_scim_bridge::stores::{ConnectProof, OAuthClient};
use reqwest::Method;

use crate::support::bridge::{self, Bridge, dozen};
use crate::support::database::TestDatabase;
use crate::support::hand::START;

#[tokio::test]
async fn a_link_a_session_and_a_way_of_connecting_are_good_for_no_longer_than_they_last() {
    let database = TestDatabase::sqlite();
    let stores = database.stores().await;
    let default = SignedIn {
        name: "Ada".to_owned(),
        role: ConsoleRole::Reviewer,
        method: SignInMethod::Link,
        workspaces: vec!["default".to_owned()],
    };
    let forty_days = Duration::from_hours(40 * 24);
    for (number, (made, good)) in
        [(START, true), (START + forty_days, false)].into_iter().enumerate()
    {
        let link = format!("link {number}");
        stores
            .page_sessions
            .add_login_link(&link, &default, made + limits::LOGIN_LINK, Vec::new())
            .await
            .unwrap();
        let session = format!("session {number}");
        let ends = made + limits::PAGE_SESSION;
        let taken = stores
            .page_sessions
            .take_login_link(&link, &session, made, ends, |_| Vec::new())
            .await
            .unwrap();
        assert_eq!(taken.as_ref(), Some(&default));
        assert_eq!(stores.page_sessions.find(&session, START).await.unwrap().is_some(), good);
        let link = format!("another link {number}");
        stores
            .page_sessions
            .add_login_link(&link, &default, made + limits::LOGIN_LINK, Vec::new())
            .await
            .unwrap();
        let ends = START + limits::PAGE_SESSION;
        let taken = stores
            .page_sessions
            .take_login_link(&link, &format!("other {number}"), START, ends, |_| Vec::new())
            .await
            .unwrap();
        assert_eq!(taken.is_some(), good);
        let ticket = format!("ticket {number}");
        stores
            .connections
            .begin("default", &ticket, made + limits::CONNECT_TICKET, Vec::new())
            .await
            .unwrap();
        let proof = ConnectProof {
            state_hash: format!("state {number}"),
            session_hash: format!("browser {number}"),
        };
        assert_eq!(
            stores.connections.take_ticket(&ticket, &proof, START).await.unwrap().is_some(),
            good
        );
        assert_eq!(stores.connections.finish(&proof, START).await.unwrap().is_some(), good);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_was_replaced_in_the_future_is_not_good_for_longer() {
    let bridge = Bridge::serving(dozen()).await;
    let now = Clock::System.now();
    for (ahead, status) in [(time::Duration::ZERO, 200), (time::Duration::days(40), 401)] {
        let (id, old) = bridge::client(&bridge.app, "scim.read", &["default"]).await;
        let stores = &bridge.app.service().stores;
        let client: OAuthClient = stores.access.client(&id).await.unwrap().unwrap();
        let rotated = now + ahead;
        let (_, another) = client_secret().unwrap();
        stores
            .access
            .rotate_client(
                &client,
                &another,
                rotated + Duration::from_hours(24),
                Vec::new(),
                rotated,
            )
            .await
            .unwrap();
        let form = format!("grant_type=client_credentials&client_id={id}&client_secret={old}");
        let request = bridge.request(Method::POST, "/oauth/token");
        let request =
            request.header("Content-Type", "application/x-www-form-urlencoded").body(form);
        assert_eq!(request.send().await.unwrap().status().as_u16(), status, "{ahead}");
    }
    bridge.stop().await;
}
