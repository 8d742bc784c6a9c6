//! Reads the directives of each level into typed settings and resolves inheritance.

use super::include::Files;
use super::scope::{ScopeId, ScopeKind};
use super::scopes::Scopes;
use super::syntax::{Body, Directive, SyntaxError, Tree};
use crate::config::{
    Argument, HTTP_DIRECTIVES, LEVEL_DIRECTIVES, Level, LevelDirective, PREFIX, PushStream, Value,
    VariableString,
};
use crate::time::Millis;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Largest header template file, in bytes.
const TEMPLATE_BYTES_MAX: usize = 1 << 20;

/// The settings of `http` and all levels in it.
pub(super) struct Levels<'t> {
    by_scope: BTreeMap<ScopeId, Level>,
    /// Directives with variables that the daemon does not know, and the reason to report.
    unknown: Vec<(&'t Directive, String)>,
}

impl<'t> Levels<'t> {
    /// Reads all levels. Returns the first value that nginx or the module would refuse as error.
    pub(super) fn read(scopes: &Scopes<'t>, files: &dyn Files) -> Result<Levels<'t>, SyntaxError> {
        let mut levels = Levels { by_scope: BTreeMap::new(), unknown: Vec::new() };
        let templates = Templates(files);
        for id in scopes.ids() {
            let scope = scopes.scope(id);
            if scope.kind == ScopeKind::Main {
                continue;
            }
            let own = levels.own(scopes, id, &templates)?;
            let outer = scope.parent.and_then(|parent| levels.by_scope.get(&parent));
            let level = match (scope.kind, outer) {
                (ScopeKind::Server | ScopeKind::Location, Some(outer)) => own.inherit(outer),
                _ => own,
            };
            levels.by_scope.insert(id, level);
        }
        Ok(levels)
    }

    /// The settings in effect on a level; for an `if`, only those it sets itself.
    pub(super) fn level(&self, id: ScopeId) -> Level {
        self.by_scope.get(&id).cloned().unwrap_or_default()
    }

    /// A directive in effect on this level that uses a variable unknown to the daemon, and the
    /// reason to report.
    pub(super) fn unknown_in(
        &self,
        scopes: &Scopes<'t>,
        id: ScopeId,
    ) -> Option<(&'t Directive, &str)> {
        self.unknown
            .iter()
            .find(|(directive, _)| {
                let effective = scopes.inherited(id, &directive.name);
                effective.is_some_and(|effective| std::ptr::eq(effective, *directive))
            })
            .map(|(directive, reason)| (*directive, reason.as_str()))
    }

    fn own(
        &mut self,
        scopes: &Scopes<'t>,
        id: ScopeId,
        templates: &Templates<'_>,
    ) -> Result<Level, SyntaxError> {
        let tree = scopes.tree();
        let mut level = Level::default();
        let mut seen = BTreeSet::new();
        for directive in &scopes.scope(id).directives {
            if directive.name == "types" {
                add_types(tree, directive, &mut level);
                continue;
            }
            let mut known = LEVEL_DIRECTIVES.iter().filter(|known| known.is_in_nginx);
            let Some(known) = known.find(|known| known.name == directive.name) else {
                continue;
            };
            let value = value(tree, known, directive)?;
            if !seen.insert(known.name) {
                let text = format!("\"{}\" directive is duplicate", known.name);
                return Err(tree.error(directive, text));
            }
            if let Some(reason) = unknown_variable(known, directive) {
                self.unknown.push((directive, reason));
                continue;
            }
            known.set(&mut level, &value, templates).map_err(|text| tree.error(directive, text))?;
        }
        Ok(level)
    }
}

/// The settings of the `http` block (push-stream spec, section 2.3); defaults without one.
pub(super) fn push_stream(scopes: &Scopes<'_>) -> Result<PushStream, SyntaxError> {
    let mut settings = PushStream {
        reload_ends_subscribers: true,
        // The module's default. The daemon's own default suits the rpushd API and is much longer.
        channel_inactivity_time: Some(Millis::from_seconds(30)),
        ..PushStream::default()
    };
    let Some(http) = scopes.http() else {
        return Ok(settings);
    };
    for known in HTTP_DIRECTIVES.iter().filter(|known| known.name.starts_with(PREFIX)) {
        let Some(directive) = scopes.own(http, known.name) else {
            continue;
        };
        let value = Value::Text(
            directive.arguments.first().map(|argument| argument.value.clone()).unwrap_or_default(),
        );
        known.set(&mut settings, &value).map_err(|text| scopes.tree().error(directive, text))?;
    }
    Ok(settings)
}

/// The value of a directive that a level may set.
fn value(tree: &Tree, known: &LevelDirective, directive: &Directive) -> Result<Value, SyntaxError> {
    let texts = || directive.arguments.iter().map(|argument| argument.text().into_owned());
    match directive.arguments.as_slice() {
        _ if directive.body != Body::Simple => {
            let text = format!("directive \"{}\" is not terminated by \";\"", directive.name);
            Err(tree.error(directive, text))
        }
        [_, ..] if known.argument == Argument::List => Ok(Value::List(texts().collect())),
        [file] if known.argument == Argument::File => {
            Ok(Value::Text(beside_main(tree, &file.value)))
        }
        [only] => Ok(Value::Text(only.value.clone())),
        _ => {
            let text = format!("invalid number of arguments in \"{}\" directive", directive.name);
            Err(tree.error(directive, text))
        }
    }
}

/// Joins a relative path to the folder of the main file.
pub(super) fn beside_main(tree: &Tree, path: &[u8]) -> Vec<u8> {
    let folder = tree.main().path.parent().unwrap_or(Path::new(""));
    folder.join(OsStr::from_bytes(path)).as_os_str().as_bytes().to_vec()
}

/// Adds the types of a `types` block. As in nginx, a later type replaces an earlier one of the same
/// extension.
fn add_types(tree: &Tree, block: &Directive, level: &mut Level) {
    let Body::Block { directives, .. } = &block.body else { return };
    let types = level.types.get_or_insert_default();
    for line in tree.expanded(directives) {
        for extension in &line.arguments {
            let extension = extension.text().to_ascii_lowercase();
            match types.iter_mut().find(|(known, _)| *known == extension) {
                Some((_, content_type)) => content_type.clone_from(&line.name),
                None => types.push((extension, line.name.clone())),
            }
        }
    }
}

/// The error if the directive uses a variable that the daemon does not know; nginx has more.
fn unknown_variable(known: &LevelDirective, directive: &Directive) -> Option<String> {
    let takes_variables = known.argument == Argument::Variables;
    let text = directive.arguments.first().filter(|_| takes_variables)?.text();
    VariableString::parse(&text).err()
}

/// Reads header template files for the configuration.
struct Templates<'f>(&'f dyn Files);

impl crate::config::Files for Templates<'_> {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let content = self.0.read(path, TEMPLATE_BYTES_MAX).map_err(io::Error::other)?;
        if content.len() > TEMPLATE_BYTES_MAX {
            Err(io::Error::other("larger than 1 MiB"))
        } else {
            Ok(content)
        }
    }

    /// Templates are not secret, so their permissions do not matter.
    fn is_world_readable(&self, _path: &Path) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{MemoryFiles, loaded};
    use super::*;
    use crate::config::HeaderTemplate;

    /// The settings in effect in the location with this path.
    fn level(text: &str, path: &str) -> Level {
        let tree = loaded(&[("/etc/nginx.conf", text), ("/etc/shared", SHARED)]).unwrap();
        let scopes = Scopes::read(&tree).unwrap();
        let files = MemoryFiles(&[("/etc/h", b"file h"), ("/etc/i", b"file i")]);
        let is_it = |id: &ScopeId| {
            let opening = scopes.scope(*id).opening;
            opening.is_some_and(|opening| {
                opening.name == "location" && opening.arguments[0].value == path.as_bytes()
            })
        };
        let id = scopes.ids().find(is_it).unwrap();
        Levels::read(&scopes, &files).unwrap().level(id)
    }

    const SHARED: &str = "push_stream_user_agent $arg_ua;";

    #[test]
    fn the_innermost_level_that_gives_a_directive_wins() {
        let text = "http {
            push_stream_message_template http;
            push_stream_footer_template http;
            server {
                push_stream_message_template server;
                include shared;
                location /a {
                    push_stream_message_template location;
                    location /a/b { push_stream_store_messages on; }
                    if ($arg_x) { push_stream_store_messages off; }
                }
            }
            server { location /c { } }
        }";
        let template = |path| level(text, path).message_template.map(String::from_utf8);
        assert_eq!(template("/a"), Some(Ok("location".into())));
        assert_eq!(template("/a/b"), Some(Ok("location".into())));
        assert_eq!(template("/c"), Some(Ok("http".into())));
        assert_eq!(level(text, "/a/b").footer_template, Some(b"http".to_vec()));
        assert_eq!(level(text, "/a/b").user_agent, VariableString::parse("$arg_ua").ok());
        assert_eq!(level(text, "/c").user_agent, None);
        assert_eq!(level(text, "/a").store_messages, None);
        assert_eq!(level(text, "/a/b").store_messages, Some(true));
    }

    #[test]
    fn header_template_and_file_are_one_setting() {
        let text = "http { push_stream_header_template_file h;
            server { location /file { }
                location /blank { push_stream_header_template '';
                    location /blank/file { push_stream_header_template_file i; } } } }";
        let header = |path| level(text, path).header_template;
        assert_eq!(header("/file"), Some(HeaderTemplate::File(b"file h".to_vec())));
        assert_eq!(header("/blank"), Some(HeaderTemplate::Text(Vec::new())));
        assert_eq!(header("/blank/file"), Some(HeaderTemplate::File(b"file i".to_vec())));
    }

    #[test]
    fn the_long_polling_limit_takes_its_default_level_by_level() {
        let (subscriber, own) =
            ("push_stream_subscriber_connection_ttl", "push_stream_longpolling_connection_ttl");
        let text = format!(
            "http {{ {subscriber} 1s;
                server {{ location /outer {{ {subscriber} 3s; }}
                    location /own {{ {own} 4s; location /own/nested {{ {subscriber} 5s; }} }} }}
                server {{ {subscriber} 6s; location /server {{ {subscriber} 7s; }} }} }}"
        );
        let seconds =
            |path| level(&text, path).longpolling_connection_ttl.map(|time| time.0 / 1000);
        assert_eq!(seconds("/outer"), Some(1));
        assert_eq!(seconds("/own"), Some(4));
        assert_eq!(seconds("/own/nested"), Some(4));
        assert_eq!(seconds("/server"), Some(6));

        let text =
            format!("http {{ server {{ location /a {{ {subscriber} 8s; }} location /b {{ }} }} }}");
        let limit = |path| level(&text, path).longpolling_connection_ttl;
        assert_eq!((limit("/a"), limit("/b")), (Some(Millis::from_seconds(8)), None));
    }
}
