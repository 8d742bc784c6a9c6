//! `POST /api/stream/{channel}`: path segment and body -> a channel and a token (rpushd spec,
//! section 5).

use super::publish::{Fault, parse_object};
use super::{Refusal, is_channel_name};
use serde::Deserialize;
use std::borrow::Cow;

const NOT_A_SUBSCRIPTION: Refusal =
    Refusal::unprocessable("the body must be an object with a string \"token\", once\n");

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    token: Cow<'a, str>,
}

/// The channel of a raw path segment, percent-decoded once.
///
/// # Errors
/// 400: a bad escape, an encoded slash, or not a channel's name.
pub fn channel(segment: &str) -> Result<String, Refusal> {
    let mut decoded = Vec::with_capacity(segment.len());
    let mut bytes = segment.bytes();
    while let Some(byte) = bytes.next() {
        let mut digit = || char::from(bytes.next()?).to_digit(16);
        decoded.push(match byte {
            b'%' => match digit().zip(digit()) {
                Some((high, low)) => (high << 4 | low) as u8,
                None => return Err(Refusal::bad_request("a broken escape in the path\n")),
            },
            _ => byte,
        });
    }
    let name = String::from_utf8(decoded).map_err(|_| Refusal::BAD_CHANNEL)?;
    if is_channel_name(name.as_bytes()) { Ok(name) } else { Err(Refusal::BAD_CHANNEL) }
}

/// The token in a body.
///
/// # Errors
/// 400 or 422, with a text that says what is wrong.
pub fn token(body: &[u8]) -> Result<Cow<'_, str>, Refusal> {
    match parse_object::<Body<'_>>(body) {
        Ok(body) => Ok(body.token),
        Err(Fault::Syntax) => Err(Refusal::BAD_JSON),
        Err(Fault::Shape) => Err(NOT_A_SUBSCRIPTION),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_is_decoded_once() {
        assert_eq!(channel("a%3Ab%2d").unwrap(), "a:b-");
        for bad in ["a%2Fb", "a%253A", "a%", "a%4", "a%zz", "%00", "%c3%a4", "%ff", "a+b"] {
            assert_eq!(channel(bad).unwrap_err().status.0, 400, "{bad}");
        }
        assert_eq!(channel(&"%61".repeat(191)).unwrap().len(), 191);
        assert!(channel(&"a".repeat(192)).is_err());
    }

    #[test]
    fn a_body_carries_one_token() {
        assert_eq!(token(br#"{"token":"x.y.z","other":[]}"#).unwrap(), "x.y.z");
        let status = |body: &str| token(body.as_bytes()).unwrap_err().status.0;
        assert_eq!((status("{"), status("[\"x\"]"), status("{}")), (400, 422, 422));
        assert_eq!(status(r#"{"token":"x","token":"x"}"#), 422);
        assert_eq!(status(r#"{"token":1}"#), 422);
    }
}
