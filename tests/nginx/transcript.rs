//! The same conversation with whatever serves the sample configuration: publishing, every kind of
//! subscriber, and what each of them reads. Every step waits for bytes that only an unbuffered way
//! lets through.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;
use tungstenite::Message;

/// A connection that has been asked something. The body is read without its chunks, whose bounds a
/// proxy may move.
struct Client {
    stream: TcpStream,
    /// As it came.
    raw: Vec<u8>,
    /// Without chunks.
    read: Vec<u8>,
    is_chunked: bool,
}

impl Client {
    fn ask(port: u16, request: &str, body: &str) -> Client {
        let mut stream = connect(port);
        let length = match body {
            "" => String::new(),
            body => format!("Content-Length: {}\r\n", body.len()),
        };
        write!(stream, "{request} HTTP/1.1\r\nHost: localhost\r\n{length}\r\n{body}").unwrap();
        Client { stream, raw: Vec::new(), read: Vec::new(), is_chunked: false }
    }

    /// Everything so far, up to and with the first place of a text after what was returned before.
    fn until(&mut self, end: &str) -> String {
        loop {
            self.decode();
            let text = String::from_utf8_lossy(&self.read).into_owned();
            if let Some(at) = text.find(end) {
                self.read.drain(..at + end.len());
                return text[..at + end.len()].to_owned();
            }
            let mut buffer = [0; 4096];
            let count = self
                .stream
                .read(&mut buffer)
                .unwrap_or_else(|error| panic!("no {end:?}: {error} after {text:?}"));
            assert!(count > 0, "no {end:?} in {text:?}");
            self.raw.extend_from_slice(&buffer[..count]);
        }
    }

    /// Moves what is complete from `raw` to `read`.
    fn decode(&mut self) {
        if !self.is_chunked {
            self.read.append(&mut self.raw);
            return;
        }
        while let Some(line) = self.raw.windows(2).position(|pair| pair == b"\r\n") {
            let size = std::str::from_utf8(&self.raw[..line]).unwrap();
            let size = usize::from_str_radix(size, 16).unwrap();
            if self.raw.len() < line + 2 + size + 2 {
                return;
            }
            self.read.extend_from_slice(&self.raw[line + 2..line + 2 + size]);
            self.raw.drain(..line + 2 + size + 2);
        }
    }

    /// The status line, and the content type if there is one. Which of the two sent the other
    /// headers shows.
    fn head(&mut self) -> String {
        let head = self.until("\r\n\r\n");
        let mut lines = head.lines();
        let status = lines.next().unwrap().to_owned();
        let content_type = lines.find(|line| line.starts_with("Content-Type"));
        self.is_chunked = head.contains("Transfer-Encoding: chunked");
        if self.is_chunked {
            self.raw = std::mem::take(&mut self.read);
        }
        format!("{status} {}", content_type.unwrap_or("").to_ascii_lowercase())
    }
}

/// Waits until something listens.
pub fn connect(port: u16) -> TcpStream {
    let started = std::time::Instant::now();
    loop {
        match TcpStream::connect(("127.0.0.1", port)) {
            Ok(stream) => {
                stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
                return stream;
            }
            Err(error) => {
                assert!(started.elapsed() < Duration::from_secs(20), "port {port}: {error}");
                std::thread::yield_now();
            }
        }
    }
}

/// The first line of an answer.
pub fn status(port: u16, path: &str) -> String {
    let head = Client::ask(port, &format!("GET {path}"), "").head();
    head.split(" content-type").next().unwrap_or_default().trim_end().to_owned()
}

fn publish(port: u16, path: &str, text: &str) -> String {
    let mut client = Client::ask(port, &format!("POST {path}"), text);
    let head = client.head();
    let body = if path.starts_with("/pub?") { client.until("}") } else { String::new() };
    format!("{head} {}", body.trim_start_matches(|letter| letter != '{'))
}

/// Waits until a channel has so many subscribers.
fn await_subscribers(port: u16, channel: &str, count: usize) {
    let wanted = format!("\"subscribers\": {count}}}");
    let started = std::time::Instant::now();
    loop {
        let mut client = Client::ask(port, &format!("GET /channels-stats?id={channel}"), "");
        if client.head().contains("200") && client.until("}").ends_with(&wanted) {
            return;
        }
        assert!(started.elapsed() < Duration::from_secs(20), "never {wanted}");
    }
}

/// Time and tag differ from run to run.
fn mask(text: &str) -> String {
    let mut masked = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("\"tag\":\"") {
        masked.push_str(&rest[..at]);
        rest = rest[at..].find("\"eventid\"").map_or("", |end| &rest[at + end..]);
    }
    masked + rest
}

/// All that clients are told, in order.
pub fn transcript(port: u16) -> Vec<String> {
    let mut said =
        vec![publish(port, "/pub?id=a", "first"), publish(port, "/pub2?id=x&domain=d", "x")];

    let mut stream = Client::ask(port, "GET /sub/a.b1", "");
    said.push(stream.head());
    said.push(stream.until("p(1,'a','first',"));
    said.push(publish(port, "/pub?id=a", "second"));
    stream.until("p(2,'a','second',");

    let mut events = Client::ask(port, "GET /ev/a", "");
    said.push(events.head());
    said.push(events.until(": \n"));
    said.push(publish(port, "/pub?id=a", "third"));
    said.push(mask(&events.until("\"eventid\":\"\"}\n\n")));
    stream.until("p(3,'a','third',");

    let mut waiting = Client::ask(port, "GET /lp/b", "");
    await_subscribers(port, "b", 1);
    said.push(publish(port, "/pub?id=b", "fourth"));
    said.push(waiting.head());
    said.push(mask(&waiting.until("\"eventid\":\"\"}")));

    let mut script = Client::ask(port, "GET /jsonp/b.b1?callback=f", "");
    said.push(script.head());
    said.push(mask(&script.until("]);")));

    let mut polling = Client::ask(port, "GET /poll/b", "");
    said.push(polling.head());
    let mut refused = Client::ask(port, "GET /sub/*", "");
    said.push(refused.head());
    let mut tests = Client::ask(port, "GET /jsonp/test_c.b1?callback=f", "");
    await_subscribers(port, "test_c", 1);
    said.push(publish(port, "/pub?id=c&tests=on", "fifth"));
    said.push(tests.head());
    said.push(mask(&tests.until("]);")));

    let url = format!("ws://localhost:{port}/ws/w");
    let (mut socket, _) = tungstenite::client(url, connect(port)).unwrap();
    socket.send(Message::text("from a browser")).unwrap();
    said.push(mask(&socket.read().unwrap().into_text().unwrap()));
    said.push(publish(port, "/pub?id=w", "to a browser"));
    said.push(mask(&socket.read().unwrap().into_text().unwrap()));
    drop(socket);
    said.push(Client::ask(port, "GET /ws/w", "").head());
    said
}
