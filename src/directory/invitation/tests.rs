use proptest::prelude::*;
use serde_json::json;
use time::Duration;
use time::macros::datetime;

use super::*;
use crate::directory::{Recorded, Snapshot, Stamps, User, Volatile};

const NOW: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);

fn kind(step: InvitationStep) -> &'static str {
    InvitationEvent::KINDS.into_iter().find(|(_, one)| *one == step).unwrap().0
}

fn entry(step: InvitationStep, seconds: i64, metadata: Value) -> Activity {
    let email = Some("boss@example.com".to_owned());
    let by = Actor { id: Some(UserId::new("7")), email, ..Actor::default() };
    Activity {
        id: format!("e{seconds}"),
        at: NOW + Duration::seconds(seconds),
        kind: kind(step).to_owned(),
        performed_by: Some(by),
        description: None,
        metadata: metadata.into(),
    }
}

fn event(step: InvitationStep, seconds: i64, metadata: Value) -> InvitationEvent {
    InvitationEvent::read(&entry(step, seconds, metadata)).unwrap()
}

/// A join: performed by the person who joined.
fn join(seconds: i64, id: &str, email: Option<&str>, metadata: Value) -> InvitationEvent {
    let email = email.map(str::to_owned);
    let by = Actor { id: Some(UserId::new(id)), email, ..Actor::default() };
    let entry = entry(InvitationStep::Joined, seconds, metadata);
    InvitationEvent::read(&Activity { performed_by: Some(by), ..entry }).unwrap()
}

/// A directory with an account for each id, with its address.
fn directory(people: &[(&str, &str, bool)]) -> Directory {
    let user = |(id, email, active): &(&str, &str, bool)| {
        let user = User {
            email: Some((*email).to_owned()),
            active: *active,
            ..User::new(UserId::new(*id))
        };
        let stamps = Stamps { created: NOW, last_modified: NOW };
        (Recorded { value: user, stamps }, Volatile::default())
    };
    let snapshot = Snapshot { users: people.iter().map(user).collect(), ..Snapshot::default() };
    Directory::new(snapshot, OffsetDateTime::UNIX_EPOCH, None)
}

fn shown(events: &[InvitationEvent], directory: &Directory) -> Vec<String> {
    let invitations = pending_invitations(events, directory);
    let shown = |one: Invitation| one.email.unwrap_or(one.id);
    invitations.pending.into_iter().map(shown).collect()
}

#[test]
fn the_address_is_found_in_several_forms_of_metadata() {
    for (metadata, expected) in [
        (json!({"email": " Ida@Example.com "}), vec!["Ida@Example.com"]),
        (json!({"invitee_email": "ida@example.com"}), vec!["ida@example.com"]),
        (json!({"inviteeEmail": "ida@example.com"}), vec!["ida@example.com"]),
        (json!({"invite": {"id": 5, "email": "ida@example.com"}}), vec!["ida@example.com"]),
        (json!({"emails": ["a@x.example", "b@x.example"]}), vec!["a@x.example", "b@x.example"]),
        (json!({"recipients": [{"name": "A", "value": "a@x.example"}]}), vec!["a@x.example"]),
        (json!({"something": {"else": "ida@example.com"}}), vec!["ida@example.com"]),
        // The inviter is not invited.
        (
            json!({"email": "ida@example.com", "invited_by": {"email": "x@y.example"}}),
            vec!["ida@example.com"],
        ),
        (json!({"who": "BOSS@example.com", "whom": "ida@example.com"}), vec!["ida@example.com"]),
        (
            json!({"before": {"email": "old@x.example"}, "after": {"email": "a@x.example"}}),
            vec!["a@x.example"],
        ),
        // Several addresses of which nothing says which one was invited.
        (json!({"one": "a@x.example", "two": "b@x.example"}), vec![]),
        (json!({"email": "Ida <ida@example.com>"}), vec![]),
        (json!({"email": "ida@"}), vec![]),
        (json!({"email": 7}), vec![]),
        (json!(null), vec![]),
        (json!([]), vec![]),
    ] {
        let read = event(InvitationStep::Sent, 0, metadata.clone());
        assert_eq!(read.addresses, expected, "{metadata}");
    }
    assert_eq!(
        InvitationEvent::read(&Activity {
            kind: "admin_deletion".to_owned(),
            ..entry(InvitationStep::Sent, 0, json!({}))
        }),
        None
    );
}

#[test]
fn an_invitation_ends_by_a_join_or_a_withdrawal_and_begins_again_when_it_is_sent_again() {
    use InvitationStep::{Changed, Sent, Withdrawn};
    let nobody = directory(&[]);
    let ida = || json!({"email": "ida@example.com"});
    let sent = event(Sent, 10, ida());
    assert_eq!(shown(std::slice::from_ref(&sent), &nobody), ["ida@example.com"]);
    for end in [
        event(Withdrawn, 20, json!({"email": "IDA@example.com"})),
        join(20, "9", Some("ida@example.com"), json!({})),
        join(20, "9", None, json!({"admin": {"id": 9, "email": "ida@example.com"}})),
        // Entries have whole seconds.
        event(Withdrawn, 10, ida()),
    ] {
        assert!(shown(&[sent.clone(), end.clone()], &nobody).is_empty(), "{end:?}");
        let again = event(Sent, 30, ida());
        assert_eq!(shown(&[sent.clone(), end, again], &nobody), ["ida@example.com"]);
    }
    // The account of the person who joined tells the address.
    let joined = join(20, "9", None, json!({}));
    let left = directory(&[("9", "Ida@Example.com", false)]);
    assert!(shown(&[sent.clone(), joined.clone()], &left).is_empty());
    assert_eq!(shown(&[sent.clone(), joined], &nobody), ["ida@example.com"]);
    // The person is there, although no entry tells of the join.
    let there = directory(&[("9", "ida@example.com", true)]);
    assert!(shown(std::slice::from_ref(&sent), &there).is_empty());
    // Another person's end ends nothing.
    let other = event(Withdrawn, 20, json!({"email": "ian@example.com"}));
    assert_eq!(shown(&[sent, other], &nobody), ["ida@example.com"]);
    // A change shows that the invitation was open, although the log does not have it.
    let changed = event(Changed, 5, json!({"email": "ida@example.com", "after": {"role": "Lead"}}));
    let invitations = pending_invitations(&[changed], &nobody);
    let only = &invitations.pending[0];
    assert_eq!((only.invited_at, only.role.as_deref()), (None, Some("Lead")));
    assert_eq!(only.changed_at, Some(NOW + Duration::seconds(5)));
}

#[test]
fn entries_are_joined_by_the_id_of_the_invitation_too() {
    use InvitationStep::{Sent, Withdrawn};
    let nobody = directory(&[]);
    let sent = event(Sent, 1, json!({"invite": {"id": 5, "email": "ida@example.com"}}));
    let other = event(Sent, 2, json!({"invite": {"id": "6"}}));
    assert_eq!(shown(&[sent.clone(), other.clone()], &nobody), ["ida@example.com", "inv_e2"]);
    let withdrawn = event(Withdrawn, 3, json!({"invite_id": 5}));
    assert_eq!(shown(&[withdrawn, other.clone(), sent.clone()], &nobody), ["inv_e2"]);
    let withdrawn = event(Withdrawn, 4, json!({"invitation_id": "6"}));
    assert_eq!(shown(&[sent.clone(), other.clone(), withdrawn], &nobody), ["ida@example.com"]);

    // A withdrawal that names nothing is counted: it may concern any of them.
    let unreadable = event(Withdrawn, 5, json!({"reason": "typo"}));
    let invitations = pending_invitations(&[sent, other, unreadable], &nobody);
    assert_eq!((invitations.pending.len(), invitations.without_address()), (2, 1));
    assert_eq!(invitations.unreadable_withdrawals, 1);
}

#[test]
fn an_invitation_of_several_people_is_one_for_each() {
    let sent = event(InvitationStep::Sent, 1, json!({"emails": ["a@x.example", "b@x.example"]}));
    let withdrawn = event(InvitationStep::Withdrawn, 2, json!({"email": "a@x.example"}));
    let all = pending_invitations(std::slice::from_ref(&sent), &directory(&[])).pending;
    let ids: Vec<&str> = all.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(ids, ["inv_e1", "inv_e1.2"]);
    let left = pending_invitations(&[sent, withdrawn], &directory(&[])).pending;
    assert_eq!((left.len(), left[0].id.as_str()), (1, "inv_e1.2"));
}

/// An entry of a kind, at one of few times, about one of few people, in one of several forms.
fn some_event() -> impl Strategy<Value = InvitationEvent> {
    let step = proptest::sample::select(InvitationEvent::KINDS.map(|(_, step)| step).to_vec());
    (step, 0_i64..6, 0_u8..4, 0_u8..4).prop_map(|(step, at, who, form)| {
        let email = format!("p{who}@example.com");
        let metadata = match form {
            0 => json!({"email": email}),
            1 => json!({"invite": {"id": who, "email": email.to_uppercase()}}),
            2 => json!({"invite_id": who}),
            _ => json!({}),
        };
        let made = match step {
            InvitationStep::Joined => join(at, &who.to_string(), Some(&email), metadata),
            _ => event(step, at, metadata),
        };
        // Each entry has an id of its own.
        InvitationEvent { entry: format!("{step:?}{at}{who}{form}"), ..made }
    })
}

proptest! {
    #[test]
    fn the_order_of_reading_changes_nothing_and_repetition_neither(
        events in proptest::collection::vec(some_event(), 0..14), seed in any::<u64>(),
    ) {
        let people = directory(&[("1", "p1@example.com", true), ("2", "p2@example.com", false)]);
        let expected = pending_invitations(&events, &people).pending;
        let mut other = events.clone();
        other.extend(events.iter().take(3).cloned());
        for place in (1..other.len()).rev() {
            let with = usize::try_from(seed.rotate_left(u32::try_from(place).unwrap())).unwrap();
            other.swap(place, with % (place + 1));
        }
        prop_assert_eq!(pending_invitations(&other, &people).pending, expected);
    }

    #[test]
    fn an_invitation_with_a_later_join_or_withdrawal_is_not_pending(
        events in proptest::collection::vec(some_event(), 0..14),
    ) {
        let people = directory(&[("1", "p1@example.com", true), ("2", "p2@example.com", false)]);
        for one in pending_invitations(&events, &people).pending {
            let Some(email) = one.email.clone() else { continue };
            let last = one.last_sent_at.max(one.changed_at).unwrap();
            prop_assert_ne!(email.to_lowercase(), "p1@example.com", "an active account has it");
            for event in &events {
                let ends = matches!(event.step, InvitationStep::Joined | InvitationStep::Withdrawn);
                let by_address = event.addresses.iter().any(|one| one.eq_ignore_ascii_case(&email));
                let by_performer = event.step == InvitationStep::Joined && event.by.as_ref()
                    .and_then(|by| by.email.as_ref()).is_some_and(|by| by.eq_ignore_ascii_case(&email));
                prop_assert!(!(ends && (by_address || by_performer) && event.at >= last), "{event:?} {one:?}");
            }
        }
    }
}
