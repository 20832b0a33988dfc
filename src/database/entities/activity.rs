//! Intercom's log entries, by their id.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "activity")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub at: TimeDateTimeWithTimeZone,
    pub kind: String,
    pub performed_by_id: Option<String>,
    pub performed_by_email: Option<String>,
    pub subject_id: Option<String>,
    pub team_id: Option<String>,
    pub metadata: Json,
    pub import_id: Option<i64>,
    pub digest: String,
    pub proof: Option<String>,
    /// The form of the digest; null in rows of earlier versions.
    pub digest_form: Option<i64>,
    pub ip: Option<String>,
    pub actor_type: Option<String>,
    pub description: Option<String>,
    /// Milliseconds since 1970.
    pub recorded_at: Option<i64>,
    pub seq: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}
