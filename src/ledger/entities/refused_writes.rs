//! Who asked for what the bridge cannot do.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "refused_writes")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub workspace: String,
    pub at: TimeDateTimeWithTimeZone,
    pub request_id: String,
    pub requester: String,
    pub method: String,
    pub operation: String,
    pub target: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}
