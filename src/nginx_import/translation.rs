//! The result of a translation: a configuration for the daemon, changes for nginx, and an entry for
//! every directive.

use super::ledger::{Entry, Fate};
use super::syntax::{Directive, FileId, Span, Tree};
use crate::config::Config;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Whether the daemon replaces nginx or runs behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// Replaces nginx: listens, logs and writes its process id where nginx would.
    Instead,
    /// Behind nginx, which passes the requests of push-stream locations on. Servers that differ
    /// get ports of their own, counted up from the first.
    Behind {
        /// Address of the first server.
        upstream: SocketAddr,
    },
}

/// A translated nginx configuration.
#[derive(Debug)]
pub struct Translation {
    /// The configuration of the daemon.
    pub config: Config,
    /// Every directive and its fate.
    pub entries: Vec<Entry>,
    /// Points that the operator has to decide.
    pub decisions: Vec<Decision>,
    /// What the module would log at start (push-stream spec, section 3).
    pub messages: Vec<(log::Level, String)>,
    /// The main file.
    pub main: PathBuf,
    pub(super) replacements: Vec<Replacement>,
    /// Locations that the daemon cannot take over; the patch for nginx leaves them unchanged.
    pub(super) untouched: Vec<(FileId, Span)>,
}

/// A point that the operator has to decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// `FILE:LINE`
    pub origin: String,
    /// What to decide, and why.
    pub text: String,
}

impl Decision {
    pub(super) fn at(tree: &Tree, directive: &Directive, text: impl Into<String>) -> Decision {
        Decision { origin: tree.origin(directive), text: text.into() }
    }
}

/// The lines that replace the directive that gives a location its role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Replacement {
    pub(super) file: FileId,
    pub(super) span: Span,
    pub(super) lines: Vec<String>,
}

impl Translation {
    /// The directives that are no longer in effect.
    pub fn dropped(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| matches!(entry.fate, Fate::Dropped(_)))
    }
}
