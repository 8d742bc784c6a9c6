//! One item in one wire format.

use super::Frame;
use flate2::Crc;
use std::rc::Rc;

/// A message or another item in one wire format.
#[derive(Clone, Debug)]
pub struct Encoded {
    /// The bytes for the wire.
    pub frame: Frame,
    /// Length of the text part before any coding, from which padding is computed.
    pub text_bytes: usize,
    /// Checksum of its bytes before any coding, if it goes into a gzip stream.
    pub checksum: Option<Rc<Crc>>,
}
