//! Splits one nginx file into tokens by nginx's own rules for quotes, escapes, comments, and braces
//! that belong to a variable.

use super::syntax::{Argument, excerpt};

/// Longest word in bytes, as written and without its quotes; nginx has the same limit. A missing
/// closing quote is thereby reported near the opening one.
pub const PARAMETER_BYTES_MAX: usize = 4095;

/// A token of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A name or an argument.
    Word(Argument),
    /// `;`
    Semicolon,
    /// `{`
    Open,
    /// `}`
    Close,
}

/// An error on a line of the file being read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) line: u32,
    pub(super) text: String,
}

/// Reads the tokens of one file in order.
pub(super) struct Lexer<'t> {
    text: &'t [u8],
    at: usize,
    line: u32,
    /// Whether the last token was a quoted word.
    follows_quote: bool,
}

impl<'t> Lexer<'t> {
    pub(super) fn new(text: &'t [u8]) -> Lexer<'t> {
        Lexer { text, at: 0, line: 1, follows_quote: false }
    }

    /// Offset after the last token.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Line number after the last token, from 1.
    pub(super) fn line(&self) -> u32 {
        self.line
    }

    /// Reads the next token; none at the end of the file.
    pub(super) fn next(&mut self) -> Result<Option<Token>, Fault> {
        self.refuse_word_after_quote()?;
        self.skip_whitespace_and_comments();
        let Some(&byte) = self.text.get(self.at) else { return Ok(None) };
        let sign = match byte {
            b';' => Token::Semicolon,
            b'{' => Token::Open,
            b'}' => Token::Close,
            b'"' | b'\'' => return self.quoted_word(byte).map(|word| Some(Token::Word(word))),
            _ => return self.bare_word().map(|word| Some(Token::Word(word))),
        };
        self.at += 1;
        Ok(Some(sign))
    }

    fn refuse_word_after_quote(&mut self) -> Result<(), Fault> {
        if !std::mem::take(&mut self.follows_quote) {
            return Ok(());
        }
        match self.text.get(self.at) {
            None | Some(b' ' | b'\t' | b'\r' | b'\n' | b';' | b'{' | b')') => Ok(()),
            Some(&byte) => Err(self.fault(format!("unexpected \"{}\"", excerpt(&[byte])))),
        }
    }

    fn skip_whitespace_and_comments(&mut self) {
        let mut is_comment = false;
        while let Some(&byte) = self.text.get(self.at) {
            match byte {
                b'\n' => {
                    self.line += 1;
                    is_comment = false;
                }
                b'#' => is_comment = true,
                b' ' | b'\t' | b'\r' => {}
                _ if is_comment => {}
                _ => return,
            }
            self.at += 1;
        }
    }

    fn quoted_word(&mut self, quote: u8) -> Result<Argument, Fault> {
        let start = self.at + 1;
        let mut end = start;
        while let Some(&byte) = self.text.get(end)
            && byte != quote
        {
            end += if byte == b'\\' { 2 } else { 1 };
            if end - start > PARAMETER_BYTES_MAX {
                return Err(self.fault(format!(
                    "too long parameter, probably missing terminating \"{}\" character, started \
                     at {}",
                    char::from(quote),
                    excerpt(&self.text[self.at..]),
                )));
            }
        }
        if end >= self.text.len() {
            return Err(self.fault(format!(
                "unexpected end of file, probably missing terminating \"{}\" character, started \
                 at {}",
                char::from(quote),
                excerpt(&self.text[self.at..]),
            )));
        }
        self.follows_quote = true;
        Ok(self.take_word(start, end, end + 1))
    }

    fn bare_word(&mut self) -> Result<Argument, Fault> {
        let start = self.at;
        let mut end = start;
        let mut is_variable = false;
        while let Some(&byte) = self.text.get(end) {
            match byte {
                // `${`: a variable, not the start of a block.
                b'{' if is_variable => {}
                b' ' | b'\t' | b'\r' | b'\n' | b';' | b'{' => break,
                b'\\' => {
                    end += 1;
                    is_variable = false;
                }
                0x00..0x20 | 0x7f => {
                    let word = excerpt(&self.text[start..=end]);
                    return Err(self.fault(format!("unexpected byte 0x{byte:02x} in \"{word}\"")));
                }
                _ => is_variable = byte == b'$',
            }
            end += 1;
            if end - start > PARAMETER_BYTES_MAX {
                let word = excerpt(&self.text[start..end.min(self.text.len())]);
                return Err(self.fault(format!("too long parameter \"{word}\" started")));
            }
        }
        let end = end.min(self.text.len());
        Ok(self.take_word(start, end, end))
    }

    /// The word whose value is `start..end`. Reading goes on at `after`, behind a closing quote.
    fn take_word(&mut self, start: usize, end: usize, after: usize) -> Argument {
        let raw = &self.text[start..end];
        let word = Argument {
            value: unescaped(raw),
            is_quoted: after != end,
            line: self.line,
            span: self.at..after,
        };
        self.line += raw.iter().filter(|byte| **byte == b'\n').count() as u32;
        self.at = after;
        word
    }

    fn fault(&self, text: String) -> Fault {
        Fault { line: self.line, text }
    }
}

/// Replaces `\"`, `\'`, `\\`, `\t`, `\r` and `\n`; keeps a backslash before anything else.
fn unescaped(raw: &[u8]) -> Vec<u8> {
    let mut value = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let [first, tail @ ..] = rest {
        let replacement = match (first, tail) {
            (b'\\', [byte @ (b'"' | b'\'' | b'\\'), ..]) => Some(*byte),
            (b'\\', [b't', ..]) => Some(b'\t'),
            (b'\\', [b'r', ..]) => Some(b'\r'),
            (b'\\', [b'n', ..]) => Some(b'\n'),
            _ => None,
        };
        value.push(replacement.unwrap_or(*first));
        rest = if replacement.is_some() { &tail[1..] } else { tail };
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One line per token with its line number; words with their value and `quoted` or `bare`.
    fn tokens(text: &str) -> Result<Vec<String>, Fault> {
        let mut lexer = Lexer::new(text.as_bytes());
        let mut shown = Vec::new();
        while let Some(token) = lexer.next()? {
            shown.push(match token {
                Token::Word(word) => {
                    assert_eq!(word.span.end, lexer.at());
                    let kind = if word.is_quoted { "quoted" } else { "bare" };
                    format!("{}: {kind} {:?}", word.line, word.text())
                }
                Token::Semicolon => format!("{}: ;", lexer.line()),
                Token::Open => format!("{}: {{", lexer.line()),
                Token::Close => format!("{}: }}", lexer.line()),
            });
        }
        Ok(shown)
    }

    fn fault(text: &str) -> String {
        let fault = tokens(text).unwrap_err();
        format!("{}: {}", fault.line, fault.text)
    }

    #[test]
    fn words_signs_and_comments_are_told_apart_and_know_their_line() {
        assert_eq!(
            tokens("# first; {\nlocation ~ /sub/(.*)? {#x\r\n\ta b#c;} # end").unwrap(),
            [
                "2: bare \"location\"",
                "2: bare \"~\"",
                "2: bare \"/sub/(.*)?\"",
                "2: {",
                "3: bare \"a\"",
                "3: bare \"b#c\"",
                "3: ;",
                "3: }",
            ]
        );
    }

    #[test]
    fn known_escapes_are_replaced_and_others_stay_in_every_kind_of_word() {
        let written = r#"\"\'\\\t\r\n\x\/\$"#;
        let value = r#"bare "\"'\\\t\r\n\\x\\/\\$""#;
        assert_eq!(tokens(written).unwrap(), [format!("1: {value}")]);
        let quoted = format!("1: {}", value.replace("bare", "quoted"));
        assert_eq!(tokens(&format!("\"{written}\"")).unwrap(), std::slice::from_ref(&quoted));
        assert_eq!(tokens(&format!("'{written}'")).unwrap(), [quoted]);
    }

    #[test]
    fn quotes_hold_blanks_signs_line_ends_and_the_other_quote() {
        assert_eq!(
            tokens("\"a; {}#'\n b\" 'c\"' \"\";").unwrap(),
            ["1: quoted \"a; {}#'\\n b\"", "2: quoted \"c\\\"\"", "2: quoted \"\"", "2: ;"]
        );
    }

    #[test]
    fn a_brace_behind_a_dollar_or_a_backslash_belongs_to_the_word() {
        assert_eq!(
            tokens(r"test_${arg_id}x a\{b a\;b a\ b c} d$\e{").unwrap(),
            [
                "1: bare \"test_${arg_id}x\"",
                "1: bare \"a\\\\{b\"",
                "1: bare \"a\\\\;b\"",
                "1: bare \"a\\\\ b\"",
                "1: bare \"c}\"",
                "1: bare \"d$\\\\e\"",
                "1: {",
            ]
        );
    }

    #[test]
    fn a_quote_inside_a_bare_word_is_an_ordinary_byte() {
        assert_eq!(tokens("a\"b c'd").unwrap(), ["1: bare \"a\\\"b\"", "1: bare \"c'd\""]);
    }

    #[test]
    fn only_blanks_and_signs_may_follow_a_quote() {
        assert_eq!(tokens("(\"a\") x").unwrap()[1..], ["1: bare \"x\""]);
        assert_eq!(tokens("\"a\")").unwrap(), ["1: quoted \"a\"", "1: bare \")\""]);
        assert_eq!(fault("\n'a'b;"), "2: unexpected \"b\"");
        assert_eq!(fault("'a'}"), "1: unexpected \"}\"");
        assert_eq!(fault("'a'#"), "1: unexpected \"#\"");
    }

    #[test]
    fn an_open_quote_is_reported_where_it_began() {
        assert_eq!(
            fault("a\n \"b c\n\nd;"),
            "2: unexpected end of file, probably missing terminating \"\"\" character, started at \
             \"b c d;"
        );
        assert_eq!(
            fault(&format!("\n'a {}'", "long ".repeat(1000))),
            "2: too long parameter, probably missing terminating \"'\" character, started at \
             'a long long long long long long long long long long long lo…"
        );
        assert!(fault("'a\\").starts_with("1: unexpected end of file"));
        assert!(fault("'a\\'").starts_with("1: unexpected end of file"));
    }

    #[test]
    fn words_of_the_longest_length_are_taken_and_longer_ones_refused() {
        let longest = "x".repeat(PARAMETER_BYTES_MAX);
        assert_eq!(tokens(&format!("{longest} '{longest}'")).unwrap().len(), 2);
        assert_eq!(
            fault(&format!("a\n{longest}y")),
            format!("2: too long parameter \"{}…\" started", "x".repeat(60))
        );
        assert!(fault(&format!("'{longest}y'")).starts_with("1: too long parameter, "));
    }

    #[test]
    fn control_bytes_outside_quotes_are_refused() {
        assert_eq!(fault("\nab\x01c;"), "2: unexpected byte 0x01 in \"ab\u{fffd}\"");
        assert_eq!(tokens("'\x01'").unwrap(), ["1: quoted \"\\u{1}\""]);
    }

    #[test]
    fn a_backslash_at_the_end_of_the_file_stays() {
        assert_eq!(tokens("a\\").unwrap(), ["1: bare \"a\\\\\""]);
    }
}
