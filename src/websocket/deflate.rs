//! Compression of whole messages (RFC 7692, section 7.2), always without context takeover: one
//! compressed message serves all subscribers, and an idle connection needs no window.

use crate::compression::{Compressor, FLUSH_TAIL, InflateError, Inflater, LAST_BLOCK};

/// Compresses a message into a payload for [`text_deflated`](super::text_deflated). `None`: it
/// would not be shorter, so the message is sent plain, which the extension allows per message (RFC
/// 7692, section 6).
pub fn deflate(message: &[u8], compressor: &mut Compressor) -> Option<Vec<u8>> {
    compressor.flushed_if_shorter(message)
}

/// Decompresses the payload of a whole message, with its fragments already joined. Never allocates
/// much more than `bytes_max` for the message, however large the payload would become.
///
/// # Errors
/// The payload is not DEFLATE as in RFC 7692, section 7.2.1, or the message is larger than allowed.
pub fn inflate(
    mut payload: Vec<u8>,
    bytes_max: usize,
    inflater: &mut Inflater,
) -> Result<Vec<u8>, InflateError> {
    payload.extend_from_slice(&FLUSH_TAIL);
    // Reaching an empty last block proves that the bytes before it ended at the end of a block.
    payload.extend_from_slice(&LAST_BLOCK);
    inflater.inflate(&payload, bytes_max)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deflated(message: &[u8]) -> Option<Vec<u8>> {
        deflate(message, &mut Compressor::default())
    }

    fn inflated(payload: Vec<u8>, bytes_max: usize) -> Result<Vec<u8>, InflateError> {
        inflate(payload, bytes_max, &mut Inflater::default())
    }

    const JSON: &[u8] = br#"{"id":1,"channel":"news","text":"Hello Hello Hello Hello","tag":"1"}"#;

    #[test]
    fn a_compressed_message_comes_back() {
        let large: Vec<u8> =
            (0..300_000_u32).flat_map(|n| (n / 3).to_string().into_bytes()).collect();
        for message in [JSON, &large, &vec![b'x'; 5_000_000]] {
            let payload = deflated(message).expect("it is repetitive");
            assert!(payload.len() < message.len());
            assert!(!payload.ends_with(&FLUSH_TAIL));
            assert!(inflated(payload, message.len()).unwrap() == message);
        }
    }

    #[test]
    fn what_does_not_shrink_is_left_plain() {
        let all_bytes: Vec<u8> = (0..=255).collect();
        for message in [b"".as_slice(), b"Hello", &all_bytes] {
            assert_eq!(deflated(message), None);
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
            assert_eq!(inflated(payload.to_vec(), 5), Ok(b"Hello".to_vec()), "{payload:02x?}");
        }
        assert_eq!(inflated(b"\x00".to_vec(), 0), Ok(Vec::new()));
    }

    #[test]
    fn a_message_goes_on_behind_a_block_that_was_marked_as_the_last() {
        let last = b"\xf3\x48\xcd\xc9\xc9\x07\x00";
        let payload = [last.as_slice(), last, b"\x00"].concat();
        assert_eq!(inflated(payload, 10), Ok(b"HelloHello".to_vec()));
    }

    #[test]
    fn a_message_of_exactly_the_limit_passes_and_one_more_byte_does_not() {
        for length in [1023, 1024, 1025, 100_000] {
            let message = vec![b'x'; length];
            let payload = deflated(&message).unwrap();
            assert_eq!(inflated(payload.clone(), length), Ok(message));
            assert_eq!(inflated(payload, length - 1), Err(InflateError::TooBig));
        }
    }

    #[test]
    fn broken_data_is_refused() {
        let whole = deflated(JSON).unwrap();
        let mut broken: Vec<Vec<u8>> = (0..whole.len()).map(|end| whole[..end].to_vec()).collect();
        broken.push(b"\xff\xff\xff\xff".to_vec());
        broken.push(b"\x00\x05\x00\xfa\xffHel".to_vec());
        for payload in broken {
            assert_eq!(
                inflated(payload.clone(), 1000),
                Err(InflateError::Broken),
                "{payload:02x?}"
            );
        }
    }
}
