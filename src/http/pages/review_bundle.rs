//! The evidence bundle of a signed review: the accounts with the decisions, the review, and a
//! manifest with the SHA-256 of each file. The same review always makes the same bytes, so the
//! bundle is not stored: its manifest is compared with the signature.

use aws_lc_rs::digest::{SHA256, digest};
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::date_time;
use crate::http::errors::ApiError;
use crate::http::response::bundle::{Part, manifest_files, sums, zipped};
use crate::http::response::table::table;
use crate::reviews::{Review, ReviewItem};
use crate::tabular::{ReviewedAccount, Row};

/// The files of the bundle, the manifest last.
pub struct Bundle(Vec<Part>);

impl Bundle {
    /// The bundle of a review; `None` if it cannot be written.
    pub fn of(review: &Review, items: &[ReviewItem]) -> Option<Self> {
        let time = |at: OffsetDateTime| date_time::written(at).to_string();
        let signature = review.signature.as_ref()?;
        let rows: Vec<DecidedRow<'_>> = items.iter().map(DecidedRow).collect();
        let count = |word: &str| {
            let is = |item: &&ReviewItem| {
                item.decision.as_ref().is_some_and(|one| one.decision.as_str() == word)
            };
            items.iter().filter(is).count()
        };
        let described = json!({
            "workspace": review.made.workspace,
            "review": review.number,
            "as_of": time(review.made.as_of),
            "since": review.made.since.map(time),
            "made_at": time(review.made.made_at),
            "made_by": review.made.made_by,
            "signed_at": time(signature.at),
            "signed_by": signature.by,
            "statement": signature.statement,
            "accounts": items.len(),
            "keep": count("keep"),
            "remove": count("remove"),
            "ask": count("ask"),
        });
        let ledger = json!({
            "generation": review.made.generation,
            "generation_hash": review.made.generation_hash,
            "head": signature.head,
        });
        let mut parts = vec![
            Part { name: "review.json", contents: pretty(&described)? },
            Part { name: "decisions.csv", contents: table(&rows)? },
        ];
        let manifest = json!({
            "review": described,
            "ledger": ledger,
            "files": manifest_files(&parts),
        });
        parts.push(Part { name: "manifest.json", contents: pretty(&manifest)? });
        Some(Self(parts))
    }

    /// The SHA-256 of the manifest, which covers all other files.
    pub fn manifest_sha256(&self) -> String {
        let manifest = self.0.last().map_or(&[][..], |part| &part.contents);
        hex::encode(digest(&SHA256, manifest))
    }
}

fn pretty(value: &Value) -> Option<Vec<u8>> {
    serde_json::to_vec_pretty(value).ok()
}

/// The ZIP file of a signed review.
///
/// # Errors
/// 409 if the stored review is not the one that was signed.
pub fn signed(review: &Review, items: &[ReviewItem]) -> Result<Vec<u8>, ApiError> {
    let bundle = Bundle::of(review, items).ok_or(ApiError::Internal)?;
    let expected = review.signature.as_ref().map(|signature| &*signature.manifest_sha256);
    if expected != Some(&*bundle.manifest_sha256()) {
        return Err(ApiError::Problem {
            status: actix_web::http::StatusCode::CONFLICT,
            code: "altered",
            detail: "the review in the database is not the one that was signed: it was altered, or personal data was erased since; compare it with a bundle that was downloaded before".to_owned(),
        });
    }
    let mut parts = bundle.0;
    let sums = sums(&parts);
    parts.push(Part { name: "SHA256SUMS", contents: sums });
    zipped(&parts).map_err(|_| ApiError::Internal)
}

/// An account with the decision about it, as a row.
struct DecidedRow<'a>(&'a ReviewItem);

/// The columns of the decision, after those of the export.
const DECIDED: [&str; 5] = ["decision", "comment", "decided_by", "decided_at", "request"];

impl Row for DecidedRow<'_> {
    const COLUMNS: &'static [&'static str] = &COLUMNS;
}

/// All columns.
const COLUMNS: [&str; ReviewedAccount::COLUMNS.len() + DECIDED.len()] = {
    let mut all = [""; ReviewedAccount::COLUMNS.len() + DECIDED.len()];
    let mut place = 0;
    while place < all.len() {
        all[place] = if place < ReviewedAccount::COLUMNS.len() {
            ReviewedAccount::COLUMNS[place]
        } else {
            DECIDED[place - ReviewedAccount::COLUMNS.len()]
        };
        place += 1;
    }
    all
};

impl Serialize for DecidedRow<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let item = self.0;
        let mut row = serializer.serialize_struct("row", COLUMNS.len())?;
        for name in ReviewedAccount::COLUMNS {
            row.serialize_field(name, &cell(item.row.get(*name)))?;
        }
        let decision = item.decision.as_ref();
        row.serialize_field("decision", &decision.map(|one| one.decision.as_str()))?;
        row.serialize_field("comment", &decision.and_then(|one| one.comment.as_deref()))?;
        row.serialize_field("decided_by", &decision.map(|one| &*one.by))?;
        let at = decision.map(|one| date_time::written(one.at).to_string());
        row.serialize_field("decided_at", &at)?;
        row.serialize_field("request", &item.request)?;
        row.end()
    }
}

/// A stored value as a cell: a text, or another value as JSON writes it.
fn cell(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}
