//! The texts of refused writes: for each operation, whether Intercom's API can do it, and where the
//! change can be made.

use super::Operation;

/// The texts of one refused operation.
pub struct Refusal {
    /// Says that nothing was changed, and whether Intercom's API could make the change.
    pub detail: &'static str,
    /// Says where the change can be made.
    pub remedy: &'static str,
}

impl Operation {
    /// Returns the texts of its refusal. They follow Intercom's documentation of its API up to
    /// version 2.18 and the Preview.
    ///
    /// Intercom: <https://developers.intercom.com/docs/references/rest-api/api.intercom.io/admins>,
    /// <https://developers.intercom.com/docs/references/preview/rest-api/api.intercom.io/teams/updateteammembers>.
    #[must_use]
    pub fn refusal(self) -> Refusal {
        match self {
            Self::CreateAccount => CREATE_ACCOUNT,
            Self::UpdateAccount => UPDATE_ACCOUNT,
            Self::RemoveAccount => REMOVE_ACCOUNT,
            Self::DisableAccount => DISABLE_ACCOUNT,
            Self::EnableAccount => ENABLE_ACCOUNT,
            Self::ChangePassword => CHANGE_PASSWORD,
            Self::AddAccess | Self::RemoveAccess => CHANGE_ACCESS,
            Self::CreateGroup => CREATE_GROUP,
            Self::UpdateGroup => UPDATE_GROUP,
            Self::RemoveGroup => REMOVE_GROUP,
            Self::ChangeCatalogue => CHANGE_CATALOGUE,
            Self::Bulk | Self::Other => ANY_OTHER_WRITE,
        }
    }
}

const CREATE_ACCOUNT: Refusal = Refusal {
    detail: "Nothing was changed: Intercom's API has no call that creates a teammate.",
    remedy: "Invite the person in Intercom under Settings > Workspace > Teammates or, where the plan has it, let Intercom's own \
     SCIM provisioning create them. The bridge shows them after the next import.",
};

const UPDATE_ACCOUNT: Refusal = Refusal {
    detail: "Nothing was changed: Intercom's API has no call that changes a teammate's name, address, role, seat, permissions or \
     password. It has one that removes a teammate (DELETE /admins/remove), which this version of the bridge does not \
     make.",
    remedy: "Change or remove the teammate in Intercom under Settings > Workspace > Teammates. Intercom's own SCIM provisioning, \
     where the plan has it, also removes teammates and sets roles by groups of the identity provider. The bridge shows \
     the change after the next import.",
};

const REMOVE_ACCOUNT: Refusal = Refusal {
    detail: "Nothing was changed: this version of the bridge does not remove teammates. Intercom's API can (DELETE \
     /admins/remove, version 2.17 or later, permission remove_admins); the call must say who takes over the \
     teammate's work.",
    remedy: "Remove the teammate in Intercom under Settings > Workspace > Teammates, where you choose who takes over the work, \
     or by that call or Intercom's own SCIM provisioning, where you have them. The bridge shows it after the next import.",
};

const DISABLE_ACCOUNT: Refusal = Refusal {
    detail: "Nothing was changed: Intercom cannot suspend a teammate, only remove one. Its API can do that (DELETE \
     /admins/remove, version 2.17 or later, permission remove_admins), but this version of the bridge does not.",
    remedy: "Remove the teammate in Intercom under Settings > Workspace > Teammates, where you choose who takes over the work, \
     or by that call or Intercom's own SCIM provisioning, where you have them. The bridge shows it after the next import.",
};

const ENABLE_ACCOUNT: Refusal = Refusal {
    detail: "Nothing was changed: Intercom has no suspended teammates, and its API has no call that brings a removed one back.",
    remedy: "Invite the person again in Intercom under Settings > Workspace > Teammates or, where the plan has it, let Intercom's \
     own SCIM provisioning create them. The bridge shows them after the next import.",
};

const CHANGE_PASSWORD: Refusal = Refusal {
    detail: "Nothing was changed: Intercom's API has no call that changes a teammate's password.",
    remedy: "Teammates set their passwords themselves on Intercom's sign-in page, or sign in by their identity provider.",
};

const CHANGE_ACCESS: Refusal = Refusal {
    detail: "Nothing was changed: Intercom's API has no call that changes a teammate's role, seat or permissions. It can replace \
     the members of a team in its Preview (PUT /teams/{id}, where Intercom has enabled it), which this version of the \
     bridge does not do.",
    remedy: "Make the change in Intercom: teams under Settings > Inbox > Teams; roles, seats and permissions under Settings > \
     Workspace > Teammates. Intercom's own SCIM provisioning, where the plan has it, sets roles by groups of the \
     identity provider. The bridge shows the change after the next import.",
};

const CREATE_GROUP: Refusal = Refusal {
    detail: "Nothing was changed: Intercom's API has no call that creates a team.",
    remedy: "Create the team in Intercom under Settings > Inbox > Teams. The bridge shows it after the next import.",
};

const UPDATE_GROUP: Refusal = Refusal {
    detail: "Nothing was changed: this version of the bridge does not change teams. Intercom's API can replace a team's members \
     (1 to 1,000 of them) in its Preview (PUT /teams/{id}, where Intercom has enabled it), and nothing else of a team.",
    remedy: "Make the change in Intercom under Settings > Inbox > Teams. The bridge shows it after the next import.",
};

const REMOVE_GROUP: Refusal = Refusal {
    detail: "Nothing was changed: Intercom's API has no call that removes a team.",
    remedy: "Remove the team in Intercom under Settings > Inbox > Teams. The bridge shows it after the next import.",
};

const CHANGE_CATALOGUE: Refusal = Refusal {
    detail: "Nothing was changed: Intercom's API can list roles, but has no call that creates, changes or removes a role, a \
     seat or a permission.",
    remedy: "Change roles and their permissions in Intercom under Settings > Workspace > Teammates > Roles, and seats under \
     Settings > Workspace > Billing. The bridge shows the change after the next import.",
};

const ANY_OTHER_WRITE: Refusal = Refusal {
    detail: "Nothing was changed: this version of the bridge writes nothing to Intercom, so it has no bulk operations.",
    remedy: "Make the changes in Intercom: teammates under Settings > Workspace > Teammates, teams under Settings > Inbox > \
     Teams. The bridge shows them after the next import.",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_names_the_limits_of_intercoms_api_and_the_place_of_the_change() {
        for operation in
            Operation::ALL.into_iter().filter(|operation| *operation != Operation::Other)
        {
            let Refusal { detail, remedy } = operation.refusal();
            assert!(
                detail.starts_with("Nothing was changed: ") && detail.ends_with('.'),
                "{operation}: {detail}"
            );
            assert!(remedy.contains("Intercom") && remedy.ends_with('.'), "{operation}: {remedy}");
            // Intercom's API can remove teammates and, in its Preview, replace the members of a
            // team.
            let removes = detail.contains("DELETE /admins/remove");
            let members = detail.contains("PUT /teams/{id}");
            let expected = match operation {
                Operation::RemoveAccount | Operation::DisableAccount | Operation::UpdateAccount => {
                    (true, false)
                }
                Operation::UpdateGroup | Operation::AddAccess | Operation::RemoveAccess => {
                    (false, true)
                }
                _ => (false, false),
            };
            assert_eq!((removes, members), expected, "{operation}: {detail}");
            assert!(!members || detail.contains("Preview"), "{operation}: {detail}");
            // If Intercom's API can do it, the text names the bridge as the one that does not.
            assert!(
                !(removes || members) || detail.contains("this version of the bridge does not"),
                "{operation}: {detail}"
            );
        }
    }
}
