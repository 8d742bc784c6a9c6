//! The fate of every directive: a walk over all levels that leaves none out.

use super::directives::PREFIX;
use super::fates::{Kind, loads_module};
use super::ledger::{Fate, Ledger};
use super::process;
use super::proxy;
use super::scope::{ScopeId, ScopeKind};
use super::scopes::Scopes;
use super::served::ServedServer;
use super::syntax::{Directive, FileId};
use super::translation::{Decision, Placement};
use std::collections::{BTreeMap, BTreeSet};

/// Enters all directives that have no entry yet; those that have one keep the worse fate.
pub(super) fn account(
    scopes: &Scopes<'_>,
    placement: Placement,
    served: &[ServedServer],
    left: &[(ScopeId, String)],
    ledger: &mut Ledger,
) {
    let servers: BTreeSet<ScopeId> = served.iter().map(|server| server.id).collect();
    let locations = served.iter().flat_map(|server| server.scopes.iter().copied()).collect();
    let mut accountant = Accountant { scopes, placement, servers, locations, left, ledger };
    if let Some(main) = scopes.ids().next() {
        accountant.level(main);
    }
}

struct Accountant<'a, 't> {
    scopes: &'a Scopes<'t>,
    placement: Placement,
    servers: BTreeSet<ScopeId>,
    locations: BTreeSet<ScopeId>,
    left: &'a [(ScopeId, String)],
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

    /// A level, and what is in it unless its opening stands for that.
    fn block(&mut self, id: ScopeId, opening: &Directive) {
        let is_instead = self.placement == Placement::Instead;
        let left = self.left.iter().find(|(left, _)| *left == id).map(|(_, reason)| reason);
        let fate = match self.scopes.scope(id).kind {
            ScopeKind::Main | ScopeKind::Http => Fate::Carried,
            ScopeKind::Server if self.servers.contains(&id) => Fate::Carried,
            ScopeKind::Server if is_instead => Fate::Left(
                "it has no push-stream location, and the daemon serves nothing else".into(),
            ),
            ScopeKind::Location if self.locations.contains(&id) => Fate::Carried,
            ScopeKind::Location if left.is_some() => Fate::Left(left.cloned().unwrap_or_default()),
            ScopeKind::Location if is_instead && !self.holds_served(id) => Fate::Left(
                "it is no push-stream location, and the daemon serves nothing else".into(),
            ),
            ScopeKind::If if self.scopes.sets_push_stream(id) => Fate::Carried,
            ScopeKind::If if is_instead => Fate::Left(OTHER.into()),
            ScopeKind::Server | ScopeKind::Location | ScopeKind::If => Fate::Kept,
        };
        let stands_for_all = matches!(fate, Fate::Left(_));
        self.ledger.enter(self.scopes.tree(), opening, fate);
        if !stands_for_all {
            self.level(id);
        }
    }

    /// Whether a location in it is served.
    fn holds_served(&self, id: ScopeId) -> bool {
        let mut inner = self.scopes.children(id, ScopeKind::Location);
        inner.any(|inner| self.locations.contains(&inner) || self.holds_served(inner))
    }

    fn fate(&self, id: ScopeId, directive: &Directive) -> Fate {
        let is_instead = self.placement == Placement::Instead;
        let kind = self.scopes.scope(id).kind;
        let holds_for_served = match kind {
            ScopeKind::Main | ScopeKind::If => false,
            ScopeKind::Http => true,
            ScopeKind::Server => self.servers.contains(&id),
            ScopeKind::Location => self.locations.contains(&id) || self.holds_served(id),
        };
        if directive.name.starts_with(PREFIX) || !is_instead && loads_module(directive) {
            return Fate::Carried;
        }
        match (Kind::of(directive), is_instead) {
            (Kind::Location, _) if holds_for_served => Fate::Carried,
            (Kind::Process, _) if directive.name == "worker_processes" => Fate::Carried,
            (Kind::Process, true) if directive.name == "error_log" => self.error_log(directive),
            (Kind::Process, true) => Fate::Carried,
            (Kind::Irrelevant, _) => Fate::Kept,
            (_, false) => Fate::Kept,
            (
                Kind::Location | Kind::Missed | Kind::Handler | Kind::Restricting | Kind::Unknown,
                true,
            ) => Fate::Left(OTHER.into()),
        }
    }

    /// The daemon has one log.
    fn error_log(&self, directive: &Directive) -> Fate {
        match process::error_log(self.scopes) {
            Some(first) if std::ptr::eq(first, directive) => process::error_log_fate(directive),
            _ => Fate::Left("the daemon has one log, the first".into()),
        }
    }
}

const OTHER: &str =
    "the daemon does not know it; nginx in front of the daemon would go on doing it";

/// What the operator has to think about.
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
                "the daemon is one process; the statistics list as many workers as this says"
            }
            "daemon" if word != "off" && placement == Placement::Instead => {
                "the daemon stays in the foreground, for a supervisor to watch"
            }
            "user" if placement == Placement::Instead => "the daemon keeps the user that starts it",
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
            if proxy::may_be_quiet_for_ever(location) {
                let text = "nothing is sent on a quiet connection, so nginx waits for a day before \
                            it gives a dead one up: set push_stream_ping_message_interval (or a \
                            connection ttl), import again";
                decisions.push(Decision::at(tree, opening, text));
            }
            for directive in &scope.directives {
                if directive.name == "rewrite" {
                    let text = "the daemon matches the path that this makes, not the one that was \
                                asked for";
                    decisions.push(Decision::at(tree, directive, text));
                }
            }
        }
    }
    decisions
}
