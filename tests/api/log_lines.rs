//! What the log says: who was refused or closed, and why; never a secret.

use super::fixtures::*;
use crate::support::{Client, Daemon, log_lines};
use rpushd::config::Config;
use std::net::IpAddr;

/// A daemon whose subscribers may have 4 KiB queued.
fn small_daemon() -> Daemon {
    let mut config = config();
    config.limits.outbox_bytes_max = 4096;
    Daemon::new(config)
}

fn from(daemon: &Daemon, address: &str) -> Client {
    let peer: IpAddr = address.parse().expect("an address");
    daemon.connect_from(0, Some(peer)).expect("the server takes one more connection")
}

/// The request with a field behind its others.
fn with_field(request: &str, field: &str) -> String {
    request.replacen("\r\n\r\n", &format!("\r\n{field}\r\n\r\n"), 1)
}

fn large(channel: &str) -> String {
    publish(channel, &format!("\"{}\"", "x".repeat(3000)))
}

/// A subscriber that never reads is closed; what the log says of it.
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
    let expected = "slow reader 192.0.2.7 on channel \"a\" closed: 8 queued bytes found no reader \
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
    // A local client that is no proxy is itself.
    let daemon = small_daemon();
    let line = line_of_slow_reader(&daemon, &from(&daemon, "127.0.0.1"), &subscribe("a"));
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
