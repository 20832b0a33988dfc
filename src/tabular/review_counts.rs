//! The counts of an access review.

use super::{ReviewChange, ReviewedAccount};

/// Counts the answers to a question about each account.
#[derive(Default)]
pub struct Answers {
    /// The number of accounts with the answer yes.
    yes: usize,
    /// The number of accounts with the answer no.
    pub no: usize,
    /// The number of accounts of which the answer is unknown.
    pub unknown: usize,
}

impl Answers {
    fn note(&mut self, known: Option<bool>) {
        match known {
            Some(true) => self.yes += 1,
            Some(false) => self.no += 1,
            None => self.unknown += 1,
        }
    }

    /// The number of accounts with the answer yes; `None` if there are accounts, and the answer is
    /// unknown for all of them.
    #[must_use]
    pub fn yes(&self) -> Option<usize> {
        (self.unknown == 0 || self.yes + self.no > 0).then_some(self.yes)
    }
}

/// What a reviewer looks at first, counted over the rows so far.
#[derive(Default)]
pub struct ReviewCounts {
    /// All accounts.
    pub rows: usize,
    /// Pending invitations. No other number counts them.
    pub invited: usize,
    /// Accounts with access.
    pub active: usize,
    /// Of them, the workspace's bots.
    pub service_accounts: usize,
    /// Whether those with access are privileged.
    pub privileged: Answers,
    /// Whether the people with access are dormant.
    pub dormant: Answers,
    /// Whether they sign in with a second factor.
    pub mfa: Answers,
    /// Whether they last signed in by the company's identity provider.
    pub sso: Answers,
    /// Accounts that were added since the review before.
    pub added: usize,
    /// Accounts that were removed since the review before.
    pub removed: usize,
    /// Accounts that changed since the review before.
    pub changed: usize,
}

impl ReviewCounts {
    /// Counts a row.
    pub fn note(&mut self, item: &ReviewedAccount) {
        self.rows += 1;
        if item.status == "invited" {
            self.invited += 1;
            return;
        }
        match item.change_since_last_review {
            Some(ReviewChange::Added) => self.added += 1,
            Some(ReviewChange::Removed) => self.removed += 1,
            Some(ReviewChange::Changed) => self.changed += 1,
            Some(ReviewChange::Same) | None => {}
        }
        if item.status != "active" {
            return;
        }
        self.active += 1;
        self.privileged.note(item.is_privileged);
        if item.account_type == "service" {
            self.service_accounts += 1;
        } else {
            self.dormant.note(item.is_dormant);
            self.mfa.note(item.mfa);
            self.sso.note(item.sso);
        }
    }
}
