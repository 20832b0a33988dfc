//! Paid seats, whether they are used, and what they cost.

use serde::Serialize;
use time::OffsetDateTime;

use super::{KnownLog, Row, days_since};
use crate::directory::{
    Directory, INBOX_SEAT, LastActivity, LogFacts, Person, Price, User, UserId, account_id,
    activity_source, is_inactive, user_name,
};
use crate::words::words;

/// What a seat costs a month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MonthlyPrice {
    /// The price of one seat.
    pub price: Price,
    /// The currency (ISO 4217), if it is known.
    pub currency: Option<String>,
}

words! {
    /// Which seats are wanted.
    pub enum SeatUse {
        /// Not used for the given time.
        Unused = "unused",
        /// Used within the given time, or given to a person who joined within it.
        Used = "used",
        /// The activity log does not cover the time.
        Unknown = "unknown",
    }
}

/// A paid seat and who holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Seat {
    /// The id of the account: `adm_` and Intercom's id of the admin.
    pub account_id: String,
    /// The holder's sign-in address. If Intercom has none, the id of the account.
    pub user_name: String,
    /// The holder's name in Intercom.
    pub display_name: Option<String>,
    /// The seat: `inbox_seat`.
    pub seat: &'static str,
    /// The name of the holder's role.
    pub role_name: Option<String>,
    /// When the holder joined. Null if the activity log does not contain it.
    #[serde(with = "crate::date_time::option")]
    pub joined_at: Option<OffsetDateTime>,
    /// When the holder last did something, as far as Intercom's activity log shows it.
    #[serde(with = "crate::date_time::option")]
    pub last_activity_at: Option<OffsetDateTime>,
    /// What shows the last activity: `sign_in`, `activity_log` (an entry that the holder performed)
    /// or `occupancy` (Intercom measured it). `never` if the log covers the whole time since the
    /// holder joined and has no activity. `unknown` if it does not cover that time.
    pub last_activity_source: &'static str,
    /// Whole days since the last activity.
    pub days_since_activity: Option<i64>,
    /// `unused`: the holder was not active for the time in `unused_for`. `used`: the holder was
    /// active, or joined, within it. `unknown`: the activity log does not cover it.
    pub r#use: SeatUse,
    /// What the seat costs a month, as a decimal number. Null without `seats.price`.
    pub monthly_price: Option<String>,
    /// The currency of the price.
    pub currency: Option<String>,
}

impl Row for Seat {
    const COLUMNS: &'static [&'static str] = &[
        "account_id",
        "user_name",
        "display_name",
        "seat",
        "role_name",
        "joined_at",
        "last_activity_at",
        "last_activity_source",
        "days_since_activity",
        "use",
        "monthly_price",
        "currency",
    ];
}

/// The numbers over all seats.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeatTotals {
    /// All paid seats.
    pub seats: usize,
    /// Those that were not used.
    pub unused: usize,
    /// Those of which that is unknown.
    pub unknown: usize,
}

impl SeatTotals {
    fn add(&mut self, r#use: SeatUse) {
        self.seats += 1;
        self.unused += usize::from(r#use == SeatUse::Unused);
        self.unknown += usize::from(r#use == SeatUse::Unknown);
    }
}

/// Where the last activity of people comes from.
#[derive(Clone, Copy, Debug)]
pub enum ActivityOf<'a> {
    /// The current values of the directory.
    Now,
    /// The activity log up to a moment.
    Then(&'a LogFacts),
}

impl ActivityOf<'_> {
    fn last(self, person: &Person) -> Option<LastActivity> {
        match self {
            Self::Now => person.volatile.last_activity(),
            Self::Then(facts) => facts.last_activity(&person.user.id),
        }
    }
}

/// Returns the ids of the people who hold a paid seat.
#[must_use]
pub fn seat_holders(directory: &Directory) -> Vec<UserId> {
    holders(directory).map(|person| person.user.id.clone()).collect()
}

fn holders(directory: &Directory) -> impl Iterator<Item = &Person> {
    directory
        .people
        .iter()
        .filter(|person| person.user.active && person.user.has_inbox_seat == Some(true))
}

/// Which seats are wanted, and when a seat is unused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeatQuestion {
    /// A seat is unused if its holder was not active for more than this number of days.
    pub unused_days: i64,
    /// Only seats with this use are returned. The numbers are always those of all seats.
    pub wanted: Option<SeatUse>,
}

/// Returns the numbers over all paid seats now. A seat is unused if its holder was not active for
/// more than `unused_days`.
#[must_use]
pub fn seat_totals(directory: &Directory, known: KnownLog, unused_days: i64) -> SeatTotals {
    let mut totals = SeatTotals::default();
    for person in holders(directory) {
        let last = ActivityOf::Now.last(person);
        totals.add(seat_use(&person.user, last, known, unused_days));
    }
    totals
}

/// Returns the paid seats, sorted by the id of the holder, and the numbers over all of them.
#[must_use]
pub fn seats(
    directory: &Directory,
    activity: ActivityOf<'_>,
    known: KnownLog,
    question: SeatQuestion,
    price: Option<&MonthlyPrice>,
) -> (Vec<Seat>, SeatTotals) {
    let mut totals = SeatTotals::default();
    let mut rows = Vec::new();
    for person in holders(directory) {
        let last = activity.last(person);
        let row = row(person, last, known, question.unused_days, price);
        totals.add(row.r#use);
        if question.wanted.is_none_or(|wanted| wanted == row.r#use) {
            rows.push(row);
        }
    }
    (rows, totals)
}

fn seat_use(user: &User, last: Option<LastActivity>, known: KnownLog, unused_days: i64) -> SeatUse {
    let last_at = last.map(|last| last.at);
    match is_inactive(user, last_at, known.covered, known.moment, unused_days) {
        Some(true) => SeatUse::Unused,
        Some(false) => SeatUse::Used,
        None => SeatUse::Unknown,
    }
}

fn row(
    Person { user, .. }: &Person,
    last: Option<LastActivity>,
    known: KnownLog,
    unused_days: i64,
    price: Option<&MonthlyPrice>,
) -> Seat {
    let KnownLog { covered, moment } = known;
    let last_at = last.map(|last| last.at);
    Seat {
        account_id: account_id(&user.id),
        user_name: user_name(user),
        display_name: user.name.clone(),
        seat: INBOX_SEAT,
        role_name: user.role.as_ref().and_then(|role| role.name.clone()),
        joined_at: user.joined_at,
        last_activity_at: last_at,
        last_activity_source: activity_source(last, user, covered, moment),
        days_since_activity: last_at.and_then(|at| days_since(at, moment)),
        r#use: seat_use(user, last, known, unused_days),
        monthly_price: price.map(|price| price.price.of(1)),
        currency: price.and_then(|price| price.currency.clone()),
    }
}
