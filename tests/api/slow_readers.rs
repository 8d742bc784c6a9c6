//! A slow consumer is closed at its limit, without an effect on other connections (section 5.2).

use super::fixtures::*;
use crate::support::Daemon;

fn message(number: usize) -> String {
    format!("\"{number:05}{}\"", "x".repeat(993))
}

/// A daemon with an outbox limit of 64 KiB.
fn small_daemon() -> Daemon {
    let mut config = config();
    config.limits.outbox_bytes_max = 64 * 1024;
    Daemon::new(config)
}

#[test]
fn a_reader_that_never_reads_is_closed_at_its_limit_and_all_others_get_everything() {
    let daemon = small_daemon();
    let others: Vec<_> = (0..10).map(|_| subscriber(&daemon, "a")).collect();
    let slow = subscriber(&daemon, "a");
    slow.take_only(0);
    let publisher = daemon.connect();
    let mut queued = Vec::new();
    for number in 0..200 {
        assert_eq!(publisher.ask(publish("a", &message(number))), ACCEPTED);
        let bytes = daemon.with_server(|server, _| server.buffered_bytes());
        assert!(bytes <= 64 * 1024 + frame(&message(0)).len(), "{bytes} bytes are queued");
        queued.push(bytes);
    }
    assert!(slow.is_closed());
    // When the 63rd message is queued, more than 64 KiB precede it.
    assert_eq!(queued.iter().position(|bytes| *bytes == 0), Some(62));
    assert_eq!(slow.read(), b"", "nothing is skipped to squeeze in a later message");
    let expected = frames((0..200).map(message));
    for other in others {
        assert_eq!(other.read(), expected);
    }
    assert_eq!(daemon.counters().slow_subscribers_closed_total, 1);
    assert_eq!(daemon.counters().deliveries_total, 10 * 200 + 63);
}

#[test]
fn a_queued_message_counts_for_64_bytes_besides_its_own() {
    let daemon = small_daemon();
    let slow = subscriber(&daemon, "a");
    slow.take_only(0);
    let publisher = daemon.connect();
    let sent = (1..).find(|_| {
        assert_eq!(publisher.ask(publish("a", "1")), ACCEPTED);
        slow.is_closed()
    });
    assert_eq!(sent, Some(64 * 1024 / (frame("1").len() + 64) + 2));
}

#[test]
fn a_reader_that_falls_behind_and_catches_up_misses_nothing() {
    let daemon = small_daemon();
    let reader = subscriber(&daemon, "a");
    reader.take_only(0);
    for round in 0..10 {
        for number in 0..50 {
            ask(&daemon, publish("a", &message(round * 50 + number)));
        }
        // Reads pieces that end in the middle of frames.
        for _ in 0..50 {
            reader.take_more(1007);
        }
        reader.take_more(2000);
    }
    assert_eq!(reader.read(), frames((0..500).map(message)));
}

#[test]
fn a_burst_in_one_turn_counts_like_single_messages() {
    let daemon = small_daemon();
    let (fast, slow) = (subscriber(&daemon, "a"), subscriber(&daemon, "a"));
    slow.take_only(0);
    daemon.connect().send((0..60).map(|number| publish("a", &message(number))).collect::<String>());
    assert_eq!(fast.read(), frames((0..60).map(message)));
    assert!(!slow.is_closed());
    daemon
        .connect()
        .send((60..70).map(|number| publish("a", &message(number))).collect::<String>());
    assert_eq!(fast.read(), frames((60..70).map(message)));
    assert!(slow.is_closed());
}

#[test]
fn a_heartbeat_is_not_queued_behind_unread_messages() {
    let daemon = daemon();
    let reader = subscriber(&daemon, "a");
    reader.take_only(3);
    ask(&daemon, publish("a", "1"));
    daemon.advance(50_000);
    reader.take_more(usize::MAX);
    assert_eq!(reader.read(), frame("1"));
}
