//! Reads a file of people.
//!
//! One bad row never stops the others: every problem of a file is reported at once. A file with
//! an error is not taken over, though. A roster is read whole, and a row that is left out would
//! turn a colleague into a leaver.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use time::Date;

use super::columns::{Columns, Field, is_known_title};
use super::dates::{is_no_date, read_date};
use super::delimited::{Delimited, NoHeader, cell_text};
use super::encoding::{TextEncoding, decode, invalid_utf_8};
use super::id::normal_id;
use super::read_settings::{ReadBounds, ReadSettings, RequestedFormat};
use super::records::{BadJson, BadRecord, Records};
use super::report::{FileFormat, Problem, ProblemKind, Report, Words};
use super::words::{ClassWord, ClassWords, comparable_word, status_of};
use super::{Address, Class, Email, EmailKind, Person, PersonKey, References, Status};
use crate::limits;

/// The people of a file, and the report on it. They may be stored only if
/// [`Report::is_acceptable`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// The people, sorted by key.
    pub people: Vec<Person>,
    /// The report.
    pub report: Report,
}

/// Reads a file.
#[must_use]
pub fn read(bytes: &[u8], settings: &ReadSettings, bounds: ReadBounds) -> Reading {
    let mut reader = Reader::new(settings, bounds);
    if bytes.len() > bounds.bytes {
        reader.problem(None, None, ProblemKind::TooLarge { max: bounds.bytes });
        return reader.finish();
    }
    match decode(bytes) {
        Ok((text, encoding)) => {
            reader.report.encoding = Some(encoding);
            if let Some(place) = invalid_utf_8(bytes)
                && encoding == TextEncoding::Windows1252
            {
                reader.problem(None, None, ProblemKind::Windows1252(place));
            }
            reader.read_text(&text);
        }
        Err(not_text) => reader.problem(None, None, not_text.into()),
    }
    reader.finish()
}

/// The rows of a file in either format.
enum Rows<'a> {
    Csv(Delimited<'a>),
    Json(Records<'a>),
}

struct Reader<'a> {
    settings: &'a ReadSettings,
    bounds: ReadBounds,
    class_words: ClassWords,
    columns: Columns,
    places: BTreeMap<Field, Vec<usize>>,
    people: Vec<Person>,
    lines: HashMap<PersonKey, u64>,
    shared: HashMap<String, Arc<str>>,
    unknown_statuses: Words,
    unknown_classes: Words,
    report: Report,
}

impl<'a> Reader<'a> {
    fn new(settings: &'a ReadSettings, bounds: ReadBounds) -> Self {
        Self {
            settings,
            bounds,
            class_words: ClassWords::new(&settings.classes),
            columns: Columns { system: None, titles: Vec::new(), uses: Vec::new() },
            places: BTreeMap::new(),
            people: Vec::new(),
            lines: HashMap::new(),
            shared: HashMap::new(),
            unknown_statuses: Words::default(),
            unknown_classes: Words::default(),
            report: Report::default(),
        }
    }

    fn problem(&mut self, line: Option<u64>, place: Option<usize>, kind: ProblemKind) {
        let column = place.map(|place| self.columns.safe_title(place));
        self.report.add(Problem { line, column, kind }, self.bounds.problems);
    }

    fn read_text(&mut self, text: &str) {
        let is_json = match self.settings.format {
            RequestedFormat::Auto => text.trim_start().starts_with(['[', '{']),
            RequestedFormat::Csv => false,
            RequestedFormat::Json => true,
        };
        let opened = if is_json { self.open_json(text) } else { self.open_csv(text) };
        let Some((rows, titles)) = opened else { return };
        if titles.len() > self.bounds.columns {
            let max = self.bounds.columns;
            return self.problem(None, None, ProblemKind::TooManyColumns { max });
        }
        let recognised = Columns::recognise(titles, &self.settings.columns);
        let (columns, bad) = match recognised {
            Ok(columns) => (columns, Vec::new()),
            Err((columns, bad)) => (columns, bad),
        };
        self.report.system = columns.system;
        self.report.fields = columns.fields();
        self.report.columns = (0..columns.uses.len())
            .filter_map(|place| Some((columns.safe_title(place), *columns.uses.get(place)?)))
            .collect();
        for field in columns.fields() {
            self.places.insert(field, columns.places(field).collect());
        }
        self.columns = columns;
        if bad.is_empty() {
            return self.read_rows(rows);
        }
        for bad in bad {
            self.problem(None, None, bad.into());
        }
    }

    fn open_csv<'t>(&mut self, text: &'t str) -> Option<(Rows<'t>, Vec<String>)> {
        self.report.format = Some(FileFormat::Csv);
        match Delimited::open(text, |title| is_known_title(title, &self.settings.columns)) {
            Ok((rows, mut titles)) => {
                self.report.separator = Some(rows.separator());
                // A separator at the end of the header is not a column.
                while titles.last().is_some_and(|title| title.trim().is_empty()) {
                    titles.pop();
                }
                Some((Rows::Csv(rows), titles))
            }
            Err(NoHeader::NotFound) => {
                self.problem(None, None, ProblemKind::NoHeader);
                None
            }
            Err(NoHeader::OpenQuote(open)) => {
                self.problem(Some(open.line), None, ProblemKind::OpenQuote);
                None
            }
        }
    }

    fn open_json<'t>(&mut self, text: &'t str) -> Option<(Rows<'t>, Vec<String>)> {
        self.report.format = Some(FileFormat::Json);
        match Records::open(text, self.bounds.rows, self.bounds.columns) {
            Ok((records, titles)) => Some((Rows::Json(records), titles)),
            Err(bad) => {
                self.bad_record(bad);
                None
            }
        }
    }

    fn bad_record(&mut self, bad: BadJson) {
        let kind = match bad.why {
            BadRecord::Syntax(column) => ProblemKind::Json { column },
            BadRecord::NotAnObject => ProblemKind::NotAnObject,
            BadRecord::Twice => ProblemKind::MemberTwice,
            BadRecord::TooManyMembers => ProblemKind::TooManyColumns { max: self.bounds.columns },
            BadRecord::LongList => ProblemKind::LongList { max: limits::ROSTER_LIST },
        };
        self.problem(Some(bad.line), None, kind);
    }

    fn read_rows(&mut self, mut rows: Rows<'_>) {
        let mut cells = Vec::new();
        loop {
            let line = match &mut rows {
                Rows::Csv(rows) => match rows.next_row(&mut cells) {
                    Ok(line) => line,
                    Err(open) => {
                        return self.problem(Some(open.line), None, ProblemKind::OpenQuote);
                    }
                },
                Rows::Json(rows) => match rows.next_row(&mut cells) {
                    Ok(line) => line,
                    Err(bad) => {
                        self.bad_record(bad);
                        continue;
                    }
                },
            };
            let Some(line) = line else { return };
            if cells.iter().all(|cell| cell.trim().is_empty()) {
                continue;
            }
            if self.report.rows == self.bounds.rows {
                let max = self.bounds.rows;
                return self.problem(Some(line), None, ProblemKind::TooManyRows { max });
            }
            self.report.rows += 1;
            if self.fits(line, &cells) {
                self.read_person(line, &cells);
            }
        }
    }

    /// Checks the size of a row. Empty cells beyond the header are no fault.
    fn fits(&mut self, line: u64, cells: &[String]) -> bool {
        let titles = self.columns.titles.len();
        if cells.iter().skip(titles).any(|cell| !cell.trim().is_empty()) {
            let kind = ProblemKind::TooManyCells { cells: cells.len(), titles };
            self.problem(Some(line), None, kind);
            return false;
        }
        let max = self.bounds.cell_bytes;
        let long = cells.iter().position(|cell| cell.len() > max);
        if let Some(place) = long {
            self.problem(Some(line), Some(place), ProblemKind::LongCell { max });
        }
        long.is_none()
    }

    /// Returns the texts of a field that are not empty, with the index of their column.
    fn texts<'c>(&self, cells: &'c [String], field: Field) -> Vec<(usize, String)>
    where
        'a: 'c,
    {
        let places = self.places.get(&field).map_or(&[][..], Vec::as_slice);
        let text = |place: &usize| Some((*place, cell_text(cells.get(*place)?).into_owned()));
        places.iter().filter_map(text).filter(|(_, text)| !text.is_empty()).collect()
    }

    fn text(&self, cells: &[String], field: Field) -> Option<String> {
        let text = self.texts(cells, field).into_iter().next().map(|(_, text)| text)?;
        let text = normal_id(&text).into_owned();
        (!text.is_empty()).then_some(text)
    }

    fn read_person(&mut self, line: u64, cells: &[String]) {
        let emails = self.emails(line, cells);
        let employee_number = self.text(cells, Field::EmployeeNumber);
        let source_id = self.text(cells, Field::SourceId);
        let primary = emails.iter().find(|email| email.kind == EmailKind::Primary);
        let primary = primary.map(|email| email.address.as_str());
        let key = self.text(cells, Field::Key);
        let key = key.as_deref().or(employee_number.as_deref()).or(source_id.as_deref());
        let Some(key) = key.or(primary).and_then(PersonKey::new) else {
            return self.problem(Some(line), None, ProblemKind::NoKey);
        };
        if let Some(first) = self.lines.get(&key) {
            let kind = ProblemKind::SameKey { first: *first };
            return self.problem(Some(line), None, kind);
        }
        self.lines.insert(key.clone(), line);
        self.report.without_address += usize::from(emails.is_empty());
        let started = self.date(line, cells, Field::Started, ProblemKind::UnreadableStart);
        let ended = self.date(line, cells, Field::Ended, ProblemKind::UnreadableEnd);
        if let (Some(started), Some(ended)) = (started, ended)
            && ended < started
        {
            let place = self.places.get(&Field::Ended).and_then(|places| places.first().copied());
            self.problem(Some(line), place, ProblemKind::EndBeforeStart);
        }
        let (class, class_status) = self.class(cells);
        let status = self.status(cells, class_status);
        let manager = self.reference(cells, Field::Manager).map(|text| self.share(text));
        let department = self.text(cells, Field::Department).map(|text| self.share(text));
        let owner = self.reference(cells, Field::Owner).map(Into::into);
        let name = self.name(cells);
        self.people.push(Person {
            key,
            emails,
            name,
            class,
            stated: status,
            started,
            ended,
            absent: false,
            ended_seen: None,
            manager,
            department,
            employee_number: employee_number.map(Into::into),
            source_id: source_id.map(Into::into),
            owner,
            source: Arc::clone(&self.settings.source),
        });
    }

    /// Stores equal texts once: many people have the same department or manager.
    fn share(&mut self, text: String) -> Arc<str> {
        if let Some(shared) = self.shared.get(&text) {
            return Arc::clone(shared);
        }
        let shared: Arc<str> = text.as_str().into();
        self.shared.insert(text, Arc::clone(&shared));
        shared
    }

    /// Returns a reference to another person: an address in its exact form, or an id.
    fn reference(&self, cells: &[String], field: Field) -> Option<String> {
        let text = self.text(cells, field)?;
        Some(Address::read(&text).map_or(text, |address| address.to_string()))
    }

    fn name(&self, cells: &[String]) -> Option<String> {
        let parts = || {
            let parts = [self.text(cells, Field::GivenName), self.text(cells, Field::FamilyName)];
            parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
        };
        let name = self.text(cells, Field::Name).unwrap_or_else(parts);
        // A line break inside a cell separates two names as a blank does.
        let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
        (!name.is_empty()).then_some(name)
    }

    fn emails(&mut self, line: u64, cells: &[String]) -> Vec<Email> {
        let mut emails: Vec<Email> = Vec::new();
        let mut add = |address: Address, kind: EmailKind| {
            let is_primary = emails.iter().any(|email| email.kind == EmailKind::Primary);
            let kind =
                if kind == EmailKind::Primary && is_primary { EmailKind::Alias } else { kind };
            if !emails.iter().any(|email| email.address == address) {
                emails.push(Email { kind, address });
            }
        };
        let mut unreadable = Vec::new();
        for (field, kind) in [
            (Field::Email, EmailKind::Primary),
            (Field::Login, EmailKind::Primary),
            (Field::Aliases, EmailKind::Alias),
            (Field::PersonalEmails, EmailKind::Personal),
        ] {
            if field == Field::PersonalEmails && !self.settings.match_personal {
                continue;
            }
            for (place, text) in self.texts(cells, field) {
                for text in addresses_in(&text, field) {
                    match Address::read(text) {
                        // Entra's login names of guests are no mailboxes.
                        Some(address) if field == Field::Login && is_guest_login(&address) => {}
                        Some(address) => add(address, kind),
                        // A login name need not be an address.
                        None if field == Field::Login => {}
                        None => unreadable.push(place),
                    }
                }
            }
        }
        for place in unreadable {
            self.problem(Some(line), Some(place), ProblemKind::UnreadableAddress);
        }
        emails.sort_unstable();
        emails
    }

    fn date(
        &mut self,
        line: u64,
        cells: &[String],
        field: Field,
        unreadable: ProblemKind,
    ) -> Option<Date> {
        let (place, text) = self.texts(cells, field).into_iter().next()?;
        if is_no_date(&text) {
            return None;
        }
        let by_format = || self.settings.date_format.as_ref()?.parse(&text);
        let date = read_date(&text).or_else(by_format);
        if date.is_none() {
            self.problem(Some(line), Some(place), unreadable);
        }
        date
    }

    /// Returns the class, and the status if the column of the class has one, as in some sources.
    fn class(&mut self, cells: &[String]) -> (Class, Option<Status>) {
        let system = self.columns.system;
        let usual = match system {
            Some(system) if system.is_personnel_system() => Class::Employee,
            _ => Class::Unknown,
        };
        let mut first = None;
        let mut status = None;
        for (_, text) in self.texts(cells, Field::Class) {
            let word = comparable_word(&text);
            match self.class_words.read(&word) {
                // A guest is external, whatever another column says about the class.
                ClassWord::Class(class) if word == "guest" => first = Some(class),
                ClassWord::Class(class) => first = first.or(Some(class)),
                ClassWord::Neutral(found) => status = status.or(found),
                ClassWord::Other => self.unknown_classes.add(&word),
            }
        }
        (first.unwrap_or(usual), status)
    }

    fn status(&mut self, cells: &[String], by_class: Option<Status>) -> Status {
        let stated = self.texts(cells, Field::Status).into_iter().next();
        let Some((_, text)) = stated else { return by_class.unwrap_or_default() };
        let word = comparable_word(&text);
        status_of(&word, self.columns.system).unwrap_or_else(|| {
            self.unknown_statuses.add(&word);
            Status::Active
        })
    }

    fn finish(mut self) -> Reading {
        let statuses = std::mem::take(&mut self.unknown_statuses);
        if !statuses.is_empty() {
            self.problem(None, None, ProblemKind::UnknownStatus(statuses));
        }
        let classes = std::mem::take(&mut self.unknown_classes);
        if !classes.is_empty() {
            self.problem(None, None, ProblemKind::UnknownClass(classes));
        }
        if self.people.is_empty() && self.report.is_acceptable() {
            self.problem(None, None, ProblemKind::NoPeople);
        }
        let mut people = self.people;
        people.sort_by(|first, second| first.key.cmp(&second.key));
        resolve_managers(&mut people);
        Reading { people, report: self.report }
    }
}

/// Replaces each reference to a manager by the key of that person, if the roster has the person.
fn resolve_managers(people: &mut [Person]) {
    let references = References::new(people, Date::MIN);
    let keys: Vec<Option<Arc<str>>> = people
        .iter()
        .map(|person| {
            let manager = person.manager.as_ref()?;
            let found = references.person(manager).map(|manager| manager.key.as_str());
            Some(match found {
                Some(key) if key != &**manager => key.into(),
                _ => Arc::clone(manager),
            })
        })
        .collect();
    for (person, manager) in people.iter_mut().zip(keys) {
        person.manager = manager;
    }
}

/// Splits a cell into addresses; columns of one address have one. Exchange marks addresses with
/// `SMTP:` and `smtp:`.
fn addresses_in(text: &str, field: Field) -> impl Iterator<Item = &str> {
    let many = matches!(field, Field::Aliases | Field::PersonalEmails);
    let parts = text.split(move |letter: char| many && matches!(letter, ',' | ';' | '|' | '\n'));
    parts
        .map(|part| {
            let part = part.trim();
            let marked = part.get(..5).is_some_and(|mark| mark.eq_ignore_ascii_case("smtp:"));
            if marked { part.get(5..).unwrap_or_default() } else { part }
        })
        .filter(|part| !part.is_empty())
}

fn is_guest_login(address: &Address) -> bool {
    address.local().ends_with("#ext#")
}
