//! The regular expression of a location's path, matched against bytes.

use crate::config::PathMatch;
use regex_lite::{Match, Regex, RegexBuilder};
use std::ops::Range;

/// A compiled regular expression, with a fast path for the most common form.
pub(super) struct Expression {
    tail: Option<Tail>,
    engine: Regex,
}

/// An expression like `/sub/(.*)` or `^/sub/(.*)$`, as in nearly every location that the module's
/// users have. A search for the literal matches it, without the regular expression engine.
struct Tail {
    literal: Vec<u8>,
    is_anchored: bool,
}

impl Expression {
    /// Compiles the regular expression of a path. `None`: the path is not a regular expression. (Or
    /// an invalid one, which the configuration's checks refuse.)
    pub(super) fn of(path: &PathMatch) -> Option<Expression> {
        let PathMatch::Regex { pattern, ignores_case } = path else { return None };
        let mut builder = RegexBuilder::new(&latin1(pattern.as_bytes()));
        let engine = builder.case_insensitive(*ignores_case).build().ok()?;
        let tail = if *ignores_case { None } else { Tail::of(pattern) };
        Some(Expression { tail, engine })
    }

    /// The byte ranges of the whole match and of the groups; `None` if the path does not match. A
    /// group that takes no part in the match is empty.
    pub(super) fn captures(&self, path: &[u8]) -> Option<Vec<Range<usize>>> {
        if let Some(tail) = &self.tail {
            let found = tail.captures(path)?;
            // A dot does not match a line feed, so the engine must match such a path.
            if !path.contains(&b'\n') {
                return Some(found.to_vec());
            }
        }
        let text = latin1(path);
        let groups = self.engine.captures(&text)?;
        let byte = |at: usize| text[..at].chars().count();
        let range = |group: Match<'_>| byte(group.start())..byte(group.end());
        Some(groups.iter().map(|group| group.map_or(0..0, range)).collect())
    }
}

impl Tail {
    fn of(pattern: &str) -> Option<Tail> {
        let (is_anchored, rest) = match pattern.strip_prefix('^') {
            Some(rest) => (true, rest),
            None => (false, pattern),
        };
        let rest = rest.strip_suffix('$').unwrap_or(rest);
        let literal = rest.strip_suffix('?').unwrap_or(rest).strip_suffix("(.*)")?;
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_".contains(&byte);
        (!literal.is_empty() && literal.bytes().all(is_plain))
            .then(|| Tail { literal: literal.into(), is_anchored })
    }

    fn captures(&self, path: &[u8]) -> Option<[Range<usize>; 2]> {
        let start = if self.is_anchored {
            path.starts_with(&self.literal).then_some(0)?
        } else {
            memchr::memmem::find(path, &self.literal)?
        };
        Some([start..path.len(), start + self.literal.len()..path.len()])
    }
}

/// Converts bytes to the text that the engine needs, as ISO 8859-1: each byte becomes the character
/// with the same number. Paths may contain any bytes.
fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| char::from(byte)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_way_finds_what_the_engine_finds() {
        let patterns =
            ["/sub/(.*)", "/sub/(.*)?", "^/sub/(.*)$", "^/sub/(.*)", "/sub/(.*)$", "/s(.*)"];
        let paths: [&[u8]; 9] = [
            b"/sub/a",
            b"/sub/",
            b"/x/sub/a/b",
            b"/sub",
            b"/sub/sub/a",
            b"/sub/a\nb",
            b"\n/sub/a",
            b"/sub/\xff\x00",
            b"/",
        ];
        for pattern in patterns {
            let path = PathMatch::Regex { pattern: pattern.to_owned(), ignores_case: false };
            let short = Expression::of(&path).unwrap();
            assert!(short.tail.is_some(), "{pattern}");
            let engine = Expression { tail: None, engine: short.engine.clone() };
            for path in paths {
                assert_eq!(short.captures(path), engine.captures(path), "{pattern} {path:?}");
            }
        }
    }

    #[test]
    fn other_patterns_are_left_to_the_engine() {
        for pattern in ["/sub/(.+)", "/s.b/(.*)", "(/sub/)(.*)", "/sub/(.*)/x", "(.*)", "/a|/(.*)"]
        {
            assert!(Tail::of(pattern).is_none(), "{pattern}");
        }
    }
}
