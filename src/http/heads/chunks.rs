//! Where a chunked body ends (RFC 9112 §7.1): byte by byte as the HTTP library reads it.

/// Where in a chunked body the next byte is.
#[derive(Default)]
pub struct Chunks {
    place: Chunk,
    /// What is left of a chunk.
    size: u64,
}

/// The parts of it.
#[derive(Clone, Copy, Default)]
enum Chunk {
    #[default]
    SizeFirst,
    SizeRest,
    SizeSpace,
    Extension,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    EndCr,
    EndLf,
    Trailer,
    TrailerLf,
}

/// What became of a chunked body.
pub enum Chunked {
    /// It does not end in these bytes.
    GoesOn,
    /// It ended after so many bytes.
    Ends(usize),
    /// The library refuses it.
    Unreadable,
}

impl Chunks {
    /// Looks at what follows the bytes that were looked at before.
    pub fn pass(&mut self, bytes: &[u8]) -> Chunked {
        let mut at = 0;
        while let Some(byte) = bytes.get(at) {
            at += 1;
            self.place = match (self.place, byte) {
                (Chunk::Data, _) => {
                    let step = usize::try_from(self.size).unwrap_or(usize::MAX).min(bytes.len() - at + 1);
                    self.size -= step as u64;
                    at += step - 1;
                    if self.size == 0 { Chunk::DataCr } else { Chunk::Data }
                }
                (Chunk::SizeFirst | Chunk::SizeRest, digit) if digit.is_ascii_hexdigit() => {
                    let before = if matches!(self.place, Chunk::SizeFirst) { 0 } else { self.size };
                    let digit = char::from(*digit).to_digit(16).map(u64::from);
                    let Some(size) = before.checked_mul(16).zip(digit).map(|(size, digit)| size + digit) else {
                        return Chunked::Unreadable;
                    };
                    self.size = size;
                    Chunk::SizeRest
                }
                (Chunk::SizeRest | Chunk::SizeSpace, b'\t' | b' ') => Chunk::SizeSpace,
                (Chunk::SizeRest | Chunk::SizeSpace | Chunk::Extension, b'\r') => Chunk::SizeLf,
                (Chunk::SizeRest | Chunk::SizeSpace, b';') | (Chunk::Extension, b'\t' | b' '..=b'~' | 0x80..) => {
                    Chunk::Extension
                }
                (Chunk::SizeLf, b'\n') if self.size > 0 => Chunk::Data,
                (Chunk::SizeLf | Chunk::TrailerLf, b'\n') => Chunk::EndCr,
                (Chunk::DataCr, b'\r') => Chunk::DataLf,
                (Chunk::DataLf, b'\n') => Chunk::SizeFirst,
                (Chunk::EndCr, b'\r') => Chunk::EndLf,
                (Chunk::EndLf, b'\n') => return Chunked::Ends(at),
                (Chunk::Trailer, b'\r') => Chunk::TrailerLf,
                (Chunk::EndCr | Chunk::Trailer, _) => Chunk::Trailer,
                _ => return Chunked::Unreadable,
            };
        }
        Chunked::GoesOn
    }
}
