//! One level of an nginx configuration.

use super::syntax::Directive;
use std::collections::BTreeMap;

/// Index of a level in `Scopes`.
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
    /// The kind of level that a directive of this name opens on a level of this kind; none if it
    /// opens none.
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
    /// The kind of block.
    pub kind: ScopeKind,
    /// The level around it; none for the top.
    pub parent: Option<ScopeId>,
    /// The directive that opens the block; none for the top.
    pub opening: Option<&'t Directive>,
    /// All directives on this level, in order, with includes replaced by their content and with
    /// the openings of inner levels.
    pub directives: Vec<&'t Directive>,
    /// The levels directly inside.
    pub(super) inner: Vec<ScopeId>,
    /// The last directive of each name.
    pub(super) by_name: BTreeMap<&'t str, &'t Directive>,
}

impl<'t> Scope<'t> {
    /// The directive of this name on this level itself; the last one if repeated.
    pub fn own(&self, name: &str) -> Option<&'t Directive> {
        self.by_name.get(name).copied()
    }
}
