//! Flattens nginx's nested locations into one list from which the daemon picks the same location
//! as nginx: the longest path, unless a regular expression matches, the first of which then wins.

use super::scope::{ScopeId, ScopeKind};
use super::scopes::Scopes;
use super::syntax::{Directive, SyntaxError};
use crate::config::PathMatch;

/// A location in the flat list.
pub(super) struct Route {
    pub(super) id: ScopeId,
    /// Its path, or why the daemon cannot match it.
    pub(super) path: Result<PathMatch, String>,
}

/// All locations of a server, nested ones included. The error is a nesting that nginx refuses.
pub(super) fn routes(scopes: &Scopes<'_>, server: ScopeId) -> Result<Vec<Route>, SyntaxError> {
    let mut collector = Collector { scopes, nested_expressions: Vec::new(), others: Vec::new() };
    for location in scopes.children(server, ScopeKind::Location) {
        collector.enter(location, None)?;
    }
    let Collector { mut nested_expressions, others, .. } = collector;
    let paths = static_paths(&others);
    for (route, outer) in &mut nested_expressions {
        // If nginx finds a longer path elsewhere, it does not try the nested expression.
        let is_hidden = paths.iter().any(|path| path != outer && path.starts_with(&*outer));
        if is_hidden {
            route.path = Err(format!(
                "this regular expression applies below \"{outer}\" only, where other locations \
                 hide it; move it out of \"{outer}\""
            ));
        }
    }
    Ok(nested_expressions.into_iter().map(|(route, _)| route).chain(others).collect())
}

struct Collector<'a, 't> {
    scopes: &'a Scopes<'t>,
    /// Regular expressions nested in a path, with that path.
    nested_expressions: Vec<(Route, String)>,
    others: Vec<Route>,
}

impl Collector<'_, '_> {
    fn enter(&mut self, id: ScopeId, outer: Option<&PathMatch>) -> Result<(), SyntaxError> {
        let Some(opening) = self.scopes.scope(id).opening else {
            return Ok(());
        };
        let words: Vec<_> = opening.arguments.iter().map(|argument| argument.text()).collect();
        let written = PathMatch::parse(&words.join(" "));
        let path = match (outer, &written) {
            (None, _) | (_, Err(_)) => written.clone(),
            (Some(outer), Ok(path)) => self.nested(opening, outer, path)?,
        };
        let route = Route { id, path: path.clone() };
        match (outer, &path) {
            (
                Some(PathMatch::Prefix(around) | PathMatch::PrefixFinal(around)),
                Ok(PathMatch::Regex { .. }),
            ) => self.nested_expressions.push((route, around.clone())),
            _ => self.others.push(route),
        }
        for inner in self.scopes.children(id, ScopeKind::Location) {
            let Ok(around) = path.as_ref().or(written.as_ref()) else {
                continue;
            };
            self.enter(inner, Some(around))?;
        }
        Ok(())
    }

    /// The path of a nested location in the flat list. The inner error is the reason why the daemon
    /// cannot match it, the outer one why nginx refuses it.
    fn nested(
        &self,
        opening: &Directive,
        outer: &PathMatch,
        path: &PathMatch,
    ) -> Result<Result<PathMatch, String>, SyntaxError> {
        let refuse = |text: String| Err(self.scopes.tree().error(opening, text));
        let around = match outer {
            PathMatch::Regex { pattern, .. } => {
                return Ok(Err(format!(
                    "the daemon has no locations inside of regular expressions; move it out of \
                     \"{pattern}\""
                )));
            }
            PathMatch::Exact(around) => {
                return refuse(format!(
                    "location \"{path}\" cannot be inside the exact location \"{around}\""
                ));
            }
            PathMatch::Prefix(around) | PathMatch::PrefixFinal(around) => around,
        };
        Ok(match path {
            PathMatch::Exact(inner) | PathMatch::Prefix(inner) | PathMatch::PrefixFinal(inner)
                if !inner.starts_with(around) =>
            {
                return refuse(format!("location \"{inner}\" is outside location \"{around}\""));
            }
            PathMatch::Exact(_) => Ok(path.clone()),
            // The outermost location decides whether regular expressions of the server are tried.
            PathMatch::Prefix(inner) | PathMatch::PrefixFinal(inner) => Ok(match outer {
                PathMatch::PrefixFinal(_) => PathMatch::PrefixFinal(inner.clone()),
                _ => PathMatch::Prefix(inner.clone()),
            }),
            PathMatch::Regex { pattern, .. } if is_within(pattern, around) => Ok(path.clone()),
            PathMatch::Regex { pattern, .. } => Err(format!(
                "this regular expression applies below \"{around}\" only, which the daemon cannot \
                 express: begin it with ^{around} or move it out of \"{around}\" (\"{pattern}\")"
            )),
        })
    }
}

/// Whether every path that the expression matches begins with `around`. False in doubt.
fn is_within(pattern: &str, around: &str) -> bool {
    let is_plain =
        around.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/_-".contains(&byte));
    let Some(rest) = pattern.strip_prefix('^').and_then(|rest| rest.strip_prefix(around)) else {
        return false;
    };
    // A quantifier could make the last letter optional, a `|` begin an alternative.
    is_plain && !rest.starts_with(['?', '*', '{']) && !rest.contains('|')
}

fn static_paths(routes: &[Route]) -> Vec<String> {
    let path = |route: &Route| match &route.path {
        Ok(PathMatch::Prefix(path) | PathMatch::PrefixFinal(path)) => Some(path.clone()),
        Ok(PathMatch::Exact(_) | PathMatch::Regex { .. }) | Err(_) => None,
    };
    routes.iter().filter_map(path).collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::loaded;
    use super::*;

    fn flat(locations: &str) -> Result<Vec<String>, String> {
        let text = format!("http {{ server {{ {locations} }} }}");
        let tree = loaded(&[("/etc/nginx.conf", &text)]).unwrap();
        let scopes = Scopes::read(&tree).unwrap();
        let server = scopes.children(scopes.http().unwrap(), ScopeKind::Server).next().unwrap();
        let routes = routes(&scopes, server).map_err(|error| error.text)?;
        let shown = |route: Route| route.path.map_or_else(|reason| reason, |path| path.to_string());
        Ok(routes.into_iter().map(shown).collect())
    }

    #[test]
    fn nested_paths_become_a_flat_list_that_picks_the_same_location() {
        let shown = flat(
            "location / { } location =/exact { } location ~ ^/x(.*) { }
             location ^~ /a { location /a/b { location = /a/b/c { } } }
             location /d { location ^~ /d/e { } location ~* ^/d/(\\d+)$ { } }",
        )
        .unwrap();
        // `/d/e` would hide a regular expression below `/d`.
        let hidden = "this regular expression applies below \"/d\" only, where other locations \
                      hide it; move it out of \"/d\"";
        let expected =
            [hidden, "/", "= /exact", "~ ^/x(.*)", "^~ /a", "^~ /a/b", "= /a/b/c", "/d", "/d/e"];
        assert_eq!(shown, expected);
        let shown = flat("location ~ ^/d { } location /d { location ~ ^/d/(.*) { } }").unwrap();
        assert_eq!(shown, ["~ ^/d/(.*)", "~ ^/d", "/d"]);
    }

    #[test]
    fn what_cannot_be_flattened_gives_its_reason() {
        let shown = flat("location ~ ^/a { location /a/b { } } location /c { location ~ x { } }");
        let shown = shown.unwrap();
        assert!(shown[1].starts_with("the daemon has no locations inside of regular"));
        assert!(shown[3].starts_with("this regular expression applies below \"/c\" only, which"));
    }

    #[test]
    fn a_nesting_that_nginx_refuses_is_refused() {
        assert_eq!(
            flat("location /a { location /b { } }").unwrap_err(),
            "location \"/b\" is outside location \"/a\""
        );
        assert_eq!(
            flat("location = /a { location /a/b { } }").unwrap_err(),
            "location \"/a/b\" cannot be inside the exact location \"/a\""
        );
    }
}
