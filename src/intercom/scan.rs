//! Counts the list elements of a response while it arrives, so that one with too many is rejected
//! before it is kept. Pure.
//!
//! Follows only the structure of JSON: strings, lists and objects. Does not validate; the parser
//! does that later.

use crate::limits;

/// The state of the scan of one response.
#[derive(Debug, Default)]
pub(super) struct Scan {
    in_text: bool,
    after_backslash: bool,
    /// The number of open lists and objects.
    depth: usize,
    /// Which of the open ones are lists: one bit each, the innermost in the lowest. Beyond 128
    /// levels the outer ones are lost.
    lists: u128,
    entries: usize,
    elements: usize,
}

/// The error for a response with too many elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooMuch {
    /// The limit that was exceeded.
    pub most: usize,
}

impl Scan {
    /// Scans the next bytes.
    ///
    /// # Errors
    /// If the top-level lists of the response have more than [`limits::INTERCOM_ENTRIES`] entries,
    /// or the lists within these more than [`limits::INTERCOM_ELEMENTS`] elements in all.
    pub fn take(&mut self, bytes: &[u8]) -> Result<(), TooMuch> {
        for byte in bytes {
            if self.in_text {
                match byte {
                    _ if self.after_backslash => self.after_backslash = false,
                    b'\\' => self.after_backslash = true,
                    b'"' => self.in_text = false,
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => self.in_text = true,
                b'[' | b'{' => {
                    self.depth += 1;
                    self.lists = self.lists << 1 | u128::from(*byte == b'[');
                }
                b']' | b'}' => {
                    self.depth = self.depth.saturating_sub(1);
                    self.lists >>= 1;
                }
                b',' if self.lists & 1 == 1 => self.count()?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Counts one comma within a list: an element ended and another one follows.
    fn count(&mut self) -> Result<(), TooMuch> {
        // A top-level list is a member of the response's object, so it has depth 2.
        let (count, most) = if self.depth <= 2 {
            (&mut self.entries, limits::INTERCOM_ENTRIES)
        } else {
            (&mut self.elements, limits::INTERCOM_ELEMENTS)
        };
        *count += 1;
        if *count >= most { Err(TooMuch { most }) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scanned(json: &str) -> Scan {
        let mut scan = Scan::default();
        // The scan must not depend on how the text is split.
        for piece in json.as_bytes().chunks(3) {
            scan.take(piece).unwrap();
        }
        scan
    }

    #[test]
    fn elements_of_lists_are_counted_and_contents_of_strings_are_not() {
        let scan = scanned(
            r#"{"a":[{"x":"1,2,[","y":1},{"ids":[1,2,3]},null],"b":"\",[,\\","c":{"d":1,"e":[4,5]}}"#,
        );
        assert_eq!((scan.entries, scan.elements, scan.depth, scan.in_text), (2, 3, 0, false));
        let deep = format!("{}1,2{}", "[".repeat(1_000), "]".repeat(1_000));
        assert_eq!((scanned(&deep).elements, scanned(&deep).depth), (1, 0));
        assert_eq!(scanned("]]}},,\"").depth, 0, "what is not JSON harms nobody");
    }

    #[test]
    fn too_much_is_noticed_while_it_comes() {
        let mut scan = Scan::default();
        scan.take(br#"{"admins":["#).unwrap();
        let piece = "{},".repeat(1_000);
        let taken = (0..limits::INTERCOM_ENTRIES)
            .take_while(|_| scan.take(piece.as_bytes()).is_ok())
            .count();
        assert_eq!(taken, limits::INTERCOM_ENTRIES / 1_000 - 1);

        let mut scan = Scan::default();
        scan.take(br#"{"admins":[{"team_ids":["#).unwrap();
        let piece = "1,".repeat(1_000);
        let taken = (0..limits::INTERCOM_ELEMENTS)
            .take_while(|_| scan.take(piece.as_bytes()).is_ok())
            .count();
        assert_eq!(taken, limits::INTERCOM_ELEMENTS / 1_000 - 1);
    }
}
