//! Access reviews.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "reviews")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub number: i64,
    pub made_at: TimeDateTimeWithTimeZone,
    pub made_by: String,
    pub as_of: TimeDateTimeWithTimeZone,
    pub since: Option<TimeDateTimeWithTimeZone>,
    pub generation: i64,
    pub generation_hash: Option<String>,
    pub state: String,
    pub signed_at: Option<TimeDateTimeWithTimeZone>,
    pub signed_by: Option<String>,
    pub statement: Option<String>,
    pub head: Option<String>,
    pub manifest_sha256: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
