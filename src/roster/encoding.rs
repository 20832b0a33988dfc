//! The text of a file: which encoding it has, and files that are no text.

use std::borrow::Cow;
use std::fmt;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};
use serde::Serialize;

/// The number of bytes in which UTF-16 without a byte order mark is recognised.
const SAMPLE: usize = 1_024;

/// The first bytes of files that people upload instead of a table, with what they are.
const OTHER_FILES: [(&[u8], &str); 6] = [
    (b"PK\x03\x04", "an Excel workbook or another ZIP archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"%PDF", "a PDF document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"<!DOCTYPE", "a web page"),
    (b"<html", "a web page"),
];

/// The encoding of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum TextEncoding {
    /// UTF-8, with or without a byte order mark.
    #[serde(rename = "UTF-8")]
    Utf8,
    /// UTF-16, little-endian.
    #[serde(rename = "UTF-16LE")]
    Utf16Le,
    /// UTF-16, big-endian.
    #[serde(rename = "UTF-16BE")]
    Utf16Be,
    /// Windows-1252, because the file is not valid UTF-8.
    #[serde(rename = "windows-1252")]
    Windows1252,
}

/// A place in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The line, from 1.
    pub line: usize,
    /// The character in the line, from 1.
    pub character: usize,
}

impl Place {
    /// The place after a text.
    fn after(text: &str) -> Self {
        let line = text.matches('\n').count() + 1;
        let last = text.rsplit('\n').next().unwrap_or_default();
        Self { line, character: last.chars().count() + 1 }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, character {}", self.line, self.character)
    }
}

/// A file that is not text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotText {
    /// The file is empty.
    #[error("the file is empty")]
    Empty,
    /// The file is of another kind.
    #[error("the file is {0}, not a table. Export the people as CSV (UTF-8), JSON or NDJSON")]
    OtherFile(&'static str),
    /// The file has control characters that no text has.
    #[error(
        "the file is binary, not a table: it has a control character in {0}. Export the people as \
         CSV (UTF-8), JSON or NDJSON"
    )]
    Binary(Place),
    /// The file is neither valid UTF-8 nor valid UTF-16.
    #[error(
        "the file begins as UTF-16 and is not valid UTF-16 from {0} on. Export it again as UTF-8"
    )]
    BadUtf16(Place),
}

/// Decodes a file.
///
/// # Errors
/// [`NotText`].
pub fn decode(bytes: &[u8]) -> Result<(Cow<'_, str>, TextEncoding), NotText> {
    let starts = |start: &[u8]| {
        bytes.get(..start.len()).is_some_and(|first| first.eq_ignore_ascii_case(start))
    };
    if let Some((_, what)) = OTHER_FILES.iter().find(|(start, _)| starts(start)) {
        return Err(NotText::OtherFile(what));
    }
    let (text, encoding) = match Encoding::for_bom(bytes) {
        Some((encoding, length)) => {
            let rest = bytes.get(length..).unwrap_or_default();
            decode_as(rest, if encoding == UTF_8 { None } else { Some(encoding) })?
        }
        None => decode_as(bytes, utf_16_without_mark(bytes))?,
    };
    let is_binary = |letter: char| {
        letter.is_control() && !matches!(letter, '\t' | '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}')
    };
    if text.trim().is_empty() {
        return Err(NotText::Empty);
    }
    // Windows-1252 has control characters where Unicode has some, too.
    let binary = text.char_indices().find(|(_, letter)| is_binary(*letter) && *letter < '\u{80}');
    if let Some((at, _)) = binary {
        return Err(NotText::Binary(Place::after(text.get(..at).unwrap_or_default())));
    }
    Ok((text, encoding))
}

/// The first place at which a file is not valid UTF-8; `None` if it is valid.
#[must_use]
pub fn invalid_utf_8(bytes: &[u8]) -> Option<Place> {
    let valid = str::from_utf8(bytes).err()?.valid_up_to();
    str::from_utf8(bytes.get(..valid)?).ok().map(Place::after)
}

/// The first place at which a text is not valid UTF-16.
fn invalid_utf_16(bytes: &[u8], encoding: TextEncoding) -> Place {
    let unit = |pair: &[u8]| match (pair, encoding) {
        ([first, second], TextEncoding::Utf16Be) => u16::from_be_bytes([*first, *second]),
        ([first, second], _) => u16::from_le_bytes([*first, *second]),
        _ => 0,
    };
    let letters = char::decode_utf16(bytes.chunks_exact(2).map(unit));
    let valid: String = letters.map_while(Result::ok).collect();
    Place::after(&valid)
}

/// Decodes UTF-16 if `wide` is given, otherwise UTF-8 or Windows-1252.
fn decode_as<'a>(
    bytes: &'a [u8],
    wide: Option<&'static Encoding>,
) -> Result<(Cow<'a, str>, TextEncoding), NotText> {
    if let Some(wide) = wide {
        let encoding = if wide == UTF_16LE { TextEncoding::Utf16Le } else { TextEncoding::Utf16Be };
        let text = wide.decode_without_bom_handling_and_without_replacement(bytes);
        let invalid = || NotText::BadUtf16(invalid_utf_16(bytes, encoding));
        return text.map(|text| (text, encoding)).ok_or_else(invalid);
    }
    if let Ok(text) = str::from_utf8(bytes) {
        return Ok((text.into(), TextEncoding::Utf8));
    }
    let (text, _) = WINDOWS_1252.decode_without_bom_handling(bytes);
    Ok((text, TextEncoding::Windows1252))
}

/// Recognises UTF-16 by its zero bytes: nearly every second byte of a Western text is one.
fn utf_16_without_mark(bytes: &[u8]) -> Option<&'static Encoding> {
    let sample = bytes.get(..SAMPLE.min(bytes.len()))?;
    let zeros =
        |place: usize| sample.iter().skip(place).step_by(2).filter(|byte| **byte == 0).count();
    let first = zeros(0);
    let second = zeros(1);
    let most = sample.len() / 2 * 9 / 10;
    let is_wide = |many: usize, few: usize| many > 0 && many >= most && few * 10 <= many;
    if is_wide(second, first) {
        Some(UTF_16LE)
    } else if is_wide(first, second) {
        Some(UTF_16BE)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXT: &str = "name;email\nZo\u{eb} \u{17d}i\u{17e};zoe@acme.example\n";

    fn utf_16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn each_encoding_that_spreadsheets_write_is_recognised() {
        let marked = |mark: &[u8], bytes: &[u8]| [mark, bytes].concat();
        let little = utf_16(TEXT, u16::to_le_bytes);
        let big = utf_16(TEXT, u16::to_be_bytes);
        let windows = b"name;email\nZo\xeb \x8ei\x9e;zoe@acme.example\n".to_vec();
        for (bytes, encoding) in [
            (TEXT.as_bytes().to_vec(), TextEncoding::Utf8),
            (marked(b"\xef\xbb\xbf", TEXT.as_bytes()), TextEncoding::Utf8),
            (marked(b"\xff\xfe", &little), TextEncoding::Utf16Le),
            (marked(b"\xfe\xff", &big), TextEncoding::Utf16Be),
            (little, TextEncoding::Utf16Le),
            (big, TextEncoding::Utf16Be),
            (windows, TextEncoding::Windows1252),
        ] {
            assert_eq!(decode(&bytes), Ok((TEXT.into(), encoding)));
        }
    }

    fn place(line: usize, character: usize) -> Place {
        Place { line, character }
    }

    #[test]
    fn the_place_where_utf_8_ends_is_named_by_line_and_character() {
        assert_eq!(invalid_utf_8(TEXT.as_bytes()), None);
        assert_eq!(invalid_utf_8(b"name\nZ\xc3\xb6\xeb,zoe@acme.example\n"), Some(place(2, 3)));
        assert_eq!(place(2, 3).to_string(), "line 2, character 3");
    }

    #[test]
    fn a_binary_file_is_refused_with_its_type() {
        for (bytes, expected) in [
            (&b""[..], NotText::Empty),
            (b"\xef\xbb\xbf \r\n", NotText::Empty),
            (b"PK\x03\x04\x14\0", NotText::OtherFile("an Excel workbook or another ZIP archive")),
            (b"%PDF-1.7", NotText::OtherFile("a PDF document")),
            (b"<!doctype html><p>", NotText::OtherFile("a web page")),
            (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", NotText::Binary(place(2, 1))),
            (b"name,email\nIda,\0ida@acme.example\n", NotText::Binary(place(2, 5))),
            (b"\xff\xfea\0\n\0b\0\0\xd8b\0", NotText::BadUtf16(place(2, 2))),
            (b"\xff\xfea\0b", NotText::BadUtf16(place(1, 2))),
            (b"\xfe\xff\0a\0\n\xdc\0\0b", NotText::BadUtf16(place(2, 1))),
        ] {
            assert_eq!(decode(bytes), Err(expected), "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_decoding_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = decode(&bytes);
        }
    }
}
