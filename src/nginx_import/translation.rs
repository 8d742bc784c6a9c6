//! What a translation comes to: a configuration for the daemon, changes for nginx, and an account.

use super::ledger::{Entry, Fate};
use super::syntax::{Directive, FileId, Span, Tree};
use crate::config::Config;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Where the daemon is to stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// In nginx's place: it listens, logs and writes its process id where nginx would.
    Instead,
    /// Behind nginx, which passes on the requests of push-stream locations. Servers that differ
    /// have ports of their own, counted up from this one.
    Behind {
        /// Address of the first server.
        upstream: SocketAddr,
    },
}

/// What came of an nginx configuration.
#[derive(Debug)]
pub struct Translation {
    /// The same for the daemon.
    pub config: Config,
    /// Every directive and its fate.
    pub entries: Vec<Entry>,
    /// What somebody has to think about.
    pub decisions: Vec<Decision>,
    /// What the module would say at start (push-stream spec, section 3).
    pub messages: Vec<(log::Level, String)>,
    /// The main file.
    pub main: PathBuf,
    pub(super) replacements: Vec<Replacement>,
    /// Locations that the daemon cannot take over; nothing in them is changed.
    pub(super) untouched: Vec<(FileId, Span)>,
}

/// Something to think about, and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// `FILE:LINE`
    pub origin: String,
    /// In words.
    pub text: String,
}

impl Decision {
    pub(super) fn at(tree: &Tree, directive: &Directive, text: impl Into<String>) -> Decision {
        Decision { origin: tree.origin(directive), text: text.into() }
    }
}

/// What takes the place of the directive that gives a location its role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Replacement {
    pub(super) file: FileId,
    pub(super) span: Span,
    pub(super) lines: Vec<String>,
}

impl Translation {
    /// The directives that nobody does any more.
    pub fn leftovers(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| matches!(entry.fate, Fate::Left(_)))
    }
}
