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
