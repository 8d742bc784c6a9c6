//! Query arguments, decoded as `application/x-www-form-urlencoded` (URL standard).

use percent_encoding::percent_decode;
use std::borrow::Cow;

/// The query has the same argument more than once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repeated;

/// The value of an argument; `None` if it is absent. Bytes that are not UTF-8 are replaced.
///
/// # Errors
/// The argument is repeated: a proxy and rpushd could use different values.
pub fn argument(query: &str, name: &str) -> Result<Option<String>, Repeated> {
    let mut values = query.split('&').filter_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(key) == name).then(|| decode(value))
    });
    match (values.next(), values.next()) {
        (_, Some(_)) => Err(Repeated),
        (value, None) => Ok(value),
    }
}

fn decode(text: &str) -> String {
    let text: Cow<'_, str> =
        if text.contains('+') { text.replace('+', " ").into() } else { text.into() };
    percent_decode(text.as_bytes()).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_is_decoded_and_given_once() {
        let found = |query: &str| argument(query, "mode");
        for (query, value) in [
            ("", None),
            ("verbose=0", None),
            ("Mode=json", None),
            ("mode", Some("")),
            ("mode=json", Some("json")),
            ("a=mode&mod%65=js%6Fn", Some("json")),
            ("mode=a+b%zz", Some("a b%zz")),
            ("mode=%ff", Some("\u{fffd}")),
        ] {
            assert_eq!(found(query), Ok(value.map(str::to_owned)), "{query}");
        }
        for query in ["mode=json&mode=json", "mode&mode=text", "mode=a&m%6fde=b"] {
            assert_eq!(found(query), Err(Repeated), "{query}");
        }
    }
}
