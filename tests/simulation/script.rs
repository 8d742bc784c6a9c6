//! Generates the requests of a client, with the answers that are expected.

use crate::draw;
use crate::random::Random;
use rpushd::auth::{self, TokenKey};
use rpushd::config::Limits;

/// Everything that one connection sends, request after request.
#[derive(Default)]
pub struct Script {
    pub bytes: Vec<u8>,
    pub requests: Vec<Request>,
    /// Where the client waits for something, by position.
    pub gates: Vec<Gate>,
}

pub struct Request {
    pub outcome: Outcome,
    pub closes: Closes,
    pub is_head: bool,
    /// Its start and end in the script.
    pub start: usize,
    pub end: usize,
}

/// The expected answer.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// One of these statuses.
    Status(&'static [u16]),
    Publish {
        channel: usize,
        payload: Vec<u8>,
        secret: u32,
    },
    Subscribe {
        channel: usize,
        secret: u32,
    },
    /// The outcome of this request and of all that follow is unknown: any well-formed answers, or
    /// none.
    Anything,
}

/// Whether the connection ends with this answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closes {
    Yes,
    No,
    /// That depends on how the bytes arrive.
    Maybe,
}

pub struct Gate {
    pub offset: usize,
    pub until: Until,
}

pub enum Until {
    /// The client has read the answer to this request.
    Answered(usize),
    /// The client has read `100 Continue` or the answer.
    Continued(usize),
}

/// Generates the script of one client.
pub struct Writer<'a> {
    pub random: &'a mut Random,
    pub limits: &'a Limits,
    pub client: usize,
    pub channel_count: usize,
    /// The newest secrets at this time.
    pub secret: u32,
    /// Whether publish and statistics are hidden on this client's listener.
    pub is_public: bool,
    pub script: Script,
    serial: usize,
}

const REFUSED: &[u16] = &[400, 413, 414, 417, 431, 501, 505];
/// A request that must never be carried out: it only occurs within the body of another one.
const SMUGGLED: &str = "POST /api/publish HTTP/1.1\r\nHost: h\r\n\
    Authorization: Bearer publish-secret-0\r\n\
    Content-Type: application/json\r\nContent-Length: 29\r\n\r\n\
    {\"channel\":\"c0\",\"message\":666}";

impl<'a> Writer<'a> {
    pub fn new(
        random: &'a mut Random,
        limits: &'a Limits,
        client: usize,
        channel_count: usize,
        secret: u32,
        is_public: bool,
    ) -> Writer<'a> {
        let script = Script::default();
        Writer { random, limits, client, channel_count, secret, is_public, script, serial: 0 }
    }

    /// One request of any kind but a stream.
    pub fn any_request(&mut self) {
        match self.random.below(12) {
            0 | 1 => self.health(),
            2 => self.stats(),
            3 => self.not_found(),
            4 => self.refused_publication(),
            5 => self.refused_stream(),
            _ => self.publication(),
        }
    }

    fn push(&mut self, bytes: &[u8], outcome: Outcome, closes: Closes, is_head: bool) {
        let start = self.script.bytes.len();
        self.script.bytes.extend_from_slice(bytes);
        let end = self.script.bytes.len();
        self.script.requests.push(Request { outcome, closes, is_head, start, end });
    }

    /// Makes the client wait for the answer to the last request before it continues.
    pub fn wait_for_answer(&mut self) {
        if let Some(last) = self.script.requests.len().checked_sub(1) {
            let offset = self.script.bytes.len();
            self.script.gates.push(Gate { offset, until: Until::Answered(last) });
        }
    }

    fn health(&mut self) {
        let (line, closes, is_head) = *self.random.pick(&[
            ("GET /healthz HTTP/1.1\r\nHost: h", Closes::No, false),
            ("HEAD /healthz?x=1 HTTP/1.1\r\nhost: h:80", Closes::No, true),
            ("\r\n\r\nGET http://other/healthz HTTP/1.1\r\nHost: h", Closes::No, false),
            ("GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: x, CLOSE", Closes::Yes, false),
            ("GET /healthz HTTP/1.0", Closes::Yes, false),
            ("GET /healthz HTTP/1.0\r\nConnection: Keep-Alive", Closes::No, false),
        ]);
        let bytes = format!("{line}\r\n\r\n");
        self.push(bytes.as_bytes(), Outcome::Status(&[200]), closes, is_head);
    }

    fn stats(&mut self) {
        let method = *self.random.pick(&["GET", "GET", "HEAD"]);
        let rows: [(&str, &[u16]); 5] = [
            ("", &[200]),
            ("?mode=json", &[200]),
            ("?mode=xml&verbose=0", &[200]),
            ("?mode=prometheus", &[200]),
            ("?mode=no", &[400]),
        ];
        let (query, status) = *self.random.pick(&rows);
        let authorization = self.authorization(self.secret);
        let bytes =
            format!("{method} /api/stats{query} HTTP/1.1\r\nHost: h\r\n{authorization}\r\n\r\n");
        let status = if self.is_public { &[404] } else { status };
        // It may be carried out after these secrets are withdrawn; the newest are kept for long.
        self.push(bytes.as_bytes(), Outcome::Status(status), Closes::No, method == "HEAD");
    }

    fn authorization(&self, secret: u32) -> String {
        format!("Authorization: Bearer {}", draw::publish_secret_text(secret))
    }

    fn not_found(&mut self) {
        let rows: [(&str, &[u16]); 4] = [
            ("POST /nowhere", &[404]),
            ("PUT /api/stream/c0", &[405]),
            ("DELETE /healthz", &[405]),
            ("PATCH /api/stream/c0/", &[404]),
        ];
        let (line, status) = *self.random.pick(&rows);
        let mut body = SMUGGLED.to_string();
        body.truncate(self.limits.body_bytes_max.min(self.random.between(1, SMUGGLED.len())));
        self.push_with_body(
            &format!("{line} HTTP/1.1\r\nHost: h\r\n"),
            body.as_bytes(),
            Outcome::Status(status),
        );
    }

    fn next_payload(&mut self, bytes_max: usize) -> Vec<u8> {
        self.serial += 1;
        let start = format!("{{\"client\":{},\"n\":{},\"text\":\"", self.client, self.serial);
        let room = bytes_max.saturating_sub(start.len() + 2).max(1);
        let fill = self.random.magnitude(room);
        format!("{start}{}\"}}", "x".repeat(fill)).into_bytes()
    }

    pub fn publication(&mut self) {
        if self.is_public {
            return self.health();
        }
        let channel = self.random.below(self.channel_count);
        let room = self.limits.body_bytes_max - 60;
        let bytes_max = if self.random.one_in(40) { room.min(65_535) } else { room.min(3000) };
        let payload = self.next_payload(bytes_max);
        let text = String::from_utf8_lossy(&payload);
        let text = if self.random.one_in(3) && text.len() + 8 < room {
            text.replacen("{\"client\":", "\r\n{ \"client\":\t", 1)
        } else {
            text.into_owned()
        };
        let body = if self.random.one_in(4) {
            format!("{{\"message\":{text} ,\"channel\":\"c{channel}\"}}")
        } else {
            format!("{{\"channel\":\"c{channel}\",\"message\":{text}}}")
        };
        let secret = self.secret;
        let head = format!(
            "POST /api/publish HTTP/1.1\r\nHost: h\r\n{}\r\nContent-Type: application/json\r\n",
            self.authorization(secret)
        );
        self.push_with_body(&head, body.as_bytes(), Outcome::Publish { channel, payload, secret });
    }

    fn refused_publication(&mut self) {
        if self.is_public {
            return self.not_found();
        }
        let good = self.authorization(self.secret);
        let json = "Content-Type: application/json";
        let too_large = format!("{{\"channel\":\"{}\"}}", "y".repeat(self.limits.body_bytes_max));
        let (fields, body, status): (String, &str, &[u16]) = match self.random.below(7) {
            0 => (format!("Authorization: Bearer wrong\r\n{json}"), SMUGGLED, &[401]),
            1 => (format!("{good}\r\nContent-Type: text/plain"), SMUGGLED, &[415]),
            2 => (format!("{good}\r\n{json}"), "{\"channel\":", &[400]),
            3 => (format!("{good}\r\n{json}"), "[\"c0\",1]", &[422]),
            4 => (format!("{good}\r\n{json}"), "{\"channel\":\"a/b\",\"message\":1}", &[400]),
            5 => (format!("{good}\r\n{json}"), &too_large, &[413]),
            _ => (format!("{good}\r\n{good}\r\n{json}"), "{}", &[401]),
        };
        let head = format!("POST /api/publish HTTP/1.1\r\nHost: h\r\n{fields}\r\n");
        self.push_with_body(&head, body.as_bytes(), Outcome::Status(status));
    }

    fn token_body(&self, channel: &str, secret: u32, expires: u64) -> String {
        let key = TokenKey::new(&draw::subscribe_secret(secret));
        format!("{{\"token\":\"{}\"}}", auth::sign(&key, channel, expires))
    }

    fn refused_stream(&mut self) {
        let good = self.token_body("c0", self.secret, u64::MAX);
        let (path, body, status): (_, _, &[u16]) = match self.random.below(5) {
            0 => ("c0", self.token_body("c0", self.secret, 1), &[401]),
            1 => ("c0", self.token_body("c1", self.secret, u64::MAX), &[401]),
            2 => ("c0", self.token_body("c0", u32::MAX, u64::MAX), &[401]),
            3 => ("c%2f0", good, &[400]),
            _ => ("c0", "{}".to_string(), &[422]),
        };
        let head = format!(
            "POST /api/stream/{path} HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
        );
        self.push_with_body(&head, body.as_bytes(), Outcome::Status(status));
    }

    /// A subscription; bytes that are sent after it are no request.
    pub fn subscription(&mut self) {
        let channel = self.random.below(self.channel_count);
        let body = self.token_body(&format!("c{channel}"), self.secret, u64::MAX);
        let outcome = Outcome::Subscribe { channel, secret: self.secret };
        let version = *self.random.pick(&["HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0"]);
        let close = *self.random.pick(&["", "", "Connection: close\r\n"]);
        let head = format!(
            "POST /api/stream/%63{channel} {version}\r\nHost: h\r\n{close}\
             Content-Type: application/json; charset=utf-8\r\n"
        );
        if version == "HTTP/1.0" || !close.is_empty() {
            let bytes = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
            self.push(bytes.as_bytes(), outcome, Closes::Yes, false);
        } else {
            self.push_with_body(&head, body.as_bytes(), outcome);
        }
    }

    /// Unexpected bytes from a subscriber.
    pub fn chatter(&mut self) {
        let count = self.random.magnitude(3 * self.limits.head_bytes_max);
        self.push(&b"chatter ".repeat(count / 8 + 1), Outcome::Anything, Closes::Maybe, false);
    }

    /// A request whose answer does not depend on its body, with a body in one of the framings.
    fn push_with_body(&mut self, head: &str, body: &[u8], outcome: Outcome) {
        let is_read = !matches!(&outcome, Outcome::Status([401 | 404 | 405 | 415]))
            && !matches!(&outcome, Outcome::Status([400]) if head.contains("%2f"));
        let is_too_large = body.len() > self.limits.body_bytes_max;
        let expects = self.random.one_in(6);
        let is_chunked = self.random.one_in(3);
        let closes = match (is_too_large, expects && !is_read) {
            // A body that has arrived completely with its head is discarded, and the connection
            // stays open.
            (true, _) if is_chunked => Closes::Yes,
            (true, _) | (false, true) => Closes::Maybe,
            (false, false) => Closes::No,
        };
        let mut bytes = head.as_bytes().to_vec();
        if expects {
            bytes.extend_from_slice(b"Expect: 100-Continue\r\n");
        }
        let start = self.script.bytes.len();
        if is_chunked {
            bytes.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
        } else {
            bytes.extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
        }
        if expects && self.random.one_in(2) {
            let until = Until::Continued(self.script.requests.len());
            self.script.gates.push(Gate { offset: start + bytes.len(), until });
        }
        if is_chunked {
            self.write_chunks(body, &mut bytes)
        } else {
            bytes.extend_from_slice(body)
        }
        self.push(&bytes, outcome, closes, false);
    }

    fn write_chunks(&mut self, mut body: &[u8], out: &mut Vec<u8>) {
        while !body.is_empty() {
            let size = self.random.magnitude(body.len());
            let extension = *self.random.pick(&["", "", " ;a=b", ";x"]);
            out.extend_from_slice(format!("{size:0>3X}{extension}\r\n").as_bytes());
            out.extend_from_slice(&body[..size]);
            out.extend_from_slice(b"\r\n");
            body = &body[size..];
        }
        let trailer = *self.random.pick(&["", "", "x-trailer: 1\r\n"]);
        out.extend_from_slice(format!("0\r\n{trailer}\r\n").as_bytes());
    }

    /// Malformed or too large HTTP. It ends the connection.
    pub fn malformed(&mut self) {
        let limits = self.limits;
        let (bytes, statuses): (Vec<u8>, &[u16]) = match self.random.below(4) {
            0 => {
                let target = "a".repeat(limits.target_bytes_max);
                (format!("GET /{target} HTTP/1.1\r\nHost: h\r\n\r\n").into_bytes(), &[414, 431])
            }
            1 => {
                let field = "b".repeat(limits.head_bytes_max);
                (format!("GET / HTTP/1.1\r\nHost: h\r\nx: {field}\r\n\r\n").into_bytes(), &[431])
            }
            2 => {
                let fields = "c:\r\n".repeat(limits.header_count_max);
                (format!("GET / HTTP/1.1\r\nHost: h\r\n{fields}\r\n").into_bytes(), &[431])
            }
            _ => {
                let text = *self.random.pick(&[
                    "GET / HTTP/1.1\r\n\r\n",
                    "GET / HTTP/1.1\nHost: h\n\n",
                    "GET / HTTP/2.0\r\nHost: h\r\n\r\n",
                    "GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n",
                    "GET / HTTP/1.1\r\nHost : h\r\n\r\n",
                    "GET / HTTP/1.1\r\nHost: h\r\n folded\r\n\r\n",
                    "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
                    "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\
                     Transfer-Encoding: chunked\r\n\r\n",
                    "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
                    "GET / HTTP/1.1\r\nHost: h\r\nExpect: a-miracle\r\n\r\n",
                    "\x16\x03\x01\x02\0\x01\r\n\r\n",
                ]);
                (text.as_bytes().to_vec(), REFUSED)
            }
        };
        self.push(&bytes, Outcome::Status(statuses), Closes::Yes, false);
        self.push(SMUGGLED.as_bytes(), Outcome::Anything, Closes::Maybe, false);
    }

    /// A request with some corrupted bytes. Its secret is invalid, so it cannot publish.
    pub fn garbled(&mut self) {
        let mut bytes = SMUGGLED.replace("publish-secret-0", "no-secret").into_bytes();
        for _ in 0..self.random.between(1, 4) {
            let at = self.random.below(bytes.len());
            match self.random.below(3) {
                0 => bytes[at] = self.random.number() as u8,
                1 => drop(bytes.remove(at)),
                _ => bytes.insert(at, *self.random.pick(b"\r\n: \0,;")),
            }
        }
        self.push(&bytes, Outcome::Anything, Closes::Maybe, false);
    }
}
