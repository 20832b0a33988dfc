//! Salted digests: personal data can be erased, and the rest can still be proved.
//!
//! A row's digest does not cover the personal fields themselves, but a *commitment* to each: a hash
//! of the field and of a salt that only this row has. An erasure deletes the value and its salt and
//! keeps the commitment. The digest stays the same, and the value cannot be guessed, because the
//! 128 random bits of the salt are gone.
//!
//! The column `proof` holds what a row is verified with. While nothing of the row is erased, that
//! is the row's salt, from which the salt of each field is derived. Afterwards it is JSON: the
//! salts of the remaining fields, and the commitments to the erased ones.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sea_orm::DbErr;
use serde::{Deserialize, Serialize};

use super::fields::Fields;

/// Replaces an erased text in columns that must not be null or that people read.
pub const ERASED: &str = "[erased]";

/// What is left of the details of a log entry when they are erased.
const NO_DETAILS: &str = "{}";

/// The personal fields of a version of a person. They are erased together.
pub(crate) const PERSON: &str = "person";
/// The personal fields of a log entry: the actor's id, email address and IP address, the subject's
/// id, the description and the details.
pub(crate) const ACTIVITY_FIELDS: [&str; 6] =
    ["actor", "email", "ip", "subject", "description", "metadata"];
/// The personal fields of a request and of its closing.
pub(crate) const REQUEST_FIELDS: [&str; 6] =
    ["requester", "target", "user_name", "comment", "closed_by", "note"];
/// The personal field of a run.
pub(crate) const REQUESTED_BY: &str = "requested_by";

/// The content of the column `proof`: what a row is verified with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Proof {
    #[serde(skip)]
    row_salt: Option<String>,
    #[serde(default)]
    salts: BTreeMap<String, String>,
    #[serde(default)]
    erased: BTreeMap<String, String>,
}

impl Proof {
    /// Returns a new random row salt, as it is stored.
    pub fn fresh() -> Result<String, DbErr> {
        let mut bytes = [0_u8; 16];
        aws_lc_rs::rand::fill(&mut bytes)
            .map_err(|_| DbErr::Custom("the operating system gave no random numbers".to_owned()))?;
        Ok(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Parses the column. Returns `None` for a row that was never salted.
    pub fn of(column: Option<&str>) -> Option<Self> {
        let text = column?;
        if text.starts_with('{') {
            // A malformed proof has no salts, so nothing matches it.
            return Some(serde_json::from_str(text).unwrap_or_default());
        }
        Some(Self { row_salt: Some(text.to_owned()), ..Self::default() })
    }

    /// Returns the text to store in the column.
    pub fn written(&self) -> String {
        match &self.row_salt {
            Some(salt) => salt.clone(),
            // A map of strings always serialises.
            None => serde_json::to_string(self).unwrap_or_default(),
        }
    }

    /// The fields that were erased.
    pub fn erased(&self) -> impl Iterator<Item = &str> {
        self.erased.keys().map(String::as_str)
    }

    /// Whether a field was erased.
    pub fn is_erased(&self, field: &str) -> bool {
        self.erased.contains_key(field)
    }

    fn salt_of(&self, field: &str) -> Option<String> {
        match &self.row_salt {
            Some(salt) => {
                Some(Fields::named("salt").text("row", Some(salt)).text("field", Some(field)).end())
            }
            None => self.salts.get(field).cloned(),
        }
    }

    /// The commitment to a field. It is empty, which matches no digest, if there is no salt, or if
    /// an erased field has a value.
    pub fn commitment(&self, field: &str, value: Option<&str>) -> String {
        if let Some(commitment) = self.erased.get(field) {
            let blank = matches!(value, None | Some(ERASED | NO_DETAILS));
            return if blank { commitment.clone() } else { String::new() };
        }
        let Some(salt) = self.salt_of(field) else { return String::new() };
        Fields::named("field")
            .text("field", Some(field))
            .text("salt", Some(&salt))
            .text("value", value)
            .end()
    }

    /// Erases a field: deletes its salt and keeps the commitment. `all` are the personal fields of
    /// the row.
    pub fn erase(&mut self, field: &str, value: Option<&str>, all: &[&str]) {
        if self.is_erased(field) {
            return;
        }
        let commitment = self.commitment(field, value);
        if self.row_salt.is_some() {
            let left =
                all.iter().filter_map(|left| Some(((*left).to_owned(), self.salt_of(left)?)));
            self.salts = left.collect();
            self.row_salt = None;
        }
        self.salts.remove(field);
        self.erased.insert(field.to_owned(), commitment);
    }
}

/// Whether a stored proof says that a field of the row was erased.
pub(crate) fn has_erased_fields(column: Option<&str>) -> bool {
    column.is_some_and(|text| text.starts_with('{'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn erased_values_keep_their_commitment_and_other_values_stay() {
        let stored = Proof::fresh().unwrap();
        let mut proof = Proof::of(Some(&stored)).unwrap();
        assert_eq!(proof.written(), stored);
        let (email, metadata) = (
            proof.commitment("email", Some("ada@example.com")),
            proof.commitment("metadata", None),
        );
        proof.erase("email", Some("ada@example.com"), &ACTIVITY_FIELDS);
        let again = Proof::of(Some(&proof.written())).unwrap();
        assert_eq!(again, proof);
        assert_eq!(
            (again.commitment("email", None), again.commitment("metadata", None)),
            (email.clone(), metadata)
        );
        assert_eq!(
            again.commitment("email", Some("eve@example.com")),
            "",
            "nothing can be put in its place"
        );
        assert!(!again.written().contains(&stored), "the salt is gone");
        assert_eq!(again.salt_of("email"), None);
        assert!(has_erased_fields(Some(&again.written())) && !has_erased_fields(Some(&stored)));
    }

    #[test]
    fn equal_values_have_different_commitments_in_different_rows_and_fields() {
        let (a, b) = (Proof::fresh().unwrap(), Proof::fresh().unwrap());
        let of =
            |salt: &str, field: &str| Proof::of(Some(salt)).unwrap().commitment(field, Some("x"));
        assert_ne!(of(&a, "email"), of(&b, "email"));
        assert_ne!(of(&a, "email"), of(&a, "metadata"));
        assert_eq!(of(&a, "email"), of(&a, "email"));
        assert_ne!(of(&a, "email"), Proof::of(Some(&a)).unwrap().commitment("email", None));
    }

    #[test]
    fn a_proof_that_cannot_be_read_proves_nothing() {
        assert_eq!(Proof::of(None), None);
        assert_eq!(Proof::of(Some("{broken")).unwrap().commitment("email", Some("x")), "");
    }
}
