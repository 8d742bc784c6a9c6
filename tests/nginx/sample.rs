//! The sample configuration of the module comes over whole.

use crate::support::*;
use rpushd::config::{Mode, PathMatch, Role, VariableString};
use rpushd::nginx_import::Placement;
use rpushd::time::Millis;

#[test]
fn the_sample_leaves_nothing_behind() {
    for placement in PLACEMENTS {
        let (translation, _) = import(&MemoryFiles::fixture("sample"), placement).unwrap();
        let dropped: Vec<_> = translation.dropped().collect();
        assert!(dropped.is_empty(), "{dropped:?}");
    }
}

#[test]
fn the_sample_reads_back_from_its_toml() {
    for placement in PLACEMENTS {
        let (translation, _) = import(&MemoryFiles::fixture("sample"), placement).unwrap();
        let read = read_back(&translation.to_toml());
        assert_eq!(comparable(&read), comparable(&translation.config));
    }
}

#[test]
fn the_process_takes_over_what_nginx_was_told() {
    let (translation, _) = import(&MemoryFiles::fixture("sample"), Placement::Instead).unwrap();
    let config = &translation.config;
    assert_eq!(config.listeners[0].address.show(), "127.0.0.1:9080");
    assert_eq!(config.pid_file.as_deref(), Some("/tmp/rpushd-sample/nginx.pid".as_ref()));
    assert_eq!(config.log_file.as_deref(), Some("/tmp/rpushd-sample/error.log".as_ref()));
    assert_eq!(config.log_level, log::LevelFilter::Debug);
    assert_eq!(config.limits.keepalive_timeout, Millis::from_seconds(100));
    assert_eq!(config.limits.keepalive_requests_max, 500);
    assert_eq!(config.limits.outbox_stall_timeout, Millis::from_seconds(10));
    assert_eq!(config.push_stream.worker_processes, 2);
    assert!(config.push_stream.reload_ends_subscribers);
    assert_eq!(
        translation.messages,
        [(
            log::Level::Info,
            "Using 102400KiB of shared memory for push stream module on zone: push_stream_module"
                .to_owned()
        )]
    );
}

#[test]
fn a_location_has_its_own_and_its_inherited_settings() {
    let (translation, _) = import(&MemoryFiles::fixture("sample"), Placement::Instead).unwrap();
    let server = &translation.config.servers[0];
    assert_eq!(server.names, ["localhost"]);
    let roles: Vec<_> = server.locations.iter().map(|location| location.role).collect();
    let subscribers = [
        Mode::Streaming,
        Mode::EventSource,
        Mode::LongPolling,
        Mode::LongPolling,
        Mode::Polling,
        Mode::WebSocket,
        Mode::Streaming,
    ];
    let mut expected = vec![
        Role::Statistics,
        Role::Publisher { is_admin: true },
        Role::Publisher { is_admin: false },
    ];
    expected.extend(subscribers.map(Role::Subscriber));
    assert_eq!(roles, expected);

    let streaming = &server.locations[3];
    let variables = |text: &str| VariableString::parse(text).unwrap();
    assert_eq!(
        streaming.path,
        PathMatch::Regex { pattern: "/sub/(.*)?".into(), ignores_case: false }
    );
    assert_eq!(streaming.channels_path, variables("$1"));
    assert_eq!(streaming.default_type, "text/html; charset=utf-8");
    assert_eq!(streaming.body_bytes_max, 5 << 20);
    assert!(streaming.gzip.is_on && streaming.gzip.includes_streams);
    assert_eq!(streaming.allowed_origins, Some(variables("*")));
    assert_eq!(
        String::from_utf8_lossy(&streaming.subscriber.header_template),
        "<!DOCTYPE html>\r\n<html>\n<head>\n<meta http-equiv=\"Cache-Control\" \
         content=\"no-store\">\n<script>\nvar p = function () { parent.PushStream.register(this); \
         };\np('\\', \"~\");</script>\r\n</head>\r\n<body onload=\"window.onError = null;\">"
    );
    assert_eq!(streaming.subscriber.ping_message_interval, Some(Millis::from_seconds(10)));
    assert_eq!(streaming.subscriber.longpolling_connection_ttl, Some(Millis::from_seconds(30)));
    assert_eq!(streaming.subscriber.wildcard_channel_max_qtd, Some(5));
    let conditions: Vec<_> = streaming
        .conditions
        .iter()
        .map(|condition| (condition.subject.source(), condition.equals.as_deref()))
        .collect();
    assert_eq!(conditions, [("$arg_tests", Some("on")), ("$arg_qs", Some("on"))]);
    assert_eq!(streaming.conditions[0].settings.channels_path, Some(variables("test_$1")));
    assert_eq!(server.locations[9].subscriber.header_template, b"<html><body>\n");
    assert!(server.locations[8].conditions[0].is_negated);
}
