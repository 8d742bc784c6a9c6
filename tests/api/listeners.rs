//! Which endpoints exist on which listener: internal listeners, and a daemon without secrets.

use super::fixtures::*;
use super::push_stream::locations::config_of;
use crate::support::Daemon;
use rpushd::config::{Config, ListenAddress, Listener, ListenerId};

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
fn publish_stats_and_channels_do_not_exist_on_a_public_listener_beside_an_internal_one() {
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
        get("/api/channels", BEARER),
        get("/api/channels/a", BEARER),
        bare("OPTIONS", "/api/channels/a", ""),
    ] {
        assert_eq!(ask_at(&daemon, PUBLIC, &request), hidden, "{request}");
    }
    assert_eq!(daemon.counters().auth_failures_total, 0);
}

#[test]
fn the_reactor_learns_which_listener_is_internal_to_read_its_clients_first() {
    let daemon = daemon_with_internal_listener();
    let listeners = [PUBLIC, INTERNAL].map(ListenerId);
    let are_internal = daemon.with_server(|server, _| listeners.map(|id| server.is_internal(id)));
    assert_eq!(are_internal, [false, true]);
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

/// Requests that only internal listeners may answer, with the configuration of [`file`].
fn privileged() -> [String; 4] {
    [
        post("/pub?id=a", "", "x"),
        get("/channels-stats", ""),
        publish("a", "1"),
        get("/api/stats", BEARER),
    ]
}

/// Privileged and public locations on the first address, and further configuration lines.
fn file(lines: &str) -> Config {
    let text = format!(
        "listen = '127.0.0.1:1'\n{lines}\n\
         [push_stream]\nchannels_path = '$arg_id'\n\
         [[location]]\npath = '/pub'\npublisher = 'admin'\ninternal = true\n\
         [[location]]\npath = '/channels-stats'\nchannels_statistics = true\ninternal = true\n\
         [[location]]\npath = '/sub'\nsubscriber = 'streaming'\n"
    );
    let Config { subscribe_secrets, publish_secrets, .. } = config();
    Config { subscribe_secrets, publish_secrets, ..config_of(&text) }
}

fn status_at(daemon: &Daemon, listener: u16, request: &str) -> String {
    let answer = ask_at(daemon, listener, request);
    answer.split("\r\n").next().unwrap_or_default().to_owned()
}

#[test]
fn a_reload_with_an_internal_listener_that_is_not_bound_exposes_nothing() {
    let first = Config { listeners: file("internal_listen = '127.0.0.1:2'").listeners, ..config() };
    let public_only = Config { listeners: vec![first.listeners[0].clone()], ..first };
    let daemon = Daemon::new(public_only);
    assert_eq!(ask_at(&daemon, PUBLIC, &publish("a", "1")), ACCEPTED);
    daemon.reconfigure(file("internal_listen = '127.0.0.1:2'"));
    for request in privileged() {
        assert_eq!(status_at(&daemon, PUBLIC, &request), "HTTP/1.1 404 Not Found", "{request}");
    }
    assert_eq!(status_at(&daemon, PUBLIC, &get("/sub?id=a", "")), "HTTP/1.1 200 OK");
    // The next reload does not either.
    daemon.reconfigure(file("internal_listen = '127.0.0.1:2'"));
    for request in privileged() {
        assert_eq!(status_at(&daemon, PUBLIC, &request), "HTTP/1.1 404 Not Found", "{request}");
    }
}

#[test]
fn an_internal_listener_that_stays_bound_answers_after_a_reload_and_the_public_one_does_not() {
    let lines = "internal_listen = '127.0.0.1:2'";
    let daemon = Daemon::new(file(lines));
    for _ in 0..2 {
        for request in privileged() {
            assert_eq!(status_at(&daemon, PUBLIC, &request), "HTTP/1.1 404 Not Found", "{request}");
            let inside = status_at(&daemon, INTERNAL, &request);
            assert!(inside.starts_with("HTTP/1.1 20"), "{request}: {inside}");
        }
        daemon.reconfigure(file(lines));
    }
}

#[test]
fn a_location_is_hidden_on_a_public_listener_even_if_there_is_no_internal_one() {
    let file = file("internal_listen = '127.0.0.1:2'");
    let listeners = vec![file.listeners[0].clone()];
    let daemon = Daemon::new(Config { listeners, ..file });
    for request in [post("/pub?id=a", "", "x"), get("/channels-stats", "")] {
        assert_eq!(status_at(&daemon, PUBLIC, &request), "HTTP/1.1 404 Not Found", "{request}");
    }
}

#[test]
fn a_connection_whose_listener_is_not_configured_any_more_is_still_answered() {
    let daemon = daemon_with_internal_listener();
    let inside = daemon.connect_to(INTERNAL).expect("there is room");
    daemon.reconfigure(Config { listeners: vec![], ..config() });
    let healthy = inside.ask(get("/healthz", ""));
    assert!(healthy.starts_with("HTTP/1.1 200 OK\r\n"), "{healthy}");
    assert_eq!(inside.ask(publish("a", "1")), ACCEPTED);
    assert_eq!(ask_at(&daemon, PUBLIC, &publish("a", "1")), empty("404 Not Found"));
}
