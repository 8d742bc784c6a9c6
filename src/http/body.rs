//! Reads a request's body, length-delimited or chunked (RFC 9112, sections 6 and 7), in
//! slices of any size.

/// How a request's body is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Content-Length; 0 without the field.
    Length(u64),
    /// Chunked transfer coding.
    Chunked,
}

/// The chunk framing is broken: the end of the body is unknown, so the connection cannot be reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyError;

/// Maximum bytes of chunk extensions and trailer fields, which are dropped.
const OVERHEAD_BYTES_MAX: u32 = 8 * 1024;

/// Separates the data of a body from its framing.
#[derive(Debug)]
pub struct BodyReader(State);

#[derive(Debug)]
enum State {
    Length { remaining: u64 },
    Chunked { position: Position, overhead: u32 },
    Complete,
}

/// Where in the chunked coding the next byte is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Position {
    Size {
        size: u64,
        digits: u8,
    },
    /// Whitespace after the size: only an extension may follow.
    BlankAfterSize {
        size: u64,
    },
    Extension {
        size: u64,
    },
    SizeLineFeed {
        size: u64,
    },
    Data {
        remaining: u64,
    },
    DataReturn,
    DataLineFeed,
    TrailerStart,
    TrailerName,
    TrailerValue,
    TrailerLineFeed,
    LastLineFeed,
}

/// The result of one call of [`BodyReader::next`].
#[derive(Debug, PartialEq, Eq)]
pub struct Step<'a> {
    /// Bytes of the input that belong to the body or its framing.
    pub consumed: usize,
    /// A piece of the body's data; may be empty.
    pub data: &'a [u8],
}

impl BodyReader {
    /// A reader at the start of the body.
    pub fn new(framing: Framing) -> BodyReader {
        BodyReader(match framing {
            Framing::Length(0) => State::Complete,
            Framing::Length(remaining) => State::Length { remaining },
            Framing::Chunked => {
                State::Chunked { position: Position::Size { size: 0, digits: 0 }, overhead: 0 }
            }
        })
    }

    /// Whether the end of the body has been read.
    pub fn is_complete(&self) -> bool {
        matches!(self.0, State::Complete)
    }

    /// Consumes bytes from the start of `input` and returns at most one piece of data. To be called
    /// until nothing is consumed or the body is complete.
    ///
    /// # Errors
    /// The chunk framing is broken.
    pub fn next<'a>(&mut self, input: &'a [u8]) -> Result<Step<'a>, BodyError> {
        match &mut self.0 {
            State::Complete => Ok(Step { consumed: 0, data: &[] }),
            State::Length { remaining } => {
                let taken = input.len().min(usize::try_from(*remaining).unwrap_or(usize::MAX));
                *remaining -= taken as u64;
                if *remaining == 0 {
                    self.0 = State::Complete;
                }
                Ok(Step { consumed: taken, data: &input[..taken] })
            }
            State::Chunked { position, overhead } => {
                let mut at = 0;
                while at < input.len() {
                    if let Position::Data { remaining } = position {
                        let available = &input[at..];
                        let taken =
                            available.len().min(usize::try_from(*remaining).unwrap_or(usize::MAX));
                        *remaining -= taken as u64;
                        if *remaining == 0 {
                            *position = Position::DataReturn;
                        }
                        return Ok(Step { consumed: at + taken, data: &available[..taken] });
                    }
                    let Some(next) = position.after(input[at])? else {
                        self.0 = State::Complete;
                        return Ok(Step { consumed: at + 1, data: &[] });
                    };
                    if next.is_overhead() {
                        *overhead += 1;
                        if *overhead > OVERHEAD_BYTES_MAX {
                            return Err(BodyError);
                        }
                    }
                    *position = next;
                    at += 1;
                }
                Ok(Step { consumed: at, data: &[] })
            }
        }
    }
}

impl Position {
    fn is_overhead(self) -> bool {
        matches!(
            self,
            Position::BlankAfterSize { .. }
                | Position::Extension { .. }
                | Position::TrailerName
                | Position::TrailerValue
        )
    }

    /// The position after this byte of framing; `None`: the body is complete.
    fn after(self, byte: u8) -> Result<Option<Position>, BodyError> {
        let next = match (self, byte) {
            (Position::Size { size, digits }, _) if byte.is_ascii_hexdigit() => {
                // 15 digits are enough for any body and cannot overflow.
                if digits == 15 {
                    return Err(BodyError);
                }
                let digit = char::from(byte).to_digit(16).ok_or(BodyError)?;
                Position::Size { size: size * 16 + u64::from(digit), digits: digits + 1 }
            }
            (Position::Size { digits: 0, .. }, _) => return Err(BodyError),
            (Position::Size { size, .. } | Position::BlankAfterSize { size }, b';') => {
                Position::Extension { size }
            }
            (Position::Size { size, .. } | Position::BlankAfterSize { size }, b' ' | b'\t') => {
                Position::BlankAfterSize { size }
            }
            (Position::Size { size, .. } | Position::Extension { size }, b'\r') => {
                Position::SizeLineFeed { size }
            }
            (Position::Extension { size }, _) if is_text(byte) => Position::Extension { size },
            (Position::SizeLineFeed { size: 0 }, b'\n') => Position::TrailerStart,
            (Position::SizeLineFeed { size }, b'\n') => Position::Data { remaining: size },
            (Position::DataReturn, b'\r') => Position::DataLineFeed,
            (Position::DataLineFeed, b'\n') => Position::Size { size: 0, digits: 0 },
            (Position::TrailerStart, b'\r') => Position::LastLineFeed,
            (Position::TrailerStart | Position::TrailerName, _) if is_name(byte) => {
                Position::TrailerName
            }
            (Position::TrailerName, b':') => Position::TrailerValue,
            (Position::TrailerValue, b'\r') => Position::TrailerLineFeed,
            (Position::TrailerValue, _) if is_text(byte) => Position::TrailerValue,
            (Position::TrailerLineFeed, b'\n') => Position::TrailerStart,
            (Position::LastLineFeed, b'\n') => return Ok(None),
            _ => return Err(BodyError),
        };
        Ok(Some(next))
    }
}

/// A space, a tab, or a visible or non-ASCII byte.
fn is_text(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The body and the position after it, read in slices of the given size.
    fn read(framing: Framing, input: &[u8], slice: usize) -> Result<(Vec<u8>, usize), BodyError> {
        let (mut reader, mut body, mut at) = (BodyReader::new(framing), Vec::new(), 0);
        while at < input.len() && !reader.is_complete() {
            let end = (at + slice).min(input.len());
            let step = reader.next(&input[at..end])?;
            body.extend_from_slice(step.data);
            at += step.consumed;
        }
        if reader.is_complete() { Ok((body, at)) } else { Ok((body, usize::MAX)) }
    }

    #[test]
    fn bodies_are_read_in_slices_of_any_size() {
        let chunked =
            b"5\r\nhello\r\n00A ; x=\"y\"\r\n0123456789\r\n0\r\nTrailer: gone\r\n\r\nNEXT";
        for slice in 1..chunked.len() {
            let (body, end) = read(Framing::Chunked, chunked, slice).unwrap();
            assert_eq!((&body[..], &chunked[end..]), (&b"hello0123456789"[..], &b"NEXT"[..]));
            assert_eq!(read(Framing::Length(3), b"abcd", slice), Ok((b"abc".to_vec(), 3)));
        }
        assert!(BodyReader::new(Framing::Length(0)).is_complete());
        assert_eq!(read(Framing::Chunked, b"0\r\n\r\n", 1), Ok((Vec::new(), 5)));
    }

    #[test]
    fn broken_chunk_framing_is_refused() {
        let broken: [&[u8]; 19] = [
            b"\r\n",
            b"x\r\n",
            b"-1\r\n",
            b"+1\r\n",
            b"0x1\r\n",
            b" 1\r\n",
            b"1 \r\na\r\n0\r\n\r\n",
            b"1\na\r\n",
            b"1;\n",
            b"1;a\0\r\n",
            b"1\ra",
            b"1\r\nab\r\n",
            b"1\r\na\n",
            b"1\r\na\rb",
            b"0\r\n \r\n\r\n",
            b"0\r\nname only\r\n\r\n",
            b"0\r\nname: \0\r\n\r\n",
            b"0\r\nname: a\n\r\n",
            b"1000000000000000\r\n",
        ];
        for input in broken {
            assert_eq!(read(Framing::Chunked, input, 1), Err(BodyError), "{input:?}");
            assert_eq!(read(Framing::Chunked, input, 99), Err(BodyError), "{input:?}");
        }
    }

    #[test]
    fn endless_extensions_and_trailers_are_refused() {
        let extension = [b"1;".to_vec(), vec![b'a'; 10_000]].concat();
        assert_eq!(read(Framing::Chunked, &extension, 100), Err(BodyError));
        let trailers = [b"0\r\n".to_vec(), b"a: b\r\n".repeat(3000)].concat();
        assert_eq!(read(Framing::Chunked, &trailers, 100), Err(BodyError));
    }
}
