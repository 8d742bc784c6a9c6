//! JSON bodies of requests.

use super::refusal::Refusal;
use serde::de::{DeserializeSeed, IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::error::Category;
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

/// The deepest nesting of arrays and objects in a message; deeper ones are refused.
const DEPTH_MAX: usize = 126;

const TOO_DEEP: Refusal = Refusal::bad_request("the message is nested too deeply\n");

/// Why a JSON body is refused.
pub(super) enum BadBody {
    /// It is not well-formed JSON.
    Syntax,
    /// It is well-formed JSON, but not the expected object.
    Shape,
}

/// Parses a JSON object into a type. Refuses an array in its place, which serde would accept.
pub(super) fn parse_object<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, BadBody> {
    let text = std::str::from_utf8(body).map_err(|_| BadBody::Syntax)?;
    let is_object = text.trim_start_matches([' ', '\t', '\r', '\n']).starts_with('{');
    let parsed = if is_object { serde_json::from_str(text).ok() } else { None };
    parsed.ok_or_else(|| {
        // serde stops at a wrong shape, so there may be a syntax error behind it.
        match serde_json::from_str::<IgnoredAny>(text) {
            Ok(_) => BadBody::Shape,
            Err(_) => BadBody::Syntax,
        }
    })
}

/// Parses a JSON array. Elements after the first `count_max` are only checked to be well-formed, so
/// that a long array of small elements does not become much longer in memory.
pub(super) fn parse_array<'a, T: Deserialize<'a>>(
    body: &'a [u8],
    count_max: usize,
) -> Result<Vec<T>, BadBody> {
    let text = std::str::from_utf8(body).map_err(|_| BadBody::Syntax)?;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let first = First { count_max, element: PhantomData };
    let parsed = first.deserialize(&mut deserializer).and_then(|elements| {
        deserializer.end()?;
        Ok(elements)
    });
    parsed.map_err(|error| match error.classify() {
        Category::Data => BadBody::Shape,
        Category::Io | Category::Syntax | Category::Eof => BadBody::Syntax,
    })
}

/// The first elements of an array.
struct First<T> {
    count_max: usize,
    element: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for First<T> {
    type Value = Vec<T>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<T>, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for First<T> {
    type Value = Vec<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Vec<T>, A::Error> {
        let mut elements = Vec::new();
        while elements.len() < self.count_max {
            match array.next_element()? {
                Some(element) => elements.push(element),
                None => return Ok(elements),
            }
        }
        while array.next_element::<IgnoredAny>()?.is_some() {}
        Ok(elements)
    }
}

/// Removes insignificant whitespace from valid JSON and keeps all other bytes as published.
///
/// # Errors
/// The text is nested deeper than [`DEPTH_MAX`].
pub(super) fn compact(text: &str) -> Result<Cow<'_, [u8]>, Refusal> {
    let bytes = text.as_bytes();
    let mut kept: Option<Vec<u8>> = None;
    let (mut depth, mut at, mut copied) = (0, 0, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'"' => at = end_of_string(bytes, at),
            b'[' | b'{' => {
                depth += 1;
                if depth > DEPTH_MAX {
                    return Err(TOO_DEEP);
                }
                at += 1;
            }
            b']' | b'}' => {
                depth -= 1;
                at += 1;
            }
            b' ' | b'\t' | b'\r' | b'\n' => {
                kept.get_or_insert_default().extend_from_slice(&bytes[copied..at]);
                at += 1;
                copied = at;
            }
            _ => at += 1,
        }
    }
    Ok(match kept {
        None => Cow::Borrowed(bytes),
        Some(mut kept) => {
            kept.extend_from_slice(&bytes[copied..]);
            Cow::Owned(kept)
        }
    })
}

/// The position after the JSON string that starts at `start`.
fn end_of_string(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(offset) = memchr::memchr2(b'"', b'\\', &bytes[at.min(bytes.len())..]) {
        at += offset;
        if bytes[at] == b'"' {
            return at + 1;
        }
        at += 2;
    }
    bytes.len()
}
