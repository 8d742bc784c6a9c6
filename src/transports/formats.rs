//! The wire formats of all locations, each known by a small number, and how messages are made in them.

use super::framed;
use super::publication::Encoded;
use super::wire_format::{Coding, Payload, WireFormat};
use crate::compression::Compressor;
use crate::message::Message;
use crate::websocket;
use flate2::Crc;
use std::rc::Rc;

/// Number of a [`WireFormat`] in [`Formats`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FormatId(pub u16);

/// All formats ever used since the start; equal ones share a number, so that reloads add only what is new.
#[derive(Default)]
pub struct Formats {
    all: Vec<WireFormat>,
    /// Text of the item that is being written.
    scratch: Vec<u8>,
    compressor: Compressor,
    deflated_count: u64,
}

impl Formats {
    /// The number of a format.
    ///
    /// # Panics
    /// There are more than 65,536 different formats.
    pub fn intern(&mut self, format: WireFormat) -> FormatId {
        let at = self.all.iter().position(|known| *known == format).unwrap_or_else(|| {
            self.all.push(format);
            self.all.len() - 1
        });
        FormatId(u16::try_from(at).expect("a configuration has fewer formats than 65,536"))
    }

    /// Appends the message in this format; returns the length of its text part before any coding, which
    /// paddings are reckoned from (push-stream spec, section 18). None: it cannot be said in this format.
    pub fn write(&mut self, id: FormatId, message: &Message, out: &mut Vec<u8>) -> Option<usize> {
        let coding = self.all[usize::from(id.0)].coding;
        self.each_item(id, message, |item, compressor| coding.write(item, compressor, out))
    }

    /// Adds to a check sum what [`Formats::encode`] puts into a gzip stream; returns what
    /// [`Formats::write`] does.
    pub fn add_to_sum(&mut self, id: FormatId, message: &Message, sum: &mut Crc) -> Option<usize> {
        self.each_item(id, message, |item, _| sum.update(item))
    }

    /// Makes the items that a message is in this format: most are one.
    fn each_item(
        &mut self,
        id: FormatId,
        message: &Message,
        mut take: impl FnMut(&[u8], &mut Compressor),
    ) -> Option<usize> {
        let WireFormat { payload, .. } = &self.all[usize::from(id.0)];
        let (scratch, compressor) = (&mut self.scratch, &mut self.compressor);
        scratch.clear();
        match payload {
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
                let frame = match websocket::deflate(scratch, compressor) {
                    Some(compressed) => websocket::text_deflated(&compressed),
                    None => websocket::text(scratch),
                };
                take(&frame, compressor);
            }
        }
        let length = scratch.len();
        // One large message must not keep its memory for ever.
        scratch.shrink_to(64 * 1024);
        Some(length)
    }

    /// The message in this format, ready to be shared.
    pub fn encode(&mut self, id: FormatId, message: &Message) -> Option<Encoded> {
        let mut bytes = Vec::with_capacity(message.text.len() + 128);
        let coding = self.all[usize::from(id.0)].coding;
        let mut check_sum = (coding == Coding::Gzip).then(Crc::new);
        let text_bytes = self.each_item(id, message, |item, compressor| {
            coding.write(item, compressor, &mut bytes);
            if let Some(check_sum) = &mut check_sum {
                check_sum.update(item);
            }
        })?;
        Some(Encoded { frame: bytes.into(), text_bytes, check_sum: check_sum.map(Rc::new) })
    }

    /// What compresses all that is not a message.
    pub fn compressor(&mut self) -> &mut Compressor {
        &mut self.compressor
    }

    /// Messages that were compressed since the start.
    pub fn deflated_count(&self) -> u64 {
        self.deflated_count
    }
}
