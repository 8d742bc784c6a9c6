//! Parses the payload of a client's close frame.

use super::close_code::CloseCode;
use super::violation::Violation;

/// Parses the payload of a close frame: status code, if any, and reason (RFC 6455, section 5.5.1).
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
