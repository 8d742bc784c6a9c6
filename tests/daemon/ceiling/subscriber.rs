//! A subscriber that does nothing wrong, of any transport: it reads what it is sent, and checks
//! that no message is missing, twice or out of order.

use super::text::{name, number_of};
use crate::support::{SECRETS, token};
use crate::wire::{AnswerReader, Event, take_framed};
use mio::net::TcpStream;
use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

const TEXT: u8 = 0x81;
/// How long a long-polling client waits after a 503.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// How a subscriber gets its messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// The stream of the rpushd API.
    Framed,
    Stream,
    EventSource,
    WebSocket,
    LongPolling,
}

impl Transport {
    /// The one of the subscriber with this number, so that each channel has some of all.
    pub fn of(number: usize) -> Transport {
        match number % 10 {
            0..=2 => Transport::Framed,
            3..=4 => Transport::Stream,
            5..=6 => Transport::EventSource,
            7..=8 => Transport::WebSocket,
            _ => Transport::LongPolling,
        }
    }

    fn request(self, channel: usize) -> String {
        let name = name(channel);
        match self {
            Transport::Framed => {
                let body = format!("{{\"token\":\"{}\"}}", token(SECRETS[0].1, &name));
                format!(
                    "POST /api/stream/{name} HTTP/1.1\r\nHost: x\r\n\
                     Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                    body.len()
                )
            }
            Transport::Stream => format!("GET /stream/{name} HTTP/1.1\r\nHost: x\r\n\r\n"),
            Transport::EventSource => format!("GET /es/{name} HTTP/1.1\r\nHost: x\r\n\r\n"),
            Transport::LongPolling => format!("GET /lp/{name} HTTP/1.1\r\nHost: x\r\n\r\n"),
            Transport::WebSocket => format!(
                "GET /ws/{name} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\
                 Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                 Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            ),
        }
    }
}

/// One subscriber of one channel.
pub struct Subscriber {
    pub socket: TcpStream,
    pub transport: Transport,
    pub channel: usize,
    /// The number of the next message.
    pub next: u32,
    /// Messages that a long-polling client has missed, because they had given way.
    pub missed: u32,
    pub is_subscribed: bool,
    /// When a long-polling client that was refused asks again.
    pub retry_at: Option<Instant>,
    pub refusals: u32,
    /// Whether it was refused and its connection closed, so that it connects again.
    is_closing: bool,
    cursor: Option<(String, String)>,
    answers: AnswerReader,
    body: Vec<u8>,
}

impl Subscriber {
    /// Connects and subscribes. The answer is still to come.
    pub fn open(address: &str, number: usize, channel: usize) -> Subscriber {
        let transport = Transport::of(number);
        Subscriber {
            socket: connect(address, &transport.request(channel)),
            transport,
            channel,
            next: 0,
            missed: 0,
            is_subscribed: false,
            retry_at: None,
            refusals: 0,
            is_closing: false,
            cursor: None,
            answers: AnswerReader::default(),
            body: Vec::new(),
        }
    }

    /// Reads what there is.
    pub fn read(&mut self, buffer: &mut [u8]) {
        loop {
            match self.socket.read(buffer) {
                Ok(0) if self.is_closing => return,
                Ok(0) => panic!("{self:?}: closed"),
                Ok(count) => {
                    self.answers.feed(&buffer[..count]);
                    self.digest();
                    if count < buffer.len() {
                        return;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => panic!("{self:?}: {error}"),
            }
        }
    }

    fn digest(&mut self) {
        while let Some(event) = self.answers.next(false) {
            match event {
                Event::Head(head) => {
                    let is_poll = self.transport == Transport::LongPolling;
                    match head.status {
                        200 | 101 => {
                            self.is_subscribed = true;
                            let field = |name| Some(head.value(name)?.to_owned());
                            self.cursor = field("last-modified").zip(field("etag"));
                        }
                        503 | 304 if is_poll => {
                            self.refusals += u32::from(head.status == 503);
                            self.retry_at = Some(Instant::now() + RETRY_DELAY);
                            self.is_closing = head.closes();
                        }
                        status => panic!("{self:?}: answered with {status}"),
                    }
                    assert!(self.is_closing || !is_poll || !head.closes(), "{self:?}: {head:?}");
                }
                Event::Data(data) => self.body.extend_from_slice(&data),
                Event::Frame(TEXT, text) => self.take(&text),
                Event::Frame(..) => {}
                Event::End => {
                    assert_eq!(self.transport, Transport::LongPolling, "{self:?}: its end");
                    if self.retry_at.is_none() {
                        self.take_texts();
                        self.poll();
                    }
                    self.body.clear();
                }
                Event::Interim => panic!("not asked for"),
            }
        }
        match self.transport {
            Transport::Framed => {
                while let Some(message) = take_framed(&mut self.body) {
                    if !message.is_empty() {
                        self.take(&message);
                    }
                }
            }
            Transport::Stream | Transport::EventSource => self.take_texts(),
            Transport::WebSocket | Transport::LongPolling => {}
        }
    }

    /// Takes the messages from a text that has something of its own around them.
    fn take_texts(&mut self) {
        let body = std::mem::take(&mut self.body);
        let mut left = &body[..];
        let place = |bytes: &[u8], what| bytes.windows(2).position(|window| window == what);
        while let Some(begin) = place(left, b"\"#")
            && let Some(end) = place(&left[begin..], b"!\"")
        {
            let (message, rest) = left[begin..].split_at(end + 2);
            self.take(message);
            left = rest;
        }
        self.body = left.to_vec();
    }

    fn take(&mut self, message: &[u8]) {
        let number = number_of(self.channel, message);
        assert!(number >= self.next, "{self:?}: got {number}");
        if self.transport == Transport::LongPolling {
            self.missed += number - self.next;
        } else {
            assert_eq!(number, self.next, "{self:?}");
        }
        self.next = number + 1;
    }

    /// Asks again after a refusal. Returns whether it has connected again.
    pub fn retry(&mut self, address: &str) -> bool {
        if !std::mem::take(&mut self.is_closing) {
            self.poll();
            return false;
        }
        self.retry_at = None;
        self.answers = AnswerReader::default();
        self.socket = connect(address, &self.poll_request());
        true
    }

    /// Sends the next request of a long-polling client.
    fn poll(&mut self) {
        self.retry_at = None;
        let request = self.poll_request();
        let written = self.socket.write(request.as_bytes()).expect("the daemon reads");
        assert_eq!(written, request.len(), "a request fits into the socket");
    }

    fn poll_request(&self) -> String {
        let name = name(self.channel);
        let fields = self.cursor.as_ref().map_or_else(String::new, |(time, tag)| {
            format!("If-Modified-Since: {time}\r\nIf-None-Match: {tag}\r\n")
        });
        format!("GET /lp/{name} HTTP/1.1\r\nHost: x\r\n{fields}\r\n")
    }
}

/// Connects and sends a request.
fn connect(address: &str, request: &str) -> TcpStream {
    let mut socket = std::net::TcpStream::connect(address).expect("the daemon accepts");
    socket.write_all(request.as_bytes()).expect("a request is short");
    socket.set_nonblocking(true).expect("a socket");
    TcpStream::from_std(socket)
}

impl std::fmt::Debug for Subscriber {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Subscriber { transport, channel, next, .. } = self;
        write!(formatter, "a {transport:?} subscriber of channel {channel} that expects {next}")
    }
}
