//! A WebSocket client without a library: requests and frames as bytes.

use super::receiving::*;
pub use crate::support::wire::frame;
use crate::support::{Client, Daemon, wire};

/// The key of the module's own tests.
pub const KEY: &str = "/mQoZf6pRiv8+6o72GncLQ==";
/// The mask of all client frames.
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
/// The required fields of a handshake.
pub const UPGRADE: &str = "Upgrade: websocket\r\nConnection: Upgrade\r\n\
                           Sec-WebSocket-Key: /mQoZf6pRiv8+6o72GncLQ==\r\n\
                           Sec-WebSocket-Version: 13\r\n";
/// The answer to a handshake with [`KEY`].
pub const SWITCHED: &str = "HTTP/1.1 101 Switching Protocols\r\n\
                            Expires: Thu, 01 Jan 1970 00:00:01 GMT\r\n\
                            Cache-Control: no-cache, no-store, must-revalidate\r\n\
                            Upgrade: WebSocket\r\nConnection: Upgrade\r\n\
                            Sec-WebSocket-Accept: RaIOIcQ6CBoc74B9EKdH0avYZnw=\r\n\r\n";
/// A close frame without a status code.
pub const CLOSE: &[u8] = b"\x88\x00";

/// Opcodes with the final bit set.
pub const TEXT: u8 = 0x81;
pub const BINARY: u8 = 0x82;
pub const CLOSING: u8 = 0x88;
pub const PING: u8 = 0x89;
pub const PONG: u8 = 0x8a;

/// A daemon with one WebSocket location, `/ws/CHANNELS`, whose clients may publish and which stores
/// messages.
pub fn publishing_daemon(directives: &str) -> Daemon {
    let own = format!("websocket_allow_publish = true\nstore_messages = true\n{directives}");
    daemon_with("", &location("/ws", "websocket", &own))
}

/// A daemon with one WebSocket location, `/ws/CHANNELS`.
pub fn websocket_daemon(directives: &str) -> Daemon {
    daemon_with("", &location("/ws", "websocket", directives))
}

/// A client whose handshake has succeeded; bytes after the answer are still to be read.
pub fn open(daemon: &Daemon, channels: &str) -> (Client, Vec<u8>) {
    let client = daemon.connect();
    client.send(get(&format!("/ws/{channels}"), UPGRADE));
    let all = client.read();
    let frames = all.strip_prefix(SWITCHED.as_bytes());
    let frames = frames.unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&all))).to_vec();
    (client, frames)
}

/// A client that has read everything so far.
pub fn connected(daemon: &Daemon, channels: &str) -> Client {
    let (client, frames) = open(daemon, channels);
    assert_eq!(frames, b"");
    client
}

/// A client that has negotiated compression and read everything so far.
pub fn compressing(daemon: &Daemon, channels: &str) -> Client {
    let client = daemon.connect();
    let offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";
    client.send(get(&format!("/ws/{channels}"), &format!("{UPGRADE}{offer}")));
    let answer = client.text();
    assert!(answer.contains("\r\nSec-WebSocket-Extensions: permessage-deflate;"), "{answer}");
    client
}

/// A text frame as servers write it.
pub fn text(payload: impl AsRef<[u8]>) -> Vec<u8> {
    frame(TEXT, payload)
}

/// A frame as clients write it: masked.
pub fn masked(first: u8, payload: impl AsRef<[u8]>) -> Vec<u8> {
    wire::masked(first, payload, MASK)
}

/// A close frame as servers write it, with a status code and a reason.
pub fn close(code: u16, reason: &str) -> Vec<u8> {
    frame(CLOSING, [&code.to_be_bytes(), reason.as_bytes()].concat())
}
