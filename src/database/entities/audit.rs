//! The audit trail: which client requested what, and what was done to clients, tokens, keys and
//! connections.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub at: i64,
    pub event: String,
    pub workspace: Option<String>,
    pub actor: Option<String>,
    pub identity: Option<String>,
    pub address: Option<String>,
    pub method: Option<String>,
    pub route: Option<String>,
    pub target: Option<String>,
    pub detail: Option<String>,
    pub status: Option<i32>,
    pub count: i64,
    pub request_id: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
