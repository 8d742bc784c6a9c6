//! Translates an nginx configuration that uses the push stream module into a [`Config`] of the
//! daemon, a patch for nginx and a report. All text is read through [`Files`]: no file, socket or
//! clock is used here.
//!
//! Leaves to root: `syntax` (the tree), `lexer`, `parser` (one file), `glob` and `include` (many
//! files), `directives`, `scope` and `checks` (where a directive is allowed), `scopes` (which
//! directives are on which level); `ledger` (the outcome for each directive); `levels`,
//! `conditions`, `listens`, `routes`, `process` and `proxy` (settings of the daemon), `fates` and
//! `guards` (nginx's own directives, and which of them may be access rules); `served` and
//! `translation` (the result), `accounting`, `wiring` and `translate` (how the result is made);
//! `unified_diff` and `replacement` (the patch for nginx), `report`.
//!
//! [`Config`]: crate::config::Config

mod accounting;
mod checks;
mod conditions;
mod directives;
mod fates;
mod glob;
mod guards;
mod include;
mod ledger;
mod levels;
mod lexer;
mod listens;
mod parser;
mod process;
mod proxy;
mod replacement;
mod report;
mod routes;
mod scope;
mod scopes;
mod served;
mod syntax;
mod translate;
mod translation;
mod unified_diff;
mod wiring;

pub use include::{BYTES_MAX, Files, WORDS_MAX, load};
pub use ledger::{Entry, Fate};
pub use lexer::PARAMETER_BYTES_MAX;
pub use scope::{Scope, ScopeId, ScopeKind};
pub use scopes::Scopes;
pub use syntax::{
    Argument, Body, DEPTH_MAX, Directive, FileId, SourceFile, Span, SyntaxError, Tree,
};
pub use translate::{LEVELS_MAX, translate};
pub use translation::{Decision, Placement, Translation};

#[cfg(test)]
mod robustness;
#[cfg(test)]
mod testing;
