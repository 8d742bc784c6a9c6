//! Finds directives that may refuse requests to a push-stream location. The daemon has no access
//! rules, so in nginx's place it refuses such a configuration rather than serve it unprotected.

use super::fates::Kind;
use super::routes::Route;
use super::scope::{ScopeId, ScopeKind};
use super::scopes::Scopes;
use super::syntax::{Body, Directive, SyntaxError};
use crate::config::{PREFIX, PathMatch};
use regex_lite::RegexBuilder;

/// A location and its index in the routes of its server.
pub(super) struct Neighbour<'r> {
    pub(super) index: usize,
    pub(super) route: &'r Route,
}

/// A location that is not served, and its directive that may refuse requests.
pub(super) struct Guarded<'t, 'r> {
    other: Neighbour<'r>,
    guard: (&'t Directive, Kind),
}

/// Refuses a served location if a directive on its level, or on one around it, may refuse requests.
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

/// Of the locations that the daemon does not serve, those with a directive that may refuse
/// requests.
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

/// Refuses a guarded location that nginx may choose over a served one: without nginx, the served
/// one would answer those requests.
pub(super) fn refuse_beside(
    scopes: &Scopes<'_>,
    served: &Neighbour<'_>,
    guarded: &[Guarded<'_, '_>],
) -> Result<(), SyntaxError> {
    let Ok(path) = &served.route.path else { return Ok(()) };
    let Some(found) =
        guarded.iter().find(|guarded| may_take_from(scopes, &guarded.other, served, path))
    else {
        return Ok(());
    };
    let (guard, kind) = found.guard;
    let text = format!("{} (it guards part of location \"{path}\")", reason(guard, kind));
    Err(scopes.tree().error(guard, text))
}

/// The directive itself, or the first one inside it if it is an `if`, that may refuse a request.
/// A handler counts only on the level of the served location itself.
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
            "is unknown to the daemon. If it is an access rule, it would not be enforced"
        }
        Kind::Location | Kind::Process | Kind::Irrelevant | Kind::Missed | Kind::Restricting => {
            "would not be enforced: the daemon has no access rules of its own"
        }
    };
    format!("\"{name}\" {why}. Keep nginx in front of the daemon (rpushd import-nginx)")
}

/// Whether nginx may choose `other` for a request that the daemon, which lacks `other`, would
/// answer from `served`. True in doubt.
fn may_take_from(
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
        // Regular expressions are tried even if a path matches.
        (Prefix(_), Regex { .. }) => false,
        (PrefixFinal(start), Regex { pattern, .. }) | (Regex { pattern, .. }, Prefix(start)) => {
            may_meet(start, &literal_start(pattern))
        }
        (Regex { pattern, .. }, PrefixFinal(start)) => {
            // `^~`: only regular expressions nested in it are tried.
            let parent = scopes.scope(other.route.id).parent;
            let is_nested = parent.is_some_and(|id| scopes.scope(id).kind == ScopeKind::Location);
            is_nested && may_meet(start, &literal_start(pattern))
        }
        (Regex { pattern: first, .. }, Regex { pattern: second, .. }) => {
            other.index < served.index && may_meet(&literal_start(first), &literal_start(second))
        }
    }
}

/// Whether it is a `location @name`, which no request can address.
fn is_named(scopes: &Scopes<'_>, id: ScopeId) -> bool {
    let opening = scopes.scope(id).opening;
    let first = opening.and_then(|opening| opening.arguments.first());
    first.is_some_and(|word| word.value.starts_with(b"@"))
}

/// Whether a path can begin with both texts, letter case ignored as with `~*`.
fn may_meet(left: &str, right: &str) -> bool {
    let (left, right) = (left.to_ascii_lowercase(), right.to_ascii_lowercase());
    left.starts_with(&right) || right.starts_with(&left)
}

/// A literal prefix of every path that the expression matches; blank if there is none, or none can
/// be found.
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

/// Whether there is a `|` outside of all groups. True in doubt.
fn has_alternatives(pattern: &str) -> bool {
    let mut depth = 0_usize;
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => _ = letters.next(),
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            '|' if depth == 0 => return true,
            // Parentheses inside a class are no group; this scanner does not read classes.
            '[' => return pattern.contains('|'),
            _ => {}
        }
    }
    false
}
