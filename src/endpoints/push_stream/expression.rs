//! The regular expression of a location, matched against bytes.

use crate::config::PathMatch;
use regex_lite::{Regex, RegexBuilder};

/// A compiled expression.
pub(super) struct Expression {
    tail: Option<Tail>,
    engine: Regex,
}

/// `/sub/(.*)` or `^/sub/(.*)$`: what nearly every location of the module's users looks like, and what is
/// found without the engine.
struct Tail {
    literal: Vec<u8>,
    is_anchored: bool,
}

impl Expression {
    /// Compiles a path's expression. None: it is not one, or is broken, which the configuration's own
    /// checks have refused.
    pub(super) fn of(path: &PathMatch) -> Option<Expression> {
        let PathMatch::Regex { pattern, ignores_case } = path else { return None };
        let mut builder = RegexBuilder::new(&latin(pattern.as_bytes()));
        let engine = builder.case_insensitive(*ignores_case).build().ok()?;
        let tail = if *ignores_case { None } else { Tail::of(pattern) };
        Some(Expression { tail, engine })
    }

    /// The whole match and the groups, if it matches.
    pub(super) fn captures(&self, path: &[u8]) -> Option<Vec<Vec<u8>>> {
        match &self.tail {
            // A dot matches no line feed: with one in it, it takes the engine to tell.
            Some(tail) if !path.contains(&b'\n') => tail.captures(path),
            _ => {
                let text = latin(path);
                let groups = self.engine.captures(&text)?;
                let bytes = |text: &str| text.chars().map(|letter| letter as u8).collect();
                let groups = groups.iter();
                Some(
                    groups
                        .map(|one| one.map_or_else(Vec::new, |one| bytes(one.as_str())))
                        .collect(),
                )
            }
        }
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

    fn captures(&self, path: &[u8]) -> Option<Vec<Vec<u8>>> {
        let start = match self.is_anchored {
            true => path.starts_with(&self.literal).then_some(0)?,
            false => memchr::memmem::find(path, &self.literal)?,
        };
        let tail = &path[start + self.literal.len()..];
        Some(vec![path[start..].to_vec(), tail.to_vec()])
    }
}

/// Paths may hold any bytes, the engine wants text: each byte is looked at as the character of its number.
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
