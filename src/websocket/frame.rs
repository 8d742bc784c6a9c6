//! Frames written by the server (push-stream section 15.2): never masked, never fragmented,
//! with the shortest form of the length. A frame is encoded once per message and shared by
//! all subscribers.

use super::close_code::CloseCode;

/// The longest payload of a close, ping or pong frame (RFC 6455 section 5.5).
pub const CONTROL_PAYLOAD_BYTES_MAX: usize = 125;
/// A ping without payload.
pub const PING_EMPTY: [u8; 2] = [PING, 0];
/// A close frame without status code.
pub const CLOSE_EMPTY: [u8; 2] = [CLOSE, 0];

const TEXT: u8 = 0x81;
const TEXT_DEFLATED: u8 = 0xc1;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;
const PONG: u8 = 0x8a;

/// A text frame with `payload`, which is not checked as UTF-8.
pub fn text(payload: &[u8]) -> Vec<u8> {
    encode(TEXT, payload)
}

/// A text frame with the output of [`deflate`](super::deflate()); only for connections that have
/// negotiated permessage-deflate.
pub fn text_deflated(payload: &[u8]) -> Vec<u8> {
    encode(TEXT_DEFLATED, payload)
}

/// The response to a ping, with its payload (RFC 6455, section 5.5.3). A ping's payload has at most
/// [`CONTROL_PAYLOAD_BYTES_MAX`] bytes; longer ones are truncated.
pub fn pong(payload: &[u8]) -> Vec<u8> {
    encode(PONG, &payload[..payload.len().min(CONTROL_PAYLOAD_BYTES_MAX)])
}

/// Whether a frame of this module is a pong.
pub fn is_pong(frame: &[u8]) -> bool {
    frame.first() == Some(&PONG)
}

/// A close frame with a status code and a reason. A control frame has room for a reason of 123
/// bytes; longer ones are truncated at a character boundary.
pub fn close(code: CloseCode, reason: &str) -> Vec<u8> {
    let code = code.0.to_be_bytes();
    let mut end = reason.len().min(CONTROL_PAYLOAD_BYTES_MAX - code.len());
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    let mut payload = Vec::with_capacity(code.len() + end);
    payload.extend_from_slice(&code);
    payload.extend_from_slice(&reason.as_bytes()[..end]);
    encode(CLOSE, &payload)
}

fn encode(first: u8, payload: &[u8]) -> Vec<u8> {
    const HEADER_BYTES_MAX: usize = 10;
    let mut frame = Vec::with_capacity(HEADER_BYTES_MAX + payload.len());
    frame.push(first);
    let length = payload.len();
    if length <= 125 {
        frame.push(length as u8);
    } else if length <= 0xffff {
        frame.push(126);
        frame.extend_from_slice(&(length as u16).to_be_bytes());
    } else {
        frame.push(127);
        frame.extend_from_slice(&(length as u64).to_be_bytes());
    }
    frame.extend_from_slice(payload);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_written_in_their_shortest_form() {
        let expected: [(usize, &[u8]); 6] = [
            (0, b"\x81\x00"),
            (125, b"\x81\x7d"),
            (126, b"\x81\x7e\x00\x7e"),
            (256, b"\x81\x7e\x01\x00"),
            (65535, b"\x81\x7e\xff\xff"),
            (65536, b"\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"),
        ];
        for (length, header) in expected {
            let payload = vec![b'x'; length];
            assert_eq!(text(&payload), [header, &payload].concat());
        }
    }

    #[test]
    fn a_pong_returns_the_payload_of_the_ping() {
        assert_eq!(pong(b""), b"\x8a\x00");
        assert_eq!(pong(b"Hello"), b"\x8a\x05Hello");
        assert_eq!(pong(&[b'x'; 126]), [b"\x8a\x7d", &[b'x'; 125][..]].concat());
    }

    #[test]
    fn a_close_frame_carries_code_and_reason() {
        let reason = r#"{"http_status": 403, "explain":"Subscriber could not create channels."}"#;
        assert_eq!(
            close(CloseCode::POLICY, reason),
            [b"\x88\x49\x03\xf0", reason.as_bytes()].concat()
        );
        assert_eq!(close(CloseCode::NORMAL, ""), b"\x88\x02\x03\xe8");
    }

    #[test]
    fn a_reason_that_does_not_fit_is_cut_between_characters() {
        let reason = format!("{}é", "x".repeat(122));
        assert_eq!(
            close(CloseCode::NORMAL, &reason),
            [b"\x88\x7c\x03\xe8", &[b'x'; 122][..]].concat()
        );
    }
}
