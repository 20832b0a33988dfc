//! Requests for changes that a person must make, and how they were closed.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "lifecycle_requests")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    #[sea_orm(unique)]
    pub reference: String,
    pub workspace: String,
    pub at: TimeDateTimeWithTimeZone,
    pub source: String,
    pub requester: String,
    pub request_id: String,
    pub method: String,
    pub operation: String,
    pub target: Option<String>,
    pub entitlement: Option<String>,
    pub user_name: Option<String>,
    pub comment: Option<String>,
    pub state: String,
    pub closed_at: Option<TimeDateTimeWithTimeZone>,
    pub closed_by: Option<String>,
    pub note: Option<String>,
    pub repeats: Option<i64>,
    pub last_at: Option<TimeDateTimeWithTimeZone>,
    pub proof: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}
