//! Sorts the directives of an nginx configuration into levels. Their arguments are not interpreted
//! here, and inheritance is not applied.

use super::checks::{check_place, check_repetition, refuse_module_inside};
use super::directives::ROLES;
use super::scope::{Scope, ScopeId, ScopeKind};
use super::syntax::{Body, Directive, SyntaxError, Tree};
use crate::config::PREFIX;
use std::collections::BTreeMap;

/// All levels of a configuration.
#[derive(Debug)]
pub struct Scopes<'t> {
    tree: &'t Tree,
    scopes: Vec<Scope<'t>>,
}

impl<'t> Scopes<'t> {
    /// Sorts a configuration into levels. The error, in nginx's words, is the first directive of
    /// the module (or `http`, `server`, `location`, `if`) that is unknown, not allowed in its
    /// place, repeated, or has a wrong number of arguments.
    pub fn read(tree: &'t Tree) -> Result<Scopes<'t>, SyntaxError> {
        let mut scopes = Scopes { tree, scopes: Vec::new() };
        scopes.enter(ScopeKind::Main, None, None, &tree.main().directives)?;
        Ok(scopes)
    }

    /// The configuration that the levels belong to.
    pub fn tree(&self) -> &'t Tree {
        self.tree
    }

    /// One level.
    pub fn scope(&self, id: ScopeId) -> &Scope<'t> {
        &self.scopes[id.0]
    }

    /// All levels in the order of the text, each after the one around it.
    pub fn ids(&self) -> impl Iterator<Item = ScopeId> + use<> {
        (0..self.scopes.len()).map(ScopeId)
    }

    /// The levels of a kind directly inside another, in the order of the text.
    pub fn children(&self, parent: ScopeId, kind: ScopeKind) -> impl Iterator<Item = ScopeId> {
        let inner = self.scope(parent).inner.iter().copied();
        inner.filter(move |id| self.scope(*id).kind == kind)
    }

    /// The levels directly inside another, in the order of the text.
    pub fn inner(&self, parent: ScopeId) -> &[ScopeId] {
        &self.scope(parent).inner
    }

    /// The `http` block, if any.
    pub fn http(&self) -> Option<ScopeId> {
        self.ids().find(|id| self.scope(*id).kind == ScopeKind::Http)
    }

    /// The directive of this name on this level itself; the last one if repeated.
    pub fn own(&self, id: ScopeId, name: &str) -> Option<&'t Directive> {
        self.scope(id).own(name)
    }

    /// The directive of this name on this level, or else on the nearest level around it. It only
    /// locates a setting; values are inherited by [`crate::config::Level::inherit`].
    pub fn inherited(&self, id: ScopeId, name: &str) -> Option<&'t Directive> {
        self.with_outer(id).find_map(|id| self.own(id, name))
    }

    /// The directive that gives a location its role. An `if` has the role of its location; a
    /// nested location does not inherit one (push-stream spec, section 2.2).
    pub fn role(&self, id: ScopeId) -> Option<&'t Directive> {
        let scope = self.scope(id);
        let location = match (scope.kind, scope.parent) {
            (ScopeKind::If, Some(location)) => location,
            _ => id,
        };
        ROLES.iter().find_map(|name| self.own(location, name))
    }

    /// Whether a level itself has a directive of the module.
    pub(super) fn sets_push_stream(&self, id: ScopeId) -> bool {
        self.scope(id).directives.iter().any(|directive| directive.name.starts_with(PREFIX))
    }

    /// An error at the opening of a level.
    pub(super) fn error_at(&self, level: ScopeId, text: String) -> SyntaxError {
        match self.scope(level).opening {
            Some(opening) => self.tree.error(opening, text),
            None => SyntaxError::new(&self.tree.main().path, 0, text),
        }
    }

    /// A level and those around it, innermost first.
    fn with_outer(&self, id: ScopeId) -> impl Iterator<Item = ScopeId> {
        std::iter::successors(Some(id), |id| self.scope(*id).parent)
    }

    fn enter(
        &mut self,
        kind: ScopeKind,
        parent: Option<ScopeId>,
        opening: Option<&'t Directive>,
        inside: &'t [Directive],
    ) -> Result<(), SyntaxError> {
        let id = ScopeId(self.scopes.len());
        let directives = self.tree.expanded(inside);
        self.scopes.push(Scope {
            kind,
            parent,
            opening,
            directives: Vec::new(),
            inner: Vec::new(),
            by_name: BTreeMap::new(),
        });
        if let Some(parent) = parent {
            self.scopes[parent.0].inner.push(id);
        }
        for &directive in &directives {
            check_place(kind, directive)
                .and_then(|()| check_repetition(self.scope(id), directive))
                .map_err(|text| self.tree.error(directive, text))?;
            self.scopes[id.0].by_name.insert(&directive.name, directive);

            let Body::Block { directives: inside, .. } = &directive.body else { continue };
            match kind.inner(&directive.name) {
                Some(inner) => self.enter(inner, Some(id), Some(directive), inside)?,
                None => refuse_module_inside(self.tree, directive, inside)?,
            }
        }
        self.scopes[id.0].directives = directives;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::loaded;
    use super::*;

    /// Finds the location with this first argument.
    fn location(scopes: &Scopes<'_>, path: &str) -> ScopeId {
        let is_it = |id: &ScopeId| {
            let opening = scopes.scope(*id).opening;
            opening.is_some_and(|opening| {
                opening.name == "location" && opening.arguments[0].value == path.as_bytes()
            })
        };
        scopes.ids().find(is_it).unwrap()
    }

    /// `FILE:LINE name first-argument` of a setting.
    fn shown(scopes: &Scopes<'_>, setting: Option<&Directive>) -> String {
        let Some(setting) = setting else { return "nothing".to_owned() };
        let origin = scopes.tree().origin(setting);
        let value = setting.arguments.first().map_or("".into(), |first| first.text());
        format!("{} {} {value}", origin.trim_start_matches("/etc/"), setting.name)
    }

    #[test]
    fn the_innermost_level_that_gives_a_directive_wins() {
        let tree = loaded(&[
            (
                "/etc/nginx.conf",
                "http {
                    push_stream_message_template http;
                    push_stream_footer_template http;
                    server {
                        push_stream_message_template server;
                        include shared;
                        location /a {
                            push_stream_message_template '';
                            location /a/b { push_stream_store_messages on; }
                            if ($arg_x) { push_stream_store_messages off; }
                        }
                    }
                    server { location /c { } }
                }",
            ),
            ("/etc/shared", "push_stream_user_agent $arg_ua;"),
        ])
        .unwrap();
        let scopes = Scopes::read(&tree).unwrap();
        let setting = |path, name| shown(&scopes, scopes.inherited(location(&scopes, path), name));
        let template = "push_stream_message_template";
        assert_eq!(setting("/a", template), "nginx.conf:8 push_stream_message_template ");
        assert_eq!(setting("/a/b", template), "nginx.conf:8 push_stream_message_template ");
        assert_eq!(setting("/c", template), "nginx.conf:2 push_stream_message_template http");
        let footer = "push_stream_footer_template";
        assert_eq!(setting("/a/b", footer), "nginx.conf:3 push_stream_footer_template http");
        let agent = "push_stream_user_agent";
        assert_eq!(setting("/a/b", agent), "shared:1 push_stream_user_agent $arg_ua");
        assert_eq!(setting("/c", agent), "nothing");

        let condition = scopes.children(location(&scopes, "/a"), ScopeKind::If).next().unwrap();
        let inside = |name| shown(&scopes, scopes.inherited(condition, name));
        assert_eq!(
            inside("push_stream_store_messages"),
            "nginx.conf:10 push_stream_store_messages off"
        );
        assert_eq!(inside(template), "nginx.conf:8 push_stream_message_template ");
    }

    #[test]
    fn a_role_holds_in_its_location_and_its_ifs_but_not_in_nested_locations() {
        let tree = loaded(&[(
            "/etc/nginx.conf",
            "http { server {
                location /pub { push_stream_publisher admin;
                    if ($arg_x = a) { push_stream_store_messages on; }
                    location /pub/x { }
                }
                location /both { push_stream_subscriber; push_stream_channels_statistics; }
            } }",
        )])
        .unwrap();
        let scopes = Scopes::read(&tree).unwrap();
        let publisher = location(&scopes, "/pub");
        let condition = scopes.children(publisher, ScopeKind::If).next().unwrap();
        let role = |id| shown(&scopes, scopes.role(id));
        assert_eq!(role(publisher), "nginx.conf:2 push_stream_publisher admin");
        assert_eq!(role(condition), "nginx.conf:2 push_stream_publisher admin");
        assert_eq!(role(location(&scopes, "/pub/x")), "nothing");
        assert_eq!(
            role(location(&scopes, "/both")),
            "nginx.conf:6 push_stream_channels_statistics "
        );
    }

    #[test]
    fn a_configuration_without_http_has_one_level() {
        let tree = loaded(&[("/etc/nginx.conf", "events { } user www;")]).unwrap();
        let scopes = Scopes::read(&tree).unwrap();
        assert_eq!(scopes.http(), None);
        let names: Vec<_> = scopes.scope(ScopeId(0)).directives.iter().map(|it| &it.name).collect();
        assert_eq!(names, ["events", "user"]);
    }
}
