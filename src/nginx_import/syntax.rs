//! The syntax tree of an nginx configuration. Every token has its file, line and byte range, so
//! that messages can name its place and a changed copy can keep comments and layout.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Deepest nesting of blocks and include files together.
pub const DEPTH_MAX: usize = 64;

/// Byte range in a file: `text[span]` is the token or directive as written.
pub type Span = Range<usize>;

/// Index of a file in a [`Tree`]; 0 is the main file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileId(pub usize);

/// One word after the name of a directive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Argument {
    /// Its value: without quotes, escapes replaced.
    pub value: Vec<u8>,
    /// Whether it was written in quotes.
    pub is_quoted: bool,
    /// Line on which it begins, from 1.
    pub line: u32,
    /// Its byte range, quotes included.
    pub span: Span,
}

impl Argument {
    /// The value as text; bytes that are not UTF-8 become U+FFFD.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.value)
    }
}

/// A directive: name, arguments, and `;` or a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directive {
    /// The first word; bytes that are not UTF-8 become U+FFFD.
    pub name: String,
    /// The other words.
    pub arguments: Vec<Argument>,
    /// What follows the words.
    pub body: Body,
    /// The file it is in.
    pub file: FileId,
    /// Line on which the name begins, from 1.
    pub line: u32,
    /// From the first byte of the name to the `;` or `}`, which is included.
    pub span: Span,
}

/// What follows the words of a directive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// `;`
    Simple,
    /// `{ … }`
    Block {
        /// What is inside, in order.
        directives: Vec<Directive>,
        /// The bytes between `{` and `}`.
        inner: Span,
    },
    /// `include …;` with the files that it names, in order; none for a pattern without a match.
    Included(Vec<FileId>),
}

/// One file. A file that is included several times is stored once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// Path as opened: relative names are joined to the folder of the main file.
    pub path: PathBuf,
    /// The whole content.
    pub text: Vec<u8>,
    /// The directives at its top.
    pub directives: Vec<Directive>,
}

/// A main file and all files it includes, directly or indirectly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    pub(super) files: Vec<SourceFile>,
}

impl Tree {
    /// The main file.
    pub fn main(&self) -> &SourceFile {
        &self.files[0]
    }

    /// All files, indexed by [`FileId`], the main file first.
    pub fn files(&self) -> &[SourceFile] {
        &self.files
    }

    /// The file with this id.
    pub fn file(&self, id: FileId) -> &SourceFile {
        &self.files[id.0]
    }

    /// The directives in order, each `include` replaced by the directives of its files.
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

    /// An error at the place of a directive.
    pub fn error(&self, directive: &Directive, text: impl Into<String>) -> SyntaxError {
        SyntaxError::new(&self.file(directive.file).path, directive.line, text)
    }
}

/// An error in an nginx configuration, shown as `FILE:LINE: text`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// Path of the file as opened.
    pub path: PathBuf,
    /// The line, from 1; 0 if the file could not be read.
    pub line: u32,
    /// The reason, in nginx's words where nginx has such an error.
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

/// Text of a file for use in a message: on one line, without control characters, shortened.
pub(super) fn excerpt(bytes: &[u8]) -> String {
    const CHARACTERS_MAX: usize = 60;
    // A character has at most four bytes, so this prefix is enough to fill the excerpt.
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

/// Error text of the parser and the loader, which share this limit.
pub(super) fn too_deep() -> String {
    format!("blocks and include files are nested more than {DEPTH_MAX} levels deep")
}
