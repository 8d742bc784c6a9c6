//! An nginx configuration, read for what it says to the push stream module. Text comes in through
//! [`Files`]; there is no file, socket or clock here.
//!
//! Leaves to root: `syntax` (the tree), `lexer`, `parser` (one file), `glob` and `include` (many files),
//! `directives` and `checks` (what may stand where), `inheritance` (what holds in a location).

mod checks;
mod directives;
mod glob;
mod include;
mod inheritance;
mod lexer;
mod parser;
mod syntax;

pub use directives::{Contexts, DIRECTIVES, KnownDirective, PREFIX};
pub use include::{BYTES_MAX, DEPTH_MAX, Files, WORDS_MAX, load};
pub use inheritance::{Scope, ScopeId, ScopeKind, Scopes};
pub use lexer::PARAMETER_BYTES_MAX;
pub use syntax::{Argument, Body, Directive, FileId, SourceFile, Span, SyntaxError, Tree};

#[cfg(test)]
mod robustness;
#[cfg(test)]
mod testing;
