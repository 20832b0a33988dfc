//! Filters of the log of changes: by person, team, actor, kind and period.

use intercom_scim_bridge::activity::WantedKinds;
use intercom_scim_bridge::directory::{
    ActivitySource, ChangeAction, ChangeKind, ChangePosition, GroupId, LastActivity, LogFacts,
    Mode, RecordedChange, UserId,
};
use intercom_scim_bridge::import::ImportOptions;
use intercom_scim_bridge::ledger::{ActorQuestion, ChangeQuestion};
use intercom_scim_bridge::tabular::ChangeDocument;
use serde_json::json;
use time::OffsetDateTime;

use crate::history::{all, told};
use crate::on_both_databases;
use crate::support::database::TestDatabase;
use crate::support::hand::{Hand, OPTIONS, START, Small, request};

on_both_databases!(
    every_filter_gives_each_matching_change_exactly_once,
    names_are_those_of_the_time_of_the_change,
    sign_ins_and_invitations_are_those_known_at_a_past_time,
    the_last_activity_is_known_now_and_as_of_a_moment,
    a_change_that_intercom_made_by_itself_hides_no_earlier_activity,
    an_address_is_found_in_any_case_and_unicode_form,
);

/// Whether a change fits a query, computed from the change alone.
fn fits(question: &ChangeQuestion, change: &RecordedChange) -> bool {
    let document = ChangeDocument::from(change);
    let by = |actor: &ActorQuestion| {
        let (id, email) =
            document.actor.as_ref().map_or((None, None), |by| (by.id.clone(), by.email.clone()));
        actor.ids.iter().any(|actor| id == Some(format!("adm_{actor}")))
            || actor.email.is_some() && actor.email == email
    };
    let of_people = |people: &Vec<UserId>| {
        people.iter().any(|id| document.user_id == Some(format!("adm_{id}")))
    };
    question.kind.is_none_or(|kind| kind.as_str() == document.r#type)
        && question.people.as_ref().is_none_or(of_people)
        && question.team.as_ref().is_none_or(|id| document.group_id == Some(format!("team_{id}")))
        && question.actor.as_ref().is_none_or(by)
        && question.action.is_none_or(|action| action.as_str() == document.action)
        && question.since.is_none_or(|since| change.at >= since)
        && question.until.is_none_or(|until| change.at < until)
}

/// Makes a history with changes of each kind, by several actors.
async fn varied_history(database: TestDatabase) -> (Hand, Small) {
    let (hand, small) = Hand::small(database).await;
    hand.full().await;
    let now = || hand.clock.now().unix_timestamp();
    let bo = hand
        .simulator
        .change(|workspace| workspace.admins().find(|(id, _)| *id == small.bo).unwrap().1.clone());
    hand.simulator.change(|workspace| {
        workspace.add_team("Sales", &[small.ada, small.bo, small.cy]);
        workspace.remove_admin(small.bo, small.ada, now() + 30);
        workspace.set_permissions(small.cy, small.ada, &["export_data"], now() + 31);
    });
    hand.allowing_removals(Mode::Full).await;
    hand.clock.advance(std::time::Duration::from_mins(7));
    hand.simulator.change(|workspace| {
        workspace.put_back(small.bo, bo);
        workspace.admin_mut(small.cy).unwrap().job_title = Some("Painter".to_owned());
    });
    hand.full().await;
    hand.simulator.change(|workspace| {
        workspace.set_permissions(small.ada, small.cy, &["manage_tags"], now() + 20);
        workspace.remove_team(small.support);
    });
    hand.full().await;
    (hand, small)
}

fn user(id: u64) -> Vec<UserId> {
    vec![UserId::new(id.to_string())]
}

fn actor(id: u64) -> ActorQuestion {
    ActorQuestion { ids: user(id), email: None }
}

/// Returns filters by person, team, actor, kind and action, alone and combined.
fn filters(small: &Small) -> Vec<ChangeQuestion> {
    let any = ChangeQuestion::default();
    let team = Some(GroupId::new(small.support.to_string()));
    let by_email =
        ActorQuestion { ids: Vec::new(), email: Some("ada.lovelace@example.com".to_owned()) };
    vec![
        any.clone(),
        ChangeQuestion { people: Some(user(small.ada)), ..any.clone() },
        ChangeQuestion {
            people: Some(user(small.bo)),
            kind: Some(ChangeKind::Membership),
            ..any.clone()
        },
        ChangeQuestion {
            people: Some(user(small.bo)),
            kind: Some(ChangeKind::Group),
            ..any.clone()
        },
        ChangeQuestion { people: Some(Vec::new()), ..any.clone() },
        ChangeQuestion { team: team.clone(), ..any.clone() },
        ChangeQuestion { team, people: Some(user(small.ada)), ..any.clone() },
        ChangeQuestion { actor: Some(actor(small.ada)), ..any.clone() },
        ChangeQuestion {
            actor: Some(actor(small.ada)),
            people: Some(user(small.cy)),
            ..any.clone()
        },
        ChangeQuestion { actor: Some(actor(small.cy)), ..any.clone() },
        ChangeQuestion { actor: Some(actor(404)), ..any.clone() },
        ChangeQuestion { actor: Some(by_email), ..any.clone() },
        ChangeQuestion { action: Some(ChangeAction::Removed), ..any.clone() },
        ChangeQuestion { action: Some(ChangeAction::Updated), kind: Some(ChangeKind::User), ..any },
    ]
}

/// Returns filters by period, with all pairs of times of changes.
fn filters_by_period(small: &Small, all: &[RecordedChange]) -> Vec<ChangeQuestion> {
    let any = ChangeQuestion::default();
    let times: Vec<Option<OffsetDateTime>> =
        [None].into_iter().chain(all.iter().map(|change| Some(change.at))).collect();
    let mut filters = Vec::new();
    for since in &times {
        for until in &times {
            filters.push(ChangeQuestion { since: *since, until: *until, ..any.clone() });
        }
    }
    for (since, until) in [(times[1], times[times.len() - 1]), (times[times.len() - 1], None)] {
        filters.push(ChangeQuestion { since, until, people: Some(user(small.bo)), ..any.clone() });
        filters.push(ChangeQuestion { since, until, actor: Some(actor(small.ada)), ..any.clone() });
    }
    filters
}

/// Walks over the changes that a filter selects, `step` at a time, and asserts that they are the
/// expected ones.
async fn assert_walk(
    hand: &Hand,
    question: &ChangeQuestion,
    step: usize,
    expected: &[&RecordedChange],
) {
    let mut place = ChangePosition::START;
    let mut walked = Vec::new();
    loop {
        let page = hand.ledger.changes_that("default", &place, question, step).await.unwrap();
        if let Some(total) = page.total {
            assert_eq!(
                total,
                (expected.len() - walked.len()) as u64,
                "{question:?} in steps of {step}"
            );
        }
        walked.extend(page.changes);
        place = ChangePosition::from_cursor(&page.next.to_cursor()).unwrap();
        if !page.more {
            break;
        }
    }
    // The position after a change has two forms, so it is not compared.
    let compared = |change: &RecordedChange| {
        (told(change), change.at, change.cause.clone(), change.names.clone())
    };
    assert_eq!(
        walked.iter().map(compared).collect::<Vec<_>>(),
        expected.iter().map(|change| compared(change)).collect::<Vec<_>>(),
        "{question:?} in steps of {step}"
    );
}

async fn every_filter_gives_each_matching_change_exactly_once(database: TestDatabase) {
    let (hand, small) = varied_history(database).await;
    let all = all(&hand).await;
    let mut found = 0;
    for question in filters(&small).into_iter().chain(filters_by_period(&small, &all)) {
        let expected: Vec<&RecordedChange> =
            all.iter().filter(|change| fits(&question, change)).collect();
        found += expected.len();
        for step in [1, 2, 5, 100] {
            assert_walk(&hand, &question, step, &expected).await;
        }
    }
    assert!(found > 100, "{found}");
}

async fn names_are_those_of_the_time_of_the_change(database: TestDatabase) {
    let (hand, small) = Hand::small(database).await;
    hand.full().await;
    hand.simulator.change(|workspace| {
        "Bo Married".clone_into(&mut workspace.admin_mut(small.bo).unwrap().name);
        "Care".clone_into(&mut workspace.team_mut(small.support).unwrap().name);
    });
    hand.full().await;
    hand.simulator.change(|workspace| {
        let at = START.unix_timestamp() + 150;
        workspace.remove_team(small.support);
        workspace.note(at, "app_team_deletion", small.bo, json!({"team": {"id": small.support}}));
    });
    hand.full().await;
    hand.simulator.change(|workspace| {
        "Bo Divorced".clone_into(&mut workspace.admin_mut(small.bo).unwrap().name);
    });
    hand.full().await;
    let told: Vec<_> = all(&hand)
        .await
        .iter()
        .map(ChangeDocument::from)
        .filter(|document| {
            document.r#type == "membership" && document.user_id == Some(format!("adm_{}", small.bo))
        })
        .map(|document| {
            let by = document.actor.and_then(|actor| actor.display_name);
            (
                document.action,
                document.user_display_name,
                document.user_email,
                document.group_display_name,
                by,
            )
        })
        .collect();
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(
        told,
        [
            ("created", some("Bo Diddley"), some("bo.diddley@example.com"), some("Support"), None),
            (
                "removed",
                some("Bo Married"),
                some("bo.diddley@example.com"),
                some("Care"),
                some("Bo Married")
            ),
        ]
    );
}

async fn sign_ins_and_invitations_are_those_known_at_a_past_time(database: TestDatabase) {
    let (hand, small) = Hand::small(database).await;
    let start = START.unix_timestamp();
    let lookback = std::time::Duration::from_hours(24 * 365);
    let nothing = hand.ledger.log_facts("default", START, lookback).await.unwrap();
    assert_eq!(
        (nothing.covered, nothing.sign_ins.len()),
        (None, 0),
        "before the first import nothing is known"
    );
    hand.simulator.change(|workspace| {
        workspace.sign_in(small.ada, "email_password", start - 3_000);
        workspace.note(
            start - 9_000,
            "admin_invite_creation",
            small.ada,
            json!({"email": "BO.Diddley@example.com"}),
        );
    });
    let first = hand.full().await.observed_at.unwrap();
    hand.simulator.change(|workspace| {
        workspace.sign_in(small.ada, "saml", start + 70);
        workspace.sign_in(small.bo, "google_oauth2", start + 71);
    });
    let second = hand.incremental().await.observed_at.unwrap();
    let facts = async |moment| hand.ledger.log_facts("default", moment, lookback).await.unwrap();
    let ada = UserId::new(small.ada.to_string());
    let then = facts(first).await;
    let now = facts(second).await;
    assert_eq!(then.covered, Some((first - time::Duration::days(365), first)));
    assert_eq!(now.covered, Some((first - time::Duration::days(365), second)));
    let signed_in = |facts: &LogFacts| facts.sign_ins[&ada].clone();
    assert_eq!(
        (signed_in(&then).at.unix_timestamp(), signed_in(&then).by_identity_provider()),
        (start - 3_000, Some(false))
    );
    assert_eq!(
        (signed_in(&now).at.unix_timestamp(), signed_in(&now).by_identity_provider()),
        (start + 70, Some(true))
    );
    assert_eq!((then.sign_ins.len(), now.sign_ins.len()), (1, 2));
    assert_eq!(
        then.invited_at("bo.diddley@example.com", None).map(OffsetDateTime::unix_timestamp),
        Some(start - 9_000)
    );
    // Between two imports, the state is that of the first one.
    assert_eq!(facts(second - time::Duration::milliseconds(1)).await, then);
}

async fn the_last_activity_is_known_now_and_as_of_a_moment(database: TestDatabase) {
    let (hand, small) = Hand::small(database).await;
    let (start, lookback) = (START.unix_timestamp(), std::time::Duration::from_hours(24 * 365));
    let (ada, bo, cy) = (small.ada, small.bo, small.cy);
    hand.simulator.change(|workspace| {
        workspace.sign_in(ada, "saml", start - 3_000);
        workspace.set_permissions(bo, ada, &["export_data"], start - 2_000);
        // Neither shows that Bo was active: someone tried to sign in, and Intercom's staff did.
        workspace.fail_sign_in(bo, "email_password", start - 1_000);
        workspace.note(start - 900, "admin_impersonation_start", bo, json!({}));
        workspace.note(start - 850, "admin_impersonation_end", bo, json!({}));
        let measured = json!({"last_activity_at": start - 800, "new_state": "idle"});
        workspace.note(start - 500, "admin_occupancy_state_change", cy, measured);
    });
    let first = hand.full().await.observed_at.unwrap();
    let of = |at: i64, source| Some((start + at, source));
    let now = async |id: u64| {
        let known = hand.ledger.volatile("default").await.unwrap();
        let last = known[&UserId::new(id.to_string())].last_activity();
        last.map(|LastActivity { at, source }| (at.unix_timestamp(), source))
    };
    assert_eq!(now(ada).await, of(-2_000, ActivitySource::ActivityLog));
    assert_eq!(now(bo).await, None);
    assert_eq!(now(cy).await, None, "occupancy is not fetched by default");

    hand.simulator.change(|workspace| {
        workspace.set_permissions(cy, bo, &["export_data"], start + 70);
        workspace.sign_in(ada, "saml", start + 71);
        workspace.set_permissions(cy, ada, &[], start + 72);
    });
    // Bo did something to Cy, and nothing was done to Bo: an import in part must see both.
    let second = hand.incremental().await.observed_at.unwrap();
    assert_eq!(now(ada).await, of(72, ActivitySource::ActivityLog));
    assert_eq!(now(bo).await, of(70, ActivitySource::ActivityLog));

    let ids: Vec<UserId> = [ada, bo, cy].map(|id| UserId::new(id.to_string())).to_vec();
    let as_of = async |moment| {
        let all = hand.ledger.log_facts("default", moment, lookback).await.unwrap();
        let some = hand.ledger.log_facts_of("default", moment, lookback, &ids).await.unwrap();
        let last = |facts: &LogFacts, id| {
            let last = facts.last_activity(id)?;
            Some((last.at.unix_timestamp(), last.source))
        };
        let every: Vec<_> = ids.iter().map(|id| last(&all, id)).collect();
        let selected: Vec<_> = ids.iter().map(|id| last(&some, id)).collect();
        assert_eq!(every, selected);
        every
    };
    assert_eq!(as_of(first).await, [of(-2_000, ActivitySource::ActivityLog), None, None]);
    let expected = [of(72, ActivitySource::ActivityLog), of(70, ActivitySource::ActivityLog), None];
    assert_eq!(as_of(second).await, expected);
    // A later full import reads everything again, in another order, and changes nothing.
    let third = hand.full().await.observed_at.unwrap();
    assert_eq!(as_of(third).await, expected);
}

async fn a_change_that_intercom_made_by_itself_hides_no_earlier_activity(database: TestDatabase) {
    let (hand, small) = Hand::small(database).await;
    let (start, lookback) = (START.unix_timestamp(), std::time::Duration::from_hours(24 * 365));
    let options = ImportOptions { activity_kinds: WantedKinds::All, ..OPTIONS };
    let importer = hand.importer_with(options);
    let import = async |mode| {
        hand.clock.advance(std::time::Duration::from_mins(1));
        let run = Box::pin(importer.run_once(&request(mode), &|_| {})).await.unwrap().unwrap();
        run.observed_at.unwrap()
    };
    hand.simulator.change(|workspace| {
        workspace.set_permissions(small.bo, small.ada, &["export_data"], start - 2_000);
        let automatic = json!({"auto_changed": true, "away_mode": true});
        workspace.note(start - 1_000, "admin_away_mode_change", small.ada, automatic);
    });
    let first = import(Mode::Full).await;
    hand.simulator.change(|workspace| {
        workspace.set_permissions(small.bo, small.ada, &[], start + 70);
    });
    let second = import(Mode::Incremental).await;
    let ada = UserId::new(small.ada.to_string());
    for (moment, at) in [(first, start - 2_000), (second, start + 70)] {
        let facts = hand.ledger.log_facts("default", moment, lookback).await.unwrap();
        assert_eq!(facts.last_activity(&ada).unwrap().at.unix_timestamp(), at);
    }
}

async fn an_address_is_found_in_any_case_and_unicode_form(database: TestDatabase) {
    let (hand, small) = Hand::small(database).await;
    hand.simulator.change(|workspace| {
        "ÄDA@example.com".clone_into(&mut workspace.admin_mut(small.ada).unwrap().email);
    });
    hand.full().await;
    let at = hand.clock.now().unix_timestamp() + 20;
    hand.simulator.change(|workspace| {
        workspace.set_permissions(small.cy, small.ada, &["manage_tags"], at);
    });
    hand.full().await;
    for spelling in ["ÄDA@example.com", "äda@EXAMPLE.com", "a\u{308}da@example.com"] {
        let people = hand.ledger.people_with_address("default", spelling).await.unwrap();
        assert_eq!(people, [UserId::new(small.ada.to_string())], "{spelling}");
        let actor = Some(ActorQuestion { ids: Vec::new(), email: Some(spelling.to_owned()) });
        let question = ChangeQuestion { actor, ..ChangeQuestion::default() };
        let start = ChangePosition::START;
        let page = hand.ledger.changes_that("default", &start, &question, 10).await.unwrap();
        assert_eq!(page.changes.len(), 1, "{spelling}");
    }
    let other = hand.ledger.people_with_address("default", "ada@example.com").await.unwrap();
    assert_eq!(other, []);
}
