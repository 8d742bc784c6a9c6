//! The counters, after a story in which each event happens once.

use super::fixtures::*;
use rpushd::stats::Counters;

#[test]
fn each_event_is_counted_where_it_happens() {
    let daemon = daemon();
    let mut expected = Counters::default();
    let (mut received, mut sent) = (0, 0);
    let mut exchange = |client: &crate::support::Client, request: &str| {
        received += request.len() as u64;
        client.send(request);
    };

    let reader = daemon.connect();
    exchange(&reader, &subscribe("a"));
    let publisher = daemon.connect();
    exchange(&publisher, &publish("a", "[1, 2]"));
    exchange(&publisher, &publish("nobody", "\"ä\""));
    exchange(&publisher, &post("/api/publish", "", "{}"));
    exchange(&publisher, &subscribe_with("a", "x.y.z"));
    exchange(&publisher, &get("/api/stats", ""));
    exchange(&publisher, &get("/none", ""));
    exchange(&publisher, "nonsense\r\n\r\n");
    let trickle = daemon.connect();
    exchange(&trickle, "GET");
    daemon.advance(11_000);
    for client in [&reader, &publisher, &trickle] {
        sent += client.read().len() as u64;
    }

    expected.connections_total = 3;
    expected.requests_total = 7;
    expected.stream_connections_total = 1;
    expected.publish_requests_total = 2;
    expected.published_bytes_total = 5 + 4;
    expected.deliveries_total = 1;
    expected.auth_failures_total = 3;
    expected.auth_failures_missing_total = 2;
    expected.auth_failures_malformed_total = 1;
    expected.malformed_requests_total = 1;
    expected.timed_out_requests_total = 1;
    expected.received_bytes_total = received;
    expected.sent_bytes_total = sent;
    assert_eq!(daemon.counters(), expected);
}

#[test]
fn a_publication_counts_once_however_many_subscribers_it_has() {
    let daemon = daemon();
    let _readers: Vec<_> = (0..20).map(|_| subscriber(&daemon, "a")).collect();
    ask(&daemon, publish("a", "12345"));
    let counters = daemon.counters();
    assert_eq!((counters.publish_requests_total, counters.published_bytes_total), (1, 5));
    assert_eq!(counters.deliveries_total, 20);
}
