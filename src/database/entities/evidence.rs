//! The chain of records.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "evidence")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub sequence: i64,
    pub kind: String,
    pub subject: String,
    pub count: i64,
    pub digest: String,
    pub hash: String,
    pub at: i64,
    pub pruned: Option<i64>,
    pub pruned_count: i64,
    pub pruned_fold: String,
}

impl ActiveModelBehavior for ActiveModel {}
