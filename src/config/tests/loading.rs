//! Tests of reading a configuration.

use super::super::{
    Config, DevelopmentSecrets, ListenAddress, Mode, Overrides, PathMatch, Role, Sandbox, Secret,
};
use super::{FakeFiles, SECRETS, load, load_with_secrets, variables};
use crate::time::Millis;
use std::path::PathBuf;

fn addresses(config: &Config) -> Vec<String> {
    let shown = |listener: &super::super::Listener| {
        let kind = if listener.is_internal { " internal" } else { "" };
        format!("{}{kind} {:?}", listener.address.show(), listener.server)
    };
    config.listeners.iter().map(shown).collect()
}

#[test]
fn two_secrets_are_all_that_must_be_told() {
    let config = load("", &SECRETS).unwrap();
    let expected = Config {
        subscribe_secrets: vec![Secret::new(SECRETS[0].1).unwrap()],
        publish_secrets: vec![Secret::new(SECRETS[1].1).unwrap()],
        ..Config::default()
    };
    assert_eq!(config, expected);
}

#[test]
fn every_setting_has_a_key() {
    let config = load_with_secrets(
        r#"
        listen = ["127.0.0.1:1", "unix:/run/rpushd.sock", "systemd:web"]
        internal_listen = "127.0.0.1:2"
        unix_mode = 0o600
        heartbeat = 20
        channel_idle_ttl = "1h30m"
        proxy_read_timeout = "90500ms"
        allowed_origins = ["https://example.org", "http://localhost:8080"]
        public_prefix = "/live/v2/"
        trusted_proxies = ["10.0.0.0/8", "unix:"]
        pid_file = "/run/rpushd.pid"
        [limits]
        connections_max = 10
        outbox_bytes_max = "64k"
        head_timeout = "500ms"
        keepalive_timeout = 120
        [log]
        level = "debug"
        access = true
        file = "/var/log/rpushd.log"
        [sandbox]
        user = "push"
        seccomp = false
        core_dumps = true
        "#,
    );
    assert_eq!(
        addresses(&config),
        [
            "127.0.0.1:1 None",
            "unix:/run/rpushd.sock None",
            "systemd:web None",
            "127.0.0.1:2 internal None"
        ]
    );
    let unix = ListenAddress::Unix { path: "/run/rpushd.sock".into(), mode: 0o600 };
    assert_eq!(config.listeners[1].address, unix);
    assert_eq!(config.heartbeat, Millis::from_seconds(20));
    assert_eq!(config.channel_idle_ttl, Millis::from_seconds(5400));
    assert_eq!(config.proxy_read_timeout, Millis(90_500));
    assert_eq!(config.allowed_origins, ["https://example.org", "http://localhost:8080"]);
    assert_eq!(config.public_prefix, "/live/v2");
    assert_eq!(config.trusted_proxies.show(), ["10.0.0.0/8", "unix:"]);
    assert_eq!(config.pid_file, Some(PathBuf::from("/run/rpushd.pid")));
    assert_eq!(config.limits.connections_max, 10);
    assert_eq!(config.limits.outbox_bytes_max, 65_536);
    assert_eq!(config.limits.head_timeout, Millis(500));
    assert_eq!(config.limits.keepalive_timeout, Millis::from_seconds(120));
    assert_eq!(config.log_level, log::LevelFilter::Debug);
    assert!(config.log_access);
    assert_eq!(config.log_file, Some(PathBuf::from("/var/log/rpushd.log")));
    let sandbox = Sandbox {
        user: Some("push".to_owned()),
        filters_system_calls: false,
        allows_core_dumps: true,
    };
    assert_eq!(config.sandbox, sandbox);
    assert_eq!(config.warnings, Vec::<String>::new());
}

#[test]
fn the_environment_wins_over_the_file_and_flags_over_both() {
    let text = r#"
        listen = "127.0.0.1:1"
        heartbeat = 10
        secret = "in the file, long enough"
        [limits]
        head_bytes_max = 4096
        [log]
        level = "error"
        [push_stream]
        message_ttl = "5m"
    "#;
    let mut pairs = SECRETS.to_vec();
    pairs.extend([
        ("RPUSHD_LISTEN", "127.0.0.1:2, [::1]:2"),
        ("RPUSHD_HEARTBEAT_SECS", "11"),
        ("RPUSHD_HEAD_BYTES_MAX", "8k"),
        ("RPUSHD_LOG_LEVEL", "warn"),
        ("RPUSHD_PUSH_STREAM_MESSAGE_TTL", "6m"),
    ]);
    let config = load(text, &pairs).unwrap();
    assert_eq!(addresses(&config), ["127.0.0.1:2 None", "[::1]:2 None"]);
    assert_eq!(config.heartbeat, Millis::from_seconds(11));
    assert_eq!(config.limits.head_bytes_max, 8192);
    assert_eq!(config.log_level, log::LevelFilter::Warn);
    assert_eq!(config.push_stream.message_ttl, Millis::from_seconds(360));
    assert_eq!(config.subscribe_secrets, [Secret::new(SECRETS[0].1).unwrap()]);

    let overrides = Overrides {
        listen: vec!["127.0.0.1:3".into()],
        log_level: Some("trace".into()),
        pid_file: Some("/run/x".into()),
        ..Overrides::default()
    };
    let files = FakeFiles(Vec::new());
    let file = Some(("x.toml", text));
    let config = Config::from_sources(file, &variables(&pairs), &files, &overrides).unwrap();
    assert_eq!(addresses(&config), ["127.0.0.1:3 None"]);
    assert_eq!(config.log_level, log::LevelFilter::Trace);
    assert_eq!(config.pid_file, Some(PathBuf::from("/run/x")));
}

#[test]
fn development_brings_its_own_secrets_where_none_are_configured() {
    let overrides = Overrides {
        development: Some(DevelopmentSecrets {
            subscribe: Secret::new("throw-away-subscribe").unwrap(),
            publish: Secret::new("throw-away-publish").unwrap(),
        }),
        ..Overrides::default()
    };
    let files = FakeFiles(Vec::new());
    let config = Config::from_sources(None, &variables(&SECRETS[..1]), &files, &overrides).unwrap();
    assert_eq!(config.subscribe_secrets, [Secret::new(SECRETS[0].1).unwrap()]);
    assert_eq!(config.publish_secrets, [Secret::new("throw-away-publish").unwrap()]);

    let open = variables(&[("RPUSHD_LISTEN", "0.0.0.0:1")]);
    let error = Config::from_sources(None, &open, &files, &overrides).unwrap_err();
    assert_eq!(error.to_string(), "--dev: listens on loopback only, not on 0.0.0.0:1");
}

#[test]
fn locations_inherit_from_server_and_http_level() {
    let config = load(
        r#"
        [push_stream]
        shared_memory_size = "1m"
        channels_path = "$1"
        subscriber_connection_ttl = "10s"
        header_template = "http"
        max_number_of_wildcard_channels = 3
        wildcard_channel_prefix = "b_"

        [[location]]
        path = "~ /sub/(.*)"
        subscriber = true
        subscriber_connection_ttl = "500ms"
        header_template = ""

        [[server]]
        listen = "127.0.0.1:9080"
        internal_listen = "127.0.0.1:9081"
        names = ["a.example", "*.b.example"]
        default_type = "text/html"
        [[server.location]]
        path = "/pub"
        publisher = "Admin"
        channels_path = "$arg_id"
        store_messages = true
        client_max_body_size = "5m"
        require_secret = true
        internal = true
        [[server.location.if]]
        variable = "$arg_test"
        equals = "on"
        store_messages = false
        "#,
        &[&SECRETS[..], &[("RPUSHD_LISTEN", "127.0.0.1:1")]].concat(),
    )
    .unwrap();
    assert_eq!(
        addresses(&config),
        ["127.0.0.1:1 Some(0)", "127.0.0.1:9080 Some(1)", "127.0.0.1:9081 internal Some(1)"]
    );
    let subscriber = &config.servers[0].locations[0];
    assert_eq!(
        subscriber.path,
        PathMatch::Regex { pattern: "/sub/(.*)".into(), ignores_case: false }
    );
    assert_eq!(subscriber.role, Role::Subscriber(Mode::Streaming));
    assert_eq!(subscriber.channels_path.source(), "$1");
    assert_eq!(subscriber.default_type, "text/plain");
    let settings = &subscriber.subscriber;
    assert_eq!(settings.header_template, b"");
    assert_eq!(settings.subscriber_connection_ttl, Some(Millis(500)));
    // nginx applies this default on the server level already (push-stream spec, section 2.5).
    assert_eq!(settings.longpolling_connection_ttl, Some(Millis(10_000)));
    assert_eq!(settings.wildcard_channel_max_qtd, Some(3));

    let server = &config.servers[1];
    assert_eq!(server.names, ["a.example", "*.b.example"]);
    let publisher = &server.locations[0];
    assert_eq!(publisher.role, Role::Publisher { is_admin: true });
    assert_eq!(publisher.channels_path.source(), "$arg_id");
    assert_eq!(publisher.default_type, "text/html");
    assert_eq!(publisher.body_bytes_max, 5 << 20);
    assert!(publisher.store_messages && publisher.requires_secret && publisher.is_internal);
    assert_eq!(publisher.subscriber.header_template, b"http");
    assert_eq!(publisher.origin, "x.toml:21");
    let condition = &publisher.conditions[0];
    assert_eq!(condition.subject.source(), "$arg_test");
    assert_eq!(condition.equals.as_deref(), Some("on"));
    assert_eq!(condition.settings.store_messages, Some(false));
    assert_eq!(condition.settings.channels_path, None);
}

#[test]
fn a_header_template_comes_from_a_file_byte_for_byte() {
    let files = FakeFiles(vec![("/etc/header", vec![0xff, 0, b'\n'], true)]);
    let text = r#"
        [[location]]
        path = "/sub"
        subscriber = "polling"
        channels_path = "$arg_id"
        header_template_file = "/etc/header"
    "#;
    let environment = variables(&SECRETS);
    let file = Some(("x.toml", text));
    let config = Config::from_sources(file, &environment, &files, &Overrides::default()).unwrap();
    assert_eq!(config.servers[0].locations[0].subscriber.header_template, [0xff, 0, b'\n']);
}

#[test]
fn a_server_without_listeners_answers_on_those_of_the_file_head() {
    let config = load_with_secrets(
        r#"
        listen = "127.0.0.1:1"
        internal_listen = "127.0.0.1:2"
        [push_stream]
        channels_path = "$arg_id"
        [[location]]
        path = "/pub"
        publisher = true
        [[server]]
        names = "b.example"
        [[server.location]]
        path = "/sub"
        subscriber = "websocket"
        ping_message_interval = "10s"
        "#,
    );
    assert_eq!(addresses(&config), ["127.0.0.1:1 Some(1)", "127.0.0.1:2 internal Some(1)"]);
    assert_eq!(config.servers[1].sibling, Some(0));
    assert_eq!(config.servers[0].sibling, None);
}

#[test]
fn the_description_says_what_each_listener_and_location_does() {
    let config = load_with_secrets(
        r#"
        internal_listen = "unix:/run/rpushd.sock"
        [push_stream]
        channels_path = "$arg_id"
        max_messages_stored_per_channel = 20
        [[location]]
        path = "/pub"
        publisher = "admin"
        store_messages = true
        internal = true
        require_secret = true
        [[location.if]]
        variable = "$arg_test"
        store_messages = false
        channels_path = "test_$arg_id"
        [[location]]
        path = "~ /sub/(.*)"
        subscriber = "eventsource"
        channels_path = "$1"
        ping_message_interval = "10s"
        authorized_channels_only = true
        allowed_origins = "*"
        [[location]]
        path = "= /lp"
        subscriber = "long-polling"
        longpolling_connection_ttl = "30s"
        [[location]]
        path = "/stats"
        channels_statistics = true
        gzip = true
        "#,
    );
    assert_eq!(
        config.describe(),
        [
            "listens on 127.0.0.1:45831: rpushd API without publish and stats, 3 locations",
            "listens on unix:/run/rpushd.sock (internal): rpushd API, 4 locations",
            "location \"/pub\" (x.toml:6): publisher that may delete channels; channels from \
             \"$arg_id\"; stores 20 messages per channel for 1800s; bodies up to 1 MiB; internal \
             listeners only; requires the publish secret; if $arg_test is set: channels_path \
             \"test_$arg_id\", store_messages off",
            "location \"~ /sub/(.*)\" (x.toml:16): subscriber by eventsource; channels from \
             \"$1\"; a ping every 10s; only channels that exist; CORS for \"*\"",
            "location \"= /lp\" (x.toml:23): subscriber by long-polling; channels from \
             \"$arg_id\"; waits up to 30s",
            "location \"/stats\" (x.toml:27): statistics; channels from \"$arg_id\"; gzip",
        ]
    );
}
