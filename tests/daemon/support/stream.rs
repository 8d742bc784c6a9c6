//! A subscriber of the rpushd API that takes its stream apart: chunks, and frames in them.

use super::{PATIENCE, SECRETS, token};
use crate::wire::{AnswerReader, Event, take_framed};
use std::io::{self, Read, Write};
use std::net::TcpStream;

/// What may be left of a stream.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// A message; heartbeats are skipped.
    Message(String),
    /// The last chunk has come, and the connection is closed.
    End,
    /// The connection is closed in the middle.
    Cut,
}

/// An open stream.
pub struct Stream {
    socket: TcpStream,
    frames: Frames,
}

impl Stream {
    /// Subscribes; the answer's head is still to come.
    pub fn request(address: &str, token: &str, channel: &str) -> Stream {
        let mut socket = TcpStream::connect(address).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let body = format!("{{\"token\":\"{token}\"}}");
        let request = format!(
            "POST /api/stream/{channel} HTTP/1.1\r\nhost: x\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        socket.write_all(request.as_bytes()).unwrap();
        Stream { socket, frames: Frames::default() }
    }

    /// Subscribes with the tests' secret and waits for the answer.
    pub fn open(address: &str, channel: &str) -> Stream {
        let mut stream = Stream::request(address, &token(SECRETS[0].1, channel), channel);
        assert_eq!(stream.status(), 200);
        stream
    }

    /// The status of the answer. Of a good one the first heartbeat is read too.
    pub fn status(&mut self) -> u16 {
        while self.frames.status.is_none()
            || self.frames.status == Some(200) && !self.frames.has_beat
        {
            assert_ne!(self.fill().unwrap(), 0, "closed without an answer");
        }
        self.frames.status.unwrap()
    }

    /// The next message, or how it ended.
    pub fn next(&mut self) -> Next {
        loop {
            if let Some(message) = self.frames.next() {
                return Next::Message(message);
            }
            match (self.fill(), self.frames.is_over) {
                (Ok(1..), _) => {}
                (Ok(0), true) => return Next::End,
                (Ok(0), false) => return Next::Cut,
                (Err(error), _) if error.kind() == io::ErrorKind::ConnectionReset => {
                    return Next::Cut;
                }
                (Err(error), _) => panic!("{error}"),
            }
        }
    }

    fn fill(&mut self) -> io::Result<usize> {
        let mut bytes = [0; 16 * 1024];
        loop {
            match self.socket.read(&mut bytes) {
                Ok(count) => {
                    self.frames.feed(&bytes[..count]);
                    return Ok(count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// Opens many streams on a channel; all are subscribed when it returns.
pub fn open_streams(address: &str, channel: &str, count: usize) -> Vec<Stream> {
    (0..count).map(|_| Stream::open(address, channel)).collect()
}

/// Bytes of an answer -> messages.
#[derive(Default)]
struct Frames {
    status: Option<u16>,
    has_beat: bool,
    is_over: bool,
    answers: AnswerReader,
    body: Vec<u8>,
}

impl Frames {
    fn feed(&mut self, bytes: &[u8]) {
        self.answers.feed(bytes);
        while let Some(event) = self.answers.next(false) {
            assert!(!self.is_over, "nothing follows the last chunk");
            match event {
                Event::Head(head) => self.status = Some(head.status),
                Event::Data(data) => self.body.extend(data),
                Event::End => self.is_over = true,
                Event::Interim | Event::Frame(..) => panic!("not asked for: {event:?}"),
            }
        }
        self.has_beat |= !self.body.is_empty();
    }

    fn next(&mut self) -> Option<String> {
        loop {
            let message = take_framed(&mut self.body)?;
            if !message.is_empty() {
                return Some(String::from_utf8(message).unwrap());
            }
        }
    }
}
