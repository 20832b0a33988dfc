//! The hash that ties generations together.
//!
//! Each generation's hash covers the one before it and every version it opened or closed, so a row
//! that is changed, added or taken away later no longer fits.

use aws_lc_rs::digest::{Context, SHA256};
use serde::Serialize;

use crate::directory::{Change, Generation, Plan};

/// What stands before the first generation.
pub(super) const START: &str = "";

/// SHA-256, as 64 hexadecimal digits, over the previous hash and the plan's changes, one a line of JSON.
pub(super) fn hash(previous: &str, number: Generation, plan: &Plan) -> Result<String, serde_json::Error> {
    let mut digest = Context::new(&SHA256);
    write(&mut digest, &("generation", number, previous))?;
    changes(&mut digest, "user", &plan.users, |user| &user.id)?;
    changes(&mut digest, "group", &plan.groups, |group| &group.id)?;
    changes(&mut digest, "membership", &plan.memberships, |membership| (&membership.group, &membership.user))?;
    Ok(digest.finish().as_ref().iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}")))
}

fn changes<'a, T: Serialize, K: Serialize>(
    digest: &mut Context,
    what: &str,
    changes: &'a [Change<T>],
    key: impl Fn(&'a T) -> K,
) -> Result<(), serde_json::Error> {
    for change in changes {
        if let Some(before) = change.before() {
            write(digest, &(what, "closed", key(before)))?;
        }
        if let Some(after) = change.after() {
            write(digest, &(what, "opened", after))?;
        }
    }
    Ok(())
}

fn write(digest: &mut Context, line: &impl Serialize) -> Result<(), serde_json::Error> {
    digest.update(&serde_json::to_vec(line)?);
    digest.update(b"\n");
    Ok(())
}
