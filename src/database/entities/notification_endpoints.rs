//! How far each endpoint of outbound webhooks was served, and whether it fails.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "notification_endpoints")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    pub epoch: i64,
    pub activity: Option<String>,
    pub changes: Option<String>,
    pub findings: Option<i64>,
    pub state: String,
    pub failures: i64,
    pub failing_since: Option<i64>,
    #[sea_orm(column_type = "Text", nullable)]
    pub problem: Option<String>,
    pub delivered_at: Option<i64>,
    pub delivered: i64,
}

impl ActiveModelBehavior for ActiveModel {}
