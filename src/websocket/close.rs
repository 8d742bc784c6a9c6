//! Status codes of close frames, and the payload of a client's close frame taken apart.

use super::violation::Violation;

/// A status code as it stands in a close frame (RFC 6455 section 7.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CloseCode(pub u16);

impl CloseCode {
    /// The purpose of the connection is fulfilled.
    pub const NORMAL: CloseCode = CloseCode(1000);
    /// The server goes down, or the client leaves the page.
    pub const GOING_AWAY: CloseCode = CloseCode(1001);
    /// The peer broke the framing rules.
    pub const PROTOCOL_ERROR: CloseCode = CloseCode(1002);
    /// A kind of data that the receiver does not take, such as a binary message.
    pub const UNSUPPORTED: CloseCode = CloseCode(1003);
    /// The content of a message is not what its type promises, such as text that is not UTF-8.
    pub const INVALID_PAYLOAD: CloseCode = CloseCode(1007);
    /// The receiver's policy forbids it; failed checks of push-stream section 15.4.
    pub const POLICY: CloseCode = CloseCode(1008);
    /// A message is bigger than the receiver takes.
    pub const TOO_BIG: CloseCode = CloseCode(1009);
    /// The server has no room for a request at the moment (IANA registry).
    pub const TRY_AGAIN_LATER: CloseCode = CloseCode(1013);

    /// Whether the code may stand in a frame: those of RFC 6455 section 7.4.1 that are not reserved, the
    /// later ones of the IANA registry (1012 to 1014), and the ranges for libraries and applications.
    pub fn is_sendable(self) -> bool {
        matches!(self.0, 1000..=1003 | 1007..=1014 | 3000..=4999)
    }
}

/// Takes the payload of a close frame apart: status code, if any, and reason (RFC 6455 section 5.5.1).
pub(super) fn parse_payload(payload: &[u8]) -> Result<(Option<CloseCode>, String), Violation> {
    let (code, reason) = match payload {
        [] => return Ok((None, String::new())),
        [_] => return Err(Violation::CloseTruncated),
        [high, low, reason @ ..] => (CloseCode(u16::from_be_bytes([*high, *low])), reason),
    };
    if !code.is_sendable() {
        return Err(Violation::CloseCodeInvalid);
    }
    match std::str::from_utf8(reason) {
        Ok(reason) => Ok((Some(code), reason.to_owned())),
        Err(_) => Err(Violation::TextNotUtf8),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_the_codes_that_may_be_sent_are_taken() {
        let taken: Vec<u16> =
            (0..=u16::MAX).filter(|code| parse_payload(&code.to_be_bytes()).is_ok()).collect();
        let expected: Vec<u16> = (1000..=1003).chain(1007..=1014).chain(3000..=4999).collect();
        assert_eq!(taken, expected);
    }

    #[test]
    fn a_refused_code_is_named_as_such() {
        assert_eq!(parse_payload(b"\x03\xedreason"), Err(Violation::CloseCodeInvalid));
    }
}
