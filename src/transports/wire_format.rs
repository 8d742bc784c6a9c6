//! The ways in which a message can be put on a wire, each known by a small number.

use super::event_stream::EventTemplate;
use super::framed;
use super::template::Template;
use crate::http;
use crate::message::Message;

/// Number of a [`WireFormat`] in [`Formats`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FormatId(pub u16);

/// How a message becomes bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WireFormat {
    /// What a subscriber's client reads.
    pub payload: Payload,
    /// What carries it.
    pub coding: Coding,
}

/// What a subscriber's client reads.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Payload {
    /// The rpushd API's frames.
    Framed,
    /// The message in a template.
    Text(Template),
    /// A server-sent event.
    EventStream(EventTemplate),
}

/// What carries a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Coding {
    /// An HTTP chunk per item.
    Chunked,
    /// As it is: the end of the connection ends the body.
    Identity,
}

impl Coding {
    /// Appends one item.
    pub fn write(self, item: &[u8], out: &mut Vec<u8>) {
        match self {
            Coding::Chunked => http::chunk(item, out),
            Coding::Identity => out.extend_from_slice(item),
        }
    }
}

impl WireFormat {
    /// The message in this format, and the length of its text part before any coding (push-stream spec,
    /// section 18). None: it cannot be said in this format.
    pub(super) fn encode(&self, message: &Message) -> Option<(Vec<u8>, usize)> {
        let mut out = Vec::with_capacity(message.text.len() + 64);
        match &self.payload {
            Payload::Framed => {
                let mut frame = Vec::new();
                if !framed::write(&message.text, &mut frame) {
                    return None;
                }
                self.coding.write(&frame, &mut out);
                Some((out, frame.len()))
            }
            Payload::Text(template) => {
                let mut text = Vec::new();
                template.write(message, &message.text, &mut text);
                self.coding.write(&text, &mut out);
                Some((out, text.len()))
            }
            Payload::EventStream(template) => {
                let mut length = 0;
                let mut piece_text = Vec::new();
                for piece in template.pieces(message) {
                    piece_text.clear();
                    piece.write(&mut piece_text);
                    self.coding.write(&piece_text, &mut out);
                    length = piece_text.len();
                }
                Some((out, length))
            }
        }
    }
}

/// All formats ever used since the start; equal ones share a number, so that reloads add only what is new.
#[derive(Debug, Default)]
pub struct Formats(Vec<WireFormat>);

impl Formats {
    /// The number of a format.
    ///
    /// # Panics
    /// There are more than 65,536 different formats.
    pub fn intern(&mut self, format: WireFormat) -> FormatId {
        let at = self.0.iter().position(|known| *known == format).unwrap_or_else(|| {
            self.0.push(format);
            self.0.len() - 1
        });
        FormatId(u16::try_from(at).expect("a configuration has fewer formats than 65,536"))
    }

    /// The format of a number.
    pub fn get(&self, id: FormatId) -> &WireFormat {
        &self.0[usize::from(id.0)]
    }
}
