//! Compression of whole messages (RFC 7692 section 7.2), never with a context from an earlier message: so
//! one compressed message serves all subscribers, and an idle connection needs no window.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

/// The end of every flushed message, which is not sent (RFC 7692 section 7.2.1).
const FLUSH_TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];
/// A last, empty block. Reading it proves that the bytes before it ended where a block ends.
const LAST_BLOCK: [u8; 2] = [0x03, 0x00];
/// The first buffer of a decompressed message, if it may be that big.
const INFLATED_BYTES_MIN: usize = 1024;

/// Compresses messages, each on its own. Holds about 300 kB; one serves the whole daemon.
#[derive(Debug)]
pub struct Deflater {
    stream: Compress,
}

impl Default for Deflater {
    fn default() -> Deflater {
        Deflater { stream: Compress::new(Compression::default(), false) }
    }
}

impl Deflater {
    /// The payload of a compressed message, for [`text_deflated`](super::text_deflated). `None`: it would
    /// not be shorter, so the message is better sent plain, which the agreement allows for each message
    /// (RFC 7692 section 6).
    pub fn compress(&mut self, message: &[u8]) -> Option<Vec<u8>> {
        self.stream.reset();
        // Whatever does not fit here is not shorter than the message.
        let mut payload = Vec::with_capacity(message.len() + FLUSH_TAIL.len());
        self.stream.compress_vec(message, &mut payload, FlushCompress::Sync).ok()?;
        // The tail stands only behind a complete flush, but compressed data may look the same: a full
        // buffer says that there is more to come.
        let is_complete = self.stream.total_in() == message.len() as u64
            && payload.len() < payload.capacity()
            && payload.ends_with(&FLUSH_TAIL);
        payload.truncate(payload.len().saturating_sub(FLUSH_TAIL.len()));
        (is_complete && payload.len() < message.len()).then_some(payload)
    }
}

/// Why a compressed message was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InflateError {
    /// It is not what DEFLATE and RFC 7692 section 7.2.1 make of any message.
    Broken,
    /// It decompresses to more bytes than allowed.
    TooBig,
}

/// Decompresses the payload of a whole message, with fragments already joined. Never allocates much more
/// than `bytes_max` for the message, however far the payload would expand.
pub fn inflate(mut payload: Vec<u8>, bytes_max: usize) -> Result<Vec<u8>, InflateError> {
    payload.extend_from_slice(&FLUSH_TAIL);
    payload.extend_from_slice(&LAST_BLOCK);
    let mut rest = payload.as_slice();
    let mut stream = Decompress::new(false);
    let mut message = Vec::new();
    loop {
        if message.len() == message.capacity() {
            // One byte above the limit, so that a message of exactly its size leaves room and ends.
            let capacity =
                (message.capacity() * 2).max(INFLATED_BYTES_MIN).min(bytes_max.saturating_add(1));
            message.reserve_exact(capacity - message.len());
        }
        let taken_before = stream.total_in();
        let status = stream
            .decompress_vec(rest, &mut message, FlushDecompress::None)
            .map_err(|_| InflateError::Broken)?;
        if message.len() > bytes_max {
            return Err(InflateError::TooBig);
        }
        rest = &rest[(stream.total_in() - taken_before) as usize..];
        match status {
            Status::StreamEnd if rest.is_empty() => return Ok(message),
            // A client may mark a block as the last one and go on (RFC 7692 section 7.2.3.4).
            Status::StreamEnd => stream.reset(false),
            Status::Ok | Status::BufError => {
                // Room is left, yet it stopped: it waits for bytes that will never come.
                if message.len() < message.capacity() {
                    return Err(InflateError::Broken);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &[u8] = br#"{"id":1,"channel":"news","text":"Hello Hello Hello Hello","tag":"1"}"#;

    #[test]
    fn a_compressed_message_comes_back() {
        let mut deflater = Deflater::default();
        let large: Vec<u8> =
            (0..300_000_u32).flat_map(|n| (n / 3).to_string().into_bytes()).collect();
        for message in [JSON, &large, &vec![b'x'; 5_000_000]] {
            let payload = deflater.compress(message).expect("it is repetitive");
            assert!(payload.len() < message.len());
            assert!(!payload.ends_with(&FLUSH_TAIL));
            assert!(inflate(payload, message.len()).unwrap() == message);
        }
    }

    #[test]
    fn no_message_depends_on_an_earlier_one() {
        let mut used = Deflater::default();
        let first = used.compress(JSON);
        assert!(first.is_some());
        assert_eq!(used.compress(JSON), first);
        assert_eq!(Deflater::default().compress(JSON), first);
    }

    #[test]
    fn what_does_not_shrink_is_left_plain() {
        let mut deflater = Deflater::default();
        let all_bytes: Vec<u8> = (0..=255).collect();
        for message in [b"".as_slice(), b"Hello", &all_bytes] {
            assert_eq!(deflater.compress(message), None);
        }
    }

    #[test]
    fn the_examples_of_rfc_7692_section_7_2_3_decompress() {
        let examples: [&[u8]; 4] = [
            b"\xf2\x48\xcd\xc9\xc9\x07\x00",
            b"\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00",
            b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00",
            b"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00",
        ];
        for payload in examples {
            assert_eq!(inflate(payload.to_vec(), 5), Ok(b"Hello".to_vec()), "{payload:02x?}");
        }
        assert_eq!(inflate(b"\x00".to_vec(), 0), Ok(Vec::new()));
    }

    #[test]
    fn a_message_goes_on_behind_a_block_that_was_marked_as_the_last() {
        let last = b"\xf3\x48\xcd\xc9\xc9\x07\x00";
        let payload = [last.as_slice(), last, b"\x00"].concat();
        assert_eq!(inflate(payload, 10), Ok(b"HelloHello".to_vec()));
    }

    #[test]
    fn a_message_of_exactly_the_limit_passes_and_one_more_byte_does_not() {
        for length in [1023, 1024, 1025, 100_000] {
            let message = vec![b'x'; length];
            let payload = Deflater::default().compress(&message).unwrap();
            assert_eq!(inflate(payload.clone(), length), Ok(message));
            assert_eq!(inflate(payload, length - 1), Err(InflateError::TooBig));
        }
    }

    #[test]
    fn broken_data_is_refused() {
        let whole = Deflater::default().compress(JSON).unwrap();
        let mut broken: Vec<Vec<u8>> = (0..whole.len()).map(|end| whole[..end].to_vec()).collect();
        broken.push(b"\xff\xff\xff\xff".to_vec());
        broken.push(b"\x00\x05\x00\xfa\xffHel".to_vec());
        for payload in broken {
            assert_eq!(inflate(payload.clone(), 1000), Err(InflateError::Broken), "{payload:02x?}");
        }
    }
}
