//! Versions of people.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "user_versions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub from_generation: i64,
    pub to_generation: Option<i64>,
    pub digest: String,
    pub active: bool,
    pub email: Option<String>,
    pub name: Option<String>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub job_title: Option<String>,
    pub has_inbox_seat: Option<bool>,
    pub role_id: Option<String>,
    pub role_name: Option<String>,
    pub permissions: Option<Json>,
    pub two_factor_auth: Option<bool>,
    pub joined_at: Option<TimeDateTimeWithTimeZone>,
    pub removed_at: Option<TimeDateTimeWithTimeZone>,
    pub proof: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}
