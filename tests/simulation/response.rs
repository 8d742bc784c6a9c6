//! Takes the server's answers apart. It shares no code with the server, and is strict: what it does
//! not understand is a fault of the server.

/// What a response consists of, in the order in which it comes.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    /// `100 Continue`
    Interim,
    Head(Head),
    Data(Vec<u8>),
    End,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Head {
    pub status: u16,
    pub closes: bool,
    pub is_chunked: bool,
}

/// A reader of one connection's responses.
#[derive(Default)]
pub struct ResponseReader {
    buffer: Vec<u8>,
    state: State,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Head,
    Length(usize),
    Chunks,
    UntilClose,
    Ending,
}

impl ResponseReader {
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Whether nothing is left over and no response is half-read.
    pub fn is_between_responses(&self) -> bool {
        self.state == State::Head && self.buffer.is_empty()
    }

    /// The next event, if it is there in full; `is_bodiless` for the answer to HEAD.
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
            State::Chunks => self.read_chunk(),
        }
    }

    fn read_head(&mut self, is_bodiless: bool) -> Option<Event> {
        let end = find(&self.buffer, b"\r\n\r\n")?;
        let head: Vec<u8> = self.buffer.drain(..end + 4).collect();
        let head = std::str::from_utf8(&head[..end]).expect("heads are ASCII");
        let (line, fields) = head.split_once("\r\n").unwrap_or((head, ""));
        let rest = line.strip_prefix("HTTP/1.1 ").unwrap_or_else(|| panic!("status line {line:?}"));
        let (code, reason) = rest.split_once(' ').expect("a blank follows the status");
        let status: u16 = code.parse().expect("a status is a number");
        assert!(!reason.is_empty() && (100..600).contains(&status), "status line {line:?}");
        if status == 100 {
            assert_eq!(fields, "", "100 Continue has no fields here");
            return Some(Event::Interim);
        }
        let value = |name: &str| {
            let mut values = fields.split("\r\n").filter_map(|field| {
                let (key, value) = field.split_once(": ").expect("a field has name and value");
                (key == name).then_some(value)
            });
            let first = values.next();
            assert!(values.next().is_none(), "{name} comes twice in {head:?}");
            first
        };
        assert!(value("date").is_some_and(|date| date.ends_with(" GMT")), "no date in {head:?}");
        let length = value("content-length").map(|length| length.parse().expect("a length"));
        let is_chunked = value("transfer-encoding").is_some_and(|coding| coding == "chunked");
        let closes = value("connection").is_some_and(|word| word == "close");
        self.state = match (length, is_chunked) {
            (Some(_), true) => panic!("two framings in {head:?}"),
            (None, false) if status == 204 => State::Ending,
            (None, false) => {
                assert!(closes, "no framing in {head:?}");
                State::UntilClose
            }
            (None, true) if is_bodiless => State::Ending,
            (None, true) => State::Chunks,
            (Some(0), false) => State::Ending,
            (Some(_), false) if is_bodiless => State::Ending,
            (Some(length), false) => State::Length(length),
        };
        Some(Event::Head(Head { status, closes, is_chunked }))
    }

    fn read_chunk(&mut self) -> Option<Event> {
        let line = find(&self.buffer, b"\r\n")?;
        let digits = std::str::from_utf8(&self.buffer[..line]).expect("a chunk size is ASCII");
        let size = usize::from_str_radix(digits, 16).expect("a chunk size is hexadecimal");
        let end = line + 2 + size;
        if self.buffer.len() < end + 2 {
            return None;
        }
        assert_eq!(self.buffer[end..end + 2], *b"\r\n", "a chunk ends with its line");
        let data = self.buffer[line + 2..end].to_vec();
        self.buffer.drain(..end + 2);
        if size > 0 {
            return Some(Event::Data(data));
        }
        self.state = State::Head;
        Some(Event::End)
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}
