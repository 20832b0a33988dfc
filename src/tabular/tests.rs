use serde_json::json;
use time::macros::datetime;

use super::*;
use crate::directory::variants::assert_shows_each_member;
use crate::directory::{
    Activity, Actor, Change, ChangeNames, ChangePosition, Changed, Directory, EntitlementType,
    Group, GroupId, LogFacts, Membership, Names, Priority, Recorded, RecordedChange, Role, SignIn,
    Snapshot, Stamps, User, UserId, Volatile,
};

const EARLY: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);
const LATE: OffsetDateTime = datetime!(2026-03-09 12:00 UTC);
const KNOWN: KnownLog = KnownLog { covered: None, moment: LATE };

fn user(id: &str, name: &str) -> User {
    let mut user = User::new(UserId::new(id));
    user.name = Some(name.to_owned());
    user.email = Some(format!("{}@example.com", name.to_lowercase()));
    user
}

fn directory() -> Directory {
    let ada = User {
        role: Some(Role { id: "2".to_owned(), name: Some("Support Agent".to_owned()) }.into()),
        has_inbox_seat: Some(true),
        permissions: Some(["export_data".to_owned()].into()),
        ..user("1", "Ada")
    };
    let bo = User { has_inbox_seat: Some(false), ..user("2", "Bo") };
    let cy = User { active: false, ..user("3", "Cy") };
    let stamps = |last_modified| Stamps { created: EARLY, last_modified };
    let people = [(ada, EARLY), (bo, LATE), (cy, LATE)];
    let group = |id: &str, name: Option<&str>| Group {
        id: GroupId::new(id),
        name: name.map(str::to_owned),
        distribution_method: None,
        assignment_limit: Some(5),
    };
    let membership = |group: &str, user: &str, priority| Membership {
        group: GroupId::new(group),
        user: UserId::new(user),
        priority,
    };
    let snapshot = Snapshot {
        generation: 2,
        users: people
            .map(|(user, at)| (Recorded { value: user, stamps: stamps(at) }, Volatile::default()))
            .to_vec(),
        groups: vec![
            Recorded { value: group("8", Some("Support")), stamps: stamps(EARLY) },
            Recorded { value: group("9", None), stamps: stamps(LATE) },
        ],
        memberships: vec![
            membership("8", "1", Some(Priority::Primary)),
            membership("9", "1", None),
            membership("8", "2", None),
        ],
        ..Snapshot::default()
    };
    Directory::new(snapshot, OffsetDateTime::UNIX_EPOCH, None)
}

const EVERY: MembershipSelection<'_> =
    MembershipSelection { kind: None, account: None, entitlement: None };

const ALL: Selection = Selection {
    modified_since: None,
    include_removed: false,
    removal_cutoff: None,
    offset: 0,
    limit: usize::MAX,
};

#[test]
fn an_account_is_one_level_of_json_with_nothing_made_up() {
    let directory = directory();
    let rows: Vec<Account> = accounts(&directory, Names::Repeat, KNOWN, ALL).items;
    assert_eq!(rows.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(), ["adm_1", "adm_2"]);
    let ada = json!(rows[0]);
    assert!(ada.as_object().unwrap().values().all(|value| !value.is_array() && !value.is_object()));
    assert_eq!(
        (&ada["team_ids"], &ada["permissions"]),
        (&json!("team_8,team_9"), &json!("export_data"))
    );
    assert_eq!(
        (&json!(rows[1])["permissions"], &json!(rows[1])["role_id"]),
        (&json!(null), &json!(null))
    );
}

#[test]
fn columns_are_the_members_in_their_order() {
    fn same<R: Row>(row: &R) {
        let text = json!(row).to_string();
        let object: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(&text).unwrap();
        let (mut names, mut columns): (Vec<&str>, Vec<&str>) =
            (object.keys().map(String::as_str).collect(), R::COLUMNS.to_vec());
        names.sort_unstable();
        columns.sort_unstable();
        assert_eq!(names, columns);
        // serde writes the members in the order of the columns.
        let written = serde_json::to_string(row).unwrap();
        let places: Vec<Option<usize>> =
            R::COLUMNS.iter().map(|column| written.find(&format!("\"{column}\":"))).collect();
        assert!(places.is_sorted(), "{written}");
    }
    let directory = directory();
    same(&accounts(&directory, Names::Repeat, KNOWN, ALL).items[0]);
    same(&entitlements(&directory, None, ALL).items[0]);
    same(&memberships(&directory, EVERY, ALL).items[0]);
    same(&review(&directory, None, basis(&LogFacts::default()))[0]);
    let created = Changed::Membership(Change::Created(Membership {
        group: GroupId::new("8"),
        user: UserId::new("1"),
        priority: None,
    }));
    same(&ChangeRow::from(document_of(created, None)));
}

#[test]
fn removed_and_unchanged_accounts_are_omitted_by_default() {
    let directory = directory();
    let ids = |modified_since, include_removed| {
        let selection = Selection { modified_since, include_removed, ..ALL };
        let ids: Vec<String> = accounts(&directory, Names::Repeat, KNOWN, selection)
            .items
            .into_iter()
            .map(|row| row.id)
            .collect();
        ids.join(" ")
    };
    assert_eq!(ids(None, true), "adm_1 adm_2 adm_3");
    assert_eq!(ids(Some(LATE), false), "adm_2", "at that very moment is since");
    assert_eq!(ids(Some(LATE), true), "adm_2 adm_3");
    assert_eq!(ids(Some(LATE + time::Duration::milliseconds(1)), true), "");
}

#[test]
fn entitlements_are_teams_roles_seats_and_permissions() {
    let directory = directory();
    let ids = |kind, since| {
        let selection = Selection { modified_since: since, ..ALL };
        let rows = entitlements(&directory, kind, selection).items;
        let rows: Vec<String> = rows
            .iter()
            .map(|row| format!("{} {} {}", row.id, row.name, row.member_count))
            .collect();
        rows.join(", ")
    };
    assert_eq!(
        ids(None, None),
        "team_8 Support 2, team_9 team_9 1, role_2 Support Agent 1, seat_inbox_seat Inbox seat 1, permission_export_data export_data 1"
    );
    assert_eq!(ids(Some(EntitlementType::Role), None), "role_2 Support Agent 1");
    assert_eq!(ids(None, Some(LATE)), "team_9 team_9 1");
}

#[test]
fn memberships_join_accounts_and_entitlements_that_are_there() {
    let directory = directory();
    let all = memberships(&directory, EVERY, ALL).items;
    let accounts: Vec<String> = accounts(&directory, Names::Repeat, KNOWN, ALL)
        .items
        .into_iter()
        .map(|row| row.id)
        .collect();
    let known: Vec<String> =
        entitlements(&directory, None, ALL).items.into_iter().map(|row| row.id).collect();
    assert!(
        all.iter()
            .all(|row| accounts.contains(&row.account_id) && known.contains(&row.entitlement_id))
    );
    assert_eq!(
        all.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(),
        [
            "adm_1:team_8",
            "adm_1:team_9",
            "adm_1:role_2",
            "adm_1:seat_inbox_seat",
            "adm_1:permission_export_data",
            "adm_2:team_8"
        ]
    );
    assert_eq!((all[0].priority, all[1].priority), (Some("primary"), None));
    assert_eq!(
        memberships(
            &directory,
            MembershipSelection { kind: Some(EntitlementType::Team), ..EVERY },
            ALL
        )
        .total,
        3
    );
}

fn document_of(change: Changed, cause: Option<Activity>) -> ChangeDocument {
    ChangeDocument::from(&RecordedChange {
        position: ChangePosition::START,
        generation: 1,
        run: 1,
        at: EARLY,
        change,
        cause,
        names: ChangeNames::default(),
    })
}

#[test]
fn a_change_has_the_attributes_that_differ_and_no_others() {
    let before = user("1", "Ada");
    let after = User { job_title: Some("Lead".into()), ..user("1", "Ada") };
    let change =
        Changed::User(Change::of_user(Some(before.clone()), Some(after.clone())).unwrap().into());
    let entry = Activity {
        id: "e1".to_owned(),
        at: EARLY,
        kind: "role_change".to_owned(),
        description: None,
        performed_by: Some(Actor { id: Some(UserId::new("7")), ..Actor::default() }),
        metadata: json!({}).into(),
    };
    let document = document_of(change, Some(entry));
    assert_eq!(
        (document.r#type, document.action, document.id.as_str()),
        ("user", "updated", "adm_1")
    );
    assert_eq!(json!(document.before), json!({"title": null}));
    assert_eq!(json!(document.after), json!({"title": "Lead"}));
    assert_eq!(document.actor.unwrap().id.as_deref(), Some("adm_7"));

    let created = document_of(Changed::User(Change::Created(after).into()), None);
    assert_eq!(json!(created.before), json!(null));
    assert_eq!(
        json!(created.after),
        json!({"active": true, "email": "ada@example.com", "display_name": "Ada", "title": "Lead"})
    );
    let gone =
        Change::of_user(Some(before.clone()), Some(User { active: false, ..before })).unwrap();
    let gone = document_of(Changed::User(gone.into()), None);
    assert_eq!((gone.action, json!(gone.after)), ("removed", json!({"active": false})));
}

#[test]
fn pages_put_together_are_the_whole() {
    let directory = directory();
    let everything = Selection { include_removed: true, ..ALL };
    for limit in 1..8 {
        let pages = |total: usize| {
            (0..total + 2).step_by(limit).map(move |offset| Selection {
                offset,
                limit,
                ..everything
            })
        };
        let all = memberships(&directory, EVERY, everything);
        let put_together: Vec<AccessMembership> =
            pages(all.total).flat_map(|page| memberships(&directory, EVERY, page).items).collect();
        assert_eq!(
            (put_together, all.total),
            (all.items.clone(), all.items.len()),
            "memberships by {limit}"
        );
        let all = accounts(&directory, Names::Repeat, KNOWN, everything);
        let put_together: Vec<Account> = pages(all.total)
            .flat_map(|page| accounts(&directory, Names::Repeat, KNOWN, page).items)
            .collect();
        assert_eq!(
            (put_together, all.total),
            (all.items.clone(), all.items.len()),
            "accounts by {limit}"
        );
        let all = entitlements(&directory, None, everything);
        let put_together: Vec<Entitlement> =
            pages(all.total).flat_map(|page| entitlements(&directory, None, page).items).collect();
        assert_eq!(
            (put_together, all.total),
            (all.items.clone(), all.items.len()),
            "entitlements by {limit}"
        );
    }
}

fn basis(log: &LogFacts) -> ReviewBasis<'_> {
    ReviewBasis { privileged_roles: &[], log, moment: LATE, identities: None }
}

#[test]
fn privilege_follows_from_role_or_permission() {
    let log = LogFacts::default();
    let roles = ["Owner", "Super admin", "Gesch\u{E4}ftsf\u{FC}hrung"].map(str::to_owned);
    let privileged = |role: Option<&str>, permissions: Option<&[&str]>| {
        let role = role.map(|name| Role { id: "1".to_owned(), name: Some(name.to_owned()) }.into());
        let permissions =
            permissions.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
        let value = User { role, permissions, ..user("1", "Ada") };
        let recorded = Recorded { value, stamps: Stamps { created: EARLY, last_modified: EARLY } };
        let snapshot =
            Snapshot { users: vec![(recorded, Volatile::default())], ..Snapshot::default() };
        let directory = Directory::new(snapshot, OffsetDateTime::UNIX_EPOCH, None);
        review(&directory, None, ReviewBasis { privileged_roles: &roles, ..basis(&log) })[0]
            .is_privileged
    };
    for (role, permissions, expected) in [
        (None, None, None),
        (Some("Support"), None, Some(false)),
        (Some(" SUPER ADMIN "), None, Some(true)),
        (Some("gescha\u{308}ftsfu\u{308}hrung"), None, Some(true)),
        (Some("Super administrator"), None, Some(false)),
        (None, Some(&["manage_tags"][..]), Some(false)),
        (None, Some(&[]), Some(false)),
        (None, Some(&["manage_teammates"]), Some(true)),
        (None, Some(&["access_workspace_settings"]), Some(true)),
        (None, Some(&["access_security_settings"]), Some(true)),
        (Some("Support"), Some(&["manage_teammates"]), Some(true)),
        (Some("Owner"), Some(&["manage_tags"]), Some(true)),
    ] {
        assert_eq!(privileged(role, permissions), expected, "{role:?} {permissions:?}");
    }
}

#[test]
fn dormant_means_ninety_days_without_activity() {
    let days_ago = |days: i64| LATE - time::Duration::days(days);
    let dormant = |signed_in: Option<i64>, joined: Option<i64>, covered: Option<(i64, i64)>| {
        let value = User { joined_at: joined.map(days_ago), ..user("1", "Ada") };
        let recorded = Recorded { value, stamps: Stamps { created: EARLY, last_modified: EARLY } };
        let snapshot =
            Snapshot { users: vec![(recorded, Volatile::default())], ..Snapshot::default() };
        let directory = Directory::new(snapshot, OffsetDateTime::UNIX_EPOCH, None);
        let sign_in =
            signed_in.map(|days| (UserId::new("1"), SignIn { at: days_ago(days), method: None }));
        let log = LogFacts {
            covered: covered.map(|(since, until)| (days_ago(since), days_ago(until))),
            sign_ins: sign_in.into_iter().collect(),
            ..LogFacts::default()
        };
        review(&directory, None, basis(&log))[0].is_dormant
    };
    for (signed_in, joined, covered, expected) in [
        (Some(3), None, Some((365, 0)), Some(false)),
        (Some(3), None, None, Some(false)),
        (Some(91), None, Some((365, 0)), Some(true)),
        (Some(90), None, Some((365, 0)), Some(false)),
        // No known sign-in; the result depends on how far back the log goes.
        (None, None, Some((365, 0)), Some(true)),
        (None, None, Some((91, 0)), Some(true)),
        (None, None, Some((89, 0)), None),
        (None, None, None, None),
        // An account that joined a week ago is not dormant yet.
        (None, Some(7), Some((365, 0)), Some(false)),
        (None, Some(400), Some((365, 0)), Some(true)),
        // The log has not been read for 30 days.
        (None, None, Some((365, 30)), None),
        (Some(200), None, Some((365, 30)), None),
        (Some(40), None, Some((365, 30)), Some(false)),
    ] {
        assert_eq!(
            dormant(signed_in, joined, covered),
            expected,
            "{signed_in:?} {joined:?} {covered:?}"
        );
    }
}

/// Returns the account ids of a review, each with its change since the previous review.
fn changes_since(rows: &[ReviewedAccount]) -> Vec<(String, Option<ReviewChange>)> {
    rows.iter().map(|row| (row.account_id.clone(), row.change_since_last_review)).collect()
}

#[test]
fn a_review_lists_the_accounts_with_access_and_leaves_unknown_values_out() {
    let now = directory();
    let log = LogFacts::default();
    let rows = review(&now, None, basis(&log));
    assert_eq!(
        changes_since(&rows),
        [("adm_1".to_owned(), None), ("adm_2".to_owned(), None)],
        "who has access"
    );
    let ada = &rows[0];
    assert_eq!(
        (ada.teams.as_str(), ada.roles.as_deref(), ada.seat),
        ("Support;team_9", Some("Support Agent"), Some("inbox"))
    );
    assert_eq!(
        (ada.is_privileged, rows[1].is_privileged, rows[1].permissions.as_deref()),
        (Some(false), None, None)
    );
    assert_eq!(
        (ada.created_source, ada.last_login_at, ada.mfa),
        ("observed", None, None),
        "unknown values are empty"
    );
}

/// Returns [`directory`] at the time of the previous review, when Ada had no role, Bo was absent,
/// and Cy was active.
fn directory_of_the_previous_review(now: &Directory) -> Directory {
    let mut people: Vec<(User, Stamps)> =
        now.people.iter().map(|person| ((*person.user).clone(), person.stamps)).collect();
    people[0].0.role = None;
    people[2].0.active = true;
    people.remove(1);
    let snapshot = Snapshot {
        users: people
            .into_iter()
            .map(|(value, stamps)| (Recorded { value, stamps }, Volatile::default()))
            .collect(),
        memberships: vec![
            Membership {
                group: GroupId::new("8"),
                user: UserId::new("1"),
                priority: Some(Priority::Primary),
            },
            Membership { group: GroupId::new("9"), user: UserId::new("1"), priority: None },
        ],
        groups: now
            .teams
            .iter()
            .map(|team| Recorded { value: (*team.group).clone(), stamps: team.stamps })
            .collect(),
        ..Snapshot::default()
    };
    Directory::new(snapshot, OffsetDateTime::UNIX_EPOCH, None)
}

#[test]
fn a_review_shows_how_each_account_changed_since_the_previous_review() {
    let now = directory();
    let log = LogFacts::default();
    let same = review(&now, Some(&now), basis(&log));
    assert!(
        same.iter().all(|row| row.change_since_last_review == Some(ReviewChange::Same)),
        "nothing changed"
    );
    let before = directory_of_the_previous_review(&now);
    assert_eq!(
        changes_since(&review(&now, Some(&before), basis(&log))),
        [
            ("adm_1".to_owned(), Some(ReviewChange::Changed)),
            ("adm_2".to_owned(), Some(ReviewChange::Added)),
            ("adm_3".to_owned(), Some(ReviewChange::Removed)),
        ]
    );
}

#[test]
fn each_member_of_a_user_is_in_the_account_row() {
    let row = |user: &User| {
        let stamps = Stamps { created: EARLY, last_modified: LATE };
        let user = (Recorded { value: user.clone(), stamps }, Volatile::default());
        let snapshot = Snapshot { users: vec![user], ..Snapshot::default() };
        let directory = Directory::new(snapshot, OffsetDateTime::UNIX_EPOCH, None);
        let everybody = Selection {
            modified_since: None,
            include_removed: true,
            removal_cutoff: None,
            offset: 0,
            limit: 1,
        };
        accounts(&directory, Names::default(), KNOWN, everybody).items
    };
    assert_shows_each_member(row, &[]);
}

#[test]
fn each_member_of_a_user_is_in_the_log_of_changes() {
    assert_shows_each_member(
        attributes_of_user,
        &[
            ("id", "the change has the id of the account beside its attributes"),
            ("erased", "an erasure has a record of its own and is no change of access"),
        ],
    );
}

#[test]
fn the_days_since_a_time_are_never_negative() {
    use time::Duration;
    let days = |by: Duration| days_since(LATE + by, LATE);
    assert_eq!((days(-Duration::days(2)), days(Duration::SECOND)), (Some(2), Some(0)));
    assert_eq!(days(Duration::DAY), None, "a clock was wrong");
}
