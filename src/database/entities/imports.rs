//! Every run of the importer.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "imports")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub workspace: String,
    pub mode: String,
    pub trigger: String,
    pub requested_by: Option<String>,
    pub allow_removals: bool,
    pub fence: Option<i64>,
    pub status: String,
    pub started_at: TimeDateTimeWithTimeZone,
    pub observed_at: Option<TimeDateTimeWithTimeZone>,
    pub finished_at: Option<TimeDateTimeWithTimeZone>,
    pub generation: Option<i64>,
    pub counts: Json,
    pub activity_watermark: Option<TimeDateTimeWithTimeZone>,
    pub intercom_calls: i64,
    pub intercom_retries: i64,
    pub queued_at: Option<TimeDateTimeWithTimeZone>,
    pub progress: Option<String>,
    pub warnings: Json,
    pub error: Option<Json>,
    pub held_by: Option<Json>,
    pub proof: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}
