//! Chunks of bodies of unknown length (RFC 9112, section 7.1).

use super::find;

/// A chunk with this data; the last chunk if it is empty.
pub fn chunk(data: impl AsRef<[u8]>) -> Vec<u8> {
    let data = data.as_ref();
    [format!("{:x}\r\n", data.len()).as_bytes(), data, b"\r\n"].concat()
}

/// Removes the first chunk, if it is complete, and returns its data, which is empty for the last
/// one.
pub fn take_chunk(buffer: &mut Vec<u8>) -> Option<Vec<u8>> {
    let line = find(buffer, b"\r\n")?;
    let digits = std::str::from_utf8(&buffer[..line]).expect("a chunk size is ASCII");
    let size = usize::from_str_radix(digits, 16).expect("a chunk size is hexadecimal");
    let end = line + 2 + size;
    if buffer.len() < end + 2 {
        return None;
    }
    assert_eq!(buffer[end..end + 2], *b"\r\n", "a chunk ends with its line");
    let data = buffer[line + 2..end].to_vec();
    buffer.drain(..end + 2);
    Some(data)
}

/// The data of a complete chunked body.
pub fn unchunked(body: &[u8]) -> Vec<u8> {
    let mut left = body.to_vec();
    let mut whole = Vec::new();
    loop {
        let data = take_chunk(&mut left).expect("a body has a last chunk");
        if data.is_empty() {
            assert_eq!(left, b"", "nothing comes behind the last chunk");
            return whole;
        }
        whole.extend_from_slice(&data);
    }
}

/// The data of complete chunks; the last chunk may be missing.
pub fn data_of_chunks(chunks: &[u8]) -> Vec<u8> {
    let mut left = chunks.to_vec();
    let mut whole = Vec::new();
    while !left.is_empty() {
        whole.extend(take_chunk(&mut left).expect("no chunk is cut off"));
    }
    whole
}
