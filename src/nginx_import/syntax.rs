//! What an nginx configuration says, as a tree in which every token still knows its file, line and
//! bytes, so that messages can point at it and a changed copy can keep comments and layout.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Deepest nesting, blocks and include files counted together.
pub const DEPTH_MAX: usize = 64;

/// Bytes of a file: `text[span]` is the token or directive as it was written.
pub type Span = Range<usize>;

/// Index of a file of a [`Tree`]; the main file is the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileId(pub usize);

/// One word after the name of a directive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Argument {
    /// The bytes it stands for: without quotes, escapes replaced.
    pub value: Vec<u8>,
    /// Whether it was written in quotes.
    pub is_quoted: bool,
    /// Line on which it begins, from 1.
    pub line: u32,
    /// Where it stands, quotes included.
    pub span: Span,
}

impl Argument {
    /// The value as text; bytes that are not UTF-8 become U+FFFD.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.value)
    }
}

/// A name, its arguments, and what follows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directive {
    /// The first word; bytes that are not UTF-8 become U+FFFD.
    pub name: String,
    /// The other words.
    pub arguments: Vec<Argument>,
    /// What ends it.
    pub body: Body,
    /// Where it was written.
    pub file: FileId,
    /// Line on which the name begins, from 1.
    pub line: u32,
    /// From the first byte of the name to behind the `;` or `}`.
    pub span: Span,
}

/// What stands behind the words of a directive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// `;`
    Simple,
    /// `{ … }`
    Block {
        /// What is inside, in order.
        directives: Vec<Directive>,
        /// From behind the `{` to the `}`.
        inner: Span,
    },
    /// `include …;`: the files that it named, in order. A pattern without a match names none.
    Included(Vec<FileId>),
}

/// One file. A file that is included several times is here once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// As it was opened: relative names are joined to the folder of the main file.
    pub path: PathBuf,
    /// Every byte of it.
    pub text: Vec<u8>,
    /// What it says.
    pub directives: Vec<Directive>,
}

/// A main file and all that it includes, directly or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    pub(super) files: Vec<SourceFile>,
}

impl Tree {
    /// The file that was asked for.
    pub fn main(&self) -> &SourceFile {
        &self.files[0]
    }

    /// All files, the main one first; a [`FileId`] is an index into it.
    pub fn files(&self) -> &[SourceFile] {
        &self.files
    }

    /// The file that an id of this tree names.
    pub fn file(&self, id: FileId) -> &SourceFile {
        &self.files[id.0]
    }

    /// The directives in order, each `include` replaced by what the files say.
    pub fn expanded<'t>(&'t self, directives: &'t [Directive]) -> Vec<&'t Directive> {
        let mut flat = Vec::new();
        for directive in directives {
            match &directive.body {
                Body::Simple | Body::Block { .. } => flat.push(directive),
                Body::Included(ids) => {
                    for id in ids {
                        flat.extend(self.expanded(&self.file(*id).directives));
                    }
                }
            }
        }
        flat
    }

    /// `FILE:LINE` of a directive.
    pub fn origin(&self, directive: &Directive) -> String {
        format!("{}:{}", self.file(directive.file).path.display(), directive.line)
    }

    /// An error that points at a directive.
    pub fn error(&self, directive: &Directive, text: impl Into<String>) -> SyntaxError {
        SyntaxError::new(&self.file(directive.file).path, directive.line, text)
    }
}

/// What is wrong with an nginx configuration, and where. Shown as `FILE:LINE: text`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// The file, as it was opened.
    pub path: PathBuf,
    /// The line, from 1; 0 when the file could not be read.
    pub line: u32,
    /// What is wrong, in nginx's words where it has some.
    pub text: String,
}

impl SyntaxError {
    pub(super) fn new(path: &Path, line: u32, text: impl Into<String>) -> SyntaxError {
        SyntaxError { path: path.to_owned(), line, text: text.into() }
    }
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(formatter, "{}: {}", self.path.display(), self.text),
            line => write!(formatter, "{}:{}: {}", self.path.display(), line, self.text),
        }
    }
}

impl std::error::Error for SyntaxError {}

/// Text of a file for a message: one line, without control characters, shortened.
pub(super) fn excerpt(bytes: &[u8]) -> String {
    const CHARACTERS_MAX: usize = 60;
    // No character is longer than four bytes, so this prefix always fills the excerpt.
    let prefix = &bytes[..bytes.len().min(4 * CHARACTERS_MAX + 4)];
    let text = String::from_utf8_lossy(prefix);
    let line = text.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
    let visible =
        |letter: char| if letter.is_control() { char::REPLACEMENT_CHARACTER } else { letter };
    let shown: String = line.chars().take(CHARACTERS_MAX).map(visible).collect();
    if line.chars().count() > CHARACTERS_MAX || prefix.len() < bytes.len() {
        shown + "…"
    } else {
        shown
    }
}

/// What the parser and the loader say about the same bound.
pub(super) fn too_deep() -> String {
    format!("blocks and include files are nested more than {DEPTH_MAX} levels deep")
}
