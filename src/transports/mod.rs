//! Encodes a message for each kind of subscriber. Each wire format of a message is encoded at most
//! once, however many subscribers share it.

mod coding;
pub mod control;
mod encoded;
mod ended_wait;
mod envelope;
pub mod event_stream;
mod expansion;
mod expansions;
mod fillings;
mod formats;
mod frame;
pub mod framed;
pub mod gzip_stream;
mod long_poll;
pub mod padding;
mod profile;
mod publication;
pub mod template;
mod wire_format;

pub use coding::Coding;
pub use control::{Control, ControlForm, GoodbyeReason, ResetReason};
pub use encoded::Encoded;
pub use ended_wait::{EndedWait, SharedAnswer};
pub use envelope::{Carrier, Envelope};
pub use expansion::MessageSizes;
pub use fillings::Filling;
pub use formats::{FormatId, Formats, Made};
pub use frame::Frame;
pub use long_poll::{LongPollAnswers, Position, Waited, Waiting};
pub use profile::{PaddingRule, Profile};
pub use publication::Publication;
pub use wire_format::{Payload, WireFormat};
