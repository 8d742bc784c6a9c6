//! As much of an HTTP/1.1 client as the tests need: one connection, answers read as they arrive.

use crate::support::PATIENCE;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;

/// A connection; requests go one after the other, each after the last answer was read to its end.
pub struct Connection {
    stream: BufReader<TcpStream>,
}

/// An answer whose body is read from the connection as it comes; see [`Read`].
pub struct Answer<'c> {
    pub head: String,
    stream: &'c mut BufReader<TcpStream>,
    left: Left,
}

/// What is still to come of a body.
enum Left {
    Bytes(usize),
    /// Of the current chunk; more chunks follow.
    Chunk(usize),
}

impl Connection {
    pub fn open(address: &str) -> Connection {
        let stream = TcpStream::connect(address).expect("somebody listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time");
        stream.set_write_timeout(Some(PATIENCE)).expect("a time");
        Connection { stream: BufReader::new(stream) }
    }

    /// Asks, and waits for the head of the answer. `request` is its first line without the version.
    pub fn ask(&mut self, request: &str, fields: &[&str], body: &str) -> Answer<'_> {
        let fields: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
        let length = match body {
            "" => String::new(),
            _ => format!("Content-Length: {}\r\n", body.len()),
        };
        let text = format!("{request} HTTP/1.1\r\nHost: localhost\r\n{fields}{length}\r\n{body}");
        self.stream.get_mut().write_all(text.as_bytes()).expect("the connection is open");
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            let count = self.stream.read_line(&mut head).expect("a head in time");
            assert!(count > 0, "the connection ended after {head:?} for {request}");
        }
        let field = |name: &str| {
            head.lines().filter_map(|line| line.split_once(": ")).find_map(|(found, value)| {
                found.eq_ignore_ascii_case(name).then(|| value.to_owned())
            })
        };
        let left = match field("content-length") {
            Some(length) => Left::Bytes(length.parse().expect("a number")),
            None if field("transfer-encoding").is_some() => Left::Chunk(0),
            None => Left::Bytes(0),
        };
        Answer { head, stream: &mut self.stream, left }
    }
}

impl Answer<'_> {
    pub fn status(&self) -> u16 {
        self.head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status")
    }

    /// The value of a header field.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find_map(|(found, value)| found.eq_ignore_ascii_case(name).then_some(value))
    }

    /// Waits for so many bytes of the body.
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.read_exact(&mut bytes).expect("the body goes on in time");
        bytes
    }

    /// Waits for as much of the body as is expected and compares.
    pub fn expect(&mut self, expected: &str) {
        assert_eq!(String::from_utf8_lossy(&self.bytes(expected.len())), expected);
    }

    /// The rest of the body, to its end.
    pub fn rest(mut self) -> String {
        let mut text = String::new();
        self.read_to_string(&mut text).expect("the body ends in time");
        text
    }
}

impl Read for Answer<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Left::Chunk(0) = self.left {
            let mut line = String::new();
            self.stream.read_line(&mut line)?;
            let size = usize::from_str_radix(line.trim(), 16).map_err(io::Error::other)?;
            if size == 0 {
                self.stream.read_line(&mut line)?;
                self.left = Left::Bytes(0);
            } else {
                self.left = Left::Chunk(size);
            }
        }
        let (Left::Bytes(left) | Left::Chunk(left)) = &mut self.left;
        let wanted = buffer.len().min(*left);
        if wanted == 0 {
            // A buffered reader would wait for more even so.
            return Ok(0);
        }
        let count = self.stream.read(&mut buffer[..wanted])?;
        *left -= count;
        if let Left::Chunk(0) = self.left {
            self.stream.read_line(&mut String::new())?;
        }
        Ok(count)
    }
}
