//! Variable strings: text with `$name`, `${name}` and `$1`, evaluated per request (push-stream
//! spec, sections 2.1 and 4.4).

use std::borrow::Cow;

/// The values of a request for variables, whose names are given without `$`.
pub trait RequestVariables {
    /// Capture group of the location's regular expression; blank if there is none.
    fn capture(&self, group: usize) -> &[u8];
    /// `arg_NAME`: the raw (not decoded) value of the query argument; blank if there is none.
    fn argument(&self, name: &str) -> &[u8];
    /// `http_NAME`: a request header field, the name in lower case with `_` for `-`; blank if there
    /// is none.
    fn header(&self, name: &str) -> &[u8];
    /// `uri`: the decoded path.
    fn path(&self) -> &[u8];
    /// `args`, `query_string`: the raw query.
    fn query(&self) -> &[u8];
}

/// A compiled variable string. Two are equal if their sources are.
#[derive(Clone, Debug)]
pub struct VariableString {
    source: String,
    parts: Vec<Part>,
}

#[derive(Clone, Debug)]
enum Part {
    Text(Vec<u8>),
    Capture(usize),
    Argument(String),
    Header(String),
    Path,
    Query,
}

impl PartialEq for VariableString {
    fn eq(&self, other: &VariableString) -> bool {
        self.source == other.source
    }
}

impl VariableString {
    /// Compiles a source text. The error names the unknown variable.
    pub fn parse(source: &str) -> Result<VariableString, String> {
        let mut parts = Vec::new();
        let mut text = Vec::new();
        let mut rest = source;
        while let Some(at) = rest.find('$') {
            text.extend_from_slice(&rest.as_bytes()[..at]);
            let after = &rest[at + 1..];
            let (name, tail) = split_name(after)
                .ok_or_else(|| format!("invalid variable name in \"{source}\""))?;
            if !text.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut text)));
            }
            parts
                .push(Part::from_name(name).ok_or_else(|| format!("unknown \"{name}\" variable"))?);
            rest = tail;
        }
        text.extend_from_slice(rest.as_bytes());
        if !text.is_empty() {
            parts.push(Part::Text(text));
        }
        Ok(VariableString { source: source.to_owned(), parts })
    }

    /// The source text.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The value, if it is the same for all requests.
    pub fn constant(&self) -> Option<Vec<u8>> {
        match self.parts.as_slice() {
            [] => Some(Vec::new()),
            [Part::Text(text)] => Some(decode(Cow::Borrowed(text)).into_owned()),
            _ => None,
        }
    }

    /// The value for a request, percent-decoded once as in the module (section 4.4). `+` and broken
    /// escapes are kept. Everything after the first `?` is cut off, unless nothing up to it was
    /// escaped: then the whole value is kept undecoded.
    pub fn evaluate<'a>(&'a self, request: &'a dyn RequestVariables) -> Cow<'a, [u8]> {
        decode(self.evaluate_raw(request))
    }

    /// The value before decoding, which conditions compare.
    pub fn evaluate_raw<'a>(&'a self, request: &'a dyn RequestVariables) -> Cow<'a, [u8]> {
        let value = |part: &'a Part| match part {
            Part::Text(text) => text,
            Part::Capture(group) => request.capture(*group),
            Part::Argument(name) => request.argument(name),
            Part::Header(name) => request.header(name),
            Part::Path => request.path(),
            Part::Query => request.query(),
        };
        match self.parts.as_slice() {
            [part] => Cow::Borrowed(value(part)),
            parts => Cow::Owned(parts.iter().map(value).collect::<Vec<_>>().concat()),
        }
    }
}

impl Part {
    fn from_name(name: &str) -> Option<Part> {
        if name.bytes().all(|byte| byte.is_ascii_digit()) {
            return name.parse().ok().map(Part::Capture);
        }
        if let Some(argument) = name.strip_prefix("arg_") {
            return Some(Part::Argument(argument.to_owned()));
        }
        if let Some(header) = name.strip_prefix("http_") {
            return Some(Part::Header(header.to_ascii_lowercase()));
        }
        match name {
            "uri" | "document_uri" => Some(Part::Path),
            "args" | "query_string" => Some(Part::Query),
            _ => None,
        }
    }
}

/// Splits the text after a `$` into the name (digits, a word, or either in braces) and what follows
/// it.
fn split_name(after: &str) -> Option<(&str, &str)> {
    if let Some(inner) = after.strip_prefix('{') {
        let end = inner.find('}')?;
        return (end > 0).then(|| (&inner[..end], &inner[end + 1..]));
    }
    let is_group = after.starts_with(|first: char| first.is_ascii_digit());
    let end = after
        .find(|letter: char| {
            if is_group {
                !letter.is_ascii_digit()
            } else {
                !(letter.is_ascii_alphanumeric() || letter == '_')
            }
        })
        .unwrap_or(after.len());
    (end > 0).then(|| after.split_at(end))
}

/// Decodes like nginx's ngx_unescape_uri: a question mark, escaped or not, is the last byte taken.
/// The module uses the result only if it is shorter than the text that was read.
fn decode(value: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    if !value.iter().any(|byte| matches!(byte, b'%' | b'?')) {
        return value;
    }
    let mut decoded = Vec::with_capacity(value.len());
    let mut at = 0;
    while at < value.len() {
        let escaped = match value[at..] {
            [b'%', high, low, ..] => hex_digit(high).zip(hex_digit(low)),
            _ => None,
        };
        let (byte, width) = match escaped {
            Some((high, low)) => (high << 4 | low, 3),
            None => (value[at], 1),
        };
        decoded.push(byte);
        at += width;
        if byte == b'?' {
            if decoded.len() == at {
                return value;
            }
            break;
        }
    }
    Cow::Owned(decoded)
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Request;

    impl RequestVariables for Request {
        fn capture(&self, group: usize) -> &[u8] {
            if group == 1 { b"a%2Fb" } else { b"" }
        }
        fn argument(&self, name: &str) -> &[u8] {
            match name {
                "id" => b"dd%2Fee%20f+g%3Fh",
                "bad" => b"%zz%4",
                "raw" => b"a?b.b1%20",
                "late" => b"a%20b?c",
                _ => b"",
            }
        }
        fn header(&self, name: &str) -> &[u8] {
            if name == "x_agent" { b"curl" } else { b"" }
        }
        fn path(&self) -> &[u8] {
            b"/sub/x"
        }
        fn query(&self) -> &[u8] {
            b"id=1"
        }
    }

    fn evaluated(source: &str) -> String {
        let string = VariableString::parse(source).unwrap();
        String::from_utf8(string.evaluate(&Request).into_owned()).unwrap()
    }

    #[test]
    fn names_braces_groups_and_text_are_joined() {
        assert_eq!(evaluated("test_$1"), "test_a/b");
        assert_eq!(evaluated("${1}0/$http_x_agent$uri"), "a/b0/curl/sub/x");
        assert_eq!(evaluated("$arg_none"), "");
    }

    #[test]
    fn values_are_decoded_once_and_end_at_a_question_mark() {
        assert_eq!(evaluated("$arg_id"), "dd/ee f+g?");
        assert_eq!(evaluated("$arg_late"), "a b?");
        assert_eq!(evaluated("$arg_bad"), "%zz%4");
    }

    #[test]
    fn a_value_with_a_question_mark_before_any_escape_stays_as_it_is() {
        assert_eq!(evaluated("$arg_raw"), "a?b.b1%20");
    }

    #[test]
    fn unknown_and_broken_names_are_refused() {
        assert_eq!(VariableString::parse("a$nope").unwrap_err(), "unknown \"nope\" variable");
        assert!(VariableString::parse("a$").is_err());
        assert!(VariableString::parse("a${1").is_err());
    }
}
