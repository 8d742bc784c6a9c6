//! The output of `rpushd check` reads back to the same configuration.

use super::super::{Config, Overrides};
use super::{FakeFiles, SECRETS, load_with_secrets, variables};

/// Reads the shown configuration back. Origins of locations are not compared, as their lines
/// differ.
fn assert_reads_back(config: &Config) {
    let shown = config.to_toml();
    let without_origins = |config: &Config| {
        let mut config = Config { warnings: Vec::new(), ..config.clone() };
        for location in config.servers.iter_mut().flat_map(|server| &mut server.locations) {
            location.origin = String::new();
        }
        config
    };
    let read = Config::from_sources(
        Some(("shown.toml", &shown)),
        &variables(&SECRETS),
        &FakeFiles(Vec::new()),
        &Overrides::default(),
    );
    let read = read.unwrap_or_else(|error| panic!("{error}\n{shown}"));
    assert_eq!(without_origins(&read), without_origins(config), "{shown}");
    assert_eq!(read.to_toml(), shown);
}

#[test]
fn the_defaults_read_back() {
    assert_reads_back(&load_with_secrets(""));
}

#[test]
fn every_setting_of_the_daemon_reads_back() {
    assert_reads_back(&load_with_secrets(
        r#"
        listen = ["127.0.0.1:1", "unix:/run/rpushd.sock", "systemd"]
        internal_listen = ["unix:/run/rpushd-internal.sock", "systemd:internal"]
        unix_mode = "0600"
        heartbeat = "1500ms"
        channel_idle_ttl = "1w"
        proxy_read_timeout = "61s"
        allowed_origins = ["https://example.org", "*"]
        public_prefix = ""
        trusted_proxies = ["10.0.0.0/8", "2001:db8::1"]
        pid_file = "/run/rpushd \"1\".pid"
        [log]
        level = "off"
        access = true
        file = "/var/log/rpushd.log"
        [sandbox]
        user = "push \"1\""
        seccomp = false
        core_dumps = true
        [tokens]
        cookie = "push"
        expiring_before = "0s"
        [presence]
        channels = "chat:*"
        to = "*:presence"
        leave_delay = "1500ms"
        [limits]
        connections_max = 7
        connection_age_max = "1h"
        keepalive_requests_max = 100
        outbox_stall_timeout = "1m500ms"
        store_bytes_max = "1g"
        [push_stream]
        shared_memory_size = "128k"
        channel_deleted_message_text = "gone\r\n\u0000"
        channel_inactivity_time = 0
        ping_message_text = { base64 = "/wD+" }
        timeout_with_body = true
        message_ttl = "1h30m"
        max_subscribers_per_channel = 1
        max_messages_stored_per_channel = 2
        max_channel_id_length = 3
        max_number_of_channels = 4
        max_number_of_wildcard_channels = 5
        wildcard_channel_prefix = "b_"
        events_channel_id = "EVENTS"
        worker_processes = 2
        reload_ends_subscribers = true
        store_api_messages = true
        [[history]]
        channels = "news:\"1\"*"
        messages = 100
        age = "10m"
        bytes = "1m"
        [[history]]
        channels = "é"
        age = "1500ms"
        [[history]]
        channels = "*"
        messages = 1
        "#,
    ));
}

#[test]
fn locations_servers_and_conditions_read_back() {
    assert_reads_back(&load_with_secrets(
        r#"
        listen = ["127.0.0.1:1", "127.0.0.1:2"]
        internal_listen = "127.0.0.1:3"
        [push_stream]
        channels_path = "$1"
        subscriber_connection_ttl = "10s"
        types = { }

        [[location]]
        path = '~* ^/sub/(\d+)"?$'
        subscriber = "streaming"
        authorized_channels_only = true
        header_template = "<script>\n\t'\\'\u0085\u007f</script>\r\n"
        message_template = { base64 = "fnRleHR+/w==" }
        footer_template = "é 𝄞"
        ping_message_interval = "500ms"
        subscriber_connection_ttl = "1h"
        allow_connections_to_events_channel = true
        last_received_message_time = "$arg_time"
        last_received_message_tag = "$arg_tag"
        last_event_id = "$arg_event_id"
        user_agent = "$arg_ua"
        padding_by_user_agent = "[T|t]est 1,1024,508:[T|t]est 2,4097,0"
        allowed_origins = ""
        default_type = "custom content type"
        types = { "x" = "text/x", html = "text/plain" }
        gzip = true
        gzip_streams = true
        gzip_types = ["text/plain", "application/json"]
        gzip_min_length = "1k"
        gzip_comp_level = 9
        gzip_http_version = "1.0"

        [[location]]
        path = "^~ /ws"
        subscriber = "websocket"
        websocket_allow_publish = true
        store_messages = true

        [[server]]
        names = ["b.example"]
        [[server.location]]
        path = "= /pub"
        publisher = "admin"
        channels_path = "$arg_id"
        channel_info_on_publish = false
        client_max_body_size = 0
        internal = true
        require_secret = true
        types = { html = "text/html", gif = "image/gif", jpg = "image/jpeg" }
        [[server.location.if]]
        variable = "$arg_test"
        channels_path = "test_$arg_id"
        [[server.location.if]]
        variable = "$http_x_test"
        equals = ""
        negate = true
        store_messages = true
        allow_connections_to_events_channel = false
        last_received_message_time = "a"
        last_received_message_tag = "b"
        last_event_id = "c"
        [[server.location]]
        path = "/stats"
        channels_statistics = true

        [[server]]
        listen = "127.0.0.1:4"
        internal_listen = "127.0.0.1:5"
        [[server.location]]
        path = "/lp"
        subscriber = "long-polling"
        "#,
    ));
}

#[test]
fn servers_without_top_level_locations_read_back() {
    for head in ["", "listen = '127.0.0.1:9'\n", "internal_listen = '127.0.0.1:9'\n"] {
        assert_reads_back(&load_with_secrets(&format!(
            r#"{head}
            [[server]]
            listen = "127.0.0.1:1"
            [[server.location]]
            path = "/a"
            publisher = true
            channels_path = "$arg_id"
            [[server]]
            listen = ["127.0.0.1:1", "127.0.0.1:2"]
            names = ["b.example"]
            "#
        )));
    }
}

/// `b` is on two listeners, with different other servers.
#[test]
fn the_default_server_of_each_listener_reads_back() {
    let config = load_with_secrets(
        r#"
        [[server]]
        listen = "127.0.0.1:1"
        names = ["a"]
        [[server]]
        listen = ["127.0.0.1:1", "127.0.0.1:2"]
        names = ["b"]
        [[server]]
        listen = "127.0.0.1:2"
        names = ["c"]
        "#,
    );
    let names = |listener: usize| -> Vec<&str> {
        let asked = config.servers_on(&config.listeners[listener]);
        asked.iter().map(|server| config.servers[*server].names[0].as_str()).collect()
    };
    assert_eq!((names(0), names(1)), (vec!["b", "a"], vec!["c", "b"]));
    assert_reads_back(&config);
}

#[test]
fn content_types_that_most_locations_share_are_written_once() {
    let location = |path: &str, types: &str| {
        format!(
            "[[location]]\npath = \"{path}\"\npublisher = true\nchannels_path = \"$arg_id\"\n\
             {types}\n"
        )
    };
    let shared = r#"types = { "css" = "text/css", "js" = "text/javascript" }"#;
    let own = r#"types = { "a" = "text/a" }"#;
    let text = [
        location("/1", shared),
        location("/2", own),
        location("/3", ""),
        location("/4", shared),
        location("/5", shared),
    ]
    .concat();
    let config = load_with_secrets(&text);
    let written = config.to_toml();
    let count = |line: &str| written.lines().filter(|one| *one == line).count();
    assert_eq!(count(shared), 1);
    assert_eq!(count(own), 1);
    let default = r#"types = { "html" = "text/html", "gif" = "image/gif", "jpg" = "image/jpeg" }"#;
    assert_eq!(count(default), 1);
    let read = load_with_secrets(&written);
    let types = |config: &Config| -> Vec<_> {
        let locations = config.servers[0].locations.iter();
        locations.map(|location| location.types.clone()).collect()
    };
    assert_eq!(types(&read), types(&config));
    assert!(!load_with_secrets(&location("/1", "")).to_toml().contains("types"));
}
