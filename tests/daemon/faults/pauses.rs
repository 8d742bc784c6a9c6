//! A daemon that does not run for a while: stopped, suspended with its machine, starved.

use super::{report, warnings};
use crate::hostile::healthy::Healthy;
use crate::support::{Daemon, Folder, PATIENCE, Publisher, SECRETS, configure, wait_for_turn};
use crate::wire::{masked, take_frame};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

/// More than one wait reports, and than one turn reads.
const WEBSOCKETS: usize = 3000;
const PONG_TIMEOUT: Duration = Duration::from_secs(5);
/// Longer than every time-out of the test.
const PAUSE: Duration = Duration::from_secs(6);

const PING: u8 = 0x89;
const PONG: u8 = 0x8a;
const TEXT: u8 = 0x81;

fn configuration() -> String {
    format!(
        "listen = \"127.0.0.1:0\"\n[limits]\npong_timeout = \"{}s\"\n\
         [push_stream]\nping_message_interval = \"2s\"\n[[location]]\npath = '~ ^/ws/(.*)$'\n\
         subscriber = \"websocket\"\nchannels_path = \"$1\"\n",
        PONG_TIMEOUT.as_secs()
    )
}

struct WebSocket {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl WebSocket {
    fn open(address: &str) -> WebSocket {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
            .write_all(
                b"GET /ws/demo HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\
                  Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                  Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            )
            .unwrap();
        let mut socket = WebSocket { stream, unread: Vec::new() };
        while !socket.unread.windows(4).any(|window| window == b"\r\n\r\n") {
            assert!(socket.fill(), "refused");
        }
        socket.unread.clear();
        socket
    }

    /// Reads; false: the daemon has closed the connection.
    fn fill(&mut self) -> bool {
        let mut bytes = [0; 1024];
        let count = self.stream.read(&mut bytes).unwrap_or(0);
        self.unread.extend_from_slice(&bytes[..count]);
        count > 0
    }

    /// The next frame; `None`: the daemon has closed the connection.
    fn next(&mut self) -> Option<(u8, Vec<u8>)> {
        loop {
            if let Some(frame) = take_frame(&mut self.unread) {
                return Some(frame);
            }
            if !self.fill() {
                return None;
            }
        }
    }

    fn wait_for_ping(&mut self) {
        while self.unread.is_empty() {
            assert!(self.fill(), "closed");
        }
    }

    fn answer_ping(&mut self) {
        let (first, payload) = self.next().expect("it is open");
        assert_eq!(first, PING);
        self.stream.write_all(&masked(PONG, payload, [0; 4])).unwrap();
    }
}

#[test]
fn a_daemon_that_was_stopped_for_longer_than_its_timeouts_ends_no_connection() {
    let _turn = wait_for_turn();
    let folder = Folder::new();
    let file = folder.write("rpushd.toml", &configuration());
    let daemon = Daemon::listening(&mut configure(&["--config", &file], &SECRETS));
    let address = daemon.address();
    let healthy = Healthy::start(&address, &address);
    let mut publisher = Publisher::connect(&address);
    let mut sockets: Vec<WebSocket> = (0..WEBSOCKETS).map(|_| WebSocket::open(&address)).collect();
    // Each owes the answer to a ping when the daemon stops, and sends it meanwhile.
    sockets.iter_mut().for_each(WebSocket::wait_for_ping);
    daemon.signal("STOP");
    thread::sleep(PAUSE);
    sockets.iter_mut().for_each(WebSocket::answer_ping);
    daemon.signal("CONT");
    publisher.publish("demo", "1");
    let is_alive = |socket: &mut WebSocket| loop {
        match socket.next() {
            Some((TEXT, payload)) => return payload == b"1",
            Some(_) => {}
            None => return false,
        }
    };
    let alive = sockets.iter_mut().map(is_alive).filter(|alive| *alive).count();
    assert_eq!(alive, WEBSOCKETS);
    assert_eq!(publisher.statistic("stalled_connections_closed_total"), 0);
    assert_eq!(publisher.statistic("process_pauses_total"), 1);
    daemon.wait_for("the daemon did not run for ");
    let log = daemon.log();
    assert_eq!(warnings(&log).len(), 1, "{:#?}", warnings(&log));
    report("SIGSTOP for 6 s", PAUSE, healthy);
}
