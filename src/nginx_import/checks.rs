//! Checks where and how often a directive is given. Errors have nginx's wording (push-stream spec,
//! sections 2 and 3).

use super::directives::{Contexts, HEADER_TEMPLATE, HEADER_TEMPLATE_FILE, KnownDirective, ROLES};
use super::scope::{Scope, ScopeKind};
use super::syntax::{Body, Directive, SyntaxError, Tree};
use crate::config::PREFIX;

/// The directives that open a level.
const LEVELS: [&str; 4] = ["http", "server", "location", "if"];

/// Checks a directive on a level, in nginx's order: name, context, `;` or `{`, argument count.
pub(super) fn check_place(kind: ScopeKind, directive: &Directive) -> Result<(), String> {
    let name = &directive.name;
    if LEVELS.contains(&name.as_str()) {
        let is_server_if = kind == ScopeKind::Server && name == "if";
        if kind.inner(name).is_none() && !is_server_if {
            return Err(not_allowed(name));
        }
        if !matches!(directive.body, Body::Block { .. }) {
            return Err(format!("directive \"{name}\" has no opening \"{{\""));
        }
    }
    if !name.starts_with(PREFIX) {
        return Ok(());
    }
    let known =
        KnownDirective::named(name).ok_or_else(|| format!("unknown directive \"{name}\""))?;
    if !is_allowed(known.contexts, kind) {
        return Err(not_allowed(name));
    }
    if directive.body != Body::Simple {
        return Err(format!("directive \"{name}\" is not terminated by \";\""));
    }
    if !known.arguments.contains(&directive.arguments.len()) {
        return Err(format!("invalid number of arguments in \"{name}\" directive"));
    }
    Ok(())
}

/// Refuses a directive that the level has already or that excludes one it has.
pub(super) fn check_repetition(level: &Scope<'_>, directive: &Directive) -> Result<(), String> {
    let name = directive.name.as_str();
    let has = |name: &str| level.own(name).is_some();
    let duplicate = || Err(format!("\"{name}\" directive is duplicate"));
    match name {
        // Allowed beside any other role, over which it takes precedence.
        "push_stream_channels_statistics" => Ok(()),
        "push_stream_publisher" | "push_stream_subscriber" if ROLES.into_iter().any(has) => {
            duplicate()
        }
        HEADER_TEMPLATE if has(HEADER_TEMPLATE_FILE) => duplicate(),
        HEADER_TEMPLATE_FILE if has(HEADER_TEMPLATE) || has(HEADER_TEMPLATE_FILE) => Err(format!(
            "\"{HEADER_TEMPLATE_FILE}\" directive is duplicate or template set by \
                 '{HEADER_TEMPLATE}'"
        )),
        "push_stream_shared_memory_size" => match level.own(name) {
            Some(first) if zone(first) == zone(directive) => {
                Err(format!("duplicate zone \"{}\"", zone(directive)))
            }
            Some(_) => duplicate(),
            None => Ok(()),
        },
        _ if (name == "http" || name.starts_with(PREFIX)) && has(name) => duplicate(),
        _ => Ok(()),
    }
}

/// Refuses directives of the module, `http` and `location` in a block that is not a level
/// (`upstream`, `limit_except`, `events`, …).
pub(super) fn refuse_module_inside(
    tree: &Tree,
    block: &Directive,
    inside: &[Directive],
) -> Result<(), SyntaxError> {
    // The first word of their lines is data, not the name of a directive.
    if ["map", "geo", "types", "split_clients", "charset_map"].contains(&block.name.as_str()) {
        return Ok(());
    }
    for directive in tree.expanded(inside) {
        if directive.name.starts_with(PREFIX) {
            let text = match KnownDirective::named(&directive.name) {
                Some(known) => not_allowed(known.name),
                None => format!("unknown directive \"{}\"", directive.name),
            };
            return Err(tree.error(directive, text));
        }
        if ["http", "location"].contains(&directive.name.as_str()) {
            return Err(tree.error(directive, not_allowed(&directive.name)));
        }
        if let Body::Block { directives, .. } = &directive.body {
            refuse_module_inside(tree, directive, directives)?;
        }
    }
    Ok(())
}

fn is_allowed(contexts: Contexts, kind: ScopeKind) -> bool {
    match kind {
        ScopeKind::Main => false,
        ScopeKind::Http => contexts != Contexts::Location,
        ScopeKind::Server => {
            matches!(contexts, Contexts::HttpServerLocation | Contexts::HttpServerLocationIf)
        }
        ScopeKind::Location => contexts != Contexts::Http,
        ScopeKind::If => contexts == Contexts::HttpServerLocationIf,
    }
}

fn not_allowed(name: &str) -> String {
    format!("\"{name}\" directive is not allowed here")
}

/// The memory zone that a `push_stream_shared_memory_size` names.
fn zone(directive: &Directive) -> String {
    match directive.arguments.get(1) {
        Some(name) => name.text().into_owned(),
        None => "push_stream_module".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::scopes::Scopes;
    use super::super::testing::loaded;
    use super::*;

    /// The error that reading a main file with this text returns.
    fn fault(text: &str) -> String {
        let tree = loaded(&[("/etc/nginx.conf", text)]).unwrap();
        Scopes::read(&tree).unwrap_err().to_string()
    }

    #[test]
    fn every_directive_stands_in_its_contexts_only() {
        let places = [
            "{};",
            "http { {}; }",
            "http { server { {}; } }",
            "http { server { location / { {}; } } }",
            "http { server { location / { if ($arg_a) { {}; } } } }",
            "http { server { if ($arg_a) { {}; } } }",
            "http { server { location / { limit_except GET { {}; } } } }",
            "events { {}; }",
        ];
        for known in KnownDirective::all() {
            let words = match known.arguments.end() {
                0 => known.name.to_owned(),
                _ => format!("{} x", known.name),
            };
            let accepted: Vec<bool> = places
                .iter()
                .map(|place| {
                    let text = place.replace("{};", &format!("{words};"));
                    let tree = loaded(&[("/etc/nginx.conf", &text)]).unwrap();
                    let Err(error) = Scopes::read(&tree) else { return true };
                    assert_eq!(
                        error.to_string(),
                        format!(
                            "/etc/nginx.conf:1: \"{}\" directive is not allowed here",
                            known.name
                        )
                    );
                    false
                })
                .collect();
            let expected = match known.contexts {
                Contexts::Http => [false, true, false, false, false],
                Contexts::HttpServerLocation => [false, true, true, true, false],
                Contexts::HttpServerLocationIf => [false, true, true, true, true],
                Contexts::Location => [false, false, false, true, false],
            };
            assert_eq!(accepted[..5], expected, "{}", known.name);
            assert_eq!(accepted[5..], [false; 3], "{}", known.name);
        }
    }

    #[test]
    fn levels_stand_in_their_contexts_only() {
        let wrong = [
            ("server { }", "server"),
            ("location / { }", "location"),
            ("if (a) { }", "if"),
            ("http { location / { } }", "location"),
            ("http { if (a) { } }", "if"),
            ("http { http { } }", "http"),
            ("http { server { server { } } }", "server"),
            ("http { server { location / { server { } } } }", "server"),
            ("http { server { location / { if (a) { location /b { } } } } }", "location"),
            ("http { server { if (a) { location /b { } } } }", "location"),
            ("http { upstream x { http { } } }", "http"),
        ];
        for (text, name) in wrong {
            let expected = format!("/etc/nginx.conf:1: \"{name}\" directive is not allowed here");
            assert_eq!(fault(text), expected, "{text}");
        }
        let tree = loaded(&[(
            "/etc/nginx.conf",
            "stream { server { } } http { upstream x { server y; }
                map $a $b { push_stream_publisher 1; location 2; } server { if (a) { } } }",
        )])
        .unwrap();
        assert_eq!(Scopes::read(&tree).unwrap().ids().count(), 3);
    }

    #[test]
    fn a_second_directive_on_a_level_is_refused() {
        let location =
            |inside: &str| fault(&format!("http {{ server {{ location / {{\n{inside} }} }} }}"));
        assert_eq!(
            location("push_stream_store_messages on;\npush_stream_store_messages on;"),
            "/etc/nginx.conf:3: \"push_stream_store_messages\" directive is duplicate"
        );
        assert_eq!(
            location("push_stream_publisher; push_stream_subscriber;"),
            "/etc/nginx.conf:2: \"push_stream_subscriber\" directive is duplicate"
        );
        assert_eq!(
            location("push_stream_channels_statistics; push_stream_publisher;"),
            "/etc/nginx.conf:2: \"push_stream_publisher\" directive is duplicate"
        );
        assert_eq!(
            location("push_stream_header_template_file a; push_stream_header_template b;"),
            "/etc/nginx.conf:2: \"push_stream_header_template\" directive is duplicate"
        );
        assert_eq!(
            location("push_stream_header_template a; push_stream_header_template_file b;"),
            "/etc/nginx.conf:2: \"push_stream_header_template_file\" directive is duplicate or \
             template set by 'push_stream_header_template'"
        );
        assert_eq!(
            fault("http { }\nhttp { }"),
            "/etc/nginx.conf:2: \"http\" directive is duplicate"
        );
        let size = "push_stream_shared_memory_size 1m";
        assert_eq!(
            fault(&format!("http {{ {size}; {size} push_stream_module; }}")),
            "/etc/nginx.conf:1: duplicate zone \"push_stream_module\""
        );
        assert_eq!(
            fault(&format!("http {{ {size} a; {size} b; }}")),
            "/etc/nginx.conf:1: \"push_stream_shared_memory_size\" directive is duplicate"
        );
    }

    #[test]
    fn names_signs_and_counts_of_arguments_are_checked() {
        assert_eq!(
            fault("http {\n push_stream_nope 1; }"),
            "/etc/nginx.conf:2: unknown directive \"push_stream_nope\""
        );
        assert_eq!(
            fault("http { push_stream_message_ttl 1 { } }"),
            "/etc/nginx.conf:1: directive \"push_stream_message_ttl\" is not terminated by \";\""
        );
        assert_eq!(
            fault("http { push_stream_message_ttl\n1s\nuser x; }"),
            "/etc/nginx.conf:1: invalid number of arguments in \"push_stream_message_ttl\" \
             directive"
        );
        assert_eq!(
            fault("http { server { location /; } }"),
            "/etc/nginx.conf:1: directive \"location\" has no opening \"{\""
        );
    }
}
