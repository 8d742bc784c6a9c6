//! What the daemon counts and how it tells: counters -> snapshot -> bytes, in the dialect of either face.
//! Knows only its own snapshot types; whoever asks fills them in.

mod counters;
mod escape;
mod json;
mod mode;
mod page;
mod prometheus;
pub mod push_stream;
mod report;
mod snapshot;
mod text;
mod xml;

pub use counters::Counters;
pub use mode::Mode;
pub use report::Report;
pub use snapshot::{ChannelRow, Snapshot};
