//! Any bytes as a request's body. The first byte chooses the framing and how the rest is sliced.
//! However it is sliced, the body, its end and its faults are the same; they are those of a decoder
//! that has everything at once; and no body is larger than what arrived of it.
#![no_main]

#[path = "../slices.rs"]
mod slices;

use libfuzzer_sys::fuzz_target;
use rpushd::http::{BodyError, BodyReader, Framing};
use slices::slices;

/// Chunk extensions and trailers of inputs up to this size are within the reader's own limit for
/// them.
const INPUT_BYTES_MAX: usize = 8 * 1024;

/// A body, and where it ended, if it did.
type Outcome = Result<(Vec<u8>, Option<usize>), BodyError>;

fn read<'a>(framing: Framing, slices: impl Iterator<Item = &'a [u8]>) -> Outcome {
    let (mut reader, mut body, mut consumed) = (BodyReader::new(framing), Vec::new(), 0);
    for mut slice in slices {
        while !slice.is_empty() && !reader.is_complete() {
            let step = reader.next(slice)?;
            assert!(0 < step.consumed && step.consumed <= slice.len(), "it goes on, within bounds");
            let (taken, rest) = slice.split_at(step.consumed);
            let is_of_input = step.data.is_empty() || taken.ends_with(step.data);
            assert!(is_of_input, "data are the last of the bytes that were taken");
            body.extend_from_slice(step.data);
            consumed += step.consumed;
            slice = rest;
        }
    }
    assert!(body.len() <= consumed, "a body is not larger than what arrived");
    Ok((body, reader.is_complete().then_some(consumed)))
}

/// A complete chunked body and its length as sent (RFC 9112, section 7.1). None: incomplete or
/// broken.
fn decode(input: &[u8]) -> Option<(Vec<u8>, usize)> {
    let (mut body, mut rest) = (Vec::new(), input);
    loop {
        let line = take_line(&mut rest)?;
        let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        let (size, extension) = line.split_at(digits);
        let blanks = extension.iter().take_while(|byte| b" \t".contains(byte)).count();
        match extension[blanks..].split_first() {
            None if blanks == 0 => {}
            Some((b';', text)) if text.iter().all(is_text) => {}
            _ => return None,
        }
        let size = std::str::from_utf8(size).ok().filter(|size| size.len() <= 15)?;
        let size = usize::from_str_radix(size, 16).ok()?;
        if size == 0 {
            break;
        }
        body.extend_from_slice(rest.split_off(..size)?);
        rest = rest.strip_prefix(b"\r\n")?;
    }
    loop {
        let line = take_line(&mut rest)?;
        if line.is_empty() {
            return Some((body, input.len() - rest.len()));
        }
        let colon = line.iter().position(|byte| *byte == b':').filter(|colon| *colon > 0)?;
        let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
        if !line[..colon].iter().all(is_name) || !line[colon..].iter().all(is_text) {
            return None;
        }
    }
}

fn take_line<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let end = rest.windows(2).position(|two| two == b"\r\n")?;
    let line = rest.split_off(..end)?;
    *rest = &rest[2..];
    Some(line)
}

fn is_text(byte: &u8) -> bool {
    *byte == b'\t' || (*byte >= b' ' && *byte != 0x7f)
}

/// The body in chunks of this many bytes.
fn encode(body: &[u8], chunk_bytes: usize) -> Vec<u8> {
    let mut encoded = Vec::new();
    for chunk in body.chunks(chunk_bytes) {
        encoded.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
        encoded.extend_from_slice(chunk);
        encoded.extend_from_slice(b"\r\n");
    }
    encoded.extend_from_slice(b"0\r\n\r\n");
    encoded
}

fuzz_target!(|data: &[u8]| {
    let Some((&choice, input)) = data.split_first() else { return };
    let framing = match choice % 4 {
        0 => Framing::Length(u64::from(choice >> 2)),
        _ => Framing::Chunked,
    };
    let at_once = read(framing, [input].into_iter());
    assert_eq!(read(framing, input.chunks(1)), at_once, "one by one");
    assert_eq!(read(framing, slices(input, choice)), at_once, "sliced");
    match framing {
        Framing::Length(length) => {
            let length = length as usize;
            let body = input[..length.min(input.len())].to_vec();
            assert_eq!(at_once, Ok((body, (length <= input.len()).then_some(length))));
        }
        Framing::Chunked if input.len() <= INPUT_BYTES_MAX => {
            let complete = at_once.ok().and_then(|(body, end)| Some((body, end?)));
            assert_eq!(complete, decode(input), "as decoded at once");
        }
        Framing::Chunked => {}
    }
    let encoded = encode(input, 1 + usize::from(choice));
    let whole = Ok((input.to_vec(), Some(encoded.len())));
    assert_eq!(read(Framing::Chunked, slices(&encoded, choice)), whole, "a body comes back");
});
