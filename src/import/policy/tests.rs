use proptest::prelude::*;
use time::OffsetDateTime;

use super::*;
use crate::directory::{
    Change, EndedVersions, Group, GroupId, Had, Loser, Membership, PastUser, Recorded, Role,
    Stamps, User, UserId, Volatile,
};

const TEN_PERCENT: Policy = Policy { guard: Guard::with_share(10), allow_removals: false };

/// Judges a plan that is based on these totals, without earlier losses in the window.
fn judged(totals: Totals, plan: &Plan, policy: Policy) -> PlanDecision {
    let (then, mut now) = (Amounts::default(), Amounts::default());
    for kind in [LossKind::Roles, LossKind::Seats, LossKind::Emails, LossKind::Names] {
        now.set(kind, totals.active);
    }
    let mut unreadable = Amounts::default();
    for kind in LossKind::ALL {
        unreadable.set(kind, plan.unreadable.count(kind));
    }
    let losses = Losses::by(plan);
    policy.judge(
        totals,
        plan,
        LossEvidence { losses: &losses, then: &then, now: &now, unreadable: &unreadable },
    )
}

fn user(number: usize) -> User {
    User {
        email: Some(format!("p{number}@example.com")),
        name: Some(format!("Person {number}")),
        has_inbox_seat: Some(true),
        role: Some(Role { id: "1".to_owned(), name: None }.into()),
        ..User::new(UserId::new(number.to_string()))
    }
}

fn gone(number: usize) -> Change<User> {
    Change::Removed { before: user(number), after: Some(User { active: false, ..user(number) }) }
}

fn judge(known: usize, removed: usize, policy: Policy) -> PlanDecision {
    let plan = Plan { users: (0..removed).map(gone).collect(), ..Plan::nothing(1) };
    judged(Totals { active: known, groups: 0, memberships: 0 }, &plan, policy)
}

fn why(verdict: &PlanDecision) -> &str {
    match verdict {
        PlanDecision::Hold(held) => &held.why,
        PlanDecision::Commit => "",
    }
}

#[test]
fn a_plan_without_losses_is_committed() {
    assert_eq!(judge(100, 0, TEN_PERCENT), PlanDecision::Commit);
}

#[test]
fn totals_count_active_people() {
    let stamps =
        Stamps { created: OffsetDateTime::UNIX_EPOCH, last_modified: OffsetDateTime::UNIX_EPOCH };
    let users = (0..3).map(|number| User { active: number > 0, ..user(number) });
    let users = users.map(|value| (Recorded { value, stamps }, Volatile::default())).collect();
    let snapshot = Snapshot { generation: 1, users, ..Snapshot::default() };
    assert_eq!(Totals::count(&snapshot), Totals { active: 2, groups: 0, memberships: 0 });
}

#[test]
fn more_than_a_tenth_is_held_and_a_tenth_is_not() {
    assert_eq!(judge(100, 10, TEN_PERCENT), PlanDecision::Commit);
    let held = judge(100, 11, TEN_PERCENT);
    assert_eq!(
        why(&held),
        "11 of 100 teammates would be removed, more than the 10 % that import.max_removals allows"
    );
    let PlanDecision::Hold(held) = held else { panic!("held") };
    let exceeded = Exceeded {
        kind: LossKind::People,
        lost: 11,
        earlier: 0,
        unreadable: 0,
        of: 100,
        allowed: 10,
        setting: "import.max_removals".to_owned(),
    };
    assert_eq!((held.by, held.losses.count(LossKind::People)), (vec![exceeded], 11));
    assert_eq!(
        judge(100, 11, Policy { allow_removals: true, ..TEN_PERCENT }),
        PlanDecision::Commit
    );
    assert_eq!(
        judge(100, 99, Policy { guard: Guard::with_share(100), allow_removals: false }),
        PlanDecision::Commit
    );
}

#[test]
fn up_to_five_always_pass_but_never_the_last_one() {
    assert_eq!(judge(6, 5, TEN_PERCENT), PlanDecision::Commit);
    for known in [0, 5] {
        assert_eq!(why(&judge(known, known, TEN_PERCENT)), "Intercom listed no teammates at all");
    }
    let strict =
        Policy { guard: Guard { small_losses: 0, ..Guard::with_share(10) }, allow_removals: false };
    assert!(matches!(judge(6, 1, strict), PlanDecision::Hold(_)));
}

#[test]
fn removed_teams_are_held_like_people() {
    let group = |number: usize| Group {
        id: GroupId::new(number.to_string()),
        name: None,
        distribution_method: None,
        assignment_limit: None,
    };
    let judge = |known: usize, removed: usize| {
        let groups = (0..removed)
            .map(|number| Change::Removed { before: group(number), after: None })
            .collect();
        let plan = Plan { groups, ..Plan::nothing(1) };
        judged(Totals { active: 1, groups: known, memberships: 0 }, &plan, TEN_PERCENT)
    };
    assert_eq!(judge(60, 6), PlanDecision::Commit);
    assert!(why(&judge(50, 6)).starts_with("6 of 50 teams would be removed"));
    assert!(matches!(judge(3, 3), PlanDecision::Hold(_)), "an empty list is not believed");
    assert_eq!(judge(1, 1), PlanDecision::Commit);
}

#[test]
fn memberships_that_end_are_held_though_some_are_left() {
    let membership = |number: usize| Membership {
        group: GroupId::new("9"),
        user: UserId::new(number.to_string()),
        priority: None,
    };
    let judge = |known: usize, ended: usize, began: usize| {
        let mut plan = Plan::nothing(1);
        plan.memberships = (0..ended)
            .map(|number| Change::Removed { before: membership(number), after: None })
            .collect();
        plan.memberships
            .extend((0..began).map(|number| Change::Created(membership(number + 10_000))));
        judged(Totals { active: 100, groups: 5, memberships: known }, &plan, TEN_PERCENT)
    };
    assert_eq!(judge(60, 0, 0), PlanDecision::Commit);
    assert_eq!(judge(60, 10, 0), PlanDecision::Commit, "people change teams");
    assert!(why(&judge(60, 11, 11)).starts_with("11 of 60 memberships would end"));
    assert!(matches!(judge(2_379, 2_378, 0), PlanDecision::Hold(_)), "all teams but one");
    assert_eq!(why(&judge(7, 7, 0)), "Intercom listed no member of any team");
    assert_eq!(judge(5, 5, 0), PlanDecision::Commit, "a small company dissolves its only team");
}

/// A change, what it takes, and the setting that bounds it.
type Case<'a> = (&'a dyn Fn(&mut User), LossKind, &'a str);

#[test]
fn lost_values_are_held_like_people_and_each_kind_has_its_own_share() {
    let cases: [Case<'_>; 6] = [
        (&|user| user.role = None, LossKind::Roles, "import.max_role_losses"),
        (
            &|user| user.role = Some(Role { id: "2".to_owned(), name: None }.into()),
            LossKind::Roles,
            "import.max_role_losses",
        ),
        (&|user| user.has_inbox_seat = Some(false), LossKind::Seats, "import.max_seat_losses"),
        (&|user| user.email = None, LossKind::Emails, "import.max_identifier_losses"),
        (
            &|user| user.email = Some("x@example.com".to_owned()),
            LossKind::Emails,
            "import.max_identifier_losses",
        ),
        (&|user| user.name = Some("X".to_owned()), LossKind::Names, "import.max_identifier_losses"),
    ];
    let own = Guard {
        max_role_losses: Some(50),
        max_seat_losses: Some(50),
        max_identifier_losses: Some(50),
        ..Guard::with_share(10)
    };
    for (deed, kind, setting) in cases {
        let judge = |changed: usize, guard: Guard| {
            let updated = |number: usize| {
                let mut after = user(number);
                deed(&mut after);
                Change::Updated { before: user(number), after }
            };
            let plan = Plan { users: (0..changed).map(updated).collect(), ..Plan::nothing(1) };
            let totals = Totals { active: 100, groups: 0, memberships: 0 };
            judged(totals, &plan, Policy { guard, allow_removals: false })
        };
        assert_eq!(judge(10, Guard::with_share(10)), PlanDecision::Commit, "{kind:?}");
        let PlanDecision::Hold(held) = judge(11, Guard::with_share(10)) else {
            panic!("{kind:?} is not held")
        };
        assert_eq!((held.by[0].kind, held.by[0].lost, held.by[0].of), (kind, 11, 100));
        assert!(held.why.ends_with("import.max_removals allows"), "{}", held.why);
        assert_eq!(judge(50, own), PlanDecision::Commit, "{kind:?}");
        assert!(
            why(&judge(51, own)).ends_with(&format!("more than the 50 % that {setting} allows")),
            "{kind:?}"
        );
    }
}

#[test]
fn values_that_are_unreadable_for_most_are_held_until_approved() {
    let mut plan = Plan::nothing(1);
    (0..20).for_each(|id| {
        plan.unreadable.add(LossKind::Emails, Loser::User(UserId::new(id.to_string())));
    });
    let totals = Totals { active: 20, groups: 0, memberships: 0 };
    let held = judged(totals, &plan, TEN_PERCENT);
    assert!(why(&held).starts_with(
        "20 of 20 addresses of teammates would be lost or changed (20 of them cannot be read in what Intercom sent), more"
    ));
    let (losses, unreadable) = (Losses::default(), Amounts::default());
    let (then, now) = (unreadable, unreadable);
    let evidence =
        LossEvidence { losses: &losses, then: &then, now: &now, unreadable: &unreadable };
    assert_eq!(
        TEN_PERCENT.judge(totals, &plan, evidence),
        PlanDecision::Commit,
        "let through before"
    );
}

#[test]
fn disputed_memberships_count_as_lost() {
    let mut plan = Plan::nothing(1);
    for id in 0..20 {
        plan.disputed
            .memberships
            .insert((GroupId::new((id % 4).to_string()), UserId::new(id.to_string())));
    }
    plan.disputed.groups = (0..4).map(|id: usize| GroupId::new(id.to_string())).collect();
    let held = judged(Totals { active: 20, groups: 4, memberships: 20 }, &plan, TEN_PERCENT);
    let PlanDecision::Hold(held) = held else { panic!("held") };
    assert_eq!(
        held.by.iter().map(|by| by.kind).collect::<Vec<_>>(),
        [LossKind::Teams, LossKind::Memberships]
    );
}

/// Generates a number of people, and who of them is present after each of several imports.
fn steps() -> impl Strategy<Value = (usize, Vec<Vec<bool>>)> {
    (1_usize..80).prop_flat_map(|size| {
        let states =
            prop::collection::vec(prop::collection::vec(prop::bool::weighted(0.93), size), 1..12);
        (Just(size), states)
    })
}

/// Returns the plan from one state to another.
fn between(before: &[bool], after: &[bool]) -> Plan {
    let change = |(number, (was, is)): (usize, (&bool, &bool))| match (was, is) {
        (true, false) => Some(gone(number)),
        (false, true) => Some(Change::Restored {
            before: User { active: false, ..user(number) },
            after: user(number),
        }),
        _ => None,
    };
    Plan {
        users: before.iter().zip(after).enumerate().filter_map(change).collect(),
        ..Plan::nothing(1)
    }
}

/// Returns what the ledger returns about the committed plans: what people had, and their current
/// values.
fn note(past: &mut EndedVersions, plan: &Plan) {
    for change in &plan.users {
        let before = change.before().unwrap();
        let entry = past
            .users
            .entry(before.id.clone())
            .or_insert_with(|| PastUser { had: Had::default(), now: None });
        entry.had.note(before);
        entry.now = change.after().cloned();
    }
}

proptest! {
    #[test]
    fn many_imports_within_the_window_let_no_more_through_than_one((size, states) in steps(), share in 0..60_u8) {
        let policy = Policy { guard: Guard::with_share(share), allow_removals: false };
        let start = vec![true; size];
        // The window may begin before the first import, when nothing was recorded.
        let (then, now, unreadable) = (Amounts::default(), Amounts::default(), Amounts::default());
        let totals = |state: &[bool]| Totals {
            active: state.iter().filter(|there| **there).count(),
            groups: 0,
            memberships: 0,
        };
        let (mut there, mut past) = (start.clone(), EndedVersions::default());
        for state in states {
            let plan = between(&there, &state);
            let losses = Losses::since(&past, &plan);
            let evidence = LossEvidence { losses: &losses, then: &then, now: &now, unreadable: &unreadable };
            let gone_now = state.iter().filter(|there| !**there).count();
            prop_assert_eq!(losses.count(LossKind::People), gone_now, "who is back is not lost");
            if policy.judge(totals(&there), &plan, evidence) == PlanDecision::Commit {
                note(&mut past, &plan);
                there = state;
                let at_once = between(&start, &there);
                let losses = Losses::by(&at_once);
                let evidence = LossEvidence { losses: &losses, then: &then, now: &now, unreadable: &unreadable };
                // Several imports must not take what one import alone would be held for. Imports
                // that take nothing always pass.
                prop_assert_eq!(policy.judge(totals(&start), &at_once, evidence), PlanDecision::Commit);
            }
        }
    }
}
