//! Finds the end of a chunked body (RFC 9112 §7.1), with the same state machine as the HTTP
//! library.

/// The position in a chunked body.
#[derive(Default)]
pub struct ChunkFraming {
    position: Chunk,
    /// The number of bytes that are left of the current chunk.
    size: u64,
}

/// The part of a chunked body that the next byte belongs to.
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

/// The result of reading more bytes of a chunked body.
pub enum Chunked {
    /// The body does not end within these bytes.
    GoesOn,
    /// The body ended after this number of bytes.
    Ends(usize),
    /// The library refuses the body.
    Unreadable,
}

impl ChunkFraming {
    /// Reads the next bytes of the body.
    pub fn pass(&mut self, bytes: &[u8]) -> Chunked {
        let mut at = 0;
        while let Some(byte) = bytes.get(at) {
            at += 1;
            self.position = match (self.position, byte) {
                (Chunk::Data, _) => {
                    let step =
                        usize::try_from(self.size).unwrap_or(usize::MAX).min(bytes.len() - at + 1);
                    self.size -= step as u64;
                    at += step - 1;
                    if self.size == 0 { Chunk::DataCr } else { Chunk::Data }
                }
                (Chunk::SizeFirst | Chunk::SizeRest, digit) if digit.is_ascii_hexdigit() => {
                    let before =
                        if matches!(self.position, Chunk::SizeFirst) { 0 } else { self.size };
                    let digit = char::from(*digit).to_digit(16).map(u64::from);
                    let Some(size) =
                        before.checked_mul(16).zip(digit).map(|(size, digit)| size + digit)
                    else {
                        return Chunked::Unreadable;
                    };
                    self.size = size;
                    Chunk::SizeRest
                }
                (Chunk::SizeRest | Chunk::SizeSpace, b'\t' | b' ') => Chunk::SizeSpace,
                (Chunk::SizeRest | Chunk::SizeSpace | Chunk::Extension, b'\r') => Chunk::SizeLf,
                (Chunk::SizeRest | Chunk::SizeSpace, b';')
                | (Chunk::Extension, b'\t' | b' '..=b'~' | 0x80..) => Chunk::Extension,
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
