//! Parses offers in the header field Sec-WebSocket-Extensions (RFC 6455, section 9.1) and
//! negotiates permessage-deflate (RFC 7692, section 7.1) without context takeover in
//! either direction.

/// The response to an offer that does not name the server's window.
const AGREED: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
/// The response to an offer that names the server's window, which must be confirmed
/// (section 7.1.2.1).
const AGREED_WITH_WINDOW: &str = "permessage-deflate; server_no_context_takeover; \
                                  client_no_context_takeover; server_max_window_bits=15";

/// A header value that violates the grammar of RFC 6455, section 9.1; the handshake fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// The response to the first acceptable offer in `value`, in the client's order of preference. The
/// whole value is checked against the grammar, including what follows that offer.
pub(super) fn negotiate(value: &[u8]) -> Result<Option<&'static str>, Malformed> {
    let mut scanner = Scanner { rest: value };
    let mut agreed = None;
    loop {
        // Empty list elements are allowed (RFC 2616, section 2.1).
        while scanner.takes(b',') {}
        if scanner.rest.is_empty() {
            return Ok(agreed);
        }
        let mut offer = Offer::new(scanner.token()?);
        while scanner.takes(b';') {
            let name = scanner.token()?;
            let value = if scanner.takes(b'=') { Some(scanner.value()?) } else { None };
            offer.parameter(name, value.as_deref());
        }
        if !scanner.rest.is_empty() && !scanner.takes(b',') {
            return Err(Malformed);
        }
        agreed = agreed.or(offer.answer());
    }
}

/// One offered extension while its parameters are parsed.
struct Offer {
    is_acceptable: bool,
    names_server_window: bool,
    /// One bit per parameter seen so far; each is allowed once.
    seen: u8,
}

impl Offer {
    fn new(extension: &[u8]) -> Offer {
        Offer {
            is_acceptable: extension == b"permessage-deflate",
            names_server_window: false,
            seen: 0,
        }
    }

    /// RFC 7692, section 7.1: an offer with an unknown, repeated or invalid parameter is
    /// declined. The compressed messages are shared and use the full window, so an offer of a
    /// smaller one is declined, too. The client's own window may have any size: the inflater
    /// always has the largest one.
    fn parameter(&mut self, name: &[u8], value: Option<&[u8]>) {
        let (bit, is_acceptable) = match name {
            b"server_no_context_takeover" => (1, value.is_none()),
            b"client_no_context_takeover" => (2, value.is_none()),
            b"server_max_window_bits" => {
                self.names_server_window = true;
                (4, value == Some(b"15"))
            }
            b"client_max_window_bits" => (8, value.is_none_or(is_window_bits)),
            _ => (0, false),
        };
        self.is_acceptable &= is_acceptable && self.seen & bit == 0;
        self.seen |= bit;
    }

    fn answer(&self) -> Option<&'static str> {
        let answer = if self.names_server_window { AGREED_WITH_WINDOW } else { AGREED };
        self.is_acceptable.then_some(answer)
    }
}

/// A decimal number from 8 to 15 without leading zeros.
fn is_window_bits(value: &[u8]) -> bool {
    matches!(value, [b'8' | b'9'] | [b'1', b'0'..=b'5'])
}

/// Parses a header value; whitespace between tokens is ignored.
struct Scanner<'a> {
    rest: &'a [u8],
}

impl<'a> Scanner<'a> {
    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_ascii_start();
    }

    /// Consumes the given separator if it is next.
    fn takes(&mut self, separator: u8) -> bool {
        self.skip_blanks();
        match self.rest.split_first() {
            Some((&first, rest)) if first == separator => {
                self.rest = rest;
                self.skip_blanks();
                true
            }
            _ => false,
        }
    }

    fn token(&mut self) -> Result<&'a [u8], Malformed> {
        self.skip_blanks();
        let end =
            self.rest.iter().position(|byte| !is_token_byte(*byte)).unwrap_or(self.rest.len());
        let (token, rest) = self.rest.split_at(end);
        self.rest = rest;
        self.skip_blanks();
        if token.is_empty() { Err(Malformed) } else { Ok(token) }
    }

    /// A token, or a quoted string that contains one.
    fn value(&mut self) -> Result<Vec<u8>, Malformed> {
        let Some((b'"', mut rest)) = self.rest.split_first() else {
            return self.token().map(<[u8]>::to_vec);
        };
        let mut value = Vec::new();
        loop {
            let (byte, after) = match rest {
                [b'"', after @ ..] => {
                    self.rest = after;
                    self.skip_blanks();
                    return if value.is_empty() { Err(Malformed) } else { Ok(value) };
                }
                [b'\\', byte, after @ ..] | [byte, after @ ..] => (*byte, after),
                [] => return Err(Malformed),
            };
            if !is_token_byte(byte) {
                return Err(Malformed);
            }
            value.push(byte);
            rest = after;
        }
    }
}

/// RFC 2616 section 2.2.
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(values: &[&str], expected: Result<Option<&'static str>, Malformed>) {
        for value in values {
            assert_eq!(negotiate(value.as_bytes()), expected, "{value}");
        }
    }

    #[test]
    fn offers_that_can_be_met_are_answered_without_context_takeover() {
        let values = [
            "permessage-deflate",
            " permessage-deflate\t; client_max_window_bits",
            "permessage-deflate; client_max_window_bits=8",
            "permessage-deflate;client_max_window_bits=\"1\\0\" ;server_no_context_takeover",
            "permessage-deflate; client_no_context_takeover; server_no_context_takeover",
            "x-webkit-deflate-frame, permessage-deflate; client_max_window_bits",
            ",,permessage-deflate,",
        ];
        answers(&values, Ok(Some(AGREED)));
    }

    #[test]
    fn the_full_window_of_the_server_is_confirmed_when_it_is_requested() {
        let values = [
            "permessage-deflate; server_max_window_bits=15",
            "permessage-deflate; server_max_window_bits=\"15\"; client_max_window_bits",
        ];
        answers(&values, Ok(Some(AGREED_WITH_WINDOW)));
    }

    #[test]
    fn offers_that_cannot_be_met_are_declined() {
        let values = [
            "",
            "permessage-bzip2",
            "permessage-deflate; server_max_window_bits=10",
            "permessage-deflate; server_max_window_bits=16",
            "permessage-deflate; server_max_window_bits=015",
            "permessage-deflate; server_max_window_bits",
            "permessage-deflate; client_max_window_bits=7",
            "permessage-deflate; client_max_window_bits=16",
            "permessage-deflate; client_max_window_bits=08",
            "permessage-deflate; server_no_context_takeover=1",
            "permessage-deflate; client_no_context_takeover=true",
            "permessage-deflate; client_max_window_bits; client_max_window_bits",
            "permessage-deflate; unknown",
        ];
        answers(&values, Ok(None));
    }

    #[test]
    fn the_next_offer_is_tried_after_a_declined_one() {
        let values = [
            "permessage-deflate; server_max_window_bits=10, permessage-deflate",
            "permessage-deflate; a=\"b\", permessage-deflate; client_max_window_bits, \
             permessage-deflate; server_max_window_bits=15",
        ];
        answers(&values, Ok(Some(AGREED)));
    }

    #[test]
    fn a_grammar_error_anywhere_in_the_value_is_malformed() {
        let values = [
            "permessage-deflate; ",
            "permessage-deflate; =15",
            "permessage-deflate; client_max_window_bits=",
            "permessage-deflate; client_max_window_bits=\"\"",
            "permessage-deflate; client_max_window_bits=\"15",
            "permessage-deflate; client_max_window_bits=\"1 5\"",
            "permessage-deflate; client_max_window_bits=\"15\\",
            "permessage-deflate permessage-deflate",
            "permessage-deflate, ;",
            "permessage-deflate, \"quoted\"",
        ];
        answers(&values, Err(Malformed));
    }
}
