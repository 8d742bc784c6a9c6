//! Subscribers of locations as text: configuration, requests, expected answers.

use crate::fixtures::{PUBLISH_SECRET, SUBSCRIBE_SECRET};
use crate::support::{Client, Daemon, STARTED_AT, wire};
use rpushd::config::{Config, Files, Overrides};
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

/// The granularity of deadlines, in milliseconds.
pub const TICK: u64 = 64;
/// A template that shows all parts of a message.
pub const SHOWN: &str = "message_template = \"[~id~|~channel~|~text~|~tag~]\"";
/// The template of the module's own tests: header, message and footer.
pub const PAGE: &str = r#"
    header_template = "HEAD\n"
    message_template = "[~id~|~channel~|~text~|~tag~]"
    footer_template = "FOOT\n"
"#;
/// The fields against caching.
pub const UNCACHED: &str = "Expires: Thu, 01 Jan 1970 00:00:01 GMT\r\n\
                            Cache-Control: no-cache, no-store, must-revalidate\r\n";
/// The end of a chunked body.
pub const LAST_CHUNK: &str = "0\r\n\r\n";
/// A cursor from before all messages, as the module's tests use it.
pub const EPOCH: &str = "Thu, 01 Jan 1970 00:00:00 GMT";
/// The fields that request all stored messages.
pub const SINCE_EPOCH: &str = "If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT\r\n";

/// A file system with one file, the header template of these tests.
struct HeaderFile;

impl Files for HeaderFile {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        if path == Path::new("/header.html") {
            Ok(b"HEADER FROM FILE\r\n".to_vec())
        } else {
            Err(io::ErrorKind::NotFound.into())
        }
    }

    fn is_world_readable(&self, _: &Path) -> bool {
        true
    }
}

/// The configuration with these lines at the `http` level and these locations. It always has the
/// publisher `/pub?id=` (admin, storing), the statistics `/stats?id=` and the rpushd API.
pub fn try_config(http: &str, locations: &str) -> Result<Config, String> {
    let text = format!(
        "[push_stream]\nshared_memory_size = \"64m\"\n{http}\n\
         [[location]]\npath = \"/pub\"\npublisher = \"admin\"\nchannels_path = \"$arg_id\"\n\
         store_messages = true\nclient_max_body_size = \"16m\"\n\
         [[location]]\npath = \"/stats\"\nchannels_statistics = true\nchannels_path = \"$arg_id\"\n\
         {locations}\n"
    );
    let secrets = [("RPUSHD_SECRET", SUBSCRIBE_SECRET), ("RPUSHD_PUBLISH_SECRET", PUBLISH_SECRET)];
    let environment: BTreeMap<String, String> =
        secrets.map(|(name, secret)| (name.to_owned(), secret.to_owned())).into();
    Config::from_sources(
        Some(("test.toml", &text)),
        &environment,
        &HeaderFile,
        &Overrides::default(),
    )
    .map_err(|error| error.to_string())
}

/// A daemon with these settings at the `http` level and these locations.
pub fn daemon_with(http: &str, locations: &str) -> Daemon {
    Daemon::new(try_config(http, locations).unwrap_or_else(|error| panic!("{error}")))
}

/// A subscriber location in the configuration file's syntax. Channels are taken from the group of
/// its path.
pub fn location(path: &str, mode: &str, directives: &str) -> String {
    format!(
        "[[location]]\npath = '~ ^{path}/(.*)$'\nsubscriber = \"{mode}\"\nchannels_path = \"$1\"\n\
         {directives}\n"
    )
}

/// A daemon with one subscriber location, `/sub/CHANNELS`.
pub fn daemon(mode: &str, directives: &str) -> Daemon {
    daemon_with("", &location("/sub", mode, directives))
}

/// A request with this method and without a body.
pub fn bare(method: &str, target: &str, fields: &str) -> String {
    format!("{method} {target} HTTP/1.1\r\nHost: push.test\r\n{fields}\r\n")
}

/// A request to the subscriber location.
pub fn get(target: &str, fields: &str) -> String {
    bare("GET", target, fields)
}

/// The answer to a new client.
pub fn ask(daemon: &Daemon, request: impl AsRef<[u8]>) -> String {
    daemon.connect().ask(request)
}

/// A new client that has sent this request for `/sub/…`.
pub fn subscriber(daemon: &Daemon, channels: &str) -> Client {
    let client = daemon.connect();
    client.send(get(&format!("/sub/{channels}"), ""));
    client
}

/// Publishes through the publisher location.
pub fn publish(daemon: &Daemon, channels: &str, text: impl AsRef<[u8]>) {
    publish_event(daemon, channels, text, "");
}

/// Publishes with additional header fields, for example `Event-Id`.
pub fn publish_event(daemon: &Daemon, channels: &str, text: impl AsRef<[u8]>, fields: &str) {
    let text = text.as_ref();
    let length = format!("Content-Length: {}\r\n{fields}", text.len());
    let head = bare("POST", &format!("/pub?id={channels}"), &length);
    let answer = ask(daemon, [head.as_bytes(), text].concat());
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
}

/// Deletes channels, with this body as the deletion message if it is not empty.
pub fn delete(daemon: &Daemon, channels: &str, text: &str) {
    let length = format!("Content-Length: {}\r\n", text.len());
    let answer = ask(daemon, bare("DELETE", &format!("/pub?id={channels}"), &length) + text);
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
}

/// The time this many seconds after the start, in the form of header fields.
pub fn date(seconds: u64) -> String {
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(STARTED_AT + seconds))
}

/// A text as one chunk.
pub fn chunk(text: &str) -> String {
    String::from_utf8(wire::chunk(text)).expect("it is text")
}

/// Texts, each as one chunk.
pub fn chunks<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    texts.into_iter().map(chunk).collect()
}

/// The head of a streaming answer at the start.
pub fn stream_head() -> String {
    typed_stream_head("text/plain")
}

/// The same, with another content type.
pub fn typed_stream_head(content_type: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nDate: {}\r\nContent-Type: {content_type}\r\n\
         Transfer-Encoding: chunked\r\nConnection: keep-alive\r\n{UNCACHED}\r\n",
        date(0)
    )
}

/// The position that an answer announces: seconds after the start, and tag.
pub type Position = (u64, u32);

/// A polling or long-polling answer with items, this many seconds after the start.
pub fn answer(now: u64, position: Position, items: &[&str]) -> String {
    typed_answer("text/plain", now, position, items)
}

/// The same, with another content type.
pub fn typed_answer(content_type: &str, now: u64, position: Position, items: &[&str]) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nDate: {}\r\nContent-Type: {content_type}\r\n\
         Transfer-Encoding: chunked\r\nConnection: keep-alive\r\nLast-Modified: {}\r\n{UNCACHED}\
         Etag: W/{}\r\n\r\n{}{LAST_CHUNK}",
        date(now),
        date(position.0),
        position.1,
        chunks(items.iter().copied())
    )
}

/// A 304 with this type and these lines for `Last-Modified` and `Etag`, this many seconds after the
/// start.
pub fn not_modified(content_type: &str, now: u64, last_modified: &str, etag: &str) -> String {
    format!(
        "HTTP/1.1 304 Not Modified\r\nContent-Type: {content_type}\r\nContent-Length: 0\r\n\
         {last_modified}{UNCACHED}{etag}Date: {}\r\nConnection: keep-alive\r\n\r\n",
        date(now)
    )
}

/// A 304 to a long-polling request that has timed out.
pub fn timed_out(now: u64) -> String {
    let last_modified = format!("Last-Modified: {}\r\n", date(now));
    not_modified("text/plain", now, &last_modified, "Etag: W/0\r\n")
}

/// A refusal with its explanation.
pub fn refused(status: &str, explain: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\n{UNCACHED}X-Nginx-PushStream-Explain: {explain}\r\nDate: {}\r\n\
         Content-Length: 0\r\nConnection: keep-alive\r\n\r\n",
        date(0)
    )
}

/// The body of an answer.
pub fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").expect("a head ends with an empty line").1
}

/// The number of subscribers of each channel in the statistics; `None`: it does not exist.
pub fn subscriptions(daemon: &Daemon, channel: &str) -> Option<u64> {
    number(daemon, channel, "subscribers")
}

/// The number of stored messages of a channel.
pub fn stored(daemon: &Daemon, channel: &str) -> Option<u64> {
    number(daemon, channel, "stored_messages")
}

fn number(daemon: &Daemon, channel: &str, field: &str) -> Option<u64> {
    let answer = ask(daemon, get(&format!("/stats?id={channel}"), ""));
    let statistics: serde_json::Value = serde_json::from_str(body(&answer)).ok()?;
    statistics[field].as_u64()
}
