//! Reads the condition of an `if`, such as `if ($arg_tests = "on")`.

use super::syntax::Argument;
use crate::config::VariableString;

/// What an `if` tests.
#[derive(Debug, PartialEq)]
pub(super) struct Test {
    pub(super) subject: VariableString,
    /// None: whether the subject is set.
    pub(super) equals: Option<String>,
    pub(super) is_negated: bool,
}

impl Test {
    /// Reads the arguments of an `if`. The error is the reason why the daemon cannot evaluate the
    /// condition.
    pub(super) fn parse(arguments: &[Argument]) -> Result<Test, String> {
        let mut words: Vec<Vec<u8>> =
            arguments.iter().map(|argument| argument.value.clone()).collect();
        let is_open = words.first().is_some_and(|first| first.starts_with(b"("));
        let is_closed =
            arguments.last().is_some_and(|last| !last.is_quoted && last.value.ends_with(b")"));
        if !is_open || !is_closed {
            return Err("invalid condition".into());
        }
        if let Some(first) = words.first_mut() {
            first.remove(0);
        }
        if let Some(last) = words.last_mut() {
            last.pop();
        }
        let is_bracket_alone = |at: usize| {
            arguments.get(at).is_some_and(|argument| {
                !argument.is_quoted && [&b"("[..], b")"].contains(&&argument.value[..])
            })
        };
        if is_bracket_alone(words.len() - 1) {
            words.pop();
        }
        if is_bracket_alone(0) {
            words.remove(0);
        }
        let texts: Result<Vec<String>, _> = words.into_iter().map(String::from_utf8).collect();
        let texts = texts.map_err(|_| "the condition is not UTF-8 text".to_owned())?;
        let (subject, equals, is_negated) = match texts.as_slice() {
            [subject] => (subject, None, false),
            [subject, sign, value] if sign == "=" || sign == "!=" => {
                (subject, Some(value.clone()), sign == "!=")
            }
            _ => {
                let text =
                    "the daemon has only if ($name), if ($name = text) and if ($name != text)";
                return Err(text.into());
            }
        };
        if !subject.starts_with('$') {
            return Err(format!("invalid condition \"{subject}\""));
        }
        if equals.as_ref().is_some_and(|text| text.contains('$')) {
            return Err("the daemon compares with plain text only, not with variables".into());
        }
        Ok(Test { subject: VariableString::parse(subject)?, equals, is_negated })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::loaded;
    use super::*;

    fn test(condition: &str) -> Result<Test, String> {
        let tree = loaded(&[("/etc/nginx.conf", &format!("if {condition} {{ }}"))]).unwrap();
        Test::parse(&tree.main().directives[0].arguments)
    }

    #[test]
    fn a_variable_is_compared_with_text_or_asked_whether_it_is_set() {
        for (text, equals, is_negated) in [
            ("($arg_a)", None, false),
            ("( $arg_a )", None, false),
            ("($arg_a = on)", Some("on"), false),
            ("($arg_a = \"on\")", Some("on"), false),
            ("( $arg_a != \"o n\" )", Some("o n"), true),
            ("($arg_a = \"\")", Some(""), false),
            ("($arg_a = \")\" )", Some(")"), false),
        ] {
            let expected = Test {
                subject: VariableString::parse("$arg_a").unwrap(),
                equals: equals.map(str::to_owned),
                is_negated,
            };
            assert_eq!(test(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn other_conditions_are_refused_with_a_reason() {
        for (text, reason) in [
            ("$arg_a", "invalid condition"),
            ("(arg_a)", "invalid condition \"arg_a\""),
            ("($cookie_a)", "unknown \"cookie_a\" variable"),
            ("($arg_a = $arg_b)", "the daemon compares with plain text only, not with variables"),
        ] {
            assert_eq!(test(text).unwrap_err(), reason, "{text}");
        }
        for text in ["(-f $uri)", "($arg_a ~ x)", "()", "($arg_a =)"] {
            assert!(test(text).is_err(), "{text}");
        }
    }
}
