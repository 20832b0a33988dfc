//! Erases people from access reviews. The ids, the decisions and the kind of access stay, also in a
//! signed review: an erasure stands above the signature. The evidence bundle that was downloaded
//! before has the names still, and the manifest of the review no longer fits, which the console
//! says.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, DatabaseTransaction, DbErr, EntityTrait, QueryFilter};
use serde_json::{Value, json};

use super::KnownPerson;
use crate::database::entities::review_items;
use crate::directory::{UserId, account_id};

/// The members of a row that describe the person, not the access.
const PERSONAL: [&str; 9] = [
    "user_name",
    "email",
    "display_name",
    "person_key",
    "employee_number",
    "department",
    "manager",
    "owner",
    "ended_at",
];

/// Erases the personal members of the rows about a person, and the comments about the person.
pub(super) async fn erase_from_reviews(
    db: &DatabaseTransaction,
    workspace: &str,
    person: &KnownPerson,
) -> Result<(), DbErr> {
    use review_items::Column;
    for id in &person.ids {
        let account = account_id(&UserId::new(id.as_str()));
        let query = review_items::Entity::find()
            .filter(Column::Workspace.eq(workspace))
            .filter(Column::Account.eq(account.as_str()));
        for row in query.all(db).await? {
            review_items::Entity::update_many()
                .col_expr(Column::Row, Expr::value(without_person(row.row)))
                .col_expr(Column::Comment, Expr::value(Option::<String>::None))
                .filter(Column::Workspace.eq(workspace))
                .filter(Column::Number.eq(row.number))
                .filter(Column::Account.eq(account.as_str()))
                .exec(db)
                .await?;
        }
    }
    Ok(())
}

fn without_person(mut row: Value) -> Value {
    if let Some(members) = row.as_object_mut() {
        for name in PERSONAL {
            members.insert(name.to_owned(), Value::Null);
        }
        members.insert("erased".to_owned(), json!(true));
    }
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_access_stays_and_the_person_goes() {
        let row = json!({
            "account_id": "adm_1", "email": "ada@x.example", "display_name": "Ada",
            "roles": "Admin", "manager": "Bo", "erased": false,
        });
        let erased = without_person(row);
        assert_eq!((&erased["roles"], &erased["account_id"]), (&json!("Admin"), &json!("adm_1")));
        assert_eq!(erased["erased"], true);
        for name in PERSONAL {
            assert_eq!(erased[name], Value::Null, "{name}");
        }
    }
}
