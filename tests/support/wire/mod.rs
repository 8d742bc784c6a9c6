//! Builds and parses what clients send and receive. It is strict and shares no code with the
//! server: anything that it cannot parse is a fault of the server.

#![allow(dead_code, unused_imports, reason = "every test binary uses another part of it")]

mod answers;
mod chunks;
mod frames;

pub use answers::{AnswerReader, Event, Framing, Head};
pub use chunks::{chunk, data_of_chunks, take_chunk, unchunked};
pub use frames::{frame, framed, masked, take_frame, take_framed};

/// The position of a sequence of bytes.
fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}
