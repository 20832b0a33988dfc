//! What the tables of versions have in common.

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, Select};

use crate::database::entities::{
    group_versions, membership_versions, role_versions, user_versions,
};
use crate::directory::Generation;

/// The columns of a table of versions.
pub(super) struct Versions<E: EntityTrait> {
    /// The name of the table.
    pub name: &'static str,
    pub workspace: E::Column,
    pub from: E::Column,
    pub to: E::Column,
    /// The columns that identify the person, team, membership or role.
    pub key: &'static [E::Column],
}

pub(super) const USERS: Versions<user_versions::Entity> = Versions {
    name: "user_versions",
    workspace: user_versions::Column::Workspace,
    from: user_versions::Column::FromGeneration,
    to: user_versions::Column::ToGeneration,
    key: &[user_versions::Column::UserId],
};

pub(super) const GROUPS: Versions<group_versions::Entity> = Versions {
    name: "group_versions",
    workspace: group_versions::Column::Workspace,
    from: group_versions::Column::FromGeneration,
    to: group_versions::Column::ToGeneration,
    key: &[group_versions::Column::GroupId],
};

pub(super) const MEMBERSHIPS: Versions<membership_versions::Entity> = Versions {
    name: "membership_versions",
    workspace: membership_versions::Column::Workspace,
    from: membership_versions::Column::FromGeneration,
    to: membership_versions::Column::ToGeneration,
    key: &[membership_versions::Column::GroupId, membership_versions::Column::UserId],
};

pub(super) const ROLES: Versions<role_versions::Entity> = Versions {
    name: "role_versions",
    workspace: role_versions::Column::Workspace,
    from: role_versions::Column::FromGeneration,
    to: role_versions::Column::ToGeneration,
    key: &[role_versions::Column::RoleId],
};

impl<E: EntityTrait> Versions<E> {
    /// The versions that a generation opened.
    pub fn opened_by(&self, workspace: &str, generation: Generation) -> Select<E> {
        E::find().filter(self.workspace.eq(workspace)).filter(self.from.eq(generation))
    }

    /// The versions that a generation closed.
    pub fn closed_by(&self, workspace: &str, generation: Generation) -> Select<E> {
        E::find().filter(self.workspace.eq(workspace)).filter(self.to.eq(generation))
    }

    /// The condition for versions that were opened at or before this generation and not closed by
    /// then.
    pub fn open_at(&self, generation: Generation) -> Condition {
        let still = Condition::any().add(self.to.is_null()).add(self.to.gt(generation));
        Condition::all().add(self.from.lte(generation)).add(still)
    }

    /// The condition for versions that begin or end at a generation that does not exist, or end
    /// before they begin.
    pub fn outside(&self, latest: Generation) -> Condition {
        let ends = Expr::col(self.to);
        Condition::any()
            .add(self.from.lt(1))
            .add(self.from.gt(latest))
            .add(self.to.gt(latest))
            .add(ends.lte(Expr::col(self.from)))
    }

    /// The condition for keys after this one, compared column by column. Without a key, all rows
    /// match.
    pub fn after(&self, key: Option<&str>) -> Condition {
        match key {
            None => Condition::all(),
            Some(key) => {
                let columns = Expr::tuple(self.key.iter().map(|column| Expr::col(*column)));
                Condition::all().add(columns.gt(Expr::tuple(key.split(' ').map(Expr::val))))
            }
        }
    }
}

/// A row of any of these tables.
pub(super) trait Version {
    /// The id. For a membership: the team's id, a space, and the person's id.
    fn key(&self) -> String;
    fn from(&self) -> Generation;
    fn digest(&self) -> &str;
}

/// The tables have these columns under the same names.
macro_rules! version {
    ($entity:ident, |$row:ident| $key:expr) => {
        impl Version for $entity::Model {
            fn key(&self) -> String {
                let $row = self;
                $key
            }
            fn from(&self) -> Generation {
                self.from_generation
            }
            fn digest(&self) -> &str {
                &self.digest
            }
        }
    };
}

version!(user_versions, |row| row.user_id.clone());
version!(group_versions, |row| row.group_id.clone());
version!(role_versions, |row| row.role_id.clone());
version!(membership_versions, |row| format!("{} {}", row.group_id, row.user_id));
