//! The example configurations refuse, with 429, what one address asks for beyond its share.

use super::{Connection, Proxy, before_a_daemon, haproxy_with, nginx_with};
use crate::support::eventually;

/// More requests than any share in these tests.
const REQUESTS: usize = 40;

#[test]
fn nginx_holds_one_address_to_its_share_of_streams() {
    streams_are_limited(|daemon| {
        nginx_with(daemon, |text| with_limits(text).replace("streams 200;", "streams 3;"))
    });
}

#[test]
fn nginx_holds_one_address_to_its_share_of_requests() {
    requests_are_limited(|daemon| {
        let narrow = |text: String| text.replace("burst=200", "burst=20").replace("50r/s", "1r/m");
        nginx_with(daemon, |text| narrow(with_limits(text)))
    });
}

#[test]
fn haproxy_holds_one_address_to_its_share_of_streams() {
    streams_are_limited(|daemon| {
        haproxy_with(daemon, |text| lift(text).replace("gt 200 ", "gt 3 "))
    });
}

#[test]
fn haproxy_holds_one_address_to_its_share_of_requests() {
    requests_are_limited(|daemon| haproxy_with(daemon, |text| text.replace("gt 500 ", "gt 20 ")));
}

/// For tests that ask for more than one address may.
pub(super) fn lift(text: String) -> String {
    text.replace("burst=200", "burst=100000").replace("gt 500 ", "gt 100000 ")
}

/// The optional lines of nginx-rpushd.conf as well.
fn with_limits(text: String) -> String {
    assert!(text.contains("#limit_conn ") && text.contains("#limit_req "));
    text.replace("#limit_", "limit_")
}

fn streams_are_limited(start: impl Fn(&str) -> Option<Proxy>) {
    before_a_daemon(start, |_, proxy| {
        let subscribe = || {
            let mut client = Connection::open(proxy);
            let status = client.ask("GET /ev/share", &["Accept: text/event-stream"], "").status();
            (client, status)
        };
        let mut streams: Vec<Connection> = Vec::new();
        for _ in 0..3 {
            let (client, status) = subscribe();
            assert_eq!(status, 200);
            streams.push(client);
        }
        assert_eq!(subscribe().1, 429);
        streams.pop();
        eventually("a place is free again", || subscribe().1 == 200);
    });
}

fn requests_are_limited(start: impl Fn(&str) -> Option<Proxy>) {
    before_a_daemon(start, |_, proxy| {
        let fields = ["Content-Type: application/json"];
        let line = "POST /push-daemon/api/stream/share";
        let statuses: Vec<u16> = (0..REQUESTS)
            .map(|_| Connection::open(proxy).ask(line, &fields, r#"{"token":"none"}"#).status())
            .collect();
        assert_eq!(statuses[..20], [401; 20]);
        assert_eq!(statuses[21..], [429; REQUESTS - 21]);
    });
}
