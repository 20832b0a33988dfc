//! One row for each import that changed something.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "generations")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub number: i64,
    pub import_id: i64,
    pub at: TimeDateTimeWithTimeZone,
    pub hash: String,
    pub previous_hash: String,
    pub tally: Json,
    pub evidence: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}
