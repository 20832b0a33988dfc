//! Finds the spellings of an address that the history has.
//!
//! Addresses are compared as in SCIM filters: case, width and Unicode form are ignored. The `lower`
//! of the databases is not enough for that: SQLite's changes only ASCII letters.

use sea_orm::sea_query::{Expr, ExprTrait as _, Func};
use sea_orm::{
    ColumnTrait, Condition, DatabaseConnection, DbErr, EntityTrait, QueryFilter, QuerySelect,
};

use crate::directory::text::folded;

/// Returns the spellings of an address in a column of a workspace's rows.
pub(super) async fn spellings<E: EntityTrait>(
    db: &DatabaseConnection,
    workspace_column: E::Column,
    address_column: E::Column,
    workspace: &str,
    address: &str,
) -> Result<Vec<String>, DbErr> {
    let wanted = folded(address);
    let column = || Expr::col(address_column);
    let equals_in_ascii = Expr::expr(Func::lower(column())).eq(&*wanted);
    let is_beyond_ascii = Expr::expr(Func::cust("octet_length").arg(column()))
        .ne(Expr::expr(Func::char_length(column())));
    let query = E::find()
        .select_only()
        .column(address_column)
        .distinct()
        .filter(workspace_column.eq(workspace))
        .filter(Condition::any().add(equals_in_ascii).add(is_beyond_ascii));
    let mut found: Vec<String> = query.into_tuple().all(db).await?;
    found.retain(|spelling| folded(spelling) == wanted);
    Ok(found)
}
