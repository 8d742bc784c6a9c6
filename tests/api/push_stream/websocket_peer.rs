//! An independent WebSocket peer (tungstenite) against the daemon, and compression as seen by a
//! client.

use super::receiving::*;
use super::websocket_client::*;
use crate::fixtures::BEARER;
use crate::support::{Client, Daemon};
use flate2::{Decompress, FlushDecompress};
use std::io::{self, Read, Write};
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::protocol::frame::{CloseFrame, Frame, coding::Data, coding::OpCode};
use tungstenite::{Message, WebSocket};

/// A simulated connection in the form that tungstenite needs: a stream that returns `WouldBlock` if
/// there is nothing to read.
struct Stream {
    client: Client,
    unread: Vec<u8>,
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.unread.extend(self.client.read());
        if self.unread.is_empty() {
            return if self.client.is_ended() {
                Ok(0)
            } else {
                Err(io::ErrorKind::WouldBlock.into())
            };
        }
        let count = self.unread.len().min(buffer.len());
        buffer[..count].copy_from_slice(&self.unread[..count]);
        self.unread.drain(..count);
        Ok(count)
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.client.send(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A peer whose handshake has succeeded.
fn peer(daemon: &Daemon, channels: &str) -> WebSocket<Stream> {
    let stream = Stream { client: daemon.connect(), unread: Vec::new() };
    let url = format!("ws://push.test/ws/{channels}");
    let (socket, response) = tungstenite::client(url, stream).expect("the handshake succeeds");
    assert_eq!(response.status(), 101);
    socket
}

fn text_message(text: &str) -> Message {
    Message::Text(text.into())
}

/// The next frame, which must be a close frame.
fn closed(socket: &mut WebSocket<Stream>) -> Option<CloseFrame> {
    match socket.read().expect("there is one more frame") {
        Message::Close(frame) => frame,
        other => panic!("not a close frame: {other:?}"),
    }
}

#[test]
fn texts_go_both_ways() {
    let daemon = publishing_daemon("");
    let (mut one, mut other) = (peer(&daemon, "a"), peer(&daemon, "a"));
    one.send(text_message("hello €")).expect("it is sent");
    assert_eq!(one.read().expect("it comes back"), text_message("hello €"));
    assert_eq!(other.read().expect("it arrives"), text_message("hello €"));
}

#[test]
fn fragments_arrive_as_one_message() {
    let daemon = publishing_daemon("");
    let mut socket = peer(&daemon, "a");
    for (text, code, is_final) in
        [("frag", Data::Text, false), ("men", Data::Continue, false), ("ted", Data::Continue, true)]
    {
        let frame = Frame::message(text, OpCode::Data(code), is_final);
        socket.send(Message::Frame(frame)).expect("it is sent");
    }
    assert_eq!(socket.read().expect("it comes back"), text_message("fragmented"));
}

#[test]
fn pings_are_answered_with_their_payload() {
    let daemon = websocket_daemon("");
    let mut socket = peer(&daemon, "a");
    socket.send(Message::Ping("are you there".into())).expect("it is sent");
    assert_eq!(socket.read().expect("a pong"), Message::Pong("are you there".into()));
}

#[test]
fn ten_mebibytes_are_refused_with_1009() {
    let daemon = publishing_daemon("");
    let mut socket = peer(&daemon, "a");
    socket.send(text_message(&"x".repeat(10 * 1024 * 1024))).expect("the simulation takes all");
    let frame = closed(&mut socket).expect("a code");
    assert_eq!((frame.code, frame.reason.as_str()), (CloseCode::Size, "message too big"));
    assert_eq!(stored(&daemon, "a"), Some(0));
}

#[test]
fn close_codes_are_echoed() {
    let daemon = websocket_daemon("");
    for code in [CloseCode::Normal, CloseCode::Away, CloseCode::Library(4321)] {
        let mut socket = peer(&daemon, "a");
        let frame = CloseFrame { code, reason: "enough".into() };
        socket.close(Some(frame)).expect("it is sent");
        assert_eq!(closed(&mut socket).map(|frame| frame.code), Some(code));
        assert!(matches!(socket.read(), Err(tungstenite::Error::ConnectionClosed)));
    }
}

#[test]
fn the_end_of_the_time_is_a_clean_close() {
    let daemon = websocket_daemon("footer_template = \"FOOT\"\nsubscriber_connection_ttl = \"1s\"");
    let mut socket = peer(&daemon, "a");
    daemon.advance(1_000 + TICK);
    assert_eq!(socket.read().expect("the footer"), text_message("FOOT"));
    assert_eq!(closed(&mut socket), None);
    assert!(matches!(socket.read(), Err(tungstenite::Error::ConnectionClosed)));
}

/// The number of compressed messages, from the daemon's statistics.
fn deflated_total(daemon: &Daemon) -> u64 {
    let answer = ask(daemon, get("/api/stats?mode=json&verbose=0", BEARER));
    let statistics: serde_json::Value =
        serde_json::from_str(body(&answer)).expect("the statistics are JSON");
    statistics["websocket_messages_deflated_total"].as_u64().expect("the counter is there")
}

/// The text of a compressed frame of up to 65,535 bytes (RFC 7692, section 7.2.2).
fn inflated(frame: &[u8]) -> String {
    assert_eq!(frame[0], 0xc1, "a final text frame with the compressed bit");
    let payload = if frame[1] == 126 { &frame[4..] } else { &frame[2..] };
    let payload = [payload, b"\0\0\xff\xff"].concat();
    let mut text = Vec::with_capacity(1024 * 1024);
    Decompress::new(false)
        .decompress_vec(&payload, &mut text, FlushDecompress::Sync)
        .expect("the payload is DEFLATE");
    String::from_utf8(text).expect("the message is text")
}

#[test]
fn a_message_for_a_thousand_subscribers_is_compressed_once() {
    let daemon = websocket_daemon(SHOWN);
    let clients: Vec<Client> = (0..1000).map(|_| compressing(&daemon, "a")).collect();
    let plain = connected(&daemon, "a");
    let message = "again and ".repeat(100);
    for number in 1..=3 {
        publish(&daemon, "a", &message);
        let shown = format!("[{number}|a|{message}|{number}]");
        let first = clients[0].read();
        assert_eq!(inflated(&first), shown);
        assert!(first.len() < message.len() / 10);
        for client in &clients[1..] {
            assert!(client.read() == first);
        }
        assert_eq!(plain.read(), text(&shown));
        assert_eq!(deflated_total(&daemon), number);
    }
}

#[test]
fn what_compression_does_not_shorten_goes_plain() {
    let daemon = websocket_daemon("");
    let client = compressing(&daemon, "a");
    publish(&daemon, "a", "short");
    assert_eq!(client.read(), text("short"));
}

#[test]
fn header_and_footer_need_no_compression() {
    let directives = "header_template = \"HEAD HEAD HEAD HEAD HEAD\"\nfooter_template = \"FOOT\"";
    let daemon = websocket_daemon(directives);
    let client = daemon.connect();
    let offer = format!("{UPGRADE}Sec-WebSocket-Extensions: permessage-deflate\r\n");
    client.send(get("/ws/a", &offer));
    assert!(client.read().ends_with(&text("HEAD HEAD HEAD HEAD HEAD")));
    daemon.stop();
    assert_eq!(client.read(), [text("FOOT").as_slice(), CLOSE].concat());
}

#[test]
fn a_compressed_message_of_a_client_is_published() {
    let daemon = publishing_daemon("");
    let client = compressing(&daemon, "a");
    // RFC 7692, section 7.2.3.1: "Hello" compressed.
    client.send(masked(0xc1, b"\xf2\x48\xcd\xc9\xc9\x07\x00"));
    assert_eq!(client.read(), text("Hello"));
    // The same in two fragments; only the first has the bit.
    client.send([masked(0x41, b"\xf2\x48\xcd"), masked(0x80, b"\xc9\xc9\x07\x00")].concat());
    assert_eq!(client.read(), text("Hello"));
}

#[test]
fn a_compressed_message_that_would_expand_beyond_the_limit_is_refused() {
    let daemon = publishing_daemon("");
    let client = compressing(&daemon, "a");
    let large = vec![b'x'; 10 * 1024 * 1024];
    let mut packed = Vec::with_capacity(64 * 1024);
    flate2::Compress::new(flate2::Compression::best(), false)
        .compress_vec(&large, &mut packed, flate2::FlushCompress::Sync)
        .expect("there is room");
    packed.truncate(packed.len() - 4);
    client.send(masked(0xc1, &packed));
    assert_eq!(client.read(), close(1009, "message too big"));
    assert_eq!(stored(&daemon, "a"), Some(0));
}
