//! The stop of the daemon: streams end properly, answers are finished, no client can delay it.

use super::fixtures::*;

#[test]
fn every_stream_ends_with_its_last_chunk_behind_all_messages() {
    let daemon = daemon();
    let readers: Vec<_> = (0..100).map(|_| subscriber(&daemon, "a")).collect();
    daemon.connect().post(publish("a", "1"));
    daemon.turn();
    daemon.stop();
    for reader in readers {
        assert_eq!(reader.read(), [frame("1"), LAST_CHUNK.into()].concat());
        assert!(reader.is_ended());
        reader.end();
        assert!(reader.is_closed());
    }
}

#[test]
fn messages_that_wait_for_a_turn_still_come_first() {
    let mut config = config();
    config.limits.writes_per_turn = 1;
    let daemon = crate::support::Daemon::new(config);
    let readers: Vec<_> = (0..5).map(|_| subscriber(&daemon, "a")).collect();
    daemon.connect().post(publish("a", "1"));
    daemon.turn();
    daemon.stop();
    for reader in readers {
        assert_eq!(reader.read(), [frame("1"), LAST_CHUNK.into()].concat());
    }
}

#[test]
fn idle_connections_end_at_once_and_no_new_ones_are_taken() {
    let daemon = daemon();
    let (fresh, used) = (daemon.connect(), daemon.connect());
    used.ask(get("/none", ""));
    daemon.stop();
    assert!(fresh.is_ended() && used.is_ended());
    assert!(daemon.connect_to(0).is_none());
}

#[test]
fn a_request_on_its_way_is_answered_and_is_the_last() {
    let daemon = daemon();
    let client = daemon.connect();
    let request = publish("a", "1");
    let (most, last) = request.split_at(request.len() - 1);
    client.send(most);
    daemon.stop();
    assert!(!client.is_ended());
    assert_eq!(client.ask(last.to_owned() + &get("/healthz", "")), closing(ACCEPTED));
    assert!(client.is_ended());
}

#[test]
fn answers_that_are_queued_are_still_written() {
    let daemon = daemon();
    let client = daemon.connect();
    client.take_only(10);
    client.send(get("/none", "").repeat(3));
    daemon.stop();
    client.take_more(usize::MAX);
    assert_eq!(client.text(), empty("404 Not Found").repeat(3));
    assert!(client.is_ended());
}

#[test]
fn who_does_not_close_or_read_is_cut_off_within_stop_timeout() {
    let daemon = daemon();
    let (reader, stalled, unfinished) =
        (subscriber(&daemon, "a"), subscriber(&daemon, "a"), daemon.connect());
    stalled.take_only(0);
    unfinished.send(&publish("a", "1")[..150]);
    daemon.stop();
    assert_eq!(daemon.connection_count(), 3);
    daemon.advance(4_999);
    assert!(reader.is_closed(), "it has had linger_timeout to close");
    assert_eq!(daemon.connection_count(), 2);
    daemon.advance(1);
    assert_eq!(daemon.connection_count(), 0);
    assert!(daemon.with_server(|server, _| server.is_empty()));
}

#[test]
fn a_stream_whose_request_was_on_its_way_ends_as_soon_as_it_has_begun() {
    let daemon = daemon();
    let client = daemon.connect();
    let request = subscribe("a");
    let (most, last) = request.split_at(request.len() - 1);
    client.send(most);
    daemon.stop();
    assert_eq!(client.ask(last), closing(STREAM) + LAST_CHUNK);
    assert!(client.is_ended());
}
