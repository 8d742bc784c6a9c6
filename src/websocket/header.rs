//! Parses the header of a client's frame (RFC 6455, section 5.2) and checks every rule that does
//! not depend on earlier frames.

use super::frame::CONTROL_PAYLOAD_BYTES_MAX;
use super::violation::Violation;

/// The longest header: two bytes, eight of length, four of mask.
pub(super) const HEADER_BYTES_MAX: usize = 14;

/// Type of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Continuation,
    Text,
    Binary,
    Close,
    Ping,
    Pong,
}

impl Kind {
    fn is_control(self) -> bool {
        matches!(self, Kind::Close | Kind::Ping | Kind::Pong)
    }
}

/// A complete header of a masked frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub is_final: bool,
    /// The bit RSV1, which only ever means "compressed message" (RFC 7692, section 6).
    pub has_compressed_bit: bool,
    pub kind: Kind,
    /// Announced length in bytes, at most 63 bits.
    pub payload_bytes: u64,
    pub mask: [u8; 4],
}

impl Header {
    /// Parses a header at the front of `bytes`; also returns its length. `None`: more bytes
    /// are needed. Each rule is checked as soon as its bytes have arrived, so a prefix may
    /// already be refused.
    pub fn parse(bytes: &[u8]) -> Result<Option<(Header, usize)>, Violation> {
        let Some((&first, rest)) = bytes.split_first() else {
            return Ok(None);
        };
        if first & 0b0011_0000 != 0 {
            return Err(Violation::ReservedBits);
        }
        let kind = match first & 0x0f {
            0x0 => Kind::Continuation,
            0x1 => Kind::Text,
            0x2 => Kind::Binary,
            0x8 => Kind::Close,
            0x9 => Kind::Ping,
            0xa => Kind::Pong,
            _ => return Err(Violation::OpcodeReserved),
        };
        let is_final = first & 0x80 != 0;
        if kind.is_control() && !is_final {
            return Err(Violation::ControlFragmented);
        }

        let Some((&second, rest)) = rest.split_first() else {
            return Ok(None);
        };
        if second & 0x80 == 0 {
            return Err(Violation::MaskMissing);
        }
        let short = second & 0x7f;
        if kind.is_control() && usize::from(short) > CONTROL_PAYLOAD_BYTES_MAX {
            return Err(Violation::ControlTooLong);
        }

        let (payload_bytes, rest) = match short {
            126 => match rest.split_first_chunk() {
                Some((length, rest)) => (u64::from(u16::from_be_bytes(*length)), rest),
                None => return Ok(None),
            },
            127 => match rest.split_first_chunk() {
                Some((length, rest)) => (u64::from_be_bytes(*length), rest),
                None => return Ok(None),
            },
            _ => (u64::from(short), rest),
        };
        let is_minimal = match short {
            126 => payload_bytes > 125,
            127 => payload_bytes > 0xffff && payload_bytes >> 63 == 0,
            _ => true,
        };
        if !is_minimal {
            return Err(Violation::LengthNotMinimal);
        }

        let Some((mask, rest)) = rest.split_first_chunk() else {
            return Ok(None);
        };
        let header = Header {
            is_final,
            has_compressed_bit: first & 0b0100_0000 != 0,
            kind,
            payload_bytes,
            mask: *mask,
        };
        Ok(Some((header, bytes.len() - rest.len())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_header_is_complete_with_its_last_byte_and_not_before() {
        let headers: [(&[u8], u64); 3] = [
            (b"\x81\xfd\x01\x02\x03\x04", 125),
            (b"\x81\xfe\x00\x7e\x01\x02\x03\x04", 126),
            (b"\x81\xff\x00\x00\x00\x00\x00\x01\x00\x00\x01\x02\x03\x04", 65536),
        ];
        for (bytes, payload_bytes) in headers {
            for end in 0..bytes.len() {
                assert_eq!(Header::parse(&bytes[..end]), Ok(None));
            }
            let expected = Header {
                is_final: true,
                has_compressed_bit: false,
                kind: Kind::Text,
                payload_bytes,
                mask: [1, 2, 3, 4],
            };
            let mut with_payload = bytes.to_vec();
            with_payload.push(b'x');
            assert_eq!(Header::parse(&with_payload), Ok(Some((expected, bytes.len()))));
        }
    }

    #[test]
    fn a_rule_is_judged_as_soon_as_its_bytes_are_there() {
        let broken: [(&[u8], Violation); 11] = [
            (b"\xa1", Violation::ReservedBits),
            (b"\x91", Violation::ReservedBits),
            (b"\x83", Violation::OpcodeReserved),
            (b"\x8b", Violation::OpcodeReserved),
            (b"\x09", Violation::ControlFragmented),
            (b"\x81\x05", Violation::MaskMissing),
            (b"\x88\xfe", Violation::ControlTooLong),
            (b"\x8a\xff", Violation::ControlTooLong),
            (b"\x81\xfe\x00\x7d", Violation::LengthNotMinimal),
            (b"\x81\xff\x00\x00\x00\x00\x00\x00\xff\xff", Violation::LengthNotMinimal),
            (b"\x81\xff\x80\x00\x00\x00\x00\x00\x00\x00", Violation::LengthNotMinimal),
        ];
        for (bytes, violation) in broken {
            assert_eq!(Header::parse(bytes), Err(violation), "{bytes:02x?}");
            assert_eq!(Header::parse(&bytes[..bytes.len() - 1]), Ok(None));
        }
    }
}
