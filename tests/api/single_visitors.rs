//! Limits against single visitors: subscribers with one address, bad tokens of one address.

use super::fixtures::*;
use super::push_stream::locations;
use super::push_stream::websocket_client::{SWITCHED, UPGRADE, close};
use crate::support::{Client, Daemon};
use rpushd::config::{Config, ListenAddress, Listener};
use std::net::IpAddr;

const PUBLIC: u16 = 0;
const INTERNAL: u16 = 1;
const TOO_MANY: &str = "too many connections from this address\n";
const BAD_TOKENS: &str = "too many bad tokens from this address\n";

/// Both faces with a public and an internal listener.
pub fn both_faces() -> Config {
    let listener = |port: u16, is_internal| Listener {
        address: ListenAddress::Tcp(([127, 0, 0, 1], port).into()),
        is_internal,
        server: Some(0),
    };
    let Config { subscribe_secrets, publish_secrets, .. } = config();
    let listeners = vec![listener(1, false), listener(2, true)];
    let locations = locations::config("message_ttl = '1h'");
    Config { subscribe_secrets, publish_secrets, listeners, ..locations }
}

/// The same with at most this many subscribers for one address.
fn limited(max: u32) -> Config {
    let mut config = both_faces();
    config.limits.connections_per_address_max = max;
    config
}

fn from(daemon: &Daemon, address: &str) -> Client {
    daemon.connect_from(PUBLIC, Some(address.parse().unwrap())).expect("there is room")
}

fn with_field(request: &str, field: &str) -> String {
    request.replacen("\r\n\r\n", &format!("\r\n{field}\r\n\r\n"), 1)
}

/// A client that sends these bytes, and what it receives.
fn sent(client: Client, request: impl AsRef<[u8]>) -> (Client, String) {
    let answer = client.ask(request);
    (client, answer)
}

/// A client of this address that has subscribed.
fn stream_from(daemon: &Daemon, address: &str) -> Client {
    let (client, answer) = sent(from(daemon, address), subscribe("a"));
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    client
}

/// Asserts that a client of this address is refused as one too many.
fn assert_refused(daemon: &Daemon, address: &str) {
    let (answer, seconds) = split_retry(&from(daemon, address).ask(subscribe("a")));
    let status = answer.split("\r\n").next();
    assert_eq!(status, Some("HTTP/1.1 429 Too Many Requests"), "{address}");
    assert!(answer.ends_with(TOO_MANY), "{answer}");
    assert!((5..=10).contains(&seconds), "{seconds}");
}

#[test]
fn an_address_has_connections_per_address_max_subscribers_on_both_faces_together() {
    let daemon = Daemon::new(limited(2));
    let first = stream_from(&daemon, "192.0.2.1");
    let (_second, answer) = sent(from(&daemon, "192.0.2.1"), get("/sub/a", ""));
    assert_eq!(answer, locations::STREAM);
    let refused = from(&daemon, "192.0.2.1").ask(subscribe("a"));
    assert_eq!(split_retry(&refused).0, explained("429 Too Many Requests", TOO_MANY));
    let explain = "Subscribers limit per address has been exceeded.";
    for target in ["/sub/a", "/ev/a", "/lp/a"] {
        let refused = from(&daemon, "192.0.2.1").ask(get(target, ""));
        let expected = locations::refused("429 Too Many Requests", explain);
        assert_eq!(split_retry(&refused).0, expected, "{target}");
    }
    let client = from(&daemon, "192.0.2.1");
    client.send(get("/ws/a", UPGRADE));
    let reason = format!("{{\"http_status\": 429, \"explain\":\"{explain}\"}}");
    assert_eq!(client.read(), [SWITCHED.as_bytes(), &close(1008, &reason)].concat());
    assert_eq!(daemon.counters().subscribers_refused_address_total, 5);
    let _other = stream_from(&daemon, "192.0.2.2");
    first.abort();
    let _third = stream_from(&daemon, "192.0.2.1");
}

#[test]
fn an_ipv6_network_of_64_bits_counts_as_one_address() {
    let daemon = Daemon::new(limited(1));
    let _first = stream_from(&daemon, "2001:db8::1");
    assert_refused(&daemon, "2001:db8::ffff:ffff:ffff:ffff");
    let _other = stream_from(&daemon, "2001:db8:0:1::1");
    let _mapped = stream_from(&daemon, "::ffff:192.0.2.1");
    assert_refused(&daemon, "192.0.2.1");
}

#[test]
fn the_limit_is_for_subscribers_only() {
    let daemon = Daemon::new(limited(1));
    let _first = stream_from(&daemon, "192.0.2.1");
    for request in [
        publish("a", "1"),
        get("/api/stats", BEARER),
        get("/healthz", ""),
        locations::send("POST", "/pub?id=a", "", "1"),
        get("/poll/a", ""),
        // There is a message, so it does not wait.
        get("/lp/a", "If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT\r\n"),
    ] {
        let answer = from(&daemon, "192.0.2.1").ask(&request);
        let status = answer.split(' ').nth(1).unwrap_or_default();
        assert!(["200", "204", "304", "404"].contains(&status), "{request}{answer}");
    }
    assert_eq!(daemon.counters().subscribers_refused_address_total, 0);
}

#[test]
fn behind_a_trusted_proxy_the_visitor_that_it_names_is_counted() {
    let daemon = Daemon::new(limited(1));
    let ask_for = |peer: Option<&str>, field: &str| {
        let peer: Option<IpAddr> = peer.map(|peer| peer.parse().unwrap());
        let client = daemon.connect_from(PUBLIC, peer).expect("there is room");
        // The proxy has used the connection for another visitor before.
        client.ask(get("/healthz", "X-Forwarded-For: 198.51.100.1\r\n"));
        let (client, answer) = sent(client, with_field(&subscribe("a"), field));
        (client, answer.split(' ').nth(1).unwrap().to_owned())
    };
    let mut clients = Vec::new();
    for (peer, field, status) in [
        (Some("127.0.0.1"), "X-Forwarded-For: 192.0.2.1", "200"),
        (Some("127.0.0.1"), "X-Forwarded-For: 192.0.2.1", "429"),
        (None, "X-Forwarded-For: 192.0.2.1", "429"),
        (None, "X-Forwarded-For: 192.0.2.2", "200"),
        (Some("127.0.0.1"), "X-Forwarded-For: 192.0.2.3, 192.0.2.2", "429"),
        // It does not name a visitor in this request.
        (Some("127.0.0.1"), "X-Other: 1", "200"),
        (None, "X-Other: 1", "200"),
        // This one is not trusted, so its own address counts.
        (Some("203.0.113.1"), "X-Forwarded-For: 192.0.2.4", "200"),
        (Some("203.0.113.1"), "X-Forwarded-For: 192.0.2.5", "429"),
    ] {
        let (client, answered) = ask_for(peer, field);
        assert_eq!(answered, status, "{peer:?} {field}");
        clients.push(client);
    }
}

#[test]
fn clients_without_an_address_and_those_of_internal_listeners_are_not_counted() {
    let daemon = Daemon::new(limited(1));
    let mut clients = Vec::new();
    for (listener, peer) in
        [(PUBLIC, None), (PUBLIC, Some("127.0.0.1")), (INTERNAL, Some("10.1.1.1"))]
    {
        for _ in 0..3 {
            let peer = peer.map(|peer| peer.parse().unwrap());
            let client = daemon.connect_from(listener, peer).expect("there is room");
            let (client, answer) = sent(client, subscribe("a"));
            assert_eq!(answer, STREAM);
            clients.push(client);
        }
    }
}

#[test]
fn a_waiting_long_polling_request_has_a_place_until_it_is_answered() {
    let daemon = Daemon::new(limited(1));
    let (waiting, answer) = sent(from(&daemon, "192.0.2.1"), get("/lp/a", ""));
    assert_eq!(answer, "");
    assert_refused(&daemon, "192.0.2.1");
    locations::publish(&daemon, "a", "1");
    assert!(waiting.text().starts_with("HTTP/1.1 200 OK\r\n"));
    let stream = stream_from(&daemon, "192.0.2.1");
    // Its own connection is kept, but it waits no more.
    let answer = waiting.ask(get("/lp/b", ""));
    assert!(answer.starts_with("HTTP/1.1 429 "), "{answer}");
    stream.end();
    assert_eq!(waiting.ask(get("/lp/b", "")), "");
}

#[test]
fn a_lower_limit_closes_no_stream_and_lets_in_none_until_enough_have_left() {
    let daemon = Daemon::new(limited(3));
    let clients: Vec<Client> = (0..3).map(|_| stream_from(&daemon, "192.0.2.1")).collect();
    daemon.reconfigure(limited(1));
    assert!(clients.iter().all(|client| !client.is_closed()));
    for client in clients {
        assert_refused(&daemon, "192.0.2.1");
        client.abort();
    }
    let _next = stream_from(&daemon, "192.0.2.1");
}

#[test]
fn a_limit_that_is_switched_off_and_on_counts_those_that_came_meanwhile() {
    let daemon = Daemon::new(limited(1));
    let first = stream_from(&daemon, "192.0.2.1");
    daemon.reconfigure(limited(0));
    let second = stream_from(&daemon, "192.0.2.1");
    first.abort();
    daemon.reconfigure(limited(1));
    assert_refused(&daemon, "192.0.2.1");
    second.abort();
    let _third = stream_from(&daemon, "192.0.2.1");
}

#[test]
fn a_listener_that_becomes_internal_takes_its_clients_out_of_the_count() {
    let daemon = Daemon::new(limited(1));
    let _first = stream_from(&daemon, "192.0.2.1");
    let mut config = limited(1);
    config.listeners[0].is_internal = true;
    daemon.reconfigure(config);
    let (_second, answer) = sent(from(&daemon, "192.0.2.1"), subscribe("a"));
    assert_eq!(answer, STREAM);
    daemon.reconfigure(limited(1));
    assert_refused(&daemon, "192.0.2.1");
}

/// However its streams end, a visitor that opens and closes thousands leaves nothing behind.
#[test]
fn nothing_is_left_of_visitors_that_have_gone() {
    let daemon = Daemon::new(limited(4));
    for round in 0..500_u16 {
        let address = IpAddr::from([0x2001, 0xdb8, 0, round % 100, 0, 0, 0, round]);
        let client = daemon.connect_from(PUBLIC, Some(address)).expect("there is room");
        client.send(subscribe("a"));
        match round % 4 {
            0 => client.abort(),
            1 => client.end(),
            2 => {
                client.send("what subscribers send is dropped");
                client.abort();
            }
            _ => {}
        }
    }
    assert_eq!(daemon.counters().subscribers_refused_address_total, 500 / 4 - 25 * 4);
    daemon.stop();
    daemon.advance(10_000);
    assert!(daemon.with_server(|server, _| server.is_empty()));
}

/// A bad token is answered with 401 as long as there are not many from its address. A good one is
/// always accepted: visitors of one office or one mobile network have one address, and none of them
/// can lock the others out.
#[test]
fn many_bad_tokens_of_an_address_are_slowed_and_its_good_ones_are_not() {
    let daemon = daemon();
    let bad = || from(&daemon, "192.0.2.1").ask(subscribe_with("a", "x.y.z"));
    for _ in 0..20 {
        assert_eq!(bad(), denied("malformed"));
    }
    let (answer, seconds) = split_retry(&bad());
    let expected = explained("429 Too Many Requests", BAD_TOKENS);
    let challenge = "www-authenticate: Bearer error=\"invalid_token\", \
                     error_description=\"malformed\"\r\n";
    assert_eq!(answer, closing(&expected.replacen("date", &format!("{challenge}date"), 1)));
    assert!((3..=6).contains(&seconds), "{seconds}");
    let counters = daemon.counters();
    assert_eq!((counters.auth_failures_total, counters.auth_failures_slowed_total), (21, 1));
    let _good = stream_from(&daemon, "192.0.2.1");
    assert_eq!(from(&daemon, "192.0.2.2").ask(subscribe_with("a", "x.y.z")), denied("malformed"));
    daemon.advance(3_000);
    assert!(bad().starts_with("HTTP/1.1 401 "));
    assert!(bad().starts_with("HTTP/1.1 429 "));
    daemon.advance(60_000);
    for _ in 0..20 {
        assert!(bad().starts_with("HTTP/1.1 401 "));
    }
}

#[test]
fn bad_tokens_are_not_slowed_where_no_address_is_known() {
    let daemon = Daemon::new(limited(0));
    for (listener, peer) in
        [(PUBLIC, None), (PUBLIC, Some("127.0.0.1")), (INTERNAL, Some("10.1.1.1"))]
    {
        for _ in 0..25 {
            let peer = peer.map(|peer| peer.parse().unwrap());
            let client = daemon.connect_from(listener, peer).expect("there is room");
            assert_eq!(client.ask(subscribe_with("a", "x.y.z")), denied("malformed"));
        }
    }
}

/// A bad request takes no place: the order of refusals is that without the limits.
#[test]
fn bad_requests_are_refused_for_what_is_bad_with_them_first() {
    let daemon = Daemon::new(limited(1));
    let _first = stream_from(&daemon, "192.0.2.1");
    let asked = |request: String| from(&daemon, "192.0.2.1").ask(request);
    assert_eq!(asked(subscribe_with("a", "x.y.z")), denied("malformed"));
    assert_eq!(asked(subscribe("a~b")), explained("400 Bad Request", BAD_CHANNEL));
    let explain = "Channel id not authorized for this method.";
    assert_eq!(asked(get("/sub/ALL", "")), locations::refused("403 Forbidden", explain));
}
