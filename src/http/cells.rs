//! The members of a row as the cells of a table. A table of many rows is not first made into JSON.

use std::fmt::{self, Display};

use serde::Serialize;
use serde::ser::{Error, Impossible, SerializeStruct, Serializer};

/// One member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// It is not known.
    Empty,
    /// A text.
    Text(String),
    /// Anything else, as JSON has it.
    Other(String),
}

/// The members of a row that have these names, in the order of the names. None where the row has no members.
pub fn cells(row: &impl Serialize, names: &[&str]) -> Option<Vec<Cell>> {
    let cells = vec![Cell::Empty; names.len()];
    row.serialize(OfRow { cells, names, next: 0 }).ok()
}

/// It is no row, or no cell.
#[derive(Debug)]
struct Not;

impl Display for Not {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this cannot be written into a table")
    }
}

impl std::error::Error for Not {}

impl Error for Not {
    fn custom<T: Display>(_: T) -> Self {
        Self
    }
}

/// Refuses what a row, or a cell, is not.
macro_rules! refuse {
    () => {
        type SerializeSeq = Impossible<Self::Ok, Not>;
        type SerializeTuple = Impossible<Self::Ok, Not>;
        type SerializeTupleStruct = Impossible<Self::Ok, Not>;
        type SerializeTupleVariant = Impossible<Self::Ok, Not>;
        type SerializeMap = Impossible<Self::Ok, Not>;
        type SerializeStructVariant = Impossible<Self::Ok, Not>;

        fn serialize_newtype_variant<T: Serialize + ?Sized>(
            self,
            _: &'static str,
            _: u32,
            _: &'static str,
            _: &T,
        ) -> Result<Self::Ok, Not> {
            Err(Not)
        }

        fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq, Not> {
            Err(Not)
        }

        fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, Not> {
            Err(Not)
        }

        fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeTupleStruct, Not> {
            Err(Not)
        }

        fn serialize_tuple_variant(
            self,
            _: &'static str,
            _: u32,
            _: &'static str,
            _: usize,
        ) -> Result<Self::SerializeTupleVariant, Not> {
            Err(Not)
        }

        fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, Not> {
            Err(Not)
        }

        fn serialize_struct_variant(
            self,
            _: &'static str,
            _: u32,
            _: &'static str,
            _: usize,
        ) -> Result<Self::SerializeStructVariant, Not> {
            Err(Not)
        }

        fn serialize_bytes(self, _: &[u8]) -> Result<Self::Ok, Not> {
            Err(Not)
        }
    };
}

/// Refuses values that have no members.
macro_rules! refuse_values {
    ($($name:ident: $kind:ty),+) => {
        $(fn $name(self, _: $kind) -> Result<Self::Ok, Not> {
            Err(Not)
        })+
    };
}

/// Writes values that print as JSON has them.
macro_rules! print_values {
    ($($name:ident: $kind:ty),+) => {
        $(fn $name(self, value: $kind) -> Result<Cell, Not> {
            Ok(Cell::Other(value.to_string()))
        })+
    };
}

struct OfRow<'n> {
    cells: Vec<Cell>,
    names: &'n [&'n str],
    /// Members mostly come in the order of the names.
    next: usize,
}

impl Serializer for OfRow<'_> {
    type Ok = Vec<Cell>;
    type Error = Not;
    type SerializeStruct = Self;

    refuse!();
    refuse_values! {
        serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64, serialize_u8: u8,
        serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_f32: f32, serialize_f64: f64,
        serialize_char: char, serialize_str: &str, serialize_unit_struct: &'static str
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, Not> {
        Ok(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, row: &T) -> Result<Vec<Cell>, Not> {
        row.serialize(self)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, row: &T) -> Result<Vec<Cell>, Not> {
        row.serialize(self)
    }

    fn serialize_none(self) -> Result<Vec<Cell>, Not> {
        Err(Not)
    }

    fn serialize_unit(self) -> Result<Vec<Cell>, Not> {
        Err(Not)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, _: &'static str) -> Result<Vec<Cell>, Not> {
        Err(Not)
    }
}

impl SerializeStruct for OfRow<'_> {
    type Ok = Vec<Cell>;
    type Error = Not;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Not> {
        let expected = self.names.get(self.next).is_some_and(|next| *next == name);
        let place = if expected { Some(self.next) } else { self.names.iter().position(|one| *one == name) };
        if let Some(place) = place {
            // A list in a cell is as JSON has it.
            let json = || serde_json::to_string(value).map(Cell::Other).map_err(|_| Not);
            self.cells[place] = value.serialize(OfCell).or_else(|Not| json())?;
            self.next = place + 1;
        }
        Ok(())
    }

    fn end(self) -> Result<Vec<Cell>, Not> {
        Ok(self.cells)
    }
}

struct OfCell;

impl Serializer for OfCell {
    type Ok = Cell;
    type Error = Not;
    type SerializeStruct = Impossible<Cell, Not>;

    refuse!();
    // Numbers with a point are written by the JSON library.
    refuse_values! { serialize_f32: f32, serialize_f64: f64 }
    print_values! {
        serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64, serialize_u8: u8,
        serialize_u16: u16, serialize_u32: u32, serialize_u64: u64
    }

    fn serialize_char(self, letter: char) -> Result<Cell, Not> {
        Ok(Cell::Text(letter.to_string()))
    }

    fn serialize_str(self, text: &str) -> Result<Cell, Not> {
        Ok(Cell::Text(text.to_owned()))
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, word: &'static str) -> Result<Cell, Not> {
        Ok(Cell::Text(word.to_owned()))
    }

    fn serialize_none(self) -> Result<Cell, Not> {
        Ok(Cell::Empty)
    }

    fn serialize_unit(self) -> Result<Cell, Not> {
        Ok(Cell::Empty)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Cell, Not> {
        Ok(Cell::Empty)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Cell, Not> {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<Cell, Not> {
        value.serialize(self)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeStruct, Not> {
        Err(Not)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    #[derive(Clone, Copy, Debug, Serialize)]
    #[serde(rename_all = "snake_case")]
    enum Word {
        OfTwo,
    }

    #[derive(Clone, Debug, Serialize)]
    struct Row {
        r#type: Word,
        text: String,
        maybe: Option<String>,
        number: i64,
        known: Option<bool>,
        list: Vec<u8>,
        any: Value,
        share: f64,
    }

    proptest! {
        #[test]
        fn cells_are_the_members_as_json_has_them(
            text in ".*", maybe in proptest::option::of(".*"), number in any::<i64>(), known in any::<Option<bool>>(),
            list in proptest::collection::vec(any::<u8>(), 0..3), share in -1e6..1e6,
        ) {
            let row = Row { r#type: Word::OfTwo, text, maybe, number, known, list, any: Value::from(number), share };
            let json = serde_json::to_value(&row).unwrap();
            let names = ["number", "type", "text", "maybe", "share", "known", "list", "any", "absent"];
            let expected: Vec<Cell> = names.iter().map(|name| match &json[*name] {
                Value::Null => Cell::Empty,
                Value::String(text) => Cell::Text(text.clone()),
                other => Cell::Other(other.to_string()),
            }).collect();
            prop_assert_eq!(cells(&row, &names), Some(expected));
        }
    }

    #[test]
    fn what_has_no_members_is_no_row() {
        assert_eq!((cells(&1, &["a"]), cells(&"a", &["a"]), cells(&[1], &["a"])), (None, None, None));
    }
}
