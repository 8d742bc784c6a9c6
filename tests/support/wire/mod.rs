//! What clients send and receive, put together and taken apart. It shares no code with the server,
//! and is strict: what it does not understand is a fault of the server.

#![allow(dead_code, unused_imports, reason = "every test binary uses another part of it")]

mod answers;
mod chunks;
mod frames;

pub use answers::{AnswerReader, Event, Framing, Head};
pub use chunks::{chunk, data_of_chunks, take_chunk, unchunked};
pub use frames::{frame, framed, masked, take_frame, take_framed};

/// Where a sequence of bytes begins.
fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}
