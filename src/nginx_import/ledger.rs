//! What became of every directive of the files, so that nothing is dropped silently.

use super::syntax::{Body, Directive, FileId, Tree, excerpt};
use std::collections::BTreeMap;

/// What became of a directive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The daemon does what it says.
    Carried,
    /// Behind nginx: nginx goes on doing it. In its place: it says nothing that a client could notice.
    Kept,
    /// Nobody does it any more, and why.
    Left(String),
}

/// A directive and its fate. A block stands for all in it that has no entry of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// `FILE:LINE`
    pub origin: String,
    /// The directive as it is written, shortened.
    pub text: String,
    /// What became of it.
    pub fate: Fate,
}

/// An entry for each directive that was looked at.
#[derive(Default)]
pub(super) struct Ledger {
    by_place: BTreeMap<(FileId, usize), Entry>,
}

impl Ledger {
    /// Enters a directive. In a file that is included several times the worst fate counts.
    pub(super) fn enter(&mut self, tree: &Tree, directive: &Directive, fate: Fate) {
        let entry = Entry {
            origin: tree.origin(directive),
            text: written(tree, directive),
            fate: fate.clone(),
        };
        let known =
            self.by_place.entry((directive.file, directive.span.start)).or_insert_with(|| entry);
        if severity(&fate) > severity(&known.fate) {
            known.fate = fate;
        }
    }

    /// All entries, the main file first, each file from top to bottom.
    pub(super) fn into_entries(self) -> Vec<Entry> {
        self.by_place.into_values().collect()
    }
}

fn severity(fate: &Fate) -> u8 {
    match fate {
        Fate::Kept => 0,
        Fate::Carried => 1,
        Fate::Left(_) => 2,
    }
}

/// `name words;` or `name words { … }`.
fn written(tree: &Tree, directive: &Directive) -> String {
    let start = directive.span.start;
    let text = &tree.file(directive.file).text;
    let (end, sign) = match &directive.body {
        Body::Simple | Body::Included(_) => (directive.span.end - 1, ";"),
        Body::Block { inner, .. } => (inner.start - 1, " { … }"),
    };
    excerpt(text[start..end].trim_ascii_end()) + sign
}
