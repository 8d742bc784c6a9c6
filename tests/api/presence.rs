//! Joins and leaves as messages (`[presence]`).

use super::fixtures::*;
use super::push_stream::locations;
use crate::support::{Client, Daemon, STARTED_AT, log_lines, wire};
use rpushd::config::{ChannelPattern, Config, Presence, PresenceTarget};
use rpushd::time::Millis;

fn with(to: &str) -> Config {
    let presence = Presence {
        channels: ChannelPattern::Prefix("chat:".to_owned()),
        to: PresenceTarget::parse(to).expect("a name"),
        leave_delay: Millis(3_000),
    };
    Config { presence: Some(presence), ..config() }
}

fn token_of(subject: &str) -> String {
    let expires = STARTED_AT + 3600;
    let subject = if subject.is_empty() { "" } else { &format!(r#","sub":"{subject}""#) };
    signed(&format!(
        r#"{{"aud":"rpushd","scope":"subscribe","channels":["*"],"exp":{expires}{subject}}}"#
    ))
}

const HANDSHAKE: &str = "Upgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";

/// A stream of events of a client whose token has this subject.
fn reader(daemon: &Daemon, channels: &str, subject: &str) -> Client {
    let client = daemon.connect();
    let token = token_of(subject);
    let raw = if channels.contains(',') { "" } else { "&raw=1" };
    let answer = client.ask(get(&format!("/api/events/{channels}?token={token}{raw}"), ""));
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    client
}

/// What has been announced to this reader since the last call.
fn heard(watcher: &Client) -> Vec<String> {
    let text = String::from_utf8(wire::data_of_chunks(&watcher.read())).expect("UTF-8");
    text.lines().filter_map(|line| line.strip_prefix("data: ")).map(str::to_owned).collect()
}

fn of_channel(event: &str, channel: &str) -> String {
    format!(r#"{{"event":"{event}","channel":"{channel}"}}"#)
}

fn of_subject(event: &str, channel: &str, subject: &str) -> String {
    format!(r#"{{"event":"{event}","channel":"{channel}","subject":"{subject}"}}"#)
}

#[test]
fn joins_are_announced_at_once_and_leaves_after_the_delay() {
    let daemon = Daemon::new(with("presence"));
    let watcher = reader(&daemon, "presence", "");
    let first = reader(&daemon, "chat:1,news", "alice");
    let joined = [of_channel("occupied", "chat:1"), of_subject("joined", "chat:1", "alice")];
    assert_eq!(heard(&watcher), joined);
    let (second, anonymous) = (reader(&daemon, "chat:1", "alice"), reader(&daemon, "chat:1", ""));
    let other = reader(&daemon, "chat:1", "bob");
    assert_eq!(heard(&watcher), [of_subject("joined", "chat:1", "bob")]);
    first.end();
    daemon.advance(10_000);
    assert_eq!(heard(&watcher), Vec::<String>::new(), "one connection is left");
    second.end();
    daemon.advance(2_900);
    assert_eq!(heard(&watcher), Vec::<String>::new(), "the delay is not over");
    daemon.advance(100);
    assert_eq!(heard(&watcher), [of_subject("left", "chat:1", "alice")]);
    [other, anonymous].iter().for_each(Client::end);
    daemon.advance(3_000);
    let left = [of_subject("left", "chat:1", "bob"), of_channel("vacated", "chat:1")];
    assert_eq!(heard(&watcher), left);
    daemon.advance(100_000);
    assert_eq!(heard(&watcher), Vec::<String>::new());
}

#[test]
fn a_leave_with_a_return_within_the_delay_is_not_announced() {
    let daemon = Daemon::new(with("presence"));
    let watcher = reader(&daemon, "presence", "");
    let mut client = reader(&daemon, "chat:1", "alice");
    assert_eq!(heard(&watcher).len(), 2);
    for _ in 0..5 {
        client.end();
        daemon.advance(2_500);
        client = reader(&daemon, "chat:1", "alice");
        daemon.advance(2_500);
    }
    assert_eq!(heard(&watcher), Vec::<String>::new());
    client.end();
    daemon.advance(2_999);
    assert_eq!(heard(&watcher), Vec::<String>::new(), "counted from the last leave");
    daemon.advance(1);
    let left = [of_subject("left", "chat:1", "alice"), of_channel("vacated", "chat:1")];
    assert_eq!(heard(&watcher), left);
}

#[test]
fn long_polling_clients_are_present_between_their_requests() {
    let daemon = Daemon::new(with("presence"));
    let watcher = reader(&daemon, "presence", "");
    let client = daemon.connect();
    let poll = get(&format!("/api/poll/chat:1?token={}", token_of("alice")), "");
    for _ in 0..3 {
        client.send(&poll);
        ask(&daemon, publish("chat:1", "1"));
        assert!(client.text().contains(r#""messages":[{"#));
        daemon.advance(1_000);
    }
    let joined = [of_channel("occupied", "chat:1"), of_subject("joined", "chat:1", "alice")];
    assert_eq!(heard(&watcher), joined);
}

#[test]
fn each_channel_may_have_its_own_and_these_are_not_announced() {
    let daemon = Daemon::new(with("chat:who:*"));
    let watcher = reader(&daemon, "chat:who:chat:1", "eve");
    let other = reader(&daemon, "chat:who:chat:2", "eve");
    let clients = [reader(&daemon, "chat:1", ""), reader(&daemon, "chat:2", "")];
    assert_eq!(heard(&watcher), [of_channel("occupied", "chat:1")]);
    assert_eq!(heard(&other), [of_channel("occupied", "chat:2")]);
    clients.iter().for_each(Client::end);
    daemon.advance(3_000);
    assert_eq!(heard(&watcher), [of_channel("vacated", "chat:1")]);
}

#[test]
fn a_client_that_is_disconnected_leaves_all_its_channels() {
    let daemon = Daemon::new(with("presence"));
    let watcher = reader(&daemon, "presence", "");
    let client = reader(&daemon, "chat:1,chat:2", "alice");
    assert_eq!(heard(&watcher).len(), 4);
    let body = ask(&daemon, post("/api/disconnect", BEARER, r#"{"subject":"alice"}"#));
    assert!(body.ends_with("{\"disconnected\":1}"), "{body}");
    daemon.advance(3_000);
    let left = |channel| [of_subject("left", channel, "alice"), of_channel("vacated", channel)];
    let mut events = heard(&watcher);
    events.sort_unstable();
    let mut expected = [left("chat:1"), left("chat:2")].concat();
    expected.sort_unstable();
    assert_eq!(events, expected);
    assert!(client.is_ended());
}

#[test]
fn a_client_that_unsubscribes_from_one_of_its_channels_leaves_that_one() {
    let daemon = Daemon::new(with("presence"));
    let watcher = reader(&daemon, "presence", "");
    let client = daemon.connect();
    let token = token_of("alice");
    client.post(get(&format!("/api/websocket/chat:1,chat:2?token={token}"), HANDSHAKE));
    daemon.run();
    assert_eq!(heard(&watcher).len(), 4);
    let command = |text: &str| {
        client.post(wire::masked(0x81, text, [1, 2, 3, 4]));
        daemon.run();
    };
    command(r#"{"do":"unsubscribe","channels":["chat:1"]}"#);
    daemon.advance(3_000);
    let left = [of_subject("left", "chat:1", "alice"), of_channel("vacated", "chat:1")];
    assert_eq!(heard(&watcher), left);
    command(r#"{"do":"subscribe","channels":["chat:1"]}"#);
    let joined = [of_channel("occupied", "chat:1"), of_subject("joined", "chat:1", "alice")];
    assert_eq!(heard(&watcher), joined);
}

#[test]
fn subscribers_of_locations_occupy_a_channel_until_it_is_deleted() {
    let Config { presence, subscribe_secrets, publish_secrets, .. } = with("presence");
    let with_locations = locations::config("");
    let config = Config { presence, subscribe_secrets, publish_secrets, ..with_locations };
    let daemon = Daemon::new(config);
    let watcher = reader(&daemon, "presence", "");
    let _twice = locations::listen(&daemon, "/sub/chat:1/chat:1");
    let _signed = reader(&daemon, "chat:1", "alice");
    let joined = [of_channel("occupied", "chat:1"), of_subject("joined", "chat:1", "alice")];
    assert_eq!(heard(&watcher), joined);
    ask(&daemon, locations::send("DELETE", "/pub?id=chat:1", "", ""));
    daemon.advance(3_000);
    let mut left = heard(&watcher);
    left.sort_unstable();
    let expected = [of_subject("left", "chat:1", "alice"), of_channel("vacated", "chat:1")];
    assert_eq!(left, expected);
}

#[test]
fn beyond_presence_max_nothing_is_announced_and_nothing_wrong() {
    let mut config = with("presence");
    config.limits.presence_max = 2;
    log_lines();
    let daemon = Daemon::new(config);
    let watcher = reader(&daemon, "presence", "");
    let first = reader(&daemon, "chat:1", "alice");
    let beyond = reader(&daemon, "chat:1", "bob");
    let joined = [of_channel("occupied", "chat:1"), of_subject("joined", "chat:1", "alice")];
    assert_eq!(heard(&watcher), joined);
    let lines = log_lines();
    assert!(lines.iter().any(|line| line.contains("presence_max (2)")), "{lines:?}");
    first.end();
    daemon.advance(3_000);
    assert_eq!(heard(&watcher), [of_subject("left", "chat:1", "alice")]);
    let uncounted = reader(&daemon, "chat:1", "bob");
    beyond.end();
    daemon.advance(3_000);
    assert_eq!(heard(&watcher), Vec::<String>::new(), "bob is still there");
    uncounted.end();
    let back = reader(&daemon, "chat:1", "bob");
    assert_eq!(heard(&watcher), [of_subject("joined", "chat:1", "bob")]);
    back.end();
    daemon.advance(3_000);
    let left = [of_subject("left", "chat:1", "bob"), of_channel("vacated", "chat:1")];
    assert_eq!(heard(&watcher), left);
}

#[test]
fn a_reload_counts_those_who_are_there_without_announcing_them() {
    let daemon = daemon();
    let watcher = reader(&daemon, "presence", "");
    let client = reader(&daemon, "chat:1", "alice");
    daemon.reconfigure(with("presence"));
    daemon.advance(10_000);
    assert_eq!(heard(&watcher), Vec::<String>::new());
    client.end();
    daemon.advance(3_000);
    let left = [of_subject("left", "chat:1", "alice"), of_channel("vacated", "chat:1")];
    assert_eq!(heard(&watcher), left);
    let _client = reader(&daemon, "chat:1", "alice");
    assert_eq!(heard(&watcher).len(), 2);
    daemon.reconfigure(config());
    daemon.advance(10_000);
    assert_eq!(heard(&watcher), Vec::<String>::new());
}

#[test]
fn announcements_are_stored_where_the_channel_has_a_history() {
    let mut config = with("presence");
    let channels = ChannelPattern::Exact("presence".to_owned());
    config.history =
        vec![rpushd::config::HistoryBlock { channels, messages: Some(10), age: None, bytes: None }];
    let daemon = Daemon::new(config);
    let _client = reader(&daemon, "chat:1", "alice");
    assert_eq!(daemon.with_server(|server, _| server.stored_count(b"presence")), 2);
}

#[test]
fn without_the_table_nothing_is_announced() {
    let daemon = daemon();
    let watcher = reader(&daemon, "presence", "");
    let _client = reader(&daemon, "chat:1", "alice");
    daemon.advance(1_000);
    assert_eq!(heard(&watcher), Vec::<String>::new());
}
