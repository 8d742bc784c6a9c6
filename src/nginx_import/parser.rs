//! Parses one nginx file into directives. It does not know them by name, so a missing `;` merges
//! two directives, which is an error only if a later check refuses the result.

use super::lexer::{Fault, Lexer, Token};
use super::syntax::{Argument, Body, DEPTH_MAX, Directive, FileId, excerpt, too_deep};

/// Parses the directives of a file. Subtracts the number of its words from `words_left`; a file
/// with more words is refused.
pub(super) fn parse(
    text: &[u8],
    file: FileId,
    words_left: &mut usize,
) -> Result<Vec<Directive>, Fault> {
    if let Some(at) = text.iter().position(|byte| *byte == 0) {
        let line = 1 + text[..at].iter().filter(|byte| **byte == b'\n').count() as u32;
        return Err(Fault { line, text: "unexpected NUL byte, this is no text file".to_owned() });
    }
    Parser { text, file, lexer: Lexer::new(text), words: Vec::new(), open: Vec::new(), words_left }
        .run()
}

struct Parser<'t> {
    text: &'t [u8],
    file: FileId,
    lexer: Lexer<'t>,
    /// Words of the directive being read.
    words: Vec<Argument>,
    /// Blocks not closed yet, outermost first.
    open: Vec<OpenBlock>,
    words_left: &'t mut usize,
}

struct OpenBlock {
    words: Vec<Argument>,
    inner_start: usize,
    /// Directives before it in its parent.
    siblings: Vec<Directive>,
}

impl Parser<'_> {
    fn run(mut self) -> Result<Vec<Directive>, Fault> {
        let mut directives = Vec::new();
        while let Some(token) = self.lexer.next()? {
            match token {
                Token::Word(word) => self.take(word)?,
                Token::Semicolon if self.words.is_empty() => return Err(self.unexpected(';')),
                Token::Semicolon => {
                    let words = std::mem::take(&mut self.words);
                    directives.push(self.directive(words, Body::Simple));
                }
                Token::Open if self.words.is_empty() => return Err(self.unexpected('{')),
                Token::Open if self.open.len() == DEPTH_MAX => return Err(self.fault(too_deep())),
                Token::Open => self.open.push(OpenBlock {
                    words: std::mem::take(&mut self.words),
                    inner_start: self.lexer.at(),
                    siblings: std::mem::take(&mut directives),
                }),
                Token::Close if !self.words.is_empty() => return Err(self.unexpected('}')),
                Token::Close => {
                    let Some(block) = self.open.pop() else { return Err(self.unexpected('}')) };
                    let inner = block.inner_start..self.lexer.at() - 1;
                    let body = Body::Block { directives, inner };
                    directives = block.siblings;
                    directives.push(self.directive(block.words, body));
                }
            }
        }
        self.refuse_unfinished()?;
        Ok(directives)
    }

    fn take(&mut self, word: Argument) -> Result<(), Fault> {
        if *self.words_left == 0 {
            return Err(self.fault("too many words in this configuration".to_owned()));
        }
        *self.words_left -= 1;
        self.words.push(word);
        Ok(())
    }

    fn directive(&self, mut words: Vec<Argument>, body: Body) -> Directive {
        let name = words.remove(0);
        words.shrink_to_fit();
        Directive {
            name: name.text().into_owned(),
            arguments: words,
            body,
            file: self.file,
            line: name.line,
            span: name.span.start..self.lexer.at(),
        }
    }

    fn refuse_unfinished(&self) -> Result<(), Fault> {
        if let Some(first) = self.words.first() {
            let written = excerpt(&self.text[first.span.start..]);
            return Err(self.fault(format!(
                "unexpected end of file, expecting \";\" or \"}}\" after \"{written}\""
            )));
        }
        if let Some(OpenBlock { words, .. }) = self.open.last() {
            return Err(self.fault(format!(
                "unexpected end of file, expecting \"}}\" of \"{}\" in line {}",
                excerpt(&words[0].value),
                words[0].line
            )));
        }
        Ok(())
    }

    /// The error for the sign just read. Quotes the words of its directive before it, or, without
    /// any, its line up to it.
    fn unexpected(&self, sign: char) -> Fault {
        let end = self.lexer.at();
        let start = match self.words.first() {
            Some(first) => first.span.start,
            None => self.text[..end].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1),
        };
        let written = excerpt(&self.text[start..end]);
        self.fault(format!("unexpected \"{sign}\" in \"{written}\""))
    }

    fn fault(&self, text: String) -> Fault {
        Fault { line: self.lexer.line(), text }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Vec<Directive>, Fault> {
        parse(text.as_bytes(), FileId(7), &mut 1000)
    }

    fn fault(text: &str) -> String {
        let fault = parsed(text).unwrap_err();
        format!("{}: {}", fault.line, fault.text)
    }

    #[test]
    fn a_file_becomes_a_tree_of_directives_that_know_their_bytes() {
        let text = "a;\nserver { # why\n  b \"c d\" ;\n}\n";
        let word = |value: &str, is_quoted, line, span| Argument {
            value: value.into(),
            is_quoted,
            line,
            span,
        };
        let directive = |name: &str, arguments, body, line, span| Directive {
            name: name.to_owned(),
            arguments,
            body,
            file: FileId(7),
            line,
            span,
        };
        let inner =
            vec![directive("b", vec![word("c d", true, 3, 22..27)], Body::Simple, 3, 20..29)];
        assert_eq!(
            parsed(text).unwrap(),
            [
                directive("a", vec![], Body::Simple, 1, 0..2),
                directive(
                    "server",
                    vec![],
                    Body::Block { directives: inner, inner: 11..30 },
                    2,
                    3..31
                ),
            ]
        );
        assert_eq!(&text[11..30], " # why\n  b \"c d\" ;\n");
    }

    #[test]
    fn an_empty_file_and_one_of_comments_say_nothing() {
        assert_eq!(parsed("").unwrap(), []);
        assert_eq!(parsed("\n# a; }").unwrap(), []);
    }

    #[test]
    fn unbalanced_signs_are_refused_with_their_line_and_text() {
        assert_eq!(fault("a;\n  } b"), "2: unexpected \"}\" in \"}\"");
        assert_eq!(fault("x {\n listen\n 80 }"), "3: unexpected \"}\" in \"listen 80 }\"");
        assert_eq!(fault("a;;"), "1: unexpected \";\" in \"a;;\"");
        assert_eq!(fault("a;\n{"), "2: unexpected \"{\" in \"{\"");
        assert_eq!(
            fault("a {\n b {\n }\n"),
            "4: unexpected end of file, expecting \"}\" of \"a\" in line 1"
        );
        assert_eq!(
            fault("\nlisten 80\n"),
            "3: unexpected end of file, expecting \";\" or \"}\" after \"listen 80\""
        );
    }

    #[test]
    fn binary_input_is_refused() {
        assert_eq!(fault("a;\n# \0"), "2: unexpected NUL byte, this is no text file");
    }

    #[test]
    fn blocks_nest_up_to_the_limit() {
        let nested = |depth| "a {".repeat(depth) + &"}".repeat(depth);
        assert_eq!(parsed(&nested(DEPTH_MAX)).unwrap().len(), 1);
        assert_eq!(
            fault(&nested(DEPTH_MAX + 1)),
            "1: blocks and include files are nested more than 64 levels deep"
        );
    }

    #[test]
    fn words_are_counted_up_to_the_limit() {
        assert_eq!(parsed(&"a;".repeat(1000)).unwrap().len(), 1000);
        assert_eq!(fault(&"a;\n".repeat(1001)), "1001: too many words in this configuration");
    }
}
