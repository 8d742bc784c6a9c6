//! The wire formats of all locations, each with a number, and the encoding of messages in them.

use super::coding::Coding;
use super::encoded::Encoded;
use super::envelope::Carrier;
use super::expansion::MessageSizes;
use super::expansions::Expansions;
use super::fillings::{Filling, Fillings};
use super::framed;
use super::wire_format::{Payload, WireFormat};
use crate::compression::{Compressed, Compressor};
use crate::message::{Cursor, Epoch, Message, Position};
use crate::websocket;
use flate2::Crc;
use std::collections::HashMap;
use std::rc::Rc;

/// Number of a [`WireFormat`] in [`Formats`]. Never reused for another format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FormatId(pub u32);

/// All formats in use. Equal formats share a number, so that a reload adds only new ones.
#[derive(Default)]
pub struct Formats {
    /// The epoch of the cursors in messages.
    epoch: Epoch,
    /// In the order of their numbers.
    all: Vec<(FormatId, Rc<WireFormat>)>,
    ids: HashMap<Rc<WireFormat>, FormatId>,
    /// Number of formats ever added.
    numbered: u32,
    expansions: Expansions,
    fillings: Fillings,
    /// Buffer for the item that is being written.
    scratch: Vec<u8>,
    compressor: Compressor,
    deflated_count: u64,
    made: Made,
}

/// Messages encoded, whether or not their bytes were sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Made {
    /// Number of messages.
    pub messages: u64,
    /// Their bytes before any coding.
    pub bytes: u64,
    /// What was compressed, messages and everything else.
    pub compressed: Compressed,
}

impl Formats {
    /// No formats yet; positions belong to this epoch.
    pub fn new(epoch: Epoch) -> Formats {
        Formats { epoch, ..Formats::default() }
    }

    /// The epoch of all cursors.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The cursor of a position.
    pub fn cursor(&self, position: Position) -> Cursor {
        Cursor { epoch: self.epoch, position }
    }

    /// Returns the number of a format, which is added if it is new.
    pub fn intern(&mut self, format: WireFormat) -> FormatId {
        if let Some(id) = self.ids.get(&format) {
            return *id;
        }
        let id = FormatId(self.numbered);
        // A configuration has at most 65,536 formats: the numbers last for 65,535 reloads, even if
        // all formats of each are new.
        self.numbered = self.numbered.checked_add(1).expect("fewer than 2^32 formats are numbered");
        self.expansions.add(&format);
        let format = Rc::new(format);
        self.all.push((id, format.clone()));
        self.ids.insert(format, id);
        id
    }

    /// Removes the formats that are no longer in use after a reload.
    pub fn retain(&mut self, is_used: impl Fn(FormatId) -> bool) {
        self.all.retain(|(id, _)| is_used(*id));
        self.ids.retain(|_, id| is_used(*id));
        self.expansions = Expansions::default();
        self.all.iter().for_each(|(_, format)| self.expansions.add(format));
    }

    /// Whether no encoding of this message is larger than `bytes_max` or twice its payload,
    /// whichever is more.
    pub fn fit(&self, bytes_max: usize, sizes: &MessageSizes<'_>) -> bool {
        self.expansions.fit(bytes_max.max(2 * sizes.text.len()), sizes)
    }

    /// Upper bound of the bytes of the largest encoding of this message.
    pub fn bytes_max(&self, sizes: &MessageSizes<'_>) -> usize {
        self.expansions.bytes_max(sizes)
    }

    /// Number of formats in use.
    pub fn count(&self) -> usize {
        self.all.len()
    }

    fn format(&self, id: FormatId) -> &Rc<WireFormat> {
        let at = self.all.binary_search_by_key(&id, |(id, _)| *id);
        &self.all[at.expect("formats in use are not removed")].1
    }

    /// Appends the message in this format; returns the length of its text part before any coding,
    /// from which padding is computed (push-stream spec, section 18). `None`: the format cannot
    /// hold the message. What goes into a gzip stream is added to `sum`.
    pub fn write(
        &mut self,
        id: FormatId,
        message: &Message,
        out: &mut Vec<u8>,
        mut sum: Option<&mut Crc>,
    ) -> Option<usize> {
        let coding = self.format(id).coding;
        self.each_item(id, message, |item, compressor| {
            coding.write(item, compressor, out);
            if let Some(sum) = &mut sum {
                sum.update(item);
            }
        })
    }

    /// Whether the format is part of a gzip stream, which ends with a checksum.
    pub fn is_gzipped(&self, id: FormatId) -> bool {
        self.format(id).coding.is_gzip()
    }

    /// Formats a message and calls `take` for each of its items: mostly one.
    fn each_item(
        &mut self,
        id: FormatId,
        message: &Message,
        mut take: impl FnMut(&[u8], &mut Compressor),
    ) -> Option<usize> {
        let format = self.format(id).clone();
        let cursor = self.cursor(message.position);
        let (scratch, compressor) = (&mut self.scratch, &mut self.compressor);
        scratch.clear();
        let mut bytes = message.text.len() as u64;
        let mut take = |item: &[u8], compressor: &mut Compressor| {
            bytes += item.len() as u64;
            take(item, compressor);
        };
        match &format.payload {
            Payload::Framed => {
                if !framed::write(&message.text, scratch) {
                    return None;
                }
                take(scratch, compressor);
            }
            Payload::Text(template) => {
                template.write(message, &message.text, scratch);
                take(scratch, compressor);
            }
            Payload::EventStream(template) => {
                for piece in template.pieces(message) {
                    scratch.clear();
                    piece.write(scratch);
                    take(scratch, compressor);
                }
            }
            Payload::WebSocket(template) => {
                template.write_utf_8(message, &message.text, scratch);
                take(&websocket::text(scratch), compressor);
            }
            Payload::WebSocketDeflated(template) => {
                template.write_utf_8(message, &message.text, scratch);
                self.deflated_count += 1;
                take(&deflated(scratch, compressor), compressor);
            }
            Payload::Envelope(envelope) => {
                envelope.write(message, cursor, scratch);
                match envelope.carrier {
                    Carrier::EventStream | Carrier::Framed | Carrier::Listed => {
                        take(scratch, compressor);
                    }
                    Carrier::WebSocket => take(&websocket::text(scratch), compressor),
                    Carrier::WebSocketDeflated => {
                        self.deflated_count += 1;
                        take(&deflated(scratch, compressor), compressor);
                    }
                }
            }
        }
        self.made.messages += 1;
        self.made.bytes += bytes;
        let length = scratch.len();
        // Do not keep the buffer of one large message for ever.
        scratch.clear();
        scratch.shrink_to(64 * 1024);
        Some(length)
    }

    /// Encodes the message in this format, ready to be shared.
    pub fn encode(&mut self, id: FormatId, message: &Message) -> Option<Encoded> {
        let mut bytes = Vec::with_capacity(message.text.len() + 128);
        let mut checksum = self.is_gzipped(id).then(Crc::new);
        let text_bytes = self.write(id, message, &mut bytes, checksum.as_mut())?;
        Some(Encoded { frame: bytes.into(), text_bytes, checksum: checksum.map(Rc::new) })
    }

    /// Returns what was encoded since the last call.
    pub fn take_made(&mut self) -> Made {
        Made { compressed: self.compressor.take_done(), ..std::mem::take(&mut self.made) }
    }

    /// A padding, ready to be shared.
    pub fn filling(&mut self, filling: Filling, coding: Coding) -> Encoded {
        self.fillings.encoded(filling, coding, &mut self.compressor)
    }

    /// The compressor for everything that is not a message.
    pub fn compressor(&mut self) -> &mut Compressor {
        &mut self.compressor
    }

    /// Number of messages compressed since the start.
    pub fn deflated_count(&self) -> u64 {
        self.deflated_count
    }
}

/// A WebSocket frame, compressed if that makes it smaller.
fn deflated(text: &[u8], compressor: &mut Compressor) -> Vec<u8> {
    match websocket::deflate(text, compressor) {
        Some(compressed) => websocket::text_deflated(&compressed),
        None => websocket::text(text),
    }
}

#[cfg(test)]
mod tests {
    use super::super::event_stream::EventTemplate;
    use super::super::template::Template;
    use super::*;

    fn format(template: &str) -> WireFormat {
        let payload = Payload::Text(Template::compile(template.as_bytes()));
        WireFormat { payload, coding: Coding::Identity }
    }

    #[test]
    fn formats_that_nothing_uses_any_more_are_removed_and_their_numbers_stay_unused() {
        let mut formats = Formats::default();
        let [old, kept] = ["old ~id~", "kept ~id~"].map(|one| formats.intern(format(one)));
        formats.retain(|id| id == kept);
        assert_eq!(formats.count(), 1);
        assert_eq!(formats.intern(format("kept ~id~")), kept);
        let again = formats.intern(format("old ~id~"));
        assert!(again != old && again != kept);
        let message = Message::special(7, b"a".as_slice().into(), b"x");
        assert_eq!(*formats.encode(kept, &message).unwrap().frame, *b"kept 7");
        assert_eq!(*formats.encode(again, &message).unwrap().frame, *b"old 7");
    }

    fn sizes(text: &[u8]) -> MessageSizes<'_> {
        MessageSizes { text, is_json: false, channel: 1, event: 0 }
    }

    #[test]
    fn no_encoding_is_larger_than_its_upper_bound() {
        let everything =
            b"~id~ ~tag~ ~time~ ~size~ ~channel~ ~event-id~ ~event-type~ <~text~> ~text~";
        let mut formats = Formats::default();
        let template = Template::compile(everything);
        let payloads = [
            Payload::Text(template.clone()),
            Payload::WebSocket(template),
            Payload::EventStream(EventTemplate::compile(everything)),
        ];
        for payload in payloads {
            let id = formats.intern(WireFormat { payload, coding: Coding::Identity });
            for text in [b"x".as_slice(), b"a\nb\nc\r\n\nd", &b"y\n".repeat(999), &[b'z'; 5000]] {
                let message = Message {
                    event_id: Some(b"\xff\xff".as_slice().into()),
                    ..Message::special(i64::MIN, b"\xff".as_slice().into(), text)
                };
                let encoded = formats.encode(id, &message).unwrap().frame.len();
                let sizes = MessageSizes { text, is_json: false, channel: 1, event: 2 };
                // The frame around the text and the fields of an event are not included.
                assert!(!formats.expansions.fit(encoded.saturating_sub(40), &sizes));
                assert!(formats.bytes_max(&sizes) + 40 >= encoded);
            }
            formats.retain(|_| false);
        }
    }

    #[test]
    fn many_lines_do_not_fit_where_one_of_the_same_length_does() {
        let mut formats = Formats::default();
        let payload = Payload::EventStream(EventTemplate::compile(&[b'.'; 92]));
        formats.intern(WireFormat { payload, coding: Coding::Chunked });
        let lines = b"x\n".repeat(10_000);
        assert!(!formats.fit(900_000, &sizes(&lines)));
        assert!(formats.fit(1_000_000, &sizes(&lines)));
        assert!(formats.fit(1_000, &sizes(&[b'x'; 20_000])));
        assert!(formats.fit(1_000, &sizes(&[b'\n'; 20_000])));
        formats.retain(|_| false);
        assert!(formats.fit(1_000, &sizes(&lines)));
    }

    #[test]
    fn as_many_formats_as_a_configuration_may_have_are_numbered_at_once() {
        let mut formats = Formats::default();
        for round in 0..2 {
            for number in 0..100_000 {
                let id = formats.intern(format(&format!("{number}")));
                assert_eq!(id, FormatId(number), "round {round}");
            }
        }
    }
}
