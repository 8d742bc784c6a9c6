//! Joins frames from a client into messages (RFC 6455, sections 5 and 8.1). The events do not
//! depend on how the bytes are sliced. Between messages a reader takes eight bytes and has no
//! heap allocation; within a message it holds the bytes received so far, except those of texts
//! that are dropped.

use super::close;
use super::close_code::CloseCode;
use super::deflate::inflate;
use super::header::{HEADER_BYTES_MAX, Header, Kind};
use super::mask;
use super::violation::Violation;
use crate::compression::{InflateError, Inflater};
use crate::time::{Millis, Moment};

/// Properties of the connection; the same for all calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Whether the handshake agreed on permessage-deflate.
    pub accepts_deflated: bool,
    /// Whether texts are kept; if not, their bytes are dropped as they arrive.
    pub keeps_texts: bool,
    /// Maximum size of a message, both as sent and decompressed; larger ones are
    /// [`Violation::MessageTooBig`].
    pub message_bytes_max: usize,
}

/// What a client sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A whole text message, decompressed.
    Text(String),
    /// A whole text message whose bytes were dropped and therefore not checked as UTF-8.
    TextDropped,
    /// A binary message begins. Binary messages are not supported, so its bytes are not kept and
    /// the reader reads nothing more: the caller closes the connection.
    Binary,
    /// A ping, to be answered by a pong with this payload.
    Ping(Vec<u8>),
    /// A pong, whether or not there was a ping.
    Pong,
    /// A close frame; the last event.
    Close {
        /// The status code, if the frame has one.
        code: Option<CloseCode>,
        /// The reason, often empty.
        reason: String,
    },
}

/// Reads the frames of one client.
#[derive(Debug, Default)]
pub struct Reader {
    /// Present only while a header, a frame or a fragmented message is incomplete.
    partial: Option<Box<Partial>>,
}

/// Times of something incomplete: a frame header, a frame or a fragmented message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unfinished {
    /// When its first byte arrived.
    pub began: Moment,
    /// When its latest bytes arrived.
    pub last_arrival: Moment,
}

impl Reader {
    /// The times of what is incomplete; `None` between messages.
    pub fn unfinished(&self) -> Option<Unfinished> {
        self.partial.as_ref().map(|partial| partial.unfinished)
    }

    /// Called when the connection is read again after a pause (back-pressure), during which nothing
    /// could arrive: the pause does not count as delay. Only a pause longer than `quiet_max` moves
    /// the beginning. A client that sends nothing for that long is disconnected, so that it cannot
    /// move the beginning itself.
    pub fn resume(&mut self, now: Moment, quiet_max: Millis) {
        let Some(partial) = &mut self.partial else { return };
        let unfinished = &mut partial.unfinished;
        let quiet = now.since(unfinished.last_arrival);
        if quiet > quiet_max {
            unfinished.began = unfinished.began + quiet;
        }
        unfinished.last_arrival = now;
    }

    /// Approximate number of bytes held for what is incomplete.
    pub fn held_bytes(&self) -> usize {
        let Some(partial) = &self.partial else { return 0 };
        let of_frame = partial.frame.as_ref().map_or(0, |frame| match &frame.content {
            Content::Text(message) => message.bytes.capacity(),
            Content::Close(payload) | Content::Ping(payload) => payload.capacity(),
            Content::Binary | Content::Pong => 0,
        });
        of_frame + partial.message.as_ref().map_or(0, |message| message.bytes.capacity())
    }

    /// Consumes bytes from the front of `input` up to the end of the next event. `None`: all bytes
    /// are consumed, and more are needed. To be called until it returns `None`.
    ///
    /// After [`Event::Binary`], [`Event::Close`] and an error there is nothing left to read: the
    /// remaining `input` is dropped, and the caller must not pass in what arrives later.
    pub fn next(
        &mut self,
        input: &mut &[u8],
        rules: Rules,
        inflater: &mut Inflater,
        now: Moment,
    ) -> Option<Result<Event, Violation>> {
        let has_input = !input.is_empty();
        let mut partial = match self.partial.take() {
            Some(boxed) => *boxed,
            None => Partial::new(now),
        };
        let event = partial.advance(input, rules, inflater).transpose();
        match event {
            Some(Err(_) | Ok(Event::Binary | Event::Close { .. })) => *input = &[],
            Some(Ok(Event::Text(_) | Event::TextDropped | Event::Ping(_) | Event::Pong)) | None => {
                if !partial.is_idle() {
                    if has_input {
                        partial.unfinished.last_arrival = now;
                    }
                    self.partial = Some(Box::new(partial));
                }
            }
        }
        event
    }
}

/// The incomplete header, frame and message.
#[derive(Debug)]
struct Partial {
    unfinished: Unfinished,
    header: [u8; HEADER_BYTES_MAX],
    header_bytes: usize,
    /// The frame whose payload is being read.
    frame: Option<Frame>,
    /// The fragmented message that the next continuation frame continues.
    message: Option<Message>,
}

/// A frame whose header is complete.
#[derive(Debug)]
struct Frame {
    is_final: bool,
    mask: [u8; 4],
    payload_bytes: u64,
    payload_bytes_read: u64,
    content: Content,
}

/// The payload of a frame, collected by its type.
#[derive(Debug)]
enum Content {
    Text(Message),
    Binary,
    Close(Vec<u8>),
    Ping(Vec<u8>),
    Pong,
}

/// A text message, or its first fragments.
#[derive(Debug, Default)]
struct Message {
    is_compressed: bool,
    /// The bytes are dropped.
    is_dropped: bool,
    /// The sum of the frame lengths so far.
    length: u64,
    bytes: Vec<u8>,
    /// Number of leading bytes that are known to be whole UTF-8 characters.
    checked_bytes: usize,
}

impl Partial {
    fn new(now: Moment) -> Partial {
        Partial {
            unfinished: Unfinished { began: now, last_arrival: now },
            header: [0; HEADER_BYTES_MAX],
            header_bytes: 0,
            frame: None,
            message: None,
        }
    }

    fn is_idle(&self) -> bool {
        self.header_bytes == 0 && self.frame.is_none() && self.message.is_none()
    }

    fn advance(
        &mut self,
        input: &mut &[u8],
        rules: Rules,
        inflater: &mut Inflater,
    ) -> Result<Option<Event>, Violation> {
        loop {
            let mut frame = match self.frame.take() {
                Some(frame) => frame,
                None => match self.next_header(input)? {
                    Some(header) => self.begin(header, rules)?,
                    None => return Ok(None),
                },
            };
            if matches!(frame.content, Content::Binary) {
                return Ok(Some(Event::Binary));
            }
            frame.read(input);
            if frame.payload_bytes_read < frame.payload_bytes {
                if let Content::Text(message) = &mut frame.content {
                    message.check_so_far()?;
                }
                self.frame = Some(frame);
                return Ok(None);
            }
            if let Some(event) = self.end(frame, rules, inflater)? {
                return Ok(Some(event));
            }
        }
    }

    /// Moves bytes into the header buffer until it holds a header. Excess bytes go back to `input`.
    fn next_header(&mut self, input: &mut &[u8]) -> Result<Option<Header>, Violation> {
        let count = input.len().min(HEADER_BYTES_MAX - self.header_bytes);
        let filled = self.header_bytes + count;
        self.header[self.header_bytes..filled].copy_from_slice(&input[..count]);
        match Header::parse(&self.header[..filled])? {
            Some((header, used)) => {
                // A header that was incomplete before this call ends within its bytes.
                *input = &input[used - self.header_bytes..];
                self.header_bytes = 0;
                Ok(Some(header))
            }
            None => {
                *input = &input[count..];
                self.header_bytes = filled;
                Ok(None)
            }
        }
    }

    /// Checks a header against earlier frames and starts its frame. Nothing of the
    /// payload is kept yet.
    fn begin(&mut self, header: Header, rules: Rules) -> Result<Frame, Violation> {
        let starts_message = matches!(header.kind, Kind::Text | Kind::Binary);
        if header.has_compressed_bit && !(rules.accepts_deflated && starts_message) {
            return Err(Violation::ReservedBits);
        }
        if starts_message && self.message.is_some() {
            return Err(Violation::MessageInterrupted);
        }
        let mut content = match header.kind {
            Kind::Text => Content::Text(Message {
                is_compressed: header.has_compressed_bit,
                is_dropped: !rules.keeps_texts,
                ..Message::default()
            }),
            Kind::Continuation => match self.message.take() {
                Some(message) => Content::Text(message),
                None => return Err(Violation::ContinuationUnexpected),
            },
            Kind::Binary => Content::Binary,
            Kind::Close => Content::Close(Vec::new()),
            Kind::Ping => Content::Ping(Vec::new()),
            Kind::Pong => Content::Pong,
        };
        if let Content::Text(message) = &mut content {
            message.length = message.length.saturating_add(header.payload_bytes);
            if message.length > rules.message_bytes_max as u64 {
                return Err(Violation::MessageTooBig);
            }
        }
        Ok(Frame {
            is_final: header.is_final,
            mask: header.mask,
            payload_bytes: header.payload_bytes,
            payload_bytes_read: 0,
            content,
        })
    }

    /// The event of a frame with its whole payload. `None`: a fragment, and more must follow.
    fn end(
        &mut self,
        frame: Frame,
        rules: Rules,
        inflater: &mut Inflater,
    ) -> Result<Option<Event>, Violation> {
        let event = match frame.content {
            Content::Text(message) if frame.is_final && message.is_dropped => Event::TextDropped,
            Content::Text(message) if frame.is_final => {
                Event::Text(message.into_text(rules.message_bytes_max, inflater)?)
            }
            Content::Text(mut message) => {
                message.check_so_far()?;
                self.message = Some(message);
                return Ok(None);
            }
            Content::Binary => Event::Binary,
            Content::Close(payload) => {
                let (code, reason) = close::parse_payload(&payload)?;
                Event::Close { code, reason }
            }
            Content::Ping(payload) => Event::Ping(payload),
            Content::Pong => Event::Pong,
        };
        Ok(Some(event))
    }
}

impl Frame {
    /// Consumes the part of the payload that has arrived.
    fn read(&mut self, input: &mut &[u8]) {
        let missing = self.payload_bytes - self.payload_bytes_read;
        // The smaller value fits into a usize, as one of them is a usize.
        let count = missing.min(input.len() as u64) as usize;
        let (chunk, rest) = input.split_at(count);
        *input = rest;
        let kept = match &mut self.content {
            Content::Text(message) => (!message.is_dropped).then_some(&mut message.bytes),
            Content::Close(payload) | Content::Ping(payload) => Some(payload),
            Content::Binary | Content::Pong => None,
        };
        if let Some(kept) = kept {
            let start = kept.len();
            if kept.capacity() - start < count {
                // Doubles like a vector, but allocates no more than the frame needs.
                kept.reserve_exact(start.max(count).min(missing as usize));
            }
            kept.extend_from_slice(chunk);
            let offset = (self.payload_bytes_read % 4) as usize;
            mask::apply(&mut kept[start..], self.mask, offset);
        }
        self.payload_bytes_read += count as u64;
    }
}

impl Message {
    /// Refuses a text as soon as no further bytes could make it valid UTF-8. Compressed texts are
    /// checked at their end.
    fn check_so_far(&mut self) -> Result<(), Violation> {
        if self.is_compressed {
            return Ok(());
        }
        match std::str::from_utf8(&self.bytes[self.checked_bytes..]) {
            Ok(_) => self.checked_bytes = self.bytes.len(),
            // No length: the bytes end within a character.
            Err(error) if error.error_len().is_none() => {
                self.checked_bytes += error.valid_up_to();
            }
            Err(_) => return Err(Violation::TextNotUtf8),
        }
        Ok(())
    }

    fn into_text(self, bytes_max: usize, inflater: &mut Inflater) -> Result<String, Violation> {
        let bytes = if self.is_compressed {
            inflate(self.bytes, bytes_max, inflater).map_err(|error| match error {
                InflateError::Broken => Violation::CompressionBroken,
                InflateError::TooBig => Violation::MessageTooBig,
            })?
        } else {
            self.bytes
        };
        String::from_utf8(bytes).map_err(|_| Violation::TextNotUtf8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The reader after an input without an event.
    fn after(input: &[u8]) -> Reader {
        let mut reader = Reader::default();
        let rules = Rules { accepts_deflated: true, keeps_texts: true, message_bytes_max: 100 };
        let mut rest = input;
        assert_eq!(reader.next(&mut rest, rules, &mut Inflater::default(), Moment(0)), None);
        assert!(rest.is_empty());
        reader
    }

    #[test]
    fn between_messages_a_reader_owns_no_heap() {
        assert_eq!(size_of::<Reader>(), 8);
        let mut reader = Reader::default();
        let rules = Rules { accepts_deflated: false, keeps_texts: true, message_bytes_max: 100 };
        let mut input: &[u8] = b"\x01\x81\0\0\0\0a\x80\x81\0\0\0\0b\x89\x80\0\0\0\0";
        let text = Event::Text("ab".to_owned());
        assert_eq!(
            reader.next(&mut input, rules, &mut Inflater::default(), Moment(0)),
            Some(Ok(text))
        );
        assert!(reader.partial.is_none());
        assert_eq!(
            reader.next(&mut input, rules, &mut Inflater::default(), Moment(0)),
            Some(Ok(Event::Ping(Vec::new())))
        );
        assert_eq!(reader.next(&mut input, rules, &mut Inflater::default(), Moment(0)), None);
        assert!(reader.partial.is_none());
    }

    #[test]
    fn only_what_arrived_is_held_however_much_is_announced() {
        let reader = after(b"\x81\xe4\0\0\0\0abc");
        let Some(Frame { content: Content::Text(message), .. }) = reader.partial.unwrap().frame
        else {
            panic!("a text frame is incomplete");
        };
        assert_eq!(message.bytes, b"abc");
        assert!(message.bytes.capacity() < 100);
    }

    #[test]
    fn a_message_is_never_given_more_room_than_its_frames_need() {
        let mut reader = Reader::default();
        let rules = Rules { accepts_deflated: false, keeps_texts: true, message_bytes_max: 1000 };
        let mut next = |mut input: &[u8]| {
            assert_eq!(reader.next(&mut input, rules, &mut Inflater::default(), Moment(0)), None);
            reader.held_bytes()
        };
        next(b"\x81\xfe\x03\xe8\0\0\0\0");
        let held: Vec<usize> = (0..9).map(|_| next(&[b'x'; 110])).collect();
        assert_eq!(held, [110, 220, 440, 440, 880, 880, 880, 880, 1000]);
    }
    #[test]
    fn the_bytes_of_a_text_that_is_dropped_are_not_held_but_its_length_is_bounded() {
        let rules = Rules { accepts_deflated: true, keeps_texts: false, message_bytes_max: 100 };
        let mut next = {
            let mut reader = Reader::default();
            move |mut input: &[u8]| {
                let event = reader.next(&mut input, rules, &mut Inflater::default(), Moment(0));
                (event, reader.held_bytes())
            }
        };
        assert_eq!(next(b"\x01\xb2\0\0\0\0"), (None, 0));
        assert_eq!(next(&[b'x'; 49]), (None, 0));
        assert_eq!(next(b"x"), (None, 0));
        assert_eq!(next(b"\x80\xb2\0\0\0\0"), (None, 0));
        assert_eq!(next(&[b'x'; 50]), (Some(Ok(Event::TextDropped)), 0));
        // Compressed texts are not decompressed.
        assert_eq!(next(b"\xc1\x81\0\0\0\0\xff"), (Some(Ok(Event::TextDropped)), 0));
        assert_eq!(next(b"\x01\xb2\0\0\0\0"), (None, 0));
        assert_eq!(next(&[b'x'; 50]), (None, 0));
        assert_eq!(next(b"\x80\xb3\0\0\0\0"), (Some(Err(Violation::MessageTooBig)), 0));
    }

    #[test]
    fn what_is_unfinished_began_with_its_first_byte() {
        let rules = Rules { accepts_deflated: false, keeps_texts: true, message_bytes_max: 100 };
        let mut reader = Reader::default();
        let mut next = |mut input: &[u8], now: u64| {
            let mut inflater = Inflater::default();
            while reader.next(&mut input, rules, &mut inflater, Moment(now)).is_some() {}
            reader.unfinished().map(|unfinished| (unfinished.began.0, unfinished.last_arrival.0))
        };
        assert_eq!(next(b"\x81", 1), Some((1, 1)));
        assert_eq!(next(b"", 2), Some((1, 1)));
        assert_eq!(next(b"\x81\0\0\0\0", 3), Some((1, 3)));
        assert_eq!(next(b"a\x01\x81\0\0\0\0b", 4), Some((4, 4)), "another message");
        assert_eq!(next(b"\x89\x80\0\0\0\0", 5), Some((4, 5)), "a ping within it");
        assert_eq!(next(b"\x80\x80\0\0\0\0", 6), None);
        assert_eq!(next(b"\x88\x82\0\0\0", 7), Some((7, 7)), "a truncated close frame");
        let times =
            |reader: &Reader| reader.unfinished().map(|one| (one.began.0, one.last_arrival.0));
        reader.resume(Moment(17), Millis(10));
        assert_eq!(times(&reader), Some((7, 17)));
        reader.resume(Moment(28), Millis(10));
        assert_eq!(times(&reader), Some((18, 28)), "a long pause");
    }
}
