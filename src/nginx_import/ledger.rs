//! Records the outcome for every directive of the files, so that none is dropped silently.

use super::syntax::{Body, Directive, FileId, Tree, excerpt};
use std::collections::BTreeMap;

/// Outcome of a translation for one directive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Carried over: the daemon does it.
    Carried,
    /// Behind nginx: stays in effect in nginx. In nginx's place: has no effect that a client could
    /// notice.
    Kept,
    /// No longer in effect, with the reason.
    Dropped(String),
}

/// A directive and its fate. The entry of a block covers all content without entries of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// `FILE:LINE`
    pub origin: String,
    /// The directive as it is written, shortened.
    pub text: String,
    /// Its outcome.
    pub fate: Fate,
}

/// The entries of all directives visited so far.
#[derive(Default)]
pub(super) struct Ledger {
    by_place: BTreeMap<(FileId, usize), Entry>,
}

impl Ledger {
    /// Enters a directive. One entered before (its file is included several times) keeps the worst
    /// fate.
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

    /// Returns all entries, the main file first, each file from top to bottom.
    pub(super) fn into_entries(self) -> Vec<Entry> {
        self.by_place.into_values().collect()
    }
}

fn severity(fate: &Fate) -> u8 {
    match fate {
        Fate::Kept => 0,
        Fate::Carried => 1,
        Fate::Dropped(_) => 2,
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
