//! The result of a verification of the history, as text and as JSON.

use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::output::when;
use crate::ledger::{Moment, Verified};

/// Returns the result of a verification as JSON, with the verdict in words.
pub fn document(verified: &Verified) -> serde_json::Value {
    let mut document = json!(verified);
    document["verdict"] =
        json!(if verified.findings.is_empty() { "complete_and_unaltered" } else { "altered" });
    document["summary"] = json!(summary(verified));
    document
}

/// Returns the verdict, with the extent of what was verified, as one sentence.
pub fn summary(verified: &Verified) -> String {
    let verdict = match verified.findings.len() {
        0 => "complete and unaltered".to_owned(),
        1 => "ALTERED (1 finding)".to_owned(),
        findings => format!("ALTERED ({findings} findings)"),
    };
    let generations = match (verified.first, verified.last) {
        (Some(first), Some(last)) if first.generation < last.generation => format!(
            "generations {}\u{2013}{}, {} to {}",
            first.generation,
            last.generation,
            first.at.date(),
            last.at.date()
        ),
        (_, Some(last)) => format!("generation {}, {}", last.generation, last.at.date()),
        _ => "no generation yet".to_owned(),
    };
    format!(
        "{verdict}: {generations}; {}; {}; {}",
        counted(verified.runs, "run", "runs"),
        counted(verified.activity, "activity entry", "activity entries"),
        counted(verified.requests, "request", "requests")
    )
}

/// Returns the result of a verification as lines of text.
pub fn lines(verified: &Verified) -> Vec<String> {
    let mut lines = vec![
        summary(verified),
        format!(
            "verified: {} of people, teams and memberships; every run that ended, every entry of \
             Intercom's activity log, every request and how it was closed; and the chain of {} and {}",
            counted(verified.versions, "version", "versions"),
            counted(verified.generations, "generation", "generations"),
            counted(verified.records, "record", "records")
        ),
    ];
    if let Some(found) = &verified.taken_as_found {
        lines.push(format!(
            "recorded before {}, and verifiable only since then: {}; {}; {}",
            found.at.date(),
            counted(found.runs, "run", "runs"),
            counted(found.activity, "activity entry", "activity entries"),
            counted(found.requests, "request", "requests")
        ));
    }
    if let Some(erased) = &verified.erased {
        lines.push(format!(
            "personal data was erased {} ({} in all), last on {}; the rest of those rows is verified as before",
            counted(erased.erasures, "time", "times"),
            counted(erased.rows, "row", "rows"),
            erased.last_at.date()
        ));
    }
    if let Some(at) = verified.shortened_at {
        let since = verified
            .first
            .map(|first| format!("; its earliest state is that of {}", when(first.at)));
        lines.push(format!(
            "the history was last pruned on {}{}",
            at.date(),
            since.unwrap_or_default()
        ));
    }
    if let Some(Moment { generation, at }) = verified.asked_head {
        lines.push(format!(
            "the history contains the hash of --head: {}",
            generation_at(generation, at)
        ));
    }
    lines.push(match verified.head_at {
        Some(at) => format!(
            "head {} ({})",
            verified.head,
            generation_at(verified.head_generation.unwrap_or(0), at)
        ),
        None => "there is no head yet: nothing was recorded".to_owned(),
    });
    lines
}

fn generation_at(generation: i64, at: OffsetDateTime) -> String {
    // Formatting cannot fail for the times that the ledger holds.
    let at = at.format(&Rfc3339).unwrap_or_default();
    if generation == 0 {
        format!("before the first generation, {at}")
    } else {
        format!("generation {generation}, {at}")
    }
}

/// Formats a number with thousands separators and its noun.
fn counted(count: u64, one: &str, many: &str) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    format!("{text} {}", if count == 1 { one } else { many })
}
