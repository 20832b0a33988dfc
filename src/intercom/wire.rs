//! Intercom's JSON, read field by field.
//!
//! No response is deserialised as a whole: one unreadable field of one record must not hide the
//! others. A field is [`Absent`](Field::Absent), [`Null`](Field::Null), a [`Value`](Field::Value),
//! or [`Unreadable`](Field::Unreadable); [`super::vet`] decides what follows from that. Unknown
//! fields and words are ignored.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::limits;

/// The text of a response.
#[derive(Debug)]
pub(super) struct Text {
    /// The text. Each invalid UTF-8 byte is replaced by U+FFFD.
    pub text: String,
    /// Whether there was an invalid byte. If so, a string that contains U+FFFD is unreadable.
    pub lossy: bool,
}

/// The outcome of reading one field of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Field<T> {
    /// The field is missing or empty.
    Absent,
    /// The field is null. For some fields this is a value; for others Intercom does not document
    /// it.
    Null,
    /// The value, of the expected type.
    Value(T),
    /// A value of another type, too long, or with an unpaired surrogate.
    Unreadable,
}

impl<T> Field<T> {
    /// Returns the value, if there is one.
    pub fn value(self) -> Option<T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Null | Self::Unreadable => None,
        }
    }

    /// Treats null as unreadable: Intercom documents a value for this field.
    pub fn not_null(self) -> Self {
        if matches!(self, Self::Null) { Self::Unreadable } else { self }
    }

    /// Whether the field is unreadable.
    pub fn is_unreadable(&self) -> bool {
        matches!(self, Self::Unreadable)
    }

    /// Parses the value further.
    pub fn and_then<U>(self, read: impl FnOnce(T) -> Field<U>) -> Field<U> {
        match self {
            Self::Value(value) => read(value),
            Self::Absent => Field::Absent,
            Self::Null => Field::Null,
            Self::Unreadable => Field::Unreadable,
        }
    }
}

/// A JSON object. If a name occurs twice, the last field counts, as in most JSON libraries.
#[derive(Debug, Default)]
pub(super) struct Object<'a> {
    members: Vec<(Cow<'a, [u8]>, &'a RawValue)>,
    lossy: bool,
}

impl<'a> Object<'a> {
    /// Parses a response that is an object.
    ///
    /// # Errors
    /// The error of serde_json, which tells whether the text is not JSON or no object.
    pub fn parse(text: &'a Text) -> Result<Self, serde_json::Error> {
        let mut object: Self = serde_json::from_str(&text.text)?;
        object.lossy = text.lossy;
        Ok(object)
    }

    /// Parses a value as an object, if it is one.
    pub fn from_raw(raw: &'a RawValue, lossy: bool) -> Option<Self> {
        let object: Self = serde_json::from_str(raw.get()).ok()?;
        Some(Self { lossy, ..object })
    }

    /// Whether the response had bytes that are not UTF-8.
    pub fn lossy(&self) -> bool {
        self.lossy
    }

    /// Returns the JSON of the field with this name, ignoring case, `_` and `-`.
    pub fn raw_of_word(&self, name: &str) -> Option<&'a RawValue> {
        let same = |member: &[u8]| letters(member).eq(letters(name.as_bytes()));
        self.members.iter().rev().find(|(member, _)| same(member)).map(|(_, raw)| *raw)
    }

    /// Returns the JSON of a field, if it exists.
    pub fn raw(&self, name: &str) -> Option<&'a RawValue> {
        self.members
            .iter()
            .rev()
            .find(|(member, _)| **member == *name.as_bytes())
            .map(|(_, raw)| *raw)
    }

    fn field<T>(&self, name: &str, read: impl FnOnce(&'a RawValue) -> Field<T>) -> Field<T> {
        match self.raw(name) {
            None => Field::Absent,
            Some(raw) if raw.get() == "null" => Field::Null,
            Some(raw) => read(raw),
        }
    }

    /// Reads a string of at most `most` bytes. It is trimmed; a string that is empty then is
    /// absent.
    pub fn text(&self, name: &str, most: usize) -> Field<String> {
        self.field(name, |raw| match text_of(raw, self.lossy, most) {
            // RFC 7643 §2.5: null, empty and absent are one state; so is a text of spaces.
            Some(text) if text.is_empty() => Field::Absent,
            Some(text) => Field::Value(text),
            None => Field::Unreadable,
        })
    }

    /// Reads a boolean.
    pub fn flag(&self, name: &str) -> Field<bool> {
        self.field(name, |raw| match raw.get() {
            "true" => Field::Value(true),
            "false" => Field::Value(false),
            _ => Field::Unreadable,
        })
    }

    /// Reads a whole number. Intercom writes some of them as strings.
    pub fn integer(&self, name: &str) -> Field<i64> {
        self.field(name, |raw| integer(raw).map_or(Field::Unreadable, Field::Value))
    }

    /// Reads an id: a string or a whole number, see [`id_of`].
    pub fn id(&self, name: &str) -> Field<String> {
        self.field(name, |raw| id_of(raw).map_or(Field::Unreadable, Field::Value))
    }

    /// Reads an object.
    pub fn object(&self, name: &str) -> Field<Object<'a>> {
        self.field(name, |raw| {
            Self::from_raw(raw, self.lossy).map_or(Field::Unreadable, Field::Value)
        })
    }

    /// Reads a list.
    pub fn list(&self, name: &str) -> Field<Vec<&'a RawValue>> {
        self.field(name, |raw| match serde_json::from_str(raw.get()) {
            Ok(Entries(entries)) => Field::Value(entries),
            Err(_) => Field::Unreadable,
        })
    }

    /// Reads a list of ids.
    pub fn ids(&self, name: &str) -> Field<Ids> {
        self.list(name).and_then(|entries| {
            // [`Entries`] drops the rest of a longer list.
            let mut ids = Ids {
                unreadable: usize::from(entries.len() > limits::INTERCOM_ENTRIES),
                ..Ids::default()
            };
            for entry in entries {
                match id_of(entry) {
                    // Intercom may write 0 for nobody.
                    Some(id) if id == "0" => {}
                    Some(id) => ids.ids.push(id),
                    None => ids.unreadable += 1,
                }
            }
            Field::Value(ids)
        })
    }
}

/// A list of ids, as far as it could be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ids {
    /// The readable ids.
    pub ids: Vec<String>,
    /// The number of entries that are not ids.
    pub unreadable: usize,
}

/// Whether a text can be an Intercom id. Ids become part of paths and of SCIM ids, so only letters,
/// digits, `-` and `_` are allowed.
pub(super) fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// Parses an id, which Intercom writes as a string in some places and as a whole number in others.
pub(super) fn id_of(raw: &RawValue) -> Option<String> {
    let id = match raw.get().as_bytes().first()? {
        b'"' => text_of(raw, false, 64)?,
        // A number with a fraction or an exponent is not an id.
        b'0'..=b'9' if raw.get().bytes().all(|digit| digit.is_ascii_digit()) => {
            raw.get().to_owned()
        }
        _ => return None,
    };
    is_id(&id).then_some(id)
}

/// Parses a string of at most `most` bytes and trims it. NUL is removed: it means nothing in a
/// name, and PostgreSQL cannot store it.
pub(super) fn text_of(raw: &RawValue, lossy: bool, most: usize) -> Option<String> {
    let json = raw.get();
    // An escaped character takes up to six bytes.
    if !json.starts_with('"') || json.len() > most.saturating_mul(6).saturating_add(2) {
        return None;
    }
    let bytes = serde_json::from_str::<Bytes>(json).ok()?.0;
    let text = std::str::from_utf8(&bytes).ok()?;
    if lossy && text.contains(char::REPLACEMENT_CHARACTER) {
        return None;
    }
    let text =
        if text.contains('\0') { Cow::Owned(text.replace('\0', "")) } else { Cow::Borrowed(text) };
    let text = text.trim();
    (text.len() <= most).then(|| text.to_owned())
}

/// Parses a whole number; also one that is written as a string or with a fraction of zero.
pub(super) fn integer(raw: &RawValue) -> Option<i64> {
    let text = match raw.get().as_bytes().first()? {
        b'"' => text_of(raw, false, 32)?,
        b'-' | b'0'..=b'9' => raw.get().to_owned(),
        _ => return None,
    };
    let whole = text.split_once('.').map_or(text.as_str(), |(whole, fraction)| {
        if !fraction.is_empty() && fraction.bytes().all(|digit| digit == b'0') { whole } else { "" }
    });
    whole.parse().ok()
}

fn letters(word: &[u8]) -> impl Iterator<Item = u8> + '_ {
    word.iter().filter(|letter| !matches!(letter, b'_' | b'-')).map(u8::to_ascii_lowercase)
}

/// Parses any JSON, with unpaired surrogates replaced by U+FFFD. For the metadata of log entries,
/// which are stored unchanged otherwise. `None` if it is larger than
/// [`limits::INTERCOM_METADATA_BYTES`].
pub(super) fn value_of(raw: &RawValue) -> Option<Value> {
    (raw.get().len() <= limits::INTERCOM_METADATA_BYTES).then_some(())?;
    serde_json::from_str(raw.get())
        .or_else(|_| serde_json::from_str(&whole_characters(raw.get())))
        .ok()
}

/// Removes NUL from all strings of the value: it means nothing in a text, and PostgreSQL cannot
/// store it.
pub(super) fn without_nul(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(text.replace('\0', "")),
        Value::Array(values) => values.into_iter().map(without_nul).collect(),
        Value::Object(members) => members
            .into_iter()
            .map(|(name, value)| (name.replace('\0', ""), without_nul(value)))
            .collect(),
        other => other,
    }
}

/// Replaces each escaped half of a surrogate pair that stands alone.
fn whole_characters(json: &str) -> String {
    let unit = |at: usize| {
        json.get(at..at + 6)?.strip_prefix("\\u").and_then(|hex| u16::from_str_radix(hex, 16).ok())
    };
    let mut mended = String::with_capacity(json.len());
    let mut at = 0;
    while let Some(found) = json.get(at..).and_then(|rest| rest.find('\\')) {
        mended.push_str(&json[at..at + found]);
        at += found;
        let take = match (unit(at), unit(at + 6)) {
            (Some(0xD800..0xDC00), Some(0xDC00..0xE000)) => 12,
            (Some(0xD800..0xE000), _) => {
                mended.push_str("\\ufffd");
                at += 6;
                continue;
            }
            (Some(_), _) => 6,
            // Another escape sequence: two bytes, both ASCII, because the JSON was parsed before.
            (None, _) => 2,
        };
        let end = (at + take).min(json.len());
        mended.push_str(json.get(at..end).unwrap_or_default());
        at = end;
    }
    mended.push_str(json.get(at..).unwrap_or_default());
    mended
}

/// Parses a response that is a list, and returns the JSON of each entry, at most one more than
/// [`limits::INTERCOM_ENTRIES`].
///
/// # Errors
/// The error of serde_json, which tells whether the text is not JSON or no list.
pub(super) fn entries(text: &Text) -> Result<Vec<&RawValue>, serde_json::Error> {
    serde_json::from_str(&text.text).map(|Entries(entries)| entries)
}

/// The entries of a list, at most one more than [`limits::INTERCOM_ENTRIES`].
struct Entries<'a>(Vec<&'a RawValue>);

impl<'de> Deserialize<'de> for Entries<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = Entries<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Entries<'de>, A::Error> {
                let mut entries = Vec::new();
                while entries.len() <= limits::INTERCOM_ENTRIES {
                    match list.next_element()? {
                        Some(entry) => entries.push(entry),
                        None => return Ok(Entries(entries)),
                    }
                }
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_seq(List)
    }
}

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(Bytes(name)) = map.next_key()? {
                    if members.len() < limits::INTERCOM_MEMBERS {
                        members.push((name, map.next_value()?));
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(Object { members, lossy: false })
            }
        }
        deserializer.deserialize_map(Members)
    }
}

/// A JSON string as bytes. serde_json accepts an unpaired surrogate in this form and refuses it in
/// a `str`.
struct Bytes<'a>(Cow<'a, [u8]>);

impl<'de> Deserialize<'de> for Bytes<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextBytes;
        impl<'de> Visitor<'de> for TextBytes {
            type Value = Bytes<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_borrowed_bytes<E: de::Error>(self, bytes: &'de [u8]) -> Result<Bytes<'de>, E> {
                Ok(Bytes(Cow::Borrowed(bytes)))
            }

            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Bytes<'de>, E> {
                Ok(Bytes(Cow::Owned(bytes.to_owned())))
            }

            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Bytes<'de>, E> {
                Ok(Bytes(Cow::Borrowed(text.as_bytes())))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Bytes<'de>, E> {
                Ok(Bytes(Cow::Owned(text.as_bytes().to_owned())))
            }
        }
        deserializer.deserialize_bytes(TextBytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(json: &str) -> Text {
        Text { text: json.to_owned(), lossy: false }
    }

    #[test]
    fn one_member_that_cannot_be_read_hides_no_other() {
        let answer = text(
            r#"{"name":"\ud83d","email":"a@b.c","seat":"yes","n":"12","f":7.0,"x":{},"id":7,"id":8,"\ud83d":1}"#,
        );
        let object = Object::parse(&answer).unwrap();
        assert_eq!(object.text("name", 100), Field::Unreadable);
        assert_eq!(object.text("email", 100), Field::Value("a@b.c".to_owned()));
        assert_eq!(object.text("email", 3), Field::Unreadable, "too long");
        assert_eq!(object.flag("seat"), Field::Unreadable);
        assert_eq!((object.integer("n"), object.integer("f")), (Field::Value(12), Field::Value(7)));
        assert_eq!(object.integer("x"), Field::Unreadable);
        assert_eq!(object.id("id"), Field::Value("8".to_owned()), "the last one counts");
        assert_eq!(object.text("nothing", 100), Field::Absent);
    }

    #[test]
    fn an_id_is_a_text_or_a_whole_number_that_can_stand_in_a_path() {
        let answer = text(
            r#"{"ids":["1",2,0,"a_b-C",7.0,1e3,-5,null,true,{},[3],"../me","1?x","","99999999999999999999",99999999999999999999]}"#,
        );
        let ids = Object::parse(&answer).unwrap().ids("ids").value().unwrap();
        assert_eq!(ids.ids, ["1", "2", "a_b-C", "99999999999999999999", "99999999999999999999"]);
        assert_eq!(ids.unreadable, 10);
    }

    #[test]
    fn details_of_a_log_entry_keep_everything_but_half_a_character() {
        let details = |json: &str| {
            value_of(serde_json::from_str(json).unwrap()).map(|value| value.to_string())
        };
        assert_eq!(
            details(r#"{"a":"x\ud83d y","b":"\ud83d\ude00","c":"\\ud83d","d":"\udc00"}"#).unwrap(),
            "{\"a\":\"x\u{fffd} y\",\"b\":\"😀\",\"c\":\"\\\\ud83d\",\"d\":\"\u{fffd}\"}"
        );
        assert_eq!(details(&format!("\"{}\"", "x".repeat(limits::INTERCOM_METADATA_BYTES))), None);
    }
}
