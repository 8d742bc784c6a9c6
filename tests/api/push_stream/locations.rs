//! Daemons with push-stream locations, configured by TOML text; their requests and answers as text.

use crate::fixtures::{ask, bare, get, unchunked};
use crate::support::{Client, DATE, Daemon, NoFiles, wire};
use rpushd::config::{Config, ConfigError, Overrides};
use serde::Deserialize;
use sha1::{Digest, Sha1};
use std::collections::BTreeMap;

/// One location of each kind. Common settings are in `[push_stream]`.
const LOCATIONS: &str = r#"
[[location]]
path = "/channels-stats"
channels_statistics = true
channels_path = "$arg_id"
[[location]]
path = "/pub"
publisher = "admin"
channels_path = "$arg_id"
store_messages = true
[[location]]
path = "/normal"
publisher = "normal"
channels_path = "$arg_id"
store_messages = true
[[location]]
path = "/unstored"
publisher = true
channels_path = "$arg_id"
[[location]]
path = "~ ^/sub/(.*)"
subscriber = true
channels_path = "$1"
[[location]]
path = "~ ^/poll/(.*)"
subscriber = "polling"
channels_path = "$1"
[[location]]
path = "/ask"
subscriber = "polling"
channels_path = "$arg_id"
[[location]]
path = "~ ^/lp/(.*)"
subscriber = "long-polling"
channels_path = "$1"
[[location]]
path = "~ ^/ev/(.*)"
subscriber = "eventsource"
channels_path = "$1"
[[location]]
path = "~ ^/ws/(.*)"
subscriber = "websocket"
channels_path = "$1"
[[location]]
path = "~ ^/events/(.*)"
subscriber = true
channels_path = "$1"
allow_connections_to_events_channel = true
"#;

/// The fields of every response of the roles (section 5.1).
pub const NO_CACHE: &str = "Expires: Thu, 01 Jan 1970 00:00:01 GMT\r\n\
     Cache-Control: no-cache, no-store, must-revalidate\r\n";
/// The head of a stream.
pub const STREAM: &str = "HTTP/1.1 200 OK\r\n\
     Date: Tue, 14 Apr 2026 15:40:00 GMT\r\n\
     Content-Type: text/plain\r\n\
     Transfer-Encoding: chunked\r\n\
     Connection: keep-alive\r\n\
     Expires: Thu, 01 Jan 1970 00:00:01 GMT\r\n\
     Cache-Control: no-cache, no-store, must-revalidate\r\n\
     \r\n";
/// The end of a chunked body.
pub const LAST_CHUNK: &str = "0\r\n\r\n";

/// Loads the text of a configuration file as the daemon does at start.
pub fn read(text: &str) -> Result<Config, ConfigError> {
    Config::from_sources(
        Some(("rpushd.toml", text)),
        &BTreeMap::new(),
        &NoFiles,
        &Overrides::default(),
    )
}

/// The locations above with these lines in `[push_stream]`.
pub fn config(settings: &str) -> Config {
    config_of(&format!("[push_stream]\n{settings}\n{LOCATIONS}"))
}

/// A complete file, which must be valid.
pub fn config_of(text: &str) -> Config {
    read(text).unwrap_or_else(|error| panic!("{error}"))
}

/// A daemon with [`config`].
pub fn daemon(settings: &str) -> Daemon {
    Daemon::new(config(settings))
}

/// A daemon with a file of its own.
pub fn daemon_of(text: &str) -> Daemon {
    Daemon::new(config_of(text))
}

/// A request with a body of known length.
pub fn send(method: &str, target: &str, fields: &str, body: &str) -> String {
    bare(method, target, &format!("Content-Length: {}\r\n{fields}", body.len())) + body
}

/// The answer to a POST at a publisher location.
pub fn post(daemon: &Daemon, target: &str, body: &str) -> String {
    ask(daemon, send("POST", target, "", body))
}

/// A stored publication that must be accepted.
pub fn publish(daemon: &Daemon, id: &str, text: &str) {
    let answer = post(daemon, &format!("/pub?id={id}"), text);
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
}

/// A client that has sent this request and read nothing yet.
pub fn listen(daemon: &Daemon, target: &str) -> Client {
    let client = daemon.connect();
    client.send(get(target, ""));
    client
}

/// A client that has read the head of a stream without header and old messages.
pub fn stream(daemon: &Daemon, target: &str) -> Client {
    let client = listen(daemon, target);
    assert_eq!(client.text(), STREAM);
    client
}

/// A client after the handshake of RFC 6455, section 1.3, with nothing else received yet.
pub fn websocket(daemon: &Daemon, target: &str) -> Client {
    let (client, frames) = websocket_with_frames(daemon, target);
    assert_eq!(frames, b"");
    client
}

/// The same, with the frames that were received at once.
pub fn websocket_with_frames(daemon: &Daemon, target: &str) -> (Client, Vec<u8>) {
    let client = daemon.connect();
    let fields = "Upgrade: websocket\r\nConnection: Upgrade\r\n\
                  Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";
    let switched = format!(
        "HTTP/1.1 101 Switching Protocols\r\n{NO_CACHE}Upgrade: WebSocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
    );
    client.send(get(target, fields));
    let bytes = client.read();
    let frames = bytes.strip_prefix(switched.as_bytes()).expect("the handshake succeeds");
    (client, frames.to_vec())
}

/// An answer of a publisher or subscriber location, with its own fields and a body.
pub fn answer(status: &str, fields: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\n{NO_CACHE}{fields}Date: {DATE}\r\nContent-Length: {length}\r\n\
         Connection: keep-alive\r\n\r\n{body}"
    )
}

/// A refusal with its explain text.
pub fn refused(status: &str, explain: &str) -> String {
    answer(status, &format!("X-Nginx-PushStream-Explain: {explain}\r\n"), "")
}

/// A publisher's answer with statistics in JSON.
pub fn told(body: &str) -> String {
    answer("200 OK", "Content-Type: application/json\r\n", body)
}

/// The version fields of a statistics location: the version, and a hash of it as the commit.
pub fn identity() -> String {
    let digest = Sha1::digest(concat!("rpushd ", env!("CARGO_PKG_VERSION")));
    let commit: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let version = env!("CARGO_PKG_VERSION");
    format!("X-Nginx-PushStream-Tag: {version}\r\nX-Nginx-PushStream-Commit: {commit}\r\n")
}

/// An answer of a statistics location.
pub fn statistics(content_type: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\n{NO_CACHE}{}Date: {DATE}\r\n\
         Content-Length: {length}\r\nConnection: keep-alive\r\n\r\n{body}",
        identity()
    )
}

/// The JSON form for one channel.
pub fn row(id: &str, published: u64, stored: u64, subscribers: u64) -> String {
    format!(
        "{{\"channel\": \"{id}\", \"published_messages\": {published}, \
         \"stored_messages\": {stored}, \"subscribers\": {subscribers}}}\r\n"
    )
}

/// The JSON form for several channels, at the start, with the server's totals.
pub fn group(channels: u64, wildcard_channels: u64, rows: &[String]) -> String {
    let rows: Vec<&str> = rows.iter().map(|row| row.trim_end()).collect();
    let end = if rows.is_empty() { "" } else { "\r\n" };
    format!(
        "{{\"hostname\": \"test-host\", \"time\": \"2026-04-14T15:40:00\", \
         \"channels\": {channels}, \"wildcard_channels\": {wildcard_channels}, \"uptime\": 0, \
         \"infos\": [\r\n{}{end}]}}\r\n",
        rows.join(",\r\n")
    )
}

/// The numbers of the summary (section 20.5).
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
pub struct Summary {
    pub channels: u64,
    pub wildcard_channels: u64,
    pub published_messages: u64,
    pub stored_messages: u64,
    pub messages_in_trash: u64,
    pub channels_in_delete: u64,
    pub channels_in_trash: u64,
    pub subscribers: u64,
}

/// The current summary of the statistics location.
pub fn summary(daemon: &Daemon) -> Summary {
    serde_json::from_str(&body(&ask(daemon, get("/channels-stats", "")))).expect("it is JSON")
}

/// The current row of a channel; `None`: the channel does not exist.
pub fn channel(daemon: &Daemon, id: &str) -> Option<String> {
    let answer = ask(daemon, get(&format!("/channels-stats?id={id}"), ""));
    answer.starts_with("HTTP/1.1 200 OK\r\n").then(|| body(&answer))
}

/// The ids of all channels, in the order of creation.
pub fn names(daemon: &Daemon) -> Vec<String> {
    let answer = ask(daemon, get("/channels-stats?id=ALL", ""));
    let body = if answer.contains("chunked") { unchunked(&answer) } else { body(&answer) };
    let list: serde_json::Value = serde_json::from_str(&body).expect("it is JSON");
    let infos = list["infos"].as_array().expect("a group has infos");
    infos.iter().map(|info| info["channel"].as_str().expect("an id").to_owned()).collect()
}

fn body(answer: &str) -> String {
    answer.split_once("\r\n\r\n").expect("an answer has a head").1.to_owned()
}

/// An item of a chunked body.
pub fn chunk(text: &str) -> String {
    String::from_utf8(wire::chunk(text)).expect("it is text")
}

/// The answer to a poll: its position (date and tag), and the messages, one per chunk.
pub fn polled(time: &str, tag: u32, messages: &[&str]) -> String {
    let chunks: String = messages.iter().map(|message| chunk(message)).collect();
    format!(
        "HTTP/1.1 200 OK\r\nDate: {DATE}\r\nContent-Type: text/plain\r\n\
         Transfer-Encoding: chunked\r\nConnection: keep-alive\r\nLast-Modified: {time}\r\n\
         {NO_CACHE}Etag: W/{tag}\r\n\r\n{chunks}{LAST_CHUNK}"
    )
}

/// The answer to a poll without new messages, with the validators of the request.
pub fn nothing(last_modified: &str, etag: &str) -> String {
    format!(
        "HTTP/1.1 304 Not Modified\r\nContent-Type: text/plain\r\nContent-Length: 0\r\n\
         {last_modified}{NO_CACHE}{etag}Date: {DATE}\r\nConnection: keep-alive\r\n\r\n"
    )
}
