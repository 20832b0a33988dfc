//! Counts what an answer holds while it comes, so that one with too much in it is given up before it is kept. Pure.
//!
//! Only the structure of JSON is followed: texts, lists and objects. Whether it is JSON at all is for those who read it.

use crate::limits;

/// What has come of an answer.
#[derive(Debug, Default)]
pub(super) struct Scan {
    in_text: bool,
    after_backslash: bool,
    /// How many lists and objects are open.
    depth: usize,
    /// Which of them are lists, the innermost in the lowest bit; of more than 128 the inner ones.
    lists: u128,
    entries: usize,
    elements: usize,
}

/// An answer has too much in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooMuch {
    /// So many elements of a list are the most.
    pub most: usize,
}

impl Scan {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// When a list of the answer has more than [`limits::INTERCOM_ENTRIES`] entries, or the lists in these have more than
    /// [`limits::INTERCOM_ELEMENTS`] elements in all.
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

    /// An element of a list has ended, and there is another one.
    fn count(&mut self) -> Result<(), TooMuch> {
        // The lists of the answer are members of the object that it is.
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
        // In any pieces.
        for piece in json.as_bytes().chunks(3) {
            scan.take(piece).unwrap();
        }
        scan
    }

    #[test]
    fn elements_of_lists_are_counted_and_what_is_in_texts_is_not() {
        let scan = scanned(r#"{"a":[{"x":"1,2,[","y":1},{"ids":[1,2,3]},null],"b":"\",[,\\","c":{"d":1,"e":[4,5]}}"#);
        assert_eq!((scan.entries, scan.elements, scan.depth, scan.in_text), (2, 3, 0, false));
        let deep = format!("{}1,2{}", "[".repeat(1_000), "]".repeat(1_000));
        assert_eq!((scanned(&deep).elements, scanned(&deep).depth), (1, 0));
        assert_eq!(scanned("]]}},,\"").depth, 0, "what is no JSON harms nobody");
    }

    #[test]
    fn too_much_is_noticed_while_it_comes() {
        let mut scan = Scan::default();
        scan.take(br#"{"admins":["#).unwrap();
        let piece = "{},".repeat(1_000);
        let taken = (0..limits::INTERCOM_ENTRIES).take_while(|_| scan.take(piece.as_bytes()).is_ok()).count();
        assert_eq!(taken, limits::INTERCOM_ENTRIES / 1_000 - 1);

        let mut scan = Scan::default();
        scan.take(br#"{"admins":[{"team_ids":["#).unwrap();
        let piece = "1,".repeat(1_000);
        let taken = (0..limits::INTERCOM_ELEMENTS).take_while(|_| scan.take(piece.as_bytes()).is_ok()).count();
        assert_eq!(taken, limits::INTERCOM_ELEMENTS / 1_000 - 1);
    }
}
