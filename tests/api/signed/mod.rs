//! The signed subscribe API: server-sent events, WebSockets, polling and frames with envelopes.

mod attacks;
mod deletions;
mod events;
mod except;
mod framed;
mod polling;
mod resume;
mod sessions;
mod websocket;

use super::fixtures::*;
use crate::support::{Client, Daemon, NoFiles, STARTED_AT, wire};
use rpushd::config::{ChannelPattern, Config, HistoryBlock, Overrides};
use std::collections::BTreeMap;

/// The epoch of every daemon in these tests.
const EPOCH: &str = "0707070707070707";

/// The cursor of a position.
fn cursor(position: u64) -> String {
    format!("{EPOCH}.{position}")
}

/// A configuration in which all channels whose names begin with `h` have a history.
fn with_history() -> Config {
    let channels = ChannelPattern::Prefix("h".to_owned());
    let block = HistoryBlock { channels, messages: Some(100), age: None, bytes: None };
    Config { history: vec![block], ..config() }
}

/// A daemon with a location that deletes channels.
fn daemon_that_deletes() -> Daemon {
    let text = "[[location]]\npath = '/pub'\npublisher = 'admin'\nchannels_path = '$arg_id'\n";
    let sources = Some(("rpushd.toml", text));
    let read = Config::from_sources(sources, &BTreeMap::new(), &NoFiles, &Overrides::default());
    let Config { subscribe_secrets, publish_secrets, .. } = config();
    Daemon::new(Config { subscribe_secrets, publish_secrets, ..read.expect("it is correct") })
}

/// A token for these channels, valid for an hour, with further members of the claims.
fn token_for(channels: &[&str], more: &str) -> String {
    let channels = channels.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(",");
    let expires = STARTED_AT + 3600;
    signed(&format!(
        r#"{{"aud":"rpushd","scope":"subscribe","channels":[{channels}],"exp":{expires}{more}}}"#
    ))
}

/// A GET request with a token that allows everything.
fn get_signed(target: &str, fields: &str) -> String {
    get(target, &format!("Authorization: Bearer {}\r\n{fields}", token_for(&["*"], "")))
}

/// Begins a stream of events; returns the client, and what came behind the response head.
fn events(daemon: &Daemon, channels: &str, fields: &str) -> (Client, String) {
    let client = daemon.connect();
    let answer = client.ask(get_signed(&format!("/api/events/{channels}"), fields));
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"), "{head}");
    (client, unchunked(body.as_bytes()))
}

/// The data of chunks as text.
fn unchunked(chunks: &[u8]) -> String {
    String::from_utf8(wire::data_of_chunks(chunks)).expect("UTF-8")
}

/// What a client has received of a chunked stream since the last call.
fn more(client: &Client) -> String {
    unchunked(&client.read())
}

/// The envelope of a message.
fn envelope(position: u64, channel: &str, data: &str) -> String {
    format!(r#"{{"id":"{}","channel":"{channel}","data":{data}}}"#, cursor(position))
}

/// The event of a message.
fn event(position: u64, channel: &str, data: &str) -> String {
    format!("id: {}\ndata: {}\n\n", cursor(position), envelope(position, channel, data))
}

/// The heartbeat of an event stream.
fn heartbeat(position: u64) -> String {
    format!("id: {}\n\n", cursor(position))
}

/// The connection id in a `hello`.
fn connection_of(hello: &str) -> String {
    let (_, rest) = hello.split_once("\"connection\":\"").expect("a hello");
    rest[..16].to_owned()
}
