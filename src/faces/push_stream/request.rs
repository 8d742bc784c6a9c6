//! A request as its location sees it: path, captures, arguments, headers.

use crate::config::{Condition, Level, RequestVariables, VariableString};
use crate::http::Head;
use std::borrow::Cow;
use std::ops::Range;

/// What the variable strings of a location are evaluated against.
pub struct Request<'a> {
    /// The request's head.
    pub head: &'a Head<'a>,
    /// The normalised path.
    pub path: &'a [u8],
    /// Where in the path the regular expression's groups are, the whole match first; none for
    /// prefixes.
    pub captures: &'a [Range<usize>],
}

impl RequestVariables for Request<'_> {
    fn capture(&self, group: usize) -> &[u8] {
        self.captures.get(group).map_or(&[], |range| &self.path[range.clone()])
    }

    /// As in nginx, letter case does not matter, and the first argument of a name counts.
    fn argument(&self, name: &str) -> &[u8] {
        let pair = self.head.query.split('&').find_map(|pair| {
            let (key, value) = pair.split_once('=')?;
            key.eq_ignore_ascii_case(name).then_some(value)
        });
        pair.unwrap_or_default().as_bytes()
    }

    fn header(&self, name: &str) -> &[u8] {
        let is_named = |field: &str| {
            field.len() == name.len()
                && field.bytes().zip(name.bytes()).all(|(one, other)| match one {
                    b'-' => other == b'_',
                    _ => one.to_ascii_lowercase() == other,
                })
        };
        let mut fields = self.head.fields().filter(|(field, _)| is_named(field));
        fields.next().map_or(&[], |(_, value)| value)
    }

    fn path(&self) -> &[u8] {
        self.path
    }

    fn query(&self) -> &[u8] {
        self.head.query.as_bytes()
    }
}

impl Request<'_> {
    /// The override of the last `if` block that holds and has one; else the location's own value.
    pub fn choose<'a, T: ?Sized>(
        &self,
        conditions: &'a [Condition],
        pick: impl Fn(&'a Level) -> Option<&'a T>,
        own: Option<&'a T>,
    ) -> Option<&'a T> {
        let met = conditions.iter().rev().filter(|one| self.holds(one));
        met.map(|one| &one.settings).find_map(pick).or(own)
    }

    fn holds(&self, condition: &Condition) -> bool {
        let subject = condition.subject.evaluate_raw(self);
        let is_met = match &condition.equals {
            Some(text) => *subject == *text.as_bytes(),
            None => !subject.is_empty() && *subject != *b"0",
        };
        is_met != condition.is_negated
    }

    /// The value of a directive that may replace a header: none if neither is there. A directive
    /// that is set replaces the header altogether (section 9.1).
    pub fn value_or_header<'a>(
        &'a self,
        directive: Option<&'a VariableString>,
        header: &str,
    ) -> Option<Cow<'a, [u8]>> {
        match directive {
            Some(directive) => Some(directive.evaluate(self)),
            None => self.head.value(header).map(Cow::Borrowed),
        }
        .filter(|value| !value.is_empty())
    }

    /// The `callback` argument of JSONP, percent-decoded; none and empty are the same (section 13).
    /// As of all arguments in nginx, the letter case of its name does not matter.
    pub fn callback(&self) -> Option<Vec<u8>> {
        let raw = self.argument("callback");
        let decoded: Vec<u8> = percent_encoding::percent_decode(raw).collect();
        (!decoded.is_empty()).then_some(decoded)
    }
}
