//! Which changes of the history are asked for.

use sea_orm::{ColumnTrait, Condition};
use time::OffsetDateTime;

use super::entities::{group_versions, membership_versions, user_versions};
use super::{ChangeKind, RecordedChange};
use crate::directory::{Actor, GroupId, UserId};

/// Which changes are wanted; what is left out is any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangeQuestion {
    /// Of this kind.
    pub kind: Option<ChangeKind>,
    /// Of one of these people, or of a membership of theirs.
    pub people: Option<Vec<UserId>>,
    /// Of this team, or of a membership in it.
    pub team: Option<GroupId>,
    /// Done by this person, as Intercom's activity log tells.
    pub actor: Option<ActorQuestion>,
    /// With this word in [`Changed::action`](crate::directory::Changed::action).
    pub action: Option<&'static str>,
    /// Recorded at this moment or later.
    pub since: Option<OffsetDateTime>,
    /// Recorded before this moment.
    pub until: Option<OffsetDateTime>,
}

/// Somebody who did something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActorQuestion {
    /// They have one of these ids.
    pub ids: Vec<UserId>,
    /// Or had this address then; the case of letters does not matter.
    pub email: Option<String>,
}

impl ActorQuestion {
    fn is(&self, actor: &Actor) -> bool {
        let has_id = actor.id.as_ref().is_some_and(|id| self.ids.contains(id));
        let lowered = |email: &Option<String>| email.as_ref().map(|email| email.to_lowercase());
        has_id || self.email.is_some() && lowered(&self.email) == lowered(&actor.email)
    }
}

impl ChangeQuestion {
    /// The kinds of changes that can fit: a person is in no change of a team, and a team in none of a person.
    pub(super) fn kinds(&self) -> impl Iterator<Item = ChangeKind> {
        let fits = |kind: &ChangeKind| match kind {
            ChangeKind::User => self.team.is_none(),
            ChangeKind::Group => self.people.is_none(),
            ChangeKind::Membership => true,
        };
        ChangeKind::ALL.into_iter().filter(|kind| self.kind.is_none_or(|wanted| wanted == *kind)).filter(fits)
    }

    /// Whether some of a generation's changes are left out before they are read.
    pub(super) fn leaves_out(&self) -> bool {
        self.kind.is_some() || self.about_somebody()
    }

    /// Whether only some people's or one team's changes are wanted.
    pub(super) fn about_somebody(&self) -> bool {
        self.people.is_some() || self.team.is_some()
    }

    /// Whether each change must be looked at to know whether it fits.
    pub(super) fn looks_at_each(&self) -> bool {
        self.actor.is_some() || self.action.is_some()
    }

    pub(super) fn fits(&self, change: &RecordedChange) -> bool {
        let done_by = |actor: &ActorQuestion| {
            let by = change.cause.as_ref().and_then(|cause| cause.performed_by.as_ref());
            by.is_some_and(|by| actor.is(by))
        };
        self.actor.as_ref().is_none_or(done_by) && self.action.is_none_or(|action| change.change.action() == action)
    }

    pub(super) fn of_users(&self) -> Condition {
        use user_versions::Column::UserId;
        Condition::all().add_option(self.people.as_ref().map(|people| UserId.is_in(texts(people))))
    }

    pub(super) fn of_groups(&self) -> Condition {
        use group_versions::Column::GroupId;
        Condition::all().add_option(self.team.as_ref().map(|team| GroupId.eq(team.as_str())))
    }

    pub(super) fn of_memberships(&self) -> Condition {
        use membership_versions::Column::{GroupId, UserId};
        Condition::all()
            .add_option(self.people.as_ref().map(|people| UserId.is_in(texts(people))))
            .add_option(self.team.as_ref().map(|team| GroupId.eq(team.as_str())))
    }
}

pub(super) fn texts(people: &[UserId]) -> Vec<&str> {
    people.iter().map(UserId::as_str).collect()
}
