//! How items become the body of a response: as chunks, as they are, or compressed.

use super::encoded::Encoded;
use super::gzip_stream;
use crate::compression::Compressor;
use crate::http::{self, Exchange};
use std::rc::Rc;

/// The coding that carries a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Coding {
    /// One HTTP chunk per item.
    Chunked,
    /// No coding: the end of the connection ends the body.
    Identity,
    /// One HTTP chunk per item, containing a piece of a gzip stream.
    Gzip,
    /// One piece of a gzip stream per item, for a response that is assembled from them.
    Piece,
}

impl Coding {
    /// How a body of unknown length is carried: HTTP/1.0 knows no chunks.
    pub fn of(exchange: Exchange) -> Coding {
        if exchange.is_http_1_0 { Coding::Identity } else { Coding::Chunked }
    }

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

    /// Encodes one item, ready to be shared.
    pub fn encode(self, item: &[u8], compressor: &mut Compressor) -> Encoded {
        let mut bytes = Vec::new();
        self.write(item, compressor, &mut bytes);
        let checksum = self.is_gzip().then(|| Rc::new(gzip_stream::checksum_of(item)));
        Encoded { frame: bytes.into(), text_bytes: item.len(), checksum }
    }

    /// Whether items become part of a gzip stream.
    pub(super) fn is_gzip(self) -> bool {
        match self {
            Coding::Gzip | Coding::Piece => true,
            Coding::Chunked | Coding::Identity => false,
        }
    }

    /// The bytes that end a body.
    pub fn end(self) -> &'static [u8] {
        match self {
            Coding::Chunked | Coding::Gzip => http::last_chunk(),
            Coding::Identity | Coding::Piece => b"",
        }
    }
}
