//! The generation up to which the history was pruned, and the hash of what was true at its end.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "prunings")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub generation: i64,
    pub at: TimeDateTimeWithTimeZone,
    pub hash: String,
}

impl ActiveModelBehavior for ActiveModel {}
