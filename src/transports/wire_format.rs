//! The ways in which a message can be put on a wire: what a client reads, and what carries it.

use super::event_stream::EventTemplate;
use super::gzip_stream;
use super::publication::Encoded;
use super::template::Template;
use crate::compression::Compressor;
use crate::http;
use std::rc::Rc;

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
    /// A WebSocket text frame with the message in a template.
    WebSocket(Template),
    /// The same, compressed (RFC 7692) where that makes it smaller.
    WebSocketDeflated(Template),
}

/// What carries a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Coding {
    /// An HTTP chunk per item.
    Chunked,
    /// As it is: the end of the connection ends the body.
    Identity,
    /// An HTTP chunk per item, with a piece of a gzip stream in it.
    Gzip,
    /// A piece of a gzip stream per item, for an answer that is put together of them.
    Piece,
}

impl Coding {
    /// Appends one item.
    pub fn write(self, item: &[u8], compressor: &mut Compressor, out: &mut Vec<u8>) {
        match self {
            Coding::Chunked => http::chunk(item, out),
            Coding::Identity => out.extend_from_slice(item),
            Coding::Gzip | Coding::Piece if item.is_empty() => {}
            Coding::Gzip => http::chunk(&gzip_stream::piece(item, compressor), out),
            Coding::Piece => out.extend_from_slice(&gzip_stream::piece(item, compressor)),
        }
    }

    /// One item, ready to be shared.
    pub fn encode(self, item: &[u8], compressor: &mut Compressor) -> Encoded {
        let mut bytes = Vec::new();
        self.write(item, compressor, &mut bytes);
        let check_sum = self.is_gzip().then(|| Rc::new(gzip_stream::check_sum(item)));
        Encoded { frame: bytes.into(), text_bytes: item.len(), check_sum }
    }

    /// Whether items become part of a gzip stream.
    pub(super) fn is_gzip(self) -> bool {
        match self {
            Coding::Gzip | Coding::Piece => true,
            Coding::Chunked | Coding::Identity => false,
        }
    }

    /// What ends a body.
    pub fn end(self) -> &'static [u8] {
        match self {
            Coding::Chunked | Coding::Gzip => http::last_chunk(),
            Coding::Identity | Coding::Piece => b"",
        }
    }
}
