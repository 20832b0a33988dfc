//! Gives records of the domain and of the ledger their schemas. The records themselves know nothing
//! of HTTP.

use std::borrow::Cow;

use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::{posture as posture_schemas, record_schemas, roster_schemas, row_schemas};
use crate::database;
use crate::directory;
use crate::posture;
use crate::roster;
use crate::runtime;
use crate::tabular;

/// Gives a record the schema of the type that describes it.
macro_rules! described {
    ($($record:ty as $description:ty),+ $(,)?) => {$(
        impl ToSchema for $record {
            fn name() -> Cow<'static, str> {
                <$description>::name()
            }

            fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
                <$description>::schemas(schemas);
            }
        }

        impl PartialSchema for $record {
            fn schema() -> RefOr<Schema> {
                <$description>::schema()
            }
        }
    )+};
}

described! {
    directory::Run as record_schemas::Run,
    directory::Failure as record_schemas::Failure,
    directory::Counts as record_schemas::Counts,
    directory::Warning as record_schemas::Warning,
    directory::Exceeded as record_schemas::Exceeded,
    database::AuditEntry as record_schemas::AuditEntry,
    runtime::TaskStatus as record_schemas::TaskStatus,
    posture::Report as posture_schemas::PostureReport,
    roster::Identity as roster_schemas::RosterIdentity,
    roster::UnmatchedAccount as roster_schemas::UnmatchedAccount,
    roster::TerminatedActive as roster_schemas::TerminatedActive,
    roster::Ownerless as roster_schemas::OwnerlessAccount,
    roster::DecisionRow as roster_schemas::RosterDecision,
    tabular::Account as row_schemas::Account,
    tabular::Entitlement as row_schemas::Entitlement,
    tabular::WorkspaceRole as row_schemas::WorkspaceRole,
    tabular::AccessMembership as row_schemas::AccessMembership,
    tabular::ChangeDocument as row_schemas::ChangeDocument,
    tabular::ActivityRow as row_schemas::ActivityRow,
    tabular::ChangedBy as row_schemas::ChangedBy,
    tabular::ReviewedAccount as row_schemas::ReviewedAccount,
    tabular::InvitationRow as row_schemas::InvitationRow,
    tabular::Seat as row_schemas::Seat,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde::Serialize;
    use serde_json::json;
    use time::OffsetDateTime;

    use super::*;
    use crate::database::AuditEntry;
    use crate::directory::{
        Change, ChangeNames, ChangePosition, Changed, Counts, Exceeded, Failure, GroupId,
        ImportRequest, LossKind, Membership, RecordedChange, Trigger, UserId, Warning,
    };
    use crate::roster::{DecisionRow, Identity, Ownerless, TerminatedActive, UnmatchedAccount};
    use crate::runtime::{TaskName, Tasks};
    use crate::tabular::{
        AccessMembership, Account, ActivityRow, ChangeDocument, Entitlement, InvitationRow,
        ReviewedAccount, Row, Seat, WorkspaceRole,
    };

    const AT: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    fn described<T: PartialSchema>() -> BTreeSet<String> {
        let schema = json!(T::schema());
        schema["properties"].as_object().unwrap().keys().cloned().collect()
    }

    fn members<T: PartialSchema + Serialize>(record: &T) {
        let serialised = json!(record).as_object().unwrap().keys().cloned().collect();
        assert_eq!(described::<T>(), serialised);
    }

    fn columns<T: PartialSchema + Row>() {
        assert_eq!(described::<T>(), T::COLUMNS.iter().map(ToString::to_string).collect());
    }

    #[test]
    fn the_schema_of_a_record_has_the_members_of_the_record() {
        let text = String::new;
        columns::<Account>();
        columns::<Entitlement>();
        columns::<WorkspaceRole>();
        columns::<AccessMembership>();
        columns::<ReviewedAccount>();
        columns::<ActivityRow>();
        columns::<InvitationRow>();
        columns::<Seat>();
        columns::<Identity>();
        columns::<UnmatchedAccount>();
        columns::<TerminatedActive>();
        columns::<Ownerless>();
        columns::<DecisionRow>();
        members(&AuditEntry::event("request", AT));
        let tasks = Tasks::default();
        tasks.started(&TaskName { task: "importer", workspace: None });
        tasks.standing(|_| true, true).iter().for_each(members);
        members(&ImportRequest::incremental(Trigger::Api).run("default", AT));
        members(&Failure { code: text(), detail: text(), remedy: text() });
        members(&Counts::default());
        members(&Warning { code: text(), detail: text() });
        members(&Exceeded {
            kind: LossKind::People,
            lost: 0,
            earlier: 0,
            unreadable: 0,
            of: 0,
            allowed: 0,
            setting: text(),
        });
        let change = Changed::Membership(Change::Created(Membership {
            group: GroupId::new("1"),
            user: UserId::new("1"),
            priority: None,
        }));
        members(&ChangeDocument::from(&RecordedChange {
            position: ChangePosition::START,
            generation: 1,
            run: 1,
            at: AT,
            change,
            cause: None,
            names: ChangeNames::default(),
        }));
    }
}
