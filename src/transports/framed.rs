//! The rpushd API's frames: a two-byte big-endian length and that many bytes of payload; length 0
//! is a heartbeat (rpushd spec, section 5.2).

/// The frame without payload.
pub const HEARTBEAT: &[u8] = &[0, 0];

/// Appends one frame. Returns false and appends nothing if the payload is too long for
/// the length field.
pub fn write(payload: &[u8], out: &mut Vec<u8>) -> bool {
    let Ok(length) = u16::try_from(payload.len()) else { return false };
    out.reserve(2 + payload.len());
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(payload);
    true
}
