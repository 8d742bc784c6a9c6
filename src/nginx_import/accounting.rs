//! Walks all levels and enters the fate of every directive in the ledger.

use super::fates::{Kind, loads_module};
use super::ledger::{Fate, Ledger};
use super::process;
use super::proxy;
use super::scope::{ScopeId, ScopeKind};
use super::scopes::Scopes;
use super::served::ServedServer;
use super::syntax::{Directive, FileId};
use super::translation::{Decision, Placement};
use crate::config::PREFIX;
use std::collections::{BTreeMap, BTreeSet};

/// Enters every directive. One that is entered already keeps the worse of both fates.
pub(super) fn account(
    scopes: &Scopes<'_>,
    placement: Placement,
    served: &[ServedServer],
    dropped: &[(ScopeId, String)],
    ledger: &mut Ledger,
) {
    let servers: BTreeSet<ScopeId> = served.iter().map(|server| server.id).collect();
    let locations = served.iter().flat_map(|server| server.scopes.iter().copied()).collect();
    let mut accountant = Accountant { scopes, placement, servers, locations, dropped, ledger };
    if let Some(main) = scopes.ids().next() {
        accountant.level(main);
    }
}

struct Accountant<'a, 't> {
    scopes: &'a Scopes<'t>,
    placement: Placement,
    servers: BTreeSet<ScopeId>,
    locations: BTreeSet<ScopeId>,
    dropped: &'a [(ScopeId, String)],
    ledger: &'a mut Ledger,
}

impl Accountant<'_, '_> {
    fn level(&mut self, id: ScopeId) {
        let tree = self.scopes.tree();
        // A file that is included twice opens a level twice with the same directive.
        let mut inner: BTreeMap<(FileId, usize), Vec<ScopeId>> = BTreeMap::new();
        for level in self.scopes.inner(id) {
            if let Some(opening) = self.scopes.scope(*level).opening {
                inner.entry((opening.file, opening.span.start)).or_default().push(*level);
            }
        }
        for directive in self.scopes.scope(id).directives.iter().copied() {
            match inner.get(&(directive.file, directive.span.start)) {
                Some(levels) => levels.iter().for_each(|level| self.block(*level, directive)),
                None => {
                    let fate = self.fate(id, directive);
                    self.ledger.enter(tree, directive, fate);
                }
            }
        }
    }

    /// Enters the opening directive of a level, then its content. If the level is not carried
    /// over, its opening directive is the only entry.
    fn block(&mut self, id: ScopeId, opening: &Directive) {
        let is_instead = self.placement == Placement::Instead;
        let dropped =
            self.dropped.iter().find(|(dropped, _)| *dropped == id).map(|(_, reason)| reason);
        let fate = match self.scopes.scope(id).kind {
            ScopeKind::Main | ScopeKind::Http => Fate::Carried,
            ScopeKind::Server if self.servers.contains(&id) => Fate::Carried,
            ScopeKind::Server if is_instead => {
                Fate::Dropped("it has no push-stream location; the daemon serves only those".into())
            }
            ScopeKind::Location if self.locations.contains(&id) => Fate::Carried,
            ScopeKind::Location if dropped.is_some() => {
                Fate::Dropped(dropped.cloned().unwrap_or_default())
            }
            ScopeKind::Location if is_instead && !self.holds_served(id) => {
                Fate::Dropped("it is no push-stream location; the daemon serves only those".into())
            }
            ScopeKind::If if self.scopes.sets_push_stream(id) => Fate::Carried,
            ScopeKind::If if is_instead => Fate::Dropped(OTHER.into()),
            ScopeKind::Server | ScopeKind::Location | ScopeKind::If => Fate::Kept,
        };
        let covers_content = matches!(fate, Fate::Dropped(_));
        self.ledger.enter(self.scopes.tree(), opening, fate);
        if !covers_content {
            self.level(id);
        }
    }

    /// Whether a location inside this level is served.
    fn holds_served(&self, id: ScopeId) -> bool {
        let mut inner = self.scopes.children(id, ScopeKind::Location);
        inner.any(|inner| self.locations.contains(&inner) || self.holds_served(inner))
    }

    fn fate(&self, id: ScopeId, directive: &Directive) -> Fate {
        let is_instead = self.placement == Placement::Instead;
        let kind = self.scopes.scope(id).kind;
        let applies_to_served = match kind {
            ScopeKind::Main | ScopeKind::If => false,
            ScopeKind::Http => true,
            ScopeKind::Server => self.servers.contains(&id),
            ScopeKind::Location => self.locations.contains(&id) || self.holds_served(id),
        };
        if directive.name.starts_with(PREFIX) || !is_instead && loads_module(directive) {
            return Fate::Carried;
        }
        match (Kind::of(directive), is_instead) {
            (Kind::Location, _) if applies_to_served => Fate::Carried,
            (Kind::Process, _) if directive.name == "worker_processes" => Fate::Carried,
            (Kind::Process, true) if directive.name == "error_log" => self.error_log(directive),
            (Kind::Process, true) => Fate::Carried,
            (Kind::Irrelevant, _) => Fate::Kept,
            (_, false) => Fate::Kept,
            (
                Kind::Location | Kind::Missed | Kind::Handler | Kind::Restricting | Kind::Unknown,
                true,
            ) => Fate::Dropped(OTHER.into()),
        }
    }

    /// The daemon has one log, so only the first `error_log` is carried over.
    fn error_log(&self, directive: &Directive) -> Fate {
        match process::error_log(self.scopes) {
            Some(first) if std::ptr::eq(first, directive) => process::error_log_fate(directive),
            _ => Fate::Dropped("the daemon has one log: the first error_log".into()),
        }
    }
}

const OTHER: &str =
    "the daemon has no such directive; with nginx in front of the daemon it stays in effect";

/// Collects what the operator has to decide.
pub(super) fn decisions(
    scopes: &Scopes<'_>,
    placement: Placement,
    served: &[ServedServer],
) -> Vec<Decision> {
    let tree = scopes.tree();
    let mut decisions = Vec::new();
    let main = scopes.ids().next().map(|main| &scopes.scope(main).directives);
    for directive in main.into_iter().flatten() {
        let word = directive.arguments.first().map(|word| word.text()).unwrap_or_default();
        let text = match directive.name.as_str() {
            "worker_processes" if word != "1" => {
                "the daemon is one process; its statistics list this many workers"
            }
            "daemon" if word != "off" && placement == Placement::Instead => {
                "the daemon stays in the foreground; run it under a supervisor"
            }
            "user" if placement == Placement::Instead => {
                "the daemon does not change its user; start it as the user it is to run as"
            }
            _ => continue,
        };
        decisions.push(Decision::at(tree, directive, text));
    }
    if placement == Placement::Instead {
        return decisions;
    }
    for server in served {
        for (location, id) in server.locations.iter().zip(&server.scopes) {
            let scope = scopes.scope(*id);
            let Some(opening) = scope.opening else { continue };
            if proxy::has_no_keep_alive(location) {
                let text = "no keep-alive is sent on a quiet connection, so nginx closes a dead \
                            one only after a day: set push_stream_ping_message_interval (or a \
                            connection ttl) and import again";
                decisions.push(Decision::at(tree, opening, text));
            }
            for directive in &scope.directives {
                if directive.name == "rewrite" {
                    let text = "the daemon matches the rewritten path, not the requested one";
                    decisions.push(Decision::at(tree, directive, text));
                }
            }
        }
    }
    decisions
}
