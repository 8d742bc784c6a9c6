//! The answers on one connection, and the stream that may follow the last one.

use super::{find, take_chunk, take_frame};
use flate2::{Decompress, FlushDecompress};

/// The parts of answers, in order.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    /// `100 Continue`
    Interim,
    Head(Head),
    /// A part of the body. Of a chunked body: a whole chunk, decompressed.
    Data(Vec<u8>),
    End,
    /// First byte and payload of a WebSocket frame.
    Frame(u8, Vec<u8>),
}

#[derive(Debug, PartialEq, Eq)]
pub struct Head {
    pub status: u16,
    pub framing: Framing,
    fields: String,
}

/// How an answer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Without a body.
    Bodiless,
    Length(usize),
    Chunks,
    UntilClose,
    /// WebSocket frames follow.
    Frames,
}

/// Parses the answers on one connection.
#[derive(Default)]
pub struct AnswerReader {
    buffer: Vec<u8>,
    state: State,
    inflate: Option<Decompress>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Head,
    Length(usize),
    Chunks,
    UntilClose,
    Frames,
    Ending,
}

impl Head {
    fn new(text: &str, is_bodiless: bool) -> Head {
        let (line, fields) = text.split_once("\r\n").unwrap_or((text, ""));
        let rest = line.strip_prefix("HTTP/1.1 ").unwrap_or_else(|| panic!("status line {line:?}"));
        let (code, reason) = rest.split_once(' ').expect("a blank follows the status");
        let status: u16 = code.parse().expect("a status is a number");
        assert!(!reason.is_empty() && (100..600).contains(&status), "status line {line:?}");
        let mut head = Head { status, framing: Framing::Bodiless, fields: fields.to_owned() };
        let has_date = head.value("date").is_some_and(|date| date.ends_with(" GMT"));
        assert!(has_date || status < 200, "no date in {text:?}");
        let length = head.value("content-length").map(|text| text.parse().expect("a length"));
        let is_chunked = head.value("transfer-encoding").is_some_and(|coding| coding == "chunked");
        head.framing = match (length, is_chunked) {
            (Some(_), true) => panic!("two framings in {text:?}"),
            (None, false) if status == 101 => Framing::Frames,
            (None, false) if status < 200 || status == 204 => Framing::Bodiless,
            (None, false) => {
                assert!(head.closes(), "no framing in {text:?}");
                Framing::UntilClose
            }
            _ if is_bodiless => Framing::Bodiless,
            (None, true) => Framing::Chunks,
            (Some(length), false) => Framing::Length(length),
        };
        head
    }

    /// The value of a field, which may occur only once.
    pub fn value(&self, name: &str) -> Option<&str> {
        let mut values = self.fields.split("\r\n").filter_map(|field| {
            let (key, value) = field.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then_some(value)
        });
        let first = values.next();
        assert!(values.next().is_none(), "{name} comes twice in {:?}", self.fields);
        first
    }

    /// Whether the connection is closed after this answer.
    pub fn closes(&self) -> bool {
        self.value("connection") == Some("close")
    }

    pub fn is_chunked(&self) -> bool {
        self.framing == Framing::Chunks
    }
}

impl AnswerReader {
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Whether all bytes are parsed and no answer is incomplete.
    pub fn is_between_answers(&self) -> bool {
        self.state == State::Head && self.buffer.is_empty()
    }

    /// The next event, if it is complete. `is_bodiless`: the answer to HEAD.
    pub fn next(&mut self, is_bodiless: bool) -> Option<Event> {
        match self.state {
            State::Head => self.read_head(is_bodiless),
            State::Ending => {
                self.state = State::Head;
                Some(Event::End)
            }
            State::Length(length) => {
                let count = length.min(self.buffer.len());
                self.state = match length - count {
                    0 => State::Ending,
                    rest => State::Length(rest),
                };
                (count > 0).then(|| Event::Data(self.buffer.drain(..count).collect()))
            }
            State::UntilClose => {
                (!self.buffer.is_empty()).then(|| Event::Data(std::mem::take(&mut self.buffer)))
            }
            State::Chunks => {
                let data = take_chunk(&mut self.buffer)?;
                if data.is_empty() {
                    self.state = State::Head;
                    return Some(Event::End);
                }
                Some(Event::Data(self.unpack(data)))
            }
            State::Frames => {
                take_frame(&mut self.buffer).map(|(first, payload)| Event::Frame(first, payload))
            }
        }
    }

    fn read_head(&mut self, is_bodiless: bool) -> Option<Event> {
        let end = find(&self.buffer, b"\r\n\r\n")?;
        let text: Vec<u8> = self.buffer.drain(..end + 4).collect();
        let head =
            Head::new(std::str::from_utf8(&text[..end]).expect("heads are ASCII"), is_bodiless);
        if head.status == 100 {
            assert_eq!(head.fields, "", "100 Continue has no fields here");
            return Some(Event::Interim);
        }
        self.state = match head.framing {
            Framing::Bodiless | Framing::Length(0) => State::Ending,
            Framing::Length(length) => State::Length(length),
            Framing::Chunks => State::Chunks,
            Framing::UntilClose => State::UntilClose,
            Framing::Frames => State::Frames,
        };
        let is_packed = head.value("content-encoding") == Some("gzip");
        self.inflate = is_packed.then(|| Decompress::new_gzip(15));
        Some(Event::Head(head))
    }

    fn unpack(&mut self, data: Vec<u8>) -> Vec<u8> {
        let Some(inflate) = &mut self.inflate else { return data };
        let mut out = Vec::with_capacity(1 << 16);
        let before = inflate.total_in();
        inflate.decompress_vec(&data, &mut out, FlushDecompress::Sync).expect("it is gzip");
        assert_eq!(inflate.total_in() - before, data.len() as u64, "all of a chunk is read");
        out
    }
}
