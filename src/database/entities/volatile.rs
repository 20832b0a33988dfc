//! Current values of people that are not access.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "volatile")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: String,
    pub away_mode_enabled: Option<bool>,
    pub away_mode_reassign: Option<bool>,
    pub away_status_reason_id: Option<i64>,
    pub avatar_url: Option<String>,
    pub last_sign_in_at: Option<TimeDateTimeWithTimeZone>,
    pub last_sign_in_method: Option<String>,
    pub last_activity_at: Option<TimeDateTimeWithTimeZone>,
    pub last_activity_source: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}
