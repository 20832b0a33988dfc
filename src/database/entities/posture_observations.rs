//! Results of the optional calls of full imports.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "posture_observations")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub thing: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub at: TimeDateTimeWithTimeZone,
    pub body: Json,
}

impl ActiveModelBehavior for ActiveModel {}
