//! The prefix that a proxy may leave in front of the public endpoints (`public_prefix`).

use super::fixtures::*;
use crate::support::Daemon;
use rpushd::config::{Config, DiskFiles, Overrides};
use std::collections::BTreeMap;

#[test]
fn health_and_streams_also_answer_under_the_prefix() {
    let daemon = daemon();
    let healthy = ask(&daemon, get("/healthz", ""));
    assert_eq!(ask(&daemon, get("/push-daemon/healthz", "")), healthy);
    let reader = daemon.connect();
    let subscription = subscribe("a").replacen("/api/", "/push-daemon/api/", 1);
    assert_eq!(reader.ask(&subscription), STREAM);
    assert_eq!(ask(&daemon, publish("a", "1")), ACCEPTED);
    assert_eq!(reader.read(), frame("1"));
}

#[test]
fn publish_and_statistics_never_answer_under_the_prefix() {
    let daemon = daemon();
    let missing = empty("404 Not Found");
    for request in [
        publish("a", "1").replacen("/api/", "/push-daemon/api/", 1),
        get("/push-daemon/api/stats", BEARER),
        get("/push-daemon/api/../stats", BEARER),
        get("/push-daemon/push-daemon/healthz", ""),
        get("/push-daemon", ""),
        get("/push-daemon/", ""),
    ] {
        assert_eq!(ask(&daemon, &request), missing, "{request}");
    }
}

#[test]
fn locations_never_answer_under_the_prefix() {
    let text = "
        [[location]]
        path = '/pub'
        publisher = 'admin'
        channels_path = '$arg_id'
        [[location]]
        path = '/push-daemon/sub'
        subscriber = 'polling'
        channels_path = '$arg_id'
        ";
    let read = Config::from_sources(
        Some(("x.toml", text)),
        &BTreeMap::new(),
        &DiskFiles,
        &Overrides::default(),
    );
    let daemon = Daemon::new(read.unwrap_or_else(|error| panic!("{error}")));
    let status = |target: &str| ask(&daemon, get(target, "")).lines().next().map(str::to_owned);
    assert_eq!(status("/pub?id=a").as_deref(), Some("HTTP/1.1 404 Not Found"));
    let published =
        ask(&daemon, "POST /pub?id=a HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx");
    assert!(published.starts_with("HTTP/1.1 200 OK\r\n"), "{published}");
    assert_eq!(ask(&daemon, get("/push-daemon/pub?id=a", "")), empty("404 Not Found"));
    // A location that is configured there is not an endpoint of the API, and stays reachable.
    assert_eq!(status("/push-daemon/sub?id=a").as_deref(), Some("HTTP/1.1 304 Not Modified"));
}

#[test]
fn an_empty_prefix_is_none_and_a_reload_changes_it() {
    let daemon = daemon();
    let is_found = |target: &str| ask(&daemon, get(target, "")).starts_with("HTTP/1.1 200 OK\r\n");
    assert!(is_found("/push-daemon/healthz"));
    daemon.reconfigure(Config { public_prefix: "/live".to_owned(), ..config() });
    assert!(is_found("/live/healthz") && is_found("/healthz"));
    assert!(!is_found("/push-daemon/healthz"));
    daemon.reconfigure(Config { public_prefix: String::new(), ..config() });
    assert!(is_found("/healthz") && !is_found("//healthz") && !is_found("/live/healthz"));
}
