//! Parses an environment file by the rules of systemd's `EnvironmentFile=` (systemd.exec(5)),
//! because systemd may read the same file. Two cases that systemd accepts are refused, because a
//! secret could be missing or cut off: a line that systemd skips with a message, and a last line
//! without a newline, as in a half-written file.

use super::error::{ConfigError, Place};
use std::collections::BTreeMap;
use std::iter::Peekable;
use std::str::Chars;

/// Parses the variables of a text. If a name is repeated, the last line wins. `path` is the file as
/// named by the operator.
pub(super) fn parse(path: &str, text: &str) -> Result<BTreeMap<String, String>, ConfigError> {
    if !text.is_empty() && !text.ends_with('\n') {
        let line = text.matches('\n').count() + 1;
        return Err(ends_within(&Place::Line { path: path.to_owned(), line }));
    }
    let mut reader = Reader { path, line: 1, rest: text.chars().peekable() };
    let mut variables = BTreeMap::new();
    while let Some((name, value)) = reader.next_variable()? {
        variables.insert(name, value);
    }
    Ok(variables)
}

fn ends_within(line: &Place) -> ConfigError {
    line.error(
        "the file ends within this line and may be half-written: complete the line and end it with \
         a newline",
    )
}

struct Reader<'t> {
    path: &'t str,
    /// Line number, from 1.
    line: usize,
    rest: Peekable<Chars<'t>>,
}

impl Reader<'_> {
    fn next_variable(&mut self) -> Result<Option<(String, String)>, ConfigError> {
        loop {
            match self.rest.peek() {
                None => return Ok(None),
                Some('#' | ';') => drop(self.take_line()),
                Some(letter) if letter.is_ascii_whitespace() => drop(self.take()),
                Some(_) => break,
            }
        }
        let name = self.name()?;
        let value = self.value()?;
        Ok(Some((name, value)))
    }

    fn take(&mut self) -> Option<char> {
        let letter = self.rest.next()?;
        self.line += usize::from(letter == '\n');
        Some(letter)
    }

    fn take_line(&mut self) -> String {
        std::iter::from_fn(|| self.take().filter(|letter| *letter != '\n')).collect()
    }

    /// Reads a name and the `=` after it.
    fn name(&mut self) -> Result<String, ConfigError> {
        let place = Place::Line { path: self.path.to_owned(), line: self.line };
        let mut name = String::new();
        loop {
            match self.take() {
                Some('=') => break,
                Some('\n') | None => return Err(place.error("not a line NAME=VALUE")),
                Some(letter) => name.push(letter),
            }
        }
        let name = name.trim_end().to_owned();
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        match name.bytes().all(is_name) && !name.starts_with(|first: char| first.is_ascii_digit()) {
            true if !name.is_empty() => Ok(name),
            _ => Err(place.error("not a line NAME=VALUE: a name is letters, digits and _")),
        }
    }

    /// Reads quoted and plain pieces up to the end of the line. Whitespace at the end of a plain
    /// piece is dropped.
    fn value(&mut self) -> Result<String, ConfigError> {
        let place = Place::Line { path: self.path.to_owned(), line: self.line };
        let mut value = String::new();
        // Quotes are special only before a plain piece, where whitespace is dropped, too.
        let mut is_plain = false;
        let mut kept = 0;
        loop {
            match self.take() {
                // The last newline is escaped, so that its line goes on.
                None => return Err(ends_within(&place)),
                Some('\n') => break,
                Some('\\') => {
                    // An escaped newline joins its line with the next one.
                    value.extend(self.take().filter(|letter| *letter != '\n'));
                    (is_plain, kept) = (true, value.len());
                }
                Some(quote @ ('"' | '\'')) if !is_plain => {
                    self.quoted(quote, &mut value, &place)?;
                    kept = value.len();
                }
                Some(letter) if letter.is_ascii_whitespace() => {
                    if is_plain {
                        value.push(letter);
                    }
                }
                Some(letter) => {
                    value.push(letter);
                    (is_plain, kept) = (true, value.len());
                }
            }
        }
        value.truncate(kept);
        Ok(value)
    }

    fn quoted(
        &mut self,
        quote: char,
        value: &mut String,
        place: &Place,
    ) -> Result<(), ConfigError> {
        loop {
            match self.take() {
                None => return Err(place.error(format!("the closing {quote} is missing"))),
                Some(letter) if letter == quote => return Ok(()),
                Some('\\') if quote == '"' => match self.take() {
                    Some(letter @ ('"' | '\\' | '`' | '$')) => value.push(letter),
                    Some('\n') => {}
                    escaped => value.extend(['\\'].into_iter().chain(escaped)),
                },
                Some(letter) => value.push(letter),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        parse("x.env", text).unwrap_or_else(|error| panic!("{error}")).into_iter().collect()
    }

    fn value(text: &str) -> String {
        pairs(&format!("A={text}\n")).swap_remove(0).1
    }

    #[test]
    fn each_line_is_a_variable_and_the_last_of_a_name_wins() {
        let text = "# A=0\n; A=0\n\n  A = 1 \nB=\r\nA=2\nC=x=y # z\n";
        let expected = [("A", "2"), ("B", ""), ("C", "x=y # z")];
        assert_eq!(pairs(text), expected.map(|(name, value)| (name.into(), value.into())));
    }

    #[test]
    fn quotes_and_escapes_are_read_as_systemd_reads_them() {
        for (text, expected) in [
            ("two words  ", "two words"),
            ("\" kept \" ", " kept "),
            ("' $x \\n ' ", " $x \\n "),
            ("\"a\"'b' c", "abc"),
            ("it's \"so\"", "it's \"so\""),
            (r#""\"\\\`\$\n""#, r#""\`$\n"#),
            ("a\\\nb", "ab"),
            ("\"a\\\nb\nc\"", "ab\nc"),
            (r"a\ b\#", "a b#"),
            (r"end\ ", "end "),
        ] {
            assert_eq!(value(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_variable_is_refused_with_its_line() {
        for (text, refusal) in [
            ("A=1\n\nB\nC=2\n", "x.env:3: not a line NAME=VALUE"),
            (
                "A='x\ny'\nexport B=1\n",
                "x.env:3: not a line NAME=VALUE: a name is letters, digits and _",
            ),
            ("1=1\n", "x.env:1: not a line NAME=VALUE: a name is letters, digits and _"),
            ("=1\n", "x.env:1: not a line NAME=VALUE: a name is letters, digits and _"),
            ("A=\"1\nB=2\n", "x.env:1: the closing \" is missing"),
        ] {
            assert_eq!(parse("x.env", text).unwrap_err().to_string(), refusal);
        }
    }

    #[test]
    fn a_file_that_ends_within_a_line_is_refused_wherever_it_does() {
        let lines = ["# two\n", "A='x\ny'\n", "B=\"1\\\n2\"\n", "C=3\\\n4\n"];
        let whole = lines.concat();
        let line_ends: Vec<usize> =
            (0..=lines.len()).map(|count| lines[..count].concat().len()).collect();
        for length in 0..=whole.len() {
            let text = &whole[..length];
            assert_eq!(parse("x.env", text).is_ok(), line_ends.contains(&length), "{text:?}");
        }
        for (text, line) in [("A=1\nB=2", 2), ("A=1", 1), ("A=1\n#", 2), ("A=1\nB=\\\n", 2)] {
            let refusal = format!(
                "x.env:{line}: the file ends within this line and may be half-written: complete \
                 the line and end it with a newline"
            );
            assert_eq!(parse("x.env", text).unwrap_err().to_string(), refusal);
        }
    }
}
