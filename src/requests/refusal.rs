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
        let (detail, remedy) = match self {
            Self::CreateAccount => (
                "Nothing was changed: Intercom's API has no call that creates a teammate.",
                "Invite the person in Intercom under Settings > Workspace > Teammates or, where the plan has it, let Intercom's own \
                 SCIM provisioning create them. The bridge shows them after the next import.",
            ),
            Self::UpdateAccount => (
                "Nothing was changed: Intercom's API has no call that changes a teammate's name, address, role, seat, permissions or \
                 password. It has one that removes a teammate (DELETE /admins/remove), which this version of the bridge does not \
                 make.",
                "Change or remove the teammate in Intercom under Settings > Workspace > Teammates. Intercom's own SCIM provisioning, \
                 where the plan has it, also removes teammates and sets roles by groups of the identity provider. The bridge shows \
                 the change after the next import.",
            ),
            Self::RemoveAccount => (
                "Nothing was changed: this version of the bridge does not remove teammates. Intercom's API can (DELETE \
                 /admins/remove, version 2.17 or later, permission remove_admins); the call must say who takes over the \
                 teammate's work.",
                "Remove the teammate in Intercom under Settings > Workspace > Teammates, where you choose who takes over the work, \
                 or by that call or Intercom's own SCIM provisioning, where you have them. The bridge shows it after the next import.",
            ),
            Self::DisableAccount => (
                "Nothing was changed: Intercom cannot suspend a teammate, only remove one. Its API can do that (DELETE \
                 /admins/remove, version 2.17 or later, permission remove_admins), but this version of the bridge does not.",
                "Remove the teammate in Intercom under Settings > Workspace > Teammates, where you choose who takes over the work, \
                 or by that call or Intercom's own SCIM provisioning, where you have them. The bridge shows it after the next import.",
            ),
            Self::EnableAccount => (
                "Nothing was changed: Intercom has no suspended teammates, and its API has no call that brings a removed one back.",
                "Invite the person again in Intercom under Settings > Workspace > Teammates or, where the plan has it, let Intercom's \
                 own SCIM provisioning create them. The bridge shows them after the next import.",
            ),
            Self::ChangePassword => (
                "Nothing was changed: Intercom's API has no call that changes a teammate's password.",
                "Teammates set their passwords themselves on Intercom's sign-in page, or sign in by their identity provider.",
            ),
            Self::AddAccess | Self::RemoveAccess => (
                "Nothing was changed: Intercom's API has no call that changes a teammate's role, seat or permissions. It can replace \
                 the members of a team in its Preview (PUT /teams/{id}, where Intercom has enabled it), which this version of the \
                 bridge does not do.",
                "Make the change in Intercom: teams under Settings > Inbox > Teams; roles, seats and permissions under Settings > \
                 Workspace > Teammates. Intercom's own SCIM provisioning, where the plan has it, sets roles by groups of the \
                 identity provider. The bridge shows the change after the next import.",
            ),
            Self::CreateGroup => (
                "Nothing was changed: Intercom's API has no call that creates a team.",
                "Create the team in Intercom under Settings > Inbox > Teams. The bridge shows it after the next import.",
            ),
            Self::UpdateGroup => (
                "Nothing was changed: this version of the bridge does not change teams. Intercom's API can replace a team's members \
                 (1 to 1,000 of them) in its Preview (PUT /teams/{id}, where Intercom has enabled it), and nothing else of a team.",
                "Make the change in Intercom under Settings > Inbox > Teams. The bridge shows it after the next import.",
            ),
            Self::RemoveGroup => (
                "Nothing was changed: Intercom's API has no call that removes a team.",
                "Remove the team in Intercom under Settings > Inbox > Teams. The bridge shows it after the next import.",
            ),
            Self::Bulk | Self::Other => (
                "Nothing was changed: this version of the bridge writes nothing to Intercom, so it has no bulk operations.",
                "Make the changes in Intercom: teammates under Settings > Workspace > Teammates, teams under Settings > Inbox > \
                 Teams. The bridge shows them after the next import.",
            ),
        };
        Refusal { detail, remedy }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_says_what_intercoms_api_can_do_and_where_the_change_is_made() {
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
            let (removes, members) =
                (detail.contains("DELETE /admins/remove"), detail.contains("PUT /teams/{id}"));
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
