//! Queries over the history: which changes are wanted.

use sea_orm::{ColumnTrait, Condition};
use time::OffsetDateTime;

use crate::database::entities::{group_versions, membership_versions, user_versions};
use crate::directory::text::folded;
use crate::directory::{Actor, ChangeAction, ChangeKind, GroupId, RecordedChange, UserId};

/// Which changes are wanted. A field that is `None` does not restrict them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangeQuestion {
    /// Changes of this kind. `None` for all but those of listed roles, which clients must ask for.
    pub kind: Option<ChangeKind>,
    /// Changes of one of these people, or of a membership of theirs.
    pub people: Option<Vec<UserId>>,
    /// Changes of this team, or of a membership in it.
    pub team: Option<GroupId>,
    /// Changes that this actor caused, according to Intercom's activity log.
    pub actor: Option<ActorQuestion>,
    /// Only changes with this [`action`](crate::directory::Changed::action).
    pub action: Option<ChangeAction>,
    /// Changes that were recorded at this moment or later.
    pub since: Option<OffsetDateTime>,
    /// Changes that were recorded before this moment.
    pub until: Option<OffsetDateTime>,
}

/// The actor of a change: an id or the address must match.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActorQuestion {
    /// Intercom's ids of the actor.
    pub ids: Vec<UserId>,
    /// The address that the actor had at that time. Case, width and Unicode form are ignored.
    pub email: Option<String>,
}

impl ActorQuestion {
    fn is(&self, actor: &Actor) -> bool {
        let has_id = actor.id.as_ref().is_some_and(|id| self.ids.contains(id));
        let has_address = self.email.as_ref().zip(actor.email.as_ref());
        has_id || has_address.is_some_and(|(wanted, email)| folded(wanted) == folded(email))
    }
}

impl ChangeQuestion {
    /// The kinds of changes that can match. A change of a team involves no person, and a change of
    /// a person no team.
    pub(super) fn kinds(&self) -> impl Iterator<Item = ChangeKind> {
        let fits = |kind: &ChangeKind| match kind {
            ChangeKind::User => self.team.is_none(),
            ChangeKind::Group => self.people.is_none(),
            ChangeKind::Membership => true,
            ChangeKind::Role => !self.names_people_or_team(),
        };
        let wanted = |kind: &ChangeKind| match self.kind {
            Some(wanted) => wanted == *kind,
            None => *kind != ChangeKind::Role,
        };
        ChangeKind::ALL.into_iter().filter(wanted).filter(fits)
    }

    /// Whether the database query leaves out some changes of a generation.
    pub(super) fn restricts_rows(&self) -> bool {
        self.kind.is_some() || self.names_people_or_team()
    }

    /// Whether the query is restricted to some people or to one team.
    pub(super) fn names_people_or_team(&self) -> bool {
        self.people.is_some() || self.team.is_some()
    }

    /// Whether a condition can only be checked on each change after it was read.
    pub(super) fn checks_each_change(&self) -> bool {
        self.actor.is_some() || self.action.is_some()
    }

    pub(super) fn fits(&self, change: &RecordedChange) -> bool {
        let done_by = |actor: &ActorQuestion| {
            let by = change.cause.as_ref().and_then(|cause| cause.performed_by.as_ref());
            by.is_some_and(|by| actor.is(by))
        };
        self.actor.as_ref().is_none_or(done_by)
            && self.action.is_none_or(|action| change.change.action() == action)
    }

    pub(super) fn user_condition(&self) -> Condition {
        use user_versions::Column::UserId;
        Condition::all().add_option(self.people.as_ref().map(|people| UserId.is_in(texts(people))))
    }

    pub(super) fn group_condition(&self) -> Condition {
        use group_versions::Column::GroupId;
        Condition::all().add_option(self.team.as_ref().map(|team| GroupId.eq(team.as_str())))
    }

    pub(super) fn membership_condition(&self) -> Condition {
        use membership_versions::Column::{GroupId, UserId};
        Condition::all()
            .add_option(self.people.as_ref().map(|people| UserId.is_in(texts(people))))
            .add_option(self.team.as_ref().map(|team| GroupId.eq(team.as_str())))
    }
}

pub(super) fn texts(people: &[UserId]) -> Vec<&str> {
    people.iter().map(UserId::as_str).collect()
}
