//! What subscribers of each transport read: a response's body taken apart into messages.

/// How a subscriber is talked to.
#[derive(Clone, Copy, Debug)]
pub enum Transport {
    /// The rpushd API's frames.
    Framed,
}

/// What a subscriber reads.
#[derive(Debug, PartialEq, Eq)]
pub enum Item {
    Heartbeat,
    Message(Vec<u8>),
}

/// Takes one stream apart.
pub struct Decoder {
    transport: Transport,
    buffer: Vec<u8>,
}

impl Transport {
    pub fn decoder(self) -> Decoder {
        Decoder { transport: self, buffer: Vec::new() }
    }

    /// Bytes that a message takes on the wire.
    pub fn wire_bytes(self, payload_bytes: usize, is_chunked: bool) -> usize {
        let item = match self {
            Transport::Framed => payload_bytes + 2,
        };
        match is_chunked {
            true => format!("{item:x}").len() + 2 + item + 2,
            false => item,
        }
    }
}

impl Decoder {
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    pub fn next(&mut self) -> Option<Item> {
        match self.transport {
            Transport::Framed => {
                let (length, rest) = self.buffer.split_first_chunk::<2>()?;
                let payload = rest.get(..usize::from(u16::from_be_bytes(*length)))?.to_vec();
                self.buffer.drain(..2 + payload.len());
                Some(if payload.is_empty() { Item::Heartbeat } else { Item::Message(payload) })
            }
        }
    }

    /// Whether nothing is half-read.
    pub fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }
}
