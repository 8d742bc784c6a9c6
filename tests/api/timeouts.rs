//! Timeouts: heads, bodies, idle connections, connections that accept no bytes.

use super::fixtures::*;
use crate::support::Daemon;
use rpushd::config::{Config, Limits};
use rpushd::time::Millis;

/// The granularity of deadlines, in milliseconds.
const TICK: u64 = 64;

#[test]
fn a_head_has_ten_seconds_from_its_first_byte_however_steadily_it_trickles() {
    let daemon = daemon();
    let client = daemon.connect();
    for byte in get("/healthz", "").bytes().take(9) {
        client.send([byte]);
        daemon.advance(1000);
    }
    daemon.advance(999);
    assert_eq!(client.text(), "");
    daemon.advance(1 + TICK);
    assert_eq!(client.text(), after(10, &closing(&empty("408 Request Time-out"))));
    assert!(client.is_ended());
    assert_eq!(daemon.counters().timed_out_requests_total, 1);
}

#[test]
fn a_deadline_on_a_tick_is_kept_on_that_tick() {
    let daemon = Daemon::new(Config {
        limits: Limits { head_timeout: Millis(100 * TICK), ..Limits::default() },
        ..config()
    });
    let client = daemon.connect();
    client.send("GET /hea");
    daemon.advance(100 * TICK - 1);
    assert_eq!(client.text(), "");
    daemon.advance(1);
    assert!(client.text().starts_with("HTTP/1.1 408 Request Time-out\r\n"));
}

#[test]
fn a_connection_without_a_request_is_closed_without_a_word() {
    let daemon = daemon();
    let client = daemon.connect();
    daemon.advance(9_999);
    assert!(!client.is_ended());
    daemon.advance(1 + TICK);
    assert_eq!((client.is_ended(), client.text().as_str()), (true, ""));
    assert_eq!(daemon.counters().timed_out_requests_total, 0);
}

#[test]
fn a_second_request_has_its_own_ten_seconds() {
    let daemon = daemon();
    let client = daemon.connect();
    client.ask(get("/healthz", ""));
    daemon.advance(30_000);
    client.send("GET /hea");
    daemon.advance(9_999);
    assert_eq!(client.text(), "");
    daemon.advance(1 + TICK);
    assert_eq!(client.text(), after(40, &closing(&empty("408 Request Time-out"))));
}

#[test]
fn a_body_that_pauses_for_fifteen_seconds_is_given_up() {
    let daemon = daemon();
    let client = daemon.connect();
    let request = publish("a", "1");
    let (most, last) = request.split_at(request.len() - 5);
    client.send(most);
    daemon.advance(14_000);
    client.send(&last[..1]);
    daemon.advance(14_999);
    assert_eq!(client.text(), "");
    daemon.advance(1 + TICK);
    assert_eq!(client.text(), after(29, &closing(&empty("408 Request Time-out"))));
    assert!(client.is_ended());
    client.send(&last[1..]);
    assert_eq!(client.text(), "");
    assert_eq!(daemon.counters().timed_out_requests_total, 1);
}

#[test]
fn a_body_has_a_minute_however_steadily_it_trickles() {
    let daemon = daemon();
    let client = daemon.connect();
    let message = format!("\"{}\"", "x".repeat(500));
    let request = publish("a", &message);
    client.send(&request[..200]);
    for byte in request[200..].bytes().take(59) {
        daemon.advance(1000);
        client.send([byte]);
    }
    assert_eq!(client.text(), "");
    daemon.advance(1000 + TICK);
    let refused = closing(&empty("408 Request Time-out")).replace("15:40:00", "15:41:00");
    assert_eq!(client.text(), refused);
}

#[test]
fn a_body_that_is_only_dropped_is_given_up_without_a_second_answer() {
    let daemon = daemon();
    let client = daemon.connect();
    let head = bare("POST", "/none", "Content-Length: 100\r\n");
    assert_eq!(client.ask(head + "some"), empty("404 Not Found"));
    daemon.advance(15_000 + TICK);
    assert_eq!((client.is_ended(), client.text().as_str()), (true, ""));
}

#[test]
fn an_idle_connection_is_kept_for_ninety_seconds_after_each_answer() {
    let daemon = daemon();
    let client = daemon.connect();
    for _ in 0..3 {
        client.ask(get("/healthz", ""));
        daemon.advance(89_999);
        assert!(!client.is_ended());
    }
    daemon.advance(1 + TICK);
    assert_eq!((client.is_ended(), client.text().as_str()), (true, ""));
}

#[test]
fn a_client_that_does_not_close_after_the_end_is_cut_off() {
    let daemon = daemon();
    let client = daemon.connect();
    client.ask(get("/healthz", "Connection: close\r\n"));
    daemon.advance(1_999);
    assert_eq!((client.is_ended(), client.is_closed()), (true, false));
    daemon.advance(1 + TICK);
    assert_eq!((client.is_closed(), daemon.connection_count()), (true, 0));
}

#[test]
fn a_subscriber_whose_socket_takes_nothing_for_a_minute_is_closed() {
    let daemon = daemon();
    let (stalled, other) = (subscriber(&daemon, "a"), subscriber(&daemon, "a"));
    stalled.take_only(0);
    ask(&daemon, publish("a", "1"));
    daemon.advance(59_999);
    assert!(!stalled.is_closed());
    daemon.advance(1 + TICK);
    assert!(stalled.is_closed());
    ask(&daemon, publish("a", "2"));
    let received = other.text().replace(HEARTBEAT, "").into_bytes();
    assert_eq!(received, frames(["1", "2"]));
    assert_eq!(daemon.counters().stalled_connections_closed_total, 1);
}

#[test]
fn a_subscriber_whose_socket_takes_a_little_now_and_then_is_not_stalled() {
    let daemon = daemon();
    let reader = subscriber(&daemon, "a");
    reader.take_only(0);
    for _ in 0..5 {
        ask(&daemon, publish("a", "\"some message\""));
        daemon.advance(50_000);
        reader.take_more(1);
    }
    reader.take_more(usize::MAX);
    assert_eq!(reader.read(), frames(vec!["\"some message\""; 5]));
}

#[test]
fn a_client_that_does_not_take_its_answers_is_closed() {
    let daemon = daemon();
    let client = daemon.connect();
    client.take_only(0);
    client.send(get("/healthz", ""));
    daemon.advance(60_000 + TICK);
    assert!(client.is_closed());
    assert_eq!(daemon.counters().stalled_connections_closed_total, 1);
}

#[test]
fn a_socket_that_nobody_tried_to_write_to_while_the_machine_slept_has_not_stalled() {
    let mut config = config();
    config.limits.writes_per_turn = 1;
    let daemon = crate::support::Daemon::new(config);
    let clients: Vec<_> = (0..3).map(|_| daemon.connect()).collect();
    clients.iter().for_each(|client| client.post(get("/none", "")));
    daemon.turn();
    daemon.sleep(70_000);
    for client in clients {
        assert_eq!(client.text(), empty("404 Not Found"));
    }
}
