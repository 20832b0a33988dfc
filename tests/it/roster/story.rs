//! Two rosters in sequence, with a leaver, a rehire, a recycled address and the domain of a company
//! that was bought. The expected tables were worked out by hand.

use std::time::Duration;

use intercom_scim_bridge::app::identities_of;
use intercom_scim_bridge::clock::Clock;
use intercom_scim_bridge::config::Config;
use intercom_scim_bridge::database::AuditEntry;
use intercom_scim_bridge::directory::{
    Directory, Recorded, Snapshot, Stamps, User, UserId, Volatile,
};
use intercom_scim_bridge::identities::{
    Author, Identities, IdentityError, Import, ImportOutcome, NewDecision, NewVerdict, Shown,
};
use intercom_scim_bridge::roster::{
    Act, Class, Completeness, Decision, EquivalentDomains, PersonKey, RequestedFormat, Verdict,
};
use intercom_scim_bridge::stores::{
    AuditQuestion, NewVersion, StoredVersion, Stores, VersionState, version_in_force,
};
use time::OffsetDateTime;
use time::macros::datetime;

use crate::on_both_databases;
use crate::support::database::TestDatabase;

on_both_databases!(
    two_rosters_end_in_the_table_that_a_person_worked_out,
    a_halved_roster_is_held_until_it_is_accepted,
    a_held_version_is_discarded_once_the_source_has_recovered,
    a_version_comes_into_force_after_the_one_before_even_within_one_moment,
    a_forgotten_person_is_in_no_version_and_does_not_come_back,
    a_person_who_is_forgotten_during_an_import_or_a_decision_does_not_come_back,
    an_erasure_reaches_owners_managers_and_answers_about_the_past,
    people_who_left_long_ago_and_old_versions_are_erased,
    decisions_are_appended_and_named_by_number,
);

pub(super) const FIRST_DAY: OffsetDateTime = datetime!(2026-03-02 09:00 UTC);
/// From the first roster to the second.
pub(super) const WEEKS: Duration = Duration::from_hours(9 * 7 * 24);

pub(super) const FIRST: &str =
    "employee number,name,email,employee type,start date,end date,manager id
1,Ida Berg,ida@acme.example,employee,2020-01-01,,9
2,Bo Dahl,bo@acme.example,employee,2020-01-01,,9
3,Cy Ek,cy@acme.example,employee,2020-01-01,,9
5,John Smith,john@acme.example,employee,2020-01-01,2025-11-30,9
6,Ed Gran,ed@acme.example,employee,2021-01-01,2023-12-31,9
9,Mia Holm,mia@acme.example,employee,2015-01-01,,
";

/// Bo (2) is missing, Cy's address changed, another John Smith (7) got the address of the first,
/// and Ed came back as 8.
pub(super) const SECOND: &str =
    "employee number,name,email,employee type,start date,end date,manager id
1,Ida Berg,ida@acme.example,employee,2020-01-01,,9
3,Cy Ek-Lund,cy.lund@acme.example,employee,2020-01-01,,9
5,John Smith,john@acme.example,employee,2020-01-01,2025-11-30,9
6,Ed Gran,ed@acme.example,employee,2021-01-01,2023-12-31,9
7,John Smith,john@acme.example,employee,2026-02-01,,9
8,Ed Gran,ed@acme.example,employee,2025-01-01,,9
9,Mia Holm,mia@acme.example,employee,2015-01-01,,
";

fn directory() -> Directory {
    let user = |(id, email): (&str, &str)| {
        let mut user = User::new(UserId::new(id));
        user.email = Some(email.to_owned());
        user.joined_at = Some(datetime!(2025-06-01 12:00 UTC));
        let stamps = Stamps { created: FIRST_DAY, last_modified: FIRST_DAY };
        (Recorded { value: user, stamps }, Volatile::default())
    };
    let users = [
        ("2", "Ida@Acme.example"),
        ("3", "ida+test@acme.example"),
        ("4", "bo@acme.example"),
        ("5", "cy@acme.example"),
        ("6", "cy.lund@bought.example"),
        ("7", "john@acme.example"),
        ("8", "ed@acme.example"),
        ("9", "mia@acme.example"),
        ("10", "support@acme.example"),
        ("11", "operator+abc@intercom.io"),
    ];
    let users = users.into_iter().map(user).collect();
    let snapshot = Snapshot { generation: 1, users, ..Snapshot::default() };
    Directory::new(snapshot, OffsetDateTime::UNIX_EPOCH, None)
}

pub(super) fn config() -> Config {
    let mut config = Config::defaults().unwrap();
    config.roster.complete = Some(Completeness::Current);
    let sets = [vec!["acme.example".to_owned(), "bought.example".to_owned()]];
    config.roster.equivalent_domains = EquivalentDomains::new(&sets).unwrap();
    config.roster.keep_versions = 2;
    config
}

/// The first roster with only its first person.
pub(super) fn halved() -> String {
    FIRST.lines().take(2).map(|line| format!("{line}\n")).collect()
}

pub(super) struct Story {
    pub(super) identities: Identities,
    pub(super) clock: Clock,
    pub(super) directory: Directory,
    pub(super) author: Author,
    pub(super) stores: Stores,
    _database: TestDatabase,
}

impl Story {
    pub(super) async fn begin(database: TestDatabase) -> Self {
        let clock = Clock::manual(FIRST_DAY);
        let stores = database.stores().await;
        let identities = identities_of(&config(), "default", &stores, &clock);
        let entry = AuditEntry::event("", FIRST_DAY);
        let author = Author { by: "ada".to_owned(), entry };
        Self { identities, clock, directory: directory(), author, stores, _database: database }
    }

    pub(super) async fn import(&self, text: &str) -> ImportOutcome {
        let import = Import {
            bytes: text.as_bytes(),
            source: "hr",
            format: RequestedFormat::Auto,
            dry_run: false,
            is_pulled: false,
        };
        self.identities.import(import, &self.author, &self.directory).await.unwrap().outcome
    }

    /// The version in force.
    async fn in_force(&self) -> StoredVersion {
        let versions = self.identities.store().versions("default").await.unwrap();
        version_in_force(&versions, None).unwrap().clone()
    }

    /// One line for each account, by id.
    async fn table(&self, as_of: Option<OffsetDateTime>) -> Vec<String> {
        let shown = Shown { directory: &self.directory, as_of };
        let assessment = self.identities.assess(shown).await.unwrap().unwrap();
        let line = |row: &intercom_scim_bridge::roster::Identity| {
            let text = |text: Option<&str>| text.unwrap_or("-").to_owned();
            format!(
                "{} {} {} {} {}{}",
                row.account_id.trim_start_matches("adm_"),
                text(row.person_key.as_deref()),
                row.class,
                text(row.match_rule.map(intercom_scim_bridge::roster::MatchRule::as_str)),
                text(row.person_status.map(intercom_scim_bridge::roster::Status::as_str)),
                if row.duplicate_account { " duplicate" } else { "" },
            )
        };
        assessment.identities.iter().map(line).collect()
    }

    pub(super) async fn states(&self) -> Vec<VersionState> {
        let versions = self.identities.store().versions("default").await.unwrap();
        versions.into_iter().map(|version| version.state).collect()
    }

    async fn events(&self) -> Vec<String> {
        let entries = self.stores.audit.entries(&AuditQuestion::default(), 100).await.unwrap();
        entries.into_iter().map(|entry| entry.event).collect()
    }
}

async fn two_rosters_end_in_the_table_that_a_person_worked_out(database: TestDatabase) {
    let story = Story::begin(database).await;
    assert_eq!(story.import(FIRST).await, ImportOutcome::InForce { version: 1 });
    let first = [
        "2 1 employee exact active duplicate",
        "3 1 employee untagged active duplicate",
        "4 2 employee exact active",
        "5 3 employee exact active",
        "6 - unknown - -",
        "7 5 employee exact ended",
        "8 6 employee exact ended",
        "9 9 employee exact active",
        "10 - unknown - -",
        "11 - bot - -",
    ];
    assert_eq!(story.table(None).await, first);

    story.clock.advance(WEEKS);
    assert_eq!(story.import(SECOND).await, ImportOutcome::InForce { version: 2 });
    let second = [
        "2 1 employee exact active duplicate",
        "3 1 employee untagged active duplicate",
        // The roster has only current people, so Bo has left.
        "4 2 employee exact ended",
        // The address of the first roster still matches.
        "5 3 employee alias active duplicate",
        // The domain of the company that was bought.
        "6 3 employee domain active duplicate",
        // The account is older than the second John Smith.
        "7 - unknown - -",
        // Ed was back before the account was made.
        "8 8 employee exact active",
        "9 9 employee exact active",
        "10 - unknown - -",
        "11 - bot - -",
    ];
    assert_eq!(story.table(None).await, second);
    assert_eq!(story.states().await, [VersionState::InForce, VersionState::Replaced]);

    // The state of the first day is still known.
    assert_eq!(story.table(Some(FIRST_DAY + Duration::from_hours(1))).await, first);
    let shown = Shown { directory: &story.directory, as_of: Some(FIRST_DAY - WEEKS) };
    assert!(story.identities.assess(shown).await.unwrap().is_none());

    let shown = Shown { directory: &story.directory, as_of: None };
    let assessment = story.identities.assess(shown).await.unwrap().unwrap();
    let unmatched: Vec<&str> =
        assessment.unmatched.iter().map(|row| row.account_id.as_str()).collect();
    assert_eq!(unmatched, ["adm_7", "adm_10"]);
    let leavers = story.identities.terminated_active(&assessment).await.unwrap();
    let leavers: Vec<&str> = leavers.iter().map(|row| row.account_id.as_str()).collect();
    assert_eq!(leavers, ["adm_4"]);
    // Bo is in the version although the file leaves him out. Ed's first time at the company ended
    // long ago; the upkeep erases it.
    let people = story.identities.store().roster("default", 2).await.unwrap().unwrap();
    let keys: Vec<&str> = people.people().iter().map(|person| person.key.as_str()).collect();
    assert_eq!(keys.len(), 8, "{keys:?}");
    assert!(keys.contains(&"2") && keys.contains(&"6"), "{keys:?}");
    assert_eq!(story.events().await, ["roster.imported"; 2]);

    // The same file again is no new version.
    assert_eq!(story.import(SECOND).await, ImportOutcome::Unchanged { version: 2 });
}

async fn a_halved_roster_is_held_until_it_is_accepted(database: TestDatabase) {
    let story = Story::begin(database).await;
    story.import(FIRST).await;
    let before = story.table(None).await;
    let halved = halved();
    story.clock.advance(WEEKS);
    let outcome = story.import(&halved).await;
    assert!(
        matches!(&outcome, ImportOutcome::Held { version: 2, reasons } if reasons.len() == 1),
        "{outcome:?}"
    );
    assert_eq!(story.table(None).await, before);
    assert_eq!(story.states().await, [VersionState::Held, VersionState::InForce]);
    // The same file again is held, and not stored again.
    assert_eq!(story.import(&halved).await, outcome);
    let unknown = story.identities.accept(3, &story.author).await;
    assert!(matches!(unknown, Err(IdentityError::NoSuchVersion(3))));
    story.clock.advance(WEEKS);
    story.identities.accept(2, &story.author).await.unwrap();
    assert_eq!(story.states().await, [VersionState::InForce, VersionState::Replaced]);
    let after = story.table(None).await;
    assert!(after.contains(&"9 9 employee exact ended".to_owned()), "{after:?}");
    // It was not in force while it was held.
    let held = story.clock.now() - WEEKS + Duration::from_secs(1);
    assert_eq!(story.table(Some(held)).await, before);
    let again = story.identities.accept(2, &story.author).await;
    assert!(matches!(again, Err(IdentityError::NotHeld(2))));
    let accepted = story.in_force().await;
    assert_eq!(accepted.accepted_by.as_deref(), Some("ada"));
    assert_eq!(
        story.events().await,
        ["roster.imported", "roster.imported", "roster.confirmed", "roster.accepted"]
    );
}

async fn a_held_version_is_discarded_once_the_source_has_recovered(database: TestDatabase) {
    let story = Story::begin(database).await;
    story.import(FIRST).await;
    story.clock.advance(Duration::from_hours(1));
    let held = story.import(&halved()).await;
    assert!(matches!(held, ImportOutcome::Held { version: 2, .. }), "{held:?}");
    assert_eq!(story.states().await, [VersionState::Held, VersionState::InForce]);
    story.clock.advance(Duration::from_hours(1));
    assert_eq!(story.import(FIRST).await, ImportOutcome::Unchanged { version: 1 });
    assert_eq!(story.states().await, [VersionState::Discarded, VersionState::InForce]);
    let late = story.identities.accept(2, &story.author).await;
    assert!(matches!(late, Err(IdentityError::NotHeld(2))), "{late:?}");
    // The next bad file is held as a version of its own.
    story.clock.advance(Duration::from_hours(1));
    let held = story.import(&halved()).await;
    assert!(matches!(held, ImportOutcome::Held { version: 3, .. }), "{held:?}");
}

async fn a_version_comes_into_force_after_the_one_before_even_within_one_moment(
    database: TestDatabase,
) {
    let story = Story::begin(database).await;
    story.import(FIRST).await;
    story.import(&halved()).await;
    story.identities.accept(2, &story.author).await.unwrap();
    assert_eq!(story.import(FIRST).await, ImportOutcome::InForce { version: 3 });
    let in_force = story.in_force().await;
    assert_eq!(in_force.number, 3);
}

async fn a_forgotten_person_is_in_no_version_and_does_not_come_back(database: TestDatabase) {
    let story = Story::begin(database).await;
    story.import(FIRST).await;
    story.clock.advance(WEEKS);
    story.import(SECOND).await;
    let nobody = story.identities.forget("404", &story.author).await;
    assert!(matches!(nobody, Err(IdentityError::NobodyToForget)));
    story.identities.forget("9", &story.author).await.unwrap();
    for version in [1, 2] {
        let roster = story.identities.store().roster("default", version).await.unwrap().unwrap();
        let all = serde_json::to_string(roster.people()).unwrap();
        assert!(!all.contains("mia") && !all.contains("\"9\""), "{all}");
    }
    assert!(story.table(None).await.contains(&"9 - unknown - -".to_owned()));
    story.clock.advance(Duration::from_hours(1));
    let more = format!("{SECOND}12,New Person,new@acme.example,employee,2026-05-01,,1\n");
    assert_eq!(story.import(&more).await, ImportOutcome::InForce { version: 3 });
    assert!(story.table(None).await.contains(&"9 - unknown - -".to_owned()));
    story.identities.remember("9", &story.author).await.unwrap();
    story.clock.advance(Duration::from_hours(1));
    assert_eq!(story.import(SECOND).await, ImportOutcome::InForce { version: 4 });
    assert!(story.table(None).await.contains(&"9 9 employee exact active".to_owned()));
}

async fn a_person_who_is_forgotten_during_an_import_or_a_decision_does_not_come_back(
    database: TestDatabase,
) {
    let story = Story::begin(database).await;
    story.import(FIRST).await;
    let rosters = story.identities.store();
    // What an import and a decision read before the person was forgotten.
    let read = rosters.roster("default", 1).await.unwrap().unwrap();
    story.identities.forget("9", &story.author).await.unwrap();
    let now = story.clock.now();
    let version = NewVersion {
        source: "hr".to_owned(),
        sha256: String::new(),
        rows: 6,
        without_address: 0,
        fields: Vec::new(),
        at: now,
        by: "ada".to_owned(),
        base: 1,
        reasons: Vec::new(),
    };
    let stored = rosters.add_version("default", 1, version, read.people(), Vec::new()).await;
    assert_eq!(stored.unwrap(), None);
    let verdicts = [
        Verdict::Is { person_key: PersonKey::new("9").unwrap() },
        Verdict::Class { class: Class::Service, owner: Some(" 9 ".to_owned()) },
    ];
    for verdict in verdicts {
        let decision = Decision {
            account: UserId::new("9"),
            verdict,
            why: "Asked".to_owned(),
            until: None,
            roster_version: 1,
        };
        let acts = vec![Act::Decide(decision)];
        let appended = rosters.append_decisions("default", 0, acts, "ada", now, |_| Vec::new());
        assert_eq!(appended.await.unwrap(), None);
    }
}

async fn an_erasure_reaches_owners_managers_and_answers_about_the_past(database: TestDatabase) {
    let story = Story::begin(database).await;
    story.import(FIRST).await;
    let new = NewDecision {
        account: "adm_10".to_owned(),
        verdict: NewVerdict::Class {
            class: Class::Service,
            owner: Some("Mia@Acme.example".to_owned()),
        },
        why: "Mia asked".to_owned(),
        until: Some(story.clock.now() + Duration::from_hours(24 * 30)),
    };
    story.identities.decide(new, &story.author, &story.directory).await.unwrap();
    story.clock.advance(Duration::from_hours(2));
    let first_day = Some(FIRST_DAY + Duration::from_hours(1));
    assert!(story.table(first_day).await.contains(&"9 9 employee exact active".to_owned()));
    // Another process erases the person, so this one keeps its cache.
    let other = identities_of(&config(), "default", &story.stores, &story.clock);
    let forgotten = other.forget("9", &story.author).await.unwrap();
    assert_eq!((forgotten.people, forgotten.decisions), (1, 1));
    let rows = story.identities.decisions().await.unwrap();
    let row = (rows[0].owner.as_deref(), rows[0].why.as_str());
    assert_eq!(row, (Some("(erased)"), "(erased)"));
    // The file still has the person, as manager of others, too.
    assert_eq!(story.import(SECOND).await, ImportOutcome::InForce { version: 2 });
    assert!(story.table(first_day).await.contains(&"9 - unknown - -".to_owned()));
    let roster = story.identities.store().roster("default", 2).await.unwrap().unwrap();
    assert!(roster.people().iter().all(|person| person.manager.is_none()), "{roster:?}");
    // Without the person's own row, the file still names the key.
    let without = SECOND.lines().filter(|line| !line.starts_with("9,"));
    let without: String = without.map(|line| format!("{line}\n")).collect();
    assert_eq!(story.import(&without).await, ImportOutcome::Unchanged { version: 2 });
}

async fn people_who_left_long_ago_and_old_versions_are_erased(database: TestDatabase) {
    let story = Story::begin(database).await;
    story.import(FIRST).await;
    story.clock.advance(WEEKS);
    story.import(SECOND).await;
    let new = NewDecision {
        account: "adm_10".to_owned(),
        verdict: NewVerdict::IsNot("5".to_owned()),
        why: "Another John".to_owned(),
        until: Some(story.clock.now() + Duration::from_hours(24 * 30)),
    };
    story.identities.decide(new, &story.author, &story.directory).await.unwrap();
    // Ed's first time at the company ended in 2023, and his account belongs to his second one.
    let kept = story.identities.keep_up(&story.directory).await.unwrap();
    assert_eq!((kept.versions, kept.people), (0, 1), "erased once Intercom confirmed the clock");
    assert_eq!(story.import(SECOND).await, ImportOutcome::Unchanged { version: 2 });
    let roster = story.identities.store().roster("default", 2).await.unwrap().unwrap();
    let keys: Vec<&str> = roster.people().iter().map(|person| person.key.as_str()).collect();
    assert_eq!(keys, ["1", "2", "3", "5", "7", "8", "9"]);
    // John ended on 30 November 2025.
    story.clock.advance(WEEKS);
    let kept = story.identities.keep_up(&story.directory).await.unwrap();
    assert_eq!(kept.people, 1);
    let rows = story.identities.decisions().await.unwrap();
    let row = (rows[0].person_key.as_deref(), rows[0].why.as_str());
    assert_eq!(row, (Some("(erased)"), "(erased)"));
    // Bo ended, too, but his account is still active.
    story.clock.advance(8 * WEEKS);
    let kept = story.identities.keep_up(&story.directory).await.unwrap();
    assert_eq!(kept.people, 0);
    let roster = story.identities.store().roster("default", 2).await.unwrap().unwrap();
    assert!(roster.people().iter().any(|person| person.key.as_str() == "2"));
    let more = format!("{SECOND}12,New Person,new@acme.example,employee,2026-05-01,,1\n");
    story.import(&more).await;
    let kept = story.identities.keep_up(&story.directory).await.unwrap();
    assert_eq!(kept.versions, 1);
    assert_eq!(story.states().await, [VersionState::InForce, VersionState::Replaced]);
}

async fn decisions_are_appended_and_named_by_number(database: TestDatabase) {
    let story = Story::begin(database).await;
    let new = |account: &str, verdict| NewDecision {
        account: account.to_owned(),
        verdict,
        why: "Asked".to_owned(),
        until: Some(story.clock.now() + Duration::from_hours(24 * 30)),
    };
    let decide = async |new| story.identities.decide(new, &story.author, &story.directory).await;
    let service =
        || NewVerdict::Class { class: Class::Service, owner: Some("mia@acme.example".to_owned()) };
    let early = decide(new("adm_10", service())).await;
    assert!(matches!(early, Err(IdentityError::NoRoster)));
    story.import(FIRST).await;
    assert_eq!(decide(new("support@acme.example", service())).await.unwrap(), 1);
    assert_eq!(
        decide(new("adm_6", NewVerdict::Is("cy@acme.example".to_owned()))).await.unwrap(),
        2
    );
    assert_eq!(decide(new("adm_2", NewVerdict::IsNot("1".to_owned()))).await.unwrap(), 3);
    let nobody = decide(new("adm_6", NewVerdict::Is("404".to_owned()))).await;
    assert!(matches!(nobody, Err(IdentityError::NoSuchPerson)));
    let bot = decide(new("adm_6", NewVerdict::Class { class: Class::Bot, owner: None })).await;
    assert!(matches!(bot, Err(IdentityError::Decision(_))));
    let table = story.table(None).await;
    let has = |line: &str| table.iter().any(|row| row == line);
    assert!(has("10 - service - -"), "{table:?}");
    assert!(has("2 - unknown - -"), "{table:?}");
    assert!(has("6 3 employee decision active duplicate"), "{table:?}");
    story.identities.revoke(3, &story.author).await.unwrap();
    let twice = story.identities.revoke(3, &story.author).await;
    assert!(matches!(twice, Err(IdentityError::RevokedBefore(3))));
    assert!(story.table(None).await.contains(&"2 1 employee exact active duplicate".to_owned()));
    // All decisions of a file, or none.
    let file = "account,person,why,until\nadm_7,5,Asked,\nadm_404,5,Asked,\nadm_8,6,,\n";
    let bad = story.identities.import_decisions(file.as_bytes(), &story.author, &story.directory);
    let Err(IdentityError::DecisionFile(bad)) = bad.await else { panic!("refused") };
    assert_eq!(bad.len(), 2);
    let good = "account,person,why,until\nadm_7,5,Asked,\nadm_8,6,Asked,2026-12-31\n";
    let ids = story.identities.import_decisions(good.as_bytes(), &story.author, &story.directory);
    assert_eq!(ids.await.unwrap(), [5, 6]);
    // The first two ended by themselves.
    story.clock.advance(WEEKS);
    assert!(story.table(None).await.contains(&"10 - unknown - -".to_owned()));
    let rows = story.identities.decisions().await.unwrap();
    let states: Vec<String> = rows.iter().map(|row| format!("{} {}", row.id, row.state)).collect();
    assert_eq!(states, ["6 in_force", "5 in_force", "3 revoked", "2 expired", "1 expired"]);
    assert_eq!(rows[2].revoked_by.as_deref(), Some("ada"));
}
