//! What exists where: internal listeners, and a daemon without secrets.

use super::fixtures::*;
use crate::support::Daemon;
use rpushd::config::{Config, ListenAddress, Listener};

const PUBLIC: u16 = 0;
const INTERNAL: u16 = 1;

fn daemon_with_internal_listener() -> Daemon {
    let listener = |port: u16, is_internal| Listener {
        address: ListenAddress::Tcp(([127, 0, 0, 1], port).into()),
        is_internal,
        server: None,
    };
    Daemon::new(Config { listeners: vec![listener(1, false), listener(2, true)], ..config() })
}

fn ask_at(daemon: &Daemon, listener: u16, request: &str) -> String {
    daemon.connect_to(listener).expect("there is room").ask(request)
}

#[test]
fn publish_and_stats_do_not_exist_on_a_public_listener_beside_an_internal_one() {
    let daemon = daemon_with_internal_listener();
    let hidden = empty("404 Not Found");
    for request in [
        publish("a", "1"),
        publish_body("{"),
        post("/api/publish", "", "{}"),
        bare("GET", "/api/publish", ""),
        get("/api/stats", BEARER),
        get("/api/stats", ""),
        bare("OPTIONS", "/api/stats", ""),
    ] {
        assert_eq!(ask_at(&daemon, PUBLIC, &request), hidden, "{request}");
    }
    assert_eq!(daemon.counters().auth_failures_total, 0);
}

#[test]
fn health_and_streams_exist_on_both() {
    let daemon = daemon_with_internal_listener();
    for listener in [PUBLIC, INTERNAL] {
        assert_eq!(ask_at(&daemon, listener, &subscribe("a")), STREAM);
        let healthy = ask_at(&daemon, listener, &get("/healthz", ""));
        assert!(healthy.starts_with("HTTP/1.1 200 OK\r\n"), "{healthy}");
    }
}

#[test]
fn what_is_published_inside_arrives_outside() {
    let daemon = daemon_with_internal_listener();
    let reader = subscriber(&daemon, "a");
    assert_eq!(ask_at(&daemon, INTERNAL, &publish("a", "1")), ACCEPTED);
    assert_eq!(reader.read(), frame("1"));
    let stats = ask_at(&daemon, INTERNAL, &get("/api/stats", BEARER));
    assert!(stats.starts_with("HTTP/1.1 200 OK\r\n"), "{stats}");
}

#[test]
fn without_secrets_there_is_only_health() {
    let daemon = Daemon::new(Config::default());
    for request in [
        publish("a", "1"),
        subscribe("a"),
        get("/api/stats", BEARER),
        get("/api/publish", ""),
        get("/api/stream/a", ""),
    ] {
        assert_eq!(ask(&daemon, &request), empty("404 Not Found"), "{request}");
    }
    let healthy = ask(&daemon, get("/healthz", ""));
    assert!(healthy.ends_with("{\"status\":\"ok\"}"), "{healthy}");
}
