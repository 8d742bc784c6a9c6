//! Channels with a history of their own (`[[history]]`): what the API publishes there is stored,
//! and locations read it.

use super::receiving::*;
use crate::fixtures;
use crate::support::Daemon;
use rpushd::config::Config;

const HISTORY: &str = "[[history]]\nchannels = 'news:*'\nmessages = 2\nage = '20s'\n\
                       [[history]]\nchannels = 'one'\nbytes = 400\n";

fn config(history: &str) -> Config {
    try_config("message_ttl = '1h'", &(location("/sub", "streaming", "") + history)).unwrap()
}

/// Publishes these messages through the API, as strings.
fn publish_all(daemon: &Daemon, channel: &str, messages: &[&str]) {
    for message in messages {
        let answer = fixtures::ask(daemon, fixtures::publish(channel, &format!("\"{message}\"")));
        assert!(answer.starts_with("HTTP/1.1 204 "), "{answer}");
    }
}

/// The stored messages of a channel.
fn kept(daemon: &Daemon, channel: &str) -> String {
    let answer = ask(daemon, get(&format!("/sub/{channel}.b9"), ""));
    fixtures::unchunked(&(answer + LAST_CHUNK)).replace(['"', '\n', '\r'], "")
}

#[test]
fn what_the_api_publishes_to_a_channel_with_a_history_is_stored_within_its_limits() {
    let daemon = Daemon::new(config(HISTORY));
    let long = "x".repeat(200);
    for channel in ["news:a", "one", "other"] {
        publish_all(&daemon, channel, &["a", "b", "c", &long]);
    }
    assert_eq!(kept(&daemon, "news:a"), format!("c{long}"));
    assert_eq!(kept(&daemon, "one"), long);
    assert_eq!(kept(&daemon, "other"), "");
    daemon.advance(24_000);
    assert_eq!(kept(&daemon, "news:a"), "");
    assert_eq!(kept(&daemon, "one"), long);
}

#[test]
fn the_history_of_a_channel_limits_what_locations_publish_there_too() {
    let daemon = Daemon::new(config(HISTORY));
    for channel in ["news:a", "other"] {
        for text in ["a", "b", "c"] {
            publish(&daemon, channel, text);
        }
    }
    assert_eq!(kept(&daemon, "news:a"), "bc");
    assert_eq!(kept(&daemon, "other"), "abc");
}

#[test]
fn a_reload_gives_channels_a_history_or_shortens_or_ends_it() {
    let daemon = Daemon::new(config(HISTORY));
    publish_all(&daemon, "news:a", &["a", "b"]);
    let block = |channels: &str, messages: u32| {
        config(&format!("[[history]]\nchannels = '{channels}'\nmessages = {messages}\n"))
    };
    daemon.reconfigure(block("news:*", 1));
    assert_eq!(kept(&daemon, "news:a"), "b");
    publish_all(&daemon, "news:a", &["c"]);
    assert_eq!(kept(&daemon, "news:a"), "c");
    daemon.reconfigure(block("other", 3));
    publish_all(&daemon, "news:a", &["d"]);
    publish_all(&daemon, "other", &["d"]);
    assert_eq!((kept(&daemon, "news:a"), kept(&daemon, "other")), ("c".into(), "d".into()));
}

/// Publishes a body through the API.
fn publish_body(daemon: &Daemon, body: &str) {
    let answer = fixtures::ask(daemon, fixtures::publish_body(body));
    assert!(answer.starts_with("HTTP/1.1 204 "), "{answer}");
}

#[test]
fn a_publication_may_have_a_shorter_life_or_none_or_be_stored_without_a_history() {
    let daemon = Daemon::new(config(HISTORY));
    publish_all(&daemon, "news:a", &["a"]);
    publish_body(&daemon, r#"{"channel":"news:a","message":"b","ttl":5}"#);
    for body in [
        r#"{"channel":"news:a","message":"c","store":false}"#,
        r#"{"channel":"news:a","message":"d","ttl":0}"#,
        r#"{"channel":"other","message":"e","store":true}"#,
        r#"{"channel":"other","message":"f","store":true,"ttl":2.5}"#,
    ] {
        publish_body(&daemon, body);
    }
    assert_eq!((kept(&daemon, "news:a"), kept(&daemon, "other")), ("ab".into(), "ef".into()));
    daemon.advance(3_000);
    assert_eq!((kept(&daemon, "news:a"), kept(&daemon, "other")), ("ab".into(), "e".into()));
    daemon.advance(2_000);
    assert_eq!((kept(&daemon, "news:a"), kept(&daemon, "other")), ("a".into(), "e".into()));
}

#[test]
fn a_replay_has_no_message_whose_life_is_over_though_another_one_is_still_sending_it() {
    let daemon = Daemon::new(config("[[history]]\nchannels = '*'\nage = '1h'\n"));
    let slow = daemon.connect();
    publish_all(&daemon, "a", &["a", "b"]);
    publish_body(&daemon, r#"{"channel":"a","message":"c","ttl":5}"#);
    publish_all(&daemon, "a", &["d", "e"]);
    slow.take_only(0);
    slow.send(get("/sub/a.b9", ""));
    daemon.advance(5_000);
    assert_eq!(kept(&daemon, "a"), "abde");
    slow.take_more(10_000);
    assert!(slow.text().contains("c"), "it was queued in time");
}

#[test]
fn event_and_id_are_the_event_type_and_the_event_id_of_locations() {
    let locations = location("/ev", "eventsource", "") + &location("/sub", "streaming", "");
    let daemon = daemon_with("store_api_messages = true", &locations);
    let event_source = daemon.connect();
    event_source.send(get("/ev/a", ""));
    event_source.read();
    publish_body(&daemon, r#"{"channel":"a","message":1,"event":"created é","id":"x-1"}"#);
    let answer = stream_head() + &event_source.text() + LAST_CHUNK;
    let event = "id: x-1\nevent: created é\ndata: 1\n\n";
    assert_eq!(fixtures::unchunked(&answer), event);
    publish_all(&daemon, "a", &["later"]);
    let missed = ask(&daemon, get("/sub/a", "Last-Event-Id: x-1\r\n"));
    assert_eq!(missed, stream_head() + &chunk("\"later\""));
}

#[test]
fn event_ids_of_publisher_locations_may_repeat() {
    let daemon = Daemon::new(config(HISTORY));
    for text in ["a", "b"] {
        publish_event(&daemon, "other", text, "Event-Id: 1\r\n");
    }
    publish_body(&daemon, r#"{"channel":"other","message":"c","id":"1","store":true}"#);
    assert_eq!(kept(&daemon, "other"), "abc");
}
