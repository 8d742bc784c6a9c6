//! Bounds of one request, one WebSocket message and one replay, in memory and in time per turn.

use super::receiving::*;
use super::websocket_client::*;
use crate::support::{Client, Daemon};
use rpushd::compression::Compressor;

const BACKLOG: usize = 20_000;
/// Overhead of a pending publication, besides its text.
const PUBLICATION: usize = 256;

/// Locations for all roles, with a small publish backlog.
fn small_daemon() -> Daemon {
    let own = "websocket_allow_publish = true\nstore_messages = true";
    let locations = location("/sub", "streaming", "") + &location("/ws", "websocket", own);
    let mut config = try_config("", &locations).unwrap_or_else(|error| panic!("{error}"));
    config.limits.backlog_bytes_max = BACKLOG;
    Daemon::new(config)
}

/// A path that names a channel this many times.
fn named(channel: &str, times: usize) -> String {
    vec![channel; times].join("/")
}

/// A client that posts a publication, which is carried out as turns are run.
fn post(daemon: &Daemon, channels: &str, text: &str) -> Client {
    let client = daemon.dial();
    let length = text.len();
    client.post(bare(
        "POST",
        &format!("/pub?id={channels}"),
        &format!("Content-Length: {length}\r\n"),
    ));
    client.post(text);
    client
}

#[test]
fn frames_to_a_channel_named_many_times_hold_no_more_than_the_backlog_and_one_message() {
    let daemon = small_daemon();
    let (flood, reader) = (connected(&daemon, &named("a", 256)), subscriber(&daemon, "b"));
    flood.take_only(0);
    flood.post(masked(TEXT, "x").repeat(9000));
    let other = post(&daemon, "b", "through");
    let mut turns_until_read = None;
    for turn in 0..2000 {
        daemon.turn();
        let bytes = daemon.backlog_bytes();
        assert!(bytes <= BACKLOG + PUBLICATION + 100, "{bytes} pending");
        if turns_until_read.is_none() && reader.text().contains("through") {
            turns_until_read = Some(turn);
        }
    }
    assert!(turns_until_read.is_some_and(|turn| turn <= 5), "read in turn {turns_until_read:?}");
    assert!(other.text().starts_with("HTTP/1.1 200"));
}

#[test]
fn a_large_message_to_many_channels_is_published_as_there_is_room() {
    let daemon = small_daemon();
    let names: Vec<String> = (0..50).map(|number| format!("c{number}")).collect();
    let readers: Vec<Client> = names.iter().map(|name| subscriber(&daemon, name)).collect();
    let text = "x".repeat(5000);
    let publisher = post(&daemon, &names.join("/"), &text);
    let mut answer = String::new();
    for _ in 0..200 {
        daemon.turn();
        // The encodings of the pending messages are added.
        assert!(daemon.backlog_bytes() <= 2 * (BACKLOG + PUBLICATION + text.len()));
        answer += &publisher.text();
    }
    assert!(answer.starts_with("HTTP/1.1 200"));
    for reader in &readers {
        assert_eq!(reader.text().matches(&text).count(), 1);
    }
}

#[test]
fn a_publisher_is_answered_when_all_its_channels_have_their_message_and_not_earlier() {
    let daemon = small_daemon();
    let _readers = ["a", "b"].map(|name| subscriber(&daemon, name));
    let publisher = post(&daemon, "a/b", &"x".repeat(BACKLOG));
    publisher.post(get("/pub?id=b", ""));
    daemon.turn();
    assert_eq!(publisher.text(), "");
    assert_eq!([stored(&daemon, "a"), stored(&daemon, "b")], [Some(1), Some(1)]);
    let answers = publisher.text();
    assert_eq!(answers.matches("HTTP/1.1 200").count(), 2, "{answers}");
}

#[test]
fn a_channel_named_many_times_is_one_member_that_gets_each_message_as_often() {
    let daemon = small_daemon();
    let client = subscriber(&daemon, &named("a", 200));
    assert_eq!(subscriptions(&daemon, "a"), Some(200));
    client.read();
    publish(&daemon, "a", "hello");
    assert_eq!(client.text(), chunk("hello").repeat(200));
    client.abort();
    assert_eq!(subscriptions(&daemon, "a"), Some(0));
}

/// The last unit of a half turn may exceed its budget: one piece of a replay, or one round of
/// visits.
#[test]
fn replays_of_a_channel_named_many_times_cost_no_turn_more_than_its_budget() {
    let gzip = "gzip = true\ngzip_streams = true\ngzip_types = ['*']";
    let locations = location("/sub", "streaming", gzip) + &location("/poll", "polling", "");
    let mut config = try_config("", &locations).unwrap();
    config.limits.microseconds_per_turn = 2000;
    let daemon = Daemon::new(config);
    for number in 0..3000 {
        publish(&daemon, "a", format!("message {number} of many"));
    }
    let path = named("a.b9999", 256);
    let clients: Vec<Client> = (0..8).map(|_| daemon.dial()).collect();
    for (number, client) in clients.iter().enumerate() {
        client.post(match number % 4 {
            0 => format!("GET /poll/{path} HTTP/1.0\r\n\r\n"),
            1 => get(&format!("/poll/{path}?callback=call"), ""),
            2 => get(&format!("/sub/{path}"), "Accept-Encoding: gzip\r\n"),
            _ => get(&format!("/poll/{path}"), "Last-Event-Id: unknown\r\n"),
        });
    }
    let reader = daemon.dial();
    reader.post(get("/sub/b", ""));
    let late = post(&daemon, "b", "through");
    for _ in 0..40 {
        daemon.turn();
        clients.iter().for_each(|client| _ = client.read());
    }
    assert!(reader.text().ends_with(&chunk("through")));
    assert!(late.text().starts_with("HTTP/1.1 200"));
    let dearest = daemon.dearest_half();
    assert!(dearest <= 1_000_000 + 4_000_000, "{dearest} ns");
}

#[test]
fn a_replay_of_messages_that_compress_well_costs_no_turn_more_than_its_budget() {
    let gzip = "gzip = true\ngzip_streams = true\ngzip_types = ['*']";
    let mut config = try_config("", &location("/sub", "streaming", gzip)).unwrap();
    config.limits.microseconds_per_turn = 2000;
    let daemon = Daemon::new(config);
    let text = "x".repeat(50_000);
    (0..60).for_each(|_| publish(&daemon, "a", text.clone()));
    let client = daemon.dial();
    client.post(get("/sub/a.b60", "Accept-Encoding: gzip\r\n"));
    for _ in 0..100 {
        daemon.turn();
        client.read();
    }
    let dearest = daemon.dearest_half();
    assert!(dearest <= 1_000_000 + 4_000_000, "{dearest} ns");
}

#[test]
fn statistics_and_publications_that_name_many_channels_draw_on_the_turn_for_each_of_them() {
    let mut config = try_config("", "").unwrap();
    config.limits.microseconds_per_turn = 2000;
    let daemon = Daemon::new(config);
    let names: Vec<String> = (0..200).map(|number| format!("c{number}")).collect();
    let names = names.join("/");
    publish(&daemon, &names, "x");
    for request in [
        get(&format!("/stats?id={names}"), ""),
        get(&format!("/pub?id={names}"), ""),
        bare("POST", &format!("/pub?id={names}"), "Content-Length: 0\r\n"),
    ] {
        let greedy = daemon.dial();
        greedy.post(request.repeat(40));
        daemon.turn();
        let first = greedy.text().matches("HTTP/1.1 ").count();
        assert!((1..=16).contains(&first), "{first} answers in one turn to {request}");
        daemon.run();
        assert_eq!(first + greedy.text().matches("HTTP/1.1 ").count(), 40);
    }
}

#[test]
fn messages_that_are_refused_for_what_they_decompress_to_cost_a_turn_what_they_cost() {
    const SIZE: usize = 1024 * 1024;
    let own = "websocket_allow_publish = true";
    let mut config = try_config("", &location("/ws", "websocket", own)).unwrap();
    config.limits.websocket_message_bytes_max = SIZE;
    config.limits.microseconds_per_turn = 1000;
    let daemon = Daemon::new(config);
    let plain = [vec![b'a'; SIZE - 1], vec![0xff]].concat();
    let bomb = Compressor::default().flushed_if_shorter(&plain).unwrap();
    let clients: Vec<Client> = (0..10).map(|_| compressing(&daemon, "a")).collect();
    clients.iter().for_each(|client| client.post(masked(0xc1, &bomb)));
    daemon.turn();
    let refused = clients.iter().filter(|client| !client.read().is_empty()).count();
    assert!(refused <= 1, "{refused} of them in one turn");
    daemon.run();
    assert!(clients.iter().all(Client::is_ended));
}

#[test]
fn subscribers_whose_time_is_over_at_once_end_over_several_turns() {
    const COUNT: usize = 100;
    let own = "longpolling_connection_ttl = '30s'";
    let mut config = try_config("", &location("/lp", "long-polling", own)).unwrap();
    config.limits.microseconds_per_turn = 2000;
    let daemon = Daemon::new(config);
    let names: Vec<String> = (0..200).map(|number| format!("c{number}")).collect();
    let path = format!("/lp/{}", names.join("/"));
    let clients: Vec<Client> = (0..COUNT).map(|_| daemon.dial()).collect();
    clients.iter().for_each(|client| client.post(get(&path, "")));
    daemon.run();
    daemon.pass(31_000);
    daemon.turn();
    let ended = || clients.iter().filter(|client| !client.text().is_empty()).count();
    let first = ended();
    assert!((1..20).contains(&first), "{first} in one turn");
    daemon.run();
    assert_eq!(first + ended(), COUNT);
}

#[test]
fn long_paths_that_regular_expressions_look_at_draw_on_the_turn() {
    let own =
        "[[location]]\npath = '~ ^/s/([a-z]+)/x$'\nsubscriber = 'polling'\nchannels_path = '$1'\n";
    let mut config = try_config("", own).unwrap();
    config.limits.microseconds_per_turn = 2000;
    let daemon = Daemon::new(config);
    let clients: Vec<Client> = (0..20).map(|_| daemon.dial()).collect();
    let request = get(&format!("/s/{}", "a".repeat(6000)), "");
    clients.iter().for_each(|client| client.post(&request));
    daemon.turn();
    let answered = || clients.iter().filter(|client| !client.text().is_empty()).count();
    let first = answered();
    assert!(first <= 2, "{first} answers in one turn");
    daemon.run();
    assert_eq!(first + answered(), clients.len());
}
