//! What hostile visitors try, each alone cheap to do.

use super::swarm::Attack;
use crate::wire::masked;
use flate2::{Compress, Compression, FlushCompress};
use std::time::Duration;

/// A channel with many stored messages.
pub const HISTORY: &str = "history";
pub const STORED_MESSAGES: usize = 5000;
/// As many channels as a request may name.
const NAMES: usize = 256;
const BEGINNING: &str = "Thu, 01 Jan 1970 00:00:00 GMT";

const TEXT: u8 = 1;
const CLOSE: u8 = 8;
const PING: u8 = 9;

pub fn all() -> Vec<Attack> {
    let attack = |name, connections, life, opening, flood, reads| {
        let life = Duration::from_millis(life);
        Attack { name, connections, opening, flood, reads, life }
    };
    let nothing: fn(usize) -> Vec<u8> = |_| Vec::new();
    vec![
        attack(
            "cheap requests",
            200,
            60_000,
            |_| get("/poll/x", ""),
            |_| get("/poll/x", "").repeat(8),
            true,
        ),
        attack(
            "requests whose answers are not read",
            40,
            4000,
            empty_line,
            |_| get("/healthz", "").repeat(64),
            false,
        ),
        attack(
            "one channel 256 times, HTTP/1.0 polls",
            20,
            3000,
            |_| old_poll(),
            |_| old_poll(),
            true,
        ),
        attack("one channel 256 times, gzip streams", 20, 1500, |_| gzip_stream(), nothing, true),
        attack("gzip streams that are not read", 20, 3000, |_| gzip_stream(), nothing, false),
        attack(
            "unknown Last-Event-ID",
            40,
            60_000,
            |_| unknown_event(),
            |_| unknown_event().repeat(8),
            true,
        ),
        attack("JSONP polls that are not read", 40, 3000, |_| jsonp(), |_| jsonp(), false),
        attack("unknown channels", 4, 60_000, unknown_channels, unknown_channels, true),
        attack(
            "one-byte messages to one channel 256 times",
            4,
            2000,
            |_| talk(&same("loud")),
            |_| frame(TEXT, b"x").repeat(9000),
            true,
        ),
        attack(
            "inflated messages to 256 channels",
            4,
            2000,
            |_| talk(&different("loud")),
            |_| bomb(b'x'),
            true,
        ),
        attack(
            "such messages, not read",
            4,
            2000,
            |_| talk(&different("loud")),
            |_| bomb(b'x'),
            false,
        ),
        attack("readers of EventSource", 6, 4000, |_| get("/events/lines", ""), nothing, false),
        attack("line feeds for them", 2, 2000, |_| talk("lines"), |_| bomb(b'\n'), true),
        attack("pings", 20, 4000, |_| listen("x"), |_| frame(PING, b"").repeat(1000), false),
        attack(
            "long pings",
            10,
            4000,
            |_| talk("x"),
            |_| frame(PING, &[b'p'; 125]).repeat(500),
            false,
        ),
        attack(
            "unfinished messages",
            40,
            4000,
            |_| [talk("x"), unfinished()].concat(),
            nothing,
            true,
        ),
        attack(
            "unfinished messages where none may be sent",
            20,
            4000,
            |_| [listen("x"), unfinished()].concat(),
            nothing,
            true,
        ),
        attack(
            "half a close frame",
            10,
            6000,
            |_| [listen("x"), vec![0x80 | CLOSE]].concat(),
            nothing,
            true,
        ),
        attack(
            "unfinished heads",
            40,
            5000,
            |_| [b"GET / HTTP/1.1\r\nX: ".to_vec(), vec![b'a'; 15_000]].concat(),
            nothing,
            true,
        ),
        attack("unfinished bodies", 40, 5000, |_| body(), nothing, true),
        attack(
            "bytes behind a stream",
            20,
            3000,
            |_| get("/sub/x", ""),
            |_| vec![b'q'; 64 * 1024],
            true,
        ),
        attack("coming and going", 30, 0, |_| get("/sub/healthy", ""), nothing, false),
    ]
}

fn empty_line(_: usize) -> Vec<u8> {
    b"\r\n".to_vec()
}

fn get(path: &str, fields: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\n{fields}\r\n").into_bytes()
}

/// The channels that clients who may publish store messages in.
pub fn stored_channels() -> impl Iterator<Item = String> {
    let numbered = (0..NAMES).map(|number| format!("loud{number}"));
    numbered.chain(["loud", "lines", "x"].map(str::to_owned))
}

fn same(name: &str) -> String {
    vec![name; NAMES].join("/")
}

fn different(name: &str) -> String {
    let names: Vec<String> = (0..NAMES).map(|number| format!("{name}{number}")).collect();
    names.join("/")
}

/// An HTTP/1.0 poll for everything that is stored, 256 times.
fn old_poll() -> Vec<u8> {
    let path = same(HISTORY);
    format!(
        "GET /poll/{path} HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\n\
         If-Modified-Since: {BEGINNING}\r\n\r\n"
    )
    .into_bytes()
}

fn gzip_stream() -> Vec<u8> {
    let fields = format!("Accept-Encoding: gzip\r\nIf-Modified-Since: {BEGINNING}\r\n");
    get(&format!("/gzip/{}", same(HISTORY)), &fields)
}

fn unknown_event() -> Vec<u8> {
    get(&format!("/poll/{}", same(HISTORY)), "Last-Event-ID: unknown\r\n")
}

fn jsonp() -> Vec<u8> {
    let time = BEGINNING.replace(' ', "%20");
    get(&format!("/jsonp/{HISTORY}?callback=call&time={time}"), "")
}

/// Polls of 200 channels that nobody has heard of before.
fn unknown_channels(turn: usize) -> Vec<u8> {
    let names: Vec<String> = (0..200).map(|number| format!("{turn}-{number}")).collect();
    get(&format!("/poll/{}", names.join("/")), "")
}

fn websocket(path: &str) -> Vec<u8> {
    let fields = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                  Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                  Sec-WebSocket-Extensions: permessage-deflate\r\n";
    get(path, fields)
}

/// A client of a location that takes messages.
fn talk(channels: &str) -> Vec<u8> {
    websocket(&format!("/talk/{channels}"))
}

/// A client of a location that takes none.
fn listen(channels: &str) -> Vec<u8> {
    websocket(&format!("/listen/{channels}"))
}

/// A masked frame; a mask of zeroes changes nothing.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    masked(0x80 | first, payload, [0; 4])
}

/// A short frame that is a long message: 60,000 times the same byte, and another one, as line feeds
/// at the end of a message are left out.
fn bomb(byte: u8) -> Vec<u8> {
    let text = [vec![byte; 60_000], b"x".to_vec()].concat();
    let mut compressed = Vec::with_capacity(4096);
    let mut compressor = Compress::new(Compression::best(), false);
    compressor
        .compress_vec(&text, &mut compressed, FlushCompress::Sync)
        .expect("there is room for it");
    compressed.truncate(compressed.len() - 4);
    frame(0x40 | TEXT, &compressed)
}

/// The first 60,000 bytes of a message that never ends.
fn unfinished() -> Vec<u8> {
    masked(TEXT, [b'u'; 60_000], [0; 4])
}

/// A token that lacks its last byte.
fn body() -> Vec<u8> {
    let head = "POST /api/stream/x HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
                Content-Length: 16384\r\n\r\n";
    [head.as_bytes(), &[b' '; 16_383]].concat()
}
