//! Wire formats: what a client reads, and the coding that carries it.

use super::coding::Coding;
use super::envelope::Envelope;
use super::event_stream::EventTemplate;
use super::template::Template;

/// How a message is encoded.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WireFormat {
    /// What the subscriber's client reads.
    pub payload: Payload,
    /// The coding that carries the payload.
    pub coding: Coding,
}

/// What the subscriber's client reads.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Payload {
    /// A frame of the rpushd API.
    Framed,
    /// The message in a template.
    Text(Template),
    /// A server-sent event.
    EventStream(EventTemplate),
    /// A WebSocket text frame with the message in a template.
    WebSocket(Template),
    /// The same, compressed (RFC 7692) if that makes it smaller.
    WebSocketDeflated(Template),
    /// A message of the signed subscribe API.
    Envelope(Envelope),
}
