//! A serde serialiser that turns the members of a struct into the cells of a table row, without a
//! detour through JSON values.

use std::fmt::{self, Display};

use serde::Serialize;
use serde::ser::{Error, Impossible, SerializeStruct, Serializer};

/// The value of one member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// A null.
    Empty,
    /// A string.
    Text(String),
    /// Anything else, as JSON.
    Other(String),
}

/// The members of `row` with these names, in the order of `names`. A missing member is
/// [`Cell::Empty`]. `None` if `row` does not serialise as a struct.
pub fn cells(row: &impl Serialize, names: &[&str]) -> Option<Vec<Cell>> {
    let cells = vec![Cell::Empty; names.len()];
    row.serialize(RowSerializer { cells, names, next: 0 }).ok()
}

/// The value does not serialise as a row, or not as a cell.
#[derive(Debug)]
struct Unsupported;

impl Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this cannot be written into a table")
    }
}

impl std::error::Error for Unsupported {}

impl Error for Unsupported {
    fn custom<T: Display>(_: T) -> Self {
        Self
    }
}

/// Refuses the types that neither rows nor cells support.
macro_rules! refuse {
    () => {
        type SerializeSeq = Impossible<Self::Ok, Unsupported>;
        type SerializeTuple = Impossible<Self::Ok, Unsupported>;
        type SerializeTupleStruct = Impossible<Self::Ok, Unsupported>;
        type SerializeTupleVariant = Impossible<Self::Ok, Unsupported>;
        type SerializeMap = Impossible<Self::Ok, Unsupported>;
        type SerializeStructVariant = Impossible<Self::Ok, Unsupported>;

        fn serialize_newtype_variant<T: Serialize + ?Sized>(
            self,
            _: &'static str,
            _: u32,
            _: &'static str,
            _: &T,
        ) -> Result<Self::Ok, Unsupported> {
            Err(Unsupported)
        }

        fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq, Unsupported> {
            Err(Unsupported)
        }

        fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, Unsupported> {
            Err(Unsupported)
        }

        fn serialize_tuple_struct(
            self,
            _: &'static str,
            _: usize,
        ) -> Result<Self::SerializeTupleStruct, Unsupported> {
            Err(Unsupported)
        }

        fn serialize_tuple_variant(
            self,
            _: &'static str,
            _: u32,
            _: &'static str,
            _: usize,
        ) -> Result<Self::SerializeTupleVariant, Unsupported> {
            Err(Unsupported)
        }

        fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, Unsupported> {
            Err(Unsupported)
        }

        fn serialize_struct_variant(
            self,
            _: &'static str,
            _: u32,
            _: &'static str,
            _: usize,
        ) -> Result<Self::SerializeStructVariant, Unsupported> {
            Err(Unsupported)
        }

        fn serialize_bytes(self, _: &[u8]) -> Result<Self::Ok, Unsupported> {
            Err(Unsupported)
        }
    };
}

/// Refuses the listed scalar types.
macro_rules! refuse_values {
    ($($name:ident: $kind:ty),+) => {
        $(fn $name(self, _: $kind) -> Result<Self::Ok, Unsupported> {
            Err(Unsupported)
        })+
    };
}

/// Supports the listed scalar types, whose `Display` is their JSON.
macro_rules! print_values {
    ($($name:ident: $kind:ty),+) => {
        $(fn $name(self, value: $kind) -> Result<Cell, Unsupported> {
            Ok(Cell::Other(value.to_string()))
        })+
    };
}

struct RowSerializer<'n> {
    cells: Vec<Cell>,
    names: &'n [&'n str],
    /// The expected position of the next member: members mostly come in the order of `names`.
    next: usize,
}

impl Serializer for RowSerializer<'_> {
    type Ok = Vec<Cell>;
    type Error = Unsupported;
    type SerializeStruct = Self;

    refuse!();
    refuse_values! {
        serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64, serialize_u8: u8,
        serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_f32: f32, serialize_f64: f64,
        serialize_char: char, serialize_str: &str, serialize_unit_struct: &'static str
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, Unsupported> {
        Ok(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        row: &T,
    ) -> Result<Vec<Cell>, Unsupported> {
        row.serialize(self)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, row: &T) -> Result<Vec<Cell>, Unsupported> {
        row.serialize(self)
    }

    fn serialize_none(self) -> Result<Vec<Cell>, Unsupported> {
        Err(Unsupported)
    }

    fn serialize_unit(self) -> Result<Vec<Cell>, Unsupported> {
        Err(Unsupported)
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
    ) -> Result<Vec<Cell>, Unsupported> {
        Err(Unsupported)
    }
}

impl SerializeStruct for RowSerializer<'_> {
    type Ok = Vec<Cell>;
    type Error = Unsupported;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Unsupported> {
        let expected = self.names.get(self.next).is_some_and(|next| *next == name);
        let place =
            if expected { Some(self.next) } else { self.names.iter().position(|one| *one == name) };
        if let Some(place) = place {
            // A list in a cell is written as JSON.
            let json = || serde_json::to_string(value).map(Cell::Other).map_err(|_| Unsupported);
            self.cells[place] = value.serialize(CellSerializer).or_else(|Unsupported| json())?;
            self.next = place + 1;
        }
        Ok(())
    }

    fn end(self) -> Result<Vec<Cell>, Unsupported> {
        Ok(self.cells)
    }
}

struct CellSerializer;

impl Serializer for CellSerializer {
    type Ok = Cell;
    type Error = Unsupported;
    type SerializeStruct = Impossible<Cell, Unsupported>;

    refuse!();
    // Floating-point numbers are left to serde_json, whose format differs from that of `Display`.
    refuse_values! { serialize_f32: f32, serialize_f64: f64 }
    print_values! {
        serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64, serialize_u8: u8,
        serialize_u16: u16, serialize_u32: u32, serialize_u64: u64
    }

    fn serialize_char(self, letter: char) -> Result<Cell, Unsupported> {
        Ok(Cell::Text(letter.to_string()))
    }

    fn serialize_str(self, text: &str) -> Result<Cell, Unsupported> {
        Ok(Cell::Text(text.to_owned()))
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        word: &'static str,
    ) -> Result<Cell, Unsupported> {
        Ok(Cell::Text(word.to_owned()))
    }

    fn serialize_none(self) -> Result<Cell, Unsupported> {
        Ok(Cell::Empty)
    }

    fn serialize_unit(self) -> Result<Cell, Unsupported> {
        Ok(Cell::Empty)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Cell, Unsupported> {
        Ok(Cell::Empty)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Cell, Unsupported> {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<Cell, Unsupported> {
        value.serialize(self)
    }

    fn serialize_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStruct, Unsupported> {
        Err(Unsupported)
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
    fn a_value_without_members_is_not_a_row() {
        assert_eq!(
            (cells(&1, &["a"]), cells(&"a", &["a"]), cells(&[1], &["a"])),
            (None, None, None)
        );
    }
}
