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
            "6: push stream module: invalid push_stream_publisher mode value: boss, accepted values \
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
            "7: push stream module: padding pattern not match the value x\npush stream module: push \
             stream module: unable to parse paddings by user agent",
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

#[test]
fn what_nginx_alone_would_enforce_is_not_served_without_it() {
    let publisher = "push_stream_publisher; push_stream_channels_path $arg_id;\n";
    for line in ["deny all;", "auth_basic x;", "internal;", "if ($arg_a) { return 403; }"] {
        let text = location(MEMORY, &format!("{publisher}{line}"));
        let error = fault(&text);
        assert!(error.contains("would not be enforced"), "{error}");
        let files = MemoryFiles::new(&[("/etc/nginx/nginx.conf", &text)]);
        let (translation, diff) = import(&files, BEHIND).unwrap();
        assert_eq!(translation.leftovers().count(), 0);
        assert!(diff.contains(&format!(" {line}")), "{diff}");
    }
    let text = location(MEMORY, &format!("{publisher}auth_basic off;"));
    assert!(
        import(&MemoryFiles::new(&[("/etc/nginx/nginx.conf", &text)]), Placement::Instead).is_ok()
    );
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
            "1: unexpected end of file, probably missing terminating \"\"\" character, started at \"abc",
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
            "http { server { location /a { push_stream_publisher;\nlocation /b { push_stream_publisher; } } } }",
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
    let leftovers: Vec<String> = translation.leftovers().map(|entry| entry.to_string()).collect();
    assert_eq!(leftovers, [format!("/etc/nginx/nginx.conf:5  location /a {{ … }}\n    {reason}")]);
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
