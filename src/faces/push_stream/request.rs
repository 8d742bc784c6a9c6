//! The variables of a request: path, captures, arguments, headers.

use crate::config::{Condition, Level, RequestVariables, VariableString};
use crate::http::Head;
use std::borrow::Cow;
use std::ops::Range;

/// A request, against which the variable strings of its location are evaluated.
pub struct Request<'a> {
    /// The request's head.
    pub head: &'a Head<'a>,
    /// The normalised path.
    pub path: &'a [u8],
    /// The byte ranges of the expression's whole match and of its groups in the path; empty if the
    /// location has no expression.
    pub captures: &'a [Range<usize>],
}

impl RequestVariables for Request<'_> {
    fn capture(&self, group: usize) -> &[u8] {
        self.captures.get(group).map_or(&[], |range| &self.path[range.clone()])
    }

    /// The first argument with this name, ignoring letter case, as in nginx.
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
    /// A setting of the location: of the last `if` block that is true and sets it, otherwise the
    /// location's own value.
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

    /// The value of a directive that replaces a header, or of the header if the directive is not
    /// set. `None` if it is empty or absent: the header is not a fallback for an empty directive
    /// (section 9.1).
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

    /// The `callback` argument of JSONP, percent-decoded; `None` if it is empty or absent (section
    /// 13). Letter case of the argument's name is ignored, as in nginx.
    pub fn callback(&self) -> Option<Vec<u8>> {
        let raw = self.argument("callback");
        let decoded: Vec<u8> = percent_encoding::percent_decode(raw).collect();
        (!decoded.is_empty()).then_some(decoded)
    }
}
