//! What an erasure of a teammate reaches beside the ledger: the roster, decisions about accounts, and
//! records of the posture.

use std::collections::BTreeSet;
use std::time::Duration;

use intercom_scim_bridge::app::identities_of;
use intercom_scim_bridge::config::Config;
use intercom_scim_bridge::database::AuditEntry;
use intercom_scim_bridge::identities::{
    Author, Identities, Import, ImportOutcome, NewDecision, NewVerdict,
};
use intercom_scim_bridge::roster::{Completeness, PersonKey, RequestedFormat};
use serde_json::json;

use crate::erasure::{erase, everything, history};
use crate::on_both_databases;
use crate::support::database::TestDatabase;
use crate::support::hand::{Hand, START};

on_both_databases!(
    an_erased_teammate_is_in_no_roster_decision_or_record,
    nobody_is_forgotten_if_several_people_have_the_address,
);

const BO: &str = "bo.diddley@example.com";

const ROSTER: &str = "employee number,name,email,end date,manager email
1,Ada Lovelace,ada.lovelace@example.com,,
2,Bo Diddley,bo.diddley@example.com,2026-02-28,
3,Cy Twombly,cy.twombly@example.com,,bo.diddley@example.com
";

fn author() -> Author {
    Author { by: "test".to_owned(), entry: AuditEntry::event("", START) }
}

fn identities(hand: &Hand) -> Identities {
    let mut config = Config::defaults().unwrap();
    config.roster.complete = Some(Completeness::All);
    identities_of(&config, "default", &hand.stores, &hand.clock)
}

async fn import(identities: &Identities, text: &str) -> ImportOutcome {
    let directory = identities.recorded_directory().await.unwrap();
    let import = Import {
        bytes: text.as_bytes(),
        source: "hr",
        format: RequestedFormat::Auto,
        dry_run: false,
        is_pulled: false,
    };
    identities.import(import, &author(), &directory).await.unwrap().outcome
}

async fn an_erased_teammate_is_in_no_roster_decision_or_record(database: TestDatabase) {
    let (hand, small) = history(database).await;
    let identities = identities(&hand);
    assert_eq!(import(&identities, ROSTER).await, ImportOutcome::InForce { version: 1 });
    let directory = identities.recorded_directory().await.unwrap();
    let decision = NewDecision {
        account: format!("adm_{}", small.bo),
        verdict: NewVerdict::IsNot("1".to_owned()),
        why: "Bo Diddley is not Ada".to_owned(),
        until: Some(hand.clock.now() + Duration::from_hours(24)),
    };
    identities.decide(decision, &author(), &directory).await.unwrap();
    let exception = |subject: &str| {
        json!({
            "kind": "exception", "check": "IC-ACC-1", "subject": subject, "ticket": null,
            "reason_code": "planned", "reason": "He told us himself", "until": "2026-06-01T00:00:00Z",
        })
    };
    let posture = &hand.stores.posture;
    let by_id = format!("adm_{}", small.bo);
    for (by, subject) in [("mia", BO), ("mia", by_id.as_str()), (BO, "ada.lovelace@example.com")] {
        posture.record("default", START, by, exception(subject), |_| Vec::new()).await.unwrap();
    }

    let person = hand.ledger.find_person("default", BO).await.unwrap();
    assert_eq!(posture.erase("default", &person, true).await.unwrap(), 3, "a trial counts");
    let people = identities.roster_people_of(&person, &directory).await.unwrap();
    let keys: Vec<&str> = people.keys.iter().map(PersonKey::as_str).collect();
    assert_eq!((keys.as_slice(), people.is_ambiguous), (&["2"][..], false));
    let decisions = hand.stores.roster.count_decisions_about("default", &person.ids).await;
    assert_eq!(decisions.unwrap(), 1);
    let connection = hand.database.connection().await;
    assert!(everything(&connection).await.contains("He told us himself"), "nothing is erased yet");

    let forgotten = identities.erase_teammate(&person, &people, &author()).await.unwrap();
    assert_eq!((forgotten.people, forgotten.references, forgotten.decisions), (1, 1, 1));
    assert_eq!(posture.erase("default", &person, false).await.unwrap(), 3);
    erase(&hand, BO).await;
    let after = everything(&connection).await;
    for trace in [BO, "Diddley", "not Ada"] {
        let line = after.lines().find(|line| line.contains(trace));
        assert_eq!(line, None, "{trace}");
    }
    // Whose data was not erased keeps it, and so does a record about somebody else.
    assert!(after.contains("Cy Twombly") && after.contains("He told us himself"), "{after}");
    assert!(after.contains(&by_id), "ids stay");
    // Everything can still be read, and a second erasure finds nothing.
    let directory = identities.recorded_directory().await.unwrap();
    identities.refresh(&directory).await.unwrap();
    assert_eq!(identities.decisions().await.unwrap()[0].why, "(erased)");
    assert_eq!(posture.erase("default", &person, false).await.unwrap(), 0);
    let again = hand.stores.roster.erase_decisions_about("default", &person.ids).await.unwrap();
    assert_eq!(again, 0);
    // The same file does not bring the person back.
    import(&identities, &ROSTER.replace("Lovelace", "King")).await;
    assert!(!everything(&connection).await.contains("Diddley"));
}

async fn nobody_is_forgotten_if_several_people_have_the_address(database: TestDatabase) {
    let (hand, small) = history(database).await;
    let identities = identities(&hand);
    let two = format!("{ROSTER}4,Bo Diddley Junior,bo.diddley@example.com,,\n");
    import(&identities, &two.replace("2026-02-28", "")).await;
    let directory = identities.recorded_directory().await.unwrap();
    let person = hand.ledger.find_person("default", BO).await.unwrap();
    assert_eq!(person.ids, BTreeSet::from([small.bo.to_string()]));
    let people = identities.roster_people_of(&person, &directory).await.unwrap();
    assert!(people.keys.is_empty() && people.is_ambiguous, "{people:?}");
}
