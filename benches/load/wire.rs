//! Bytes on the wire: the text of a test message, its frame in each transport, the requests of
//! subscribers and publishers.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Bytes of a test message that are not filler: `@`, eight digits, `~`.
pub const TEXT_BYTES_MIN: usize = 10;

/// The text of a test message: `@`, the sequence number in eight digits, filler `x`, `~`. None of
/// these bytes needs escaping in JSON, and no framing puts `@` before a digit or an `x` inside a
/// text.
pub fn text(sequence: u32, size: usize) -> Vec<u8> {
    let mut text = format!("@{sequence:08}").into_bytes();
    text.resize(size.max(TEXT_BYTES_MIN) - 1, b'x');
    text.push(b'~');
    text
}

/// The transport of a subscriber.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// The rpushd API: two-byte lengths in HTTP chunks; message texts are JSON strings.
    Framed,
    /// push-stream `streaming`: a chunk per message.
    Stream,
    /// push-stream `eventsource`.
    EventSource,
    /// push-stream `websocket`.
    WebSocket,
    /// push-stream `long-polling`: a response per message.
    LongPolling,
    /// The signed API's server-sent events: envelopes with cursors.
    SignedEvents,
    /// The signed API's WebSocket, likewise.
    SignedWebSocket,
}

impl Transport {
    /// All transports.
    pub const ALL: [Transport; 7] = [
        Transport::Framed,
        Transport::Stream,
        Transport::EventSource,
        Transport::WebSocket,
        Transport::LongPolling,
        Transport::SignedEvents,
        Transport::SignedWebSocket,
    ];

    /// Name in tables and on the command line, and first path segment of its location.
    pub fn name(self) -> &'static str {
        match self {
            Transport::Framed => "framed",
            Transport::Stream => "stream",
            Transport::EventSource => "eventsource",
            Transport::WebSocket => "websocket",
            Transport::LongPolling => "long-polling",
            Transport::SignedEvents => "signed-events",
            Transport::SignedWebSocket => "signed-websocket",
        }
    }

    /// Whether it is one of the signed API, with several channels per connection.
    pub fn is_signed(self) -> bool {
        matches!(self, Transport::SignedEvents | Transport::SignedWebSocket)
    }

    /// The transport with this name.
    pub fn from_name(name: &str) -> Option<Transport> {
        Transport::ALL.into_iter().find(|transport| transport.name() == name)
    }

    /// The exact bytes that a subscriber of this transport receives for one message.
    pub fn frame(self, text: &[u8]) -> Vec<u8> {
        match self {
            Transport::Framed => {
                let length = (text.len() + 2) as u16;
                chunk(&[&length.to_be_bytes(), b"\"", text, b"\""])
            }
            Transport::Stream => chunk(&[text]),
            Transport::EventSource => chunk(&[b"data: ", text, b"\n\n"]),
            Transport::WebSocket => text_frame(text),
            Transport::SignedEvents => {
                chunk(&[b"id: ", CURSOR, b"\ndata: ", &envelope(text), b"\n\n"])
            }
            Transport::SignedWebSocket => text_frame(&envelope(text)),
            Transport::LongPolling => {
                let mut response = LONG_POLLING_HEAD.as_bytes().to_vec();
                response.extend_from_slice(&chunk(&[text]));
                response.extend_from_slice(b"0\r\n\r\n");
                response
            }
        }
    }

    /// The bare loop's immediate answer to a new subscriber.
    pub fn greeting(self) -> &'static [u8] {
        match self {
            Transport::Framed => FRAMED_GREETING.as_bytes(),
            Transport::Stream => STREAM_GREETING.as_bytes(),
            Transport::EventSource => EVENT_SOURCE_GREETING.as_bytes(),
            Transport::WebSocket => WEBSOCKET_GREETING.as_bytes(),
            Transport::LongPolling => b"",
            Transport::SignedEvents => SIGNED_EVENTS_GREETING.as_bytes(),
            Transport::SignedWebSocket => WEBSOCKET_GREETING.as_bytes(),
        }
    }
}

/// The interface that a message is published through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Face {
    /// `POST /api/publish`, JSON.
    Api,
    /// A push-stream publisher location, plain text.
    Location,
    /// A publisher location that stores messages.
    Store,
}

/// The form of requests to a server.
#[derive(Clone, Debug)]
pub enum Dialect {
    /// rpushd, and the bare loop, with the locations of the harness's configuration.
    Rpushd,
    /// Another server: paths with `{channel}` in them.
    Peer {
        /// Path that subscribers GET.
        subscribe: String,
        /// Path that messages are POSTed to.
        publish: String,
    },
}

/// Signs subscribe tokens of the server under test.
pub const SUBSCRIBE_SECRET: &str = "load-harness-subscribe-secret-0001";
/// Authorises publications to the server under test.
pub const PUBLISH_SECRET: &str = "load-harness-publish-secret-000002";

impl Dialect {
    /// A subscriber's request for channels `c{first}`, `c{first+1}`, …; `serial` makes its token
    /// unique.
    pub fn subscribe(
        &self,
        transport: Transport,
        first: u32,
        channel_count: u32,
        serial: u32,
    ) -> Vec<u8> {
        let names: Vec<String> =
            (first..first + channel_count).map(|channel| format!("c{channel}")).collect();
        let mut token = String::new();
        let path = match self {
            Dialect::Rpushd if transport == Transport::Framed => {
                return token_request(&names[0], serial);
            }
            Dialect::Rpushd if transport.is_signed() => {
                token = format!("Authorization: Bearer {}\r\n", signed_token(&names, serial));
                let kind =
                    if transport == Transport::SignedEvents { "events" } else { "websocket" };
                format!("/api/{kind}/{}", names.join(","))
            }
            Dialect::Rpushd => format!("/{}/{}", transport.name(), names.join("/")),
            Dialect::Peer { subscribe, .. } => subscribe.replace("{channel}", &names.join("/")),
        };
        let fields = match transport {
            Transport::WebSocket | Transport::SignedWebSocket => WEBSOCKET_FIELDS,
            Transport::EventSource | Transport::SignedEvents => "Accept: text/event-stream\r\n",
            Transport::Framed | Transport::Stream | Transport::LongPolling => "",
        };
        format!("GET {path} HTTP/1.1\r\nHost: load\r\n{token}{fields}\r\n").into_bytes()
    }

    /// A publisher's request.
    pub fn publish(&self, face: Face, channel: u32, text: &[u8]) -> Vec<u8> {
        let path = match (self, face) {
            (Dialect::Rpushd, Face::Api) => return api_publication(channel, text),
            (Dialect::Rpushd, Face::Location) => format!("/publish/c{channel}"),
            (Dialect::Rpushd, Face::Store) => format!("/store/c{channel}"),
            (Dialect::Peer { publish, .. }, _) => {
                publish.replace("{channel}", &format!("c{channel}"))
            }
        };
        let length = text.len();
        let head =
            format!("POST {path} HTTP/1.1\r\nHost: load\r\nContent-Length: {length}\r\n\r\n");
        [head.as_bytes(), text].concat()
    }
}

fn api_publication(channel: u32, text: &[u8]) -> Vec<u8> {
    let before = format!("{{\"channel\":\"c{channel}\",\"message\":\"");
    let length = before.len() + text.len() + 2;
    let head = format!(
        "POST /api/publish HTTP/1.1\r\nHost: load\r\nAuthorization: Bearer {PUBLISH_SECRET}\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    );
    [head.as_bytes(), before.as_bytes(), text, b"\"}"].concat()
}

fn token_request(channel: &str, serial: u32) -> Vec<u8> {
    let token = sign(&format!(
        concat!(
            r#"{{"aud":"rpushd","scope":"subscribe","channel":"{}","#,
            r#""exp":4102444800,"sub":"{}"}}"#
        ),
        channel, serial
    ));
    let body = format!(r#"{{"token":"{token}"}}"#);
    let length = body.len();
    format!(
        "POST /api/stream/{channel} HTTP/1.1\r\nHost: load\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// A token of the signed API for these channels; `serial` makes it unlike others.
fn signed_token(channels: &[String], serial: u32) -> String {
    sign(&format!(
        concat!(
            r#"{{"aud":"rpushd","scope":"subscribe","channels":["{}"],"#,
            r#""exp":4102444800,"iat":{}}}"#
        ),
        channels.join("\",\""),
        serial
    ))
}

fn sign(claims: &str) -> String {
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
    let claims = URL_SAFE_NO_PAD.encode(claims);
    let mut signature = Hmac::<Sha256>::new_from_slice(SUBSCRIBE_SECRET.as_bytes())
        .expect("HMAC takes keys of any length");
    signature.update(format!("{header}.{claims}").as_bytes());
    let signature = URL_SAFE_NO_PAD.encode(signature.finalize().into_bytes());
    format!("{header}.{claims}.{signature}")
}

/// A message of the signed API, with a cursor and a channel of the usual lengths.
fn envelope(text: &[u8]) -> Vec<u8> {
    [b"{\"id\":\"", CURSOR, b"\",\"channel\":\"c0\",\"data\":\"", text, b"\"}"].concat()
}

/// A WebSocket text frame.
fn text_frame(text: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x81];
    match text.len() {
        length @ ..126 => frame.push(length as u8),
        length => {
            frame.push(126);
            frame.extend_from_slice(&(length as u16).to_be_bytes());
        }
    }
    frame.extend_from_slice(text);
    frame
}

fn chunk(parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut chunk = format!("{length:x}\r\n").into_bytes();
    for part in parts {
        chunk.extend_from_slice(part);
    }
    chunk.extend_from_slice(b"\r\n");
    chunk
}

const CURSOR: &[u8] = b"0123456789abcdef.1234";

const WEBSOCKET_FIELDS: &str = "Upgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";

const FRAMED_GREETING: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\n\
    cache-control: no-cache, no-store, must-revalidate, no-transform\r\npragma: no-cache\r\n\
    expires: 0\r\nx-content-type-options: nosniff\r\ntransfer-encoding: chunked\r\n\
    x-accel-buffering: no\r\n\r\n2\r\n\0\0\r\n";

const STREAM_GREETING: &str = "HTTP/1.1 200 OK\r\nDate: Sun, 22 Nov 2026 02:47:36 GMT\r\n\
    Content-Type: text/plain\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\
    Expires: Thu, 01 Jan 1970 00:00:01 GMT\r\n\
    Cache-Control: no-cache, no-store, must-revalidate\r\n\r\n";

const EVENT_SOURCE_GREETING: &str = "HTTP/1.1 200 OK\r\nDate: Sun, 22 Nov 2026 02:47:36 GMT\r\n\
    Content-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\
    Connection: keep-alive\r\nExpires: Thu, 01 Jan 1970 00:00:01 GMT\r\n\
    Cache-Control: no-cache, no-store, must-revalidate\r\n\r\n3\r\n: \n\r\n";

const SIGNED_EVENTS_GREETING: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\
    cache-control: no-cache, no-store, must-revalidate, no-transform\r\npragma: no-cache\r\n\
    expires: 0\r\nx-content-type-options: nosniff\r\nx-accel-buffering: no\r\n\
    date: Sun, 22 Nov 2026 02:47:36 GMT\r\ntransfer-encoding: chunked\r\n\r\n3\r\n: \n\r\n";

const WEBSOCKET_GREETING: &str = "HTTP/1.1 101 Switching Protocols\r\n\
    Expires: Thu, 01 Jan 1970 00:00:01 GMT\r\n\
    Cache-Control: no-cache, no-store, must-revalidate\r\nUpgrade: WebSocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

const LONG_POLLING_HEAD: &str = "HTTP/1.1 200 OK\r\nDate: Sun, 22 Nov 2026 02:47:36 GMT\r\n\
    Content-Type: text/plain\r\nLast-Modified: Sun, 22 Nov 2026 02:47:36 GMT\r\n\
    Transfer-Encoding: chunked\r\nConnection: keep-alive\r\n\
    Expires: Thu, 01 Jan 1970 00:00:01 GMT\r\n\
    Cache-Control: no-cache, no-store, must-revalidate\r\nEtag: W/1\r\n\r\n";
