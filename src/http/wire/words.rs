//! The schemas of enums with one word for each value ([`Words`]).

use std::borrow::Cow;

use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::activity;
use crate::directory::{
    ChangeAction, ChangeKind, EntitlementType, LossKind, Mode, RunStatus, Trigger,
};
use crate::import::ConnectionState;
use crate::posture;
use crate::requests::{Operation, RequestState};
use crate::roster::{
    Class, ClassReason, Confidence, DecisionKind, DecisionState, EndedSource, FileFormat,
    LeaverFinding, MatchRule, OwnerProblem, Status, WhyUnmatched,
};
use crate::stores::VersionState;
use crate::tabular::{ReviewChange, RoleSource, SeatUse};
use crate::words::Words;

/// Returns the schema of an enum: a string that is one of the words.
fn schema_of<T: Words>(description: Option<&'static str>) -> RefOr<Schema> {
    let words = T::VALUES.iter().map(|value| value.word());
    let schema = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words));
    schema.description(description).into()
}

/// Gives enums their schemas: `Enum as "Name in OpenAPI" => "description"`.
macro_rules! word_schemas {
    ($($enum:ty as $name:literal => $description:expr),+ $(,)?) => {$(
        impl ToSchema for $enum {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed($name)
            }
        }

        impl PartialSchema for $enum {
            fn schema() -> RefOr<Schema> {
                schema_of::<Self>($description)
            }
        }
    )+};
}

word_schemas! {
    ChangeAction as "ActionOfChange" => Some("What became of it."),
    ChangeKind as "KindOfChange" => Some("What changed."),
    ConnectionState as "ConnectionState" => Some("Whether the bridge can read the workspace."),
    posture::AnswerStatus as "PostureAnswerStatus" => Some("The answer to a check."),
    posture::CheckId as "PostureCheckId" => Some("The id of a check."),
    posture::Format as "PostureFormat" => Some("The format of a report."),
    posture::OcsfPer as "PostureOcsfPer" => Some("What an OCSF record is about."),
    posture::ReasonCode as "PostureReasonCode" => Some("Why a finding is accepted."),
    posture::Severity as "PostureSeverity" => Some("How bad a failure is."),
    posture::Status as "PostureStatus" => Some("The status of a check or a finding."),
    posture::Suppressed as "PostureSuppressed" => Some("What becomes of findings with an exception."),
    ReviewChange as "ReviewChange" => Some("How an account changed since the previous review."),
    SeatUse as "SeatUse" => Some("Whether a seat is used."),
    RoleSource as "RoleSource" => Some("Where a role is known from."),
    LossKind as "LossKind" => Some("A kind of access that imports can remove."),
    Mode as "Mode" => None,
    RunStatus as "RunStatus" => None,
    Trigger as "Trigger" => None,
    EntitlementType as "EntitlementType" => Some("The kind of an entitlement."),
    Operation as "RequestOperation" => Some("The operation"),
    activity::Group as "ActivityGroup" => Some("The subject of a kind of log entry."),
    activity::Severity as "ActivitySeverity" => Some("How serious a log entry is, in the words of OCSF."),
    activity::Format as "ActivityFormat" => Some("The form of log entries."),
    Class as "AccountClass" => Some("What kind of holder an account has."),
    ClassReason as "ClassReason" => Some("Why an account has its class."),
    Confidence as "MatchConfidence" => Some("How certain a match is."),
    DecisionKind as "DecisionKind" => Some("What is decided."),
    DecisionState as "DecisionState" => Some("Whether a decision is in force."),
    EndedSource as "EndedSource" => Some("How the end is known: the roster says so, or the person is absent from a roster of current people."),
    FileFormat as "RosterFileFormat" => None,
    LeaverFinding as "RosterFinding" => Some("What it means for an auditor."),
    MatchRule as "MatchRule" => Some("The rule by which an account got its person."),
    OwnerProblem as "OwnerProblem" => Some("What is wrong with the owner of a service account."),
    Status as "PersonStatus" => Some("Whether a person works for the company."),
    WhyUnmatched as "WhyUnmatched" => Some("Why an account has no person."),
    VersionState as "RosterVersionState" => Some("The state of a version of the roster."),
    super::roster::RosterResult as "RosterResult" => Some("What an import of a roster did."),
    RequestState as "RequestState" => Some("The state of a request."),
}
