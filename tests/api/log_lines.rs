//! Log lines: which clients were refused or closed, and why; never a secret.

use super::fixtures::*;
use super::push_stream::locations;
use super::push_stream::websocket_client::{TEXT, connected, masked};
use crate::support::{Client, Daemon, log_lines};
use rpushd::config::Config;
use std::net::IpAddr;

/// A daemon with an outbox limit of 4 KiB.
fn small_daemon() -> Daemon {
    let mut config = config();
    config.limits.outbox_bytes_max = 4096;
    Daemon::new(config)
}

fn from(daemon: &Daemon, address: &str) -> Client {
    let peer: IpAddr = address.parse().expect("an address");
    daemon.connect_from(0, Some(peer)).expect("the server takes one more connection")
}

/// The request with an additional last field.
fn with_field(request: &str, field: &str) -> String {
    request.replacen("\r\n\r\n", &format!("\r\n{field}\r\n\r\n"), 1)
}

fn large(channel: &str) -> String {
    publish(channel, &format!("\"{}\"", "x".repeat(3000)))
}

/// The log lines about a subscriber that never reads and is closed.
fn line_of_slow_reader(daemon: &Daemon, client: &Client, subscription: &str) -> String {
    client.take_only(0);
    client.send(subscription);
    log_lines();
    (0..3).for_each(|_| drop(ask(daemon, large("a"))));
    assert!(client.is_closed());
    let lines = log_lines();
    let mut lines = lines.into_iter().filter(|line| line.contains("slow reader"));
    lines.next().unwrap_or_default()
}

#[test]
fn a_slow_readers_end_is_told_with_address_channel_and_bytes() {
    let daemon = small_daemon();
    let client = from(&daemon, "198.51.100.9");
    assert_eq!(
        line_of_slow_reader(&daemon, &client, &subscribe("a")),
        "info rpushd::server::lines: slow reader 198.51.100.9 on channel \"a\" closed: 6305 queued \
         bytes exceed outbox_bytes_max"
    );
}

#[test]
fn a_stalled_reader_is_told_too() {
    let daemon = small_daemon();
    let client = subscriber(&daemon, "a");
    client.take_only(0);
    ask(&daemon, publish("a", "1"));
    log_lines();
    daemon.advance(61_000);
    let lines = log_lines();
    let expected = "slow reader 192.0.2.7 on channel \"a\" closed: 8 queued bytes were not read \
                    within outbox_stall_timeout";
    assert_eq!(lines.iter().filter(|line| line.contains(expected)).count(), 1, "{lines:?}");
}

#[test]
fn many_slow_readers_make_one_line_a_second_and_a_sum() {
    let daemon = small_daemon();
    let slow: Vec<Client> = (0..20).map(|_| subscriber(&daemon, "a")).collect();
    slow.iter().for_each(|client| client.take_only(0));
    log_lines();
    (0..3).for_each(|_| drop(ask(&daemon, large("a"))));
    assert!(slow.iter().all(Client::is_closed));
    daemon.advance(100_000);
    let lines: Vec<String> =
        log_lines().into_iter().filter(|line| line.contains("slow reader")).collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert_eq!(lines[1], "info rpushd::server::lines: 19 more slow readers closed");
}

#[test]
fn behind_a_trusted_proxy_the_visitor_is_named_and_nobody_else_can_forge_a_name() {
    let forwarded = "X-Forwarded-For: 203.0.113.1, 2001:db8::9";
    for (peer, expected) in [
        ("127.0.0.1", "slow reader 2001:db8::9 on"),
        ("::ffff:127.0.0.1", "slow reader 2001:db8::9 on"),
        ("198.51.100.9", "slow reader 198.51.100.9 on"),
        ("2001:db8::1", "slow reader 2001:db8::1 on"),
    ] {
        let daemon = small_daemon();
        let client = from(&daemon, peer);
        let subscription = with_field(&subscribe("a"), forwarded);
        let line = line_of_slow_reader(&daemon, &client, &subscription);
        assert!(line.contains(expected), "{peer}: {line}");
    }
}

#[test]
fn each_request_of_a_proxys_connection_has_its_own_visitor() {
    for (fields, expected) in [("X-Forwarded-For: 192.0.2.2", "192.0.2.2"), ("X-Other: 1", "-")] {
        let daemon = small_daemon();
        let client = from(&daemon, "127.0.0.1");
        client.ask(get("/healthz", "X-Forwarded-For: 192.0.2.1\r\n"));
        let subscription = with_field(&subscribe("a"), fields);
        let line = line_of_slow_reader(&daemon, &client, &subscription);
        assert!(line.contains(&format!("slow reader {expected} on")), "{line}");
    }
}

#[test]
fn a_local_client_that_is_no_proxy_is_itself_in_all_its_requests() {
    let daemon = small_daemon();
    let client = from(&daemon, "127.0.0.1");
    client.ask(get("/healthz", ""));
    let line = line_of_slow_reader(&daemon, &client, &subscribe("a"));
    assert!(line.contains("slow reader 127.0.0.1 on"), "{line}");
}

#[test]
fn a_unix_socket_is_a_trusted_proxy_unless_the_configuration_says_otherwise() {
    for (trusted, expected) in [(&["unix:"][..], "192.0.2.1"), (&["127.0.0.1"], "-")] {
        let trusted_proxies = rpushd::config::TrustedProxies::parse(trusted).unwrap();
        let mut config = Config { trusted_proxies, ..config() };
        config.limits.outbox_bytes_max = 4096;
        let daemon = Daemon::new(config);
        let client = daemon.connect_from(0, None).expect("room");
        let subscription = with_field(&subscribe("a"), "X-Forwarded-For: 192.0.2.1");
        let line = line_of_slow_reader(&daemon, &client, &subscription);
        assert!(line.contains(&format!("slow reader {expected} on")), "{line}");
    }
}

/// The log lines about requests and streams during a function call, without the module's name.
fn lines_while(act: impl FnOnce()) -> Vec<String> {
    log_lines();
    act();
    let is_wanted = |line: &String| line.contains("::request_log: ") || line.contains("::access: ");
    let bare =
        |line: String| line.replace("rpushd::server::request_log: ", "").replace("rpushd::", "");
    log_lines().into_iter().filter(is_wanted).map(bare).collect()
}

#[test]
fn a_refused_request_is_told_with_client_path_and_reason() {
    let daemon = daemon();
    for (request, expected) in [
        (get("/none", ""), "GET /none: 404 Not Found"),
        (get("/none?token=secret", ""), "GET /none: 404 Not Found"),
        (bare("PUT", "/healthz", ""), "PUT /healthz: 405 Not Allowed"),
        (
            post("/api/publish", "Authorization: Bearer secret\r\n", "{}"),
            "POST /api/publish: 401 Unauthorized: wrong secret",
        ),
        (subscribe_with("a", "x.secret.z"), "POST /api/stream/a: 401 Unauthorized: malformed"),
        (
            publish("a b", "1"),
            "POST /api/publish: 400 Bad Request: a channel is 1 to 191 characters of A-Z a-z 0-9 : \
             - _ .",
        ),
        (
            "GET /a?secret HTTP/1.1\r\nHost: a%zz\r\n\r\n".to_owned(),
            "GET /a: 400 Bad Request: malformed head",
        ),
        ("{\"token\": \"/secret\"}\r\n\r\n".to_owned(), "- -: 400 Bad Request: malformed head"),
        (
            "GET /\x1b[2J HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
            "GET /\\x1b[2J: 400 Bad Request: malformed head",
        ),
    ] {
        let lines = lines_while(|| drop(ask(&daemon, &request)));
        assert_eq!(lines, [format!("debug refused 192.0.2.7 {expected}")]);
    }
    assert_eq!(lines_while(|| drop(ask(&daemon, publish("a", "1")))), Vec::<String>::new());
}

#[test]
fn a_request_that_does_not_arrive_in_time_is_told() {
    let daemon = daemon();
    let client = daemon.connect();
    let lines = lines_while(|| {
        client.send("GET /slow HTTP/1.1\r\n");
        daemon.advance(11_000);
    });
    let expected = "GET /slow: 408 Request Time-out: it did not arrive in time";
    assert_eq!(lines, [format!("debug refused 192.0.2.7 {expected}")]);
}

#[test]
fn the_access_log_has_a_line_for_each_request_and_each_streams_end() {
    let daemon = Daemon::new(Config { log_access: true, ..config() });
    let lines = lines_while(|| {
        ask(&daemon, get("/healthz?token=secret", ""));
        let leaving = subscriber(&daemon, "a");
        daemon.advance(500);
        leaving.end();
        let staying = subscriber(&daemon, "b");
        ask(&daemon, publish("b", "1"));
        ask(&daemon, publish_body("{"));
        let broken = daemon.connect();
        broken.send("POST /api/publish HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{");
        let half = daemon.connect();
        half.send(publish("b", "1").trim_end_matches('}'));
        half.abort();
        daemon.stop();
        drop(staying);
    });
    let lines: Vec<&str> =
        lines.iter().filter_map(|line| line.strip_prefix("info access: ")).collect();
    assert_eq!(
        lines,
        [
            "192.0.2.7 GET /healthz 200 0 ms",
            "192.0.2.7 POST /api/stream/a 200 0 ms: stream begins",
            "192.0.2.7 POST /api/stream/a stream ended 500 ms: closed by the client",
            "192.0.2.7 POST /api/stream/b 200 0 ms: stream begins",
            "192.0.2.7 POST /api/publish 204 0 ms",
            "192.0.2.7 POST /api/publish 400 0 ms: the body is not valid JSON",
            "192.0.2.7 POST /api/publish 401 0 ms: no token or secret",
            "192.0.2.7 POST /api/publish - 0 ms: the connection broke",
            "192.0.2.7 POST /api/stream/b stream ended 0 ms: the daemon stops",
        ]
    );
}

#[test]
fn the_access_log_tells_why_a_stream_of_a_location_ended() {
    use super::push_stream::locations;
    let config =
        || Config { log_access: true, ..locations::config("reload_ends_subscribers = true") };
    let daemon = Daemon::new(config());
    let ends = |act: &dyn Fn()| {
        let lines = lines_while(act);
        lines.into_iter().filter(|line| line.starts_with("info ")).collect::<Vec<String>>()
    };
    let reloaded = ends(&|| {
        let _stream = locations::stream(&daemon, "/sub/a");
        daemon.reconfigure(config());
    });
    assert_eq!(
        reloaded,
        [
            "info access: 192.0.2.7 GET /sub/a 200 0 ms: stream begins",
            "info access: 192.0.2.7 GET /sub/a stream ended 0 ms: the configuration was reloaded",
        ]
    );
    let waited = ends(&|| {
        let _waiting = locations::listen(&daemon, "/lp/a");
        daemon.advance(700);
        locations::publish(&daemon, "a", "x");
    });
    assert!(
        waited.contains(&"info access: 192.0.2.7 GET /lp/a 200 700 ms".to_owned()),
        "{waited:?}"
    );
}

#[test]
fn without_the_setting_there_is_no_access_log() {
    let daemon = daemon();
    assert_eq!(lines_while(|| drop(ask(&daemon, get("/healthz", "")))), Vec::<String>::new());
}

#[test]
fn a_full_store_is_an_error_line_once_a_minute() {
    let mut config = config();
    config.limits.store_bytes_max = 671;
    let daemon = Daemon::new(config);
    let errors = || {
        let lines = log_lines().into_iter();
        lines.filter(|line| line.starts_with("error ")).collect::<Vec<String>>()
    };
    errors();
    let _reader = subscriber(&daemon, "a");
    assert_eq!(errors(), Vec::<String>::new());
    let refuse = || assert!(ask(&daemon, subscribe("a")).starts_with("HTTP/1.1 503 "));
    let line = |before: &str| {
        format!(
            "error rpushd::server::lines: store full: publication or subscription \
             refused{before}: 671 of 671 bytes (store_bytes_max) are in use, 0 of them for \
             events and for channels that only visitors use; raise store_bytes_max, or keep fewer \
             messages (message_ttl, max_messages_stored_per_channel)"
        )
    };
    (0..3).for_each(|_| refuse());
    assert_eq!(errors(), [line("")]);
    daemon.advance(59_000);
    refuse();
    assert_eq!(errors(), Vec::<String>::new());
    daemon.advance(1_000);
    refuse();
    assert_eq!(errors(), [line(" (3 more since the last such line)")]);
    assert_eq!(daemon.counters().store_refusals_total, 5);
}

#[test]
fn a_message_that_is_published_but_not_stored_is_a_warning_and_no_refusal() {
    let mut config = locations::config_of(
        "[[location]]\npath = '~ ^/ws/(.*)'\nsubscriber = 'websocket'\nchannels_path = '$1'\n\
         websocket_allow_publish = true\nstore_messages = true\n",
    );
    config.limits.store_bytes_max = 2_000;
    let daemon = Daemon::new(config);
    let visitor = connected(&daemon, "a");
    log_lines();
    let line = |before: &str| {
        format!(
            "warn rpushd::server::lines: store full: message published but not stored{before}: \
             671 of 2000 bytes (store_bytes_max) are in use; raise store_bytes_max, or keep fewer \
             messages (message_ttl, max_messages_stored_per_channel)"
        )
    };
    let text = "x".repeat(1_500);
    (0..3).for_each(|_| visitor.send(masked(TEXT, &text)));
    assert_eq!(log_lines(), [line("")]);
    daemon.advance(60_000);
    visitor.send(masked(TEXT, &text));
    assert_eq!(log_lines(), [line(" (2 more since the last such line)")]);
    let counters = daemon.counters();
    assert_eq!((counters.memory_messages_unstored_total, counters.store_refusals_total), (4, 0));
}
