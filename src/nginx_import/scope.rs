//! One level of an nginx configuration.

use super::syntax::Directive;
use std::collections::BTreeMap;

/// Index of a level of `Scopes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ScopeId(pub(super) usize);

/// What kind of block a level is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScopeKind {
    /// The top of the main file.
    Main,
    /// `http { … }`
    Http,
    /// `server { … }` in `http`.
    Server,
    /// `location … { … }`, in a server or in another location.
    Location,
    /// `if (…) { … }` in a location.
    If,
}

impl ScopeKind {
    /// The kind of level that a directive opens here; none if it opens no level, or not here.
    pub(super) fn inner(self, name: &str) -> Option<ScopeKind> {
        match (self, name) {
            (ScopeKind::Main, "http") => Some(ScopeKind::Http),
            (ScopeKind::Http, "server") => Some(ScopeKind::Server),
            (ScopeKind::Server | ScopeKind::Location, "location") => Some(ScopeKind::Location),
            (ScopeKind::Location, "if") => Some(ScopeKind::If),
            _ => None,
        }
    }
}

/// One level.
#[derive(Debug)]
pub struct Scope<'t> {
    /// What kind of block.
    pub kind: ScopeKind,
    /// The level around it; none for the top.
    pub parent: Option<ScopeId>,
    /// The directive that opens the block; none for the top.
    pub opening: Option<&'t Directive>,
    /// All that stands on this level, in order, include files in place; openings of inner levels
    /// too.
    pub directives: Vec<&'t Directive>,
    /// The levels directly inside.
    pub(super) inner: Vec<ScopeId>,
    /// The last directive of each name.
    pub(super) by_name: BTreeMap<&'t str, &'t Directive>,
}

impl<'t> Scope<'t> {
    /// A directive given on this very level; the last one if it is repeated.
    pub fn own(&self, name: &str) -> Option<&'t Directive> {
        self.by_name.get(name).copied()
    }
}
