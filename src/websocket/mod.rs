//! RFC 6455 (WebSocket) and RFC 7692 (permessage-deflate) as functions and small state machines
//! over bytes. Knows no socket, no channel and no HTTP types: header values come in as bytes, and
//! the caller acts on the frames.

mod close;
mod close_code;
mod deflate;
mod extensions;
mod frame;
mod handshake;
mod header;
mod mask;
mod reader;
#[cfg(test)]
mod tests;
mod violation;

pub use close_code::CloseCode;
pub use deflate::{deflate, inflate};
pub use frame::{
    CLOSE_EMPTY, CONTROL_PAYLOAD_BYTES_MAX, PING_EMPTY, close, is_pong, pong, text, text_deflated,
};
pub use handshake::{Accepted, Handshake, Refusal, VERSIONS_SUPPORTED, accept_value};
pub use reader::{Event, Reader, Rules, Unfinished};
pub use violation::Violation;
