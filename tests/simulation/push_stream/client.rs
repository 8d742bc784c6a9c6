//! One push-stream client: its requests, and the answers that it waits for. It has the same number
//! as its socket.

use super::model::{Live, Seen};
use crate::draw::publish_secret_text;
use crate::random::Random;
use crate::reactor::Socket;
use crate::wire::AnswerReader;
use rpushd::auth::{self, TokenKey};
use rpushd::time::http_date;
use std::collections::{BTreeSet, VecDeque};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Framed,
    Streaming,
    EventSource,
    WebSocket,
    LongPolling,
    Polling,
    /// It reads the events channel.
    Watcher,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Publisher,
    Subscriber(Mode),
}

/// A request of a client.
#[derive(Clone, Debug)]
pub enum Request {
    Publish { channels: Vec<String>, text: String, is_stored: bool },
    Delete { channels: Vec<String>, text: Option<String> },
    Subscribe { path: Vec<(String, usize)>, seen: Seen },
}

/// A publication to one channel: the channel's name, the text, whether it is stored.
pub type Publishing = (String, String, bool);

/// A frame from a WebSocket client.
#[derive(Debug)]
pub enum Said {
    Text(String),
    Ping(Vec<u8>),
    Close,
}

/// The phase of its connection.
#[derive(Debug)]
pub enum Phase {
    Idle,
    /// The server may have received a part of the request.
    Asking(Request),
    /// The server has received all of it; the head of the answer must be queued in the same call.
    Asked(Request),
    /// A stream of messages, until it ends.
    Streaming(Live),
    /// A long-poll without an answer.
    Waiting(Live),
    /// The reassembled body of an answer; the parser of its messages decides what it may contain.
    Body {
        status: u16,
        live: Option<Live>,
        bytes: Vec<u8>,
    },
    /// Nothing more is expected.
    Over,
}

pub struct Client {
    pub role: Role,
    pub phase: Phase,
    pub reader: AnswerReader,
    /// All bytes that the server has read.
    pub received: usize,
    pub sent: usize,
    /// Ends of the frames that the server must carry out.
    pub said: VecDeque<(usize, Said)>,
    pub pongs: VecDeque<Vec<u8>>,
    /// Its publications that the server has not carried out yet.
    pub publishing: VecDeque<Publishing>,
    pub queued: VecDeque<u8>,
    /// All bytes that its socket has accepted.
    pub written: u64,
    /// Bytes that the kernels buffer before it reads.
    pub window: usize,
    pub is_slow: bool,
    pub slice_max: usize,
    /// The callback of JSONP; empty: none.
    pub callback: &'static str,
    pub publishes: bool,
    /// Whether its last publication used the rpushd API, which takes JSON: the text is JSON then.
    pub wraps_json: bool,
    /// Whether the API stores what is published unless it is told not to.
    pub has_history: bool,
    pub accepts_gzip: bool,
    /// The beginning of an incomplete item of a stream.
    pub unread: Vec<u8>,
    /// The cursor of a chain of polls, and the text in which the server has given it.
    pub seen: Seen,
    pub validators: String,
    pub has_shut: bool,
    pub wants_close: bool,
    /// The path that it polls repeatedly.
    pub path: Vec<(String, usize)>,
}

pub fn path_text(path: &[(String, usize)]) -> String {
    let one = |(channel, backtrack): &(String, usize)| match backtrack {
        0 => channel.clone(),
        _ => format!("{channel}.b{backtrack}"),
    };
    path.iter().map(one).collect::<Vec<String>>().join("/")
}

impl Client {
    pub fn new(role: Role, has_history: bool, random: &mut Random) -> Client {
        let is_slow = role != Role::Subscriber(Mode::Watcher) && random.one_in(6);
        Client {
            role,
            phase: Phase::Idle,
            reader: AnswerReader::default(),
            received: 0,
            sent: 0,
            said: VecDeque::new(),
            pongs: VecDeque::new(),
            publishing: VecDeque::new(),
            wraps_json: false,
            has_history,
            queued: VecDeque::new(),
            written: 0,
            window: if is_slow { random.between(1, 2000) } else { 1 << 20 },
            is_slow,
            slice_max: *random.pick(&[1, 20, 1000, 1000]),
            callback: if random.one_in(2) { "cb" } else { "" },
            publishes: random.one_in(2),
            accepts_gzip: random.one_in(2),
            unread: Vec::new(),
            seen: Seen::Nothing,
            validators: String::new(),
            has_shut: false,
            wants_close: false,
            path: Vec::new(),
        }
    }

    pub fn live(&mut self) -> Option<&mut Live> {
        match &mut self.phase {
            Phase::Streaming(live) | Phase::Waiting(live) => Some(live),
            Phase::Idle | Phase::Asking(_) | Phase::Asked(_) | Phase::Body { .. } | Phase::Over => {
                None
            }
        }
    }

    /// Whether it has read every answer and may send a request.
    pub fn is_ready(&self, socket: &Socket) -> bool {
        let has_read = self.queued.is_empty() && socket.to_client.is_empty();
        let has_sent = socket.to_server.is_empty() && !self.has_shut && !socket.is_broken;
        matches!(self.phase, Phase::Idle) && has_read && has_sent
    }

    /// Removes a queued pong if the server has replaced it: only the latest ping needs an answer
    /// (RFC 6455, section 5.5.3). `all` is what the server has queued now.
    pub fn drop_superseded(&mut self, all: &[u8]) -> bool {
        let length = self.queued.len();
        let queued = self.queued.make_contiguous();
        if self.role != Role::Subscriber(Mode::WebSocket) || all.starts_with(queued) {
            return false;
        }
        let same = queued.iter().zip(all).take_while(|(old, new)| old == new).count();
        let is_last_pong = |at: &usize| {
            self.queued[*at] == 0x8a
                && self.queued.get(at + 1).is_some_and(|size| at + 2 + usize::from(*size) == length)
        };
        let start = (0..=same).rev().find(is_last_pong).expect("only the last pong is replaced");
        assert_eq!(all[start], 0x8a, "a pong takes the place of a pong");
        self.queued.truncate(start);
        true
    }

    /// Sends a request, with these bytes.
    pub fn ask(&mut self, request: Request, random: &mut Random) -> String {
        let bytes = match &request {
            Request::Publish { channels, text, is_stored } => {
                self.publication(channels, text, *is_stored, random)
            }
            Request::Delete { channels, text } => {
                let body = text.as_deref().unwrap_or_default();
                with_body("DELETE", &format!("/pub?id={}", channels.join("/")), "", body)
            }
            Request::Subscribe { path, seen } => self.subscription(path, *seen),
        };
        self.phase = Phase::Asking(request);
        bytes
    }

    fn publication(
        &mut self,
        all: &[String],
        text: &str,
        is_stored: bool,
        random: &mut Random,
    ) -> String {
        self.wraps_json = random.one_in(2);
        if self.wraps_json {
            let fields = format!(
                "Authorization: Bearer {}\r\nContent-Type: application/json\r\n",
                publish_secret_text(0)
            );
            let body = self.api_body(all, text, is_stored, random);
            return with_body("POST", "/api/publish", &fields, &body);
        }
        let place = if is_stored { "pub" } else { "unstored" };
        let method = *random.pick(&["POST", "PUT"]);
        with_body(method, &format!("/{place}?id={}", all.join("/")), "", text)
    }

    /// The same publication in one of the forms of the API.
    fn api_body(&self, all: &[String], text: &str, is_stored: bool, random: &mut Random) -> String {
        let store = match (is_stored, self.has_history) {
            (true, true) | (false, false) => "",
            (true, false) => ",\"store\":true",
            (false, true) => ",\"store\":false",
        };
        let distinct: BTreeSet<&String> = all.iter().collect();
        match all {
            [channel] if random.one_in(2) => {
                format!("{{\"channel\":\"{channel}\",\"message\":\"{text}\"{store}}}")
            }
            _ if distinct.len() == all.len() && random.one_in(2) => {
                let names = all.join("\",\"");
                format!("{{\"channels\":[\"{names}\"],\"message\":\"{text}\"{store}}}")
            }
            _ => {
                let one = |channel: &String| {
                    format!("{{\"channel\":\"{channel}\",\"message\":\"{text}\"{store}}}")
                };
                format!("[{}]", all.iter().map(one).collect::<Vec<String>>().join(","))
            }
        }
    }

    fn subscription(&self, path: &[(String, usize)], seen: Seen) -> String {
        let Role::Subscriber(mode) = self.role else { unreachable!("publishers do not subscribe") };
        let mut fields = match seen {
            Seen::Nothing => String::new(),
            Seen::After(_) => self.validators.clone(),
            Seen::Since(_) if !self.validators.is_empty() => self.validators.clone(),
            Seen::Since(second) => {
                let date = http_date::format(second);
                let date = String::from_utf8_lossy(&date);
                format!("If-Modified-Since: {date}\r\nIf-None-Match: 0\r\n")
            }
        };
        if self.accepts_gzip {
            fields += "Accept-Encoding: gzip\r\n";
        }
        let path = path_text(path);
        let target = match mode {
            Mode::Framed => {
                let key = TokenKey::new(&crate::draw::subscribe_secret(0));
                let body = format!("{{\"token\":\"{}\"}}", auth::sign(&key, &path, u64::MAX));
                let json = "Content-Type: application/json\r\n";
                return with_body("POST", &format!("/api/stream/{path}"), json, &body);
            }
            Mode::Streaming => format!("/sub/{path}"),
            Mode::EventSource => format!("/es/{path}"),
            Mode::WebSocket => {
                fields += "Upgrade: websocket\r\nConnection: Upgrade\r\n\
                           Sec-WebSocket-Key: /mQoZf6pRiv8+6o72GncLQ==\r\n\
                           Sec-WebSocket-Version: 13\r\n";
                format!("/{}/{path}", if self.publishes { "wsp" } else { "ws" })
            }
            Mode::LongPolling => format!("/lp/{path}{}", self.query()),
            Mode::Polling => format!("/poll/{path}{}", self.query()),
            Mode::Watcher => format!("/watch/{path}"),
        };
        format!("GET {target} HTTP/1.1\r\nHost: h\r\n{fields}\r\n")
    }

    fn query(&self) -> String {
        if self.callback.is_empty() {
            String::new()
        } else {
            format!("?callback={}", self.callback)
        }
    }
}

fn with_body(method: &str, target: &str, fields: &str, body: &str) -> String {
    format!(
        "{method} {target} HTTP/1.1\r\nHost: h\r\n{fields}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}
