//! Encodes a message for each kind of subscriber. Each wire format of a message is encoded at most
//! once, however many subscribers share it.

pub mod event_stream;
mod expansion;
mod fillings;
mod formats;
pub mod framed;
pub mod gzip_stream;
pub mod padding;
mod publication;
pub mod template;
mod wire_format;

pub use expansion::MessageSizes;
pub use fillings::Filling;
pub use formats::{FormatId, Formats, Made};
pub use publication::{Encoded, Frame, Publication};
pub use wire_format::{Coding, Payload, WireFormat};
