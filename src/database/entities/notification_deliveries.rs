//! The last deliveries of outbound webhooks.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "notification_deliveries")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub number: i64,
    pub message: String,
    pub event: String,
    pub at: i64,
    pub attempts: i64,
    pub status: i32,
}

impl ActiveModelBehavior for ActiveModel {}
