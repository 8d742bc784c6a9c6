//! The regular expression of a location, matched against bytes.

use crate::config::PathMatch;
use regex_lite::{Match, Regex, RegexBuilder};
use std::ops::Range;

/// A compiled expression.
pub(super) struct Expression {
    tail: Option<Tail>,
    engine: Regex,
}

/// `/sub/(.*)` or `^/sub/(.*)$`: what nearly every location of the module's users looks like, and
/// what is found without the engine.
struct Tail {
    literal: Vec<u8>,
    is_anchored: bool,
}

impl Expression {
    /// Compiles a path's expression. None: it is not one, or is broken, which the configuration's
    /// own checks have refused.
    pub(super) fn of(path: &PathMatch) -> Option<Expression> {
        let PathMatch::Regex { pattern, ignores_case } = path else { return None };
        let mut builder = RegexBuilder::new(&latin(pattern.as_bytes()));
        let engine = builder.case_insensitive(*ignores_case).build().ok()?;
        let tail = if *ignores_case { None } else { Tail::of(pattern) };
        Some(Expression { tail, engine })
    }

    /// Where the whole match and the groups are, if it matches; a group that took no part is empty.
    pub(super) fn captures(&self, path: &[u8]) -> Option<Vec<Range<usize>>> {
        if let Some(tail) = &self.tail {
            let found = tail.captures(path)?;
            // A dot matches no line feed: with one in it, it takes the engine to tell.
            if !path.contains(&b'\n') {
                return Some(found.to_vec());
            }
        }
        let text = latin(path);
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
        let start = match self.is_anchored {
            true => path.starts_with(&self.literal).then_some(0)?,
            false => memchr::memmem::find(path, &self.literal)?,
        };
        Some([start..path.len(), start + self.literal.len()..path.len()])
    }
}

/// Paths may hold any bytes, the engine wants text: each byte is looked at as the character of its
/// number.
fn latin(bytes: &[u8]) -> String {
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
