//! Decisions from a CSV file with the columns `account`, `person`, `why` and `until`. All of them
//! are recorded, or none.

use time::OffsetDateTime;

use super::columns::comparable_title;
use super::decision::{BadDecision, Decision, Verdict};
use super::delimited::{Delimited, NoHeader, OpenQuote, cell_text};
use super::encoding::{NotText, decode};
use super::read_settings::ReadBounds;
use super::{References, Roster};
use crate::directory::UserId;
use crate::moments::{self, Edge, Zone};

/// The titles of the columns. The last one may be missing.
const TITLES: [&str; 4] = ["account", "person", "why", "until"];

/// Something wrong in a file of decisions.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadDecisionFile {
    /// The file is larger than allowed.
    #[error("the file is larger than {0} bytes")]
    TooLarge(usize),
    /// The file has more rows than allowed.
    #[error("the file has more than {0} rows")]
    TooManyRows(usize),
    /// The file is not text.
    #[error("{0}")]
    NotText(#[from] NotText),
    /// A needed column is missing.
    #[error("the file needs a header with the columns `account`, `person`, `why` and `until`")]
    NoHeader,
    /// A quote is never closed.
    #[error("line {0}: a quote is opened and never closed. Nothing after it was read")]
    OpenQuote(u64),
    /// The account is not known.
    #[error("line {0}, account: names no account. Give its id (`adm_…`) or its address")]
    NoSuchAccount(u64),
    /// The person is not known.
    #[error(
        "line {0}, person: matches no person, or several people, in the current roster. Give the \
         key"
    )]
    NoSuchPerson(u64),
    /// The end cannot be read.
    #[error("line {0}, until: must be {forms}", forms = moments::FORMS)]
    UnreadableEnd(u64),
    /// The decision cannot be recorded.
    #[error("line {0}: {1}")]
    Decision(u64, BadDecision),
}

/// What a file of decisions is checked against.
#[derive(Clone, Copy, Debug)]
pub struct DecisionContext<'a> {
    /// The roster in force.
    pub roster: &'a Roster,
    /// The time of the import.
    pub now: OffsetDateTime,
    /// `roster.time_zone`
    pub zone: &'a Zone,
    /// The bounds of the file.
    pub bounds: ReadBounds,
}

/// Reads a file of decisions that accounts belong to people. `account` finds an account by its id
/// or address. A person is named by key, employee number, id or address. A date in `until`
/// includes that day.
///
/// # Errors
/// The first problems of the file, at most [`ReadBounds::problems`].
pub fn read_decisions(
    bytes: &[u8],
    context: DecisionContext<'_>,
    account: impl Fn(&str) -> Option<UserId>,
) -> Result<Vec<Decision>, Vec<BadDecisionFile>> {
    let bounds = context.bounds;
    if bytes.len() > bounds.bytes {
        return Err(vec![BadDecisionFile::TooLarge(bounds.bytes)]);
    }
    let (text, _) = decode(bytes).map_err(|bad| vec![BadDecisionFile::from(bad)])?;
    let is_column = |title: &str| TITLES.contains(&comparable_title(title).as_str());
    let (mut rows, titles) = Delimited::open(&text, is_column).map_err(|bad| match bad {
        NoHeader::NotFound => vec![BadDecisionFile::NoHeader],
        NoHeader::OpenQuote(OpenQuote { line }) => vec![BadDecisionFile::OpenQuote(line)],
    })?;
    let titles: Vec<String> = titles.iter().map(|title| comparable_title(title)).collect();
    let places = TITLES.map(|name| titles.iter().position(|title| title == name));
    if places.iter().take(3).any(Option::is_none) {
        return Err(vec![BadDecisionFile::NoHeader]);
    }
    let references = References::new(context.roster.people(), context.zone.date_at(context.now));
    let mut decisions = Vec::new();
    let mut problems = Vec::new();
    let mut cells = Vec::new();
    while problems.len() < bounds.problems {
        match rows.next_row(&mut cells) {
            Ok(None) => break,
            Ok(Some(_)) if decisions.len() == bounds.rows => {
                problems.push(BadDecisionFile::TooManyRows(bounds.rows));
                break;
            }
            Ok(Some(line)) => {
                let texts = places.map(|place| {
                    let cell = place.and_then(|place| cells.get(place));
                    cell.map(|cell| cell_text(cell).into_owned()).unwrap_or_default()
                });
                match read_row(line, &texts, context, &references, &account) {
                    Ok(decision) => decisions.push(decision),
                    Err(bad) => problems.extend(bad),
                }
            }
            Err(OpenQuote { line }) => {
                problems.push(BadDecisionFile::OpenQuote(line));
                break;
            }
        }
    }
    problems.truncate(bounds.problems);
    if problems.is_empty() { Ok(decisions) } else { Err(problems) }
}

fn read_row(
    line: u64,
    [account_text, person_text, why, until_text]: &[String; 4],
    context: DecisionContext<'_>,
    references: &References<'_>,
    account: impl Fn(&str) -> Option<UserId>,
) -> Result<Decision, Vec<BadDecisionFile>> {
    let mut bad = Vec::new();
    let account = account(account_text);
    if account.is_none() {
        bad.push(BadDecisionFile::NoSuchAccount(line));
    }
    let person = references.person(person_text);
    if person.is_none() {
        bad.push(BadDecisionFile::NoSuchPerson(line));
    }
    let until = moments::read(until_text, Edge::End, context.zone).map(|read| read.moment);
    if until.is_none() && !until_text.is_empty() {
        bad.push(BadDecisionFile::UnreadableEnd(line));
    }
    let (Some(account), Some(person), true) = (account, person, bad.is_empty()) else {
        return Err(bad);
    };
    let decision = Decision {
        account,
        verdict: Verdict::Is { person_key: person.key.clone() },
        why: why.clone(),
        until,
        roster_version: context.roster.version,
    };
    let is_person = |key: &super::PersonKey| context.roster.person(key).is_some();
    let is_owner = |owner: &str| references.person(owner).is_some();
    match decision.check(context.now, is_person, is_owner) {
        Ok(()) => Ok(decision),
        Err(found) => {
            Err(found.into_iter().map(|bad| BadDecisionFile::Decision(line, bad)).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use time::macros::datetime;

    use super::super::{Person, PersonKey};
    use super::*;

    fn read(text: &str) -> Result<Vec<Decision>, Vec<String>> {
        let mut person = Person::new(PersonKey::new("7").unwrap(), Arc::from("x"));
        person.employee_number = Some("007".into());
        let context = DecisionContext {
            roster: &Roster::new(3, vec![person]),
            now: datetime!(2026-03-01 12:00 UTC),
            zone: &Zone::UTC,
            bounds: ReadBounds { problems: 3, ..ReadBounds::default() },
        };
        let account = |text: &str| (text == "adm_1").then(|| UserId::new("1"));
        read_decisions(text.as_bytes(), context, account)
            .map_err(|bad| bad.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn each_row_becomes_a_decision_of_the_roster_in_force() {
        let decisions = read("Account;Person;Why;Until\nadm_1;007;Her nickname;2026-12-31\n");
        let expected = Decision {
            account: UserId::new("1"),
            verdict: Verdict::Is { person_key: PersonKey::new("7").unwrap() },
            why: "Her nickname".to_owned(),
            until: Some(datetime!(2027-01-01 0:00 UTC)),
            roster_version: 3,
        };
        assert_eq!(decisions, Ok(vec![expected]));
        assert_eq!(read("account,person,why\nadm_1,7,x\n").unwrap()[0].until, None);
    }

    #[test]
    fn one_bad_row_stops_all_and_every_problem_is_named() {
        let bad =
            read("account,person,why,until\nadm_1,7,x,\nadm_2,8,x,soon\nadm_1,7,,2026-01-01\n");
        assert_eq!(
            bad.unwrap_err(),
            [
                "line 3, account: names no account. Give its id (`adm_…`) or its address",
                "line 3, person: matches no person, or several people, in the current roster. Give \
                 the key",
                "line 3, until: must be a date such as 2026-03-01, or a moment such as \
                 2026-03-01T23:59:59Z or 2026-03-01T23:59+01:00",
            ]
        );
        let bad = read("account,person,why,until\nadm_1,7,,2026-01-01\n").unwrap_err();
        assert_eq!(
            bad,
            [
                "line 2: `why` is required: the reason of the decision, in one sentence",
                "line 2: `until` must be in the future",
            ]
        );
        let header = "the file needs a header with the columns `account`, `person`, `why` and \
                      `until`";
        assert_eq!(read("account,person\nadm_1,7\n").unwrap_err(), [header]);
    }
}
