//! Takes what the server says to push-stream clients apart: answers, chunks, frames, gzip, items.
//! It shares no code with the server.

use flate2::{Decompress, FlushDecompress};

/// What has come, in full.
#[derive(Debug)]
pub enum Event {
    Head(Head),
    Data(Vec<u8>),
    End,
    /// First byte and payload.
    Frame(u8, Vec<u8>),
}

#[derive(Debug)]
pub struct Head {
    pub status: u16,
    fields: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Head,
    Length(usize),
    Chunks,
    Frames,
    Ending,
}

pub struct Reader {
    buffer: Vec<u8>,
    state: State,
    inflate: Option<Decompress>,
}

impl Head {
    pub fn value(&self, name: &str) -> Option<&str> {
        self.fields.split("\r\n").find_map(|field| {
            let (key, value) = field.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

impl Reader {
    pub fn new() -> Reader {
        Reader { buffer: Vec::new(), state: State::Head, inflate: None }
    }

    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    pub fn next(&mut self) -> Option<Event> {
        match self.state {
            State::Head => self.head(),
            State::Ending => {
                self.state = State::Head;
                Some(Event::End)
            }
            State::Length(length) => {
                let body = (self.buffer.len() >= length).then(|| self.buffer.drain(..length))?;
                let body = body.collect();
                self.state = State::Ending;
                Some(Event::Data(body))
            }
            State::Chunks => self.chunk(),
            State::Frames => self.frame(),
        }
    }

    fn head(&mut self) -> Option<Event> {
        let end = self.buffer.windows(4).position(|four| four == b"\r\n\r\n")?;
        let head: Vec<u8> = self.buffer.drain(..end + 4).collect();
        let head = String::from_utf8(head[..end].to_vec()).expect("heads are ASCII");
        let (line, fields) = head.split_once("\r\n").expect("an answer has fields");
        let status = line.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3));
        let status = status.and_then(|status| status.parse().ok()).expect("a status line");
        let head = Head { status, fields: fields.to_owned() };
        let length = head.value("content-length").map(|text| text.parse().expect("a length"));
        self.state = match (status, length, head.value("transfer-encoding")) {
            (101, None, None) => State::Frames,
            (204, None, None) => State::Ending,
            (_, Some(0), None) => State::Ending,
            (_, Some(length), None) => State::Length(length),
            (_, None, Some("chunked")) => State::Chunks,
            _ => panic!("framing of {status} {fields:?}"),
        };
        let is_packed = head.value("content-encoding") == Some("gzip");
        self.inflate = is_packed.then(|| Decompress::new_gzip(15));
        Some(Event::Head(head))
    }

    fn chunk(&mut self) -> Option<Event> {
        let line = self.buffer.windows(2).position(|two| two == b"\r\n")?;
        let digits = std::str::from_utf8(&self.buffer[..line]).expect("a chunk size is ASCII");
        let size = usize::from_str_radix(digits, 16).expect("a chunk size is hexadecimal");
        let end = line + 2 + size;
        (self.buffer.len() >= end + 2).then_some(())?;
        assert_eq!(self.buffer[end..end + 2], *b"\r\n", "a chunk ends with its line");
        let data = self.buffer[line + 2..end].to_vec();
        self.buffer.drain(..end + 2);
        if size == 0 {
            self.state = State::Head;
            return Some(Event::End);
        }
        Some(Event::Data(self.unpack(data)))
    }

    fn unpack(&mut self, data: Vec<u8>) -> Vec<u8> {
        let Some(inflate) = &mut self.inflate else { return data };
        let mut out = Vec::with_capacity(1 << 16);
        let before = inflate.total_in();
        inflate.decompress_vec(&data, &mut out, FlushDecompress::Sync).expect("it is gzip");
        assert_eq!(inflate.total_in() - before, data.len() as u64, "all of a chunk is read");
        out
    }

    fn frame(&mut self) -> Option<Event> {
        let (&first, length) = (self.buffer.first()?, *self.buffer.get(1)?);
        let (skipped, length) = match length {
            126 => (4, u16::from_be_bytes(self.buffer.get(2..4)?.try_into().ok()?).into()),
            0..126 => (2, usize::from(length)),
            _ => panic!("a masked or giant frame"),
        };
        let payload = self.buffer.get(skipped..skipped + length)?.to_vec();
        self.buffer.drain(..skipped + length);
        Some(Event::Frame(first, payload))
    }
}

/// Takes what stands between `<` and `>` out of a text; the rest stays.
pub fn take_item(text: &mut String) -> Option<(String, String)> {
    let end = text.find('>')?;
    let rest = text.split_off(end + 1);
    let whole = std::mem::replace(text, rest);
    let (before, item) = whole.split_once('<').expect("an item has a beginning");
    Some((before.to_owned(), item[..item.len() - 1].to_owned()))
}
