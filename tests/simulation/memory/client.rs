//! One client and what it has received. It has the same number as its socket.

use crate::draw;
use crate::wire::{AnswerReader, Event, take_framed};
use rpushd::auth::{self, TokenKey};

/// What a client does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Publishes one message after the other, to channels of its own, so that their order is known.
    Publisher { index: usize },
    /// Subscribes, and reads everything at once.
    Reader { channel: usize },
    /// Subscribes, and reads nothing.
    Slow { channel: usize },
    /// Sends a request that never ends.
    Hostile,
    /// Sends nothing.
    Idle,
    /// Requests what is stored.
    Poller,
}

pub struct Client {
    pub role: Role,
    reader: AnswerReader,
    unread: Vec<u8>,
    /// Messages of a reader, or of the body of a poll.
    pub messages: Vec<String>,
    /// Statuses of all answers.
    pub statuses: Vec<u16>,
    /// Whether its last answer is complete.
    pub is_answered: bool,
    /// A publisher's message without an answer, and its channel.
    pub outstanding: Option<(usize, String)>,
    /// Messages of its channel that had been published when a reader subscribed: before it asked,
    /// and when it was answered.
    pub since: (usize, usize),
    /// The most memory in use since a publisher sent its message.
    pub most_bytes: u64,
    /// The kernel takes this many bytes from a client that does not read.
    pub room: usize,
}

impl Client {
    pub fn new(role: Role) -> Client {
        Client {
            role,
            reader: AnswerReader::default(),
            unread: Vec::new(),
            messages: Vec::new(),
            statuses: Vec::new(),
            is_answered: false,
            outstanding: None,
            since: (0, 0),
            most_bytes: 0,
            room: usize::MAX,
        }
    }

    /// Whether a publisher has its answer, and its connection stays open.
    pub fn may_publish(&self) -> bool {
        self.outstanding.is_none() && self.statuses.last() != Some(&503)
    }

    /// Reads bytes of the server. True: they end an answer, or begin a stream.
    pub fn take(&mut self, bytes: &[u8]) -> bool {
        let mut has_answer = false;
        self.reader.feed(bytes);
        while let Some(event) = self.reader.next(false) {
            match event {
                Event::Head(head) => {
                    let is_short = head.status == 503;
                    assert!(!is_short || head.value("retry-after").is_some(), "{head:?}");
                    self.statuses.push(head.status);
                    has_answer |= matches!(self.role, Role::Reader { .. });
                }
                Event::Data(data) => self.unread.extend_from_slice(&data),
                Event::End => has_answer = true,
                Event::Interim | Event::Frame(..) => panic!("{:?} is not sent that", self.role),
            }
        }
        match self.role {
            Role::Reader { .. } if self.statuses == [200] => {
                while let Some(payload) = take_framed(&mut self.unread) {
                    if !payload.is_empty() {
                        self.messages.push(String::from_utf8(payload).expect("texts are ASCII"));
                    }
                }
            }
            Role::Poller if has_answer => {
                let body = String::from_utf8(std::mem::take(&mut self.unread)).expect("ASCII");
                self.messages = body.split_terminator('|').map(str::to_owned).collect();
            }
            _ => self.unread.clear(),
        }
        self.is_answered |= has_answer;
        has_answer
    }
}

pub fn channel_name(channel: usize) -> String {
    format!("c{channel}")
}

pub fn subscription(channel: usize) -> String {
    let name = channel_name(channel);
    let key = TokenKey::new(&draw::subscribe_secret(0));
    let body = format!("{{\"token\":\"{}\"}}", auth::sign(&key, &name, u64::MAX));
    with_body(&format!("/api/stream/{name}"), "Content-Type: application/json\r\n", &body)
}

pub fn publication(channel: usize, text: &str) -> String {
    with_body(&format!("/pub?id={}", channel_name(channel)), "", text)
}

pub fn poll(channel: usize) -> String {
    format!(
        "GET /poll/{} HTTP/1.1\r\nHost: h\r\nIf-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT\r\n\
         If-None-Match: 0\r\n\r\n",
        channel_name(channel)
    )
}

fn with_body(target: &str, fields: &str, body: &str) -> String {
    format!(
        "POST {target} HTTP/1.1\r\nHost: h\r\n{fields}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}
