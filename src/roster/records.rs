//! Rows of JSON: an array of objects, or one object per line (NDJSON).

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use serde::de::{Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::limits;

/// How deep objects within objects are read. SCIM and Okta need two levels.
const DEPTH: usize = 3;

/// Members under which other programs put the list of people.
const LISTS: [&str; 5] = ["people", "resources", "items", "users", "value"];

/// Names of the columns that the list `emails` becomes.
const EMAIL_COLUMNS: [&str; 3] = ["emails.primary", "emails.alias", "emails.personal"];

/// JSON that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadJson {
    /// The line, from 1.
    pub line: u64,
    /// Why.
    pub why: BadRecord,
}

/// Why a record cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadRecord {
    /// It is not JSON from this column on, counted in bytes from 1.
    Syntax(usize),
    /// It is JSON, but not an object.
    NotAnObject,
    /// It has a member twice.
    Twice,
    /// It has too many members, in itself or together with the records before.
    TooManyMembers,
    /// A list in it has too many elements.
    LongList,
}

/// One record and the line on which it begins.
#[derive(Clone, Copy, Debug)]
struct Record<'a> {
    line: u64,
    json: &'a str,
}

/// The records of a text.
#[derive(Debug)]
pub struct Records<'a> {
    records: std::vec::IntoIter<Record<'a>>,
    columns: HashMap<String, usize>,
}

impl<'a> Records<'a> {
    /// Splits a text into records, and returns the names of all members as column names, in the
    /// order in which they first occur. Records that cannot be read are reported by
    /// [`Records::next_row`].
    ///
    /// # Errors
    /// [`BadJson`] if an array is not valid JSON, or if the records have more than `columns`
    /// members.
    ///
    /// Records beyond the first `rows + 1` are not read: the reader refuses the file at the last of
    /// these.
    pub fn open(
        text: &'a str,
        rows: usize,
        columns: usize,
    ) -> Result<(Self, Vec<String>), BadJson> {
        let most = rows.saturating_add(1);
        let records = match enclosed_list(text) {
            _ if text.trim_start().starts_with('[') => array(text, text, most)?,
            Some(list) => array(text, list, most)?,
            None => lines(text, most),
        };
        let most_columns = columns;
        let mut columns = HashMap::new();
        let mut names = Vec::new();
        for record in &records {
            for (name, _) in flat_members(record.json).unwrap_or_default() {
                if !columns.contains_key(&name) {
                    if names.len() == most_columns {
                        let why = BadRecord::TooManyMembers;
                        return Err(BadJson { line: record.line, why });
                    }
                    columns.insert(name.clone(), names.len());
                    names.push(name);
                }
            }
        }
        Ok((Self { records: records.into_iter(), columns }, names))
    }

    /// Reads the next record into `cells`, one for each column, and returns the line on which it
    /// begins; `None` at the end.
    ///
    /// # Errors
    /// [`BadJson`]; the records after it can still be read.
    pub fn next_row(&mut self, cells: &mut Vec<String>) -> Result<Option<u64>, BadJson> {
        let Some(Record { line, json }) = self.records.next() else { return Ok(None) };
        cells.resize_with(self.columns.len(), String::new);
        cells.iter_mut().for_each(String::clear);
        for (name, text) in flat_members(json).map_err(|why| BadJson { line, why })? {
            let cell = self.columns.get(&name).and_then(|place| cells.get_mut(*place));
            if let Some(cell) = cell {
                *cell = text.into_owned();
            }
        }
        Ok(Some(line))
    }
}

/// Returns the list of people inside a text that is one object, as SCIM and most APIs respond.
fn enclosed_list(text: &str) -> Option<&str> {
    let members = members(text).ok()?;
    let is_list = |name: &str, value: &RawValue| {
        LISTS.into_iter().any(|list| name.eq_ignore_ascii_case(list))
            && value.get().starts_with('[')
    };
    members.into_iter().find(|(name, value)| is_list(name, value)).map(|(_, value)| value.get())
}

/// Splits an array that is a part of `text` into at most `most` records.
fn array<'a>(text: &'a str, array: &'a str, most: usize) -> Result<Vec<Record<'a>>, BadJson> {
    let items = first_items(array, most).map_err(|error| BadJson {
        line: u64::try_from(error.line()).unwrap_or(u64::MAX),
        why: BadRecord::Syntax(error.column()),
    })?;
    let mut line = 1;
    let mut at = 0;
    let records = items.into_iter().map(|item| {
        let json = item.get();
        // The items are parts of `text`, in its order.
        let start = json.as_ptr().addr().saturating_sub(text.as_ptr().addr());
        line += line_count(text.get(at..start).unwrap_or_default());
        at = start;
        Record { line, json }
    });
    Ok(records.collect())
}

fn lines(text: &str, most: usize) -> Vec<Record<'_>> {
    let numbered = (1..).zip(text.split('\n'));
    let numbered = numbered.map(|(line, json)| Record { line, json: json.trim() });
    numbered.filter(|record| !record.json.is_empty()).take(most).collect()
}

fn line_count(text: &str) -> u64 {
    u64::try_from(text.bytes().filter(|byte| *byte == b'\n').count()).unwrap_or(u64::MAX)
}

/// Returns the members of an object as texts. Members of inner objects are named `outer.inner`;
/// those of SCIM extensions and of Okta's `profile` by their own name.
fn flat_members(json: &str) -> Result<Vec<(String, Cow<'_, str>)>, BadRecord> {
    let mut flat = Vec::new();
    flatten("", json, DEPTH, &mut flat)?;
    Ok(flat)
}

fn flatten<'a>(
    outer: &str,
    json: &'a str,
    depth: usize,
    flat: &mut Vec<(String, Cow<'a, str>)>,
) -> Result<(), BadRecord> {
    for (name, value) in members(json)? {
        let json = value.get();
        let is_container = name.eq_ignore_ascii_case("profile") || name.starts_with("urn:");
        let name = if outer.is_empty() { name.into_owned() } else { format!("{outer}.{name}") };
        match json.bytes().next() {
            Some(b'{') if depth > 1 => {
                flatten(if is_container { "" } else { &name }, json, depth - 1, flat)?;
            }
            Some(b'[') if name.eq_ignore_ascii_case("emails") => emails(json, flat)?,
            Some(b'[') => flat.push((name, list(json)?.into())),
            _ => {
                if let Some(text) = scalar(json) {
                    flat.push((name, text));
                }
            }
        }
    }
    Ok(())
}

/// Returns the members of one object as they are written.
fn members(json: &str) -> Result<Vec<(Cow<'_, str>, &RawValue)>, BadRecord> {
    match serde_json::from_str::<Members<'_>>(json) {
        Ok(Members(members)) if members.len() > limits::ROSTER_COLUMNS => {
            Err(BadRecord::TooManyMembers)
        }
        Ok(Members(members)) => {
            let mut names: Vec<&str> = members.iter().map(|(name, _)| name.as_ref()).collect();
            names.sort_unstable();
            let twice = names.windows(2).any(|two| two.first() == two.last());
            if twice { Err(BadRecord::Twice) } else { Ok(members) }
        }
        Err(error) if error.is_data() => Err(BadRecord::NotAnObject),
        Err(error) => Err(BadRecord::Syntax(error.column())),
    }
}

/// Returns text, number or boolean as text; numbers as they are written. `None` for null.
fn scalar(json: &str) -> Option<Cow<'_, str>> {
    match json {
        "null" => None,
        _ if json.starts_with('"') => serde_json::from_str::<String>(json).ok().map(Cow::Owned),
        _ if json.starts_with('{') => None,
        number => Some(number.into()),
    }
}

/// Returns the texts of a list, one per line.
fn list(json: &str) -> Result<String, BadRecord> {
    let items = items(json)?;
    let texts: Vec<Cow<'_, str>> =
        items.into_iter().filter_map(|item| scalar(item.get())).collect();
    Ok(texts.join("\n"))
}

/// Returns the items of a list.
fn items(json: &str) -> Result<Vec<&RawValue>, BadRecord> {
    let items = first_items(json, limits::ROSTER_LIST + 1).unwrap_or_default();
    if items.len() > limits::ROSTER_LIST { Err(BadRecord::LongList) } else { Ok(items) }
}

/// Sorts the addresses of a list into three columns. Its items are texts (the first is the primary
/// address), or objects as SCIM has them (RFC 7643 §4.1.2) or with `kind` and `address`.
fn emails(json: &str, flat: &mut Vec<(String, Cow<'_, str>)>) -> Result<(), BadRecord> {
    let item = |raw: &RawValue| {
        let is_short = raw.get().len() <= limits::ROSTER_CELL_BYTES;
        let item = is_short.then(|| serde_json::from_str::<Value>(raw.get()).ok()).flatten();
        item.ok_or(BadRecord::LongList)
    };
    let items: Vec<Value> = items(json)?.into_iter().map(item).collect::<Result<_, _>>()?;
    let mut columns = [const { Vec::<String>::new() }; 3];
    let is_marked = |item: &Value| {
        member(item, "primary").is_some_and(|value| *value == Value::Bool(true))
            || kind(item).is_some_and(|kind| kind.eq_ignore_ascii_case("primary"))
    };
    let marked = items.iter().position(is_marked);
    let primary = marked.or_else(|| {
        items
            .iter()
            .position(|item| kind(item).is_none_or(|kind| kind.eq_ignore_ascii_case("work")))
    });
    for (place, item) in items.iter().enumerate() {
        let names = ["value", "address", "email"];
        let address = item.as_str().or_else(|| {
            names.into_iter().find_map(|name| member(item, name)).and_then(Value::as_str)
        });
        let is_personal = kind(item).is_some_and(|kind| {
            ["personal", "home", "other"].into_iter().any(|word| kind.eq_ignore_ascii_case(word))
        });
        let column = match place {
            _ if Some(place) == primary => 0,
            _ if is_personal => 2,
            _ => 1,
        };
        if let (Some(address), Some(column)) = (address, columns.get_mut(column)) {
            column.push(address.to_owned());
        }
    }
    for (name, column) in EMAIL_COLUMNS.into_iter().zip(columns) {
        flat.push((name.to_owned(), column.join("\n").into()));
    }
    Ok(())
}

fn member<'a>(item: &'a Value, name: &str) -> Option<&'a Value> {
    let members = item.as_object()?;
    members.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

fn kind(item: &Value) -> Option<&str> {
    member(item, "kind").or_else(|| member(item, "type"))?.as_str()
}

/// Returns the first `most` items of an array as they are written.
fn first_items(json: &str, most: usize) -> serde_json::Result<Vec<&RawValue>> {
    struct Items(usize);
    impl<'de> Visitor<'de> for Items {
        type Value = Vec<&'de RawValue>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            let mut items = Vec::new();
            while items.len() < self.0
                && let Some(item) = list.next_element()?
            {
                items.push(item);
            }
            while list.next_element::<IgnoredAny>()?.is_some() {}
            Ok(items)
        }
    }
    let mut json = serde_json::Deserializer::from_str(json);
    let items = json.deserialize_seq(Items(most))?;
    json.end()?;
    Ok(items)
}

/// The members of an object in their order, repeated ones included.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(name) = map.next_key::<Name<'de>>()? {
                    // One more than allowed shows that there are too many.
                    if members.len() > limits::ROSTER_COLUMNS {
                        map.next_value::<IgnoredAny>()?;
                    } else {
                        members.push((name.0, map.next_value()?));
                    }
                }
                Ok(Members(members))
            }

            fn visit_unit<E: serde::de::Error>(self) -> Result<Self::Value, E> {
                Err(E::custom("null"))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

/// A name, borrowed where it has no escapes.
struct Name<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Name<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_borrowed_str<E: serde::de::Error>(
                self,
                name: &'de str,
            ) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Borrowed(name)))
            }

            fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Owned(name.to_owned())))
            }
        }
        deserializer.deserialize_str(Text).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Rows = (Vec<String>, Vec<Result<(u64, Vec<String>), BadJson>>);

    fn rows(text: &str) -> Rows {
        let (mut records, names) = Records::open(text, 100, 100).unwrap();
        let mut read = Vec::new();
        let mut cells = Vec::new();
        loop {
            match records.next_row(&mut cells) {
                Ok(None) => return (names, read),
                Ok(Some(line)) => read.push(Ok((line, cells.clone()))),
                Err(bad) => read.push(Err(bad)),
            }
        }
    }

    #[expect(clippy::unnecessary_wraps, reason = "compared with rows that may be bad")]
    fn row(line: u64, cells: &[&str]) -> Result<(u64, Vec<String>), BadJson> {
        Ok((line, cells.iter().map(|cell| (*cell).to_owned()).collect()))
    }

    #[test]
    fn arrays_and_lines_give_the_same_rows() {
        let expected =
            [row(2, &["1", "00123", ""]), row(4, &["12345678901234567890123", "", "true"])];
        let array = "[\n{\"id\":1,\"number\":\"00123\"},\n\n{\"id\":12345678901234567890123,\"number\":null,\"active\":true}]";
        let lines = "\n{\"id\":1,\"number\":\"00123\"}\r\n\r\n{\"id\":12345678901234567890123,\"number\":null,\"active\":true}";
        for text in [array, lines] {
            let (names, read) = rows(text);
            assert_eq!(names, ["id", "number", "active"], "{text}");
            assert_eq!(read, expected, "{text}");
        }
    }

    #[test]
    fn a_list_inside_one_object_is_read() {
        let text = "{\n\"totalResults\":1,\n\"resources\":[\n{\"a\":1}]}";
        assert_eq!(rows(text), (vec!["a".to_owned()], vec![row(4, &["1"])]));
        assert_eq!(rows("{\"a\":1}").1, [row(1, &["1"])]);
    }

    #[test]
    fn a_bad_record_does_not_stop_the_others() {
        let (_, read) = rows("{\"a\":1}\n{\"a\":\n[1]\n{\"a\":1,\"a\":2}\n{\"a\":3}");
        let bad = |line, why| Err(BadJson { line, why });
        assert_eq!(read[0], row(1, &["1"]));
        assert!(matches!(read[1], Err(BadJson { line: 2, why: BadRecord::Syntax(_) })));
        assert_eq!(read[2..4], [bad(3, BadRecord::NotAnObject), bad(4, BadRecord::Twice)]);
        assert_eq!(read[4], row(5, &["3"]));
        assert_eq!(rows("[null, {\"a\":1}]").1[0], bad(1, BadRecord::NotAnObject));
        assert_eq!(Records::open("[{]", 100, 100).unwrap_err().line, 1);
    }

    #[test]
    fn inner_objects_and_lists_of_addresses_become_columns() {
        let text = r#"{"profile":{"login":"a"},"name":{"givenName":"Ida"},"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"Sales","manager":{"value":"7"}},"emails":[{"value":"h@x","type":"home"},{"value":"w@x","type":"work","primary":true},{"value":"SMTP:p@x","type":"proxyAddress"}]}"#;
        let (names, read) = rows(text);
        assert_eq!(
            names,
            [
                "login",
                "name.givenName",
                "department",
                "manager.value",
                "emails.primary",
                "emails.alias",
                "emails.personal"
            ]
        );
        assert_eq!(read, [row(1, &["a", "Ida", "Sales", "7", "w@x", "SMTP:p@x", "h@x"])]);
        let (_, read) = rows(r#"{"emails":["a@x","b@x","c@x"]}"#);
        assert_eq!(read, [row(1, &["a@x", "b@x\nc@x", ""])]);
        let (_, read) = rows(
            r#"{"emails":[{"kind":"alias","address":"b@x"},{"kind":"primary","address":"a@x"}]}"#,
        );
        assert_eq!(read, [row(1, &["a@x", "b@x", ""])]);
    }

    #[test]
    fn rows_columns_and_lists_are_bounded() {
        for text in ["[{},{},{},{},{}]", "{}\n{}\n{}\n{}\n{}", "{\"items\":[0,0,0,0,0]}"] {
            let (records, _) = Records::open(text, 2, 10).unwrap();
            assert_eq!(records.records.len(), 3, "{text}: one more than allowed");
        }
        let opened = Records::open("[{\"a\":1,\"b\":1},\n{\"c\":1}]", 10, 2).unwrap_err();
        assert_eq!(opened, BadJson { line: 2, why: BadRecord::TooManyMembers });
        let members = |count: usize| -> String {
            (0..count).map(|number| format!(",\"m{number}\":null")).collect()
        };
        let record = format!("{{\"a\":1{}}}", members(limits::ROSTER_COLUMNS));
        assert_eq!(rows(&record).1, [Err(BadJson { line: 1, why: BadRecord::TooManyMembers })]);
        let most = limits::ROSTER_LIST;
        for (name, item) in [("groups", "0"), ("emails", "{}")] {
            let list = |count: usize| vec![item; count].join(",");
            let fine = format!("{{\"{name}\":[{}]}}", list(most));
            assert!(rows(&fine).1[0].is_ok(), "{name}");
            let long = format!("{{\"{name}\":[{}]}}", list(most + 1));
            let expected = Err(BadJson { line: 1, why: BadRecord::LongList });
            assert_eq!(rows(&long).1, [expected], "{name}");
        }
    }
}
