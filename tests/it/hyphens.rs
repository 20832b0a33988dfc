//! Ids that begin with a hyphen, as one in 64 ids of earlier versions does.

use intercom_scim_bridge::access::client_secret;
use intercom_scim_bridge::clock::Clock;
use intercom_scim_bridge::stores::{AccessStore, IssuedToken, OAuthClient};
use time::OffsetDateTime;

use crate::support::database::TestDatabase;
use crate::support::shell::Shell;

const IDS: [&str; 6] = [
    "-4b7XfPvTqOQyH0nUe2wLg",
    "-Vb7XfPvTqOQyH0nUe2wLg",
    "-hb7XfPvTqOQyH0nUe2wLg",
    "--b7XfPvTqOQyH0nUe2wLg",
    "-hVhVhVhVhVhVhVhVhVhVhA",
    "_4b7XfPvTqOQyH0nUe2wLg",
];

/// Adds a token and a client with this id.
async fn add_token_and_client(access: &AccessStore, id: &str, now: OffsetDateTime) {
    let token = IssuedToken {
        id: id.to_owned(),
        key_id: "k".to_owned(),
        subject: "test".to_owned(),
        scope: "scim.read".to_owned(),
        workspaces: vec!["default".to_owned()],
        issued_at: now,
        expires_at: now,
        revoked_at: None,
    };
    access.add_token(&token, Vec::new()).await.unwrap();
    let client = OAuthClient {
        id: id.to_owned(),
        name: id.to_owned(),
        secret_hash: client_secret().unwrap().1,
        previous: None,
        scope: "scim.read".to_owned(),
        workspaces: vec!["default".to_owned()],
        created_at: now,
        rotated_at: None,
        disabled_at: None,
    };
    access.add_client(&client, Vec::new()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_and_clients_are_ended_by_an_id_that_begins_with_a_hyphen() {
    let database = TestDatabase::sqlite();
    let access = database.stores().await.access;
    let shell = Shell::new().set("DATABASE_URL", database.url.clone());
    for id in IDS {
        add_token_and_client(&access, id, Clock::System.now()).await;
        let revoked = shell.run(&["token", "revoke", id]);
        assert!(
            revoked.code == Some(0) && revoked.stderr.contains("is revoked"),
            "{id}: {}",
            revoked.stderr
        );
        let rotated = shell.run(&["client", "rotate", id, "--json"]);
        assert!(
            rotated.code == Some(0) && rotated.stdout.contains("iscs_"),
            "{id}: {}",
            rotated.stderr
        );
        let disabled = shell.run(&["client", "disable", id]);
        assert!(
            disabled.code == Some(0) && disabled.stderr.contains("is disabled"),
            "{id}: {}",
            disabled.stderr
        );
    }
    assert!(access.tokens().await.unwrap().iter().all(|token| token.revoked_at.is_some()));
    assert!(access.clients().await.unwrap().iter().all(|client| client.disabled_at.is_some()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_id_that_begins_with_a_hyphen_is_an_error_and_not_an_option() {
    let database = TestDatabase::sqlite();
    drop(database.ledger().await);
    let shell = Shell::new().set("DATABASE_URL", database.url.clone());
    for id in ["-Vx", "-hx", "-V=", "--Version"] {
        let unknown = shell.run(&["token", "revoke", id]);
        assert!(
            unknown.code == Some(1) && unknown.stderr.contains("there is no token"),
            "{id}: {}",
            unknown.stderr
        );
    }
    let head = shell.run(&["ledger", "verify", "--head", IDS[1]]);
    assert!(
        head.code == Some(1) && !head.stderr.contains("unexpected argument"),
        "{}",
        head.stderr
    );
}

#[test]
fn new_ids_say_what_they_are_of() {
    let shell = Shell::new();
    let issued = shell.run(&["token", "issue"]);
    assert!(issued.stderr.contains("The token's id is tok_"), "{}", issued.stderr);
    let keys = shell.run(&["keys", "rotate"]);
    assert!(
        format!("{}{}", keys.stdout, keys.stderr).contains("key_"),
        "{}{}",
        keys.stdout,
        keys.stderr
    );
}
