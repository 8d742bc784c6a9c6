//! Tests that reach each number of `Limits` that concerns the API. Timeouts are in `timeouts` and
//! `stop`.

use super::fixtures::*;
use crate::support::Daemon;
use rpushd::config::Limits;
use rpushd::server::ConnectionId;

/// Overhead of each queued frame, besides its bytes.
const FRAME_COST: usize = 64;

/// A daemon with one limit lowered.
fn daemon_with(lower: impl FnOnce(&mut Limits)) -> Daemon {
    let mut config = config();
    lower(&mut config.limits);
    Daemon::new(config)
}

fn padded(length: usize) -> String {
    let rest = get("/none", "A: \r\n").len();
    get("/none", &format!("A: {}\r\n", "x".repeat(length - rest)))
}

#[test]
fn connections_max_connections_are_open_at_once() {
    let daemon = daemon_with(|limits| limits.connections_max = 2);
    let (first, second) = (daemon.connect(), daemon.connect());
    assert!(daemon.connect_to(0).is_none());
    first.abort();
    let third = daemon.connect_to(0).expect("there is room again");
    assert_eq!(third.ask(get("/none", "")), empty("404 Not Found"));
    assert_eq!(second.ask(get("/none", "")), empty("404 Not Found"));
}

#[test]
fn a_head_of_head_bytes_max_passes_and_one_byte_more_is_431() {
    let daemon = daemon_with(|limits| limits.head_bytes_max = 512);
    assert_eq!(ask(&daemon, padded(512)), empty("404 Not Found"));
    let refused = closing(&empty("431 Request Header Fields Too Large"));
    assert_eq!(ask(&daemon, padded(513)), refused);
    assert_eq!(ask(&daemon, &padded(9999)[..513]), refused, "before it has ended");
}

#[test]
fn a_target_of_target_bytes_max_passes_and_one_byte_more_is_414() {
    let daemon = daemon_with(|limits| limits.target_bytes_max = 20);
    let target = |length: usize| format!("/{}", "x".repeat(length - 1));
    assert_eq!(ask(&daemon, get(&target(20), "")), empty("404 Not Found"));
    let refused = closing(&empty("414 Request-URI Too Large"));
    assert_eq!(ask(&daemon, get(&target(21), "")), refused);
    assert_eq!(ask(&daemon, format!("GET {}", target(21))), refused, "before it has ended");
}

#[test]
fn header_count_max_fields_pass_and_one_more_is_431() {
    let fields = |count: usize| "A: b\r\n".repeat(count - 1);
    let daemon = daemon_with(|limits| limits.header_count_max = 10);
    assert_eq!(ask(&daemon, get("/none", &fields(10))), empty("404 Not Found"));
    let refused = closing(&empty("431 Request Header Fields Too Large"));
    for count in [11, 128, 129, 500] {
        assert_eq!(ask(&daemon, get("/none", &fields(count))), refused, "{count} fields");
    }
}

#[test]
fn a_body_of_body_bytes_max_passes_and_one_byte_more_is_413() {
    let daemon = daemon_with(|limits| limits.body_bytes_max = 40);
    let body = |length: usize| format!("{:<length$}", r#"{"channel":"a","message":1}"#);
    assert_eq!(ask(&daemon, publish_body(&body(40))), ACCEPTED);
    let refused = explained("413 Request Entity Too Large", BODY_TOO_LARGE);
    // The body has already arrived, so the connection can be used again.
    assert_eq!(ask(&daemon, publish_body(&body(41))), refused);
    let subscription = subscribe("a");
    assert_eq!(ask(&daemon, &subscription), refused);
    let head = subscription.split("{").next().unwrap();
    assert_eq!(ask(&daemon, head), closing(&refused));
}

#[test]
fn a_body_of_stream_body_bytes_max_passes_and_one_byte_more_is_413() {
    let body = format!("{{\"token\":\"{}\"}}", token("a"));
    let daemon = daemon_with(|limits| limits.stream_body_bytes_max = body.len() + 10);
    let sized = |length: usize| post("/api/stream/a", "", &format!("{body:<length$}"));
    assert_eq!(ask(&daemon, sized(body.len() + 10)), STREAM);
    let refused = explained("413 Request Entity Too Large", BODY_TOO_LARGE);
    assert_eq!(ask(&daemon, sized(body.len() + 11)), refused);
    // The request is refused when its head has arrived, and its body is discarded.
    let client = daemon.connect();
    let long = sized(20_000);
    let (head, rest) = long.split_at(long.len() - 20_000);
    assert_eq!(client.ask(head), refused);
    client.send(&rest[1..]);
    assert_eq!(daemon.with_server(|server, _| server.buffered_bytes()), 0);
    assert_eq!(client.ask([" ", &subscribe("a")].concat()), STREAM);
    assert_eq!(ask(&daemon, publish("a", &"1".repeat(60_000))), ACCEPTED);
}

#[test]
fn keepalive_requests_max_requests_are_answered_on_one_connection() {
    let daemon = daemon_with(|limits| limits.keepalive_requests_max = 3);
    let client = daemon.connect();
    let answer = empty("404 Not Found");
    assert_eq!(client.ask(get("/none", "").repeat(5)), answer.repeat(2) + &closing(&answer));
    assert!(client.is_ended());
}

#[test]
fn no_requests_are_read_while_half_of_outbox_bytes_max_in_answers_is_unread() {
    let daemon = daemon_with(|limits| limits.outbox_bytes_max = 4096);
    let client = daemon.connect();
    client.take_only(0);
    client.send(get("/none", "").repeat(5000));
    assert!(!client.is_read());
    let counted = daemon.counters().requests_total;
    let answer = empty("404 Not Found");
    assert_eq!(counted, (2048 / (answer.len() + FRAME_COST) + 1) as u64);
    client.take_more(usize::MAX);
    assert_eq!((client.is_read(), client.text()), (true, answer.repeat(5000)));
}

#[test]
fn no_requests_are_read_while_backlog_bytes_max_wait_for_their_subscribers() {
    let daemon = daemon_with(|limits| limits.backlog_bytes_max = 1800);
    let (reader, publisher) = (subscriber(&daemon, "a"), daemon.connect());
    let message = |number: usize| format!("\"{number}{}\"", "x".repeat(397));
    publisher.post((0..10).map(|number| publish("a", &message(number))).collect::<String>());
    daemon.turn();
    assert_eq!(
        publisher.text(),
        ACCEPTED.repeat(3),
        "3 times 400 bytes and 256 for each message wait"
    );
    assert_eq!(reader.read(), frames((0..3).map(message)));
    daemon.run();
    assert_eq!(publisher.text(), ACCEPTED.repeat(7));
    assert_eq!(reader.read(), frames((3..10).map(message)));
}

#[test]
fn a_channel_beyond_channels_max_cannot_be_subscribed_to() {
    let daemon = daemon_with(|limits| limits.channels_max = 1);
    let reader = subscriber(&daemon, "a");
    let refused = explained("503 Service Unavailable", FULL);
    assert_eq!(ask(&daemon, subscribe("b")), refused);
    assert_eq!(ask(&daemon, publish("b", "1")), ACCEPTED, "nobody can listen there");
    assert_eq!(ask(&daemon, subscribe("a")), STREAM);
    ask(&daemon, publish("a", "1"));
    assert_eq!(reader.read(), frame("1"));
}

#[test]
fn a_subscription_beyond_store_bytes_max_is_refused_and_counted() {
    // A channel with a name of one letter costs 271 bytes, a subscriber 400.
    let daemon = daemon_with(|limits| limits.store_bytes_max = 671 + 399);
    let first = subscriber(&daemon, "a");
    let refused = explained("503 Service Unavailable", FULL);
    assert_eq!(ask(&daemon, subscribe("a")), refused);
    assert_eq!(daemon.counters().store_refusals_total, 1);
    first.abort();
    assert_eq!(ask(&daemon, subscribe("a")), STREAM);
}

#[test]
fn a_subscription_whose_channel_has_no_room_is_refused_and_counted() {
    let daemon = daemon_with(|limits| limits.store_bytes_max = 270);
    assert_eq!(ask(&daemon, subscribe("a")), explained("503 Service Unavailable", FULL));
    assert_eq!(daemon.counters().store_refusals_total, 1);
}

#[test]
fn writes_per_turn_writes_are_made_before_others_have_their_turn() {
    let daemon = daemon_with(|limits| limits.writes_per_turn = 2);
    let readers: Vec<_> = (0..5).map(|_| subscriber(&daemon, "a")).collect();
    daemon.connect().post(publish("a", "1"));
    let mut served = Vec::new();
    for _ in 0..3 {
        daemon.turn();
        served.push(readers.iter().filter(|reader| !reader.read().is_empty()).count());
    }
    // One write of the first turn is the answer to the publisher.
    assert_eq!(served, [1, 2, 2]);
}

#[test]
fn a_publication_that_waits_for_room_is_carried_out_though_its_client_has_sent_its_last() {
    let daemon = daemon_with(|limits| limits.backlog_bytes_max = 1800);
    let reader = subscriber(&daemon, "a");
    let text = format!("\"{}\"", "x".repeat(900));
    let first = daemon.connect();
    let second = daemon.connect();
    let whole = publish("a", &text);
    second.send(&whole[..whole.len() - 1]);
    daemon.with_server(|server, now| {
        // The ids are those of the order in which they connected.
        server.received(ConnectionId(1), [whole.clone(), whole.clone()].concat().as_bytes(), now);
        server.received(ConnectionId(2), b"}", now);
        server.input_ended(ConnectionId(2), now);
    });
    daemon.run();
    assert!(first.text().starts_with(ACCEPTED));
    assert_eq!(second.text(), ACCEPTED);
    assert_eq!(reader.read(), frames([text.clone(), text.clone(), text]));
}

#[test]
fn many_small_messages_fill_backlog_bytes_max_too() {
    let daemon = daemon_with(|limits| limits.backlog_bytes_max = 2560);
    let (_reader, publisher) = (subscriber(&daemon, "a"), daemon.connect());
    publisher.post(publish("a", "1").repeat(100));
    daemon.turn();
    assert_eq!(publisher.text(), ACCEPTED.repeat(10));
    daemon.run();
    assert_eq!(publisher.text(), ACCEPTED.repeat(90));
}

#[test]
fn what_is_sent_behind_a_stream_is_dropped() {
    let daemon = daemon();
    let chatter = subscriber(&daemon, "a");
    chatter.send(get("/none", ""));
    assert!(chatter.is_read());
    assert_eq!(daemon.with_server(|server, _| server.buffered_bytes()), 0);
    ask(&daemon, publish("a", "1"));
    assert_eq!(chatter.read(), frame("1"));
    daemon.stop();
    assert_eq!(chatter.text(), LAST_CHUNK);
    assert!(chatter.is_ended());
}

#[test]
fn a_subscriber_that_says_more_than_head_bytes_max_is_read_on_and_its_end_is_seen_at_once() {
    let daemon = daemon_with(|limits| limits.head_bytes_max = 512);
    let chatter = subscriber(&daemon, "a");
    for _ in 0..1000 {
        chatter.send([b'x'; 300]);
        assert!(chatter.is_read());
        assert!(daemon.with_server(|server, _| server.buffered_bytes()) <= 512);
    }
    ask(&daemon, publish("a", "1"));
    assert_eq!(chatter.read(), frame("1"));
    chatter.end();
    assert!(chatter.is_closed());
    assert_eq!(daemon.with_server(|server, _| server.connection_count()), 1, "the publisher's");
}
