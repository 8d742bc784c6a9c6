//! The syntax of a location's path, which is that of nginx's `location`.

use regex_lite::Regex;
use std::fmt;

/// How a location matches a request path, which is percent-decoded with slashes merged, as in
/// nginx.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathMatch {
    /// `= /path`: this path only; takes precedence over all others.
    Exact(String),
    /// `/path`: paths that begin with it. The longest prefix wins, but a matching regular
    /// expression takes precedence.
    Prefix(String),
    /// `^~ /path`: a prefix; if it is the longest, regular expressions are not tried.
    PrefixFinal(String),
    /// `~` or `~*`: the first regular expression that matches anywhere in the path wins.
    Regex {
        /// The expression.
        pattern: String,
        /// `~*`: case-insensitive.
        ignores_case: bool,
    },
}

impl PathMatch {
    /// Reads `/path`, `= /path`, `^~ /path`, `~ REGEX` or `~* REGEX`.
    ///
    /// # Errors
    /// The reason why the text is refused.
    pub fn parse(text: &str) -> Result<PathMatch, String> {
        let path = |rest: &str| match rest.trim_start() {
            path if path.starts_with('/') => Ok(path.to_owned()),
            _ => Err(format!(
                "\"{text}\" is not a path; write /path, = /path, ^~ /path, ~ REGEX or ~* REGEX"
            )),
        };
        if let Some(rest) = text.strip_prefix("^~") {
            return path(rest).map(PathMatch::PrefixFinal);
        }
        if let Some(rest) = text.strip_prefix("~*") {
            return regex(rest, true);
        }
        if let Some(rest) = text.strip_prefix('~') {
            return regex(rest, false);
        }
        match text.strip_prefix('=') {
            Some(rest) => path(rest).map(PathMatch::Exact),
            None => path(text).map(PathMatch::Prefix),
        }
    }

    /// The path, with whether it is exact: no two locations of a server may have the same. None for
    /// a regular expression, which may occur twice.
    pub fn claim(&self) -> Option<(bool, &str)> {
        match self {
            PathMatch::Prefix(path) | PathMatch::PrefixFinal(path) => Some((false, path)),
            PathMatch::Exact(path) => Some((true, path)),
            PathMatch::Regex { .. } => None,
        }
    }
}

fn regex(text: &str, ignores_case: bool) -> Result<PathMatch, String> {
    let pattern = text.trim_start();
    match Regex::new(pattern) {
        Ok(_) if pattern.is_empty() => Err("the regular expression is missing".into()),
        Ok(_) => Ok(PathMatch::Regex { pattern: pattern.to_owned(), ignores_case }),
        Err(error) => {
            Err(format!("\"{pattern}\" is not a regular expression: {error}").replace('\n', " "))
        }
    }
}

impl fmt::Display for PathMatch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PathMatch::Exact(path) => write!(formatter, "= {path}"),
            PathMatch::Prefix(path) => formatter.write_str(path),
            PathMatch::PrefixFinal(path) => write!(formatter, "^~ {path}"),
            PathMatch::Regex { pattern, ignores_case: false } => write!(formatter, "~ {pattern}"),
            PathMatch::Regex { pattern, ignores_case: true } => write!(formatter, "~* {pattern}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::PathMatch;

    #[test]
    fn a_shown_path_reads_back_the_same() {
        for text in ["/", "= /a", "^~ /a b", "~ /sub/(.*)?", "~* ^/EV/(.*)$"] {
            assert_eq!(PathMatch::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(PathMatch::parse("~^/a").unwrap().to_string(), "~ ^/a");
    }

    #[test]
    fn what_can_match_no_path_is_refused() {
        for text in ["", "sub", "= sub", "^~", "~", "~ (", "@named"] {
            assert!(PathMatch::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_prefix_may_stand_once_and_beside_an_exact_path() {
        let [prefix, last, exact] =
            ["/a", "^~ /a", "= /a"].map(|text| PathMatch::parse(text).unwrap());
        assert_eq!(prefix.claim(), last.claim());
        assert!(exact.claim().is_some() && prefix.claim() != exact.claim());
    }
}
