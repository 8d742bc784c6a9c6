//! What keeps requests from a push-stream location in nginx. The daemon has no access rules, so in
//! nginx's place it refuses to start with any: better no service than an open one.

use super::directives::PREFIX;
use super::fates::Kind;
use super::routes::Route;
use super::scope::{ScopeId, ScopeKind};
use super::scopes::Scopes;
use super::syntax::{Body, Directive, SyntaxError};
use crate::config::PathMatch;
use regex_lite::RegexBuilder;

/// A location and its place among the routes of its server.
pub(super) struct Neighbour<'r> {
    pub(super) index: usize,
    pub(super) route: &'r Route,
}

/// A location that is not served, and what may turn requests away there.
pub(super) struct Guarded<'t, 'r> {
    other: Neighbour<'r>,
    guard: (&'t Directive, Kind),
}

/// Refuses a served location with anything on its level or around it that may turn a request away.
pub(super) fn refuse_around(scopes: &Scopes<'_>, location: ScopeId) -> Result<(), SyntaxError> {
    let around = std::iter::successors(Some(location), |id| scopes.scope(*id).parent);
    for id in around {
        for directive in &scopes.scope(id).directives {
            if let Some((guard, kind)) = guard(scopes, directive, id == location) {
                return Err(scopes.tree().error(guard, reason(guard, kind)));
            }
        }
    }
    Ok(())
}

/// The guarded ones of the locations that the daemon does not serve.
pub(super) fn guarded<'t, 'r>(
    scopes: &Scopes<'t>,
    others: impl Iterator<Item = Neighbour<'r>>,
) -> Vec<Guarded<'t, 'r>> {
    let is_location = |id: &ScopeId| scopes.scope(*id).kind == ScopeKind::Location;
    let guard_of = |other: &Neighbour<'_>| {
        std::iter::successors(Some(other.route.id), |id| scopes.scope(*id).parent)
            .take_while(is_location)
            .flat_map(|id| &scopes.scope(id).directives)
            .find_map(|directive| guard(scopes, directive, false))
    };
    others.filter_map(|other| guard_of(&other).map(|guard| Guarded { other, guard })).collect()
}

/// Refuses a guarded location that takes requests from a served one: without nginx the served one
/// would answer them.
pub(super) fn refuse_beside(
    scopes: &Scopes<'_>,
    served: &Neighbour<'_>,
    guarded: &[Guarded<'_, '_>],
) -> Result<(), SyntaxError> {
    let Ok(path) = &served.route.path else { return Ok(()) };
    let Some(found) = guarded.iter().find(|one| takes_from(scopes, &one.other, served, path))
    else {
        return Ok(());
    };
    let (guard, kind) = found.guard;
    let text = format!("{} (it guards part of location \"{path}\")", reason(guard, kind));
    Err(scopes.tree().error(guard, text))
}

/// The first directive that may turn a request away: this one, or one inside of an `if`. Another
/// handler does so only on the very level of a served location.
fn guard<'t>(
    scopes: &Scopes<'t>,
    directive: &'t Directive,
    is_served: bool,
) -> Option<(&'t Directive, Kind)> {
    if let ("if", Body::Block { directives, .. }) = (directive.name.as_str(), &directive.body) {
        let inside = scopes.tree().expanded(directives);
        return inside.into_iter().find_map(|inner| guard(scopes, inner, is_served));
    }
    let is_level = ["http", "server", "location"].contains(&directive.name.as_str());
    if is_level || directive.name.starts_with(PREFIX) {
        return None;
    }
    let kind = Kind::of(directive);
    let is_guard = match kind {
        Kind::Location | Kind::Process | Kind::Irrelevant | Kind::Missed => false,
        Kind::Handler => is_served,
        Kind::Restricting | Kind::Unknown => true,
    };
    is_guard.then_some((directive, kind))
}

fn reason(guard: &Directive, kind: Kind) -> String {
    let name = &guard.name;
    let why = match kind {
        Kind::Handler => {
            "answers requests of this location in its own way, which the daemon does not do"
        }
        Kind::Unknown => {
            "is not known to the daemon. If it guards a location, it would not be enforced"
        }
        Kind::Location | Kind::Process | Kind::Irrelevant | Kind::Missed | Kind::Restricting => {
            "would not be enforced: the daemon has no access rules of its own"
        }
    };
    format!("\"{name}\" {why}. Keep nginx in front of the daemon (rpushd import-nginx)")
}

/// Whether nginx may choose `other` for a request that the daemon, which does not have it, answers
/// with `served`. In doubt it may.
fn takes_from(
    scopes: &Scopes<'_>,
    other: &Neighbour<'_>,
    served: &Neighbour<'_>,
    path: &PathMatch,
) -> bool {
    use PathMatch::{Exact, Prefix, PrefixFinal, Regex};
    let Ok(other_path) = &other.route.path else {
        return !is_named(scopes, other.route.id);
    };
    match (other_path, path) {
        (Exact(_) | Prefix(_) | PrefixFinal(_), Exact(_)) | (Regex { .. }, Exact(_)) => false,
        (
            Exact(longer) | Prefix(longer) | PrefixFinal(longer),
            Prefix(start) | PrefixFinal(start),
        ) => longer.starts_with(start),
        (Exact(text), Regex { pattern, ignores_case }) => {
            let regex = RegexBuilder::new(pattern).case_insensitive(*ignores_case).build();
            regex.map_or(true, |regex| regex.is_match(text))
        }
        // Regular expressions are asked even if a path matches.
        (Prefix(_), Regex { .. }) => false,
        (PrefixFinal(start), Regex { pattern, .. }) | (Regex { pattern, .. }, Prefix(start)) => {
            may_meet(start, &literal_start(pattern))
        }
        (Regex { pattern, .. }, PrefixFinal(start)) => {
            // Only those inside of it are asked.
            let parent = scopes.scope(other.route.id).parent;
            let is_nested = parent.is_some_and(|id| scopes.scope(id).kind == ScopeKind::Location);
            is_nested && may_meet(start, &literal_start(pattern))
        }
        (Regex { pattern: first, .. }, Regex { pattern: second, .. }) => {
            other.index < served.index && may_meet(&literal_start(first), &literal_start(second))
        }
    }
}

/// `location @name`, which no request can ask for.
fn is_named(scopes: &Scopes<'_>, id: ScopeId) -> bool {
    let opening = scopes.scope(id).opening;
    let first = opening.and_then(|opening| opening.arguments.first());
    first.is_some_and(|word| word.value.starts_with(b"@"))
}

/// Whether one path can begin with both texts. Letter case is left out of account, as `~*` does.
fn may_meet(left: &str, right: &str) -> bool {
    let (left, right) = (left.to_ascii_lowercase(), right.to_ascii_lowercase());
    left.starts_with(&right) || right.starts_with(&left)
}

/// Plain text with which everything begins that the expression matches; blank if that is not plain
/// to see.
fn literal_start(pattern: &str) -> String {
    let Some(rest) = pattern.strip_prefix('^') else {
        return String::new();
    };
    if has_alternatives(rest) {
        return String::new();
    }
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "/_-".contains(letter);
    let mut start: String = rest.chars().take_while(|letter| is_plain(*letter)).collect();
    // The last letter may be optional.
    if rest[start.len()..].starts_with(['?', '*', '{']) {
        start.pop();
    }
    start
}

/// Whether there is a `|` outside of all groups. In doubt: true.
fn has_alternatives(pattern: &str) -> bool {
    let mut depth = 0_usize;
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => _ = letters.next(),
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            '|' if depth == 0 => return true,
            // A bracket inside of a class is no group.
            '[' => return pattern.contains('|'),
            _ => {}
        }
    }
    false
}
