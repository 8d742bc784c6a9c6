//! What is refused, in nginx's or the module's words, with its place.

use crate::support::*;
use rpushd::nginx_import::{LEVELS_MAX, Placement};

/// The error of a main file in nginx's place.
fn fault(text: &str) -> String {
    import(&MemoryFiles::new(&[("/etc/nginx/nginx.conf", text)]), Placement::Instead)
        .map(|(translation, _)| translation.config)
        .unwrap_err()
        .to_string()
        .replace("/etc/nginx/nginx.conf:", "")
}

/// A file with one location, whose lines begin at 6.
fn location(http: &str, inside: &str) -> String {
    format!(
        "events {{ }}\nhttp {{\n{http}\nserver {{ listen 80;\nlocation /a {{\n{inside}\n}} }} }}"
    )
}

const MEMORY: &str = "push_stream_shared_memory_size 1m;";

#[test]
fn the_checks_of_the_module_give_its_words() {
    let subscriber = "push_stream_subscriber; push_stream_channels_path $1;\n";
    let publisher = "push_stream_publisher; push_stream_channels_path $arg_id;";
    for (http, inside, expected) in [
        ("", publisher, "5: push stream module: push_stream_shared_memory_size must be set."),
        (
            "push_stream_shared_memory_size 100k;",
            publisher,
            "3: The push_stream_shared_memory_size value must be at least 128KiB",
        ),
        (
            "push_stream_shared_memory_size big;",
            publisher,
            "3: The push_stream_shared_memory_size value must be at least 128KiB",
        ),
        (
            MEMORY,
            "push_stream_publisher;",
            "5: push stream module: push_stream_channels_path must be set.",
        ),
        (
            MEMORY,
            "push_stream_publisher boss;",
            "6: push stream module: invalid push_stream_publisher mode value: boss, accepted \
             values (normal, admin)",
        ),
        (
            MEMORY,
            "push_stream_publisher \"\";",
            "6: push stream module: invalid push_stream_publisher mode value: , accepted values \
             (normal, admin)",
        ),
        (
            MEMORY,
            "push_stream_subscriber pull;",
            "6: push stream module: invalid push_stream_subscriber mode value: pull, accepted \
             values (streaming, polling, long-polling, eventsource, websocket)",
        ),
        (
            MEMORY,
            &format!("{subscriber}push_stream_ping_message_interval 0;"),
            "7: push stream module: push_stream_ping_message_interval cannot be zero.",
        ),
        (
            &format!("{MEMORY}\tpush_stream_message_ttl 0;"),
            publisher,
            "3: push stream module: push_stream_message_ttl cannot be zero.",
        ),
        (
            MEMORY,
            &format!("{subscriber}push_stream_message_template \"\";"),
            "7: push stream module: push_stream_message_template cannot be blank.",
        ),
        (
            MEMORY,
            &format!("{subscriber}push_stream_wildcard_channel_max_qtd 2;"),
            "7: push stream module: cannot set wildcard channel max qtd if \
             push_stream_wildcard_channel_prefix is not set or blank.",
        ),
        (
            MEMORY,
            &format!("{subscriber}push_stream_header_template_file nowhere;"),
            "7: push stream module: unable to open file \"/etc/nginx/nowhere\" for header template",
        ),
        (
            MEMORY,
            &format!("{subscriber}push_stream_padding_by_user_agent x;"),
            "7: push stream module: padding pattern not match the value x\n\
             push stream module: push stream module: unable to parse paddings by user agent",
        ),
        (
            MEMORY,
            "push_stream_message_ttl 1;",
            "6: \"push_stream_message_ttl\" directive is not allowed here",
        ),
        (
            MEMORY,
            "push_stream_store_messages maybe;",
            "6: invalid value \"maybe\" in \"push_stream_store_messages\" directive, it must be \
             \"on\" or \"off\"",
        ),
        (MEMORY, "gzip on;\ngzip off;", "7: \"gzip\" directive is duplicate"),
        (MEMORY, "client_max_body_size 1x;", "6: \"client_max_body_size\" directive invalid value"),
    ] {
        assert_eq!(fault(&location(http, inside)), expected);
    }
}

/// What may keep requests from a location, in nginx itself or in modules that are often added.
const GUARDS: &[&str] = &[
    "deny all;",
    "auth_basic x;",
    "auth_request /x;",
    "auth_jwt x;",
    "auth_pam x;",
    "auth_ldap x;",
    "auth_digest x;",
    "access_by_lua_file x;",
    "rewrite_by_lua_file x;",
    "modsecurity on;",
    "limit_except GET { deny all; }",
    "limit_conn zone 1;",
    "limit_req zone=x;",
    "internal;",
    "return 403;",
    "rewrite ^ /elsewhere;",
    "rewrite off /elsewhere;",
    "limit_req off;",
    "ssl_verify_client on;",
    "a_module_of_next_year x;",
    "a_module_of_next_year off;",
];

/// The main file with one publisher and something beside it on one of the levels around it, by
/// number.
fn with_level(level: usize, text: &str) -> String {
    let at = |wanted: usize| if wanted == level { text } else { "" };
    format!(
        "{}\nhttp {{ {MEMORY} {}\nserver {{ listen 80; {}\nif ($arg_a) {{ {} }}\n\
         location /a {{ {}\nif ($arg_a) {{ {} }}\n\
         location /a/b {{ push_stream_publisher; push_stream_channels_path $arg_id; {}\n\
         if ($arg_a) {{ {} }} }} }} }} }}",
        at(0),
        at(1),
        at(2),
        at(3),
        at(4),
        at(5),
        at(6),
        at(7),
    )
}

const LEVELS: usize = 8;

#[test]
fn what_may_guard_a_location_is_not_served_without_nginx_on_any_level() {
    for guard in GUARDS {
        let name = guard.split([' ', ';']).next().unwrap();
        for level in 0..LEVELS {
            let text = with_level(level, guard);
            let error = fault(&text);
            let line = level + 1;
            assert!(error.starts_with(&format!("{line}: \"{name}\"")), "{guard} {level}: {error}");
            assert!(error.contains("would not be enforced"), "{guard} {level}: {error}");
            let files = MemoryFiles::new(&[("/etc/nginx/nginx.conf", &text)]);
            let (translation, diff) = import(&files, BEHIND).unwrap();
            assert_eq!(translation.dropped().count(), 0);
            assert!(!diff.contains(&format!("-{guard}")), "{diff}");
        }
    }
}

#[test]
fn what_turns_no_request_away_is_served_without_nginx_on_every_level() {
    for line in [
        "auth_basic off;",
        "auth_request off;",
        "modsecurity off;",
        "allow all;",
        "access_log off;",
        "add_header X-A b;",
        "error_page 404 /404.html;",
        "expires off;",
        "proxy_set_header Host $host;",
        "fastcgi_buffers 8 16k;",
        "ssl_protocols TLSv1.3;",
        "set $a b;",
        "limit_rate 10k;",
    ] {
        for level in 0..LEVELS {
            let text = with_level(level, line);
            let files = MemoryFiles::new(&[("/etc/nginx/nginx.conf", &text)]);
            let outcome = import(&files, Placement::Instead);
            assert!(outcome.is_ok(), "{line} {level}: {}", outcome.unwrap_err());
        }
    }
}

#[test]
fn a_location_with_a_second_handler_is_not_served_without_nginx() {
    let publisher = "push_stream_publisher; push_stream_channels_path $arg_id;\n";
    for line in
        ["proxy_pass http://a;", "try_files $uri =403;", "if ($arg_a) { proxy_pass http://a; }"]
    {
        let error = fault(&location(MEMORY, &format!("{publisher}{line}")));
        assert!(error.starts_with("7: "), "{error}");
        assert!(error.contains("answers requests of this location in its own way"), "{error}");
    }
}

/// A server with a publisher and other locations.
fn neighbours(publisher: &str, others: &str) -> String {
    format!(
        "http {{ {MEMORY} server {{ listen 80;\n{others}\nlocation {publisher} {{ \
         push_stream_publisher; push_stream_channels_path $arg_id; }} }} }}"
    )
}

#[test]
fn a_guarded_location_that_takes_requests_from_a_served_one_is_refused_too() {
    for (publisher, others) in [
        ("/pub", "location = /pub/secret { deny all; }"),
        ("/pub", "location /pub/secret { auth_basic x; }"),
        ("/pub", "location ~ /\\. { deny all; }"),
        ("/pub", "location ~ /\\.(?!well-known) { deny all; }"),
        ("/pub", "location ~* ^/PUB/x { return 403; }"),
        ("/pub", "location ~ ^/(pub|x)/secret { return 403; }"),
        ("/pub", "location ~ ^/x|/secret { return 403; }"),
        ("~ ^/pub/(.*)", "location = /pub/secret { deny all; }"),
        ("~ ^/pub/(.*)", "location ^~ /pub/secret { deny all; }"),
        ("~ ^/pub/(.*)", "location ~ /\\. { deny all; }"),
        ("/pub", "location /pub/a { deny all; location /pub/a/b { } }"),
        ("/pub", "location /pub/a { if ($arg_a) { return 403; } }"),
    ] {
        let error = fault(&neighbours(publisher, others));
        assert!(error.starts_with("2: "), "{publisher} {others}: {error}");
        assert!(error.contains("would not be enforced"), "{publisher} {others}: {error}");
    }
    let nested = "/pub { push_stream_publisher; push_stream_channels_path $arg_id;\n\
                  location ~ ^/pub/x { deny all; } }";
    for sign in ["", "^~"] {
        let text = format!("http {{ {MEMORY} server {{ listen 80; location {sign} {nested} }} }}");
        assert!(fault(&text).contains("would not be enforced"), "{text}");
    }
}

#[test]
fn a_guarded_location_that_takes_no_request_from_a_served_one_is_left_alone() {
    for (publisher, others) in [
        ("/pub", "location / { deny all; }"),
        ("/pub", "location = /favicon.ico { return 204; }"),
        ("/pub", "location /admin { auth_basic x; }"),
        ("/pub", "location ~ ^/admin { auth_basic x; }"),
        ("/pub", "location @named { internal; }"),
        ("/pub", "location ~ \\.php$ { fastcgi_pass a; }"),
        ("= /pub", "location ~ /\\. { deny all; }"),
        ("^~ /pub", "location ~ /\\. { deny all; }"),
        ("~ ^/pub/(.*)", "location = /favicon.ico { return 204; }"),
        ("~ ^/pub/(.*)", "location ^~ /admin { deny all; }"),
        ("~ ^/pub/(.*)", "location /pub/secret { deny all; }"),
        ("~ ^/pub/(.*)", "location ~ ^/admin { deny all; }"),
    ] {
        let text = neighbours(publisher, others);
        let files = MemoryFiles::new(&[("/etc/nginx/nginx.conf", &text)]);
        let outcome = import(&files, Placement::Instead);
        assert!(outcome.is_ok(), "{publisher} {others}: {}", outcome.unwrap_err());
    }
    // The first regular expression wins.
    let text = "http { push_stream_shared_memory_size 1m; server { listen 80; location ~ ^/pub/ { \
                push_stream_publisher; push_stream_channels_path $arg_id; } \
                location ~ /secret { deny all; } } }";
    let files = MemoryFiles::new(&[("/etc/nginx/nginx.conf", text)]);
    assert!(import(&files, Placement::Instead).is_ok());
}

#[test]
fn broken_files_are_refused_with_file_line_and_text() {
    for (text, expected) in [
        ("http {\n", "2: unexpected end of file, expecting \"}\" of \"http\" in line 1"),
        ("a;\n} b", "2: unexpected \"}\" in \"}\""),
        (
            "push_stream_store_messages on;",
            "1: \"push_stream_store_messages\" directive is not allowed here",
        ),
        (
            "x \"abc",
            "1: unexpected end of file, probably missing terminating \"\"\" character, \
             started at \"abc",
        ),
        (
            "include nowhere.conf;",
            "1: open() \"/etc/nginx/nowhere.conf\" failed (2: No such file or directory)",
        ),
        (
            "\ninclude nginx.conf;",
            "2: circular include: /etc/nginx/nginx.conf -> /etc/nginx/nginx.conf",
        ),
        ("a \0;", "1: unexpected NUL byte, this is no text file"),
        (
            "http { server { location /a { push_stream_publisher;\n\
             location /b { push_stream_publisher; } } } }",
            "2: location \"/b\" is outside location \"/a\"",
        ),
    ] {
        assert_eq!(fault(text), expected);
    }
}

#[test]
fn a_variable_that_the_daemon_does_not_know_is_named() {
    let text = location(MEMORY, "push_stream_publisher;\npush_stream_channels_path $remote_user;");
    let reason = "push_stream_channels_path: unknown \"remote_user\" variable \
                  (/etc/nginx/nginx.conf:7)";
    assert_eq!(fault(&text), format!("5: {}", reason.replace("/etc/nginx/nginx.conf:", "")));
    let files = MemoryFiles::new(&[("/etc/nginx/nginx.conf", &text)]);
    let (translation, _) = import(&files, BEHIND).unwrap();
    let dropped: Vec<String> = translation.dropped().map(|entry| entry.to_string()).collect();
    assert_eq!(dropped, [format!("/etc/nginx/nginx.conf:5  location /a {{ … }}\n    {reason}")]);
}

#[test]
fn more_locations_than_anybody_writes_are_refused() {
    let locations = |count: usize| {
        let each = (0..count).map(|number| format!("location /{number} {{ }}\n"));
        format!("http {{ server {{ listen 80;\n{} }} }}", each.collect::<String>())
    };
    // The top, http and the server are levels too.
    let taken = locations(LEVELS_MAX - 3);
    assert!(import(&MemoryFiles::new(&[("/etc/nginx/nginx.conf", &taken)]), BEHIND).is_ok());
    assert_eq!(
        fault(&locations(LEVELS_MAX - 2)),
        "9999: there are more than 10000 servers, locations and if blocks"
    );
}
