//! Lists of channels that are larger than an outbox: they are generated as the client reads.

use super::locations::*;
use crate::fixtures::{ask, bare, get, unchunked};
use crate::support::{Client, Daemon};

const SMALL: usize = 4096;
const CHANNELS: usize = 200;

/// A daemon with 200 channels, `c000` to `c199`.
fn daemon_with(listings_max: usize) -> Daemon {
    let mut config = config("");
    config.limits.outbox_bytes_max = SMALL;
    config.limits.listings_max = listings_max;
    let daemon = Daemon::new(config);
    (0..CHANNELS).for_each(|number| publish(&daemon, &format!("c{number:03}"), "x"));
    daemon
}

fn blocked(daemon: &Daemon) -> Client {
    let client = daemon.connect();
    client.take_only(0);
    client.send(get("/channels-stats?id=ALL", ""));
    client
}

fn queued_bytes(daemon: &Daemon) -> usize {
    daemon.with_server(|server, _| server.buffered_bytes())
}

fn rows(numbers: impl Iterator<Item = usize>) -> Vec<String> {
    numbers.map(|number| row(&format!("c{number:03}"), 1, 1, 0)).collect()
}

#[test]
fn a_long_list_is_what_a_short_one_would_be_and_never_in_memory_at_once() {
    let daemon = daemon_with(16);
    let expected = group(200, 0, &rows(0..CHANNELS));
    assert_eq!(unchunked(&ask(&daemon, get("/channels-stats?id=ALL", ""))), expected);
    assert_eq!(unchunked(&ask(&daemon, get("/channels-stats?id=c*", ""))), expected);
    let few = get("/channels-stats?id=c00*", "");
    assert_eq!(ask(&daemon, few), statistics("application/json", &group(200, 0, &rows(0..10))));
    let slow = blocked(&daemon);
    let mut answer = String::new();
    while queued_bytes(&daemon) > 0 {
        assert!(queued_bytes(&daemon) < 3 * SMALL);
        slow.take_more(999);
        answer += &slow.text();
    }
    assert_eq!(unchunked(&answer), expected);
    assert!(!slow.is_ended());
}

#[test]
fn every_layout_may_be_long() {
    let daemon = daemon_with(16);
    for name in ["plain", "yaml", "xml"] {
        let accept = format!("Accept: text/{name}\r\n");
        let body = unchunked(&ask(&daemon, get("/channels-stats?id=ALL", &accept)));
        let ids: Vec<usize> = (0..CHANNELS)
            .map(|number| body.find(&format!("c{number:03}")).expect("every channel is listed"))
            .collect();
        assert!(ids.is_sorted(), "{name}");
    }
}

#[test]
fn a_channel_that_goes_while_the_list_is_read_is_left_out_and_one_that_comes_too() {
    let daemon = daemon_with(16);
    let slow = blocked(&daemon);
    ask(&daemon, bare("DELETE", "/pub?id=c150", ""));
    publish(&daemon, "new", "x");
    slow.take_more(usize::MAX);
    let expected = group(200, 0, &rows((0..CHANNELS).filter(|number| *number != 150)));
    assert_eq!(unchunked(&slow.text()), expected);
}

#[test]
fn the_end_of_the_connection_ends_a_long_list_of_http_1_0() {
    let daemon = daemon_with(16);
    let client = daemon.connect();
    let answer =
        client.ask("GET /channels-stats?id=ALL HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer has a head");
    assert!(head.contains("\r\nConnection: close\r\n") && !head.contains("chunked"), "{head}");
    assert_eq!(body, group(200, 0, &rows(0..CHANNELS)));
    assert!(client.is_ended());
}

#[test]
fn listings_max_long_lists_are_on_their_way_at_once() {
    let daemon = daemon_with(2);
    let (first, _second) = (blocked(&daemon), blocked(&daemon));
    let refused = answer("503 Service Unavailable", &identity(), "");
    assert_eq!(ask(&daemon, get("/channels-stats?id=ALL", "")), refused);
    first.abort();
    let expected = group(200, 0, &rows(0..CHANNELS));
    assert_eq!(unchunked(&ask(&daemon, get("/channels-stats?id=ALL", ""))), expected);
}
