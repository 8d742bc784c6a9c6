//! Requests and answers of the API as text.

use crate::support::{Client, DATE, Daemon, STARTED_AT, wire};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use rpushd::config::{Config, Secret};

pub const SUBSCRIBE_SECRET: &str = "subscribe secret of the tests";
pub const PUBLISH_SECRET: &str = "publish secret of the tests";
/// The `Authorization` field for publish and stats.
pub const BEARER: &str = "Authorization: Bearer publish secret of the tests\r\n";
/// The answer to an accepted publication.
pub const ACCEPTED: &str = "HTTP/1.1 204 No Content\r\ndate: Tue, 14 Apr 2026 15:40:00 GMT\r\n\r\n";
/// The head of a stream and its first heartbeat.
pub const STREAM: &str = "HTTP/1.1 200 OK\r\n\
     content-type: application/octet-stream\r\n\
     cache-control: no-cache, no-store, must-revalidate, no-transform\r\n\
     pragma: no-cache\r\n\
     expires: 0\r\n\
     x-content-type-options: nosniff\r\n\
     x-accel-buffering: no\r\n\
     date: Tue, 14 Apr 2026 15:40:00 GMT\r\n\
     transfer-encoding: chunked\r\n\
     \r\n\
     2\r\n\0\0\r\n";
/// A heartbeat on a chunked stream.
pub const HEARTBEAT: &str = "2\r\n\0\0\r\n";
/// The end of a chunked stream.
pub const LAST_CHUNK: &str = "0\r\n\r\n";

pub const NOT_JSON_TYPE: &str = "the content type must be application/json\n";
pub const BAD_JSON: &str = "the body is not valid JSON\n";
pub const BODY_TOO_LARGE: &str = "the body is too large\n";
pub const BAD_CHANNEL: &str = "a channel is 1 to 191 characters of A-Z a-z 0-9 : - _ .\n";
pub const FULL: &str = "the daemon's limit of channels or memory is reached\n";

/// A configuration with both secrets and defaults for all else.
pub fn config() -> Config {
    Config {
        subscribe_secrets: Secret::new(SUBSCRIBE_SECRET).into_iter().collect(),
        publish_secrets: Secret::new(PUBLISH_SECRET).into_iter().collect(),
        ..Config::default()
    }
}

/// A daemon with [`config`].
pub fn daemon() -> Daemon {
    Daemon::new(config())
}

/// What a new client receives for these bytes.
pub fn ask(daemon: &Daemon, bytes: impl AsRef<[u8]>) -> String {
    daemon.connect().ask(bytes)
}

/// A request without a body.
pub fn get(target: &str, fields: &str) -> String {
    bare("GET", target, fields)
}

/// A request with this method and without a body.
pub fn bare(method: &str, target: &str, fields: &str) -> String {
    format!("{method} {target} HTTP/1.1\r\nHost: push.test\r\n{fields}\r\n")
}

/// A request with a JSON body.
pub fn post(target: &str, fields: &str, body: &str) -> String {
    let length = body.len();
    let own = format!("Content-Type: application/json\r\nContent-Length: {length}\r\n{fields}");
    bare("POST", target, &own) + body
}

/// A publish request with this body.
pub fn publish_body(body: &str) -> String {
    post("/api/publish", BEARER, body)
}

/// A publish request for a message in JSON.
pub fn publish(channel: &str, message: &str) -> String {
    publish_body(&format!(r#"{{"channel":"{channel}","message":{message}}}"#))
}

/// A stream request with a valid token.
pub fn subscribe(channel: &str) -> String {
    subscribe_with(channel, &token(channel))
}

/// A stream request with this token.
pub fn subscribe_with(channel: &str, token: &str) -> String {
    post(&format!("/api/stream/{channel}"), "", &format!(r#"{{"token":"{token}"}}"#))
}

/// A client that has subscribed and read everything up to the first heartbeat.
pub fn subscriber(daemon: &Daemon, channel: &str) -> Client {
    let client = daemon.connect();
    assert_eq!(client.ask(subscribe(channel)), STREAM);
    client
}

/// A token for a channel, valid for an hour.
pub fn token(channel: &str) -> String {
    let expires = STARTED_AT + 3600;
    signed(&format!(
        r#"{{"aud":"rpushd","scope":"subscribe","channel":"{channel}","exp":{expires}}}"#
    ))
}

/// A correctly signed token with these claims.
pub fn signed(claims: &str) -> String {
    signed_with(SUBSCRIBE_SECRET, r#"{"alg":"HS256","typ":"JWT"}"#, claims)
}

/// A token according to RFC 7515, made without the daemon's own code.
pub fn signed_with(secret: &str, header: &str, claims: &str) -> String {
    let parts = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).expect("any length");
    mac.update(parts.as_bytes());
    format!("{parts}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

/// An answer with an empty body.
pub fn empty(status: &str) -> String {
    format!("HTTP/1.1 {status}\r\ndate: {DATE}\r\ncontent-length: 0\r\n\r\n")
}

/// The answer to a request whose secret or token is refused for this reason; empty: it has none.
pub fn denied(reason: &str) -> String {
    let challenge = match reason {
        "" => "Bearer realm=\"rpushd\"".to_owned(),
        _ => format!("Bearer error=\"invalid_token\", error_description=\"{reason}\""),
    };
    let field = format!("www-authenticate: {challenge}\r\ndate");
    empty("401 Unauthorized").replacen("date", &field, 1)
}

/// An answer with an error text.
pub fn explained(status: &str, text: &str) -> String {
    let length = text.len();
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/plain; charset=utf-8\r\ndate: {DATE}\r\n\
         content-length: {length}\r\n\r\n{text}"
    )
}

/// The same answer, as the last one of its connection.
pub fn closing(answer: &str) -> String {
    answer.replacen("\r\n\r\n", "\r\nconnection: close\r\n\r\n", 1)
}

/// The answer without its `Retry-After` field, and the seconds in it.
pub fn split_retry(answer: &str) -> (String, u64) {
    const NAME: &str = "retry-after: ";
    let at = answer.to_ascii_lowercase().find(NAME).unwrap_or_else(|| panic!("{answer}"));
    let (seconds, after) = answer[at + NAME.len()..].split_once("\r\n").expect("fields have ends");
    (format!("{}{after}", &answer[..at]), seconds.parse().expect("whole seconds"))
}

/// The same answer with the fields against caching.
pub fn uncached(answer: &str) -> String {
    let fields = "\r\ncache-control: no-cache, no-store, must-revalidate, no-transform\r\n\
                  pragma: no-cache\r\nexpires: 0\r\ndate: ";
    answer.replacen("\r\ndate: ", fields, 1)
}

/// The same answer, this many seconds (less than a minute) after the start.
pub fn after(seconds: u64, answer: &str) -> String {
    answer.replace(DATE, &DATE.replace(":00 GMT", &format!(":{seconds:02} GMT")))
}

/// The body of a chunked answer, without its chunks.
pub fn unchunked(answer: &str) -> String {
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer has a head");
    let fields = head.to_ascii_lowercase();
    assert!(fields.contains("\r\ntransfer-encoding: chunked"), "{head}");
    assert!(!fields.contains("content-length"), "{head}");
    String::from_utf8(wire::unchunked(body.as_bytes())).expect("bodies are text here")
}

/// A frame as one chunk.
pub fn frame(payload: &str) -> Vec<u8> {
    wire::chunk(wire::framed(payload))
}

/// Frames of several payloads, each as one chunk.
pub fn frames(payloads: impl IntoIterator<Item = impl AsRef<str>>) -> Vec<u8> {
    payloads.into_iter().flat_map(|payload| frame(payload.as_ref())).collect()
}
