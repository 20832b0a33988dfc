//! When each finding of the posture began and ended.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "posture_findings")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub began_at: TimeDateTimeWithTimeZone,
    pub began_generation: i64,
    pub check_id: String,
    pub ended_at: Option<TimeDateTimeWithTimeZone>,
    pub number: Option<i64>,
    pub severity: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}
