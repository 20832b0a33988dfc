//! The classes of accounts, as columns of the flat view.

use std::sync::Arc;

use time::OffsetDateTime;

use crate::access::Scope;
use crate::directory::{Directory, UserId};
use crate::http::errors::ApiError;
use crate::http::extract::caller::{Caller, ImportRead};
use crate::identities::Shown;
use crate::tabular::Account;

/// Sets the classes of accounts, from the roster in force now or at a moment of the past.
pub async fn add_classes(
    caller: &Caller<ImportRead>,
    directory: impl AsRef<Directory> + Send + 'static,
    as_of: Option<OffsetDateTime>,
    accounts: &mut [Account],
) -> Result<(), ApiError> {
    // Whoever reads accounts does not read personnel data without that scope.
    if !caller.principal.scopes.contains(&Scope::RosterRead) {
        return Err(ApiError::Forbidden { scope: Scope::RosterRead.as_str() });
    }
    let identities = Arc::clone(&caller.workspace.identities);
    let assess =
        async move { identities.assess(Shown { directory: directory.as_ref(), as_of }).await };
    let Some(assessment) = caller.service.makers.page(assess).await?? else { return Ok(()) };
    for account in accounts {
        let id = UserId::new(account.intercom_id.as_deref().unwrap_or_default());
        if let Some(identity) = assessment.review.get(&id) {
            account.with_class(identity);
        }
    }
    Ok(())
}
