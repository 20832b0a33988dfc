//! Exceptions and recorded answers of the posture, and their revocations.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "posture_records")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub number: i64,
    pub at: TimeDateTimeWithTimeZone,
    pub by: String,
    pub act: Json,
}

impl ActiveModelBehavior for ActiveModel {}
